"""What the code around the cursor uses, what its file imports, and which class it stands in.

For a document that is being typed, at each key that asks: only a stretch of bytes around the cursor is looked at.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tabby_lsp.syntax.languages import language
from tabby_lsp.syntax.lexical import stretches
from tabby_lsp.syntax.symbols.enclosing import around
from tabby_lsp.syntax.symbols.extract import imports_of_nodes
from tabby_lsp.syntax.symbols.queries import imports, known, names
from tabby_lsp.syntax.symbols.types import Use
from tabby_lsp.syntax.symbols.vocabulary import reserved
from tabby_lsp.syntax.trees import encoded

if TYPE_CHECKING:
    import tree_sitter

    from tabby_lsp.document import Position, Snapshot
    from tabby_lsp.syntax.symbols.enclosing import Around
    from tabby_lsp.syntax.symbols.types import Import

AFTER_COUNTS = 2.0
"""A name behind the cursor is as far as one this many times the lines before it: what was written tells more."""
HEAD_DISTANCE = 6.0
"""Lines that the types of the parameters are away at most, however long the function is."""
IMPORTS_WITHIN = 40_000
"""Bytes of the beginning of a file in which imports are looked for, where it is longer than twice that."""

_NAME = re.compile(r"[^\W\d][\w$]*")
_DOTS = r"\?\.|!\.|(?<!\.)\.|::"
_CONNECTORS = {"c": "->", "cpp": "->", "php": r"\??->", "lua": ":", "ruby": r"&\."}
_ASSIGNED = re.compile(r"\s*:?=(?![=>])")
_LONGEST_CONNECTOR = 24
_SHORTEST = 2


class _Name(NamedTuple):
    """A name and where it stands, in bytes."""

    start: int
    end: int
    text: str


def uses_near(
    tree: tree_sitter.Tree | None, snapshot: Snapshot, position: Position, limit: int = 32
) -> tuple[Use, ...]:
    """Names that the function around a position uses and does not define, nearest first.

    Keywords, what a language has without import, and names that are given their meaning in the same function are left
    out; a name behind a dot never is. At most 120 lines are read, and the head of a function that is longer.

    Args:
        tree: the snapshot's tree; None: strings and comments are told by the lexical table.
        snapshot: the document.
        position: the cursor; clamped.
        limit: most names.
    """
    near = around(tree, snapshot, position)
    data = encoded(snapshot.text)
    by_tree = tree is not None and known(snapshot.language)
    found, local = (_by_tree if by_tree else _by_text)(tree, snapshot.language, data, near)
    left_out = reserved(snapshot.language) | local
    cursor = snapshot.byte_offset(position)
    connector = _connector(snapshot.language)
    distances: dict[Use, float] = {}
    last = _Name(0, 0, "")
    for name in found:
        before = data[max(name.start - _LONGEST_CONNECTOR, 0) : name.start]
        is_member = connector.search(before) is not None
        receiver = last.text if is_member and connector.fullmatch(data, last.end, name.start) else ""
        last = name
        if name.end == cursor or name.start == near.own:
            continue  # what is being typed, and the function's own name
        if len(name.text) < _SHORTEST or (name.text in left_out and not is_member):
            continue
        use = Use(name.text, receiver)
        distance = _distance(data, name, cursor, near)
        distances[use] = min(distance, distances.get(use, distance))
    return tuple(sorted(distances, key=lambda use: distances[use])[:limit])


def imports_of(tree: tree_sitter.Tree | None, snapshot: Snapshot) -> tuple[Import, ...]:
    """The imports of a document, in the order of the source; of a very long one those at its beginning."""
    if tree is None:
        return ()
    data = encoded(snapshot.text)
    end = None if len(data) <= 2 * IMPORTS_WITHIN else IMPORTS_WITHIN
    return imports_of_nodes(imports(tree, snapshot.language, end), data, snapshot.language)


def class_at(tree: tree_sitter.Tree | None, snapshot: Snapshot, position: Position) -> tuple[str, tuple[str, ...]]:
    """The class around a position and the names that it extends; ("", ()) where there is none."""
    near = around(tree, snapshot, position)
    return near.name, near.bases


def _by_tree(
    tree: tree_sitter.Tree | None, language_id: str, data: bytes, near: Around
) -> tuple[list[_Name], set[str]]:
    """The names of a stretch, and those that are given their meaning in it."""
    found: dict[tuple[int, int], _Name] = {}
    local: set[str] = set()
    for first, last in ((near.start, near.end), near.head) if near.head[0] < near.start else ((near.start, near.end),):
        captured = names(tree, language_id, first, last) if tree is not None else {}
        labels = {node.start_byte for node in captured.get("label", ())}
        for start, end in (node.byte_range for node in captured.get("use", ())):
            if first <= start < last and start not in labels:
                found[start, end] = _Name(start, end, _plain(data[start:end]))
        local.update(_plain(data[node.start_byte : node.end_byte]) for node in captured.get("local", ()))
    return [found[place] for place in sorted(found)], local


def _plain(name: bytes) -> str:
    return name.decode("utf-8", "replace").lstrip("@$#")


def _by_text(_: tree_sitter.Tree | None, language_id: str, data: bytes, near: Around) -> tuple[list[_Name], set[str]]:
    """The same of a stretch without a tree: a name that a value is given to has its meaning there."""
    text = data[near.start : near.end].decode("utf-8", "surrogatepass")
    hidden = bytearray(len(text))
    for one in stretches(language(language_id), text):
        hidden[one.start : one.end] = b"\1" * (one.end - one.start)
    found: list[_Name] = []
    local: set[str] = set()
    place, byte = 0, near.start
    for match in _NAME.finditer(text):
        byte += len(encoded(text[place : match.start()]))
        place = match.start()
        if hidden[place]:
            continue
        found.append(_Name(byte, byte + len(encoded(match.group())), match.group()))
        if _ASSIGNED.match(text, match.end()):
            local.add(match.group())
    return found, local


@lru_cache(maxsize=64)
def _connector(language_id: str) -> re.Pattern[bytes]:
    """What stands between an object and its member, up to the end of what is searched."""
    more = _CONNECTORS.get(language(language_id).name)
    return re.compile(rf"\s*(?:{_DOTS}{'|' + more if more else ''})\s*\Z".encode())


def _distance(data: bytes, name: _Name, cursor: int, near: Around) -> float:
    """Lines between a name and the cursor; within a line, the later name is nearer."""
    if name.start >= cursor:
        return AFTER_COUNTS * (data.count(b"\n", cursor, name.start) + 0.5)
    lines = data.count(b"\n", name.end, cursor)
    away = min(lines, HEAD_DISTANCE) if name.start < near.head[1] else lines
    return away + (cursor - name.start) / (cursor - min(near.start, near.head[0]) + 1) / 2
