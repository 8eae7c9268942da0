"""How lines are cut into pieces of a bounded size, at the places where a reader would cut them."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_LINES = 60
"""Lines of a definition that stays whole."""
MOST_CHARACTERS = 2400
"""Characters of a chunk: some 700 tokens, which embedding models of 512 read the better part of."""
MERGED_LINES = 40
"""Lines up to which small neighbours share a chunk."""
LEAST_LINES = 15
"""Lines from which on a chunk of neighbours may end; where it does is for the neighbours to say."""
WINDOW_LINES = 40
"""Lines of a window where nothing tells where things begin and end."""
OVERLAP_LINES = 8
"""Lines that such windows share, so that what one cuts the next one holds."""
BOUNDARY_ODDS = 3
"""One of so many neighbours begins a chunk. It depends on its own text alone, so an edit above does not move it."""

_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a file, and how many characters stand before each."""

    texts: list[str]
    before: list[int]

    @classmethod
    def of(cls, text: str) -> Lines:
        """Cut a text whose lines end with line feeds."""
        texts = text.split("\n")
        return cls(texts, list(accumulate((len(line) + 1 for line in texts), initial=0)))

    def size(self, start: int, end: int) -> int:
        """Characters of the lines [start, end), their endings included."""
        return self.before[end] - self.before[start]

    def text(self, start: int, end: int) -> str:
        """The lines [start, end) as one text, at most as long as a chunk may be where it is one line."""
        text = "\n".join(self.texts[start:end])
        return text[:MOST_CHARACTERS] if end - start == 1 else text

    def trimmed(self, start: int, end: int) -> tuple[int, int]:
        """A range without the blank lines at its ends."""
        while start < end and not self.texts[start].strip():
            start += 1
        while end > start and not self.texts[end - 1].strip():
            end -= 1
        return start, end

    def has_word(self, start: int, end: int) -> bool:
        """Whether the lines say anything: brackets alone do not."""
        return any(_WORD.search(line) for line in self.texts[start:end])


def merged(lines: Lines, units: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join small neighbours, none of which is empty.

    Args:
        lines: of the file.
        units: ranges in their order, which do not overlap.
    """
    first = last = -1
    for start, end in units:
        if first >= 0:
            fits = end - first <= MERGED_LINES and lines.size(first, end) <= MOST_CHARACTERS
            if fits and not (last - first >= LEAST_LINES and _begins(lines, start)):
                last = end
                continue
            yield first, last
        first, last = start, end
    if first >= 0:
        yield first, last


def windows(
    lines: Lines, start: int, end: int, overlap: int = 0, characters: int = MOST_CHARACTERS
) -> Iterator[tuple[int, int]]:
    """Cut the lines [start, end) into windows, before a blank line or where the indentation is least.

    Args:
        lines: of the file.
        start: first line.
        end: line after the last.
        overlap: lines of a window that the next one begins with.
        characters: most characters of a window; one line may have more.
    """
    start, end = lines.trimmed(start, end)
    while start < end:
        last = min(start + WINDOW_LINES, end)
        while last > start + 1 and lines.size(start, last) > characters:
            last -= 1
        if last < end:
            last = min(range((start + last) // 2 + 1, last + 1), key=lambda line: _cut_cost(lines, line), default=last)
        yield lines.trimmed(start, last)
        if last >= end:
            break
        start = lines.trimmed(max(last - overlap, start + 1), end)[0]


def _cut_cost(lines: Lines, line: int) -> tuple[int, bool, int]:
    """How bad it is to cut before a line."""
    text = lines.texts[line]
    blank = not text.strip()
    indent = 0 if blank else len(text) - len(text.lstrip()) + (0 if _WORD.match(text.lstrip()[:1]) else 1)
    return (indent, not (blank or not lines.texts[line - 1].strip()), -line)


def _begins(lines: Lines, line: int) -> bool:
    return zlib.crc32(lines.texts[line].encode("utf-8", "replace")) % BOUNDARY_ODDS == 0
