"""How probable it is that a definition is what comes next, by the ways that lead to it. Knows no table.

The weights were chosen on the packages that `tests/evals/definitions.toml` calls tuned; the others confirm them
(docs/decisions/0010).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from tabby_lsp.syntax.symbols.types import Definition, Kind

WEIGHTS = {
    # a name itself
    "used": 1.0,  # near the cursor, and an import explains it
    "imported": 0.8,  # and not used near the cursor
    "named": 0.5,  # near the cursor, and known by its name alone
    "ambiguous": 0.2,  # the same where files disagree
    # the owner of a member: how it came into play
    "dotted": 12.0,  # it is the type of what stands before the dot at the cursor
    "typed": 0.8,  # of what stands before another dot
    "held": 0.6,  # of another name near the cursor
    "extended": 0.9,  # the class around the cursor extends it
    "alike": 0.5,  # something before a dot is named after it
    "module": 0.5,  # a module that stands before a dot
    "class": 0.9,  # it is used near the cursor
    "returned": 0.3,  # something that is used near the cursor gives it
    "known": 0.2,  # it is imported
}
"""What each way is worth."""
FADING = 16.0
"""Uses further away count less: the n-th 1 / (1 + n / this)."""
INHERITED = 0.35
"""What is left of an owner's worth for the class that it extends."""
CALLED = 3.0
"""A member whose name is used near the cursor, against one whose name is not."""
CALLED_ON = 4.0
"""The same with something like its owner before the dot."""
CROWD = 0.45
"""The members of an owner share its worth: it is divided by their number to this power."""
THRIFT = 0.3
"""A budget is to be spent well: worth is divided by the signature's length to this power."""
RESEMBLING = 1.5
"""A name made of words that stand near the cursor is worth up to this share more."""
KINDS = {Kind.METHOD: 1.0, Kind.FUNCTION: 1.0, Kind.FIELD: 0.85, Kind.CONSTANT: 1.0, Kind.CLASS: 0.6, Kind.MODULE: 0.1}
"""How often a member of each kind is what is named."""
HIDDEN = 0.55
"""A member with a leading underscore."""
SPECIAL = 0.05
"""A member that nobody calls by its name: `__eq__`."""
MAKES = 0.25
"""A constructor, against its class: it says how that is called."""
OURSELVES = frozenset({"self", "cls", "this", "super"})
"""What stands before a dot where the class at hand is meant."""
CONSTRUCTORS = frozenset({"__init__", "constructor", "new", "New", "__construct", "initialize"})
NEAR = 1
"""Steps between the directories of files in which an ambiguous name is still looked for."""
MOST_OF_A_NAME = 2
"""Definitions of one name that are shown where it is not known which is meant."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_TYPE = re.compile(r"\b[A-Z]\w*")
_ANNOTATION = re.compile(r"#?([^\W\d][\w$]*)[?!]?\s*:\s*([^,)=;\n]*)")
_ASSIGNMENT = re.compile(
    r"([^\W\d][\w$]*)\s*(?::[^=\n]*)?=\s*(?:await\s+|new\s+)?(?:\w+\.)*([A-Z]\w*)\s*(?:<[^()]*>)?\("
)
_DECLARATION = re.compile(r"\b(?:\w+\.)?([A-Z]\w*)(?:<[^<>]*>)?\s*[*&]*\s+([^\W\d]\w*)\b")
_GO = re.compile(r"\b([a-z]\w*)\s+[*\[\]]*(?:\w+\.)?([A-Z]\w*)")


def fading(rank: int) -> float:
    """What the place of a use, counted from the cursor, leaves of its weight."""
    return 1 / (1 + rank / FADING)


def member_worth(member: Definition) -> float:
    """How often such a member is used, against others of its owner."""
    if member.name in CONSTRUCTORS:
        return SPECIAL
    if member.name.startswith("__") and member.name.endswith("__"):
        return SPECIAL
    return KINDS[member.kind] * (HIDDEN if member.name.startswith(("_", "#")) else 1.0)


def thrifty(score: float, definition: Definition) -> float:
    """The worth of a definition for what it costs."""
    return score / (len(definition.signature) + 16) ** THRIFT


def alike(receiver: str, owner: str) -> bool:
    """Whether something is named after a class: `console` and `Console`, `http_client` and `HTTPClient`."""
    ours, theirs = words(receiver), words(owner)
    return bool(ours) and (ours == theirs[-len(ours) :] or (len(ours[-1]) > 2 and ours[-1:] == theirs[-1:]))


@lru_cache(maxsize=65536)
def words(name: str) -> tuple[str, ...]:
    """The words of an identifier, in lower case."""
    return tuple(word.lower() for word in _WORDS.findall(name))


def resemblance(name: str, near: Mapping[str, float]) -> float:
    """How much a name is made of words that stand near, from 0 to 1.

    Args:
        name: an identifier.
        near: weights of words, up to 1.
    """
    parts = words(name)
    return sum(near.get(part, 0.0) for part in parts) / len(parts) if parts else 0.0


@lru_cache(maxsize=65536)
def types_of(text: str) -> tuple[str, ...]:
    """Names in a text that look like types."""
    return tuple(dict.fromkeys(_TYPE.findall(text)))


@lru_cache(maxsize=65536)
def given_types(signature: str, name: str, *, called: bool) -> tuple[str, ...]:
    """Types that a definition gives, as its signature says.

    Args:
        signature: of the definition.
        name: of the definition.
        called: it is a function: parameters are not what it gives.
    """
    text = "\n".join(line for line in signature.split("\n") if not line.lstrip().startswith(('"', "'", "//", "#", "*")))
    if called:
        first, last = text.find("("), text.rfind(")")
        text = f"{text[: max(first, 0)]} {text[last + 1 :]}"
    return tuple(kind for kind in types_of(text) if kind != name)


def annotated(definitions: Iterable[Definition]) -> dict[str, list[str]]:
    """Names of types by the names that hold them, as far as signatures say: parameters, fields, what is returned."""
    found: dict[str, list[str]] = {}
    for definition in definitions:
        for name, types in _pairs(definition.signature):
            found.setdefault(name, []).extend(types)
        if definition.kind is not Kind.CLASS:
            called = definition.kind in {Kind.FUNCTION, Kind.METHOD}
            given = given_types(definition.signature, definition.name, called=called)
            found.setdefault(definition.name.lstrip("#"), []).extend(given)
    return found


@lru_cache(maxsize=65536)
def _pairs(signature: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    pairs = [(name, types_of(text)) for name, text in _ANNOTATION.findall(signature)]
    pairs += [(name, (kind,)) for name, kind in _ASSIGNMENT.findall(signature)]
    pairs += [(name, (kind,)) for kind, name in _DECLARATION.findall(signature)]
    pairs += [(name, (kind,)) for name, kind in _GO.findall(signature)]
    return tuple((name, types) for name, types in pairs if types)
