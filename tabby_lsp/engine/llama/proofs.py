"""Which batches give, bit for bit, the logits that their tokens give one by one: found by comparing, never assumed.

Kernels are others for one token, for a few and for many, and so is attention over a long cache; they add up in other
orders. Rounded activations carry that on: single logits differ by up to 0.6 (default model, two cores of a Xeon), and
of two likely tokens the other one may be taken. Three tokens have the bits of single ones there while one thread
evaluates, four never do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tabby_lsp.engine.llama.sampling import Logits


class Where(NamedTuple):
    """What may decide, beside the number of tokens, which kernels run, each as a power of two.

    Attributes:
        length: tokens of the sequence.
        cells: of the cache that may be in use, by any sequence.
    """

    length: int
    cells: int

    @classmethod
    def of(cls, length: int, cells: int) -> Where:
        """Round both up."""
        return cls((length - 1).bit_length(), (cells - 1).bit_length())


class Proofs:
    """What comparisons have shown, as long as the same number of threads evaluates."""

    def __init__(self) -> None:
        self._same: set[tuple[int, Where]] = set()
        self._other: set[int] = set()

    def note(self, rows: int, where: Where, *, same: bool) -> None:
        """Keep what a comparison has shown: one that differs counts everywhere."""
        if same:
            self._same.add((rows, where))
        else:
            self._other.add(rows)

    def refuted(self, rows: int) -> bool:
        """Whether a batch of that many tokens has given other logits."""
        return rows in self._other

    def proven(self, rows: int, where: Where) -> bool:
        """Whether a batch of that many tokens has given the same logits there, and nowhere other ones."""
        return (rows, where) in self._same and rows not in self._other


class Trial:
    """The logits of a batch that was not used, to be compared while its tokens are evaluated one by one.

    Args:
        proofs: gets the verdict.
        where: the batch was evaluated.
        tokens: of the batch.
        logits: of each of them, each of shape (vocabulary,); kept as copies.
    """

    def __init__(self, proofs: Proofs, where: Where, tokens: list[int], logits: Iterable[Logits]) -> None:
        self._proofs, self._where = proofs, where
        self._left = [(token, row.copy()) for token, row in zip(tokens, logits, strict=True)]
        self._rows = len(tokens)

    def goes_on(self, proofs: Proofs, token: int, logits: Logits) -> bool:
        """Compare the next token; False where there is nothing left to compare.

        Args:
            proofs: of the threads that evaluated the token; others than the batch's end the trial without a verdict,
                and so does a token that the batch did not hold.
            token: that was evaluated by itself.
            logits: shape (vocabulary,).
        """
        expected, row = self._left.pop(0)
        if proofs is not self._proofs or token != expected:
            return False
        same = np.array_equal(row, logits)
        if not same or not self._left:
            proofs.note(self._rows, self._where, same=same)
            return False
        return True
