"""What an evaluation costs on this machine, as lately measured: the base of every choice that trades tokens for time.

It counts seconds by the number of tokens in a batch. Nothing here evaluates anything.
"""

from __future__ import annotations

WEIGHT = 0.25
"""Of the newest measurement in the running mean: four evaluations to follow a change of load."""
STEADY = 16
"""Tokens from which on a batch costs as much a token as a long one (8.2 ms against 6.7 here)."""


class Pace:
    """Running means of seconds by size of batch."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self.prefill_rate = 0.0

    def took(self, tokens: int, seconds: float) -> None:
        """Count an evaluation."""
        if seconds <= 0:
            return
        size = _size(tokens)
        each = seconds / tokens * size
        self._seconds[size] = _mean(self._seconds.get(size), each)
        if tokens >= STEADY:
            self.prefill_rate = _mean(self.prefill_rate or None, tokens / seconds)

    def seconds(self, tokens: int) -> float | None:
        """What a batch is expected to cost; None where no batch of about that size has been evaluated yet."""
        return self._seconds.get(_size(tokens))


def _size(tokens: int) -> int:
    """The next power of two: kernels work in such blocks, and a dozen entries are enough."""
    return 1 << max(0, tokens - 1).bit_length()


def _mean(old: float | None, new: float) -> float:
    return new if old is None else old + WEIGHT * (new - old)
