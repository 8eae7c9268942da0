"""What the index is asked, and what it answers: plain data that goes over a pipe."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from tabby_lsp.syntax.symbols.types import Import, Use


class Why(StrEnum):
    """How a snippet was found, in the order of its worth."""

    USED = "used"  # a definition of a name that stands near the cursor, found through an import
    IMPORTED = "imported"  # a definition of an imported name
    NAMED = "named"  # a definition of a name that stands near the cursor, found by its name alone
    MEMBER = "member"  # a member of a class that is used, imported or extended
    RECENT = "recent"  # edited or viewed lately
    SIBLING = "sibling"  # a file of the same kind beside this one
    SEARCH = "search"  # text and vectors


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of the repository.

    Attributes:
        path: relative to the folder, with slashes.
        language: the protocol's id.
        start: first line, 0-based.
        end: line after the last.
        text: the lines, or a signature that stands for them.
        why: how it was found.
        symbols: names that it defines, with their container where they have one: `Client.fetch`.
        score: among those found the same way; higher is better.
        parts: what the score was made of, by name.
        stretch: which stretch of lines it is that was edited or viewed lately, while lines move; 0: none.
    """

    path: str
    language: str
    start: int
    end: int
    text: str
    why: Why
    symbols: tuple[str, ...] = ()
    score: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    stretch: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Names whose definitions are asked for.

    Attributes:
        path: the file that uses them, relative to the folder.
        language: its language id.
        uses: names around the cursor, nearest first; one without a name is what stands before the dot at the cursor.
        imports: of that file.
        bases: names that the class around the cursor extends.
        given: pairs of a name near the cursor and of what says its type: `net.Client`, a class or what was called.
        limit: most snippets.
    """

    path: str
    language: str
    uses: tuple[Use, ...] = ()
    imports: tuple[Import, ...] = ()
    bases: tuple[str, ...] = ()
    given: tuple[tuple[str, str], ...] = ()
    limit: int = 64


@dataclass(frozen=True, slots=True)
class Query:
    """A search.

    Attributes:
        text: words, code, or a question.
        languages: language ids; empty: any.
        path: a glob over relative paths; empty: any.
        symbol: a name that a hit must define; empty: any.
        exclude: a relative path that is not searched.
        limit: most hits.
    """

    text: str
    languages: tuple[str, ...] = ()
    path: str = ""
    symbol: str = ""
    exclude: str = ""
    limit: int = 10


class Phase(StrEnum):
    """What an index is doing."""

    STARTING = "starting"
    WALKING = "walking"
    INDEXING = "indexing"
    TIDYING = "tidying"
    READY = "ready"
    READING = "reading"  # another process writes it; this one reads
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """How far an index is.

    Attributes:
        phase: what it is doing.
        files: files in it.
        total: files that it will hold; 0 while that is not known.
        chunks: chunks in it.
        symbols: definitions in it.
        left_out: files that are not indexed, by reason.
        disk: bytes that it takes.
        message: for a person; empty where all is well.
    """

    phase: Phase
    files: int = 0
    total: int = 0
    chunks: int = 0
    symbols: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    disk: int = 0
    message: str = ""


class Index(Protocol):
    """The index of one folder, as the program sees it. Its futures are answered from another thread.

    A future raises `IndexUnavailable` where the index cannot answer now: it is starting, or its process has died.
    Nobody waits for it: a completion without it is a completion without its snippets.
    """

    def definitions(self, wanted: Wanted) -> Future[tuple[Snippet, ...]]:
        """Definitions of names, best first, as signatures."""
        ...

    def names(self, start: str, language: str, limit: int = 256) -> Future[tuple[str, ...]]:
        """Names that begin so, of what files of a language or its kin define; at most so many, in no order."""
        ...

    def siblings(self, path: str, limit: int = 8) -> Future[tuple[Snippet, ...]]:
        """What stands in files of the same kind beside a file: a test's subject, a header's source."""
        ...

    def search(self, query: Query) -> Future[tuple[Snippet, ...]]:
        """Chunks by text and vectors, best first."""
        ...
