"""What a file defines that a piece of it uses, laid out as code: small classes whole, of others heads and signatures.

A small model takes an outline that is no code of the language for what it should write, so this one is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from textwrap import indent
from typing import TYPE_CHECKING

from tabby_lsp.syntax.languages import Blocks, language
from tabby_lsp.syntax.symbols.types import Kind

if TYPE_CHECKING:
    from tabby_lsp.document import Snapshot
    from tabby_lsp.syntax.symbols.types import Definition, Facts

MOST = 16
"""Definitions that are shown; classes that are shown whole count once."""
SMALL_CLASS = 16
"""Lines of a class that is shown as it stands: a struct, an interface, a record."""

_CALLABLE = (Kind.FUNCTION, Kind.METHOD)
_CLOSED = (":", ";", "}", "{")
_WRAPPERS = {"rust": "impl {}"}
"""What stands around members that are written outside of their class, where a language has that."""


def outline(snapshot: Snapshot, facts: Facts, first: int, end: int, words: set[str], members: set[str]) -> str:
    """The definitions beside some lines that matter for them, in the order of the file.

    Args:
        snapshot: the document.
        facts: what it defines.
        first: the first of the lines, which are shown anyway.
        end: the line after the last.
        words: of these lines; definitions at the top of the file that are called so matter.
        members: names that they use and do not define; what is called so in any class matters, and its fields.
    """
    classes = {one.name: one for one in facts.definitions if one.kind is Kind.CLASS}
    own = {one.name for one in classes.values() if one.start < end and first < one.end}
    own |= {one.container for one in facts.definitions if one.start <= first and end <= one.end}
    others = [one for one in facts.definitions if one.end <= first or end <= one.start]
    touched = {one.container for one in others if one.name in members} | (words & classes.keys()) | own
    chosen = [one for one in others if _matters(one, words, members, own, touched - {""})]
    ranked = sorted(chosen, key=lambda one: (one.name not in words, one.kind in _CALLABLE))
    kept = {id(one) for one in ranked[:MOST]}
    return "\n".join(_pieces(snapshot, [one for one in chosen if id(one) in kept], classes))


def _matters(one: Definition, words: set[str], members: set[str], own: set[str], touched: set[str]) -> bool:
    if not one.container:
        return one.name in words or one.name in touched
    fields = one.container in touched and one.kind not in _CALLABLE
    return fields or one.name in members or one.container in own


def _pieces(snapshot: Snapshot, chosen: list[Definition], classes: dict[str, Definition]) -> Iterator[str]:
    """Definitions as code, those of one class together."""
    whole = {one.name for one in classes.values() if one in chosen and one.end - one.start <= SMALL_CLASS}
    for holder, group in groupby(chosen, key=lambda one: one.container or (one.name if one.kind is Kind.CLASS else "")):
        together = list(group)
        members = [one for one in together if one.container]
        head = classes.get(holder)
        if head is None:
            yield from _outside(snapshot, holder, together)
            continue
        inside = [one for one in members if head.start <= one.start < head.end]
        outside = [one for one in members if one not in inside]
        if holder in whole:
            yield "".join(snapshot.lines[head.start : head.end]).rstrip()
        elif inside or head in chosen or not outside:
            yield _nested(snapshot, head.signature, inside)
        yield from _outside(snapshot, holder, outside)


def _outside(snapshot: Snapshot, holder: str, members: list[Definition]) -> Iterator[str]:
    """Definitions that stand in no class, even if they belong to one."""
    wrapper = _WRAPPERS.get(language(snapshot.language).name)
    if wrapper and holder and members:
        yield _nested(snapshot, wrapper.format(holder), members)
    else:
        yield from (_declared(snapshot, one) for one in members)


def _nested(snapshot: Snapshot, head: str, members: Iterable[Definition]) -> str:
    body = "\n".join(indent(_declared(snapshot, one), "    ") for one in members)
    if language(snapshot.language).shape is not Blocks.BRACES:
        return f"{head}\n{body}" if body else head
    return f"{head} {{\n{body}\n}}" if body else f"{head} {{}}"


def _declared(snapshot: Snapshot, one: Definition) -> str:
    """A signature as a declaration without a body."""
    row = language(snapshot.language)
    if one.kind not in _CALLABLE:
        return one.signature
    if row.shape is Blocks.INDENTATION:
        return f"{one.signature} ..." if one.signature.endswith(":") else one.signature
    return one.signature if one.signature.endswith(_CLOSED) or row.name == "go" else f"{one.signature};"
