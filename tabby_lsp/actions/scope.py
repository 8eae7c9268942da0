"""What a place in a document belongs to: the functions and classes around it, or the one that is selected.

Read of the tree alone, in less than a millisecond, since menus are made of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tabby_lsp.actions.reading.docstrings import STYLES
from tabby_lsp.document import Position
from tabby_lsp.syntax.languages import Blocks, language
from tabby_lsp.syntax.symbols.extract import found_in
from tabby_lsp.syntax.symbols.signatures import doc_above, doc_inside, first_line_above
from tabby_lsp.syntax.symbols.types import Kind
from tabby_lsp.syntax.trees import encoded

if TYPE_CHECKING:
    import tree_sitter

    from tabby_lsp.actions.types import Span
    from tabby_lsp.document import Snapshot
    from tabby_lsp.syntax.symbols.extract import Found

LINES_BELOW = 40
"""Lines below a place in which a definition may begin whose comments and attributes the place stands in."""

LONGEST = 500
"""Lines of a selection beyond which nobody looks what it is: no model writes so much again, and 8,000 take 150 ms."""

FUNCTIONS = (Kind.FUNCTION, Kind.METHOD)
_HELD = (*FUNCTIONS, Kind.CLASS)


@dataclass(frozen=True, slots=True)
class Holder:
    """A function or a class, by the lines that it takes; all 0-based.

    Attributes:
        name: its own.
        kind: function, method or class.
        container: the class or module that it belongs to; empty at the top of a file.
        first: the first line of the comments and attributes above it.
        start: its first line, decorators and `export` included.
        head: the line after its signature.
        end: the line after its last.
        documented: whether it has documentation.
        node: in the tree, decorators and `export` left out.
    """

    name: str
    kind: Kind
    container: str
    first: int
    start: int
    head: int
    end: int
    documented: bool
    node: tree_sitter.Node

    @property
    def is_function(self) -> bool:
        """Whether it is no class."""
        return self.kind in FUNCTIONS


def lines_of(snapshot: Snapshot, span: Span) -> tuple[int, int]:
    """The first line of a span and the one after its last, blank lines at both ends left out.

    A selection that ends in front of a line's first character does not mean that line.
    """
    first, end = span.start.line, span.end.line + 1
    if span.end.column == 0 and span.end.line > span.start.line:
        end -= 1
    while end - first > 1 and not snapshot.line_text(end - 1).strip():
        end -= 1
    while end - first > 1 and not snapshot.line_text(first).strip():
        first += 1
    return first, end


@lru_cache(maxsize=4)
def holders(snapshot: Snapshot, tree: tree_sitter.Tree | None, span: Span) -> tuple[Holder, ...]:
    """The functions and classes around a span or equal to it, outer first; a function in a function is part of it."""
    if tree is None:
        return ()
    first, end = lines_of(snapshot, span)
    if end - first > LONGEST:
        return ()
    data = encoded(snapshot.text)
    start_byte = snapshot.byte_offset(Position(first, 0))
    end_byte = snapshot.byte_offset(Position(end + LINES_BELOW, 0))
    found, _ = found_in(tree, data, snapshot.language, start_byte, end_byte)
    known = (_holder(one, snapshot, data) for one in found if one.kind in _HELD)
    return tuple(one for one in known if one.first <= first and end <= one.end)


def innermost(snapshot: Snapshot, tree: tree_sitter.Tree | None, span: Span) -> Holder | None:
    """The smallest function or class around a span; None at the top of a file."""
    around = holders(snapshot, tree, span)
    return around[-1] if around else None


def function_around(snapshot: Snapshot, tree: tree_sitter.Tree | None, span: Span) -> Holder | None:
    """The smallest function around a span; None where there is none."""
    return next((one for one in reversed(holders(snapshot, tree, span)) if one.is_function), None)


def subject(snapshot: Snapshot, tree: tree_sitter.Tree | None, span: Span) -> Holder | None:
    """What a cursor stands in, or what is selected as a whole; None at the top of a file, and for a part."""
    holder = innermost(snapshot, tree, span)
    if holder is None or span.empty:
        return holder
    first, end = lines_of(snapshot, span)
    return holder if first <= holder.start and end == holder.end else None


def _holder(one: Found, snapshot: Snapshot, data: bytes) -> Holder:
    outer = one.surrounding or one.node
    start = snapshot.byte_position(outer.start_byte).line
    last = snapshot.byte_position(max(outer.end_byte, one.end) - 1).line
    first = first_line_above(snapshot.lines, start, snapshot.language)
    return Holder(
        name=one.name,
        kind=one.kind or Kind.CLASS,
        container=one.container,
        first=first,
        start=start,
        head=_head(one, snapshot, start),
        end=last + 1,
        documented=_documented(one, snapshot, data, first, start),
        node=one.node,
    )


def _head(one: Found, snapshot: Snapshot, start: int) -> int:
    """The line after a signature: the body's, where that begins a line, else the one below."""
    if one.body is None:
        return start + 1
    body = snapshot.byte_position(one.body.start_byte)
    return body.line + bool(snapshot.line_text(body.line)[: body.column].strip())


def _documented(one: Found, snapshot: Snapshot, data: bytes, first: int, start: int) -> bool:
    row = language(snapshot.language)
    if row.shape is Blocks.INDENTATION:
        return one.body is not None and bool(doc_inside(data, one.body.start_byte))
    style = STYLES.get(row.name)
    above = [line.lstrip() for line in snapshot.lines[first:start]]
    return any(re.match(style.replaces, line) for line in above) if style else bool(doc_above(above, 0, len(above)))
