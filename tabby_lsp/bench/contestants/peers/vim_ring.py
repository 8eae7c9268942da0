"""llama.vim's extra context: pieces of files where the cursor was, sent before the text around the cursor.

Facts from llama.vim's own source (`autoload/llama.vim` at 381730b, 2026). Left out: pieces that are yanked, which a
replay does not do.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tabby_lsp.bench.contestants.peers.vim_context import PREFIX_LINES, SUFFIX_LINES

CHUNKS, QUEUED = 16, 16
CHUNK_LINES = 64
SCOPE_LINES = 1024
FEWEST_LINES = 3
FAR_LINES = 32
"""Lines that the cursor must have moved before pieces are picked again."""
SAME, ALIKE = 0.9, 0.5
"""Likeness from which a piece is the same as another, and from which it would only be repeated by the model."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of a file."""

    file: str
    lines: tuple[str, ...]


class Ring:
    """The pieces that are sent, and those that wait to be.

    Args:
        seed: of the choice of lines, which llama.vim leaves to chance.
    """

    def __init__(self, seed: int = 0) -> None:
        self._chunks: list[Chunk] = []
        self._queued: list[Chunk] = []
        self._picked_at = -9999
        self._random = random.Random(seed)  # noqa: S311 - the same at each run, no secret

    def extra(self) -> list[dict[str, str]]:
        """What a request carries."""
        return [{"filename": chunk.file, "text": "\n".join(chunk.lines) + "\n"} for chunk in self._chunks]

    def enter(self, file: str, lines: Sequence[str], row: int) -> None:
        """A file is opened."""
        self._pick(file, _near(lines, row), evict=True)

    def saved(self, file: str, lines: Sequence[str], row: int) -> None:
        """A file is saved and then left: a piece is picked at either."""
        for _ in ("saved", "left"):
            self._pick(file, _near(lines, row), evict=True)

    def asked(self, lines: Sequence[str], row: int) -> None:
        """A request is about to be sent: what is like the text around the cursor is left out from now on."""
        start = self._start(near := _near(lines, row))
        here = near[start : start + CHUNK_LINES // 2 + 1]
        self._chunks = [chunk for chunk in self._chunks if likeness(chunk.lines, here) <= ALIKE]

    def sent(self, file: str, lines: Sequence[str], row: int) -> None:
        """A request has been sent: pick what is just outside of it, if the cursor is far from where that was last."""
        if abs(row - self._picked_at) <= FAR_LINES:
            return
        last, number = len(lines), row + 1  # lines are counted from 1 here
        before, after = max(1, number - PREFIX_LINES), min(last, number + SUFFIX_LINES)
        self._pick(file, lines[max(1, number - SCOPE_LINES) - 1 : before], evict=False)
        self._pick(file, lines[after - 1 : min(last, number + SUFFIX_LINES + CHUNK_LINES)], evict=False)
        self._picked_at = row

    def advance(self) -> bool:
        """Take one piece from those that wait; returns whether there was one."""
        if not self._queued:
            return False
        self._chunks = [*self._chunks[-(CHUNKS - 1) :], self._queued.pop(0)]
        return True

    def _pick(self, file: str, lines: Sequence[str], *, evict: bool) -> None:
        if len(lines) < FEWEST_LINES:
            return
        if len(lines) + 1 >= CHUNK_LINES:
            start = self._start(lines)
            lines = lines[start : start + CHUNK_LINES // 2 + 1]
        chunk = Chunk(file, tuple(lines))
        known = [*self._chunks, *self._queued]
        if any(other.lines == chunk.lines for other in known):
            return
        alike = [other for other in known if likeness(other.lines, chunk.lines) > SAME]
        if alike and not evict:
            return
        self._chunks = [other for other in self._chunks if other not in alike]
        self._queued = [*[other for other in self._queued if other not in alike][-(QUEUED - 1) :], chunk]

    def _start(self, lines: Sequence[str]) -> int:
        return self._random.randint(0, max(0, len(lines) - CHUNK_LINES // 2))


def likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """How many words of one are in the other, from 0 to about 1."""
    mine, theirs = (re.findall(r"\w+", "\n".join(lines)) for lines in (one, other))
    if not mine and not theirs:
        return 1.0
    known = set(mine)
    return 2.0 * sum(word in known for word in theirs) / (len(mine) + len(theirs))


def _near(lines: Sequence[str], row: int) -> Sequence[str]:
    return lines[max(0, row - CHUNK_LINES // 2) : row + CHUNK_LINES // 2 + 1]
