"""The query files for symbols, one a language: `syntax/queries/symbols/<language>.scm`.

A pattern captures one of these whole:

    @function @method @class @field @constant @module    a definition
    @own       a field that a method gives to its object
    @scope     what holds definitions and is none itself: `impl`, `extern "C"`
    @outer     what surrounds a definition, @inner: its decorators, its `export`
    @import    what names another file

and inside of it @name, @body (where the signature ends), @bases, @container (the class of a method that does not stand
in it); @receiver serves the pattern's own conditions. Around the cursor:

    @use       a name
    @local     a name that is given its meaning here
    @label     a name that is none of the scope: a keyword argument, a key

Patterns are divided by blank lines. A file that begins with `; inherits: <name>` goes on from another.
"""

from __future__ import annotations

import logging
import re
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import tree_sitter

from tabby_lsp.syntax.grammars import grammar
from tabby_lsp.syntax.languages import language

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

ROLES = ("function", "method", "class", "field", "constant", "module", "own", "scope", "outer", "import")
_CAPTURE = re.compile(r"@(\w+)")
_COMMENT = re.compile(r"^;.*$\n?", re.MULTILINE)
_INHERITS = re.compile(r"; inherits: (\w+)")


class _Part(StrEnum):
    """What is asked together; each is compiled when it is first asked."""

    FACTS = "facts"
    IMPORTS = "imports"
    NAMES = "names"

    def holds(self, role: str) -> bool:
        """Whether patterns of a role belong to it."""
        return {_Part.FACTS: role != "", _Part.IMPORTS: role == "import", _Part.NAMES: role == ""}[self]


Match = tuple[str, dict[str, list[tree_sitter.Node]]]


def matches(tree: tree_sitter.Tree, language_id: str, start: int = 0, end: int | None = None) -> Iterator[Match]:
    """What a tree defines and imports, as pairs of a role and the nodes by capture.

    Args:
        tree: the tree.
        language_id: its language; one without queries has no matches.
        start: only what touches the bytes from here
        end: to here; None: to the end.
    """
    query = _query(language_id, _Part.FACTS)
    if query is not None:
        roles = _roles(language_id)
        for pattern, captured in _cursor(query, start, end).matches(tree.root_node):
            yield roles[pattern], captured


def imports(tree: tree_sitter.Tree, language_id: str, end: int | None = None) -> list[tree_sitter.Node]:
    """The import statements of a tree, up to the byte `end`; three times as fast as asking for everything."""
    query = _query(language_id, _Part.IMPORTS)
    return [] if query is None else _cursor(query, 0, end).captures(tree.root_node).get("import", [])


def names(tree: tree_sitter.Tree, language_id: str, start: int, end: int) -> dict[str, list[tree_sitter.Node]]:
    """The names in a stretch of bytes: `use`, `local` and `label`; nothing for a language without queries."""
    query = _query(language_id, _Part.NAMES)
    return {} if query is None else _cursor(query, start, end).captures(tree.root_node)


def known(language_id: str) -> bool:
    """Whether the names of a language can be told by its tree."""
    return _query(language_id, _Part.NAMES) is not None


def warm(language_id: str) -> None:
    """Compile the queries of a language: up to 150 ms of CPU, once, which are better spent before they are needed."""
    for _ in warming(language_id):
        pass


def warming(language_id: str) -> Iterator[None]:
    """Compile the queries of a language one by one, for somebody who lets others have a turn in between.

    The first takes most of the time: 60 to 140 ms for TypeScript, 130 to 260 for C++, some 10 for others. On a thread
    it would hold up everybody else as long, since tree-sitter's binding keeps the interpreter's lock; in groups of six
    patterns it is a third of that at a time, but asking them takes two to four times as long.
    """
    _roles(language_id)
    for part in _Part:
        _query(language_id, part)
        yield


def _cursor(query: tree_sitter.Query, start: int, end: int | None) -> tree_sitter.QueryCursor:
    cursor = tree_sitter.QueryCursor(query)
    if end is not None:
        cursor.set_byte_range(start, max(end, start + 1))
    return cursor


@lru_cache(maxsize=128)
def _query(language_id: str, part: _Part) -> tree_sitter.Query | None:
    """The query of some of a language's patterns; None where there are none or the grammar has other nodes."""
    patterns = _selected(language_id, part)
    parser_language = grammar(language_id) if patterns else None
    if parser_language is None:
        return None
    try:
        return tree_sitter.Query(parser_language, "\n\n".join(patterns))
    except tree_sitter.QueryError:
        log.warning("The symbols of %s cannot be read: its query does not fit its grammar.", language_id, exc_info=True)
        return None


@lru_cache(maxsize=64)
def _roles(language_id: str) -> tuple[str, ...]:
    """What each pattern of the facts captures whole."""
    return tuple(_role(pattern) for pattern in _selected(language_id, _Part.FACTS))


def _selected(language_id: str, part: _Part) -> list[str]:
    """The patterns of one part of a language's file and of those that it goes on from; blank lines divide them."""
    row = language(language_id)
    return [pattern for pattern in _patterns_of(row.queries or row.name) if part.holds(_role(pattern))]


def _role(pattern: str) -> str:
    captured = _CAPTURE.findall(pattern)
    return next((role for role in ROLES if role in captured), "")


def _patterns_of(name: str) -> list[str]:
    file = resources.files("tabby_lsp.syntax") / "queries" / "symbols" / f"{name}.scm"
    if not file.is_file():
        return []
    text = file.read_text("utf-8")
    inherited = [pattern for base in _INHERITS.findall(text) for pattern in _patterns_of(base)]
    own = (part.strip() for part in _COMMENT.sub("", text).split("\n\n"))
    return inherited + [part for part in own if part]
