"""What surrounds the cursor: string, comment, word, block, statement, and whether several lines make sense.

The user is typing, so the code at the cursor is usually broken. The tree is believed where no error touches the
cursor's line; elsewhere the lexical table, brackets and indentation answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabby_lsp.document import Position
from tabby_lsp.syntax.cut import code_start
from tabby_lsp.syntax.grammars import broken, captures
from tabby_lsp.syntax.languages import Blocks, language
from tabby_lsp.syntax.lexical import form_at, stretch_at_end
from tabby_lsp.syntax.reading import Bracket, indentation, read

if TYPE_CHECKING:
    import tree_sitter

    from tabby_lsp.document import Snapshot
    from tabby_lsp.syntax.languages import Language

LINES_AROUND = 200
"""Lines before and after the cursor that are read where the tree cannot answer; some milliseconds."""

_HARMLESS_AFTER = ")]}>;:,\"'` \t"


@dataclass(frozen=True, slots=True)
class Scope:
    """The surroundings of a cursor.

    Args:
        in_string: inside of a string, not in code that is interpolated into it.
        in_comment: inside of a comment.
        mid_word_before: a character of an identifier stands directly before the cursor.
        mid_word_after: one stands directly behind it.
        multiline: a suggestion of several lines makes sense here.
    """

    in_string: bool
    in_comment: bool
    mid_word_before: bool
    mid_word_after: bool
    multiline: bool


@dataclass(frozen=True, slots=True)
class _Literal:
    """The string or comment in which the cursor stands; `spans`: one that may go over several lines."""

    comment: bool
    spans: bool


@dataclass(frozen=True, slots=True)
class _Spot:
    """The cursor in its document; `nodes` is what the grammar knows of it, None where it cannot be believed."""

    snapshot: Snapshot
    row: Language
    position: Position
    byte: int
    tree: tree_sitter.Tree | None
    nodes: dict[str, list[tree_sitter.Node]] | None

    @property
    def before(self) -> str:
        """The cursor's line up to the cursor."""
        return self.snapshot.line_text(self.position.line)[: self.position.column]

    @property
    def after(self) -> str:
        """The cursor's line behind the cursor."""
        return self.snapshot.line_text(self.position.line)[self.position.column :]

    def around(self, name: str, *, touching: bool = False) -> list[tree_sitter.Node]:
        """The nodes of a capture that enclose the cursor, outer first; touching: or end where it stands."""
        found = (self.nodes or {}).get(name, [])
        return [
            node
            for node in found
            if (node.start_byte <= self.byte <= node.end_byte and touching)
            or node.start_byte < self.byte < node.end_byte
        ]


def scope_at(snapshot: Snapshot, position: Position, tree: tree_sitter.Tree | None) -> Scope:
    """Describe what surrounds a position.

    Args:
        snapshot: the document.
        position: the cursor; clamped.
        tree: the snapshot's tree, or None to judge by lines.
    """
    spot = _spot(snapshot, snapshot.clamp(position), tree)
    literal = _literal_by_tree(spot) if spot.nodes is not None else _literal_by_text(spot)
    return Scope(
        in_string=literal is not None and not literal.comment,
        in_comment=literal is not None and literal.comment,
        mid_word_before=_is_word(spot.before[-1:], spot.row),
        mid_word_after=_is_word(spot.after[:1], spot.row),
        multiline=_multiline(spot, literal),
    )


def enclosing_block(
    snapshot: Snapshot, position: Position, tree: tree_sitter.Tree | None
) -> tuple[Position, Position] | None:
    """Start and end of the innermost block around a position; None at the top level."""
    spot = _spot(snapshot, snapshot.clamp(position), tree)
    return _block(spot, *_open_brackets(spot))


def statement_start(snapshot: Snapshot, position: Position, tree: tree_sitter.Tree | None) -> Position:
    """Start of the line on which the innermost statement around a position begins."""
    spot = _spot(snapshot, snapshot.clamp(position), tree)
    unclosed, _ = _open_brackets(spot)
    return _statement(spot, unclosed)


def word_follows(snapshot: Snapshot, position: Position) -> bool:
    """Whether the cursor stands before a letter of a word; needs no tree."""
    following = snapshot.line_text(position.line)[position.column : position.column + 1]
    return _is_word(following, language(snapshot.language))


def _spot(snapshot: Snapshot, position: Position, tree: tree_sitter.Tree | None) -> _Spot:
    row = language(snapshot.language)
    byte = snapshot.byte_offset(position)
    nodes = None
    if tree is not None:
        start = snapshot.byte_offset(Position(position.line, 0))
        end = snapshot.byte_offset(Position(position.line, len(snapshot.line_text(position.line))))
        if not broken(tree, start, end):
            nodes = captures(tree, snapshot.language, byte, byte)
    return _Spot(snapshot, row, position, byte, tree, nodes)


def _is_word(character: str, row: Language) -> bool:
    return character.isalnum() or (character != "" and character in "_" + row.letters)


def _literal_by_tree(spot: _Spot) -> _Literal | None:
    found = [(node.start_byte, _literal(spot, node, comment=False)) for node in spot.around("string")]
    for node in spot.around("comment", touching=True):
        literal = _literal(spot, node, comment=True)
        if _is_in_comment(spot, node, literal):
            found.append((node.start_byte, literal))
    code = max((node.start_byte for node in spot.around("code")), default=-1)
    start, inner = max(found, key=lambda pair: pair[0], default=(-1, None))
    return inner if start > code else None


def _literal(spot: _Spot, node: tree_sitter.Node, *, comment: bool) -> _Literal:
    offset = spot.snapshot.offset(spot.snapshot.byte_position(node.start_byte))
    form = form_at(spot.row, spot.snapshot.text, offset)
    return _Literal(comment, form.spans if form else node.end_point.row > node.start_point.row)


