"""The pieces of an edit: what is sent, one at a time, and what a refusal ends. No model, no editor."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from tabby_lsp.actions.types import Span
from tabby_lsp.document import PositionEncoding, Snapshot
from tabby_lsp.lsp.server import TabbyServer
from tabby_lsp.lsp.steps import Steps

pytestmark = pytest.mark.asyncio

TEXT = "a = '🙂'; pass  # x\nb = 1\n"


class Client:
    """An editor that takes so many pieces, and each only when it is told to.

    Args:
        takes: how many; then it refuses.
    """

    encoding = PositionEncoding.UTF16

    def __init__(self, takes: int = 99) -> None:
        self.pieces: list[dict[str, Any]] = []
        self.open: asyncio.Future[object] | None = None
        self.takes = takes

    @property
    def protocol(self) -> Client:
        return self

    def send_request_async(self, method: str, params: dict[str, Any]) -> asyncio.Future[object]:
        assert method == "tabby/step"
        assert self.open is None or self.open.done(), "one piece at a time"
        self.pieces.append(params)
        self.open = asyncio.get_running_loop().create_future()
        return self.open

    async def reply(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        assert self.open is not None
        self.open.set_result({"applied": len(self.pieces) <= self.takes})
        for _ in range(3):
            await asyncio.sleep(0)


def steps(client: Client) -> Steps:
    snapshot = Snapshot.of("file:///a.py", "python", 7, TEXT)
    at = TEXT.index("pass")
    span = Span(snapshot.position(at), snapshot.position(at + 4))
    return Steps(cast("TabbyServer", client), snapshot, span)


async def test_what_comes_while_a_piece_is_open_is_one_piece() -> None:
    client = Client()
    writing = steps(client)
    for text in ("f()", "f()\ng()", "f()\ng()\nh()"):
        writing.show(text)
        await asyncio.sleep(0)
    await client.reply()
    await client.reply()
    assert len(client.pieces) == 2
    assert writing.now.text == TEXT.replace("pass", "f()\ng()\nh()")
    first, second = client.pieces
    assert first["textDocument"] == {"uri": "file:///a.py", "version": 7}
    assert second["textDocument"]["version"] is None
    assert (first["first"], second["first"], second["last"]) == (True, False, False)
    place = first["edits"][0]["range"].start
    assert (place.line, place.character) == (0, TEXT.index("pass") + 1), "in UTF-16 units"


async def test_the_end_may_change_nothing_and_is_said_all_the_same() -> None:
    client = Client()
    writing = steps(client)
    writing.show("f()")
    await client.reply()
    assert await writing.have_begun()
    ending = asyncio.create_task(writing.end("f()"))
    await client.reply()
    assert await ending
    assert client.pieces[-1]["edits"] == []
    assert client.pieces[-1]["last"]


async def test_the_end_takes_back_what_should_not_be_there() -> None:
    client = Client()
    writing = steps(client)
    writing.show("f(\n  g(")
    await client.reply()
    assert await writing.have_begun()
    ending = asyncio.create_task(writing.end("pass"))
    await client.reply()
    assert await ending
    assert writing.now.text == TEXT


async def test_after_a_refusal_nothing_more_is_sent() -> None:
    client = Client(takes=1)
    writing = steps(client)
    for text in ("f()", "f()\ng()", "f()\ng()\nh()"):
        writing.show(text)
        await client.reply() if len(client.pieces) < 2 else await asyncio.sleep(0)
    assert await writing.have_begun()
    assert not await writing.end("f()\ng()")
    assert len(client.pieces) == 2
    assert writing.now.text == TEXT.replace("pass", "f()"), "what the client has"


async def test_nothing_has_begun_where_the_first_piece_is_refused() -> None:
    client = Client(takes=0)
    writing = steps(client)
    writing.show("f()")
    await client.reply()
    assert not await writing.have_begun()
    assert writing.now.text == TEXT
