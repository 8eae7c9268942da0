"""Suggestions that the user is typing along: answered from here, the model is not asked.

An entry is what was suggested and the text on both sides of it. A later cursor is on its way through the
suggestion when what was typed since then is how the suggestion begins; deleting typed characters walks back.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from tabby_lsp.completion.types import Suggestion
from tabby_lsp.completion.window import visible_suffix
from tabby_lsp.document import Position, Snapshot

NEAR = 1_000
"""Characters before the cursor that must agree: edits elsewhere in the document change nothing."""
FAR = 500
"""Characters after the cursor that must agree."""
RECOGNISABLE = 80
"""Characters of a document's beginning from which on more may have been written before them."""
ENTRIES = 64
"""Suggestions kept, over all documents."""


@dataclass(frozen=True, slots=True)
class _Entry:
    near: str
    far: str
    suggestions: tuple[Suggestion, ...]


class Reuse:
    """The suggestions of the last minutes."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[str, str, str], _Entry] = OrderedDict()

    def keep(self, snapshot: Snapshot, position: Position, suggestions: tuple[Suggestion, ...]) -> None:
        """Remember what was suggested at a cursor."""
        before, far = _surroundings(snapshot, position)
        entry = _Entry(before[-NEAR:], far, suggestions)
        key = (snapshot.uri, entry.near, far)
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > ENTRIES:
            self._entries.popitem(last=False)

    def forget(self, uri: str) -> None:
        """Drop what is kept for a document."""
        for key in [key for key in self._entries if key[0] == uri]:
            del self._entries[key]

    def along(self, snapshot: Snapshot, position: Position) -> tuple[Suggestion, ...]:
        """What is left of a remembered suggestion at this cursor.

        Returns:
            Suggestions that insert at the cursor; empty where the user has gone another way or typed it all.
        """
        before, far = _surroundings(snapshot, position)
        for (uri, *_), entry in reversed(self._entries.items()):
            if uri != snapshot.uri or entry.far != far:
                continue
            found = ((s, _typed(entry, s.text, before)) for s in entry.suggestions if s.start == s.end)
            left = tuple(
                Suggestion(s.text[typed:], position, position, s.logprob, s.odds.after(typed))
                for s, typed in found
                if typed is not None and len(s.text) > typed
            )
            if left:
                return left
        return ()

    def suggested(self, text: str) -> bool:
        """Whether a text is a part of a remembered suggestion."""
        return any(text in s.text for entry in self._entries.values() for s in entry.suggestions)


def _typed(entry: _Entry, text: str, before: str) -> int | None:
    """How many characters of a suggestion stand before the cursor already; None: it is not on its way there."""
    longest = min(len(text), len(before))
    tail = before[len(before) - min(len(before), longest + NEAR) :]
    for typed in range(longest, -1, -1):
        end = len(tail) - typed
        if tail.startswith(text[:typed], end) and tail.endswith(entry.near, 0, end):
            whole = len(before) - typed == len(entry.near)
            if whole or len(entry.near) >= RECOGNISABLE:
                return typed
    return None


def _surroundings(snapshot: Snapshot, position: Position) -> tuple[str, str]:
    return snapshot.before(position), visible_suffix(snapshot, position)[:FAR]
