r"""Open documents as immutable snapshots, and the arithmetic of positions in them.

A request works on the snapshot that was current when it arrived; an edit makes a new one and shares the
lines that it did not touch. Lines follow the protocol's rules alone: they end at `\n`, `\r\n` or `\r`,
so form feeds, U+0085 and U+2028 are ordinary characters. Columns are code points everywhere inside the
program; the client's UTF-8, UTF-16 or UTF-32 units exist in `decode`, `encode` and `Change` only.

Nothing here knows the protocol's types, and nothing of the project but the errors is imported.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING

from tabby_lsp.errors import UnknownDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COMPLETE_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)")
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_BMP_END = "\uffff"


class PositionEncoding(StrEnum):
    """The unit in which a client counts characters, under its name in the protocol."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place between two characters: a 0-based line, and the code points before it in that line."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Change:
    """One edit as a client sends it.

    Args:
        text: what replaces the range.
        start: first (line, character), in the client's encoding; None together with `end` to replace everything.
        end: (line, character) after the last replaced character.
    """

    text: str
    start: tuple[int, int] | None = None
    end: tuple[int, int] | None = None


@dataclass(slots=True)
class _Derived:
    """What a snapshot computes at most once, and only when it is asked."""

    text: str | None = None
    newline: str | None = None
    starts: list[int] | None = None
    byte_starts: list[int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A document at one version. Make one with `Snapshot.of`.

    Args:
        uri: the client's name for the document.
        language: the client's language id, for example "python".
        version: the client's version number.
        lines: every line with its ending, and one without at the end, which may be empty.
    """

    uri: str
    language: str
    version: int
    lines: tuple[str, ...]
    _derived: _Derived = field(default_factory=_Derived, init=False, repr=False)

    @classmethod
    def of(cls, uri: str, language: str, version: int, text: str) -> Snapshot:
        """Build a snapshot from a whole text."""
        return cls(uri, language, version, tuple(_split(text)))

    @property
    def text(self) -> str:
        """The whole document. Two halves of a surrogate pair that met through an edit are one character."""
        if self._derived.text is None:
            self._derived.text = "".join(self.lines)
        return self._derived.text

    @property
    def newline(self) -> str:
        """The line ending that most lines have, the shorter one where two are as frequent; a line feed if none has."""
        if self._derived.newline is None:
            pairs = self.text.count("\r\n")
            counts = {"\n": self.text.count("\n") - pairs, "\r": self.text.count("\r") - pairs, "\r\n": pairs}
            self._derived.newline = max(counts, key=lambda ending: counts[ending])
        return self._derived.newline

    @property
    def end(self) -> Position:
        """The position after the last character."""
        return Position(len(self.lines) - 1, len(self.lines[-1]))

    def line_text(self, line: int) -> str:
        """A line without its ending; "" for a line that does not exist."""
        return _content(self.lines[line]) if 0 <= line < len(self.lines) else ""

    def clamp(self, position: Position) -> Position:
        """The nearest position that exists; the end of a line is before its ending."""
        if position.line < 0:
            return Position(0, 0)
        if position.line >= len(self.lines):
            return self.end
        return Position(position.line, min(max(position.column, 0), len(_content(self.lines[position.line]))))

    def decode(self, line: int, character: int, encoding: PositionEncoding) -> Position:
        """Turn a client's coordinates into a position: clamped, and inside of a character its start.

        Args:
            line: 0-based line.
            character: code units of `encoding` from the start of the line.
            encoding: what was negotiated with the client.
        """
        return _decode(self.lines, line, character, encoding)

    def encode(self, position: Position, encoding: PositionEncoding) -> tuple[int, int]:
        """Turn a position (clamped) into a client's (line, character)."""
        place = self.clamp(position)
        return place.line, _units(self.lines[place.line][: place.column], encoding)

    def offset(self, position: Position) -> int:
        """Code points of `text` before a position (clamped)."""
        place = self.clamp(position)
        return self._starts()[place.line] + place.column

    def position(self, offset: int) -> Position:
        """The position before which `offset` code points stand, clamped; inside of a line ending: before it."""
        starts = self._starts()
        line = max(bisect_right(starts, offset) - 1, 0)
        return self.clamp(Position(line, offset - starts[line]))

    def byte_offset(self, position: Position) -> int:
        """UTF-8 bytes of `text` before a position (clamped); a lone surrogate counts three."""
        place = self.clamp(position)
        return self._byte_starts()[place.line] + _units(self.lines[place.line][: place.column], PositionEncoding.UTF8)

    def byte_position(self, offset: int) -> Position:
        """The inverse of `byte_offset`, clamped; inside of a character: its start."""
        starts = self._byte_starts()
        line = max(bisect_right(starts, offset) - 1, 0)
        return _decode(self.lines, line, offset - starts[line], PositionEncoding.UTF8)

    def before(self, position: Position) -> str:
        """The text in front of a position (clamped)."""
        return self.text[: self.offset(position)]

    def after(self, position: Position) -> str:
        """The text behind a position (clamped)."""
        return self.text[self.offset(position) :]

    def apply(self, changes: Sequence[Change], version: int, encoding: PositionEncoding) -> Snapshot:
        """Make the snapshot that follows from edits, each in the coordinates that the one before it left."""
        lines = list(self.lines)
        for change in changes:
            if change.start is None or change.end is None:
                lines = _split(change.text)
            else:
                start, end = sorted((_decode(lines, *change.start, encoding), _decode(lines, *change.end, encoding)))
                _replace(lines, start, end, change.text)
        return Snapshot(self.uri, self.language, version, tuple(lines))

    def _starts(self) -> list[int]:
        if self._derived.starts is None:
            self._derived.starts = list(accumulate(map(len, self.lines[:-1]), initial=0))
        return self._derived.starts

    def _byte_starts(self) -> list[int]:
        if self.text.isascii():
            return self._starts()
        if self._derived.byte_starts is None:
            sizes = (_units(line, PositionEncoding.UTF8) for line in self.lines[:-1])
            self._derived.byte_starts = list(accumulate(sizes, initial=0))
        return self._derived.byte_starts


class Documents:
    """The documents that the client has open. Not for use from several threads."""

    def __init__(self) -> None:
        self._open: dict[str, Snapshot] = {}

    def open(self, uri: str, language: str, version: int, text: str) -> Snapshot:
        """Register a document; one that is open already starts anew."""
        self._open[uri] = Snapshot.of(uri, language, version, text)
        return self._open[uri]

    def change(self, uri: str, changes: Sequence[Change], version: int, encoding: PositionEncoding) -> Snapshot:
        """Edit a document as `Snapshot.apply` does; raises UnknownDocument if it is not open."""
        current = self._open.get(uri)
        if current is None:
            raise UnknownDocument(f"{uri} was changed but is not open.", "Close the file in the editor and reopen it.")
        self._open[uri] = current.apply(changes, version, encoding)
        return self._open[uri]

    def close(self, uri: str) -> None:
        """Forget a document; one that is not open is no fault."""
        self._open.pop(uri, None)

    def get(self, uri: str) -> Snapshot | None:
        """The latest snapshot of an open document, or None."""
        return self._open.get(uri)

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(tuple(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)


def _split(text: str) -> list[str]:
    """Cut a text into lines with their endings, and a last one without."""
    if _SURROGATE_PAIR.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    last = max(text.rfind("\n"), text.rfind("\r")) + 1
    # without the last line, at each character of which the pattern would be tried: half a minute for 80 KB
    return [*_COMPLETE_LINE.findall(text, 0, last), text[last:]]


def _content(line: str) -> str:
    """A line without its ending."""
    return line.rstrip("\r\n")


def _replace(lines: list[str], start: Position, end: Position, text: str) -> None:
    """Put `text` between two positions that exist, in place; only the touched lines are split again."""
    first = start.line
    region = lines[first][: start.column] + text + lines[end.line][end.column :]
    if start.column == 0 and first > 0 and lines[first - 1].endswith("\r"):
        first -= 1  # its carriage return and a line feed that now follows make one line ending
        region = lines[first] + region
    fresh = _split(region)
    if end.line < len(lines) - 1:
        fresh.pop()  # the region ends with a line ending, after which the next old line goes on
    lines[first : end.line + 1] = fresh


def _decode(lines: Sequence[str], line: int, character: int, encoding: PositionEncoding) -> Position:
    if line < 0:
        return Position(0, 0)
    if line >= len(lines):
        return Position(len(lines) - 1, len(lines[-1]))
    content = _content(lines[line])
    if character <= 0 or not content:
        return Position(line, 0)
    if encoding is PositionEncoding.UTF32 or content.isascii():
        return Position(line, min(character, len(content)))
    column = (
        _utf8_column(content, character) if encoding is PositionEncoding.UTF8 else _utf16_column(content, character)
    )
    return Position(line, column)


def _utf8_column(content: str, units: int) -> int:
    data = content.encode("utf-8", "surrogatepass")
    if units >= len(data):
        return len(content)
    while data[units] & 0xC0 == 0x80:  # a continuation byte: go back to the byte that leads the character
        units -= 1
    return len(data[:units].decode("utf-8", "surrogatepass"))


def _utf16_column(content: str, units: int) -> int:
    if max(content) <= _BMP_END:
        return min(units, len(content))
    data = content.encode("utf-16-be", "surrogatepass")
    if 2 * units >= len(data):
        return len(content)
    if data[2 * units] & 0xFC == 0xDC and data[2 * units - 2] & 0xFC == 0xD8:  # a low half after its high half
        units -= 1
    return len(data[: 2 * units].decode("utf-16-be", "surrogatepass"))


def _units(text: str, encoding: PositionEncoding) -> int:
    """The length of a text in code units."""
    if encoding is PositionEncoding.UTF32 or text.isascii():
        return len(text)
    if encoding is PositionEncoding.UTF8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
