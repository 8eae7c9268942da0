"""What is embedded and searched: whole definitions where they fit, what is left of them where not, and what is between.

Everything is done on lines, from what `Facts` says: a language needs nothing here but its query file.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tabby_lsp.index.reading.pieces import MOST_CHARACTERS, MOST_LINES, OVERLAP_LINES, Lines, merged, windows
from tabby_lsp.syntax.languages import Blocks, language
from tabby_lsp.syntax.symbols.types import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    import tree_sitter

    from tabby_lsp.syntax.symbols.types import Definition, Facts

MOST_SYMBOLS = 48
"""Names that a chunk carries."""
OUTLINE_CHARACTERS = 1600
"""Characters of an outline: what is left of a chunk's size after the head of a class."""
DEEPEST = 16
"""Classes in classes; what is deeper is cut like a long function."""

_UNITS = frozenset({Kind.FUNCTION, Kind.METHOD, Kind.CLASS, Kind.MODULE})
_HEADING = re.compile(r"#{1,6}\s")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_ELIDED = {Blocks.INDENTATION: " ...", Blocks.BRACES: " { ... }", Blocks.KEYWORDS: ""}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file that is found as one.

    Attributes:
        language: the protocol's id.
        start: first line, 0-based.
        end: line after the last.
        text: these lines; before a part of a long definition its signature, behind the head of a long class the
            signatures of its members.
        symbols: names that are defined in it, with their container: `Client.fetch`.
    """

    language: str
    start: int
    end: int
    text: str
    symbols: tuple[str, ...]


@dataclass(slots=True)
class _Unit:
    """A definition with what stands in it; `start` is moved where another one ends on its first line."""

    definition: Definition
    start: int
    end: int
    inner: list[_Unit] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    before: str = ""
    behind: str = ""
    part_of: str = ""


def chunks_of(tree: tree_sitter.Tree | None, data: bytes, language_id: str, facts: Facts) -> tuple[Chunk, ...]:
    """Cut a file into chunks, in the order of the source; every line that is not blank is in one at least.

    Args:
        tree: its tree; None: there is no grammar.
        data: the file: UTF-8 whose lines end with line feeds.
        language_id: the protocol's id.
        facts: of the file.
    """
    lines = Lines.of(data.decode("utf-8", "replace"))
    end = len(lines.texts)
    if language_id == "markdown":
        pieces = list(_sections(lines))
    elif not facts.definitions:
        overlap = OVERLAP_LINES if tree is None or tree.root_node.has_error else 0
        pieces = [_Piece(*window) for window in windows(lines, 0, end, overlap)]
    else:
        pieces = list(_pieces(lines, 0, end, _nested(facts.definitions), language_id))
    definitions = sorted(facts.definitions, key=lambda one: one.start)
    starts = [one.start for one in definitions]
    names = [_qualified(one) for one in definitions]
    return tuple(
        _chunk(lines, piece, names[bisect_left(starts, piece.start) : bisect_left(starts, piece.end)], language_id)
        for piece in pieces
    )


def _chunk(lines: Lines, piece: _Piece, symbols: list[str], language_id: str) -> Chunk:
    text = f"{piece.before}{lines.text(piece.start, piece.end)}{piece.behind}"
    if piece.part_of:
        symbols.insert(0, piece.part_of)
    return Chunk(language_id, piece.start, piece.end, text, tuple(dict.fromkeys(symbols))[:MOST_SYMBOLS])


def _qualified(one: Definition) -> str:
    return f"{one.container}.{one.name}" if one.container else one.name


def _nested(definitions: tuple[Definition, ...]) -> list[_Unit]:
    """Definitions with a body as a forest, by the lines that they take."""
    roots: list[_Unit] = []
    around: list[_Unit] = []
    for one in sorted(definitions, key=lambda one: (one.start, -one.end)):
        if one.kind not in _UNITS:
            continue
        while around and around[-1].end <= one.start:
            around.pop()
        siblings = around[-1].inner if around else roots
        start = max(one.start, siblings[-1].end if siblings else one.start)
        if (around and one.end > around[-1].end) or start >= one.end:
            continue  # it shares its lines with another one
        unit = _Unit(one, start, one.end)
        siblings.append(unit)
        around.append(unit)
    return roots


def _pieces(
    lines: Lines, start: int, end: int, units: list[_Unit], language_id: str, depth: int = 0
) -> Iterator[_Piece]:
    """Cut [start, end): units that fit are kept whole, with small neighbours; what is between them as it comes."""
    small: list[tuple[int, int]] = []
    for first, last, unit in _spans(lines, start, end, units):
        if last - first <= MOST_LINES and lines.size(first, last) <= MOST_CHARACTERS:
            small.append((first, last))
            continue
        yield from (_Piece(*span) for span in merged(lines, small))
        small = []
        if unit is None:
            small += windows(lines, first, last)
        elif unit.inner and depth < DEEPEST:
            yield from _opened(lines, unit, language_id, depth)
        else:
            yield from _parts(lines, unit)
    yield from (_Piece(*span) for span in merged(lines, small))


def _spans(lines: Lines, start: int, end: int, units: list[_Unit]) -> list[tuple[int, int, _Unit | None]]:
    """The units and what is between them, without blank lines at the ends; lone brackets go with what they close."""
    spans: list[tuple[int, int, _Unit | None]] = []
    place = start
    for unit in [*units, None]:
        first, last = lines.trimmed(place, unit.start if unit else end)
        if first < last:
            if lines.has_word(first, last) or not spans:
                spans.append((first, last, None))
            elif spans[-1][2] is None:
                spans[-1] = (spans[-1][0], last, None)
            else:
                before, _, closed = spans[-1]
                spans[-1] = (before, last, closed)
                if closed:
                    closed.end = last
        if unit:
            spans.append((*lines.trimmed(unit.start, unit.end), unit))
            place = unit.end
    return spans


def _opened(lines: Lines, unit: _Unit, language_id: str, depth: int) -> Iterator[_Piece]:
    """A class that is too long: its head with an outline of its members, then these."""
    first = unit.inner[0].start
    outline = _outline(unit, language_id)
    name = _qualified(unit.definition)
    head = list(windows(lines, unit.start, first, characters=MOST_CHARACTERS - len(outline)))
    for number, (start, end) in enumerate(head):
        yield _Piece(start, end, behind="" if number else outline, part_of=name)
    yield from _pieces(lines, first, unit.end, unit.inner, language_id, depth + 1)


def _outline(unit: _Unit, language_id: str) -> str:
    row = language(language_id)
    marks = ('"""', row.comment or '"""')
    text = ""
    for inner in unit.inner:
        kept = [line for line in inner.definition.signature.split("\n") if not line.lstrip().startswith(marks)]
        entry = "".join(f"\n    {line}" for line in kept) + _ELIDED[row.shape]
        if len(text) + len(entry) > OUTLINE_CHARACTERS:
            return f"{text}\n    ..."
        text += entry
    return text


def _parts(lines: Lines, unit: _Unit) -> Iterator[_Piece]:
    """A function that is too long: windows, each but the first below the signature."""
    signature = f"{unit.definition.signature}\n    ...\n"
    name = _qualified(unit.definition)
    room = max(MOST_CHARACTERS - len(signature), MOST_CHARACTERS // 2)
    for number, (start, end) in enumerate(windows(lines, unit.start, unit.end, characters=room)):
        yield _Piece(start, end, before=signature if number else "", part_of=name)


def _sections(lines: Lines) -> Iterator[_Piece]:
    """A text with headings: its sections, small ones together, of long ones each part below its heading."""
    starts: list[int] = [0]
    fenced = False
    for number, line in enumerate(lines.texts):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and number and _HEADING.match(line):
            starts.append(number)
    small: list[tuple[int, int]] = []
    for start, end in zip(starts, [*starts[1:], len(lines.texts)], strict=True):
        first, last = lines.trimmed(start, end)
        if last - first > MOST_LINES or lines.size(first, last) > MOST_CHARACTERS:
            yield from (_Piece(*span) for span in merged(lines, small))
            small = []
            heading = f"{lines.texts[first][:200]}\n"
            room = MOST_CHARACTERS - len(heading)
            for number, window in enumerate(windows(lines, first, last, characters=room)):
                yield _Piece(*window, before=heading if number else "")
        elif first < last:
            small.append((first, last))
    yield from (_Piece(*span) for span in merged(lines, small))
