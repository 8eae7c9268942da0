"""How common words are in code at large: what common words say of a text is little.

The counts are of sources in several languages, made by `tests/evals/count_words.py`. They belong to the program and not
to a folder, so that the vectors of a text are the same in each folder, today and after an edit. On CoSQA dev, alone:
counts of the corpus itself .389, of Python's standard library .388, the numbers of tokens in the vocabulary .354.
"""

from __future__ import annotations

import functools
import math
from pathlib import Path

OF = 100_000
"""Counts are how many of that many pieces of code, of some twenty lines each, hold the word."""
UNSEEN = 10
"""The count of a word that the table does not have."""
POWER = 0.8
"""Of the logarithm. On CoSQA dev, alone: 1 .415, 0.8 .432, 0.6 .438; on Go's documentation, fused: .478, .482, .480,
and 0.4 .468."""


@functools.cache
def word_counts() -> dict[str, int]:
    """Word → its count, the most common first."""
    text = Path(__file__).with_name("word_counts.tsv").read_text("utf-8")
    return {word: int(count) for word, count in (line.split("\t") for line in text.splitlines())}


def weight_of(word: str) -> float:
    """How much a word tells: its inverse document frequency, flattened.

    Args:
        word: lower-case.
    """
    return math.log(OF / word_counts().get(word, UNSEEN)) ** POWER
