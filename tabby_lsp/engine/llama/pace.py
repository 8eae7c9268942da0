"""What an evaluation costs on this machine, as lately measured: the base of every choice that trades tokens for time.

It counts seconds by the number of tokens in a batch. Nothing here evaluates anything.
"""

from __future__ import annotations

WEIGHT = 0.25
"""Of the newest measurement in the running mean: four evaluations to follow a change of load."""
FEW = 8
"""Tokens up to which a batch may cost more than its tokens one by one."""
APART = 4
"""Tokens up to which each number has a cost of its own: kernels may take so few one by one."""
STEADY = 16
"""Tokens from which on a batch costs as much a token as a long one (8.2 ms against 6.7 here)."""


class Pace:
    """Running means of seconds by size of batch, apart for batches that give the logits of all their tokens.

    In a small model the row of logits is a quarter of a token's work.
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

        Where only a batch with fewer logits is known, its cost is too low a guess: it is tried once, and then known.
        For three tokens, four are taken where only those are known.
        """
        known = ((size, wanted) for size in (_size(tokens), _block(tokens)) for wanted in (True, False))
        return next((self._seconds[key] for key in known if key in self._seconds), None)

    def quicker_apart(self, tokens: int, needed: int) -> bool:
        """Whether evaluating some tokens one after the other is quicker than a batch that holds more.

        A CPU's kernels for one token are others than those for several: two tokens in a batch cost 45 to 65 ms here,
        one token 17. False while either is unknown.

        Args:
            tokens: in the batch.
            needed: of these, the ones that would be evaluated apart.
        """
        one, batch = self.seconds(1), self.seconds(tokens)
        return tokens <= FEW and one is not None and batch is not None and needed * one < batch


def _size(tokens: int) -> int:
    """What batches are counted under."""
    return tokens if tokens <= APART else _block(tokens)


def _block(tokens: int) -> int:
    """The next power of two: kernels work in such blocks, and a dozen entries are enough."""
    return 1 << max(0, tokens - 1).bit_length()


def _mean(old: float | None, new: float) -> float:
    return new if old is None else old + WEIGHT * (new - old)
