// Tells the server where the cursor has come to rest, so that it reads the text around it before a key is pressed.
//
// The protocol has no such message; `tabby/cursor` is our own. What is typed is not told: of that the server hears anyway.

import { Disposable, type TextDocument, type TextEditor, window } from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

/** Outlasts the repeat of a held key: whoever runs through a file is not to heat the processor. */
const REST_MS = 150;

export class CursorTeller implements Disposable {
  private timer?: NodeJS.Timeout;
  private seen?: { document: TextDocument; version: number };
  private readonly subscriptions: Disposable;

  /** @param running the client, where there is one that runs. */
  constructor(private readonly running: () => LanguageClient | undefined) {
    this.subscriptions = Disposable.from(
      window.onDidChangeActiveTextEditor((editor) => this.moved(editor)),
      // by whatever kind of move: "Go to Definition" is none by keyboard
      window.onDidChangeTextEditorSelection(({ textEditor }) => {
        const { document } = textEditor;
        const typed = this.seen?.document === document && this.seen.version !== document.version;
        if (typed) {
          clearTimeout(this.timer);
          this.seen = { document, version: document.version };
        } else {
          this.moved(textEditor);
        }
      }),
    );
  }

  /** Tell where the cursor is if it stays there for a moment. */
  moved(editor = window.activeTextEditor): void {
    clearTimeout(this.timer);
    this.seen = editor && { document: editor.document, version: editor.document.version };
    if (editor !== undefined) this.timer = setTimeout(() => this.tell(editor), REST_MS);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscriptions.dispose();
  }

  private tell(editor: TextEditor): void {
    if (editor !== window.activeTextEditor || editor.document.isClosed) return;
    const client = this.running();
    // of a document that it was not told of, such as an output channel, the server makes nothing
    void client?.sendNotification(
      "tabby/cursor",
      client.code2ProtocolConverter.asTextDocumentPositionParams(editor.document, editor.selection.active),
    );
  }
}
