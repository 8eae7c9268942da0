"""The lines that a model is asked to change: a whole function, whole statements, or a window of them.

An answer replaces exactly these lines, so they begin and end where the language lets something begin and end, and
they are no more than the model can write again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from tabby_lsp.actions.scope import LONGEST, innermost, lines_of
from tabby_lsp.actions.types import Span
from tabby_lsp.document import Position
from tabby_lsp.syntax.grammars import captures

if TYPE_CHECKING:
    import tree_sitter

    from tabby_lsp.document import Snapshot

LONGEST_PARAGRAPH = 40
"""Lines around a place that are looked at where the tree knows no statement there."""
MOST_ROUNDS = 20
"""Times that a selection is widened; each takes in one more level of nested statements."""

Fits = Callable[[str], bool]
"""Whether the model can read a text and write it again."""


class Lines(NamedTuple):
    """A row of lines: the first, and the one after the last."""

    first: int
    end: int


def span_of(snapshot: Snapshot, lines: tuple[int, int]) -> Span:
    """Whole lines as a span, without the last one's ending."""
    first, end = lines
    return Span(Position(first, 0), Position(end - 1, len(snapshot.line_text(end - 1))))


def text_of(snapshot: Snapshot, span: Span) -> str:
    """The text of a span."""
    return snapshot.text[snapshot.offset(span.start) : snapshot.offset(span.end)]


def around_place(snapshot: Snapshot, tree: tree_sitter.Tree | None, span: Span, fits: Fits) -> Span | None:
    """The smallest function around a place, the largest statements in it that fit, or a statement outside of all.

    Args:
        snapshot: the document.
        tree: its tree; None: the lines around the place up to blank ones are taken.
        span: the place: of a problem, a cursor.
        fits: what the model can take; the largest region that does is taken.

    Returns:
        Whole lines; None where not even the smallest statement fits.
    """
    wanted = Lines(*lines_of(snapshot, span))
    for lines in _widest_first(snapshot, tree, wanted):
        if fits(text_of(snapshot, span_of(snapshot, lines))):
            return span_of(snapshot, _grown(snapshot, tree, lines, wanted, fits))
    return None


def of_selection(snapshot: Snapshot, tree: tree_sitter.Tree | None, span: Span) -> Span:
    """The lines of a selection, widened to whole statements."""
    lines = Lines(*lines_of(snapshot, span))
    if lines.end - lines.first > LONGEST:
        return span_of(snapshot, lines)
    statements = _statements(snapshot, tree, lines)
    for _ in range(MOST_ROUNDS):
        wider = lines
        for one in statements:
            if _crosses(one, wider):
                wider = Lines(min(one.first, wider.first), max(one.end, wider.end))
        if wider == lines:
            break
        lines = wider
        statements = _statements(snapshot, tree, lines)
    inside = [one for one in statements if lines.first <= one.first and one.end <= lines.end]
    if not statements or _cover(snapshot, inside, lines):
        return span_of(snapshot, lines)
    around = [one for one in statements if one.first <= lines.first and lines.end <= one.end]
    return span_of(snapshot, around[-1] if around else lines)


def _crosses(one: Lines, other: Lines) -> bool:
    """Whether a statement begins before some lines and ends among them, or begins among them and ends behind."""
    return one.first < other.first < one.end < other.end or other.first < one.first < other.end < one.end


def _cover(snapshot: Snapshot, statements: list[Lines], lines: Lines) -> bool:
    """Whether every line that says something is one of a whole statement."""
    covered = {line for one in statements for line in range(one.first, one.end)}
    return all(line in covered or not snapshot.line_text(line).strip() for line in range(*lines))


def _statements(snapshot: Snapshot, tree: tree_sitter.Tree | None, lines: Lines) -> list[Lines]:
    """The statements and definitions that touch some lines, outer first."""
    return [_lines(snapshot, node) for node in _nodes(snapshot, tree, lines)]


def _nodes(snapshot: Snapshot, tree: tree_sitter.Tree | None, lines: Lines) -> list[tree_sitter.Node]:
    if tree is None:
        return []
    last = Position(lines.end - 1, len(snapshot.line_text(lines.end - 1)))
    text = snapshot.line_text(lines.first)
    first = Position(lines.first, len(text) - len(text.lstrip()))
    start, end = snapshot.byte_offset(first), snapshot.byte_offset(last)
    found = captures(tree, snapshot.language, start, end)
    nodes = [
        node
        for name in ("statement", "definition", "comment")
        for node in found.get(name, ())
        if node.start_byte < end and node.end_byte > start
    ]
    return sorted(nodes, key=lambda node: (node.start_byte, -node.end_byte))


def _lines(snapshot: Snapshot, node: tree_sitter.Node) -> Lines:
    first = snapshot.byte_position(node.start_byte).line
    return Lines(first, snapshot.byte_position(max(node.end_byte - 1, node.start_byte)).line + 1)


def _widest_first(snapshot: Snapshot, tree: tree_sitter.Tree | None, wanted: Lines) -> Iterator[Lines]:
    """Where an answer may be cut out around some lines, the largest first."""
    holder = innermost(snapshot, tree, span_of(snapshot, wanted))
    whole = None
    if holder is not None and (holder.is_function or wanted.first < holder.head):
        whole = Lines(holder.start, max(holder.end, wanted.end))
        yield Lines(min(whole.first, wanted.first), whole.end)
    around = [one for one in _statements(snapshot, tree, wanted) if one.first <= wanted.first and wanted.end <= one.end]
    bound = whole or (Lines(holder.head, holder.end) if holder is not None else Lines(0, len(snapshot.lines)))
    yield from (one for one in around if bound.first <= one.first and one.end <= bound.end)
    if not around:
        yield _paragraph(snapshot, wanted, bound)
    yield wanted


def _paragraph(snapshot: Snapshot, wanted: Lines, bound: Lines) -> Lines:
    """The lines around a place up to the next blank ones."""
    first, end = wanted
    while first > max(bound.first, wanted.first - LONGEST_PARAGRAPH) and snapshot.line_text(first - 1).strip():
        first -= 1
    while end < min(bound.end, wanted.end + LONGEST_PARAGRAPH) and snapshot.line_text(end).strip():
        end += 1
    return Lines(first, end)


def _grown(snapshot: Snapshot, tree: tree_sitter.Tree | None, lines: Lines, wanted: Lines, fits: Fits) -> Lines:
    """A statement with those beside it, as many as fit: part of a function that is too long needs company.

    What stands alone outside of functions, and whole functions, stay as they are.
    """
    holder = innermost(snapshot, tree, span_of(snapshot, wanted))
    if holder is None or not holder.is_function or lines.first <= holder.start:
        return lines
    own = next((node for node in _nodes(snapshot, tree, wanted) if _lines(snapshot, node) == lines), None)
    if own is None or own.parent is None:
        return lines
    beside = [_lines(snapshot, node) for node in own.parent.named_children]
    before = [one for one in reversed(beside) if one.end <= lines.first and one.first > holder.start]
    after = [one for one in beside if one.first >= lines.end]
    for turn in range(len(beside)):
        side = (after, before)[turn % 2] or before or after
        if not side:
            break
        one = side.pop(0)
        wider = Lines(min(one.first, lines.first), max(one.end, lines.end))
        if fits(text_of(snapshot, span_of(snapshot, wider))):
            lines = wider
        else:
            side.clear()
    return lines
