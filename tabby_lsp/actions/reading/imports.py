"""Imports that stood beside an answer's code: those that the document lacks and the code uses, and where they go."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tabby_lsp.actions.reading.statements import statement_of, text_of
from tabby_lsp.document import Position
from tabby_lsp.syntax.symbols.statements import EVERYTHING, imports_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import tree_sitter

    from tabby_lsp.actions.reading.regions import Region
    from tabby_lsp.syntax.symbols.types import Import

_LEAD = frozenset(
    {"package_clause", "package_declaration", "php_tag", "namespace_definition", "comment", "line_comment",
     "block_comment", "hash_bang_line", "inner_attribute_item", "preproc_def", "future_import_statement",
     "declare_statement"}
)  # fmt: skip
"""What stands before the imports of a file."""
OF_A_LICENCE = r"[\s\S]*(?:SPDX-|(?:copyright|\(c\))\s+(?:\(c\)|©|(?:19|20)\d\d)|licen[cs]ed under|all rights reserved)"
"""Regular expression for a licence, and not for what is called so; case aside."""
_OF_THE_FILE = re.compile(
    r"#!|.*coding[:=]|.*@file\b|// *\+build |//go:build |#\s*frozen_string_literal:|" + OF_A_LICENCE, re.IGNORECASE
)
"""Comments that speak of their file, whatever stands below them."""
_FUTURE = "__future__"
"""Python's module whose imports change how a file is read: a decision about all of it, and none of an answer."""
_OUTER = "super"
"""Rust's module around: `use super::*` means another one at the top of a file than in its module of tests."""
_GO_GROUP = re.compile(r"^import\s*\(\s*\n")


def missing(region: Region, statements: Iterable[str], code: str) -> tuple[str, ...]:
    """The import statements that code needs beside those of its document, without the names that are there.

    Args:
        region: where the code goes.
        statements: of the answer.
        code: without them; an import of a name that it does not use is none of its own.
    """
    language_id = region.snapshot.language
    own = [text_of(statement_of(node)) for node in region.imports]
    there = {name for text in own for one in imports_in(text, language_id) for name in _called(one)}
    there |= {(one.module, "*") for text in own for one in imports_in(text, language_id)}
    written = {" ".join(text.split()) for text in own}
    found: dict[str, None] = {}
    for statement in statements:
        statement = statement.strip()  # noqa: PLW2901 - a node of C has the end of its line
        if " ".join(statement.split()) in written:
            continue
        for one in imports_in(statement, language_id):
            if one.module == _FUTURE or (language_id == "rust" and one.module.split("::")[0] == _OUTER):
                continue
            needed = _needed(one, there, code)
            if needed is not None:
                text = _statement(region.language.name, statement, one, needed)
                found[text] = None
    return tuple(found)


def place(region: Region) -> tuple[Position, str, str]:
    """Where a document's imports go: the position, and what stands before and behind each line there."""
    snapshot = region.snapshot
    root = region.tree.root_node if region.tree is not None else None
    guard = _guard(root) if root is not None else None
    statements = [statement_of(node) for node in region.imports]
    tops = [node for node in statements if node.parent is not None and node.parent in (root, guard)]
    if tops:
        last = max(tops, key=lambda node: node.end_byte)
        text = text_of(last)
        if region.language.name == "go" and _GO_GROUP.match(text):
            return Position(snapshot.byte_position(last.end_byte).line, 0), "\t", "\n"
        return _below(region, last), "", "\n"
    lead = _lead((guard or root).children[2 * (guard is not None) :]) if root is not None else None
    return (_below(region, lead) if lead is not None else _first(region)), "", "\n"


def inserted(region: Region, statements: Sequence[str]) -> tuple[Position, str] | None:
    """New import statements as an insertion; None where the brief allows no change there."""
    position, before, after = place(region)
    first, last = region.allowed
    if not first <= position.line < max(last, first + 1):
        return None
    if before:
        statements = [re.sub(r"^import\s+", "", statement) for statement in statements]
    text = "".join(f"{before}{statement}{after}" for statement in statements)
    if not _imports_above(region, position):
        above = region.snapshot.line_text(position.line - 1).strip() if position.line else ""
        here = region.snapshot.line_text(position.line).strip()
        text = ("\n" if above else "") + text + ("\n" if here else "")
    if position.column and position != _first(region):
        text = "\n" + text.removesuffix("\n")
    return position, text.replace("\n", region.newline)


