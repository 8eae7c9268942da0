"""An embedder that needs no model: words to fixed random directions, so that texts with the same words are near."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from tabby_lsp.index.search.words import words_of

DIRECTIONS = 512


class WordEmbedder:
    def __init__(self, dimensions: int = 32, name: str = "words") -> None:
        self.dimensions = dimensions
        self.identity = f"{name}:{dimensions}"
        self.texts = 0
        self._directions = np.random.default_rng(7).standard_normal((DIRECTIONS, dimensions)).astype(np.float32)

    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        self.texts += len(texts)
        found = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            for word in words_of(text):
                found[row] += self._directions[zlib.crc32(word.encode()) % DIRECTIONS]
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        return np.divide(found, lengths, out=found, where=lengths > 0)

    def close(self) -> None:
        pass
