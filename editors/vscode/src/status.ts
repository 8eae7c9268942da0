// The server's state in the status bar; a click says more.

import { commands, type Disposable, MarkdownString, StatusBarAlignment, ThemeColor, window } from "vscode";
import { suggests } from "./settings";

/** The params of the server's notification `tabby/status`; `message` is a sentence with a remedy, or empty. */
export interface Status {
  readonly state: string;
  readonly message?: string;
  readonly model?: string;
  readonly percent?: number | null;
}

const ICONS: Readonly<Record<string, string>> = {
  loading: "loading~spin",
  downloading: "loading~spin",
  ready: "sparkle",
  unloaded: "sparkle",
};

const OFF = "Suggestions are switched off.";

const MEANINGS: Readonly<Record<string, string>> = {
  loading: "The model is being loaded.",
  downloading: "The model is being downloaded.",
  ready: "Suggestions appear as you type.",
  unloaded: "The model has left memory; the next suggestion loads it again.",
  stopped: "The server does not run.",
};

export class StatusBar implements Disposable {
  private readonly item = window.createStatusBarItem("status", StatusBarAlignment.Right);
  private status: Status = { state: "stopped" };

  constructor() {
    this.item.name = "tabby-lsp";
    this.item.command = "tabby-lsp.showStatus";
    this.show(this.status);
    this.item.show();
  }

  /** @param status the server's; without one: the last, where the settings have changed. */
  show(status = this.status): void {
    this.status = status;
    const { state, percent } = status;
    const works = state in ICONS;
    const icon = this.isOff() ? "circle-slash" : (ICONS[state] ?? "warning");
    this.item.text = `$(${icon}) tabby-lsp${typeof percent === "number" ? ` ${percent} %` : ""}`;
    this.item.tooltip = new MarkdownString().appendText(this.sentence());
    // else a screen reader reads the tooltip with Markdown's backslashes
    this.item.accessibilityInformation = { label: `tabby-lsp: ${this.sentence()}` };
    this.item.backgroundColor = works ? undefined : new ThemeColor("statusBarItem.warningBackground");
  }

  /** Say the state in a message, with what one may do about it. */
  async tell(): Promise<void> {
    const works = this.status.state in ICONS;
    const choices = new Map([
      ...(this.status.state === "no-model" ? [["Download Model", "tabby-lsp.downloadModel"] as const] : []),
      ...(works ? [[suggests() ? "Switch Suggestions Off" : "Switch Suggestions On", "tabby-lsp.toggleSuggestions"] as const] : []),
      ["Restart Server", "tabby-lsp.restartServer"],
      ["Show Log", "tabby-lsp.showLog"],
    ]);
    const say = works ? window.showInformationMessage : window.showWarningMessage;
    const choice = choices.get((await say(`tabby-lsp: ${this.sentence()}`, ...choices.keys())) ?? "");
    if (choice) await commands.executeCommand(choice);
  }

  dispose(): void {
    this.item.dispose();
  }

  /** Whether the model is there, and nothing is asked of it. */
  private isOff(): boolean {
    return ["ready", "unloaded"].includes(this.status.state) && !suggests();
  }

  private sentence(): string {
    const { state, message, model } = this.status;
    return `${message || (this.isOff() ? OFF : (MEANINGS[state] ?? state))}${model ? ` (${model})` : ""}`;
  }
}