def _called(one: Import) -> Iterator[tuple[str, str]]:
    """What an import makes known, as pairs of its module and a name here."""
    for _, here in one.names:
        yield one.module, here
    if one.alias or not one.names:
        yield one.module, one.alias


def _needed(one: Import, there: set[tuple[str, str]], code: str) -> tuple[tuple[str, str], ...] | None:
    """The names of an import that are used and not there, empty for the module itself; None where none is needed."""
    if EVERYTHING in one.names or (not one.names and not one.alias):
        head = re.split(r"[./:\\]", one.module)[0]
        known = (one.module, "*") in there
        wildcard = EVERYTHING in one.names
        return None if known or not (wildcard or _uses(code, head)) else one.names
    names = tuple(pair for pair in one.names if (one.module, pair[1]) not in there and _uses(code, pair[1]))
    if one.alias and (one.module, one.alias) not in there and _uses(code, one.alias):
        return one.names
    return names or None


def _uses(code: str, name: str) -> bool:
    return re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", code) is not None


def _statement(language: str, statement: str, one: Import, needed: tuple[tuple[str, str], ...]) -> str:
    """An import of the names that are needed; the statement as it is where it has no others or cannot be cut."""
    if language == "go":
        tail = one.module.rpartition("/")[2]
        alias = "" if one.alias == re.sub(r"^v\d+$", "", tail) or not one.alias else f"{one.alias} "
        return f'import {alias if tail != one.alias else ""}"{one.module}"'
    if needed == one.names or not needed:
        return statement
    parts = replace(one, names=needed)
    if language == "python":
        names = ", ".join(name if name == here else f"{name} as {here}" for name, here in parts.names)
        return f"from {one.module} import {names}"
    braces = re.match(r"([^{}]*)\{[^{}]*\}([\s\S]*)", statement)
    if language in ("javascript", "typescript", "tsx", "rust") and braces:
        named = [pair for pair in needed if pair[0] != "default"]
        word = " as " if "require" not in statement else ": "
        names = ", ".join(name if name == here else f"{name}{word}{here}" for name, here in named)
        gap = " " if language != "rust" else ""
        head = re.sub(r"^(import\s+)[\w$]+\s*,\s*", r"\1", braces.group(1))
        return f"{head}{{{gap}{names}{gap}}}{braces.group(2)}" if named else statement
    return statement


def _lead(children: Sequence[tree_sitter.Node]) -> tree_sitter.Node | None:
    """The last node of what stands before a file's imports: its comment, its package, its documentation."""
    lead = None
    for at, node in enumerate(children):
        if not is_lead(node):
            break
        following = children[at + 1] if at + 1 < len(children) else None
        end = node.end_point.row - (node.end_point.column == 0)  # Rust's documentation ends with its line
        touches = following is not None and following.start_point.row == end + 1
        documents = "comment" in node.type and following is not None and touches and not is_lead(following)
        if documents and not _OF_THE_FILE.match(text_of(node)):
            break  # the documentation of the first definition
        lead = node
    return lead


def is_lead(node: tree_sitter.Node) -> bool:
    """Whether a node belongs to what stands before a file's imports: `"use client";`, `#pragma once`, a comment."""
    if node.type == "preproc_call":
        return text_of(node).split() == ["#pragma", "once"]
    string = node.type == "expression_statement" and [child.type for child in node.children if child.type != ";"]
    return node.type in _LEAD or string == ["string"]


def _guard(root: tree_sitter.Node) -> tree_sitter.Node | None:
    """The `#ifndef` that holds all of a header."""
    code = [node for node in root.children if "comment" not in node.type]
    return code[0] if [node.type for node in code] == ["preproc_ifdef"] else None


def _first(region: Region) -> Position:
    """Where a document begins, behind its byte order mark."""
    return Position(0, int(region.snapshot.text.startswith("\ufeff")))


def _imports_above(region: Region, position: Position) -> bool:
    return any(node.start_byte < region.snapshot.byte_offset(position) for node in region.imports)


def _below(region: Region, node: tree_sitter.Node) -> Position:
    """The start of the line below a node; the end of the document where there is none."""
    end = region.snapshot.byte_position(node.end_byte)
    line = end.line + (end.column > 0)
    return Position(line, 0) if line < len(region.snapshot.lines) else region.snapshot.end
