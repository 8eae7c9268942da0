"""A llama-server that says what a test tells it to, and an editor with a document that is typed in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tabby_lsp.bench.contestants.peers import loopback
from tabby_lsp.bench.contestants.peers.llama_server import LlamaServer
from tabby_lsp.bench.types import Change, Contestant, Shown, State

TEXT = "import os\n\ndef area(width, height):\n    \n\nprint(area(2, 3))\n"
URI = "file:///here/shapes.py"
SOON_S = 5.0
"""Most that a test waits for what must come."""


class Scripted(LlamaServer):
    """A llama-server without a model.

    Attributes:
        says: what it answers to each completion in turn, and nothing after that.
        asked: the bodies of the completions.
        gone: how many clients closed their connections before they had an answer.
        busy: cleared while completions must wait.
    """

    def __init__(self, *says: str) -> None:
        super().__init__(Path("none.gguf"))
        self.says = list(says)
        self.asked: list[Any] = []
        self.gone = 0
        self.busy = asyncio.Event()
        self.busy.set()

    async def start(self) -> None:
        self._listener = await asyncio.start_server(self._serve, loopback.HOST, 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.busy.set()
        self._listener.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await loopback.read_head(reader)
        body = await reader.readexactly(head.length or 0)
        if head.first[0] == "POST":
            await self._complete(json.loads(body), reader, writer)
        elif head.first[1] == "/slots":
            writer.write(loopback.reply(200, [{"is_processing": not self.busy.is_set()}]))
        else:
            counters = b"# HELP x y\nllamacpp:prompt_tokens_total 12\nllamacpp:tokens_predicted_total 3\n"
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(counters), counters))
        writer.close()

    async def _complete(self, body: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(body)
        waiting = asyncio.create_task(self.busy.wait())
        gone = asyncio.create_task(reader.read(1))
        await asyncio.wait([waiting, gone], return_when=asyncio.FIRST_COMPLETED)
        self.gone += gone.done()
        for task in (waiting, gone):
            task.cancel()
        text = self.says.pop(0) if self.says else ""
        if not body.get("stream"):
            said = {"timings/prompt_n": 7, "timings/cache_n": 5, "timings/predicted_n": 2}
            writer.write(loopback.reply(200, {"content": text} | said))
            return
        timings = {"prompt_n": 7, "cache_n": 5, "predicted_n": 2, "prompt_ms": 1.5, "predicted_ms": 2.5}
        events = [{"content": piece, "stop": False, "timings": timings} for piece in text.split("|")]
        lines = "".join(f"data: {json.dumps(event)}\n\n" for event in [*events, {"content": "", "stop": True}]).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(lines), lines)
        )


class Editor:
    """A contestant with a document that is typed in."""

    def __init__(self, contestant: Contestant, text: str, line: int, column: int) -> None:
        self.contestant = contestant
        self.shown: list[Shown] = []
        self.state = State(URI, "python", 1, text, line, column)

    async def start(self) -> None:
        await self.contestant.start(self.shown.append)
        await self.contestant.open(self.state)

    def type(self, text: str, *, ask: bool = True) -> None:
        old, at = self.state, self.state.offset
        before = old.text[:at] + text
        line, column = before.count("\n"), len(before.rpartition("\n")[2])
        self.state = State(URI, "python", old.version + 1, before + old.text[at:], line, column)
        place = (old.line, old.column)
        self.contestant.pressed(self.state, Change(place, place, text), ask=ask)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110 - anything may make it true
            await asyncio.sleep(0.005)
