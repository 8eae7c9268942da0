"""Chunks by words and by vectors, fused, within what the question allows."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from tabby_lsp.index.search.fusion import fuse
from tabby_lsp.index.search.words import words_of
from tabby_lsp.index.store.damage import told
from tabby_lsp.index.store.indexes import PROBES, REFINED, words_query
from tabby_lsp.index.store.lance import Store
from tabby_lsp.index.store.quoting import among, defines, glob, quoted
from tabby_lsp.index.types import Query, Snippet, Why

if TYPE_CHECKING:
    from lancedb.query import LanceVectorQueryBuilder

CANDIDATES = 50
"""Hits of each kind that are fused, at least; five times the limit where that is more."""
WORDS = 64
"""Different words of a question that are looked for; a page of code has more, and the first say what it is about."""
COLUMNS = ["path", "language", "start", "end", "text", "symbols"]

Key = tuple[str, int, int]

_beside = ThreadPoolExecutor(2, thread_name_prefix="words")


def search(store: Store, query: Query, vector: np.ndarray | None) -> tuple[Snippet, ...]:
    """Find chunks.

    Args:
        store: the tables.
        query: what is asked.
        vector: of the question, as long as the table's; None: by words alone.

    Returns:
        The best first, with the parts of their scores: `text` (BM25), `vector` (cosine), and their ranks among each.

    Raises:
        Damaged: the tables cannot be read, or the filter cannot be run.
    """
    where = allowed(query)
    count = max(CANDIDATES, 5 * query.limit)
    words = " ".join(list(dict.fromkeys(words_of(query.text)))[:WORDS])
    if not words and vector is None and where:
        return tuple(_snippet(row, 0.0, {}) for row in _listed(store, where, query.limit))
    rows: dict[Key, dict] = {}
    # At once: LanceDB scans the vectors on one core, and that is most of the time.
    wording = _beside.submit(_by_words, store, words, where, count) if words else None
    vectors: list[tuple[Key, float]] = []
    if vector is not None:
        near = _by_vector(store, vector, where, count)
        vectors = [(key, 1.0 - distance) for key, distance in _scored(near, "_distance", rows)]
    text = _scored(wording.result(), "_score", rows) if wording is not None else []
    return tuple(_snippet(rows[key], score, parts) for key, score, parts in fuse(text, vectors)[: query.limit])


def allowed(query: Query) -> str:
    """The filter of a question; empty: everything."""
    parts = []
    if query.languages:
        parts.append(among("language", query.languages))
    if query.path:
        parts.append(glob("path", query.path))
    if query.symbol:
        parts.append(defines("symbols", query.symbol))
    if query.exclude:
        parts.append(f"`path` != {quoted(query.exclude)}")
    return " AND ".join(parts)


def _listed(store: Store, where: str, count: int) -> list[dict]:
    """What a filter leaves, where nothing else is asked: in the order of path and line."""
    rows = store.read(store.chunks, COLUMNS, where).sort_by([("path", "ascending"), ("start", "ascending")])
    return rows.slice(0, count).to_pylist()


def _by_words(store: Store, words: str, where: str, count: int) -> pa.Table:
    with told(store.folder):
        asked = store.chunks.search(words_query(words), query_type="fts").select([*COLUMNS, "_score"])
        return (asked.where(where, prefilter=True) if where else asked).limit(count).to_arrow()


def _by_vector(store: Store, vector: np.ndarray, where: str, count: int) -> pa.Table:
    with told(store.folder):
        asked = cast("LanceVectorQueryBuilder", store.chunks.search(vector, "vector", "vector"))
        asked = asked.distance_type("cosine").nprobes(PROBES).refine_factor(REFINED).select([*COLUMNS, "_distance"])
        return (asked.where(where, prefilter=True) if where else asked).limit(count).to_arrow()


def _scored(table: pa.Table, column: str, rows: dict[Key, dict]) -> list[tuple[Key, float]]:
    scored = []
    for row in table.to_pylist():
        if math.isnan(row[column]):  # a chunk without a word has no direction
            continue
        key = (row["path"], row["start"], row["end"])
        rows[key] = row
        scored.append((key, row[column]))
    return scored


def _snippet(row: dict, score: float, parts: dict[str, float]) -> Snippet:
    return Snippet(
        path=row["path"],
        language=row["language"],
        start=row["start"],
        end=row["end"],
        text=row["text"],
        why=Why.SEARCH,
        symbols=tuple(row["symbols"]),
        score=score,
        parts=parts,
    )
