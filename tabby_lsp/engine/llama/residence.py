"""A model in memory with all that hangs on it, and what brings it there."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from tabby_lsp.config import EngineSettings
from tabby_lsp.engine.llama.crew import Crew
from tabby_lsp.engine.llama.drafts import Records
from tabby_lsp.engine.llama.evaluate import Evaluator
from tabby_lsp.engine.llama.generate import SLICE
from tabby_lsp.engine.llama.kv import KvCache
from tabby_lsp.engine.llama.model import SCRATCH, SEQUENCES, LoadedModel, threads_for
from tabby_lsp.engine.llama.proofs import Proofs
from tabby_lsp.processors import processors

Load = Callable[[], LoadedModel]
"""Brings a model into memory, or raises a `TabbyError`."""


class Residence:
    """Weights, context, the batch to evaluate with and what the KV cache holds.

    Args:
        model: weights and context.
        settings: how llama.cpp runs.
    """

    def __init__(self, model: LoadedModel, settings: EngineSettings) -> None:
        self.model = model
        self.evaluator = Evaluator(model, model.batch)
        self.kv = KvCache(
            model.lib,
            model.memory,
            cells=model.slots,
            sequences=SEQUENCES,
            scratch=SCRATCH,
            partial=model.can_rewind,
        )
        # a GPU is quick enough to swallow a whole batch between two looks at the queue
        self.slice = settings.batch if model.info.offloaded else min(SLICE, settings.batch)

        self.records = None if settings.drafts == "off" else Records()
        self._proofs = defaultdict[int, Proofs](Proofs) if settings.drafts == "exact" else None
        fixed = settings.threads > 0 or model.info.offloaded > 0
        self.crew = Crew(1 if fixed else threads_for(settings), processors())
        self._know_batches()

    def look_at_load(self) -> None:
        """Fit the number of threads to what the machine has to give; where the settings name one, it stays."""
        if self.crew.look(time.monotonic()):
            self.model.lib.llama_set_n_threads(self.model.context, self.crew.size, self.crew.size)
            self._know_batches()

    def _know_batches(self) -> None:
        """What is proven of batches counts for one number of threads: each sums in an order of its own."""
        if self.records and self._proofs is not None:
            self.records.proofs = self._proofs[self.crew.size]

    def close(self) -> None:
        """Free all of it, on the thread that evaluates."""
        self.evaluator.close()
        self.model.close()


def loader(path: Path, settings: EngineSettings, *, extra_buffers: bool) -> Load:
    """What brings one model file into memory, for `LlamaEngine`."""
    return lambda: LoadedModel(path, settings, extra_buffers=extra_buffers)
