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

NEAR = 2_000
"""Characters before the cursor that must agree: more than a suggestion's own context needs, little to compare."""
FAR = 1_000
"""Characters after the cursor that must agree."""
ENTRIES = 64
"""Suggestions kept, over all documents."""


@dataclass(frozen=True, slots=True)
class _Entry:
    offset: int
    near: str
    far: str
    suggestions: tuple[Suggestion, ...]


class Reuse:
    """The suggestions of the last minutes."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[str, int, str, str], _Entry] = OrderedDict()

    def keep(self, snapshot: Snapshot, position: Position, suggestions: tuple[Suggestion, ...]) -> None:
        """Remember what was suggested at a cursor."""
        entry = _Entry(*_surroundings(snapshot, position), suggestions)
        key = (snapshot.uri, entry.offset, entry.near, entry.far)
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
        offset, near, far = _surroundings(snapshot, position)
        for (uri, *_), entry in reversed(self._entries.items()):
            typed = offset - entry.offset
            if uri != snapshot.uri or typed < 0 or entry.far != far or typed > len(near):
                continue
            written = near[len(near) - typed :]
            common = min(len(near) - typed, len(entry.near))
            if near[: len(near) - typed][-common or None :] != entry.near[-common or None :]:
                continue
            left = tuple(
                Suggestion(s.text[typed:], position, position, s.logprob)
                for s in entry.suggestions
                if s.start == s.end and s.text.startswith(written) and len(s.text) > typed
            )
            if left:
                return left
        return ()


def _surroundings(snapshot: Snapshot, position: Position) -> tuple[int, str, str]:
    before = snapshot.before(position)
    return len(before), before[-NEAR:], visible_suffix(snapshot, position)[:FAR]
