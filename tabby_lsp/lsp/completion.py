"""textDocument/completion, for clients that know no inline completion (Helix, eglot without our overlay).

One item, in the form that all of them take: kind Text (Helix reads a Snippet's `$`), a plain edit that ends at the
cursor, and an incomplete list, so that the client asks again. Helix does not while a question is open, and drops the
menu at an empty answer: an answer is given for the text that it was asked for, even if more has been typed by then,
and `filterText` is all of the new text, by which clients tell whether what has been typed agrees with it.
Registered only for clients that do not announce inline completion: the others would show everything twice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lsprotocol import types

from tabby_lsp.document import Position, Snapshot
from tabby_lsp.lsp.answering import answer
from tabby_lsp.lsp.commands import accept_command
from tabby_lsp.lsp.convert import position_from, range_to

if TYPE_CHECKING:
    from tabby_lsp.completion.types import Suggestion
    from tabby_lsp.lsp.server import TabbyServer

TRIGGERS = [".", "(", "[", "{", ",", ":", "=", " "]
"""Characters after which a client asks by itself; letters it asks for anyway."""
LABEL = 60
"""Characters of a label; the whole text is in the documentation."""
_WORD = re.compile(r"\w*$")


def register(server: TabbyServer, client: types.ClientCapabilities) -> None:
    """Answer the method, where the client has no better one."""
    if client.text_document and client.text_document.inline_completion:
        return

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=TRIGGERS))
    async def completion(params: types.CompletionParams) -> types.CompletionList:
        snapshot = server.documents.get(params.text_document.uri)
        if snapshot is None:
            return types.CompletionList(is_incomplete=True, items=[])
        position = position_from(snapshot, params.position, server.encoding)
        # Helix and eglot say "invoked" for words that are being typed as well as for the user's own wish
        given = await answer(server, snapshot, position, invoked=False, outdated=True)
        items = [_item(server, snapshot, position, s) for s in given]
        return types.CompletionList(is_incomplete=True, items=items)


def _documentation(server: TabbyServer, language: str, text: str) -> types.MarkupContent | str:
    """The whole text, in colours where the client can; eglot has no markdown without a package for it."""
    document = server.client_capabilities.text_document
    item = document.completion.completion_item if document and document.completion else None
    if item and types.MarkupKind.Markdown in (item.documentation_format or ()):
        return types.MarkupContent(types.MarkupKind.Markdown, f"```{language}\n{text}\n```")
    return text


def _item(server: TabbyServer, snapshot: Snapshot, position: Position, s: Suggestion) -> types.CompletionItem:
    found = _WORD.search(snapshot.line_text(position.line)[: position.column])
    word = found[0] if found else ""
    start = Position(position.line, position.column - len(word))
    text = word + s.text
    first, *more = text.strip().splitlines()
    label = first if len(first) <= LABEL else first[: LABEL - 1] + "…"
    return types.CompletionItem(
        label=label + (" …" if more else ""),
        kind=types.CompletionItemKind.Text,
        detail="tabby-lsp",
        documentation=_documentation(server, snapshot.language, text),
        filter_text=text,
        sort_text="0",
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(range_to(snapshot, start, position, server.encoding), text),
        command=accept_command(snapshot.uri, s.text),
    )
