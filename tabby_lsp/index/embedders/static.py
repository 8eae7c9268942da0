"""Vectors from the completion model's own token table: nothing to download, nothing to run, a million words a second.

A text's vector is the sum of its words' vectors, each weighted by how much the word tells and by the square root of
how often it stands there. How much it tells is taken from code at large (`word_counts`), never from the folder: vectors
stay as they are when other files come and go.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tabby_lsp.errors import RepositoryIndexError
from tabby_lsp.index.embedders.table import Table, open_table
from tabby_lsp.index.embedders.word_counts import weight_of
from tabby_lsp.index.search.words import parts_of

REMEMBERED = 1 << 16
"""Words whose weighted vectors are kept as float32: 64 MiB. A large repository has more, the others rare."""
LONGEST = 32
"""Letters of a piece that is looked for in the vocabulary."""


def open_static(model: Path | None, cache: Path) -> StaticEmbedder:
    """Open the embedder of a completion model.

    Args:
        model: its GGUF; None where none is installed.
        cache: where its table is kept.

    Raises:
        RepositoryIndexError: there is no model, or it has no token table that can be read.
    """
    if model is None:
        raise RepositoryIndexError(
            "Vectors are made from the completion model's token table, and no model is installed.",
            "`tabby-lsp models pull` fetches one; `index.embedder` names another way.",
        )
    return StaticEmbedder(open_table(model, cache))


class StaticEmbedder:
    """Weighted sums of word vectors.

    Args:
        table: of the model.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._row_of = {word: row for row, word in enumerate(table.words)}
        self._vectors = np.zeros((1024, table.vectors.shape[1]), np.float32)
        self._turn = threading.Lock()
        self._known: dict[str, int] = {}

    @property
    def identity(self) -> str:
        """The model's and the recipe's key, and the dimensions."""
        return f"static:{self._table.key}:{self.dimensions}"

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        return self._table.vectors.shape[1]

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:  # noqa: ARG002
        """See `Embedder.embed`; questions and texts are treated alike."""
        with self._turn:  # several folders are written, and questions asked, by one embedder
            return self._embedded(texts)

    def _embedded(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        found = np.zeros((len(texts), self.dimensions), np.float32)
        known = self._known
        for row, text in enumerate(texts):
            counts = Counter(parts_of(text))
            if counts:
                if len(known) + len(counts) > REMEMBERED:
                    known.clear()
                places = [known[word] if word in known else self._add(word) for word in counts]
                repeats = np.sqrt(np.fromiter(counts.values(), np.float32, len(counts)))
                np.dot(repeats, self._vectors[places], out=found[row])
        lengths = np.sqrt(np.einsum("ij,ij->i", found, found))[:, None]
        return np.divide(found, lengths, out=found, where=lengths > 0)

    def close(self) -> None:
        """Forget what was remembered; the map is the system's to drop."""
        self._known.clear()

    def _add(self, word: str) -> int:
        place = len(self._known)
        if place == len(self._vectors):
            self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        rows = self._pieces(word)
        # the mean and not the sum: a word that is spelt in pieces is one word
        self._vectors[place] = self._table.vectors[rows].mean(axis=0, dtype=np.float32) * weight_of(word) if rows else 0
        self._known[word] = place
        return place

    def _pieces(self, word: str) -> list[int]:
        """Rows that spell a word: the longest piece of the vocabulary first, again and again.

        Of the words of CoSQA's functions 4.5 % are not in the vocabulary. Cutting them as the tokeniser does needs
        llama.cpp and its half a second, for .006 in nDCG@10 of the vectors alone.
        """
        rows: list[int] = []
        at = 0
        while at < len(word):
            for end in range(min(len(word), at + LONGEST), at, -1):
                row = self._row_of.get(word[at:end])
                if row is not None:
                    rows.append(row)
                    at = end
                    break
            else:
                at += 1
        return rows
