// Starts `tabby-lsp` and connects it; everything else is the server's and vscode-languageclient's.

import { homedir } from "node:os";
import { createInterface } from "node:readline";
import { commands, env, type ExtensionContext, window, workspace } from "vscode";
import {
  DidChangeConfigurationNotification,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
  State,
} from "vscode-languageclient/node";
import { announcement } from "./announcement";
import { extendMarkdownIt, showDocument } from "./answers";
import { Asking } from "./asking";
import { Commits } from "./commits";
import { CursorTeller } from "./cursor";
import { applyEdit } from "./edits";
import { findExecutable } from "./executable";
import { type Grown, Longer } from "./longer";
import { declared, openSetting, SECTION, serverCommand, SUGGESTS, suggests, toggleSuggestions, writtenSettings } from "./settings";
import { type Status, StatusBar } from "./status";
import { type Step, Steps } from "./steps";

const INSTALL = "pipx install /path/to/tabby-lsp"; // a clone of the repository

let client: LanguageClient | undefined;
let turn: Promise<void> = Promise.resolve();

export function activate(context: ExtensionContext): { extendMarkdownIt: typeof extendMarkdownIt } {
  const status = new StatusBar();
  const log = window.createOutputChannel("tabby-lsp", { log: true });
  const running = () => (client?.isRunning() ? client : undefined);
  const cursor = new CursorTeller(running);
  const longer = new Longer(context.extension.id);
  const steps = new Steps();
  const { ofTheUser, ofAll } = declared(context.extension.packageJSON.contributes.configuration.properties);

  async function start(): Promise<void> {
    const { command, args } = serverCommand();
    const path = await findExecutable(command);
    if (path === undefined) {
      status.show({ state: "not-found", message: `${command} was not found. Install it with: ${INSTALL}` });
      void offerRemedy(command);
      return;
    }
    // not the workspace's folder: a Python that is started there would import what a stranger put into it
    const executable = { command: path, args, options: { cwd: homedir() } };
    const started = new LanguageClient(SECTION, "tabby-lsp", executable, options());
    client = started;
    client.registerFeature(announcement);
    client.onNotification("tabby/status", (params: Status) => {
      status.show(params);
      if (params.state === "ready") cursor.moved(); // where it came to rest before the model was loaded
    });
    client.onNotification("tabby/longer", (params: Grown) => longer.grown(params, started));
    client.onRequest("tabby/step", (params: Step) => steps.take(params, started));
    client.onDidChangeState(({ newState }) => {
      void commands.executeCommand("setContext", "tabby-lsp.running", newState === State.Running);
      if (newState !== State.Running) status.show({ state: newState === State.Starting ? "loading" : "stopped" });
    });
    await client.start();
  }

  function options(): LanguageClientOptions {
    // each of them one way only: what the server was started with, a reset in the editor could not take back
    const settings = () => ({ [SECTION]: writtenSettings(ofAll) });
    return {
      documentSelector: [{ scheme: "file" }, { scheme: "untitled" }, { notebook: "*", language: "*" }],
      initializationOptions: () => ({ [SECTION]: writtenSettings(ofTheUser) }),
      outputChannel: log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      // the server's log has levels of its own; the client would mark each line as an error
      stdioOptions: {
        stdout: () => {},
        stderr: (lines, channel) => createInterface({ input: lines }).on("line", (line) => channel.info(line)),
      },
      synchronize: { configurationSection: SECTION },
      middleware: {
        provideInlineCompletionItems: steps.around(longer.provide),
        window: { showDocument },
        workspace: {
          handleApplyEdit: applyEdit,
          // in place of the client's own way, which sends the defaults too; `turn`: not to a server that is just ending
          didChangeConfiguration: async () => {
            await Promise.resolve().then(() => turn);
            await running()?.sendNotification(DidChangeConfigurationNotification.type, { settings: settings() });
          },
          configuration: ({ items }) => items.map(({ section }) => (section === SECTION ? writtenSettings(ofAll) : null)),
        },
      },
    };
  }

  /** One start or stop at a time, in the order in which they were asked for. */
  function restart(): Promise<void> {
    turn = turn.then(stop).then(start).catch((error: unknown) => log.error(String(error)));
    return turn;
  }

  context.subscriptions.push(
    status,
    log,
    longer,
    cursor,
    new Asking(running),
    new Commits(running),
    commands.registerCommand("tabby-lsp.restartServer", restart),
    commands.registerCommand("tabby-lsp.toggleSuggestions", toggleSuggestions),
    commands.registerCommand("tabby-lsp.showStatus", () => status.tell()),
    commands.registerCommand("tabby-lsp.dismissSuggestion", () => longer.dismiss()),
    commands.registerCommand("tabby-lsp.showLog", () => log.show()),
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(SUGGESTS)) {
        status.show();
        if (!suggests()) void longer.dismiss(); // what is visible would stay until the next key
      }
      // later on, the server takes from a client no more than a project may say
      if (ofTheUser.some((name) => event.affectsConfiguration(`${SECTION}.${name}`))) void restart();
    }),
  );
  void restart();
  return { extendMarkdownIt }; // taken by the Markdown preview
}

export function deactivate(): Promise<void> {
  return turn.then(stop);
}

async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  await running?.dispose();
}

async function offerRemedy(command: string): Promise<void> {
  const copy = "Copy Install Command";
  const name = "Name Its Path";
  const text = `tabby-lsp: the server "${command}" was not found. Install it with "${INSTALL}", or name its path in the settings.`;
  const choice = await window.showErrorMessage(text, copy, name);
  if (choice === copy) await env.clipboard.writeText(INSTALL);
  if (choice === name) await openSetting("path");
}
