"""The tables: values that would break a filter, what a crash leaves, files that are not as they were written."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tabby_lsp.errors import NoSpace, RepositoryIndexError
from tabby_lsp.index.search.hybrid import search
from tabby_lsp.index.store.damage import Conflict, Damaged, told
from tabby_lsp.index.store.indexes import words_query
from tabby_lsp.index.store.lance import Store, disk_usage
from tabby_lsp.index.store.quoting import among, defines, expression, glob, quoted
from tabby_lsp.index.store.rows import FILES, SYMBOLS, chunks_schema, symbol_row, table_of
from tabby_lsp.index.types import Query
from tabby_lsp.syntax.symbols.types import Definition, Kind

NAMES = ["get", "getter", "Get", "_get", "gét", "o'get"]
NASTY = [
    """o'hara "x" \\ %_.py""",
    "a`b;--.py",
    "src/$(x)/[y]*?.ts",
    "日本/é.rs",
    "''.go",
    "a\\'b.c",
    "tab\tand\nline.py",
]


def rows(path: str, chunks: int = 2, words: str = "open the file") -> tuple[pa.Table, pa.Table, pa.Table]:
    files = [
        {
            "path": path, "hash": "h", "size": 1, "mtime_ns": 2, "language": "python", "reason": "", "imports": "[]",
            "references": ["r"], "chunks": chunks, "symbols": 1,
        }
    ]  # fmt: skip
    symbols = [symbol_row(path, "python", Definition("f'oo", Kind.FUNCTION, 0, 2, "def f():", "C", ("B",)))]
    texts = [
        {
            "path": path, "language": "python", "start": at, "end": at + 1, "text": f"{words} {at}", "words": words,
            "symbols": ["x", f"C$.na'me{at}"], "vector": [1.0] + [0.0] * 7,
        }
        for at in range(chunks)
    ]  # fmt: skip
    return table_of(files, FILES), table_of(symbols, SYMBOLS), table_of(texts, chunks_schema(8))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "tables", 8, create=True)


def test_names_that_hold_quotes_and_wildcards_are_only_names(store: Store) -> None:
    for path in NASTY:
        store.add(*rows(path))
    store.tidy()
    for path in NASTY:
        assert store.matching(store.symbols, "path", [path])["path"].to_pylist() == [path]
        assert store.read(store.chunks, ["path"], glob("path", _literally(path)))["path"].to_pylist() == [path] * 2
        hits = store.chunks.search(words_query("file"), query_type="fts").where(among("path", [path])).to_arrow()
        assert hits["path"].to_pylist() == [path] * 2
    assert store.read(store.chunks, ["path"], defines("symbols", "na'me1")).num_rows == len(NASTY)
    assert store.read(store.chunks, ["path"], defines("symbols", "C$.na'me1")).num_rows == len(NASTY)
    assert store.read(store.chunks, ["path"], defines("symbols", "me1")).num_rows == 0
    for number, path in enumerate(NASTY, 1):
        store.remove([path])
        assert len(store.known()) == len(NASTY) - number
        assert store.count(store.chunks) == 2 * (len(NASTY) - number)
        assert store.count(store.symbols) == len(NASTY) - number


def _literally(path: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path)


@pytest.mark.parametrize(
    ("pattern", "fits", "not_"),
    [
        ("*.py", ["a.py", "x/y/a.py"], ["a.pyi", "py"]),
        ("src/*.py", ["src/a.py"], ["src/x/a.py", "a.py"]),
        ("src/**/*.py", ["src/a.py", "src/x/y/a.py"], ["lib/src/a.py"]),
        ("**/net/*", ["net/a", "x/net/a"], ["internet/a"]),
        ("src", ["src/a.py", "lib/src/b", "src"], ["source/a"]),
        ("src/net", ["src/net/a", "src/net"], ["src/network", "x/src/net/a"]),
        ("src/", ["src/a.py", "src/b/c", "x/src/b"], ["srcs/a"]),
        ("./src/a?.py", ["src/ab.py"], ["src/a.py", "src/a/.py"]),
        ("[!ab].c", ["c.c"], ["a.c"]),
        ("a-b~c&d #e.c", ["a-b~c&d #e.c"], ["a-b"]),
    ],
)
def test_globs(store: Store, pattern: str, fits: list[str], not_: list[str]) -> None:
    for path in (*fits, *not_):
        store.add(*rows(path, 1))
    assert sorted(store.read(store.files, ["path"], glob("path", pattern))["path"].to_pylist()) == sorted(fits)


def test_a_quoted_string_is_one_literal() -> None:
    assert quoted("o'h\\x") == "'o''h\\x'"
    assert among("path", []) == "false"
    assert expression("*.py") == r"^(.*/)?[^/]*\.py$"


@pytest.mark.parametrize(
    ("start", "found"),
    [("get", ["get", "getter"]), ("gé", ["gét"]), ("_", ["_get"]), ("getz", []), ("ge'", []), ("", NAMES)],
)
def test_names_by_their_beginning(store: Store, start: str, found: list[str]) -> None:
    for at, name in enumerate(NAMES):
        files, symbols, chunks = rows(f"{at}.py", 1)
        renamed = symbols.set_column(symbols.schema.names.index("name"), "name", pa.array([name]))
        store.add(files, renamed, chunks)
    for _ in range(2):
        assert sorted(store.beginning(start, {"python"}, 100)) == sorted(found)
        assert store.beginning(start, {"go"}, 100) == []
        store.tidy()


