"""How LanceDB is opened, and which columns of the tables have an index, of which kind, and why.

The measurements were made on 2 cores. Whatever asks LanceDB for a table comes through here, so that it is quiet.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("LANCEDB_LOG", "error")  # read when LanceDB is imported: it warns of what is tried again
import lancedb
from lancedb.index import FTS, BTree, IvfSq
from lancedb.query import MatchQuery
from lancedb.table import Table

INDEX_CACHE = 512 << 20
METADATA_CACHE = 64 << 20
"""Bytes that LanceDB may keep of indexes and of what files hold where; its own bounds are 6 GiB and 1 GiB. The vectors
of 500,000 chunks take 124 MB, and the words 96."""

FULL_TEXT = FTS(
    with_position=False,
    base_tokenizer="whitespace",
    lower_case=False,
    stem=True,
    remove_stop_words=False,
    ascii_folding=False,
    max_token_length=None,
    memory_limit=512,
)
"""The words were split and lower-cased by `words`; what is left for a tokenizer of prose is to make `parses` and
`parsed` one word: nDCG@10 of full text alone .403 instead of .377 on CoSQA, .423 instead of .368 on Go's own
documentation."""

INDEXES: dict[str, dict[str, FTS | BTree]] = {
    "files": {},  # read as a whole; even of 50,000 rows that takes 30 ms
    "symbols": {"name": BTree(), "path": BTree()},
    "chunks": {"words": FULL_TEXT, "path": BTree()},
}
"""Columns with an index, but for the vectors."""

VECTORS = IvfSq(distance_type="cosine", num_partitions=8, max_iterations=10, sample_rate=64)
"""Numbers as bytes, in memory, in a few partitions that are all looked at (`PROBES`): a scan, not a search. At 200,000
vectors of 256 numbers it is built in 1.3 s of one core, finds .986 of the 50 nearest, as the 16-bit floats do, and a
question takes 15 ms of one core. The same with `dot`, which orders unit vectors alike, takes 40, scanning the table 95.
IVF_PQ with 256 partitions took 136 s to build and found .63 where 64 were probed; IVF_SQ with 256, 34 s and .90."""
PROBES = 8
REFINED = 2
"""Twice as many as are wanted are compared by their 16-bit floats again: .986 of the nearest instead of .972."""
VECTORS_FROM = 20_000
"""Chunks below which vectors have no index: scanning 20,000 takes 14 ms."""


def connected(folder: Path) -> lancedb.DBConnection:
    """Open a folder of tables."""
    return lancedb.connect(folder, session=lancedb.Session(INDEX_CACHE, METADATA_CACHE))


def make_indexes(table: Table) -> None:
    """Make the indexes that a table is to have and has not yet; what is there already is brought up to date elsewhere.

    Args:
        table: one of the three.
    """
    there = {column for index in table.list_indices() for column in index.columns}
    rows = table.count_rows()
    if not rows:
        return
    for column, config in INDEXES[table.name].items():
        if column not in there:
            table.create_index(column, config=config)
    if rows >= VECTORS_FROM and "vector" in table.schema.names and "vector" not in there:
        table.create_index("vector", config=VECTORS)


def words_query(words: str) -> MatchQuery:
    """Full text over the column of words: any of them counts."""
    return MatchQuery(words, "words")  # pyright: ignore[reportCallIssue]  pydantic fills the rest in
