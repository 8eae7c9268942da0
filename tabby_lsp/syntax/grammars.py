"""Grammars and their queries: loaded when they are first needed, and never the reason of a failure.

`queries/<language>.scm` names what the cursor can meet, with these captures:

    @string      text in quotes, also characters, regular expressions and here-documents
    @comment     a comment
    @code        code inside of a string (interpolation)
    @block       what encloses the cursor from the opening of a block to its close
    @definition  a function, a type and whatever else has a name and a body
    @statement   any other statement

For a grammar without a query file (from `semble_grammars`) a query is derived from its node names.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import re
from functools import lru_cache
from importlib import resources

import tree_sitter

from tabby_lsp.syntax.languages import language

log = logging.getLogger(__name__)

_BUNDLE = "semble_grammars"
_DERIVED = {
    "string": re.compile(r"(?:string|char(?:acter)?|regex|heredoc)(?:_literal|_body)?$"),
    "comment": re.compile(r"comment"),
    "code": re.compile(r"interpolation$|^template_substitution$"),
    "block": re.compile(r"(?:block|_body|_list|_map|^object)$"),
    "definition": re.compile(r"(?:function|class|method|type|struct|enum|trait|interface|object)_(?:def|decl)"),
    "statement": re.compile(r"_statement$|^statement$|(?:property|variable|import)_declaration$"),
}


@lru_cache(maxsize=128)
def grammar(language_id: str) -> tree_sitter.Language | None:
    """The grammar of a language, or None where there is none or it cannot be used (which is logged once)."""
    row = language(language_id)
    try:
        if row.module and importlib.util.find_spec(row.module):
            return tree_sitter.Language(getattr(importlib.import_module(row.module), row.function)())
        return _bundled(row.name)
    except Exception:  # whatever foreign binary code raises while it loads: the language is served by its lines
        log.warning("The grammar for %s cannot be used; falling back on lines.", row.name, exc_info=True)
        return None


@lru_cache(maxsize=128)
def query(language_id: str) -> tree_sitter.Query | None:
    """The query of a language, or None where its grammar or the query cannot be used (which is logged once)."""
    parser_language = grammar(language_id)
    if parser_language is None:
        return None
    row = language(language_id)
    file = resources.files("tabby_lsp.syntax") / "queries" / f"{row.queries or row.name}.scm"
    try:
        source = file.read_text("utf-8") if file.is_file() else _derived_query(parser_language)
        return tree_sitter.Query(parser_language, source)
    except (tree_sitter.QueryError, OSError):
        log.warning("The query for %s does not fit its grammar; falling back on lines.", row.name, exc_info=True)
        return None


def captures(tree: tree_sitter.Tree, language_id: str, start: int, end: int) -> dict[str, list[tree_sitter.Node]]:
    """The nodes that touch a stretch of a tree, by capture name, in the order of their starts, outer before inner.

    Args:
        tree: the tree.
        language_id: its language.
        start: first byte.
        end: byte after the last one.
    """
    found = query(language_id)
    if found is None:
        return {}
    cursor = tree_sitter.QueryCursor(found)
    cursor.set_byte_range(max(start - 1, 0), end + 1)
    return {
        name: sorted((node for node in nodes if node.end_byte >= start and node.start_byte <= end), key=_outer_first)
        for name, nodes in cursor.captures(tree.root_node).items()
    }


def broken(tree: tree_sitter.Tree, start: int, end: int) -> bool:
    """Whether a syntax error touches the bytes [start, end] of a tree."""
    if not tree.root_node.has_error:
        return False
    cursor = tree_sitter.QueryCursor(_error_query(tree.language))
    cursor.set_byte_range(max(start - 1, 0), end + 1)
    found = cursor.captures(tree.root_node).get("error", [])
    return any(node.end_byte >= start and node.start_byte <= end for node in found)


@lru_cache(maxsize=128)
def _error_query(parser_language: tree_sitter.Language) -> tree_sitter.Query:
    return tree_sitter.Query(parser_language, "[(ERROR) (MISSING)] @error")


def _outer_first(node: tree_sitter.Node) -> tuple[int, int]:
    return node.start_byte, -node.end_byte


def _bundled(name: str) -> tree_sitter.Language | None:
    if importlib.util.find_spec(_BUNDLE) is None:
        return None
    bundle = importlib.import_module(_BUNDLE)
    return bundle.get_language(name) if name in bundle.available_languages() else None


def _derived_query(parser_language: tree_sitter.Language) -> str:
    kinds = {
        kind
        for number in range(parser_language.node_kind_count)
        if parser_language.node_kind_is_named(number)
        and parser_language.node_kind_is_visible(number)
        and (kind := parser_language.node_kind_for_id(number))
    }
    return "\n".join(
        f"({kind}) @{name}" for name, pattern in _DERIVED.items() for kind in sorted(kinds) if pattern.search(kind)
    )
