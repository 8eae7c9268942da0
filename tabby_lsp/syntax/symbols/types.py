"""Definitions, imports and uses, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a definition defines."""

    FUNCTION = "function"
    METHOD = "method"
    CLASS = "class"  # also structs, interfaces, traits, enums, type aliases
    FIELD = "field"
    CONSTANT = "constant"  # also variables at the top of a file
    MODULE = "module"


@dataclass(frozen=True, slots=True)
class Definition:
    """A name that a file gives a meaning to.

    Attributes:
        name: without what it belongs to.
        kind: what it is.
        start: its first line, 0-based, decorators, attributes and doc comments included.
        end: the line after its last.
        signature: the source up to the body, decorators left out, the first line of its documentation kept where
            there is one; joined lines are dedented and hold no body. One line where the source has one.
        container: the name of the class, implementation or module that it belongs to; empty at the top of a file.
        bases: for classes: the names that they extend or implement.
    """

    name: str
    kind: Kind
    start: int
    end: int
    signature: str
    container: str = ""
    bases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Import:
    """One import, as the source says it.

    Attributes:
        module: as written: `..utils`, `./api`, `crate::net`, `java.util.List`, `example.com/x/y`.
        names: pairs of what is imported from it and what it is called here; `("*", "*")` for everything; empty where
            the module itself is imported.
        alias: what the module itself is called here; empty where it has no name.
    """

    module: str
    names: tuple[tuple[str, str], ...] = ()
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """A name that is used somewhere.

    Attributes:
        name: `fetch` of `self.client.fetch()`.
        receiver: the name directly before the dot (or `::`, `->`): `client`; empty where there is none.
    """

    name: str
    receiver: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one file.

    Attributes:
        definitions: in the order of the source, outer before inner.
        imports: in the order of the source.
        references: names that are used and not defined in the file, each once, most used first.
    """

    definitions: tuple[Definition, ...] = ()
    imports: tuple[Import, ...] = ()
    references: tuple[str, ...] = ()
