"""What stands around a cursor: the definitions that enclose it, innermost last, read of the tree where that is whole.

The user is typing: where the tree is broken around the cursor, indentation tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabby_lsp.document import Position
from tabby_lsp.syntax.languages import Blocks, language
from tabby_lsp.syntax.reading import indentation
from tabby_lsp.syntax.symbols.extract import bases_in, found_in
from tabby_lsp.syntax.symbols.types import Kind
from tabby_lsp.syntax.trees import encoded

if TYPE_CHECKING:
    import tree_sitter

    from tabby_lsp.document import Snapshot

LINES_BEFORE = 80
"""Lines of a long definition, or of a file without one, that count as near."""
LINES_AFTER = 40
SEARCHED_LINES = 400
"""Lines above the cursor that are looked through for the head of its class where the tree does not tell."""

_BRACKETS = "{}()[]; \t\r\n"
_HEAD = re.compile(
    r"^\s*(?:export\s+|default\s+|pub(?:\([^)]*\))?\s+|abstract\s+|public\s+|private\s+|internal\s+|final\s+|static\s+"
    r"|sealed\s+|data\s+|unsafe\s+)*"
    r"(?:class|struct|interface|trait|enum|object|impl(?:<[^>]*>)?)\s+(?P<name>[\w$.:]+)(?:<[^>]*>)?(?P<bases>[^{;]*)"
)


@dataclass(frozen=True, slots=True)
class Around:
    """The surroundings of a cursor.

    Args:
        start: first byte of what is near: the function at the cursor, or the lines around it.
        end: byte after the last.
        head: first byte of that function, and the byte where its body begins: parameters and their types stand
            between them; twice the same where there is no function.
        own: byte at which the function's own name begins; -1 where there is no function.
        name: of the class; "" where there is none.
        bases: what the class extends.
    """

    start: int
    end: int
    head: tuple[int, int]
    own: int
    name: str
    bases: tuple[str, ...]


def around(tree: tree_sitter.Tree | None, snapshot: Snapshot, position: Position) -> Around:
    """Describe the surroundings of a position (clamped).

    Args:
        tree: the snapshot's tree; None: there is no grammar.
        snapshot: the document.
        position: the cursor.
    """
    place = snapshot.clamp(position)
    start, end = _lines(snapshot, place.line)
    if tree is None:
        return Around(start, end, (start, start), -1, *_class_by_indentation(snapshot, place))
    byte, limit = _believed(snapshot, place)
    found, _ = found_in(tree, encoded(snapshot.text), snapshot.language, max(byte - 1, 0), byte)
    indented = language(snapshot.language).shape is Blocks.INDENTATION
    enclosing = [
        one
        for one in found
        if one.start <= byte <= one.end
        and (snapshot.byte_position(one.start).column < limit if indented else byte < one.end)
    ]
    function = next((one for one in reversed(enclosing) if one.kind in (Kind.FUNCTION, Kind.METHOD)), None)
    holder = next((one for one in reversed(enclosing) if one.kind in (Kind.CLASS, None)), None)
    named = (holder.name, holder.bases) if holder else (function.container if function else "", ())
    if not named[0] and tree.root_node.has_error:
        named = _class_by_indentation(snapshot, place)
    if function is None:
        return Around(start, end, (start, start), -1, *named)
    head = (function.start, function.body.start_byte if function.body else function.start)
    return Around(max(start, function.start), min(end, function.end), head, function.places[1], *named)


def _lines(snapshot: Snapshot, line: int) -> tuple[int, int]:
    """The bytes of the lines around a line."""
    first = snapshot.byte_offset(Position(max(line - LINES_BEFORE, 0), 0))
    return first, snapshot.byte_offset(Position(line + LINES_AFTER, 0))


def _believed(snapshot: Snapshot, place: Position) -> tuple[int, int]:
    """The byte whose surroundings are the cursor's, and the column which they must begin before.

    A tree ends a block of an indented language with its last statement: on the empty line below, where the next one is
    written, the end of the text above is asked instead.
    """
    before = snapshot.line_text(place.line)[: place.column]
    if before.strip() or language(snapshot.language).shape is not Blocks.INDENTATION:
        return snapshot.byte_offset(place), indentation(before) + 1 if before.strip() else place.column + 1
    for line in range(place.line - 1, max(place.line - LINES_BEFORE, -1), -1):
        text = snapshot.line_text(line).rstrip()
        if text:
            return snapshot.byte_offset(Position(line, len(text))), place.column
    return snapshot.byte_offset(place), place.column


def _class_by_indentation(snapshot: Snapshot, place: Position) -> tuple[str, tuple[str, ...]]:
    """The nearest line above that is indented less than all between and heads a class."""
    line = snapshot.line_text(place.line)
    least = indentation(line) if line.strip() else max(place.column, 1)
    for number in range(place.line - 1, max(place.line - SEARCHED_LINES, -1), -1):
        text = snapshot.line_text(number)
        if not text.strip(_BRACKETS) or indentation(text) >= least:
            continue
        least = indentation(text)
        if found := _HEAD.match(text):
            return re.split(r"[.:]+", found["name"].rstrip(":."))[-1], bases_in(found["bases"].strip().rstrip(":"))
        if least == 0 and text[0] not in ")}]":
            break
    return "", ()
