"""An answer's code as statements: each with the comments and attributes above it, what it defines and imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import tree_sitter

from tabby_lsp.actions.checks import error_count, parse
from tabby_lsp.actions.reading import answers
from tabby_lsp.actions.reading.regions import outer
from tabby_lsp.syntax.grammars import captures
from tabby_lsp.syntax.symbols.extract import Found, found_in
from tabby_lsp.syntax.symbols.types import Kind
from tabby_lsp.syntax.trees import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CLASS = ("class _ {\n", "\n}\n")
_AROUND: dict[str, tuple[tuple[str, str], ...]] = {
    "javascript": (_CLASS,),
    "typescript": (_CLASS,),
    "tsx": (_CLASS,),
    "java": (_CLASS,),
    "csharp": (_CLASS,),
    "php": (("<?php\n", ""), ("<?php\nclass _ {\n", "\n}\n")),
}
"""What a piece of a file needs around it to be read as code, where it stands in a class."""

HEADERS = frozenset(
    {"package_clause", "package_declaration", "php_tag", "file_scoped_namespace_declaration", "namespace_definition",
     "future_import_statement", "declare_statement", "hash_bang_line"}
)  # fmt: skip
"""Kinds of nodes with which a file begins, and no other code."""
ATTACHED = frozenset({"decorator", "attribute_item", "attribute_list", "attribute"})
"""Kinds of nodes that stand before a definition and belong to it."""


@dataclass(slots=True)
class Group:
    """A statement of an answer with the comments and attributes above it.

    Args:
        first: its first line in the answer, 0-based.
        last: its last one.
        nodes: the statement; none where a comment only stands for code that was left out.
        found: what it defines.
        imported: whether it is an import.
    """

    first: int
    last: int
    nodes: list[tree_sitter.Node] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """A piece of code with its tree.

    Attributes:
        tree: of the piece with what was put around it.
        data: what was parsed.
        rows: lines that were put in front.
        definitions: what it defines.
        statements: its imports.
    """

    tree: tree_sitter.Tree
    data: bytes
    rows: int
    definitions: list[Found]
    statements: list[tree_sitter.Node]


def parsed(language_id: str, name: str, code: str) -> Parsed | None:
    """Read a piece of code, in a class if that reads better; None where the language has no grammar."""
    best: tuple[int, str, str, tree_sitter.Tree] | None = None
    for before, after in (("", ""), *_AROUND.get(name, ())):
        if before.startswith("<?") and code.lstrip().startswith("<?"):
            continue
        tree = parse(language_id, before + code + after)
        if tree is None:
            return None
        errors = error_count(tree) + (name == "php" and not before and not code.lstrip().startswith("<?"))
        # a method without its class reads as a function that a program's main code has for itself
        errors += (
            name == "csharp"
            and not before
            and any(
                child.type == "local_function_statement" for node in tree.root_node.children for child in node.children
            )
        )
        if best is None or errors < best[0]:
            best = errors, before, after, tree
        if errors == 0:
            break
    assert best is not None  # noqa: S101 - the loop runs at least once
    _, before, after, tree = best
    data = encoded(before + code + after)
    definitions, statements = found_in(tree, data, language_id)
    return Parsed(tree, data, before.count("\n"), [one for one in definitions if one.name != "_"], statements)


def text_of(node: tree_sitter.Node) -> str:
    """The source of a node."""
    return (node.text or b"").decode("utf-8", "replace")


def statement_of(node: tree_sitter.Node) -> tree_sitter.Node:
    """An import as a statement: `const fs = require("fs");` of `fs = require("fs")`."""
    parent = node.parent
    declares = node.type == "variable_declarator" and parent is not None and len(parent.named_children) == 1
    return parent if declares and parent is not None else node


def top_of(answer: Parsed) -> tree_sitter.Node:
    """The node whose children are the statements of an answer."""
    root = answer.tree.root_node
    if answer.rows and (classes := [node for node in root.named_children if node.type == "class_declaration"]):
        return classes[0].named_children[-1]
    return root


def groups_of(answer: Parsed, level: tree_sitter.Node, language_id: str) -> list[Group]:
    """The statements below a node, in their order; comments at the end belong to the last one."""
    comments = {node.id for node in captures(answer.tree, language_id, 0, len(answer.data)).get("comment", [])}
    groups: list[Group] = []
    open_group: Group | None = None
    for node in level.named_children:
        first, last = node.start_point.row - answer.rows, _last_row(node) - answer.rows
        if open_group is None:
            open_group = Group(first, last)
            groups.append(open_group)
        open_group.last = max(last, open_group.last)
        if node.id in comments and answers.has_placeholder(text_of(node), ""):
            groups[-1:] = [Group(first, last)]  # it stands for code that was not changed
            open_group = None
            continue
        if node.id in comments or node.type in ATTACHED:
            continue
        open_group.nodes.append(node)
        open_group.found = [one for one in answer.definitions if outer(one) == node or one.node == node]
        open_group.imported = any(
            node.start_byte <= one.start_byte and one.end_byte <= node.end_byte for one in answer.statements
        ) and not any(one.body is not None for one in open_group.found)
        open_group = None
    if open_group is not None and not open_group.nodes and len(groups) > 1 and groups[-2].nodes:
        last = groups.pop().last  # comments at the end
        groups[-1].last = last
    return groups


def _last_row(node: tree_sitter.Node) -> int:
    end = node.end_point
    return end.row - (end.column == 0 and end.row > node.start_point.row)


def lines_kept(lines: Sequence[str], groups: Iterable[Group], kept: Sequence[Group]) -> list[str]:
    """The lines of what is kept, and of the blank ones between."""
    # where code is broken, its last statement may reach into what was put around it
    first = max(min((group.first for group in kept), default=0), 0)
    last = min(max((group.last for group in kept), default=-1), len(lines) - 1)
    dropped = {row for group in groups if group not in kept for row in range(group.first, group.last + 1)} - {
        row for group in kept for row in range(group.first, group.last + 1)
    }
    taken_lines: list[str] = []
    for row in range(first, last + 1):
        blank = not lines[row].strip()
        if row in dropped or (blank and row - 1 in dropped):
            dropped.add(row)
            continue
        taken_lines.append(lines[row])
    return taken_lines


def imports_of(answer: Parsed) -> tuple[str, ...]:
    """The import statements of an answer that stand in no function."""
    bodies = [one.node for one in answer.definitions if one.kind in (Kind.FUNCTION, Kind.METHOD)]
    tops = [
        node
        for node in answer.statements
        if not any(body.start_byte <= node.start_byte and node.end_byte <= body.end_byte for body in bodies)
    ]
    return tuple(text_of(statement_of(node)) for node in sorted(tops, key=lambda node: node.start_byte))
