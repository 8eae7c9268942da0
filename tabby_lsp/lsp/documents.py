"""Open, change, close. The cells of a notebook are documents like others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lsprotocol import types

from tabby_lsp.errors import UnknownDocument
from tabby_lsp.lsp.convert import changes_from
from tabby_lsp.syntax.languages import PLAIN, language, language_of

if TYPE_CHECKING:
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[types.NotebookDocumentFilterWithNotebook(notebook="*")], save=False
)


def register(server: TabbyServer) -> None:
    """Keep `server.documents` what the client's buffers are."""
    documents = server.documents

    def opened(document: types.TextDocumentItem) -> None:
        documents.open(document.uri, _language_id(document), document.version, document.text)

    def changed(document: types.VersionedTextDocumentIdentifier, changes: list[object]) -> None:
        try:
            documents.change(document.uri, changes_from(changes), document.version, server.encoding)  # type: ignore[arg-type]
        except UnknownDocument as error:
            logger.warning("%s", error)

    def closed(uri: str) -> None:
        documents.close(uri)
        server.forget(uri)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        opened(params.text_document)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        changed(params.text_document, list(params.content_changes))

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
