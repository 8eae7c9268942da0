"""How a person types and how quick the answers are: whether to ask at once, a moment later, or not at all.

On a machine that answers between two keys nothing is waited for. Where an answer takes longer than two keys, each
question would be given up for the next one: there it waits for a pause.
"""

from __future__ import annotations

from collections import deque

WEIGHT = 0.2
"""Of the newest value in a running mean."""
PAUSE_S = 1.0
"""A gap between keys that is longer is no typing."""
HOPELESS = 2.0
"""Gaps between keys that an answer may take before questions wait for a pause."""
LONGER = 1.25
"""A pause is this much longer than the usual gap."""
LONGEST_S = 0.3
"""Seconds that a question waits at most."""
BULK_S, BULK_CHARACTERS, BULK_LINES = 1.5, 200, 8
"""Within so many seconds so many characters or lines are no typing: a paste, a formatter, another branch."""


class Tempo:
    """Running means over all documents: a person has one pair of hands."""

    def __init__(self) -> None:
        self._gap_s = 0.2
        self._answer_s = 0.0
        self._last_key = 0.0
        self._changes: deque[tuple[float, int, int]] = deque()

    def changed(self, text: str, now: float) -> None:
        """A document has changed by an insertion.

        Args:
            text: what was inserted.
            now: `time.monotonic()`.
        """
        gap, self._last_key = now - self._last_key, now
        if 0 < gap < PAUSE_S and len(text) <= 2:
            self._gap_s += WEIGHT * (gap - self._gap_s)
        self._drop_old(now)
        self._changes.append((now, len(text), text.count("\n")))

    def answered(self, seconds: float) -> None:
        """The model has answered a question."""
        self._answer_s += (WEIGHT if self._answer_s else 1.0) * (seconds - self._answer_s)

    def in_bulk(self, now: float) -> bool:
        """Whether so much has just been inserted that nobody can have typed it."""
        self._drop_old(now)
        characters = sum(size for _, size, _ in self._changes)
        lines = sum(count for *_, count in self._changes)
        return characters >= BULK_CHARACTERS or lines >= BULK_LINES

    def _drop_old(self, now: float) -> None:
        while self._changes and now - self._changes[0][0] > BULK_S:
            self._changes.popleft()

    def debounce(self) -> float:
        """Seconds to wait for the next key before the model is asked."""
        if self._answer_s <= HOPELESS * self._gap_s:
            return 0.0
        return min(LONGER * self._gap_s, LONGEST_S)
