"""Tokens of texts that grow at their ends, as under somebody's keys: all but the last lines is tokenised once.

A tokenizer parts a text into words before it looks for tokens in them, so a line break that parts tokens goes on doing
so whatever is written below the line after it. Which ones do is tried, not assumed: a text is cut before its last whole
line, and where the two parts have the tokens that they have together, that holds for every text that begins with both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

KEPT = 8
"""Texts that are remembered: the whole and the quick prompt of some documents, and both as they are prepared."""
FAR = 400
"""Characters behind a cut from which on the text is cut anew: tokenising so many takes 0.4 ms (default model)."""
LEAST = 80
"""Characters before a cut that are worth it."""
TRIES = 8
"""Cuts that part tokens after which no more are tried: some tokenizers write a space before whatever they are given."""


class _Cut(NamedTuple):
    begins: str  # a text that begins with this can be cut
    at: int
    tokens: tuple[int, ...]  # of what stands before


class Growing:
    """Where texts can be cut.

    Args:
        tokenize: tokens of a text; called from any thread.
    """

    def __init__(self, tokenize: Callable[[str], Sequence[int]]) -> None:
        self._tokenize = tokenize
        self._cuts: deque[_Cut] = deque(maxlen=KEPT)
        self._failed = 0

    def encode(self, text: str) -> tuple[int, ...]:
        """Tokens of a text, as `tokenize` gives them."""
        cuts = (cut for cut in tuple(self._cuts) if text.startswith(cut.begins))
        cut = max(cuts, key=lambda cut: cut.at, default=None)
        if cut is not None and len(text) - cut.at <= FAR:
            return (*cut.tokens, *self._tokenize(text[cut.at :]))
        whole = tuple(self._tokenize(text))
        self._look(text, whole)
        return whole

    def _look(self, text: str, whole: tuple[int, ...]) -> None:
        """Remember where a text can be cut, if it can before its last whole line that is not blank."""
        end = text.rfind("\n") + 1
        at = text.rfind("\n", 0, len(text[:end].rstrip())) + 1
        if at < LEAST or len(text) - at > FAR or self._failed >= TRIES:
            return
        rest = tuple(self._tokenize(text[at:]))
        if whole[len(whole) - len(rest) :] == rest:
            self._cuts.append(_Cut(text[:end], at, whole[: len(whole) - len(rest)]))
            self._failed = 0
        else:
            self._failed += 1
