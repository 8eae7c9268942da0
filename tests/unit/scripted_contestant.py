"""A contestant that does what a table says, and scripts to type into it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tabby_lsp.bench.edited import edits
from tabby_lsp.bench.replay.clock import Clock
from tabby_lsp.bench.types import Change, Script, Show, Shown, State, Usage

PATIENT = Clock("patient", patience_s=0.05)


@dataclass
class Scripted:
    """Shows what `says` answers to the text before the cursor; None is silence, a number is seconds of delay."""

    says: Callable[[str], str | tuple[float, str] | None]
    name: str = "scripted"
    text: str = ""
    versions: list[int] = field(default_factory=list[int])
    asked: list[bool] = field(default_factory=list[bool])
    log: list[str] = field(default_factory=list[str])
    files: list[tuple[State, str]] = field(default_factory=list[tuple[State, str]])

    async def start(self, show: Show) -> None:
        self.show = show
        self.log.append("start")

    async def open(self, state: State) -> None:
        self.log.append("open")
        self.text = state.text
        self.versions.append(state.version)

    def moved(self, state: State) -> None:
        self.log.append(f"moved to {state.line}:{state.column}")

    def pressed(self, state: State, change: Change, *, ask: bool) -> None:
        lines = self.text.split("\n")
        start, end = (sum(len(line) + 1 for line in lines[:at]) + column for at, column in (change.start, change.end))
        self.text = self.text[:start] + change.text + self.text[end:]
        assert self.text == state.text
        assert state.offset == start + len(change.text)
        self.versions.append(state.version)
        self.asked.append(ask)
        said = self.says(state.text[: state.offset]) if ask else None
        if isinstance(said, tuple):
            shown = Shown(state.version, said[1])
            asyncio.get_running_loop().call_later(said[0], self.show, shown)
        elif said is not None:
            self.show(Shown(state.version, said, "said", evaluated=3, reused=4, generated=5))

    async def idle(self) -> float:
        self.log.append("idle")
        return 0.25

    async def close(self, uri: str) -> None:
        self.log.append("close")

    def saved(self, state: State) -> None:
        self.log.append("saved")
        self.files.append((state, Path(unquote(urlsplit(state.uri).path)).read_text()))

    async def usage(self) -> Usage:
        return Usage(len(self.asked) / 10, 50.0, None, len(self.asked) * 7)

    async def stop(self) -> None:
        self.log.append("stop")


def script_of(base: str, new: str) -> Script:
    return Script("f.py", "s", "python", base, tuple(edits.hunks(base, new)), new)
