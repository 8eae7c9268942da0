"""Guesses of what the model is going to write, which one batch verifies; they change the time, not the text.

That holds where a batch gives the logits of single tokens, so only such batches are used (`proofs`); who sets
`engine.drafts` to "any" takes others, too, in which of two tokens that are nearly as likely the other may be taken.

The previous suggestion is the best guess: after a key that went another way, what follows is often the same again.
Then what stands in the prompt: code repeats itself. How long a guess is, and whether there is one at all, follows
from what batches cost on this machine and how often guesses have been right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tabby_lsp.engine.llama.pace import Pace
from tabby_lsp.engine.llama.proofs import Proofs, Where

SIZES = (15, 7, 3, 2, 1)
"""Lengths that are tried: with the token before them they fill the blocks that kernels work in, or are so few that
kernels may take them one by one."""
GAIN = 1.15
"""How much faster than token by token a guess must promise to be: what is measured is never exact."""
LOOK_BACK = 3
"""Tokens that must agree before a place in the prompt counts as a guess (as in prompt lookup, Saxena 2023)."""
EXPECTED_BACK = 2
"""The same for the text that is expected."""
WEIGHT = 0.1
"""Of the newest token in the running share of right guesses."""


class Record:
    """How often the tokens of one source have been right, as a running share; it lives as long as the model."""

    def __init__(self, share: float) -> None:
        self.share = share

    def count(self, *, right: bool) -> None:
        """Take one more guess into account."""
        self.share += WEIGHT * (float(right) - self.share)


class Records:
    """The record of each source, with what they begin with, and which batches may verify them.

    Args:
        proofs: what is known of batches; None: any may be used.
    """

    def __init__(self, proofs: Proofs | None = None) -> None:
        self.expected = Record(0.8)
        self.context = Record(0.4)
        self.proofs = proofs

    def sizes(self, where: Callable[[int], Where], *, tries: bool) -> list[int]:
        """Lengths of guesses whose batch is known to give the logits of single tokens.

        Args:
            where: a batch of so many tokens would be evaluated.
            tries: whether those are taken, too, of which nothing is known yet.
        """
        proofs = self.proofs
        if proofs is None:
            return list(SIZES)
        if tries:
            return [size for size in SIZES if not proofs.refuted(size + 1)]
        return [size for size in SIZES if proofs.proven(size + 1, where(size + 1))]


class Drafter:
    """Guesses for one candidate.

    Args:
        expected: tokens of the text that is expected.
        context: tokens of the prompt.
        records: how good either source has been.
    """

    def __init__(self, expected: Sequence[int], context: Sequence[int], records: Records) -> None:
        self._expected, self._context, self._records = list(expected), list(context), records
        self._guess: tuple[list[int], Record] | None = None

    def propose(
        self, written: Sequence[int], pace: Pace, most: int = SIZES[0], sizes: Sequence[int] = SIZES
    ) -> list[int]:
        """What may follow; empty where nothing is known, or where it would not pay.

        Args:
            written: the candidate's tokens so far, at least one.
            pace: what batches cost.
            most: tokens that are of use.
            sizes: lengths that are allowed.
        """
        self._guess = self._look_up(list(written))
        if self._guess is None:
            return []
        guess, record = self._guess
        return guess[: worthwhile(record.share, min(most, len(guess)), pace, sizes)]

    def _look_up(self, written: list[int]) -> tuple[list[int], Record] | None:
        begins = len(written) < EXPECTED_BACK and self._expected[: len(written)] == written
        at = len(written) if begins else _after(self._expected, written[-EXPECTED_BACK:])
        if at is not None and at < len(self._expected):
            return self._expected[at : at + SIZES[0]], self._records.expected
        recent = (self._context[-LOOK_BACK:] + written)[-LOOK_BACK:]
        at = _after(self._context, recent)
        return None if at is None else (self._context[at : at + SIZES[0]], self._records.context)

    def judge(self, token: int) -> None:
        """What the model has written where the last guess began: one that was not tried says how good it was, too."""
        if self._guess and self._guess[0]:
            guess, record = self._guess
            record.count(right=guess[0] == token)
            self._guess = (guess[1:], record) if guess[0] == token else None


def worthwhile(share: float, length: int, pace: Pace, sizes: Sequence[int] = SIZES) -> int:
    """The length of a guess, of those that are allowed, with which the fewest seconds a token are expected; 0: none.

    With a share p of right tokens, n guesses bring 1 + p + … + p^n tokens for one batch of n + 1 (Leviathan et al.
    2023, equation 1).
    """
    one = pace.seconds(1)
    if one is None:
        return 0
    best, least = 0, one / GAIN
    for size in sizes:
        cost = pace.seconds(size + 1)
        if size > length or cost is None:
            continue
        brings = sum(share**k for k in range(size + 1))
        if cost / brings < least:
            best, least = size, cost / brings
    return best


def _after(source: list[int], last: list[int]) -> int | None:
    """Where a source goes on after some tokens: the newest such place."""
    need = len(last)
    if not need:
        return None
    for at in range(len(source) - need - 1, -1, -1):
        if source[at] == last[0] and source[at : at + need] == last:
            return at + need
    return None
