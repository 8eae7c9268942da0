"""What a file defines, imports and uses: one run of its language's query, and a stack for what stands in what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabby_lsp.syntax.languages import Blocks, language
from tabby_lsp.syntax.symbols.queries import matches
from tabby_lsp.syntax.symbols.references import references
from tabby_lsp.syntax.symbols.signatures import doc_above, doc_inside, first_line_above, signature
from tabby_lsp.syntax.symbols.statements import imports_in
from tabby_lsp.syntax.symbols.types import Definition, Facts, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    import tree_sitter

    from tabby_lsp.syntax.symbols.types import Import

MOST_FIELDS = 200
"""Fields that are kept of one class, and constants of one file: beyond it is a table of data."""

LONGEST_NAMES = 500
"""Bytes of a list of bases, a receiver, a name: what is longer was not written by a person, and is read to here."""
LONGEST_TEXT = 20_000
"""Bytes of an import statement or a signature, decorators included."""

_CONSTRUCTORS = frozenset({"__init__", "__post_init__", "__new__", "constructor", "initialize", "__construct"})
_CALLABLE = (Kind.FUNCTION, Kind.METHOD)
_VALUES = (Kind.FIELD, Kind.CONSTANT)
_MEMBERS = {Kind.FUNCTION: Kind.METHOD, Kind.CONSTANT: Kind.FIELD}
_NESTED = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}|\([^()]*\)")
_BASE_WORDS = re.compile(r"\b(?:extends|implements|public|private|protected|virtual|class|with)\b")
_CONSTRAINTS = re.compile(r"\bwhere\b[\s\S]*")
_BASE = re.compile(r"[\w$.:\\?]*[\w$]")
_LAST_NAME = re.compile(r"[\w$]+[^\w$]*$")


@dataclass(slots=True)
class Found:
    """A definition as its nodes stand in the source.

    Args:
        start: first byte.
        end: byte after the last.
        node: all of it.
        kind: what it defines; None for what holds definitions and is none itself.
        name: its name.
        own: a field that a method gives to its object.
        body: where its signature ends; None where it has no body.
        bases: what its class extends.
        container: the class or module that it belongs to.
        surrounding: with its decorators, its `export`.
        places: the bytes where it and its name begin.
    """

    start: int
    end: int
    node: tree_sitter.Node
    kind: Kind | None
    name: str
    own: bool = False
    body: tree_sitter.Node | None = None
    bases: tuple[str, ...] = ()
    container: str = ""
    surrounding: tree_sitter.Node | None = None
    places: tuple[int, int] = (0, 0)


def facts_of(tree: tree_sitter.Tree | None, data: bytes, language_id: str) -> Facts:
    """Read the facts of one file.

    Args:
        tree: its tree; None: there is no grammar, so there are no more than references.
        data: what the tree was made of: UTF-8 whose lines end with line feeds.
        language_id: the protocol's id.
    """
    if tree is None:
        return Facts(references=references(data, language_id, ()))
    found, statements = found_in(tree, data, language_id)
    lines = data.decode("utf-8", "replace").split("\n")
    definitions = tuple(_definition(one, data, lines, language_id) for one in found if one.kind is not None)
    return Facts(
        definitions=definitions,
        imports=imports_of_nodes(statements, data, language_id),
        references=references(data, language_id, {one.name for one in definitions}),
    )


def imports_of_nodes(statements: Iterable[tree_sitter.Node], data: bytes, language_id: str) -> tuple[Import, ...]:
    """What import statements say, in the order of the source, each once."""
    ordered = sorted(statements, key=lambda node: node.start_byte)
    texts = (_piece(data, node.start_byte, node.end_byte) for node in ordered)
    return tuple(dict.fromkeys(imported for text in texts for imported in imports_in(text, language_id)))


def found_in(
    tree: tree_sitter.Tree, data: bytes, language_id: str, start: int = 0, end: int | None = None
) -> tuple[list[Found], list[tree_sitter.Node]]:
    """The definitions of a tree that others can name, each with its container, outer before inner; and its imports.

    Args:
        tree: the tree.
        data: what it was made of.
        language_id: the protocol's id.
        start: only what touches the bytes from here
        end: to here; None: to the end.
    """
    found: dict[tuple[int, str], Found] = {}
    statements: list[tree_sitter.Node] = []
    surrounding: dict[int, tree_sitter.Node] = {}
    for role, nodes in matches(tree, language_id, start, end):
        if role == "import":
            statements += nodes["import"]
        elif role == "outer":
            surrounding[nodes["inner"][0].id] = nodes["outer"][0]
        else:
            one = _found(role, nodes, data)
            place = (nodes["name"][0].start_byte, one.name)
            if not one.name:
                continue  # a tree with errors has nodes without text
            found[place] = _united(one, found[place]) if place in found else one
    # `const x = require(…)` is an import and defines nothing of its own.
    named = {node.start_byte for node in statements}
    ordered = [one for one in found.values() if one.kind is not Kind.CONSTANT or not named.intersection(one.places)]
    ordered.sort(key=lambda one: (one.start, -one.end))
    if surrounding:
        for one in ordered:
            one.surrounding = surrounding.get(one.node.id)
    return _placed(ordered), statements


def _found(role: str, nodes: dict[str, list[tree_sitter.Node]], data: bytes) -> Found:
    node, name = nodes[role][0], nodes["name"][0]
    own = role == "own"
    one = Found(
        node.start_byte,
        node.end_byte,
        node,
        None if role == "scope" else Kind.FIELD if own else Kind(role),
        _last_name(data, name),
        own,
        places=(node.start_byte, name.start_byte),
    )
    if body := nodes.get("body"):
        one.body = body[0]
    if bases := nodes.get("bases"):
        one.bases = bases_in(" , ".join(_text(data, base) for base in bases))
    if container := nodes.get("container"):
        one.container = _container(_text(data, container[0]))
    return one


def _united(one: Found, other: Found) -> Found:
    """What two patterns say of the same name; the one that knows its body knows best what it is."""
    knows = [(it.body is not None, it.kind not in _VALUES) for it in (other, one)]
    best, more = (one, other) if knows[1] > knows[0] else (other, one)
    best.bases = tuple(dict.fromkeys((*other.bases, *one.bases)))
    best.container = best.container or more.container
    return best


def _placed(ordered: list[Found]) -> list[Found]:
    """Give each its container, and leave out what functions define for themselves."""
    kept: list[Found] = []
    around: list[Found] = []
    seen: dict[str, set[str]] = {}
    for one in ordered:
        while around and (around[-1].end <= one.start or _is_beside(around[-1], one)):
            around.pop()
        holder = around[-1] if around else None
        if one.own:
            if holder is None or holder.name not in _CONSTRUCTORS or not holder.container:
                continue
            one.container = holder.container
        elif holder is not None and (holder.kind in _CALLABLE or holder.kind is Kind.FIELD):
            continue
        elif holder is not None and holder.body is not None and one.body is not None and holder.body == one.body:
            one.container = holder.container  # `typedef struct tag {…} name;`: two names of one thing
        elif holder is not None:
            one.container = one.container or holder.name
            one.kind = one.kind if holder.kind is Kind.MODULE or one.kind is None else _MEMBERS.get(one.kind, one.kind)
        elif one.kind is Kind.FUNCTION and one.container:
            one.kind = Kind.METHOD
        if one.kind is Kind.METHOD and not one.container:
            one.kind = Kind.FUNCTION
        if one.kind in _VALUES and _is_repeated(one, seen):
            continue
        kept.append(one)
        if one.end > one.start:
            around.append(one)
    return kept


def _is_beside(one: Found, other: Found) -> bool:
    """Whether one declaration makes both: `a, b = 1, 2`."""
    return one.kind in _VALUES and (one.start, one.end) == (other.start, other.end)


def _is_repeated(one: Found, seen: dict[str, set[str]]) -> bool:
    """Whether a field or constant is there already, or is one of too many."""
    names = seen.setdefault(one.container, set())
    if one.name in names or len(names) >= MOST_FIELDS:
        return True
    names.add(one.name)
    return False


def _definition(one: Found, data: bytes, lines: list[str], language_id: str) -> Definition:
    outer = one.surrounding or one.node
    row = outer.start_point.row
    last = one.node.end_point if one.surrounding is None else outer.end_point
    first = first_line_above(lines, row, language_id)
    begin = _signature_start(one, language_id)
    body = one.body
    kind = one.kind or Kind.MODULE
    doc = ""
    if kind not in _VALUES:
        inside = body is not None and language(language_id).shape is Blocks.INDENTATION
        doc = doc_inside(data, body.start_byte) if inside and body else doc_above(lines, first, row)
    text = _piece(data, begin.start_byte, body.start_byte if body is not None else one.end)
    if body is not None and one.places[1] >= body.end_byte:  # `typedef struct {…} name`
        text = f"{text.rstrip()} {{...}}{_piece(data, body.end_byte, one.end)}"
    return Definition(
        name=one.name,
        kind=kind,
        start=first,
        end=max(last.row + (last.column > 0), first + 1),
        signature=signature(text, kind, begin.start_point.column, doc, language_id, whole=body is None),
        container=one.container,
        bases=one.bases,
    )


def _signature_start(one: Found, language_id: str) -> tree_sitter.Node:
    """Where a signature begins: decorators stand before it, while an `export` belongs to it."""
    if one.surrounding is None or language(language_id).shape is Blocks.INDENTATION:
        return one.node
    return one.surrounding


def _piece(data: bytes, start: int, end: int) -> str:
    return data[start : min(end, start + LONGEST_TEXT)].decode("utf-8", "replace")


def _text(data: bytes, node: tree_sitter.Node) -> str:
    """The text of a name or a list of names; of a longer one its beginning."""
    return data[node.start_byte : min(node.end_byte, node.start_byte + LONGEST_NAMES)].decode("utf-8", "replace")


def _last_name(data: bytes, node: tree_sitter.Node) -> str:
    """A name without what qualifies it."""
    text = _text(data, node)
    return text if text.isidentifier() else _unqualified(text)


def _unqualified(text: str) -> str:
    while (plain := _NESTED.sub("", text)) != text:
        text = plain
    found = _LAST_NAME.search(text)
    return found.group().strip() if found and found.group()[0] != "$" else text.strip().lstrip("$")


def _container(text: str) -> str:
    """The class that `Foo.prototype`, `*Client[T]` or `net::Client<'a>` speaks of; "" for a file's own exports."""
    text = text.removesuffix(".prototype")
    if text in ("exports", "module.exports", "module", "this"):
        return ""
    while (plain := _NESTED.sub("", text)) != text:
        text = plain
    names = re.findall(r"[\w$]+", text)
    return names[-1] if names else ""


def bases_in(text: str) -> tuple[str, ...]:
    """The names that a class extends, without their modules and type arguments."""
    text = text.strip()
    if text[:1] == "(" and text[-1:] == ")":
        text = text[1:-1]
    while (plain := _NESTED.sub("", text)) != text:
        text = plain
    text = _BASE_WORDS.sub(",", _CONSTRAINTS.sub("", text))
    parts = (part.strip() for part in re.split(r"[,+]|(?<!:):(?!:)", text))
    found = (_BASE.search(part) for part in parts if part and "=" not in part and not part.startswith("*"))
    return tuple(dict.fromkeys(re.split(r"[.:\\]", one.group())[-1] for one in found if one))
