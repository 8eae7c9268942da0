"""What an evaluation costs on this machine, as lately measured: the base of every choice that trades tokens for time.

It counts seconds by the number of tokens in a batch. Nothing here evaluates anything.
"""

from __future__ import annotations

WEIGHT = 0.25
"""Of the newest measurement in the running mean: four evaluations to follow a change of load."""
STEADY = 16
"""Tokens from which on a batch costs as much a token as a long one (8.2 ms against 6.7 here)."""


class Pace:
    """Running means of seconds by size of batch, apart for batches that give the logits of all their tokens: in a small
    model the row of logits is a quarter of a token's work.
    """

    def __init__(self) -> None:
        self._seconds: dict[tuple[int, bool], float] = {}
        self.prefill_rate = 0.0

    def took(self, tokens: int, seconds: float, logits: int = 0) -> None:
        """Count an evaluation.

        Args:
            tokens: in the batch.
            seconds: that it took.
            logits: tokens whose logits it gave.
        """
        if seconds <= 0:
            return
        key = _size(tokens), logits == tokens
        self._seconds[key] = _mean(self._seconds.get(key), seconds / tokens * key[0])
        if tokens >= STEADY:
            self.prefill_rate = _mean(self.prefill_rate or None, tokens / seconds)

    def seconds(self, tokens: int) -> float | None:
        """What a batch with all its logits is expected to cost; None where nothing of about that size is known.

        Where only a batch with fewer logits is known, its cost is a guess that is too low: it is tried once, and then known.
        """
        size = _size(tokens)
        return self._seconds.get((size, True), self._seconds.get((size, False)))


def _size(tokens: int) -> int:
    """The next power of two: kernels work in such blocks, and a dozen entries are enough."""
    return 1 << max(0, tokens - 1).bit_length()


def _mean(old: float | None, new: float) -> float:
    return new if old is None else old + WEIGHT * (new - old)
