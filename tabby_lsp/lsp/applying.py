"""workspace/applyEdit: the edits that an answer came to, in the form that a client takes, one call a run.

The document may have changed while the model was writing: edits are moved along with it where that was elsewhere, and
dropped where it was in the very lines.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from tabby_lsp.document import Snapshot
from tabby_lsp.errors import ActionError
from tabby_lsp.lsp.convert import path_from, range_to
from tabby_lsp.lsp.running import Reply
from tabby_lsp.lsp.showing import opens_documents

if TYPE_CHECKING:
    from tabby_lsp.actions.types import Brief, Edit, Outcome
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

ANNOTATION = "tabby-lsp"
"""Names the one annotation that all edits of a run share."""
CHANGED = "The document has changed where the edit belongs, so that nothing was edited. Ask again."
BREAKS = "With what has changed in the document meanwhile the edit would break its syntax. Ask again."
DISMISSED = "it was dismissed"
"""The reason that our part of VS Code gives when its user does not want an edit; nobody is told what they did."""
TRIES = 5
"""How often the place of an edit is looked for while the user types on."""


async def apply(server: TabbyServer, title: str, brief: Brief, outcome: Outcome) -> Reply:
    """Have the client edit.

    Args:
        server: whose client.
        title: what is being done, for undo and for the question whether it may be.
        brief: the document as the model saw it.
        outcome: the edits of it, and what is to be said beside them.

    Returns:
        Whether the edit was applied, and what a person is told: what was wrong, or what is left to be done.
    """
    try:
        now, edits = await _placed(server, brief, outcome)
    except ActionError as error:
        return Reply(message=str(error))
    if not edits:
        return Reply(message="There is nothing to change.")
    elsewhere = server.documents.get(now.uri) is None
    new = brief.create and elsewhere
    edit = workspace_edit(server, title, now, edits, create=new)
    params = types.ApplyWorkspaceEditParams(edit, title)
    try:
        result = await server.workspace_apply_edit_async(params)
    except Exception as error:
        logger.info("the client does not apply edits: %s", error)
        return Reply(message=f"The editor did not take the edit: {error}")
    if not result.applied and result.failure_reason == DISMISSED:
        return Reply()
    if not result.applied:
        why = f": {result.failure_reason}" if result.failure_reason else ""
        return Reply(message=f"The editor did not apply the edit{why}.")
    said = [outcome.message] if outcome.message else []
    if new and types.ResourceOperationKind.Create not in (_client(server).resource_operations or ()):
        said.append(f"{path_from(now.uri)} is new: save it.")
    if elsewhere and opens_documents(server):
        server.background(_reveal(server, now.uri))
    return Reply(applied=True, message=" ".join(said))


def workspace_edit(
    server: TabbyServer, title: str, now: Snapshot, edits: Sequence[Edit], *, create: bool = False
) -> types.WorkspaceEdit:
    """Edits of one document in the best form that the client takes.

    Args:
        server: what the client can do, and its position encoding.
        title: for the question whether it may be.
        now: the document that the edits belong to.
        edits: sorted.
        create: whether the document's file is made.
    """
    client = _client(server)
    operations = client.resource_operations or ()
    places = [range_to(now, edit.span.start, edit.span.end, server.encoding) for edit in edits]
    plain = [types.TextEdit(place, edit.text) for place, edit in zip(places, edits, strict=True)]
    # a client that takes operations on files takes them among `documentChanges`, whether it says so or not
    if not client.document_changes and not operations:
        return types.WorkspaceEdit(changes={now.uri: plain})

    annotated = client.change_annotation_support is not None
    asks = server.settings.actions.confirm
    annotations = {ANNOTATION: types.ChangeAnnotation(label=title, needs_confirmation=asks)} if annotated else None
    made = [types.AnnotatedTextEdit(ANNOTATION, e.range, e.new_text) for e in plain]
    opened = server.documents.get(now.uri)
    document = types.OptionalVersionedTextDocumentIdentifier(now.uri, opened.version if opened else None)
    changes: list[types.TextDocumentEdit | types.CreateFile | types.RenameFile | types.DeleteFile] = []
    if create and types.ResourceOperationKind.Create in operations:
        changes.append(types.CreateFile(now.uri, annotation_id=ANNOTATION if annotated else None))
    changes.append(types.TextDocumentEdit(document, made if annotated else plain))
    return types.WorkspaceEdit(document_changes=changes, change_annotations=annotations)


def opened(server: TabbyServer, path: Path) -> Snapshot | None:
    """The document of a file, where the editor has it open; clients write the same file's URI in more than one way."""
    return next((known for known in server.documents if path_from(known.uri) == path), None)


