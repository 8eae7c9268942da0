"""Texts to the column of vectors, a few at a time, so that a question never waits long for its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tabby_lsp.errors import RepositoryIndexError, TabbyError
from tabby_lsp.index.store.generations import Generation

if TYPE_CHECKING:
    from tabby_lsp.index.embedders import Embedder

logger = logging.getLogger(__name__)

TEXTS_AT_ONCE = 256
"""Texts between which a question may come in: 20 ms of the default embedder."""
PATIENCE_S = 0.2
"""Seconds that a question waits for an embedder that is at work on files."""
AGAIN_S = 30.0
"""Seconds after a failure in which questions are answered by words alone, without asking it again."""


class Vectors:
    """The embedder, opened when it is needed, and used by one thread at a time.

    Args:
        opener: opens it; may raise RepositoryIndexError.
    """

    def __init__(self, opener: Callable[[], Embedder]) -> None:
        self._opener = opener
        self._embedder: Embedder | None = None
        self._lock = threading.Lock()
        self._again = float("-inf")
        self.fault = ""
        """Why there are no vectors; empty where there are, or nobody has asked yet."""

    def wanted(self, answering: Generation | None) -> Generation:
        """What tables are to be made of.

        Where the embedder cannot be opened, new tables have no vectors: a folder that is searched by words and symbols
        is better than none. Tables that have vectors are not given up for that.

        Args:
            answering: what the tables are made of that answer now.

        Raises:
            RepositoryIndexError: the embedder cannot be opened, and the tables have vectors.
        """
        try:
            embedder = self._opened()
        except RepositoryIndexError as error:
            if answering is not None and answering.dimensions:
                raise
            self.fault = str(error)
            return Generation("", 0)
        self.fault = ""
        return Generation(embedder.identity, embedder.dimensions)

    def column(self, texts: Sequence[str]) -> pa.FixedSizeListArray:
        """Vectors of texts, as the column of the table: 16-bit floats, unit length."""
        embedder = self._opened()
        parts = []
        for at in range(0, len(texts), TEXTS_AT_ONCE):
            with self._lock:
                parts.append(embedder.embed(texts[at : at + TEXTS_AT_ONCE]).astype(np.float16))
        values = np.concatenate(parts) if parts else np.empty((0, embedder.dimensions), np.float16)
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), embedder.dimensions)

    def question(self, text: str, generation: Generation) -> np.ndarray | None:
        """The vector of a question; None where the tables' vectors come from another embedder, or there is none.

        Nor is there one while a slow embedder is at work on files: whoever asks is answered by words alone, at once.
        """
        if not generation.dimensions or not text.strip():
            return None
        if time.monotonic() < self._again or not self._lock.acquire(timeout=PATIENCE_S):
            return None
        try:
            embedder = self._open()
            if Generation(embedder.identity, embedder.dimensions) != generation:
                return None
            vector = embedder.embed([text], query=True)[0]
        except TabbyError as error:
            self._again = time.monotonic() + AGAIN_S
            logger.warning("searched by words alone: %s", error)
            return None
        finally:
            self._lock.release()
        return vector if vector.any() else None

    def _opened(self) -> Embedder:
        with self._lock:
            return self._open()

    def _open(self) -> Embedder:
        """The embedder; the lock is held."""
        if self._embedder is None:
            self._embedder = self._opener()
        return self._embedder
