"""What pygls does differently from what editors need: each override says what a client would see without it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.protocol import LanguageServerProtocol, lsp_method

logger = logging.getLogger(__name__)

request_id: ContextVar[str | int | None] = ContextVar("request_id", default=None)
"""The id of the request that is being handled; pygls does not tell its handlers."""

Handling = Generator[Any, Any, None]


class TabbyProtocol(LanguageServerProtocol):
    """pygls' protocol, with a reply to each request, and without a second copy of each document."""

    def structure_message(self, data: dict[str, Any]) -> dict[str, Any]:
        """Leave JSON objects as they are until the whole message is there.

        pygls structures each nested object that has a key `jsonrpc` as a message of its own, which breaks
        documents' metadata that happens to have one.
        """
        return data

    def handle_message(self, message: Any) -> None:
        """Structure a whole message, and answer a request that cannot be.

        Without this a request with malformed params gets no reply at all, and its client waits for ever.
        """
        if not isinstance(message, dict):
            logger.warning("a message that is no object is ignored")
            return
        try:
            structured: Any = super().structure_message(message)
        except JsonRpcException as error:
            if "id" in message and "method" in message:
                fault = JsonRpcInvalidParams(f"Invalid params for {message['method']}: {_why(error)}")
                self._send_response(message["id"], error=fault.to_response_error())
            else:
                logger.warning("a malformed %s is ignored: %s", message.get("method", "reply"), _why(error))
            return
        request_id.set(message.get("id"))
        super().handle_message(structured)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.on_cancel: dict[str | int, Callable[[], object]] = {}
        """What is told that the client gave a request up, by the request's id; its place is where the work is done."""

    def _handle_cancel_notification(self, msg_id: str | int) -> None:
        """Tell the command too.

        A command is a second future behind the request's, which pygls does not reach: without this the command would
        go on, and edit, when nobody waits for it any more.
        """
        super()._handle_cancel_notification(msg_id)
        heard = self.on_cancel.pop(msg_id, None)
        if heard is not None:
            heard()

    @property
    def shut_down(self) -> bool:
        """Whether the client has said `shutdown`."""
        return self._shutdown

    # Documents are ours (tabby_lsp.document): pygls' own copy breaks lines at form feeds and costs 33 ms a change
    # in a file of 20,000 lines. The overrides pass on what arrives and keep nothing.

    def _pass_on(self, method: str, params: Any) -> Handling:
        handler = self.fm.features.get(method)
        if handler is not None:
            yield handler, (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Handling:
        """Pass on."""
        yield from self._pass_on(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Handling:
        """Pass on."""
        yield from self._pass_on(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Handling:
        """Pass on."""
        yield from self._pass_on(types.TEXT_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: types.DidOpenNotebookDocumentParams) -> Handling:
        """Pass on."""
        yield from self._pass_on(types.NOTEBOOK_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(self, params: types.DidChangeNotebookDocumentParams) -> Handling:
        """Pass on."""
        yield from self._pass_on(types.NOTEBOOK_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(self, params: types.DidCloseNotebookDocumentParams) -> Handling:
        """Pass on."""
        yield from self._pass_on(types.NOTEBOOK_DOCUMENT_DID_CLOSE, params)


def _why(error: BaseException) -> str:
    """The innermost messages of a structuring error, on one line."""
    causes: list[str] = []

    def collect(e: BaseException | None) -> None:
        if isinstance(e, BaseExceptionGroup):
            for inner in e.exceptions:
                collect(inner)
        elif e is not None:
            causes.append(f"{type(e).__name__}: {e}")

    collect(error.__cause__ or error)
    return "; ".join(dict.fromkeys(causes))[:500]
