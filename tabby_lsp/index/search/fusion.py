"""Two lists of hits become one: full text finds what is named, vectors find what is meant."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

WEIGHT = 3.0
"""What a cosine of 1 counts beside the best full-text score, which counts 1. The fifty best cosines of a question lie
within some .25 of each other. On CoSQA dev: 1.5 .464, 2 .473, 3 .476, 4 .473, 5 .463. On Go's
documentation (`tests/evals/godoc.py`), where nothing was tuned: 1 .435, 2 .474, 3 .482, 4 .477, 6 .471."""


def fuse(
    text: Sequence[tuple[Key, float]], vectors: Sequence[tuple[Key, float]], weight: float = WEIGHT
) -> list[tuple[Key, float, dict[str, float]]]:
    """Add scores: the full-text score over the best one, and the cosine times a weight.

    Scores are added and ranks are not: a rank forgets by how much the first hit is better than the second. What a list
    was too short for gets that list's last score, since no more is known than that it is not above it. Vectors have a
    distance to everything, so their list is always full; where the text's is shorter, it holds every text with
    one of the words, and what is missing there has a score of 0.

    Args:
        text: keys with BM25 scores, best first.
        vectors: keys with cosines, best first; as many as asked for.
        weight: of the cosine.

    Returns:
        Keys with their score and its parts, best first; equal ones keep the order in which they came. The parts are
        of the lists that had the key: `text` and `vector` are the scores, `text_rank` and `vector_rank` the places,
        from 1.
    """
    best = max((score for _, score in text), default=0.0) or 1.0
    no_text = min(score for _, score in text) if text and len(text) >= len(vectors) else 0.0
    no_vector = min((cosine for _, cosine in vectors), default=0.0)
    parts: dict[Key, dict[str, float]] = {}
    for name, hits in (("text", text), ("vector", vectors)):
        for rank, (key, score) in enumerate(hits, 1):
            parts.setdefault(key, {}).setdefault(name, score)
            parts[key].setdefault(f"{name}_rank", rank)
    fused = [
        (key, part.get("text", no_text) / best + weight * part.get("vector", no_vector), part)
        for key, part in parts.items()
    ]
    fused.sort(key=lambda hit: -hit[1])
    return fused
