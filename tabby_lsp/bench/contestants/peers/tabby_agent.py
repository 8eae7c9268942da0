"""Tabby's agent with an editor before it, and a stand-in for Tabby's server behind it.

The agent is npm's `tabby-agent`, whose newest version there serves LSP's `completion` only; suggestions at the cursor
go through the lines of JSON that its editors of that time speak, so these are spoken here. The editor's rules are
those of Tabby's Vim plugin for it (`clients/vim/autoload/tabby.vim` at 4932fd4): at each change what is shown is
hidden, what was asked is cancelled, and the new place is asked for; the agent itself waits, caches and post-processes.
An answer for a place that was left is dropped. Left out: the events that tell Tabby what was shown and taken.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tabby_lsp.bench.contestants.peers import loopback
from tabby_lsp.bench.contestants.peers.llama_server import LlamaServer, Meter
from tabby_lsp.bench.contestants.peers.loopback import Json
from tabby_lsp.bench.contestants.peers.tabby_adapter import Cost, TabbyAdapter
from tabby_lsp.bench.contestants.processes import Tree
from tabby_lsp.bench.types import Change, Show, Shown, State, Usage
from tabby_lsp.errors import TabbyError

AGENT_VERSION = "1.5.0"
INSTALL_S = 300.0
REPLY_S = 30.0
STOP_S = 5.0
NODE_REMEDY = "Install Node.js 18 or newer, with npm, and see that both are on the PATH."


class TabbyAgent:
    """The agent, before a llama-server.

    Args:
        server: not started yet.
        script: the agent's program; None: it is installed into the cache folder.
    """

    name = "tabby-agent"

    def __init__(self, server: LlamaServer, script: Path | None = None) -> None:
        self._server, self._script = server, script
        self._show: Show = lambda _: None
        self._process: asyncio.subprocess.Process | None = None
        self._adapter: TabbyAdapter | None = None
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._count = 0
        self._asked: tuple[int, asyncio.Future[Json]] | None = None

    async def start(self, show: Show) -> None:
        """Start llama-server, then the agent, and wait until the agent has found its server."""
        self._show = show
        node, script = program("node"), self._script or await asyncio.to_thread(installed)
        await self._server.start()
        self._adapter = TabbyAdapter(self._server.port)
        endpoint = f"http://{loopback.HOST}:{await self._adapter.start()}"
        self._home = tempfile.TemporaryDirectory(prefix="tabby-agent-")
        self._process = await asyncio.create_subprocess_exec(
            node,
            "--dns-result-order=ipv4first",
            str(script),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self._home.name, "USERPROFILE": self._home.name},  # no settings of the user's
            limit=loopback.LARGEST_BODY,
            start_new_session=True,
        )
        self._listening = asyncio.create_task(self._listen(self._process.stdout))
        config = {"server": {"endpoint": endpoint, "token": "none"}, "anonymousUsageTracking": {"disable": True}}
        with suppress(TimeoutError):
            if await self._ask("initialize", {"config": config}) and await self._ask("getStatus") == "ready":
                self._meter = Meter(self._server.tree, Tree([self._process.pid]))
                return
        raise TabbyError("Tabby's agent did not find its server.", NODE_REMEDY)

    async def open(self, state: State) -> None:
        """The agent is told of documents with each question only."""

    def moved(self, state: State) -> None:
        """It asks for nothing before a key is pressed."""

    def pressed(self, state: State, change: Change, *, ask: bool) -> None:
        """Cancel what was asked, and ask again."""
        del change
        self._cancel()
        if not ask:
            return
        position = _utf16(state.text[: state.offset])
        request = {
            "filepath": unquote(urlsplit(state.uri).path),
            "language": state.language,
            "text": state.text,
            "position": position,
            "manually": False,
        }
        number, reply = self._send("provideCompletions", request, {"signal": True})
        self._asked = number, reply
        reply.add_done_callback(lambda done: self._answered(number, state, position, done))

    async def idle(self) -> float:
        """Cancel, wait for the reply to that, for the adapter and for llama-server."""
        started = time.perf_counter()
        if (reply := self._cancel()) is not None:
            await asyncio.wait([reply], timeout=REPLY_S)
        if self._adapter is not None:
            await self._adapter.idle()
        await self._server.idle()
        return time.perf_counter() - started

    async def close(self, uri: str) -> None:
        """Cancel what was asked."""
        del uri
        self._cancel()

    def saved(self, state: State) -> None:
        """Its plugin does not tell of saved files."""

    async def usage(self) -> Usage:
        """Of llama-server and the agent; the adapter is a part of this process, and not counted.

        Tokens are those that llama-server counts, which knows the prompts of cancelled requests but not what was
        generated for them, or those that the adapter saw, where they are more.
        """
        total = self._adapter.total if self._adapter else Cost()
        requests = self._adapter.requests if self._adapter else 0
        evaluated, generated = await self._server.tokens()
        return Usage(*self._meter.spent(), max(evaluated, total.evaluated), max(generated, total.generated), requests)

    async def stop(self) -> None:
        """End the agent, the adapter and llama-server."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()
            await self._listening
            self._home.cleanup()
        if hasattr(self, "_meter"):
            await self._meter.end()
        if self._adapter is not None:
            await self._adapter.stop()
        await self._server.stop()

    # ---- the agent's lines ------------------------------------------------------------------------------------------

    def _cancel(self) -> asyncio.Future[Json] | None:
        if self._asked is None:
            return None
        (number, reply), self._asked = self._asked, None
        self._send("cancelRequest", number)
        return reply

    def _answered(self, number: int, state: State, position: int, reply: asyncio.Future[Json]) -> None:
        if reply.cancelled() or self._asked is None or self._asked[0] != number:
            return
        self._asked = None
        said = reply.result() or {}
        choices = said.get("choices") or []
        text = ghost_text(choices[0], state, position) if choices else ""
        cost = self._adapter.costs.pop(said.get("id", ""), None) if self._adapter else None
        reason = "answer" if cost else "cached" if choices else "no suggestion"
        cost = cost or Cost()
        self._show(Shown(state.version, text, reason, cost.evaluated, cost.reused, cost.generated, cost.server_ms))

    async def _ask(self, function: str, *arguments: Json) -> Json:
        return await asyncio.wait_for(self._send(function, *arguments)[1], REPLY_S)

    def _send(self, function: str, *arguments: Json) -> tuple[int, asyncio.Future[Json]]:
        self._count += 1
        reply = self._waiting[self._count] = asyncio.get_running_loop().create_future()
        line = json.dumps([self._count, {"func": function, "args": list(arguments)}])
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError, RuntimeError):
                self._process.stdin.write(line.encode() + b"\n")
        return self._count, reply

    async def _listen(self, lines: asyncio.StreamReader | None) -> None:
        assert lines is not None  # noqa: S101 - a pipe was asked for
        while line := await lines.readline():
            with suppress(ValueError):
                number, said = json.loads(line)
                if (reply := self._waiting.pop(number, None)) is not None:  # 0 is an event, which nobody waits for
                    reply.set_result(said)
        for reply in self._waiting.values():
            reply.cancel()
        self._waiting.clear()


