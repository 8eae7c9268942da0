"""What the server and the index's child process say to each other, and how it goes over a pipe.

A frame is four bytes of length, big-endian, and a JSON array `[name, fields]`. JSON rather than pickle: what the
child has made of a stranger's repository is read in the editor's server, where it must be data and nothing else; the
64 snippets of a full answer take 0.3 ms to write and 0.5 to read. Nothing heavy may be imported here.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from functools import cache
from typing import IO, TYPE_CHECKING, TypeAlias

from tabby_lsp.config import EngineSettings, IndexSettings
from tabby_lsp.index.types import Query, Snippet, Status, Wanted

if TYPE_CHECKING:
    from cattrs import Converter

LENGTH = struct.Struct(">I")
LONGEST = 64 << 20
"""Bytes of a message; what claims to be longer is not one of ours."""


@dataclass(frozen=True, slots=True)
class Configure:
    """How folders are indexed. The first message; when it comes again, all folders are opened anew.

    Attributes:
        settings: of the index.
        model: the completion model's file; empty: there is none.
        offline: whether nothing may use the network.
        watch: whether the child watches folders itself.
        engine: how llama.cpp runs, for embedding models.
        level: least severe log records, as `logging` names it.
    """

    settings: IndexSettings
    model: str = ""
    offline: bool = False
    watch: bool = True
    engine: EngineSettings = field(default_factory=EngineSettings)
    level: str = "INFO"


@dataclass(frozen=True, slots=True)
class Open:
    """Index a folder, and keep it indexed."""

    root: str


@dataclass(frozen=True, slots=True)
class Close:
    """Let go of a folder; its index stays on the disk."""

    root: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Files were created, saved or deleted.

    Attributes:
        root: the folder.
        paths: relative, with slashes; None: too many to name, or nobody knows.
    """

    root: str
    paths: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Definitions:
    """A question to a folder's index; answered with `Found` or `Refused` of the same id."""

    id: int
    root: str
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Names:
    """The same, for names that begin in some way; answered with `Listed` or `Refused`."""

    id: int
    root: str
    start: str
    language: str
    limit: int


@dataclass(frozen=True, slots=True)
class Siblings:
    """The same, for files of the same kind."""

    id: int
    root: str
    path: str
    limit: int


@dataclass(frozen=True, slots=True)
class Search:
    """The same, for a search."""

    id: int
    root: str
    query: Query


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody waits for an answer any more."""

    id: int


@dataclass(frozen=True, slots=True)
class Found:
    """An answer."""

    id: int
    snippets: tuple[Snippet, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """An answer."""

    id: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no answer, and why."""

    id: int
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """How far a folder's index is."""

    root: str
    status: Status


Question: TypeAlias = Definitions | Names | Siblings | Search
Order: TypeAlias = Configure | Open | Close | Changed | Question | Cancel
Answered: TypeAlias = Found | Listed
Report: TypeAlias = Answered | Refused | Told
Message: TypeAlias = Order | Report

NAMES: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        *(Configure, Open, Close, Changed, Cancel),
        *(Definitions, Names, Siblings, Search),
        *(Found, Listed, Refused, Told),
    )
}


@cache
def _converter() -> Converter:
    from cattrs import Converter

    return Converter()


def encode(message: Message) -> bytes:
    """A message as a frame; lone surrogates, as file names may have them, survive."""
    body = json.dumps([type(message).__name__, _converter().unstructure(message)], separators=(",", ":")).encode()
    return LENGTH.pack(len(body)) + body


def receive(stream: IO[bytes]) -> Message | None:
    """Read one message; blocks until it is there.

    Args:
        stream: a pipe with buffering, so that `read(n)` returns n bytes.

    Returns:
        The message; None where the other side is gone, also in the middle of a message.

    Raises:
        ValueError: what arrived is none of our messages.
    """
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    if length > LONGEST:
        raise ValueError(f"a message of {length} bytes")
    body = stream.read(length)
    if len(body) < length:
        return None
    name, fields = json.loads(body)
    return _converter().structure(fields, NAMES[name])
