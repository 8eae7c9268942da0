"""Open, change, close. The cells of a notebook are documents like others."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from tabby_lsp.errors import UnknownDocument
from tabby_lsp.lsp.convert import changes_from
from tabby_lsp.syntax.languages import PLAIN, language, language_of

if TYPE_CHECKING:
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

CURSOR = "tabby/cursor"
"""Our own notification: the protocol has none that tells a server where the user is before a key is pressed."""

NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[types.NotebookDocumentFilterWithNotebook(notebook="*")], save=False
)


def register(server: TabbyServer) -> None:
    """Keep `server.documents` what the client's buffers are."""
    documents = server.documents

    def opened(document: types.TextDocumentItem) -> None:
        snapshot = documents.open(document.uri, _language_id(document), document.version, document.text)
        server.warming.opened(document.uri)
        if server.model.pipeline is not None:
            server.model.pipeline.opened(snapshot)

    def changed(document: types.VersionedTextDocumentIdentifier, changes: list[object]) -> None:
        made = changes_from(changes)  # type: ignore[arg-type]
        try:
            snapshot = documents.change(document.uri, made, document.version, server.encoding)
        except UnknownDocument as error:
            logger.warning("%s", error)
            return
        server.warming.changed(document.uri)
        if server.model.pipeline is None or not made:
            return
        if any(change.start is None for change in made):  # the whole text, and nobody knows what of it is new
            server.model.pipeline.changed(snapshot, None, "")
        elif (place := made[-1].start) is not None:
            start = snapshot.decode(*place, server.encoding)
            end = snapshot.position(snapshot.offset(start) + len(made[-1].text))
            server.model.pipeline.changed(snapshot, end, "".join(change.text for change in made))

    def closed(uri: str) -> None:
        documents.close(uri)
        server.forget(uri)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        opened(params.text_document)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        changed(params.text_document, list(params.content_changes))

    @server.feature(CURSOR)
    def cursor(params: Any) -> None:
        """The cursor has come to rest somewhere: `{textDocument: {uri}, position}`, as our own editor parts say it."""
        # whatever else a client may send is nothing to act on
        with suppress(AttributeError, TypeError, ValueError, OverflowError):
            snapshot = documents.get(params.textDocument.uri)
            if snapshot is not None and server.model.pipeline is not None:
                line, character = int(params.position.line), int(params.position.character)
                server.model.pipeline.changed(snapshot, snapshot.decode(line, character, server.encoding), "")

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        closed(params.text_document.uri)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def notebook_did_open(params: types.DidOpenNotebookDocumentParams) -> None:
        for cell in params.cell_text_documents:
            opened(cell)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def notebook_did_change(params: types.DidChangeNotebookDocumentParams) -> None:
        cells = params.change.cells
        if cells is None:
            return
        if cells.structure:
            for cell in cells.structure.did_open or ():
                opened(cell)
            for gone in cells.structure.did_close or ():
                closed(gone.uri)
        for content in cells.text_content or ():
            changed(content.document, list(content.changes))

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def notebook_did_close(params: types.DidCloseNotebookDocumentParams) -> None:
        for cell in params.cell_text_documents:
            closed(cell.uri)


def _language_id(document: types.TextDocumentItem) -> str:
    """The client's word for the language; where it is none of the protocol's, what the file's name tells.

    eglot says "prog", "c++" or "sh", after the major mode that a server was set up for.
    """
    said, guess = document.language_id, language_of(document.uri)
    return said if said == PLAIN or language(said).ids or guess == PLAIN else guess
