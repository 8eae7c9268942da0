// `tabby/step`: a longer edit that appears piece by piece while the rest of it is being written; one undo step.
//
// Of several edits only a text editor makes one undo step, unless its user saves or moves the cursor in between: that ends
// one, and no extension can join it to the next. Where none shows the document, the first piece is refused,
// and the server makes one edit at the end.

import { InlineCompletionTriggerKind, type TextDocument, window } from "vscode";
import type { LanguageClient, Middleware, TextEdit } from "vscode-languageclient/node";

type Provide = NonNullable<Middleware["provideInlineCompletionItems"]>;

/** The params of `tabby/step`. */
export interface Step {
  /** Of the edit: of two at a time, the later one goes on. */
  readonly id: number;
  readonly textDocument: { readonly uri: string; readonly version?: number | null };
  /** In the document as the piece before left it; the last piece may have none. */
  readonly edits: TextEdit[];
  readonly first: boolean;
  readonly last: boolean;
}

interface Writing {
  readonly id: number;
  /** The document's after the last piece so far; with another one, somebody else has changed it. */
  version: number;
  /** A piece is being put in. */
  busy: boolean;
}

export class Steps {
  private readonly writings = new WeakMap<TextDocument, Writing>();

  /** Put a piece in, unless the document is not what it was made for. */
  async take({ id, textDocument, edits, first, last }: Step, client: LanguageClient): Promise<{ applied: boolean }> {
    const { protocol2CodeConverter: from } = client;
    const changes = await from.asTextEdits(edits);
    const uri = from.asUri(textDocument.uri).toString();
    const editor = window.visibleTextEditors.find(({ document }) => document.uri.toString() === uri);
    if (editor === undefined) return { applied: false };
    const { document } = editor;
    const before = this.writings.get(document);
    if (!first && before?.id !== id) return { applied: false };
    const expected = first ? (textDocument.version ?? document.version) : before?.version;
    this.writings.delete(document);
    if (document.version !== expected) return { applied: false };
    const writing = { id, version: expected, busy: true };
    this.writings.set(document, writing);
    let applied = false;
    try {
      applied = await editor.edit(
        (builder) => {
          for (const { range, newText } of changes) {
            // `replace` would select what it puts in where the cursor is
            if (range.isEmpty) builder.insert(range.start, newText);
            else builder.replace(range, newText);
          }
        },
        { undoStopBefore: first, undoStopAfter: last },
      );
    } finally {
      writing.version = document.version;
      writing.busy = false;
      if (!applied || last) this.writings.delete(document);
    }
    return { applied };
  }

  /** Between VS Code and the server: a question that nobody asked by hand would end what is being written. */
  around(next: Provide): Provide {
    return (document, position, context, token, ask) => {
      const automatic = context.triggerKind === InlineCompletionTriggerKind.Automatic;
      return automatic && this.coming(document) ? undefined : next(document, position, context, token, ask);
    };
  }

  private coming(document: TextDocument): boolean {
    const writing = this.writings.get(document);
    return writing !== undefined && (writing.busy || writing.version === document.version);
  }
}
