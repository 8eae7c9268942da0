"""A stretch of text with its code told apart from its strings and comments, and the brackets in its code.

Reading asks the grammar where that understands the text, and the lexical table where it does not: in the middle
of an edit, and in languages without a grammar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tree_sitter

from tabby_lsp.syntax.grammars import broken, captures, grammar
from tabby_lsp.syntax.languages import language
from tabby_lsp.syntax.lexical import BRACKETS, CLOSER_OF, stretches
from tabby_lsp.syntax.trees import encoded

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


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, and which of its characters are code.

    Args:
        text: the text.
        literal: a byte for each character, 1 where it belongs to a string or comment.
        pairs: the brackets that count.
    """

    text: str
    literal: bytes
    pairs: str

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


def read(language_id: str, text: str, start: int = 0, end: int | None = None) -> Reading:
    """Read a text that begins outside of strings and comments.

    Args:
        language_id: the protocol's id.
        text: the text, a window of some hundred lines at most: it is parsed anew.
        start: from where the reading has to be right, in code points.
        end: up to where; None: to the end. A syntax error outside of the two does no harm.
    """
    row = language(language_id)
    literal = _by_grammar(language_id, text, start, len(text) if end is None else end)
    if literal is None:
        flags = bytearray(len(text))
        for stretch in stretches(row, text):
            _paint(flags, stretch.start, stretch.end, 1)
        literal = bytes(flags)
    return Reading(text, literal, row.brackets)


def indentation(line: str) -> int:
    """The width of a line's leading blanks, in columns."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(TAB_WIDTH))


def _by_grammar(language_id: str, text: str, start: int, end: int) -> bytes | None:
    loaded = grammar(language_id)
    if loaded is None:
        return None
    preamble = language(language_id).preamble
    if preamble.strip() in text:
        preamble = ""
    data = encoded(preamble + text)
    tree = tree_sitter.Parser(loaded).parse(data)
    first, last = len(encoded(preamble + text[:start])), len(encoded(preamble + text[:end]))
    if broken(tree, first, last):
        return None
    found = captures(tree, language_id, 0, len(data))
    values = {"string": 1, "comment": 1, "code": 0}
    nodes = [(node, value) for name, value in values.items() for node in found.get(name, [])]
    flags = bytearray(len(preamble) + len(text))
    for node, value in sorted(nodes, key=lambda pair: (pair[0].start_byte, -pair[0].end_byte)):
        _paint(flags, _characters(data, node.start_byte), _characters(data, node.end_byte), value)
    return bytes(flags[len(preamble) :])


def _paint(flags: bytearray, start: int, end: int, value: int) -> None:
    flags[start:end] = bytes([value]) * (end - start)


def _characters(data: bytes, offset: int) -> int:
    return offset if data.isascii() else len(data[:offset].decode("utf-8", "surrogatepass"))
