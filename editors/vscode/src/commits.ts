// Messages of commits and names of branches, through the Git extension that VS Code brings along.

import { commands, Disposable, extensions, ProgressLocation, type SourceControl, type Uri, window } from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import { execute } from "./asking";

/** What is used of the Git extension's interface, version 1 (extensions/git/src/api/git.d.ts of VS Code). */
interface Repository {
  readonly rootUri: Uri;
  readonly inputBox: { value: string };
  createBranch(name: string, checkout: boolean): Promise<void>;
}

interface Git {
  readonly repositories: readonly Repository[];
  getRepository(uri: Uri): Repository | null;
}

export class Commits implements Disposable {
  private readonly subscriptions: Disposable;
  private readonly written = new WeakMap<Repository, string>();

  /** @param running the client, where there is one that runs. */
  constructor(private readonly running: () => LanguageClient | undefined) {
    this.subscriptions = Disposable.from(
      commands.registerCommand("tabby-lsp.generateCommitMessage", (control?: SourceControl) => this.message(control)),
      commands.registerCommand("tabby-lsp.generateBranchName", (control?: SourceControl) => this.branch(control)),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private async message(control?: SourceControl): Promise<void> {
    const repository = await repositoryOf(control);
    const text = repository && (await this.line("tabby-lsp.commitMessage", repository));
    if (!text) return;
    const { inputBox } = repository;
    const there = inputBox.value.trim();
    // what somebody has typed stays
    inputBox.value = there && there !== this.written.get(repository) ? `${text}\n\n${there}` : text;
    this.written.set(repository, inputBox.value.trim());
  }

  private async branch(control?: SourceControl): Promise<void> {
    const repository = await repositoryOf(control);
    const value = repository && (await this.line("tabby-lsp.branchName", repository));
    if (!value) return;
    const name = await window.showInputBox({ title: "Create a branch and switch to it", value });
    if (name?.trim()) await repository.createBranch(name.trim(), true);
  }

  private async line(command: string, { rootUri }: Repository): Promise<string> {
    const client = this.running();
    if (client === undefined) return "";
    const reply = await window.withProgress({ location: ProgressLocation.SourceControl }, () =>
      execute(client, command, { uri: rootUri.toString(), reply: true }),
    );
    if (reply?.message) void window.showWarningMessage(`tabby-lsp: ${reply.message}`);
    return reply?.text ?? "";
  }
}

/** The repository of a source control's title bar, else of the active document, else the first one. */
async function repositoryOf(control?: SourceControl): Promise<Repository | undefined> {
  const git: Git | undefined = (await extensions.getExtension("vscode.git")?.activate())?.getAPI(1);
  const uri = control?.rootUri ?? window.activeTextEditor?.document.uri;
  const found = (uri && git?.getRepository(uri)) ?? git?.repositories[0];
  if (found === undefined) void window.showWarningMessage("tabby-lsp: there is no Git repository here.");
  return found;
}
