"""textDocument/inlineCompletion: ghost text, and several items when it is asked for by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from tabby_lsp.lsp.answering import answer
from tabby_lsp.lsp.commands import accept_command
from tabby_lsp.lsp.convert import position_from, range_to

if TYPE_CHECKING:
    from tabby_lsp.lsp.server import TabbyServer


def register(server: TabbyServer) -> None:
    """Answer the method."""

    # without options pygls does not advertise the capability
    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def inline_completion(params: types.InlineCompletionParams) -> types.InlineCompletionList:
        uri = params.text_document.uri
        snapshot = server.documents.get(uri)
        if snapshot is None:
            return types.InlineCompletionList([])
        position = position_from(snapshot, params.position, server.encoding)
        info = params.context.selected_completion_info
        selected_start = position_from(snapshot, info.range.start, server.encoding) if info else None
        given = await answer(
            server,
            snapshot,
            position,
            invoked=params.context.trigger_kind is types.InlineCompletionTriggerKind.Invoked,
            selected=info.text if info else "",
            selected_start=selected_start,
        )
        items = [
            types.InlineCompletionItem(
                insert_text=s.text,
                range=range_to(snapshot, s.start, s.end, server.encoding),
                command=accept_command(uri, s.text),
            )
            for s in given
        ]
        return types.InlineCompletionList(items)
