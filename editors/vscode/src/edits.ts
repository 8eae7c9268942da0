// Edits that want to be confirmed. VS Code shows them in the Refactor Preview, unticked: its "Apply" would do nothing.

import { window } from "vscode";
import {
  type ApplyWorkspaceEditParams,
  CancellationToken,
  type ChangeAnnotation,
  type WorkspaceMiddleware,
} from "vscode-languageclient/node";

const APPLY = "Apply";
const PREVIEW = "Preview";

/** Ask first, in one message for all of an edit; whoever wants to see or choose gets the Refactor Preview. */
export const applyEdit: NonNullable<WorkspaceMiddleware["handleApplyEdit"]> = async (params, next) => {
  const annotations = Object.entries(params.edit.changeAnnotations ?? {});
  if (!annotations.some(([, { needsConfirmation }]) => needsConfirmation)) return next(params, CancellationToken.None);
  const choice = await window.showInformationMessage(`tabby-lsp: ${params.label ?? "An edit"} is ready.`, APPLY, PREVIEW);
  if (choice === undefined) return { applied: false, failureReason: "it was dismissed" };
  return next(choice === PREVIEW ? params : confirmed(params, annotations), CancellationToken.None);
};

function confirmed(params: ApplyWorkspaceEditParams, annotations: [string, ChangeAnnotation][]): ApplyWorkspaceEditParams {
  const changeAnnotations = Object.fromEntries(
    annotations.map(([name, annotation]) => [name, { ...annotation, needsConfirmation: false }]),
  );
  return { ...params, edit: { ...params.edit, changeAnnotations } };
}
