"""The typist: opens a document, makes its edits key by key, takes what is right, and keeps a record of each key.

A suggestion is on the screen only for the version that it was made for. It is taken at the time of the next key, if
it begins what remains to be typed. One that comes for an older version, longer after the newer change than a message
may cross it, is stale: an editor that trusts its server would have shown it at the wrong place.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace

from tabby_lsp.bench.edited import edits
from tabby_lsp.bench.replay.clock import Clock
from tabby_lsp.bench.types import Change, Contestant, Hunk, Key, Phase, Script, Session, Shown, State, Usage

FEWEST_CHARACTERS = 4
"""A suggestion with fewer is not accepted."""
CROSSING_MS = 50.0
"""Milliseconds in which an answer and a newer change may cross."""

_WORDS = re.compile(r"\s*(?:\w+|[^\w\s])|\s+\Z")


def is_right(shown: str, remaining: str) -> bool:
    """Whether a suggestion is accepted."""
    return len(shown) >= FEWEST_CHARACTERS and remaining.startswith(shown)


def right_words(shown: str, remaining: str) -> int:
    """Characters of a suggestion that agree with what remains, up to the end of its last whole word."""
    agree = edits.agreeing(shown, remaining)
    return max((end for found in _WORDS.finditer(shown) if (end := found.end()) <= agree), default=0)


def line_is_exact(shown: str, remaining: str) -> bool | None:
    """Whether the first line of a suggestion is the rest of the line; None where nothing is shown.

    At a line's end the next line is the first one, on both sides.
    """
    if not shown:
        return None
    if not remaining:
        return False
    if shown.startswith("\n") and remaining.startswith("\n"):
        shown, remaining = shown[1:], remaining[1:]
    return shown.split("\n")[0].rstrip() == remaining.split("\n")[0].rstrip()


class Screen:
    """What a contestant shows, passed on to the typist at work; versions go on from one document to the next.

    Args:
        contestant: not started yet.
    """

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        self.version = 0
        self.typist: Typist | None = None

    async def start(self) -> None:
        """Start the contestant."""
        await self.contestant.start(self._show)

    def _show(self, shown: Shown) -> None:
        if self.typist is not None:
            self.typist.show(shown)


class Typist:
    """One contestant through one script.

    Args:
        screen: the contestant's.
        script: the edits.
        clock: when keys come.
        uri: of the document.
        most_keys: places in the typed text after which the session ends, whatever remains.
    """

    def __init__(self, screen: Screen, script: Script, clock: Clock, uri: str, most_keys: int) -> None:
        self._screen, self._contestant = screen, screen.contestant
        self._script, self._clock, self._left = script, clock, most_keys
        self._state = State(uri, script.language, screen.version, script.base, 0, 0)
        self._session = Session(self._contestant.name, script.name, script.source, script.language)
        self._hunk = 0
        self._on_screen = ""
        self._answered = False
        self._final = True
        self._news = asyncio.Event()
        self._started = time.perf_counter()
        self._pressed_at: dict[int, float] = {}
        self._by_version: dict[int, Key] = {}

    async def run(self) -> Session:
        """Make the edits; returns the record. The document stays open."""
        before = await self._contestant.usage()
        self._screen.typist = self
        await self._contestant.open(self._new_version())
        try:
            for number, hunk in enumerate(self._script.hunks):
                self._hunk = number
                if self._left <= 0:
                    break
                if edits.worth_typing(hunk):
                    await self._type(hunk)
                else:
                    self._replace(hunk.start, hunk.removed, hunk.typed, ask=False)
            # what is computed for this document, in idle time too, is this session's cost and must not disturb the next
            self._session.cancel_to_idle_ms.append(await self._contestant.idle() * 1e3)
        finally:
            self._screen.typist = None
        self._session.usage = _spent(before, await self._contestant.usage())
        return self._session

    def show(self, shown: Shown) -> None:
        """Take what the contestant shows."""
        now, key = time.perf_counter(), self._by_version.get(shown.version)
        if key is None:
            return
        key.answer = shown if key.answer is None else _more(key.answer, shown)
        if shown.version != self._state.version:
            newer = self._pressed_at[min(v for v in self._pressed_at if v > shown.version)]
            key.late |= bool(shown.text) and (now - newer) * 1e3 > CROSSING_MS
            return
        self._on_screen = shown.text
        self._answered = True
        self._final = shown.final
        self._news.set()
        if shown.text:
            if key.waited_ms is None:
                key.waited_ms = (now - self._pressed_at[shown.version]) * 1e3
            self._seen(now)

    def _seen(self, now: float) -> None:
        """Something is on the screen: that is what all keys of this hunk were waiting for."""
        for version, key in reversed(self._by_version.items()):
            if key.hunk != self._hunk or key.until_seen_ms is not None:
                break
            key.until_seen_ms = (now - self._pressed_at[version]) * 1e3

    async def _type(self, hunk: Hunk) -> None:
        name, at, typed = self._script.name, 0, hunk.typed
        if hunk.removed:
            self._replace(hunk.start, hunk.removed, "", ask=False)
        else:
            line, column = edits.place(self._state.text, hunk.start)
            self._contestant.moved(replace(self._state, line=line, column=column))
        await asyncio.sleep(self._clock.before_hunk(name, self._hunk, first=not self._session.keys))
        while at < len(typed) and self._left > 0:
            accepted = is_right(self._on_screen, typed[at:])
            text = self._on_screen if accepted else edits.keys(typed[at:])[0]
            self._press(hunk.start + at, text, typed[at + len(text) :], accepted=accepted)
            at += len(text)
            self._left -= len(edits.keys(text))
            await self._wait(self._clock.before_key(name, self._hunk, typed, at))
            self._judge(self._session.keys[-1])
        self._on_screen = ""

    async def _wait(self, gap: float) -> None:
        """Wait until the next key's time."""
        if self._clock.typing:
            await asyncio.sleep(gap)
            return
        patience = self._clock.patience_s
        while not (self._answered and self._final):
            self._news.clear()
            try:
                async with asyncio.timeout(self._clock.more_s if self._answered else patience):
                    await self._news.wait()
            except TimeoutError:
                return

    def _press(self, start: int, text: str, remaining: str, *, accepted: bool) -> None:
        keys = self._session.keys
        phase: Phase = "cold" if not keys else "elsewhere" if keys[-1].hunk != self._hunk else "warm"
        now = time.perf_counter()
        key = Key(now - self._started, self._hunk, phase, text, accepted, remaining)
        keys.append(key)
        self._replace(start, 0, text, ask=True, key=key)

    def _judge(self, key: Key) -> None:
        """The next key's time has come: note what stands on the screen."""
        key.shown = self._on_screen
        key.right = is_right(key.shown, key.remaining)
        key.right_words = right_words(key.shown, key.remaining)
        key.line_exact = line_is_exact(key.shown, key.remaining)
        key.cancelled = not self._answered

    def _replace(self, start: int, removed: int, text: str, *, ask: bool, key: Key | None = None) -> None:
        old = self._state.text
        change = Change(edits.place(old, start), edits.place(old, start + removed), text)
        new = old[:start] + text + old[start + removed :]
        line, column = edits.place(new, start + len(text))
        self._on_screen = ""
        self._answered = False
        state = self._new_version(text=new, line=line, column=column)
        self._pressed_at[state.version] = time.perf_counter()
        if key is not None:
            self._by_version[state.version] = key
        self._contestant.pressed(state, change, ask=ask)

    def _new_version(self, **changes: object) -> State:
        self._screen.version += 1
        self._state = replace(self._state, version=self._screen.version, **changes)
        return self._state


def _more(first: Shown, then: Shown) -> Shown:
    """An answer that goes on with an earlier one: both have cost, and the first one's time is what was waited."""

    def both(name: str) -> int | None:
        one, other = getattr(first, name), getattr(then, name)
        return other if one is None else one if other is None else one + other

    counters = {name: both(name) for name in ("evaluated", "reused", "generated")}
    return replace(then, reason=first.reason, server_ms=first.server_ms, outside_ms=first.outside_ms, **counters)


def _spent(before: Usage, after: Usage) -> Usage:
    def more(name: str) -> int | None:
        was, is_now = getattr(before, name), getattr(after, name)
        return None if was is None or is_now is None else is_now - was

    return Usage(after.cpu_s - before.cpu_s, after.peak_mb, *map(more, ("evaluated", "generated", "requests")))
