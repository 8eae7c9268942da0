// The settings: what starts the server, and what is sent to it.

import { homedir } from "node:os";
import { join } from "node:path";
import { commands, ConfigurationTarget, env, workspace } from "vscode";

export const SECTION = "tabby-lsp";

/** Settings of this extension alone; the server would complain about them. */
const OURS = new Set(["path", "arguments"]);

export interface Command {
  readonly command: string;
  readonly args: string[];
}

/** A setting as `package.json` declares it. */
interface Declared {
  readonly scope: string;
}

interface Names {
  /** Of the settings that the user alone may set: they hold from a start on. */
  readonly ofTheUser: string[];
  /** Of those that a workspace may set too: they hold at once. */
  readonly ofAll: string[];
}

/** The names of the settings, without the section. */
export function declared(properties: Readonly<Record<string, Declared>>): Names {
  const names = Object.keys(properties).map((name) => name.slice(SECTION.length + 1));
  const isUsers = (name: string) => properties[`${SECTION}.${name}`]?.scope === "machine";
  return {
    ofTheUser: names.filter((name) => isUsers(name) && name !== "trace.server"), // which the client follows by itself
    ofAll: names.filter((name) => !isUsers(name)),
  };
}

/** What to run. Both settings have the scope "machine": no workspace can set them. */
export function serverCommand(): Command {
  const settings = workspace.getConfiguration(SECTION);
  const path = settings.get<string>("path", "").trim() || "tabby-lsp";
  const command = path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
  return { command, args: settings.get<string[]>("arguments", []) };
}

const ENABLED = "completion.enabled";
export const SUGGESTS = `${SECTION}.${ENABLED}`;

/** Whether anything is suggested, as far as VS Code's settings say. */
export function suggests(): boolean {
  return workspace.getConfiguration(SECTION).get(ENABLED, true);
}

/** Switch suggestions off or on: in the workspace's settings where they say it, else in the user's. */
export async function toggleSuggestions(): Promise<void> {
  const settings = workspace.getConfiguration(SECTION);
  const said = settings.inspect(ENABLED)?.workspaceValue !== undefined;
  await settings.update(ENABLED, !suggests(), said ? ConfigurationTarget.Workspace : ConfigurationTarget.Global);
}

/** Show a setting that no workspace may have: in a remote window VS Code lists those in the *Remote* tab alone. */
export async function openSetting(name: string): Promise<void> {
  const where = env.remoteName === undefined ? "openSettings" : "openRemoteSettings";
  await commands.executeCommand(`workbench.action.${where}`, { query: `${SECTION}.${name}` });
}

/**
 * The values that somebody wrote, nested as the server reads them.
 *
 * Defaults are left out: what the client sends wins over the user's config.toml, the project's file and the
 * environment, so sending VS Code's copy of a default would silence them.
 *
 * @param names of settings, dotted, without the section.
 */
export function writtenSettings(names: readonly string[]): Record<string, unknown> {
  const settings = workspace.getConfiguration(SECTION);
  const written: Record<string, unknown> = {};
  for (const name of names) {
    const seen = settings.inspect(name);
    const layers = [seen?.globalValue, seen?.workspaceValue, seen?.workspaceFolderValue];
    if (OURS.has(name) || layers.every((value) => value === undefined)) continue;
    const path = name.split(".");
    const key = path.pop() as string;
    let table = written;
    for (const part of path) table = (table[part] ??= {}) as Record<string, unknown>;
    table[key] = settings.get(name);
  }
  return written;
}
