"""A contestant that speaks LSP over its standard streams and offers textDocument/inlineCompletion: ours, and others.

It behaves as editors do: a change and a request at each key, and the request before is cancelled by then. Nothing
is held back: an answer for an older version is passed on as such, so that stale ones are found.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tabby_lsp.bench.contestants.processes import Tree
from tabby_lsp.bench.contestants.programs import Program, Trace, ghost_text
from tabby_lsp.bench.contestants.wire import Json, Refused, Wire
from tabby_lsp.bench.types import Change, Show, Shown, State, Usage
from tabby_lsp.errors import TabbyError

START_S = 180.0
"""Seconds for a server to load its model, a first start with its preflight on a busy machine included."""
REPLY_S = 30.0
AUTOMATIC = 2
"""`InlineCompletionTriggerKind`: not asked for by hand."""
CHANGED = 2
"""`FileChangeType`: not created, not deleted."""
INLINE_COMPLETION = "textDocument/inlineCompletion"
STATISTICS = "tabby-lsp.statistics"


class LanguageServer:
    """A server process with an editor before it.

    Args:
        program: what to start.
        folders: the workspace; empty: documents stand alone.
    """

    def __init__(self, program: Program, folders: Sequence[Path] = ()) -> None:
        self.name = program.name
        self._folders = [{"uri": folder.as_uri(), "name": folder.name} for folder in folders] or None
        self._program = program
        self._show: Show = lambda _: None
        self._asked: tuple[int, asyncio.Future[Json]] | None = None
        self._state: State | None = None
        self._traces: dict[int | None, Trace] = {}
        self._cpu_before = 0.0

    # ---- start and end ----------------------------------------------------------------------------------------------

    async def start(self, show: Show) -> None:
        """Start the process and wait until its model is loaded."""
        self._show = show
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process; closed in `stop`
        self._process = await asyncio.create_subprocess_exec(
            *self._program.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=dict(self._program.environment),
            start_new_session=True,  # Ctrl-C is for us; we end it
        )
        self._tree = Tree([self._process.pid])
        self._tree.watch()
        out, into = self._process.stdout, self._process.stdin
        if out is None or into is None:  # both are pipes
            raise TabbyError(f"{self.name} has no standard streams.")
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wire = Wire(out, into, self._told, self._answers())
        try:
            async with asyncio.timeout(START_S):
                await self._handshake()
        except (TimeoutError, Refused, TabbyError) as error:
            said = error.message if isinstance(error, TabbyError) else f"{type(error).__name__} {error}".strip()
            remedy = error.remedy if isinstance(error, TabbyError) else ""
            raise TabbyError(f"{self.name} does not start: {said} {self._last_words()}".strip(), remedy) from error
        self._cpu_before = self._tree.cpu_s()

    async def _handshake(self) -> None:
        params = {
            "processId": os.getpid(),
            "clientInfo": {"name": "tabby-lsp bench"},
            "capabilities": self._program.capabilities,
            "rootUri": self._folders[0]["uri"] if self._folders else None,
            "workspaceFolders": self._folders,
            "initializationOptions": self._program.options,
            "trace": "verbose",
        }
        await self._wire.request("initialize", params)[1]
        self._wire.notify("initialized", {})
        if self._program.ready is None:
            self._ready.set_result(None)
        await asyncio.wait((self._ready, self._wire.ended), return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.done():
            raise TabbyError("It ended.")
        self._ready.result()

    def _answers(self) -> dict[str, Callable[[Json], Json]]:
        return {
            "window/workDoneProgress/create": lambda _: None,
            "client/registerCapability": lambda _: None,
            "client/unregisterCapability": lambda _: None,
            "window/showMessageRequest": lambda _: None,
            "workspace/configuration": lambda params: [None] * len(params["items"]),
            "workspace/workspaceFolders": lambda _: self._folders,
        }

    async def stop(self) -> None:
        """End the process, politely first."""
        if not hasattr(self, "_process"):
            return
        if hasattr(self, "_wire"):
            with suppress(TimeoutError, Refused, TabbyError):
                await self._wire.ask("shutdown", None, 10)
                self._wire.notify("exit", None)
                await asyncio.wait_for(self._process.wait(), 10)
            await self._wire.close()
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self._tree.close()
        self._log.close()

    # ---- a document -------------------------------------------------------------------------------------------------

    async def open(self, state: State) -> None:
        """Say didOpen."""
        item = {"uri": state.uri, "languageId": state.language, "version": state.version, "text": state.text}
        self._lines = state.text.split("\n")
        self._wire.notify("textDocument/didOpen", {"textDocument": item})

    def moved(self, state: State) -> None:
        """Say where the cursor rests, where the server is told that by its editor's part."""
        if self._program.cursor:
            place = self._place((state.line, state.column))
            self._wire.notify(self._program.cursor, {"textDocument": {"uri": state.uri}, "position": place})

    def pressed(self, state: State, change: Change, *, ask: bool) -> None:
        """Say didChange, ask for the new place, and cancel the question before."""
        if self._wire.ended.done():
            raise TabbyError(f"{self.name} has ended. {self._last_words()}")
        places = {"start": self._place(change.start), "end": self._place(change.end)}
        self._lines = state.text.split("\n")
        document = {"uri": state.uri, "version": state.version}
        content = [{"range": places, "text": change.text}]
        self._wire.notify("textDocument/didChange", {"textDocument": document, "contentChanges": content})
        self._cancel()
        self._state = state if ask else None
        if ask:
            self._asked = self._ask(state)

    def _ask(self, state: State, *, again: bool = False) -> tuple[int, asyncio.Future[Json]]:
        place = self._place((state.line, state.column))
        context = {"triggerKind": AUTOMATIC}
        params = {"textDocument": {"uri": state.uri}, "position": place, "context": context}
        number, reply = self._wire.request(INLINE_COMPLETION, params)
        reply.add_done_callback(lambda future: self._answered(number, state, place, future, again=again))
        return number, reply

    def _answered(self, number: int, state: State, place: Json, reply: asyncio.Future[Json], *, again: bool) -> None:
        trace = self._traces.pop(number, None) or self._traces.pop(None, None) or Trace()
        if reply.cancelled() or reply.exception() is not None:
            return  # cancelled: there is nothing to show, and nobody waits
        result = reply.result() or []
        items = result.get("items", []) if isinstance(result, dict) else result
        text = ghost_text(items[0], state, place) if items else ""
        counters = trace.counters
        self._show(
            Shown(
                state.version,
                text,
                trace.reason,
                counters.get("evaluated"),
                counters.get("reused"),
                counters.get("generated"),
                trace.server_ms,
                trace.outside_ms,
                final=trace.final and not again,  # where there was more, there may be more of it
            )
        )

    def _cancel(self) -> asyncio.Future[Json] | None:
        if self._asked is None or self._asked[1].done():
            return None
        number, reply = self._asked
        self._asked = None
        self._wire.notify("$/cancelRequest", {"id": number})
        return reply

    async def idle(self) -> float:
        """Cancel, wait for the reply to that, and for the processes to rest."""
        self._state, started = None, asyncio.get_running_loop().time()
        if (reply := self._cancel()) is not None:
            await asyncio.wait([reply], timeout=REPLY_S)
        replied = asyncio.get_running_loop().time() - started
        return replied + await self._tree.rest()

    async def close(self, uri: str) -> None:
        """Say didClose."""
        self._cancel()
        self._wire.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def saved(self, state: State) -> None:
        """Say didChangeWatchedFiles."""
        self._wire.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": state.uri, "type": CHANGED}]})

    # ---- what it costs ----------------------------------------------------------------------------------------------

    async def usage(self) -> Usage:
        """What it has cost since it was ready."""
        engine: dict[str, int] = {}
        cpu_s = self._tree.cpu_s() - self._cpu_before
        with suppress(Refused, TimeoutError, TabbyError):
            params = {"command": STATISTICS, "arguments": []}
            said = await self._wire.ask("workspace/executeCommand", params, REPLY_S)
            engine = said.get("engine") or {} if isinstance(said, dict) else {}
        counts = (engine.get(name) for name in ("evaluated", "generated", "requests"))
        return Usage(cpu_s, self._tree.peak_mb(), *counts)

    # ---- what it says -----------------------------------------------------------------------------------------------

    def _told(self, method: str, params: Json) -> None:
        if method == "$/logTrace":
            trace = self._program.trace(params)
            self._traces[trace.request] = trace
        elif not self._ready.done():
            try:
                if self._program.ready is not None and self._program.ready(method, params):
                    self._ready.set_result(None)
            except TabbyError as error:
                self._ready.set_exception(error)
        elif self._state is not None and self._program.again(method, params) == self._state.version:
            self._cancel()
            self._asked = self._ask(self._state, again=True)

    def _place(self, place: tuple[int, int]) -> dict[str, int]:
        line, column = place
        return {"line": line, "character": len(self._lines[line][:column].encode("utf-16-le")) // 2}

    def _last_words(self) -> str:
        with suppress(OSError, ValueError):
            self._log.seek(0)
            lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
            return f"Its log ends with: {lines[-1]}" if lines else ""
        return ""
