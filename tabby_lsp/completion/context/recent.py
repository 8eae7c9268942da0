"""Where the user has been: the last edited and viewed lines of each document.

They follow whatever is changed around them, so that what is shown of a document is what stands in it now. Of a closed
document these lines are all that is kept.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from tabby_lsp.difference import difference
from tabby_lsp.document import Snapshot
from tabby_lsp.index.types import Snippet, Why

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
LONGEST_TEXT = 16_000
"""Characters of a stretch beyond which it is not kept of a closed document: no budget shows as much."""
MOST = 6
"""Snippets."""
OWN_SAVE_S = 5.0
"""Seconds after a document was closed in which a change of its file is the editor's own, told late."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines of a document.

    Attributes:
        snapshot: the document as it is now; of a closed one the lines that are shown.
        start: first line, 0-based, in the snapshot.
        end: line after the last.
        edited: whether something was typed there; else it was only looked at.
        number: stays the same while lines move and are edited.
        above: lines of the document that stood before the snapshot's first.
        closed: `time.monotonic()` when the document was closed; 0: it is open.
    """

    snapshot: Snapshot
    start: int
    end: int
    edited: bool
    number: int = 0
    above: int = 0
    closed: float = 0.0

    @property
    def shown(self) -> tuple[int, int]:
        """The lines that are shown of it, with what is around it: the first, and the one after the last."""
        start = max(0, self.start - ABOVE)
        return start, min(len(self.snapshot.lines), self.end + BELOW, start + LONGEST)

    @property
    def text(self) -> str:
        """What is shown of it."""
        start, end = self.shown
        return "".join(self.snapshot.lines[start:end])


class Recent:
    """The last stretches, newest last."""

    def __init__(self) -> None:
        self._edited: list[Stretch] = []
        self._viewed: OrderedDict[str, Stretch] = OrderedDict()
        self._numbers = count(1)

    def edited(self, snapshot: Snapshot, line: int, inserted: str) -> None:
        """A document was changed.

        Args:
            snapshot: after the change.
            line: the last line of what was inserted.
            inserted: the new text.
        """
        self.moved(snapshot)
        start, end = max(0, line - inserted.count("\n")), line + 1
        number = 0
        kept: list[Stretch] = []
        for stretch in self._edited:
            near = stretch.start - JOINED <= end and start <= stretch.end + JOINED
            if stretch.snapshot.uri == snapshot.uri and near:
                start, end, number = min(start, stretch.start), max(end, stretch.end), stretch.number
            else:
                kept.append(stretch)
        end = min(end, len(snapshot.lines))
        self._edited = [*kept, Stretch(snapshot, start, end, True, number or next(self._numbers))][-KEPT:]

    def viewed(self, snapshot: Snapshot, line: int) -> None:
        """The cursor is somewhere in a document, or has deleted something there."""
        self.moved(snapshot)
        last = self._viewed.get(snapshot.uri)
        near = last is not None and last.start - JOINED <= line <= last.end + JOINED
        number = last.number if last is not None and near else next(self._numbers)
        self._viewed[snapshot.uri] = Stretch(snapshot, line, line + 1, False, number)
        self._viewed.move_to_end(snapshot.uri)
        if len(self._viewed) > KEPT:
            self._viewed.popitem(last=False)

    def moved(self, snapshot: Snapshot) -> None:
        """A document is this now: its stretches move with their lines, and those of which nothing is left go."""
        before = self.latest(snapshot.uri)
        if before is snapshot:
            return
        where = difference(before.lines, snapshot.lines) if before else (0, 0, 0)
        self._each(snapshot.uri, lambda s: _found_again(s, snapshot) if s.closed else _moved(s, snapshot, *where))

    def forget(self, uri: str, *, keep: bool = True) -> None:
        """A document was closed.

        Args:
            uri: of the document.
            keep: whether the lines that are shown of it stay known.
        """
        now = time.monotonic()
        self._each(uri, lambda stretch: _cut_out(stretch, now) if keep else None)

    def outdated(self, uri: str, *, gone: bool) -> None:
        """A file was changed or deleted: what is kept of it, where it is not open, is no longer what is in it."""
        until = time.monotonic() - (0 if gone else OWN_SAVE_S)
        self._each(uri, lambda stretch: None if stretch.closed and stretch.closed <= until else stretch)

    def latest(self, uri: str) -> Snapshot | None:
        """An open document of which a stretch is known, as it is now."""
        return next((s.snapshot for s in self._all() if s.snapshot.uri == uri and not s.closed), None)

    def documents(self) -> set[Snapshot]:
        """What is known of all documents: of closed ones some lines."""
        return {stretch.snapshot for stretch in self._all()}

    def elsewhere(self, uri: str) -> Iterator[Stretch]:
        """Stretches of other documents, newest first: the edited ones, then those that were only looked at."""
        edited = [stretch for stretch in reversed(self._edited) if stretch.snapshot.uri != uri]
        yield from edited
        seen = {stretch.snapshot.uri for stretch in edited}
        yield from (s for s in reversed(self._viewed.values()) if s.snapshot.uri not in seen | {uri})

    def _all(self) -> Iterator[Stretch]:
        yield from self._edited
        yield from self._viewed.values()

    def _each(self, uri: str, change: Callable[[Stretch], Stretch | None]) -> None:
        """Change the stretches of a document in their places; None: it goes."""
        edited = [change(stretch) if stretch.snapshot.uri == uri else stretch for stretch in self._edited]
        self._edited = [stretch for stretch in edited if stretch is not None]
        if (viewed := self._viewed.get(uri)) is not None:
            if (now := change(viewed)) is not None:
                self._viewed[uri] = now
            else:
                del self._viewed[uri]


def _moved(stretch: Stretch, snapshot: Snapshot, first: int, before: int, now: int) -> Stretch | None:
    """A stretch after lines `first` to `before` became `first` to `now`; None where nothing is left of it."""

    def at(line: int) -> int:
        return line + now - before if line >= before else min(line, now)

    start, end = at(stretch.start), stretch.end if stretch.end <= first else at(stretch.end)
    return replace(stretch, snapshot=snapshot, start=start, end=end) if start < end else None


def _cut_out(stretch: Stretch, now: float) -> Stretch | None:
    """A stretch without the rest of its document; None where it is too long to be kept."""
    if stretch.closed:
        return stretch
    start, end = stretch.shown
    whole, text = stretch.snapshot, stretch.text
    if len(text) > LONGEST_TEXT:
        return None
    cut = Snapshot.of(whole.uri, whole.language, whole.version, text)
    last = min(stretch.end, end) - start
    return replace(stretch, snapshot=cut, start=stretch.start - start, end=last, above=start, closed=now)


def _found_again(stretch: Stretch, snapshot: Snapshot) -> Stretch | None:
    """A stretch of a document that is open again, where its lines still stand there."""
    lines = stretch.snapshot.lines[stretch.start : stretch.end]
    start = stretch.above + stretch.start
    end = start + len(lines)
    if snapshot.lines[start:end] != lines:
        return None
    return replace(stretch, snapshot=snapshot, start=start, end=end, above=0, closed=0.0)


async def find(around: Around) -> tuple[Snippet, ...]:
    """See `types.Source`: stretches of other documents, but for those that look like secrets."""
    found: list[Snippet] = []
    for age, stretch in enumerate(around.recent.elsewhere(around.snapshot.uri)):
        snapshot, text = stretch.snapshot, stretch.text
        if text.strip() and not around.is_secret(snapshot):
            start, end = (line + stretch.above for line in stretch.shown)
            path, language = around.path_of(snapshot.uri), snapshot.language
            found.append(Snippet(path, language, start, end, text, Why.RECENT, score=-age, stretch=stretch.number))
        if len(found) == MOST:
            break
    return tuple(found)