def ghost_text(choice: Json, state: State, position: int) -> str:
    """What a choice inserts at the cursor, without the end that takes the place of what stands after it.

    Args:
        choice: with its text and the range that it replaces.
        state: what it was asked for.
        position: of the cursor, UTF-16 units.
    """
    place = choice["replaceRange"]
    text = _slice16(choice["text"], position - place["start"], None)
    replaced = _slice16(state.text[state.offset :], 0, place["end"] - position)
    return text.removesuffix(replaced)


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _slice16(text: str, start: int, end: int | None) -> str:
    units = text.encode("utf-16-le")
    return units[2 * start : None if end is None else 2 * end].decode("utf-16-le", "replace")


def program(name: str) -> str:
    """Where a program of Node's is.

    Raises:
        TabbyError: it is not there.
    """
    if (path := shutil.which(name)) is None:
        raise TabbyError(f"There is no {name}, which Tabby's agent needs.", NODE_REMEDY)
    return path


def installed() -> Path:
    """The agent's program in the cache folder; npm gets it there the first time.

    Raises:
        TabbyError: there is no npm, or it failed.
    """
    from platformdirs import user_cache_path

    folder = user_cache_path("tabby-lsp", appauthor=False) / "bench" / f"tabby-agent-{AGENT_VERSION}"
    script = Path("node_modules", "tabby-agent", "dist", "cli.js")
    if not (folder / script).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
            _install(Path(fresh))
            shutil.rmtree(folder, ignore_errors=True)
            Path(fresh, "agent").rename(folder)
    return folder / script


def _install(fresh: Path) -> None:
    target = fresh / "agent"
    target.mkdir()
    options = ("--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev")
    line = (program("npm"), "install", *options, "--prefix", str(target), f"tabby-agent@{AGENT_VERSION}")
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise TabbyError(
            "npm did not install Tabby's agent in time.", "Try again, or look at npm's settings."
        ) from error
    if done.returncode:
        raise TabbyError(f"npm could not install Tabby's agent: {done.stderr.strip()[-300:]}", NODE_REMEDY)


def create(gguf: Path) -> TabbyAgent:
    """Tabby's agent before a llama-server with this model."""
    return TabbyAgent(LlamaServer(gguf))
