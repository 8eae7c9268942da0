"""One call of llama.cpp: tokens in, logits out, and what its return codes mean."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tabby_lsp.engine.llama.model import LoadedModel
from tabby_lsp.engine.llama.pace import Pace
from tabby_lsp.engine.llama.sampling import Logits
from tabby_lsp.errors import EngineFault

DONE, NO_CELLS, ABORTED = 0, 1, 2


class Aborted(Exception):
    """The abort flag ended the evaluation; the cells of this batch must be dropped."""


class Row(NamedTuple):
    """One token to evaluate.

    Attributes:
        token: its id.
        position: where it stands in its sequence.
        sequence: which sequence.
        wanted: whether its logits are wanted.
    """

    token: int
    position: int
    sequence: int
    wanted: bool


class Evaluator:
    """The batch of one context, filled and evaluated again and again without allocation.

    Args:
        model: weights and context; its owner's thread alone may call in here.
        capacity: most tokens in a batch.
    """

    def __init__(self, model: LoadedModel, capacity: int) -> None:
        self.model = model
        self.capacity = capacity
        self._batch = model.lib.llama_batch_init(capacity, 0, 1)
        self._views: dict[int, Logits] = {}
        self.evaluated = 0
        self.pace = Pace()
        self.last_s = 0.0

    def run(self, rows: Sequence[Row]) -> None:
        """Evaluate a batch.

        Raises:
            ValueError: more tokens than the batch holds; llama.cpp would end the process.
            Aborted: the abort flag was set.
            EngineFault: the cache is full, or llama.cpp failed.
        """
        if len(rows) > self.capacity:
            raise ValueError(f"{len(rows)} tokens do not fit into a batch of {self.capacity}")
        batch = self._batch
        for i, row in enumerate(rows):
            batch.token[i] = row.token
            batch.pos[i] = row.position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = row.sequence
            batch.logits[i] = row.wanted
        batch.n_tokens = len(rows)
        started = time.perf_counter()
        code = self.model.lib.llama_decode(self.model.context, batch)
        self.last_s = time.perf_counter() - started
        if code == ABORTED:
            raise Aborted
        if code != DONE:
            why = "no free cells in the KV cache" if code == NO_CELLS else f"code {code}"
            raise EngineFault(f"llama.cpp could not evaluate {len(rows)} tokens: {why}.", "See the log.")
        self.evaluated += len(rows)
        self.pace.took(len(rows), self.last_s, sum(row.wanted for row in rows))

    def logits(self, row: int) -> Logits:
        """The logits of one row of the last batch.

        Args:
            row: index into the last batch, of a row whose logits were wanted.

        Returns:
            Shape (vocabulary,), a view that is valid until the next evaluation.
        """
        pointer = self.model.lib.llama_get_logits_ith(self.model.context, row)
        address = ctypes.addressof(pointer.contents)
        if address not in self._views:  # making one takes 0.04 ms
            self._views[address] = np.ctypeslib.as_array(pointer, shape=(self.model.vocabulary.size,))
        return self._views[address]

    def close(self) -> None:
        """Free the batch."""
        self.model.lib.llama_batch_free(self._batch)