def test_what_a_dead_process_left_is_swept(store: Store) -> None:
    files, symbols, chunks = rows("whole.py")
    store.add(files, symbols, chunks)
    empty = FILES.empty_table(), SYMBOLS.empty_table(), chunks_schema(8).empty_table()
    store.add(empty[0], empty[1], rows("died-early.py")[2])
    store.add(empty[0], *rows("died-late.py")[1:])
    store.add(rows("lost-its-chunks.py")[0], rows("lost-its-chunks.py")[1], empty[2])
    store.add(*rows("twice.py"))
    store.add(rows("twice.py")[0], *empty[1:])
    assert store.repair() == 4
    assert list(store.known()) == ["whole.py"]
    assert set(store.read(store.chunks, ["path"])["path"].to_pylist()) == {"whole.py"}
    assert store.count(store.symbols) == 1
    assert store.repair() == 0


def test_rows_that_were_added_since_the_index_was_made_are_found_too(store: Store) -> None:
    store.add(*rows("old.py", words="ancient words"))
    store.tidy()
    store.add(*rows("new.py", words="fresh words"))
    for word, count in (("ancient", 2), ("fresh", 2), ("words", 4)):
        assert store.chunks.search(words_query(word), query_type="fts").to_arrow().num_rows == count


def test_vectors_are_found_alike_with_and_without_their_index(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(5)
    vectors = chance.standard_normal((600, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.concatenate([vectors, np.zeros((10, 8), np.float32)])  # chunks without a word

    def add(first: int, last: int) -> None:
        files, symbols, chunks = rows(f"{first}.py", last - first)
        flat = pa.array(vectors[first:last].astype(np.float16).ravel())
        column = pa.FixedSizeListArray.from_arrays(flat, 8)
        store.add(files, symbols, chunks.set_column(7, chunks.schema.field("vector"), column))

    def nearest(question: np.ndarray, **filters) -> list[tuple[str, int]]:
        return [(hit.path, hit.start) for hit in search(store, Query("", limit=10, **filters), question)]

    for first in range(0, 500, 100):
        add(first, first + 100)
    vectors[600:] = 0
    add(600, 610)
    questions = vectors[:600:60] + 0.1 * chance.standard_normal((10, 8)).astype(np.float32)
    scanned = [nearest(question) for question in questions]
    monkeypatch.setattr("tabby_lsp.index.store.indexes.VECTORS_FROM", 256)
    store.tidy()
    assert "vector" in {column for index in store.chunks.list_indices() for column in index.columns}
    assert [nearest(question) for question in questions] == scanned
    assert {path for path, _ in nearest(questions[0], exclude="0.py")} <= {f"{n}.py" for n in (100, 200, 300, 400)}
    store.remove(["100.py"])
    add(500, 600)
    everything = np.delete(np.arange(600), np.arange(100, 200))
    for question in questions:
        best = everything[np.argsort(-(vectors[everything] @ question), kind="stable")[:10]]
        found = nearest(question)
        assert len({(f"{n // 100 * 100}.py", n % 100) for n in best} & set(found)) >= 9


def test_two_hundred_saves_of_one_file_do_not_fill_the_disk(store: Store) -> None:
    for number in range(20):
        store.add(*rows(f"{number}.py", 20))
    store.tidy(timedelta(milliseconds=1))
    before = disk_usage(store.folder)
    for _ in range(200):
        store.remove(["7.py"])
        store.add(*rows("7.py", 20))
    assert disk_usage(store.folder) < before + 32 * 2**20, "each save costs some small files until the next tidying"
    store.tidy()
    assert disk_usage(store.folder) < 1.5 * before
    assert store.count(store.chunks) == 400


def _delete(path: Path) -> None:
    path.unlink()


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("spoil", [_delete, _truncate, _zero])
@pytest.mark.parametrize("kind", ["data", "_versions", "_indices"])
@pytest.mark.parametrize("table", ["files", "symbols", "chunks"])
def test_a_spoilt_file_is_damage_and_nothing_worse(store: Store, spoil, kind: str, table: str) -> None:
    for number in range(30):
        store.add(*rows(f"{number}.py", 20))
    store.tidy(timedelta(milliseconds=1))
    found = [path for path in sorted((store.folder / f"{table}.lance" / kind).rglob("*")) if path.is_file()]
    if not found:
        assert (table, kind) == ("files", "_indices"), "only the table of files has no index"
        return
    for path in random.Random(1).sample(found, min(len(found), 3)):
        spoil(path)
    try:
        spoilt = Store(store.folder, 8, create=False)
        spoilt.repair()
    except Damaged:
        return
    assert not spoilt.is_whole()


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("IO error: No space left on device (os error 28)", NoSpace),
        ("Permission denied (os error 13)", RepositoryIndexError),
        ("Retryable commit conflict for version 3", Conflict),
        ("Invalid user input: no such column", Damaged),
    ],
)
def test_what_lancedb_says_is_told_apart(said: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught, told(Path("somewhere")):
        raise RuntimeError(said)
    assert type(caught.value) is error


def test_an_interrupt_is_not_damage() -> None:
    with pytest.raises(KeyboardInterrupt), told(Path("somewhere")):
        raise KeyboardInterrupt
