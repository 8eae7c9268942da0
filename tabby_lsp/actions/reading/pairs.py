"""Which definition of an answer is which of a region: by class, name, and, where several share one, what is alike."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from tabby_lsp.actions.reading.regions import Region, outer
from tabby_lsp.syntax.symbols.types import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tabby_lsp.syntax.symbols.extract import Found

_VALUES = (Kind.FIELD, Kind.CONSTANT)
_NO_CLASS = ("", "_")
"""Containers of a method that an answer has without its class."""
MOST_COMPARED = 2_000
"""Bytes of two definitions that are compared; the heads of what shares a name differ early."""

Pair = tuple["Found", "Found"]
"""A definition of a document, and what an answer has for it."""


def inside(region: Region) -> list[Found]:
    """The functions and types that a region holds, with their members."""
    start, end = region.bytes
    return [
        one
        for one in region.definitions
        if one.kind not in _VALUES and start <= outer(one).start_byte and outer(one).end_byte <= end
    ]


def pairs(region: Region, mine: Sequence[Found], answered: Sequence[Found]) -> list[Pair]:
    """What an answer has for some definitions of a region.

    Args:
        region: where they are.
        mine: of `region.definitions`.
        answered: what the answer defines.

    Returns:
        Pairs in the order of the answer. Those of one class and name (a getter and its setter, overloads) are told
        apart by their order where the answer has all of them, else by which are most alike; the answer's for one that
        the region does not hold is in no pair.
    """
    found: list[Pair] = []
    for container, name in dict.fromkeys((one.container, one.name) for one in mine):
        there = [one for one in region.definitions if one.container == container and one.name == name]
        there = [one for one in there if one.kind not in _VALUES]
        theirs = _called(answered, container, name, any(one.kind is None for one in there))
        together = list(zip(there, theirs, strict=True)) if len(there) == len(theirs) else _alike(there, theirs)
        found += [pair for pair in together if any(pair[0] is one for one in mine)]
    return sorted(found, key=lambda pair: pair[1].start)


def _called(answered: Sequence[Found], container: str, name: str, holders: bool) -> list[Found]:
    """What bears a name, in the class that it should, or in none."""
    named = [one for one in answered if one.name == name and one.kind not in _VALUES]
    named = [one for one in named if one.kind is not None or holders]
    return [one for one in named if one.container == container] or [one for one in named if one.container in _NO_CLASS]


def _alike(there: Sequence[Found], theirs: Sequence[Found]) -> list[Pair]:
    """Pairs of what is most alike, each once."""
    likeness = [(_likeness(one, two), -at, one, two) for one in there for at, two in enumerate(theirs)]
    likeness.sort(key=lambda row: row[:2], reverse=True)
    found: list[Pair] = []
    for _, _, one, two in likeness:
        if not any(one is old or two is new for old, new in found):
            found.append((one, two))
    return found


def _likeness(one: Found, two: Found) -> float:
    """How alike two definitions are: their heads first."""
    return 2 * _ratio(head_of(one), head_of(two)) + _ratio(outer(one).text or b"", outer(two).text or b"")


def head_of(one: Found) -> bytes:
    """A definition up to its body, with its decorators."""
    node = outer(one)
    return (node.text or b"")[: (one.body.start_byte if one.body is not None else one.end) - node.start_byte]


def _ratio(one: bytes, two: bytes) -> float:
    old, new = (text[:MOST_COMPARED].split() for text in (one, two))
    return SequenceMatcher(None, old, new, autojunk=False).ratio()