async def _reveal(server: TabbyServer, uri: str) -> None:
    """Open the file that was edited, where it is another than the one that the user looks at."""
    try:
        await server.window_show_document_async(types.ShowDocumentParams(uri, take_focus=True))
    except Exception as error:
        logger.info("the client did not open %s: %s", uri, error)


def _client(server: TabbyServer) -> types.WorkspaceEditClientCapabilities:
    workspace = server.client_capabilities.workspace
    return (workspace.workspace_edit if workspace else None) or types.WorkspaceEditClientCapabilities()


async def _placed(server: TabbyServer, brief: Brief, outcome: Outcome) -> tuple[Snapshot, tuple[Edit, ...]]:
    """The document as it is, and the edits where they belong in it: worked out on a thread, and again where it changed.

    Raises:
        ActionError: there is no place for them any more, or the document does not stay as it is.
    """
    for _ in range(TRIES):
        current = _opened(server, brief.snapshot.uri)
        now = current or await _closed(brief)
        edits = await asyncio.to_thread(moved, brief, outcome.edits, now)
        if _opened(server, brief.snapshot.uri) is current:
            return now, edits
    raise ActionError("The document keeps changing, so that nothing was edited.", "Ask again.")


def moved(brief: Brief, edits: Sequence[Edit], now: Snapshot) -> tuple[Edit, ...]:
    """Move edits to where they belong in the document as it is. For a thread: it compares and parses.

    Args:
        brief: the document as the model saw it, and which of its lines may not have changed.
        edits: of that document.
        now: the document as it is.

    Raises:
        ActionError: there is no such place any more, or they would bring a syntax error there.
    """
    from tabby_lsp.actions.checks import new_errors, parse, replaced
    from tabby_lsp.actions.edits import apply, rebase
    from tabby_lsp.syntax.trees import encoded

    there = rebase(edits, brief.snapshot, now, brief.region)
    if there is None:
        raise ActionError(CHANGED)
    if brief.snapshot.lines != now.lines:  # what was typed elsewhere may have opened a string, or a bracket
        after = apply(now, there)
        where = replaced(encoded(now.text), encoded(after))
        if new_errors(parse(now.language, now.text), parse(now.language, after), where):
            raise ActionError(BREAKS)
    return there


def _opened(server: TabbyServer, uri: str) -> Snapshot | None:
    """The document as the editor has it, by whichever URI."""
    path = path_from(uri)
    return server.documents.get(uri) or (opened(server, path) if path else None)


async def _closed(brief: Brief) -> Snapshot:
    """The document as it is on the disk, where it is one that the editor has not open.

    Raises:
        ActionError: there is none any more, or there is one where one was to be made.
    """
    path = path_from(brief.snapshot.uri)
    if path is None:
        raise ActionError("The document was closed.")
    return await asyncio.to_thread(_on_disk, brief.snapshot, path, brief.create)


def _on_disk(seen: Snapshot, path: Path, create: bool) -> Snapshot:
    """Run on a thread: it reads a file."""
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        if create:
            return seen
        raise ActionError(f"{path.name} is not there any more.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ActionError(f"{path.name} cannot be read: {error}.") from error
    if create:
        raise ActionError(f"{path.name} has come into being meanwhile, so that nothing was written.", "Ask again.")
    return Snapshot.of(seen.uri, seen.language, seen.version, text)
