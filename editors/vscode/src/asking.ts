// What a light bulb cannot give: an instruction, and questions with what follows on them.

import { commands, Disposable, type TextEditor, window, workspace } from "vscode";
import { ExecuteCommandRequest, type LanguageClient } from "vscode-languageclient/node";

/** What the server replies with at the end of what it was asked to, where it is to reply. */
export interface Reply {
  readonly text: string;
  /** What was wrong, or empty. */
  readonly message: string;
}

/** Have the server run a command of its own; it begins, and says by itself what goes wrong, unless it is to reply. */
export function execute(client: LanguageClient, command: string, argument: object): Promise<Reply | null> {
  return client.sendRequest(ExecuteCommandRequest.type, { command, arguments: [argument] });
}

/** The folder that a question is about: that of the active document, else the first one. */
function folder(): string | undefined {
  const active = window.activeTextEditor?.document.uri;
  const found = (active && workspace.getWorkspaceFolder(active)) ?? workspace.workspaceFolders?.[0];
  return found?.uri.toString();
}

export class Asking implements Disposable {
  private threads = 0;
  private readonly subscriptions: Disposable;

  /** @param running the client, where there is one that runs. */
  constructor(private readonly running: () => LanguageClient | undefined) {
    this.subscriptions = Disposable.from(
      commands.registerTextEditorCommand("tabby-lsp.rewriteWithInstruction", (editor) => void this.rewrite(editor)),
      commands.registerCommand("tabby-lsp.askAboutRepository", () => this.ask()),
      commands.registerCommand("tabby-lsp.askFurther", () => this.ask(true)),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private async rewrite({ document, selection }: TextEditor): Promise<void> {
    const instruction = await window.showInputBox({
      title: selection.isEmpty ? "Rewrite the function at the cursor" : "Rewrite the selection",
      placeHolder: "What is to become of it, such as: use a dictionary in place of the chain of ifs",
    });
    const client = this.running();
    if (!instruction?.trim() || client === undefined) return;
    const { code2ProtocolConverter: to } = client;
    const place = { uri: to.asUri(document.uri), range: to.asRange(selection) };
    await execute(client, "tabby-lsp.rewrite", { ...place, instruction });
  }

  private async ask(further = false): Promise<void> {
    const question = await window.showInputBox({
      title: further ? "Ask further" : "Ask about this repository",
      placeHolder: further ? "And where is it called?" : "Where are the settings read?",
    });
    const client = this.running();
    if (!question?.trim() || client === undefined) return;
    if (!further || this.threads === 0) this.threads += 1;
    void commands.executeCommand("setContext", "tabby-lsp.asked", true);
    // the process tells the windows apart: each has a server of its own
    await execute(client, "tabby.ask", { question, thread: `vscode-${process.pid}-${this.threads}`, uri: folder() });
  }
}
