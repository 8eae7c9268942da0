"""What an edit must not do to a document: bring new syntax errors, or change code where only words may change.

Two trees are compared; a language without a grammar has none, and passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tree_sitter

from tabby_lsp.difference import difference
from tabby_lsp.syntax.grammars import captures, grammar
from tabby_lsp.syntax.trees import SIZE_LIMIT, encoded

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOCUMENTED = frozenset({"module", "block"})
"""Kinds of nodes whose first statement is Python's documentation."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """The one stretch of bytes in which two texts differ.

    Attributes:
        start: its first byte, in both.
        old_end: byte after it in the old text.
        new_end: byte after it in the new one.
    """

    start: int
    old_end: int
    new_end: int


def parse(language_id: str, text: str) -> tree_sitter.Tree | None:
    """A fresh tree; None where the language has no grammar or the text is too large for one."""
    loaded = grammar(language_id)
    if loaded is None or len(text) > SIZE_LIMIT:
        return None
    return tree_sitter.Parser(loaded).parse(encoded(text))


def replaced(old: bytes, new: bytes) -> Replaced:
    """Where two texts differ, from the first to the last difference."""
    return Replaced(*difference(old, new))


def error_count(tree: tree_sitter.Tree) -> int:
    """How many nodes of a tree are errors or stand for what is missing."""
    return sum(1 for _ in _errors(tree))


def new_errors(before: tree_sitter.Tree | None, after: tree_sitter.Tree | None, where: Replaced | None = None) -> int:
    """How many nodes of a tree are errors, or stand for what is missing, that were none before.

    Args:
        before: the document's tree before an edit; None: no grammar, and nothing is new.
        after: the tree after it.
        where: what was replaced. Errors in it and around it are counted apart, so that an edit which mends one error
            and causes another outside does not pass; None: counted together.
    """
    if before is None or after is None:
        return 0
    if where is None:
        return max(error_count(after) - error_count(before), 0)
    old_inside, old_outside = _split(before, where.start, where.old_end)
    inside, outside = _split(after, where.start, where.new_end)
    return max(inside - old_inside, 0) + max(outside - old_outside, 0)


def same_code(before: tree_sitter.Tree | None, after: tree_sitter.Tree | None, language_id: str) -> bool:
    """Whether two trees are equal but for comments and documentation strings.

    Args:
        before: one tree; None: no grammar, which passes.
        after: the other.
        language_id: the protocol's id of both.
    """
    if before is None or after is None:
        return True
    comments = _comments(before, language_id), _comments(after, language_id)
    pairs = [(before.root_node, after.root_node)]
    while pairs:
        old, new = pairs.pop()
        if old.type != new.type:
            return False
        if old.text == new.text and old.type != "ERROR":
            continue
        inner = _code(old, comments[0]), _code(new, comments[1])
        if len(inner[0]) != len(inner[1]) or _own_text(old) != _own_text(new):
            return False
        pairs += zip(*inner, strict=True)
    return True


def _errors(tree: tree_sitter.Tree) -> Iterator[tree_sitter.Node]:
    waiting = [tree.root_node]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            yield node
        if node.has_error:
            waiting += node.children


def _split(tree: tree_sitter.Tree, start: int, end: int) -> tuple[int, int]:
    """Errors within a stretch of bytes, and all others."""
    inside = [start <= node.start_byte and node.end_byte <= end for node in _errors(tree)]
    return sum(inside), len(inside) - sum(inside)


def _comments(tree: tree_sitter.Tree, language_id: str) -> set[int]:
    found = captures(tree, language_id, 0, tree.root_node.end_byte)
    return {node.id for node in found.get("comment", [])}


def _code(node: tree_sitter.Node, comments: set[int]) -> list[tree_sitter.Node]:
    """The children of a node that are code."""
    kept = [child for child in node.children if child.id not in comments]
    if node.type in _DOCUMENTED and kept and is_documentation(kept[0]):
        return kept[1:]
    return kept


def _own_text(node: tree_sitter.Node) -> bytes:
    """The text of a node that belongs to none of its children, blanks left out; of a leaf all of it."""
    text, start = node.text or b"", node.start_byte
    pieces, done = [], 0
    for child in node.children:
        pieces.append(text[done : child.start_byte - start])
        done = child.end_byte - start
    return b"".join(b"".join([*pieces, text[done:]]).split()) if node.children else text


def is_documentation(node: tree_sitter.Node) -> bool:
    """Whether a statement is nothing but a string, as Python's documentation is."""
    return node.type == "expression_statement" and [child.type for child in node.children] == ["string"]
