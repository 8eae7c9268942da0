"""Where the user has been: the last edited and viewed lines of each document."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tabby_lsp.document import Snapshot
from tabby_lsp.index.files.secret import content_tells, name_tells
from tabby_lsp.index.types import Snippet, Why
from tabby_lsp.syntax.trees import encoded

if TYPE_CHECKING:
    from tabby_lsp.completion.context.types import Around

KEPT = 24
"""Stretches that are remembered over all documents."""
JOINED = 12
"""Lines between two edits that are one stretch."""
ABOVE, BELOW = 4, 8
"""Lines around an edit that are shown with it."""
LONGEST = 40
"""Lines of a snippet."""
MOST = 6
"""Snippets."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines of a document.

    Attributes:
        snapshot: the document when it was last changed.
        start: first line, 0-based.
        end: line after the last.
        edited: whether something was typed there; else it was only looked at.
    """

    snapshot: Snapshot
    start: int
    end: int
    edited: bool


class Recent:
    """The last stretches, newest last. Their lines move with what is edited above them."""

    def __init__(self) -> None:
        self._edited: list[Stretch] = []
        self._viewed: OrderedDict[str, Stretch] = OrderedDict()

    def edited(self, snapshot: Snapshot, line: int, inserted: str) -> None:
        """A document was changed.

        Args:
            snapshot: after the change.
            line: the last line of what was inserted.
            inserted: the new text.
        """
        start, end = max(0, line - inserted.count("\n")), line + 1
        kept: list[Stretch] = []
        for stretch in self._edited:
            if stretch.snapshot.uri != snapshot.uri:
                kept.append(stretch)
                continue
            moved = _moved(stretch, snapshot, start)
            if moved.start - JOINED <= end and start <= moved.end + JOINED:
                start, end = min(start, moved.start), max(end, moved.end)
            elif moved.end > moved.start:
                kept.append(moved)
        self._edited = [*kept, Stretch(snapshot, start, min(end, len(snapshot.lines)), edited=True)][-KEPT:]

    def viewed(self, snapshot: Snapshot, line: int) -> None:
        """The cursor is somewhere in a document."""
        self._viewed[snapshot.uri] = Stretch(snapshot, line, line + 1, edited=False)
        self._viewed.move_to_end(snapshot.uri)
        if len(self._viewed) > KEPT:
            self._viewed.popitem(last=False)

    def elsewhere(self, uri: str) -> Iterator[Stretch]:
        """Stretches of other documents, newest first: the edited ones, then those that were only looked at."""
        edited = [stretch for stretch in reversed(self._edited) if stretch.snapshot.uri != uri]
        yield from edited
        seen = {stretch.snapshot.uri for stretch in edited}
        yield from (s for s in reversed(self._viewed.values()) if s.snapshot.uri not in seen | {uri})


def _moved(stretch: Stretch, snapshot: Snapshot, line: int) -> Stretch:
    """A stretch after lines were added or removed above it."""
    by = len(snapshot.lines) - len(stretch.snapshot.lines)
    count = len(snapshot.lines)
    if stretch.start >= line:
        return replace(
            stretch, snapshot=snapshot, start=max(0, min(stretch.start + by, count)), end=min(stretch.end + by, count)
        )
    return replace(stretch, snapshot=snapshot, start=min(stretch.start, count), end=min(stretch.end, count))


async def find(around: Around) -> tuple[Snippet, ...]:
    """See `types.Source`: stretches of other documents, but for those that look like secrets."""
    found: list[Snippet] = []
    for age, stretch in enumerate(around.recent.elsewhere(around.snapshot.uri)):
        snapshot = stretch.snapshot
        start = max(0, stretch.start - ABOVE)
        end = min(len(snapshot.lines), stretch.end + BELOW, start + LONGEST)
        text = "".join(snapshot.lines[start:end])
        path = around.path_of(snapshot.uri)
        if text.strip() and not (name_tells(path.rpartition("/")[2]) or content_tells(encoded(text))):
            found.append(Snippet(path, snapshot.language, start, end, text, Why.RECENT, score=-age))
        if len(found) == MOST:
            break
    return tuple(found)
