// Edits that want to be confirmed. VS Code shows them in the Refactor Preview, unticked: its "Apply" would do nothing.
//
// The question may stand there for long. Who types on meanwhile does not lose the edit: it is moved along.

import { StatusBarAlignment, type TextDocument, Uri, window, workspace } from "vscode";
import {
  type AnnotatedTextEdit,
  type ApplyWorkspaceEditParams,
  CancellationToken,
  type ChangeAnnotation,
  type SnippetTextEdit,
  type TextEdit,
  TextDocumentEdit,
  type WorkspaceMiddleware,
} from "vscode-languageclient/node";
import { type Change, shift } from "./moving";

const APPLY = "Apply";
const PREVIEW = "Preview";
const DISMISSED = "it was dismissed"; // the server knows this reason, and says nothing
const CHANGED = "the lines that it is about were changed meanwhile";

/** Ask first, in one message for all of an edit; whoever wants to see or choose gets the Refactor Preview. */
export const applyEdit: NonNullable<WorkspaceMiddleware["handleApplyEdit"]> = async (params, next) => {
  const annotations = Object.entries(params.edit.changeAnnotations ?? {});
  const asks = annotations.some(([, { needsConfirmation }]) => needsConfirmation);
  if (!asks || isLate(params)) return next(params, CancellationToken.None);
  const changes = new Map<string, Change[]>();
  const listening = workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
    const key = document.uri.toString();
    changes.set(key, [...(changes.get(key) ?? []), ...contentChanges]);
  });
  const choice = await ask(`${params.label ?? "An edit"} is ready`).finally(() => listening.dispose());
  if (choice === undefined) return { applied: false, failureReason: DISMISSED };
  const now = moved(params, changes);
  if (now === undefined) return { applied: false, failureReason: CHANGED };
  if (choice === APPLY) return next(confirmed(now, annotations), CancellationToken.None);
  const result = await next(now, CancellationToken.None);
  return "applied" in result && !result.applied ? { applied: false, failureReason: DISMISSED } : result;
};

/** A message leaves the screen after a quarter of a minute, unanswered; from the status bar it can be had again. */
async function ask(what: string): Promise<string | undefined> {
  const item = window.createStatusBarItem("edit", StatusBarAlignment.Left);
  item.name = "tabby-lsp: an edit";
  item.text = `$(bell-dot) ${what}`;
  item.command = "notifications.showList";
  item.show();
  try {
    return await window.showInformationMessage(`tabby-lsp: ${what}.`, APPLY, PREVIEW);
  } finally {
    item.dispose();
  }
}

/** Whether a document was changed before the edit of it came: the client refuses that one. */
function isLate({ edit }: ApplyWorkspaceEditParams): boolean {
  const made = (edit.documentChanges ?? []).filter((change) => TextDocumentEdit.is(change));
  return made.some(({ textDocument: { uri, version } }) => version !== null && version !== opened(uri)?.version);
}

function confirmed(params: ApplyWorkspaceEditParams, annotations: [string, ChangeAnnotation][]): ApplyWorkspaceEditParams {
  const changeAnnotations = Object.fromEntries(
    annotations.map(([name, annotation]) => [name, { ...annotation, needsConfirmation: false }]),
  );
  return { ...params, edit: { ...params.edit, changeAnnotations } };
}

/** The edits for the documents as they are by now, or undefined. */
function moved(
  params: ApplyWorkspaceEditParams,
  changes: ReadonlyMap<string, readonly Change[]>,
): ApplyWorkspaceEditParams | undefined {
  const documentChanges = [];
  for (const change of params.edit.documentChanges ?? []) {
    const document = TextDocumentEdit.is(change) ? opened(change.textDocument.uri) : undefined;
    const since = document && changes.get(document.uri.toString());
    if (document === undefined || since === undefined || !TextDocumentEdit.is(change)) {
      documentChanges.push(change);
      continue;
    }
    const lines = shift(change.edits.map(({ range }) => range), since);
    if (lines === undefined) return undefined;
    const edits = change.edits.map((edit) => below(edit, lines));
    documentChanges.push({ textDocument: { ...change.textDocument, version: document.version }, edits });
  }
  return { ...params, edit: { ...params.edit, documentChanges } };
}

function below<T extends TextEdit | AnnotatedTextEdit | SnippetTextEdit>(edit: T, lines: number): T {
  const { start, end } = edit.range;
  return { ...edit, range: { start: { ...start, line: start.line + lines }, end: { ...end, line: end.line + lines } } };
}

function opened(uri: string): TextDocument | undefined {
  const key = Uri.parse(uri).toString();
  return workspace.textDocuments.find((document) => document.uri.toString() === key);
}
