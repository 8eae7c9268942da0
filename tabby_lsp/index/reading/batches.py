"""Some files read, cut and turned into rows: what one process of the pool does at a time.

Rows leave as Arrow tables, which cross a pipe as plain buffers; a thousand dataclasses would cost more to pickle
than the files cost to parse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tabby_lsp.index.files.walk import Found
from tabby_lsp.index.search.words import column, titled
from tabby_lsp.index.store.rows import FILES, SYMBOLS, TEXTS, imports_text, symbol_row, table_of

FILES_AT_ONCE = 48
"""Files in one batch: enough to make a message to another process worth its while, few enough to be stopped soon."""
BYTES_AT_ONCE = 1 << 20
"""Bytes of source in one batch, so that memory is bounded whatever the files."""

GROWN_BYTES = 1 << 20
"""What any file may have grown to since it was found."""

CRASHED = "unreadable"
"""The reason for a file that ends the process which reads it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read.

    Attributes:
        files: rows of the files that have changed.
        symbols: their definitions.
        chunks: their chunks, without vectors.
        same: path, size and mtime_ns of files whose content is what it was.
        gone: paths that could not be read: they vanished, or may not be.
    """

    files: pa.Table
    symbols: pa.Table
    chunks: pa.Table
    same: tuple[tuple[str, int, int], ...] = ()
    gone: tuple[str, ...] = ()

    def without(self, paths: frozenset[str]) -> Batch:
        """The same, but for some files."""
        if not paths:
            return self
        return Batch(
            _others(self.files, paths),
            _others(self.symbols, paths),
            _others(self.chunks, paths),
            tuple(one for one in self.same if one[0] not in paths),
            tuple(path for path in self.gone if path not in paths),
        )


def _others(table: pa.Table, paths: frozenset[str]) -> pa.Table:
    return table.filter(pa.array([path not in paths for path in table["path"].to_pylist()], pa.bool_()))


def joined(batches: Sequence[Batch]) -> Batch:
    """Several batches as one."""
    return Batch(
        pa.concat_tables([batch.files for batch in batches]),
        pa.concat_tables([batch.symbols for batch in batches]),
        pa.concat_tables([batch.chunks for batch in batches]),
        tuple(one for batch in batches for one in batch.same),
        tuple(path for batch in batches for path in batch.gone),
    )


def sliced(found: Iterable[Found]) -> Iterator[list[Found]]:
    """Files in batches of a bounded size, in their order."""
    batch: list[Found] = []
    size = 0
    for one in found:
        if batch and (len(batch) >= FILES_AT_ONCE or size + one.size > BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    if batch:
        yield batch


def read_batch(root: str, found: Sequence[Found], hashes: Mapping[str, str]) -> Batch:
    """Read files.

    Args:
        root: the folder that the paths are relative to.
        found: the files, as they were found.
        hashes: of what is stored of them, by path; a file that is not stored is missing here.
    """
    from tabby_lsp.index.reading.reader import read_bytes

    files, symbols, chunks, same, gone = [], [], [], [], []
    for one in found:
        data = _bytes_of(Path(root, one.path), most=max(2 * one.size, GROWN_BYTES))
        if data is None:
            gone.append(one.path)
            continue
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        if hashes.get(one.path) == digest:
            same.append((one.path, one.size, one.mtime_ns))
            continue
        read = read_bytes(one.path, one.language, data)
        files.append(
            {
                "path": one.path,
                "hash": digest,
                "size": one.size,
                "mtime_ns": one.mtime_ns,
                "language": read.language,
                "reason": read.reason,
                "imports": imports_text(read.facts.imports),
                "references": list(read.facts.references),
                "chunks": len(read.chunks),
                "symbols": len(read.facts.definitions),
            }
        )
        symbols += [symbol_row(one.path, read.language, definition) for definition in read.facts.definitions]
        chunks += [
            {
                "path": one.path,
                "language": chunk.language,
                "start": chunk.start,
                "end": chunk.end,
                "text": chunk.text,
                "words": column(titled(chunk.text, chunk.symbols)),
                "symbols": list(chunk.symbols),
            }
            for chunk in read.chunks
        ]
    return Batch(table_of(files, FILES), table_of(symbols, SYMBOLS), table_of(chunks, TEXTS), tuple(same), tuple(gone))


def left_out(root: str, one: Found, reason: str) -> Batch:
    """A file of which nothing but the reason is kept."""
    digest = hash_of(Path(root, one.path)) or ""
    row = {
        "path": one.path,
        "hash": digest,
        "size": one.size,
        "mtime_ns": one.mtime_ns,
        "language": one.language,
        "reason": reason,
        "imports": "[]",
        "references": [],
        "chunks": 0,
        "symbols": 0,
    }
    return Batch(table_of([row], FILES), SYMBOLS.empty_table(), TEXTS.empty_table())


def _bytes_of(path: Path, most: int) -> bytes | None:
    """A file's content; None where it cannot be read, or has grown so much that the next look is to judge it."""
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError:
        return None
    return data if len(data) <= most else None


def hash_of(path: Path) -> str | None:
    """A digest of a file's content; None where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError:
        return None
