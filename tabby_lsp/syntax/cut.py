"""Where a prompt may begin before the cursor and end after it: at borders that a reader would choose too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabby_lsp.document import Position
from tabby_lsp.syntax.grammars import captures
from tabby_lsp.syntax.languages import language
from tabby_lsp.syntax.lexical import stretch_at_end

if TYPE_CHECKING:
    from collections.abc import Iterable

    import tree_sitter

    from tabby_lsp.document import Snapshot

_GIVEN_UP = 0.5
"""The part of the lines at hand that a nicer border may cost at most."""
_CHEAP_TO_READ = 30_000
"""Characters that the lexical table reads in 3 ms."""
_TOP, _MEMBER, _STATEMENT, _BLANK = range(4)
_CLOSING = ")]};,"
_ATTACHED = ("comment", "decorator", "attribute", "annotation")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A definition or statement: its lines [first, last], and how good its borders are (lower is better)."""

    first: int
    last: int
    rank: int


def window_start(snapshot: Snapshot, tree: tree_sitter.Tree | None, floor: int, cursor: int) -> int:
    """The best line for a prefix to begin at.

    Preferred is the start of a top-level definition with its comments and decorators, then of a member, then of a
    statement, then a line after a blank one; of each kind the first, so that the prefix is as long as it can be.

    Args:
        snapshot: the document.
        tree: its tree, if there is one.
        floor: the first line that the budget allows.
        cursor: the cursor's line.

    Returns:
        A line between `floor` and `cursor`; at most half of the lines between them are given up.
    """
    if floor <= 0 or floor >= cursor:
        return max(min(floor, cursor), 0)
    row = language(snapshot.language)
    limit = floor + int((cursor - floor) * _GIVEN_UP)
    pieces = _pieces(snapshot, tree, floor, limit)
    borders = [(piece.rank, piece.first) for piece in pieces if floor <= piece.first <= limit]
    for line in range(floor, limit + 1):
        if tree is None and re.search(row.opener, snapshot.line_text(line)):
            borders.append((_MEMBER, line))  # hardly ever inside of a string or comment
        if snapshot.line_text(line).strip() and not snapshot.line_text(line - 1).strip():
            borders.append((_BLANK if tree or not _at_margin(snapshot, line) else _TOP, line))
    return min(borders, default=(_BLANK, floor))[1]


def window_end(snapshot: Snapshot, tree: tree_sitter.Tree | None, cursor: int, ceiling: int) -> int:
    """The best line for a suffix to end before; the counterpart of `window_start`.

    Args:
        snapshot: the document.
        tree: its tree, if there is one.
        cursor: the cursor's line.
        ceiling: the line after the last one that the budget allows.

    Returns:
        A line, exclusive, between `cursor` + 1 and `ceiling`.
    """
    count = len(snapshot.lines)
    if ceiling >= count or ceiling <= cursor + 1:
        return max(min(ceiling, count), min(cursor + 1, count), 0)
    limit = ceiling - int((ceiling - cursor - 1) * _GIVEN_UP)
    pieces = _pieces(snapshot, tree, limit - 1, ceiling - 1)
    borders = [(piece.rank, -piece.last - 1) for piece in pieces if limit <= piece.last + 1 <= ceiling]
    borders += [
        (_BLANK if tree or not _at_margin(snapshot, line + 1) else _TOP, -line)
        for line in range(limit, ceiling + 1)
        if snapshot.line_text(line - 1).strip() and not snapshot.line_text(line).strip()
    ]
    return -min(borders, default=(_BLANK, -ceiling))[1]


def code_start(snapshot: Snapshot, tree: tree_sitter.Tree | None, floor: int, cursor: int) -> int:
    """A line near `window_start` from which the text can be read on its own: it begins in code.

    Where that line is inside of a long string or comment, the answer is the line where this begins, which may
    be before `floor`. Without a tree that is known only if not much text stands before the line.
    """
    line = window_start(snapshot, tree, floor, cursor)
    start = Position(line, 0)
    if tree is not None:
        byte = snapshot.byte_offset(start)
        found = captures(tree, snapshot.language, byte, byte)
        around = [
            node.start_byte
            for name in ("string", "comment")
            for node in found.get(name, [])
            if node.start_byte < byte < node.end_byte
        ]
        return snapshot.byte_position(min(around)).line if around else line
    if snapshot.offset(start) > _CHEAP_TO_READ:
        return line
    literal = stretch_at_end(language(snapshot.language), snapshot.before(start))
    return snapshot.position(literal.start).line if literal else line


def _at_margin(snapshot: Snapshot, line: int) -> bool:
    """Whether a line begins something at the left margin."""
    text = snapshot.line_text(line)
    return bool(text) and not text[0].isspace() and text[0] not in _CLOSING


def _pieces(snapshot: Snapshot, tree: tree_sitter.Tree | None, first: int, last: int) -> Iterable[_Piece]:
    """The definitions and statements that touch the lines [first, last] and have their borders to themselves."""
    if tree is None:
        return
    start = snapshot.byte_offset(Position(first, 0))
    end = snapshot.byte_offset(Position(last, len(snapshot.line_text(last))))
    found = captures(tree, snapshot.language, start, end)
    definitions = found.get("definition", [])
    for node in definitions:
        yield _piece(snapshot, node, _MEMBER if _is_inside(node, definitions) else _TOP)
    for node in found.get("statement", []):
        yield _piece(snapshot, node, _STATEMENT)


def _is_inside(node: tree_sitter.Node, others: list[tree_sitter.Node]) -> bool:
    """Whether a definition is a member of another; a wrapper that ends where it does (decorators) is none."""
    return any(other.start_byte < node.start_byte and node.end_byte < other.end_byte for other in others)


def _piece(snapshot: Snapshot, node: tree_sitter.Node, rank: int) -> _Piece:
    head, start = node, snapshot.byte_position(node.start_byte)
    while (before := head.prev_sibling) and any(kind in before.type for kind in _ATTACHED):
        place = snapshot.byte_position(before.start_byte)
        if snapshot.byte_position(before.end_byte).line < start.line - 1:
            break  # a blank line between them
        if snapshot.line_text(place.line)[: place.column].strip():
            break  # a comment behind other code
        head, start = before, place
    end = snapshot.byte_position(node.end_byte)
    last = end.line - 1 if end.column == 0 and end.line > start.line else end.line
    alone = not snapshot.line_text(start.line)[: start.column].strip()
    tail = snapshot.line_text(last)[end.column :] if last == end.line else ""
    return _Piece(start.line if alone else -1, last if not tail.strip(" \t" + _CLOSING) else -1, rank)