def _is_in_comment(spot: _Spot, node: tree_sitter.Node, literal: _Literal) -> bool:
    """A line comment holds the end of its line, and no grammar's extra line ending; any other ends with its node."""
    if literal.spans:
        return node.start_byte < spot.byte < node.end_byte
    start = spot.snapshot.byte_position(node.start_byte)
    return start.line == spot.position.line and start < spot.position


def _literal_by_text(spot: _Spot) -> _Literal | None:
    first = _first_line(spot)
    text = "".join(spot.snapshot.lines[first : spot.position.line]) + spot.before
    found = stretch_at_end(spot.row, text)
    return _Literal(comment=found.form.comment, spans=found.form.spans) if found else None


def _first_line(spot: _Spot) -> int:
    line = spot.position.line
    return code_start(spot.snapshot, spot.tree, max(line - LINES_AROUND, 0), line)


def _open_brackets(spot: _Spot) -> tuple[list[Bracket], int]:
    """The brackets that are open at the cursor, outer first, with offsets into the document; where reading began.

    Only where the tree does not answer.
    """
    if spot.nodes is not None:
        return [], 0
    snapshot, line = spot.snapshot, spot.position.line
    origin = snapshot.offset(Position(_first_line(spot), 0))
    last = min(line + LINES_AROUND, len(snapshot.lines) - 1)
    end = snapshot.offset(Position(last, len(snapshot.line_text(last))))
    reading = read(snapshot.language, snapshot.text[origin:end])
    cursor = snapshot.offset(spot.position) - origin
    _, openers = reading.unmatched(0, cursor)
    return [Bracket(opener.character, opener.offset + origin) for opener in openers], end


def _block(spot: _Spot, unclosed: list[Bracket], window_end: int) -> tuple[Position, Position] | None:
    if spot.row.shape is Blocks.BRACES:
        return _block_by_tree(spot) if spot.nodes is not None else _block_by_brackets(spot, unclosed, window_end)
    if spot.row.shape is Blocks.KEYWORDS and spot.nodes is not None:
        return _block_by_tree(spot)
    return _block_by_indentation(spot)


def _block_by_tree(spot: _Spot) -> tuple[Position, Position] | None:
    blocks = spot.around("block")
    if not blocks:
        return None
    inner = max(blocks, key=lambda node: node.start_byte)
    return spot.snapshot.byte_position(inner.start_byte), spot.snapshot.byte_position(inner.end_byte)


def _block_by_brackets(spot: _Spot, unclosed: list[Bracket], window_end: int) -> tuple[Position, Position] | None:
    """From the innermost open brace to its partner, or as far as was read."""
    start = next((bracket.offset for bracket in reversed(unclosed) if bracket.character == "{"), None)
    if start is None:
        return None
    snapshot = spot.snapshot
    cursor = snapshot.offset(spot.position)
    reading = read(snapshot.language, snapshot.text[cursor:window_end])
    closers, _ = reading.unmatched(0, len(reading.text))
    end = next((cursor + closer.offset + 1 for closer in closers if closer.character == "}"), window_end)
    return snapshot.position(start), snapshot.position(end)


def _block_by_indentation(spot: _Spot) -> tuple[Position, Position] | None:
    """The lines around the cursor that are indented at least as far as it is."""
    lines, line = spot.snapshot.lines, spot.position.line
    width = _effective_indentation(spot)
    if width == 0:
        return None
    first, last = line, line
    for number in range(line - 1, -1, -1):
        if lines[number].strip():
            if indentation(lines[number]) < width:
                break
            first = number
    for number in range(line + 1, len(lines)):
        if lines[number].strip():
            if indentation(lines[number]) < width:
                break
            last = number
    return Position(first, 0), Position(last, len(spot.snapshot.line_text(last)))


def _effective_indentation(spot: _Spot) -> int:
    """The indentation of the cursor's line; an empty one goes with the shallower of the lines around it."""
    snapshot, line = spot.snapshot, spot.position.line
    if (spot.before + spot.after).strip():
        return indentation(spot.before + spot.after)
    if spot.before:
        return indentation(spot.before + "x")
    above = next((text for text in reversed(snapshot.lines[:line]) if text.strip()), "")
    below = next((text for text in snapshot.lines[line + 1 :] if text.strip()), "")
    if indentation(below) > indentation(above):
        return indentation(below)  # the line above opened the block
    return min(indentation(above), indentation(below))


def _statement(spot: _Spot, unclosed: list[Bracket]) -> Position:
    line = Position(spot.position.line, 0)
    if not (spot.before + spot.after).strip():
        return line
    if spot.nodes is None:
        return _statement_by_brackets(spot, unclosed) or line
    found = spot.around("statement", touching=True) + spot.around("definition", touching=True)
    block = max((node.start_byte for node in spot.around("block")), default=-1)
    inside = [node.start_byte for node in found if node.start_byte > block]
    if not inside:
        return line
    return Position(min(spot.snapshot.byte_position(max(inside)).line, line.line), 0)


def _statement_by_brackets(spot: _Spot, unclosed: list[Bracket]) -> Position | None:
    """The line of the outermost of the brackets that are open at the cursor and are no block."""
    start: Position | None = None
    for bracket in reversed(unclosed):
        if bracket.character == "{" and not spot.row.indented:
            break
        start = Position(spot.snapshot.position(bracket.offset).line, 0)
    return start


def _multiline(spot: _Spot, literal: _Literal | None) -> bool:
    if spot.after.strip(_HARMLESS_AFTER):
        return False
    if literal is not None:
        return literal.spans and not spot.after.strip() and not spot.before.strip()
    return not spot.before.strip() or bool(re.search(spot.row.opener, spot.before))
