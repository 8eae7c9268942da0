"""Code search measured on CoSQA dev, through the index's own words, vectors, full text and fusion.

    python tests/evals/cosqa.py [FOLDER] [--model GGUF]

FOLDER holds `cosqa_corpus.jsonl.gz` and `cosqa_queries_dev.jsonl.gz` (Huang et al., "CoSQA", 2021); the project ships
no copy of them. Printed are MRR and nDCG@10 of each question's relevant function among all 6,267, for all questions and
for two halves of them, so that a constant is only changed for what both say. The full text
and the vectors are searched in a LanceDB table, as in the index.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tabby_lsp.config import IndexSettings
from tabby_lsp.engine.store import default_directory
from tabby_lsp.index.embedders import open_embedder
from tabby_lsp.index.reading.reader import read_bytes
from tabby_lsp.index.search.fusion import fuse
from tabby_lsp.index.search.words import column, titled, words_of

DATA = Path(__file__).parents[2].parent / "shared" / "data"
MODEL = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
CANDIDATES = 50
"""Hits of each list, as in the index."""
SEED = 1

Hits = list[tuple[int, float]]


def read(path: Path) -> list[dict]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def halves(count: int) -> list[str]:
    """A fixed half for each question."""
    order = ["ab"[i % 2] for i in range(count)]
    random.Random(SEED).shuffle(order)
    return order


def name_of(code: str, language: str) -> list[str]:
    """The first definition's name, as the index finds it."""
    definitions = read_bytes("function", language, code.encode()).facts.definitions
    return [definitions[0].name] if definitions else []


def score(hits: Sequence[int], relevant: set[int]) -> tuple[float, float]:
    """Reciprocal rank and nDCG@10 of one question."""
    ranks = [rank for rank, hit in enumerate(hits) if hit in relevant]
    gain = sum(1 / math.log2(rank + 2) for rank in ranks if rank < 10)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(10, len(relevant))))
    return (1 / (ranks[0] + 1) if ranks else 0.0), gain / ideal


class Searched:
    """The functions in a table, asked as the index asks."""

    def __init__(
        self, corpus: list[dict], settings: IndexSettings, model: Path | None, folder: Path, language: str = "python"
    ) -> None:
        import lancedb
        import pyarrow as pa

        from tabby_lsp.index.store.indexes import FULL_TEXT, words_query

        self._words_query = words_query
        self.embedder = open_embedder(settings, model, folder)
        texts = [titled(row["code"], name_of(row["code"], language)) for row in corpus]
        start = time.perf_counter()
        vectors = self.embedder.embed(texts)
        print(f"{len(texts)} functions embedded in {time.perf_counter() - start:.1f} s by {self.embedder.identity}")
        flat = pa.array(vectors.astype("float16").ravel())
        columns = {
            "id": pa.array([row["id"] for row in corpus]),
            "words": pa.array([column(text) for text in texts]),
            "vector": pa.FixedSizeListArray.from_arrays(flat, self.embedder.dimensions),
        }
        self._table = lancedb.connect(folder / "lance").create_table("chunks", pa.table(columns))
        self._table.create_index("words", config=FULL_TEXT)

    def text(self, question: str) -> Hits:
        words = " ".join(dict.fromkeys(words_of(question)))
        asked = self._table.search(self._words_query(words), query_type="fts").limit(CANDIDATES)
        return [(row["id"], row["_score"]) for row in asked.to_list()]

    def vectors(self, question: str) -> Hits:
        vector = self.embedder.embed([question], query=True)[0]
        asked = self._table.search(vector, "vector").distance_type("dot").limit(CANDIDATES)
        return [(row["id"], 1 - row["_distance"]) for row in asked.to_list()]

    def hybrid(self, question: str) -> Hits:
        return [(key, worth) for key, worth, _ in fuse(self.text(question), self.vectors(question))]


def report(name: str, search: Callable[[str], Hits], queries: list[dict]) -> None:
    figures = [score([hit for hit, _ in search(query["query"])], set(query["relevant"])) for query in queries]
    cells = []
    for half in ("ab", "a", "b"):
        chosen = [figure for figure, own in zip(figures, halves(len(queries)), strict=True) if own in half]
        mrr, ndcg = (statistics.fmean(values) for values in zip(*chosen, strict=True))
        cells.append(f"MRR {mrr:.4f}  nDCG@10 {ndcg:.4f}")
    print(f"{name:12}" + "   ".join(f"{label} {cell}" for label, cell in zip(("all:", "A:", "B:"), cells, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=DATA)
    parser.add_argument("--model", type=Path, help="a GGUF file; the default model in the models folder")
    parser.add_argument("--embedder", default="static", help="a row of the embedders")
    options = parser.parse_args()
    os.environ.setdefault("LANCEDB_LOG", "error")
    files = [options.data / name for name in ("cosqa_corpus.jsonl.gz", "cosqa_queries_dev.jsonl.gz")]
    if missing := [path for path in files if not path.is_file()]:
        print(f"Not measured: {missing[0]} is not there.")
        sys.exit(0)
    corpus, queries = map(read, files)
    model = options.model or default_directory() / MODEL
    settings = IndexSettings(embedder=options.embedder, model=str(model) if options.embedder == "llama" else "")
    with tempfile.TemporaryDirectory() as folder:
        searched = Searched(corpus, settings, model, Path(folder))
        report("full text", searched.text, queries)
        report("vectors", searched.vectors, queries)
        report("hybrid", searched.hybrid, queries)
        searched.embedder.close()


if __name__ == "__main__":
    main()
