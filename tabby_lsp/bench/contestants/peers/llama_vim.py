"""llama-server's `/infill` asked as llama.vim asks it: at each key, one request at a time, and ahead of an accept.

Facts from llama.vim's own source (`autoload/llama.vim` at 381730b, 2026). A key looks into the cache, shows what it
finds, and asks ahead for what would follow it; then it asks for its own place. While a request runs no other is sent
and none is cancelled: what came last tries again every 100 ms. An answer is kept, and shown where the cursor is by
then, if what was typed since agrees with it.

Better off here than in an editor: no `curl` is started for each request, and what waits for its turn is dropped when
the cursor leaves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from tabby_lsp.bench.contestants.peers.llama_server import LlamaServer, Meter
from tabby_lsp.bench.contestants.peers.loopback import Json
from tabby_lsp.bench.contestants.peers.vim_context import Answer, Cache, Hint, Key, Local, around, as_if_accepted, hint
from tabby_lsp.bench.contestants.peers.vim_ring import Ring
from tabby_lsp.bench.types import Change, Show, Shown, State, Usage
from tabby_lsp.errors import TabbyError

TOKENS = 128
MOST_REST = 8
"""Characters after the cursor in its line from which nothing is asked."""
AGAIN_S = 0.1
PROMPT_MS = 500
"""Sent as llama.vim does; llama-server does not know it."""
PREDICT_MS, PREDICT_AHEAD_MS = 250, 1000
"""After the first line break generation ends at this time; more of it ahead of an accept."""
ENTER_S, RING_S, STILL_S = 0.1, 1.0, 3.0
FIELDS = (
    "content",
    "timings/prompt_n",
    "timings/prompt_ms",
    "timings/predicted_n",
    "timings/predicted_ms",
    "timings/cache_n",  # the only one that llama.vim does not ask for
)


class LlamaVim:
    """llama.vim before llama-server.

    Args:
        server: not started yet.
    """

    name = "llama-vim"

    def __init__(self, server: LlamaServer) -> None:
        self._server = server
        self._show: Show = lambda _: None
        self._cache = Cache()
        self._ring = Ring()
        self._state: State | None = None
        self._lines: list[str] = []
        self._inserting = False
        self._resting = True
        self._moved_at = 0.0
        self._hint: Hint | None = None
        self._shown: tuple[int, str] | None = None
        self._indent = -1
        self._job: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._requests = 0

    async def start(self, show: Show) -> None:
        """Start llama-server and wait until it has loaded the model."""
        self._show = show
        await self._server.start()
        self._meter = Meter(self._server.tree)
        self._ringing = asyncio.create_task(self._keep_ring())

    async def open(self, state: State) -> None:
        """Look at a document; a piece of it becomes extra context."""
        self._see(state)
        self._inserting = self._resting = False
        asyncio.get_running_loop().call_later(
            ENTER_S, self._ring.enter, file_name(state), tuple(self._lines), state.line
        )

    def moved(self, state: State) -> None:
        """It asks for nothing before a key is pressed."""
        self._see(state)

    def pressed(self, state: State, change: Change, *, ask: bool) -> None:
        """Hide what is shown, show what is known for the new place, and ask."""
        del change
        self._see(state)
        self._hint = None
        self._inserting = ask
        if ask:
            self._try_hint(None)
            self._fim(None)

    async def idle(self) -> float:
        """Leave insert mode; the request that runs is waited for, as it is not cancelled.

        Nothing is computed from then on until the next document, so that others are measured alone.
        """
        started = time.perf_counter()
        self._inserting, self._resting, self._hint = False, True, None
        self._stop_timer()
        if self._job is not None:
            await asyncio.wait([self._job])
        await self._server.idle()
        return time.perf_counter() - started

    async def close(self, uri: str) -> None:
        """Nothing is left to do."""
        del uri
        await self.idle()

    def saved(self, state: State) -> None:
        """Pieces of it become extra context."""
        self._see(state)
        self._resting = False
        self._ring.saved(file_name(state), self._lines, state.line)

    async def usage(self) -> Usage:
        """Of llama-server alone: llama.vim's own work is done here."""
        return Usage(*self._meter.spent(), *await self._server.tokens(), self._requests)

    async def stop(self) -> None:
        """End llama-server."""
        self._stop_timer()
        tasks = [task for task in (self._job, getattr(self, "_ringing", None)) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if hasattr(self, "_meter"):
            await self._meter.end()
        await self._server.stop()

    # ---- asking -----------------------------------------------------------------------------------------------------

    def _fim(self, ahead: Hint | None) -> None:
        """Ask for the cursor's place, or for the one after a suggestion is accepted."""
        if self._job is not None:
            self._stop_timer()
            self._timer = asyncio.get_running_loop().call_later(AGAIN_S, self._fim, ahead)
            return
        assert self._state is not None  # noqa: S101 - a document is open
        row, column = (ahead.row, ahead.column) if ahead else (self._state.line, self._state.column)
        place = (
            as_if_accepted(self._lines, row, ahead.content, self._indent) if ahead else around(self._lines, row, column)
        )
        if len(place.rest) > MOST_REST:
            self._nothing("text after the cursor")
            return
        if any([self._cache.get(key) is not None for key in place.kept_under()]):  # noqa: C419 - each one counts as used
            self._nothing("cached for a place above")
            return
        self._indent = place.indent
        self._ring.asked(self._lines, self._state.line)
        version = None if ahead else self._state.version
        self._job = asyncio.create_task(
            self._request(self._body(place, ahead is not None), place.kept_under(), version)
        )
        self._ring.sent(file_name(self._state), self._lines, row)

    def _body(self, place: Local, is_ahead: bool) -> Json:
        return {
            "id_slot": 0,
            "input_prefix": place.prefix,
            "input_suffix": place.suffix,
            "input_extra": self._ring.extra(),
            "prompt": place.middle,
            "n_predict": TOKENS,
            "stop": [],
            "n_indent": place.indent,
            "top_k": 40,
            "top_p": 0.9,
            "samplers": ["top_k", "top_p", "infill"],
            "stream": False,
            "cache_prompt": True,
            "t_max_prompt_ms": PROMPT_MS,
            "t_max_predict_ms": PREDICT_AHEAD_MS if is_ahead else PREDICT_MS,
            "response_fields": list(FIELDS),
        }

    async def _request(self, body: Json, keys: Sequence[Key], version: int | None) -> None:
        self._requests += 1
        try:
            reply = await self._server.complete("/infill", body)
            answer = read(reply)
            for key in keys:
                self._cache.put(key, answer)
            if self._hint is None or not self._hint.counts:
                self._try_hint(answer)
        except (OSError, TabbyError, KeyError, ValueError):
            pass  # llama.vim says so and goes on
        finally:
            self._job = None
        if self._state is not None and version == self._state.version:
            self._nothing("no suggestion")

    # ---- showing ----------------------------------------------------------------------------------------------------

    def _try_hint(self, fresh: Answer | None) -> None:
        """Show what the cache has for the cursor's place, and ask ahead.

        Args:
            fresh: the answer that has just come; None at a key.
        """
        if not self._inserting or self._state is None:
            return
        row, column = self._state.line, self._state.column
        place = around(self._lines, row, column)
        if (answer := self._cache.get(place.key)) is not None:
            reason = "answer" if answer is fresh else "cached"
        elif rest := self._cache.typed_into(place):
            answer, reason = Answer(rest), "typed into"
        else:
            return
        self._hint = hint(self._lines, row, column, answer.text)
        self._emit(self._hint.text, reason, answer if answer is fresh else Answer(""))
        self._fim(self._hint)

    def _nothing(self, reason: str) -> None:
        """Say that nothing is shown, unless something was said of this version."""
        if self._inserting and self._state is not None and (self._shown or (None,))[0] != self._state.version:
            self._emit("", reason, Answer(""))

    def _emit(self, text: str, reason: str, cost: Answer) -> None:
        assert self._state is not None  # noqa: S101 - a document is open
        version = self._state.version
        if self._shown != (version, text):
            self._shown = (version, text)
            self._show(Shown(version, text, reason, cost.evaluated, cost.reused, cost.generated, cost.server_ms))

    # ---- around it --------------------------------------------------------------------------------------------------

    def _see(self, state: State) -> None:
        self._state, self._moved_at = state, time.perf_counter()
        self._lines = state.text.split("\n")
        if len(self._lines) - 1 > state.line and not self._lines[-1]:
            self._lines.pop()  # no line to Vim

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    async def _keep_ring(self) -> None:
        """While nobody types, let the server evaluate one more piece a second."""
        while True:
            await asyncio.sleep(RING_S)
            if self._resting or (self._inserting and time.perf_counter() - self._moved_at < STILL_S):
                continue
            if self._ring.advance():
                none = {"input_prefix": "", "input_suffix": "", "prompt": "", "n_predict": 0, "samplers": []}
                limits = {"temperature": 0.0, "t_max_prompt_ms": 1, "t_max_predict_ms": 1, "response_fields": [""]}
                always = {"id_slot": 0, "stream": False, "cache_prompt": True, "input_extra": self._ring.extra()}
                with suppress(OSError, TabbyError):
                    await self._server.complete("/infill", none | limits | always)


def read(reply: Json) -> Answer:
    """The server's reply to `/infill` with `FIELDS`."""
    return Answer(
        reply["content"],
        reply.get("timings/prompt_n", 0),
        reply.get("timings/cache_n", 0),
        reply.get("timings/predicted_n", 0),
        reply.get("timings/prompt_ms", 0.0) + reply.get("timings/predicted_ms", 0.0),
    )


def file_name(state: State) -> str:
    """The last part of a document's path."""
    return unquote(state.uri.rpartition("/")[2])


def create(gguf: Path) -> LlamaVim:
    """llama.vim before a llama-server with this model."""
    return LlamaVim(LlamaServer(gguf))
