"""A stretch of text with its code told apart from its strings and comments, and the brackets in its code.

Reading asks the grammar where that understands the text, and the lexical table where it does not: in the middle
of an edit, and in languages without a grammar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import tree_sitter

from tabby_lsp.syntax.grammars import broken, captures, grammar
from tabby_lsp.syntax.languages import language
from tabby_lsp.syntax.lexical import BRACKETS, CLOSER_OF, stretches
from tabby_lsp.syntax.trees import encoded, parsed_within, point

if TYPE_CHECKING:
    from collections.abc import Iterator

TAB_WIDTH = 8
"""Columns to which a tab jumps where indentations are compared: Python's rule."""


@dataclass(frozen=True, slots=True)
class Bracket:
    """A bracket that is code.

    Args:
        character: one of `()[]{}`.
        offset: where it stands in the text that was read, in code points.
    """

    character: str
    offset: int


class Parsed(NamedTuple):
    """What a grammar made of a text, with the language's preamble before it."""

    data: bytes
    tree: tree_sitter.Tree


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, and which of its characters are code.

    Args:
        text: the text.
        literal: a byte for each character, 1 where it belongs to a string or comment.
        pairs: the brackets that count.
        parsed: what the grammar made of it, for `read_inserted`; None: there is no grammar.
    """

    text: str
    literal: bytes
    pairs: str
    parsed: Parsed | None = None

    def brackets(self, start: int, end: int) -> Iterator[Bracket]:
        """The brackets in [start, end) that are code."""
        for match in BRACKETS.finditer(self.text, start, end):
            if not self.literal[match.start()] and match.group() in self.pairs:
                yield Bracket(match.group(), match.start())

    def unmatched(self, start: int, end: int) -> tuple[list[Bracket], list[Bracket]]:
        """The closers and the openers in [start, end) that have no partner there, each in the text's order."""
        closers: list[Bracket] = []
        openers: list[Bracket] = []
        for bracket in self.brackets(start, end):
            if bracket.character in CLOSER_OF:
                openers.append(bracket)
            elif not take(openers, bracket):
                closers.append(bracket)
        return closers, openers


def take(openers: list[Bracket], closer: Bracket) -> bool:
    """Remove the opener that a closer belongs to, and those inside that were left open; False if there is none."""
    for depth in range(len(openers) - 1, -1, -1):
        if CLOSER_OF[openers[depth].character] == closer.character:
            del openers[depth:]
            return True
    return False


def read(language_id: str, text: str) -> Reading:
    """Read a text that begins outside of strings and comments.

    Args:
        language_id: the protocol's id.
        text: the text, a window of some hundred lines at most: it is parsed anew.
    """
    parsed = _parse(language_id, text)
    start = len(encoded(_preamble(language_id, text)))
    literal = None if parsed is None else _by_grammar(language_id, parsed, start, len(parsed.data))
    return Reading(text, literal or _by_table(language_id, text), language(language_id).brackets, parsed)


def read_inserted(language_id: str, around: Reading, offset: int, inserted: str, seconds: float = math.inf) -> Reading:
    """Read what is inserted into a text: only that is read, and a syntax error elsewhere does no harm.

    Args:
        language_id: the protocol's id.
        around: the text without it.
        offset: where it is inserted, in code points.
        inserted: the text.
        seconds: of parsing, after which the lexical table answers.

    Returns:
        The reading of `inserted`, with offsets into it.
    """
    before, pairs = around.text[:offset], language(language_id).brackets
    text = before + inserted + around.text[offset:]
    if around.parsed is not None:
        start = len(encoded(_preamble(language_id, text) + before))
        end = start + len(encoded(inserted))
        parsed = _parse_inserted(language_id, text, around.parsed, start, end, seconds)
        literal = None if parsed is None else _by_grammar(language_id, parsed, start, end)
        if literal is not None:
            return Reading(inserted, literal, pairs)
    return Reading(inserted, _by_table(language_id, text)[offset : offset + len(inserted)], pairs)


def indentation(line: str) -> int:
    """The width of a line's leading blanks, in columns."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(TAB_WIDTH))


def _preamble(language_id: str, text: str) -> str:
    """What the grammar must see before a text."""
    preamble = language(language_id).preamble
    return "" if preamble.strip() in text else preamble


def _parse(language_id: str, text: str) -> Parsed | None:
    """Parse a text; None: no grammar."""
    loaded = grammar(language_id)
    if loaded is None:
        return None
    data = encoded(_preamble(language_id, text) + text)
    return Parsed(data, tree_sitter.Parser(loaded).parse(data))


def _parse_inserted(language_id: str, text: str, old: Parsed, start: int, end: int, seconds: float) -> Parsed | None:
    """Parse a text from one without the bytes [start, end); None: no grammar, or the time is over."""
    loaded = grammar(language_id)
    if loaded is None:
        return None
    data, tree = encoded(_preamble(language_id, text) + text), None
    if len(old.data) + end - start == len(data):  # else what is inserted is the preamble itself
        tree = old.tree.copy()
        tree.edit(start, start, end, point(data, start), point(data, start), point(data, end))
    parsed = parsed_within(seconds, tree_sitter.Parser(loaded), data, tree)
    return None if parsed is None else Parsed(data, parsed)


def _by_grammar(language_id: str, parsed: Parsed, start: int, end: int) -> bytes | None:
    """A byte for each character of the bytes [start, end), 1 where it is no code; None where they cannot be parsed."""
    if broken(parsed.tree, start, end):
        return None
    found = captures(parsed.tree, language_id, start, end)
    values = {"string": 1, "comment": 1, "code": 0}
    nodes = [(node, value) for name, value in values.items() for node in found.get(name, [])]
    part = parsed.data[start:end]
    flags = bytearray(_characters(part, len(part)))
    for node, value in sorted(nodes, key=lambda pair: (pair[0].start_byte, -pair[0].end_byte)):
        first, last = max(node.start_byte, start), min(node.end_byte, end)
        if first < last:
            _paint(flags, _characters(part, first - start), _characters(part, last - start), value)
    return bytes(flags)


def _by_table(language_id: str, text: str) -> bytes:
    """The same for a whole text without its grammar."""
    flags = bytearray(len(text))
    for stretch in stretches(language(language_id), text):
        _paint(flags, stretch.start, stretch.end, 1)
    return bytes(flags)


def _paint(flags: bytearray, start: int, end: int, value: int) -> None:
    flags[start:end] = bytes([value]) * (end - start)


def _characters(data: bytes, offset: int) -> int:
    return offset if data.isascii() else len(data[:offset].decode("utf-8", "surrogatepass"))
