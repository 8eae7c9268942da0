"""The editor before a server, with a server that does what no good one would."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tabby_lsp.bench.contestants.language_server import LanguageServer
from tabby_lsp.bench.contestants.programs import Program, is_ready, more_for, our_trace
from tabby_lsp.bench.types import Change, Shown, State
from tabby_lsp.errors import TabbyError

SERVER = """
import json, sys

def read():
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return json.loads(sys.stdin.buffer.read(length)) if length else sys.exit()

def write(**message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
    sys.stdout.buffer.flush()

asked = []
said = []
watched = []

def answer(request, text):
    verbose = json.dumps({"id": request["id"], "evaluated": 2, "reused": 1, "generated": 4, "total_ms": 5.0})
    write(method="$/logTrace", params={"message": "shown in 5 ms", "verbose": verbose})
    write(id=request["id"], result={"items": [{"insertText": text}]})

while True:
    message = read()
    method, params = message.get("method"), message.get("params")
    if method == "initialize":
        write(id=message["id"], result={"capabilities": {}})
    elif method == "initialized":
        write(id=1, method="workspace/configuration", params={"items": [{}]})
        write(id=2, method="window/nonsense", params=None)
        write(method="tabby/status", params={"state": "ready"})
    elif method == "textDocument/didChange":
        said.append(params["contentChanges"][0])
        version = params["textDocument"]["version"]
    elif method in ("textDocument/didClose", "workspace/didChangeWatchedFiles"):
        watched.append([method, params])
    elif method == "textDocument/inlineCompletion":
        asked.append(message)
        typed = said[-1]["text"]
        if typed == "e":  # now the older question is answered, too
            answer(asked[-2], "stale")
            answer(message, "fresh")
        elif typed == "m":
            answer(message, "more" if asked[-2]["params"] == params else "some")
            if asked[-2]["params"] != params:
                write(method="tabby/longer", params={"uri": "u", "version": version - 1})
                write(method="tabby/longer", params={"uri": "u", "version": version})
        elif typed == "r":
            write(id=message["id"], error={"code": -32603, "message": "no"})
        elif typed == "p":
            answer(message, json.dumps(said[-1]["range"]))
        elif typed == "w":
            answer(message, json.dumps(watched))
        elif typed == "q":
            sys.exit("that was too much")
    elif method == "workspace/executeCommand":
        write(id=message["id"], result={"engine": {"evaluated": 11, "generated": 12, "requests": 13}})
    elif method == "shutdown":
        write(id=message["id"], result=None)
    elif method == "exit":
        sys.exit()
    elif method is None and message.get("id") == 2:
        assert message["error"]["code"] == -32601
"""


class Bench:
    """Types after `𝒳` and collects what is shown."""

    def __init__(self, server: LanguageServer) -> None:
        self.server = server
        self.shown: list[Shown] = []
        self.news = asyncio.Event()
        self.text = "𝒳"
        self.version = 1

    async def open(self) -> None:
        await self.server.open(State("u", "python", 1, self.text, 0, 1))

    def type(self, key: str) -> None:
        column = len(self.text)
        self.text += key
        self.version += 1
        state = State("u", "python", self.version, self.text, 0, column + 1)
        self.server.pressed(state, Change((0, column), (0, column), key), ask=True)

    def show(self, shown: Shown) -> None:
        self.shown.append(shown)
        self.news.set()

    async def wait(self, count: int) -> list[tuple[int, str]]:
        async with asyncio.timeout(20):
            while len(self.shown) < count:
                self.news.clear()
                await self.news.wait()
        return [(shown.version, shown.text) for shown in self.shown]


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    command = (sys.executable, "-c", SERVER)
    program = Program("odd", command, dict(os.environ), ready=is_ready, trace=our_trace, again=more_for)
    server = LanguageServer(program)
    bench = Bench(server)
    await server.start(bench.show)
    await bench.open()
    yield bench
    await server.stop()


async def test_answers_for_older_versions_are_passed_on(bench: Bench) -> None:
    bench.type("a")
    bench.type("e")
    assert await bench.wait(2) == [(2, "stale"), (3, "fresh")]
    fresh = bench.shown[1]
    assert (fresh.reason, fresh.evaluated, fresh.reused, fresh.generated, fresh.server_ms) == ("shown", 2, 1, 4, 5.0)


async def test_more_is_asked_for_once_and_for_this_version_alone(bench: Bench) -> None:
    bench.type("a")
    bench.type("m")
    assert await bench.wait(2) == [(3, "some"), (3, "more")]


async def test_an_error_reply_shows_nothing(bench: Bench) -> None:
    bench.type("a")
    bench.type("r")
    await asyncio.sleep(0.2)
    bench.type("p")
    assert [version for version, _ in await bench.wait(1)] == [4]


async def test_places_are_utf_16(bench: Bench) -> None:
    bench.type("p")
    ((_, place),) = await bench.wait(1)
    assert '"character": 2' in place


async def test_a_file_that_is_saved_has_been_closed_and_is_told_of(bench: Bench) -> None:
    await bench.server.close("u")
    bench.server.saved(State("u", "python", 1, "all of it", 0, 3))
    await bench.open()
    bench.type("w")
    ((_, said),) = await bench.wait(1)
    assert json.loads(said) == [
        ["textDocument/didClose", {"textDocument": {"uri": "u"}}],
        ["workspace/didChangeWatchedFiles", {"changes": [{"uri": "u", "type": 2}]}],
    ]


async def test_what_it_cost(bench: Bench) -> None:
    usage = await bench.server.usage()
    assert (usage.evaluated, usage.generated, usage.requests) == (11, 12, 13)
    assert usage.cpu_s >= 0
    assert usage.peak_mb > 1
    assert 0 <= await bench.server.idle() < 5


async def test_a_server_that_ends_is_said_to(bench: Bench) -> None:
    bench.type("q")

    async def type_on() -> None:
        for _ in range(100):
            await asyncio.sleep(0.05)
            bench.type("a")

    with pytest.raises(TabbyError, match="that was too much"):
        await type_on()
