"""What a source of context is asked, and what of it a prompt shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import tree_sitter

from tabby_lsp.completion.context.recent import Recent
from tabby_lsp.config import ContextSettings
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.index.types import Index, Snippet


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document stands in a repository.

    Attributes:
        path: relative to its folder, with slashes; the bare file name where it is in none.
        index: of that folder; None where there is none.
    """

    path: str
    index: Index | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """What completion is told of the folders that it serves.

    Attributes:
        settings: of context; asked for each time.
        place: where a document stands, by its URI; None: in no folder.
        patience_s: seconds that one source may take.
    """

    settings: Callable[[], ContextSettings]
    place: Callable[[str], Place | None]
    patience_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Around:
    """One cursor, as the sources of context see it.

    Attributes:
        snapshot: the document.
        position: the cursor; None where nobody knows it, as when a document was just opened.
        tree: the document's; None where its language has none.
        place: where it stands.
        recent: what was edited and viewed lately.
        path_of: the path of another document, by its URI.
        is_secret: whether nothing of a document may leave it.
        room: part of the budget that the sources before this one have left, 0 to 1.
    """

    snapshot: Snapshot
    position: Position | None
    tree: tree_sitter.Tree | None
    place: Place
    recent: Recent
    path_of: Callable[[str], str]
    is_secret: Callable[[Snapshot], bool]
    room: float = 1.0


Source = Callable[[Around], Awaitable[tuple[Snippet, ...]]]
"""Snippets for a cursor, best first. It may raise `IndexUnavailable`."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a prompt has room for.

    Attributes:
        window: what it shows of the document itself.
        tokens: that are left for other files.
        cost: of a snippet in tokens, in the form in which it is shown.
    """

    window: str
    tokens: int
    cost: Callable[[Snippet], int]


@dataclass(frozen=True, slots=True)
class Block:
    """What the prompts of one document show of others, in their order.

    Attributes:
        snippets: the longest known first, so that what is added leaves the cache of the others alone.
        path: of the document itself.
        language: its language id, whose comments the snippets may stand in.
    """

    snippets: tuple[Snippet, ...] = ()
    path: str = ""
    language: str = ""
