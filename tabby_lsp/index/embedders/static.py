"""Vectors from the completion model's own token table: nothing to download, nothing to run, a million words a second.

A text's vector is the sum of its words' vectors, each weighted by how much the word tells and by the square root of
how often it stands there. How much it tells is taken from code at large (`word_counts`), never from the folder: vectors
stay as they are when other files come and go.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tabby_lsp.errors import RepositoryIndexError
from tabby_lsp.index.embedders.table import Table, open_table
from tabby_lsp.index.embedders.word_counts import weight_of
from tabby_lsp.index.search.words import parts_of

REMEMBERED = 1 << 16
"""Words whose weighted vectors are kept as float32: 64 MiB. A large repository has more, the others rare."""
TEXTS_AT_ONCE = 64
"""Texts whose new words are learnt together: numpy takes as long for one word as for some ten."""
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
        for at in range(0, len(texts), TEXTS_AT_ONCE):
            counted = [Counter(parts_of(text)) for text in texts[at : at + TEXTS_AT_ONCE]]
            self._learn(counted)
            place_of = self._known.__getitem__
            for row, counts in enumerate(counted, at):
                if counts:
                    places = np.fromiter(map(place_of, counts), np.intp, len(counts))
                    repeats = np.sqrt(np.fromiter(counts.values(), np.float32, len(counts)))
                    np.dot(repeats, self._vectors.take(places, axis=0), out=found[row])
        lengths = np.sqrt(np.einsum("ij,ij->i", found, found))[:, None]
        return np.divide(found, lengths, out=found, where=lengths > 0)

    def close(self) -> None:
        """Forget what was remembered; the map is the system's to drop."""
        self._known.clear()

    def _learn(self, counted: Sequence[Counter[str]]) -> None:
        """Know the vectors of all words in some texts; what was known before may be forgotten."""
        words = set().union(*counted)
        new = list(words.difference(self._known))
        if len(self._known) + len(new) > REMEMBERED:
            # what was seen first is what is common: half of it stays, and need not be learnt again
            self._known = dict(islice(self._known.items(), REMEMBERED // 2))
            new = list(words.difference(self._known))
        if not new:
            return
        first, last = len(self._known), len(self._known) + len(new)
        while last > len(self._vectors):
            self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        self._vectors[first:last] = self._weighted(new)
        self._known |= zip(new, range(first, last), strict=True)

    def _weighted(self, words: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors of words, each as long as the word tells; zeros where nothing in the vocabulary spells it."""
        vectors = np.zeros((len(words), self.dimensions), np.float32)
        spelled = {place: rows for place, word in enumerate(words) if (rows := self._pieces(word))}
        if spelled:
            places, lengths = list(spelled), [len(rows) for rows in spelled.values()]
            pieces = self._table.vectors[list(chain.from_iterable(spelled.values()))].astype(np.float32)
            starts = np.cumsum([0, *lengths[:-1]])
            # the mean and not the sum: a word that is spelt in pieces is one word
            means = np.add.reduceat(pieces, starts) / np.array(lengths, np.float32)[:, None]
            vectors[places] = means * np.array([weight_of(words[place]) for place in places], np.float32)[:, None]
        return vectors

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
