"""What llama.vim sends for a place in a document, under which keys it keeps the answer, and what of one it shows.

Facts from llama.vim's own source (`autoload/llama.vim` at 381730b, 2026); its numbers are in bytes where these are in
code points, which differ in lines that are not ASCII.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

PREFIX_LINES, SUFFIX_LINES = 256, 64
CACHE_KEYS = 250
CUT_LINES = 3
"""An answer is also kept for contexts that begin this many lines later, as they will after some more line breaks."""
TYPED_MOST = 128
"""Characters typed into an answer after which it is not found any more."""

Key = tuple[str, str]
"""All before the cursor, and all after it."""


@dataclass(frozen=True, slots=True)
class Local:
    """The text around a place.

    Attributes:
        prefix: the lines before, each with its line break.
        middle: the line up to the cursor; empty on a line of white space.
        suffix: the rest of the line, and the lines after.
        indent: characters of white space that the line begins with.
        rest: the rest of the line alone.
    """

    prefix: str
    middle: str
    suffix: str
    indent: int
    rest: str

    @property
    def key(self) -> Key:
        """Where an answer for exactly this is kept."""
        return self.prefix + self.middle, self.suffix

    def kept_under(self) -> list[Key]:
        """Where an answer is kept: for this, and for the same with fewer lines at the start."""
        found, prefix = [self.key], self.prefix
        for _ in range(CUT_LINES):
            prefix = prefix.partition("\n")[2]
            if not prefix:
                break
            found.append((prefix + self.middle, self.suffix))
        return found


def around(lines: Sequence[str], row: int, column: int) -> Local:
    """The context of a cursor."""
    line = line_at(lines, row)
    before, rest, indent = line[:column], line[column:], _indent(line)
    if not line.strip():
        before, rest, indent = "", "", 0
    return _local(lines[max(0, row - PREFIX_LINES) : row], before, rest, lines, row, indent)


def as_if_accepted(lines: Sequence[str], row: int, content: Sequence[str], indent: int) -> Local:
    """The context after a suggestion at a line's end has been accepted.

    Args:
        lines: of the document, without it.
        row: where it is shown.
        content: its lines; at least one.
        indent: what is said of the indentation; llama.vim repeats that of the request before.
    """
    above = list(lines[max(0, row - PREFIX_LINES + len(content) - 1) : row])
    first = line_at(lines, row) + content[0]
    if len(content) == 1:
        return _local(above, first, "", lines, row, indent)
    return _local([*above, first, *content[1:-1]], content[-1], "", lines, row, indent)


def _local(above: Sequence[str], before: str, rest: str, lines: Sequence[str], row: int, indent: int) -> Local:
    below = "\n".join(lines[row + 1 : row + 1 + SUFFIX_LINES])
    return Local("\n".join(above) + "\n", before, f"{rest}\n{below}\n", indent, rest)


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion as the server gave it, or the rest of one after typing.

    Attributes:
        text: the completion.
        evaluated: prompt tokens.
        reused: prompt tokens that were in the KV cache.
        generated: tokens.
        server_ms: the server's time for them.
    """

    text: str
    evaluated: int = 0
    reused: int = 0
    generated: int = 0
    server_ms: float = 0.0


class Cache:
    """The last answers, by the contexts they were given for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, Answer] = OrderedDict()

    def get(self, key: Key) -> Answer | None:
        """The answer for a context; it counts as used."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: Key, answer: Answer) -> None:
        """Keep an answer in place of what was there, unless it says the same."""
        if key not in self._kept and len(self._kept) >= CACHE_KEYS:
            self._kept.popitem(last=False)
        if key in self._kept and self._kept[key].text == answer.text:
            return
        self._kept[key] = answer
        self._kept.move_to_end(key)

    def typed_into(self, place: Local) -> str:
        """The longest rest of an answer whose beginning was typed since; empty: there is none."""
        before, after = place.key
        best = ""
        for typed in range(1, min(TYPED_MOST, len(before)) + 1):
            if (answer := self.get((before[:-typed], after))) is None:
                continue
            if answer.text.startswith(before[-typed:]) and len(rest := answer.text[typed:]) > len(best):
                best = rest
        return best


@dataclass(frozen=True, slots=True)
class Hint:
    """A suggestion on the screen.

    Attributes:
        row: where it is.
        column: where it is.
        content: its lines, the last one with the rest of the line after it, as llama.vim puts them.
        text: what it inserts at the cursor.
        counts: whether it can be accepted; otherwise an answer may replace it.
    """

    row: int
    column: int
    content: tuple[str, ...]
    text: str
    counts: bool


def hint(lines: Sequence[str], row: int, column: int, text: str) -> Hint:
    """What is shown of an answer: nothing of one that repeats what stands there."""
    content = text.rstrip("\n").split("\n")
    line = line_at(lines, row)
    if not line.strip():
        lead = min(_indent(content[0]), len(line))
        line, content[0] = content[0][:lead], content[0][lead:]
    before, rest = line[:column], line[column:]
    counts = bool(text.rstrip("\n"))
    if _repeats(lines, row, before, rest, content):
        content = [""]
    shown = "\n".join(content)
    content[-1] += rest
    return Hint(row, column, tuple(content), shown, counts and bool("".join(content).strip()))


def _repeats(lines: Sequence[str], row: int, before: str, rest: str, content: Sequence[str]) -> bool:
    more = list(content[1:])
    if more and not content[0] and more == lines[row + 1 : row + 1 + len(more)]:
        return True
    if not more and content[0] == rest:
        return True
    next_row = row + 1
    while next_row < len(lines) - 1 and not lines[next_row].strip():
        next_row += 1
    if before + content[0] != line_at(lines, next_row):
        return False
    if len(more) == 1:
        return line_at(lines, next_row + 1).startswith(more[0])
    return more == lines[next_row + 1 : next_row + 1 + len(more)]


def line_at(lines: Sequence[str], row: int) -> str:
    """A line, or nothing past the end."""
    return lines[row] if 0 <= row < len(lines) else ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
