"""Whether what was found has to do with what was asked: how many of the question's telling words stand in one place.

Scores of a search only rank: the first hit of a question about bread has one too. Cosines differ from embedder to
embedder, and BM25 from folder to folder. Which words of the question a place holds means the same everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from tabby_lsp.index.search.words import parts_of

RELEVANT = 0.515
"""Least share of a question's telling words, by weight, that the best place must hold. Chosen on 40 questions about
this program, judged on 80 about two libraries (`tests/evals/questions.py`; the figures are in `docs/questions.md`)."""
ENDINGS = (
    "ations", "ation", "ings", "ing", "ions", "ion", "ies", "ied", "ers", "er", "ed", "es", "s", "e", "y",
)  # fmt: skip
"""What is taken off a word, the longest first, so that "parses", "parsed" and "parser" are one."""
SHORTEST = 3
"""Letters that stay."""
_SILENT = (
    "a about after all an and any are as at be been before being but by can could did do does doing done each find"
    " for from get gets give given gives got had happen happened happens has have how i if in into is it its me my"
    " not of off on one or our out over please show so some such tell than that the their them then there these"
    " they this those through to up us use used uses using was we were what when where which while who whose why"
    " will with without would you your explain explained"
)
SILENT = frozenset(_SILENT.split())
"""Words of questions that say nothing of what is asked about."""
_POINTING = "it its that they them those these this there he she his her same instead else"
POINTING = frozenset(_POINTING.split())
"""Words that mean something said before."""


def root(word: str) -> str:
    """A word without its ending.

    Args:
        word: lower-case.
    """
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > SHORTEST and word[-1] == word[-2] else word


def roots(texts: Iterable[str]) -> set[str]:
    """Of all words in some texts, identifiers split."""
    return {root(word) for text in texts for word in parts_of(text)}


def telling(question: str) -> dict[str, float]:
    """What a question is about.

    Args:
        question: in plain words, with names of code or without.

    Returns:
        Roots of its words, each with how rare it is in code at large (natural logarithm of the inverse frequency).
    """
    from tabby_lsp.index.embedders.word_counts import OF, UNSEEN, word_counts

    counts = word_counts()
    words = (word for word in parts_of(question) if word not in SILENT and (len(word) > 1 or not word.isascii()))
    return {root(word): math.log(OF / counts.get(word, UNSEEN)) for word in words}


def covered(wanted: Mapping[str, float], there: set[str]) -> float:
    """The share of the wanted words that stand somewhere, by weight: 0 to 1; 0 where none is wanted."""
    whole = sum(wanted.values())
    return sum(weight for word, weight in wanted.items() if word in there) / whole if whole else 0.0


def points_back(question: str) -> bool:
    """Whether a question is about something said before: "and where is it called?"."""
    said = parts_of(question)
    return len(telling(question)) < 2 or any(word in POINTING for word in said)
