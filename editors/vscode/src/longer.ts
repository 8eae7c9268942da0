// Where an answer was given early and has grown since, lets VS Code show all of it in place of its first line.
//
// An extension cannot tell VS Code that its suggestions have changed (`onDidChange` of a provider is a proposed API),
// and the command that asks for suggestions does not ask again where the same providers have answered for the same
// place: asked explicitly it does, but goes on to show what it showed. So the grown answer comes from a provider of its
// own, registered for that one place, and the command asks that provider alone: no other extension is asked, and what
// is visible stays until it is replaced.

import {
  CancellationTokenSource,
  commands,
  type Disposable,
  type InlineCompletionItem,
  type InlineCompletionList,
  InlineCompletionTriggerKind,
  languages,
  type Position,
  Range,
  type TextDocument,
  version as editorVersion,
  window,
} from "vscode";
import { InlineCompletionRequest, type LanguageClient, type Middleware } from "vscode-languageclient/node";

/** The params of `tabby/longer`. */
export interface Grown {
  readonly uri: string;
  readonly version: number;
}

/** The command's arguments came in the summer of 2025; without them it would ask everybody, as if by hand. */
export const ASKS_ONE = Number(editorVersion.split(".")[1]) >= 105;

interface Given {
  readonly document: TextDocument;
  readonly version: number;
  readonly position: Position;
  readonly items: InlineCompletionItem[];
}

export class Longer implements Disposable {
  private last?: Given;
  private provider?: Disposable;
  private turn: Promise<void> = Promise.resolve();

  /** @param extension its identifier. */
  constructor(private readonly extension: string) {}

  /** Between VS Code and the server: remembers what was answered last. */
  readonly provide: NonNullable<Middleware["provideInlineCompletionItems"]> = async (document, position, context, token, next) => {
    const { version } = document;
    const answer = await next(document, position, context, token);
    if (token.isCancellationRequested) return answer;
    const items = itemsOf(answer);
    // of a suggestion that is partly accepted VS Code goes on to show the rest, whatever is answered
    const certain = textOf(items[0]).startsWith(restOf(this.last, document, position));
    this.last = certain ? { document, version, position, items } : undefined;
    return answer;
  };

  /** An answer grows more than once: one after the other. */
  grown(grown: Grown, client: LanguageClient): Promise<void> {
    this.turn = this.turn.then(() => this.show(grown, client)).catch((error) => client.warn("tabby/longer", error, false));
    return this.turn;
  }

  /** Esc: what is dismissed does not come back for having grown. Of VS Code's own command no extension hears. */
  async dismiss(): Promise<void> {
    this.last = undefined;
    await commands.executeCommand("editor.action.inlineSuggest.hide");
  }

  dispose(): void {
    this.provider?.dispose();
  }

  private async show({ uri, version }: Grown, client: LanguageClient): Promise<void> {
    const shown = this.last;
    if (shown?.items.length !== 1 || !isStill(shown)) return;
    if (shown.version !== version || client.code2ProtocolConverter.asUri(shown.document.uri) !== uri) return;
    const items = await ask(client, shown);
    const [before, now] = [textOf(shown.items[0]), textOf(items[0])];
    if (this.last !== shown || !isStill(shown) || now === before || !now.startsWith(before)) return;
    const { document, position } = shown;
    this.last = { ...shown, items };
    this.provider?.dispose();
    this.provider = languages.registerInlineCompletionItemProvider(
      { scheme: document.uri.scheme, language: document.languageId },
      {
        provideInlineCompletionItems: (asked, place) =>
          asked === document && asked.version === version && place.isEqual(position) ? items : undefined,
      },
    );
    // of several providers of one extension the command takes the newest
    const arguments_ = { providerId: `${this.extension}:*`, explicit: false };
    await commands.executeCommand("editor.action.inlineSuggest.trigger", arguments_);
  }
}

/** Whether nothing was typed, accepted in part or moved since then. */
function isStill({ document, version, position }: Given): boolean {
  const editor = window.activeTextEditor;
  if (editor?.document !== document || document.version !== version) return false;
  return editor.selection.isEmpty && editor.selection.active.isEqual(position);
}

/** What is left of the last suggestion where the text up to here is its beginning; else nothing. */
function restOf(last: Given | undefined, document: TextDocument, position: Position): string {
  if (last?.document !== document || position.isBefore(last.position)) return "";
  const typed = document.getText(new Range(last.position, position));
  const suggested = textOf(last.items[0]);
  return suggested.startsWith(typed) ? suggested.slice(typed.length) : "";
}

async function ask(client: LanguageClient, { document, position }: Given): Promise<InlineCompletionItem[]> {
  // not through the middleware: an answer that is not shown must not be remembered
  const params = client.code2ProtocolConverter.asInlineCompletionParams(document, position, {
    triggerKind: InlineCompletionTriggerKind.Automatic,
    selectedCompletionInfo: undefined,
  });
  const { token } = new CancellationTokenSource();
  const result = await client.sendRequest(InlineCompletionRequest.type, params, token);
  return itemsOf(await client.protocol2CodeConverter.asInlineCompletionResult(result, token));
}

function itemsOf(answer: InlineCompletionItem[] | InlineCompletionList | null | undefined): InlineCompletionItem[] {
  return Array.isArray(answer) ? answer : (answer?.items ?? []);
}

function textOf(item: InlineCompletionItem | undefined): string {
  const inserted = item?.insertText ?? "";
  return typeof inserted === "string" ? inserted : inserted.value;
}
