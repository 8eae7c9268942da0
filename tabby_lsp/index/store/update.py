"""Tables brought to what is on the disk: compared, read, embedded, written, in that order and in bounded memory."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping

import pyarrow as pa

from tabby_lsp.index.files.walk import Found
from tabby_lsp.index.reading.batches import Batch, joined
from tabby_lsp.index.search.words import titled
from tabby_lsp.index.store.generations import Generation
from tabby_lsp.index.store.rows import Stored, stored_files
from tabby_lsp.index.store.tables import Target
from tabby_lsp.index.store.vectors import Vectors

ROWS_AT_ONCE = 6_000
"""Chunks in one change of the tables: about 10 MB of text and vectors; each change costs 30 ms whatever its size."""
SECONDS_AT_ONCE = 3.0
"""What has been read is written after so long at the latest: an interruption costs no more than that."""


def compare(found: Iterable[Found], known: Mapping[str, Stored]) -> tuple[list[Found], list[str]]:
    """What has changed since it was stored, by size and time of writing.

    Returns:
        Files to read, the ones that were written last first, and paths that are not there any more.
    """
    there = {one.path: one for one in found}
    changed = [
        one
        for one in there.values()
        if (row := known.get(one.path)) is None or (row.size, row.mtime_ns) != (one.size, one.mtime_ns)
    ]
    changed.sort(key=lambda one: (-one.mtime_ns, one.path))
    return changed, [path for path in known if path not in there]


def grouped(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Batches put together until they are worth a change of the tables."""
    group: list[Batch] = []
    since = time.monotonic()
    for batch in batches:
        group.append(batch)
        if sum(one.chunks.num_rows for one in group) >= ROWS_AT_ONCE or time.monotonic() - since > SECONDS_AT_ONCE:
            yield joined(group)
            group, since = [], time.monotonic()
    if group:
        yield joined(group)


def embedded(batch: Batch, generation: Generation, vectors: Vectors) -> Batch:
    """A batch with the vectors of its chunks, where the tables have any."""
    if not generation.dimensions:
        return batch
    chunks = zip(batch.chunks["text"].to_pylist(), batch.chunks["symbols"].to_pylist(), strict=True)
    column = vectors.column([titled(text, symbols) for text, symbols in chunks])
    field_ = pa.field("vector", pa.list_(pa.float16(), generation.dimensions))
    return Batch(batch.files, batch.symbols, batch.chunks.append_column(field_, column), batch.same, batch.gone)


def write(target: Target, batch: Batch, *, late: bool) -> None:
    """Put what was read into the tables.

    Args:
        target: the tables.
        batch: what was read, with vectors where the tables have them.
        late: whether `update` may have overtaken it, whose reading of a file is the newer.
    """
    with target.lock:
        if late:
            batch = batch.without(frozenset(target.overtaken))
        else:
            target.overtaken.update(batch.files["path"].to_pylist(), (path for path, *_ in batch.same), batch.gone)
        new = stored_files(batch.files)
        remove(target, [path for path in (*new, *batch.gone) if path in target.known])
        target.store.add(batch.files, batch.symbols, batch.chunks)
        target.known |= new
        target.loose += bool(new)
        _touch(target, batch.same)


def remove(target: Target, paths: Collection[str]) -> None:
    """Take files out of the tables."""
    if not paths:
        return
    with target.lock:
        for path in paths:
            target.known.pop(path, None)
        target.store.remove(paths)
        target.loose += 1


def _touch(target: Target, same: Collection[tuple[str, int, int]]) -> None:
    moved = {path: (size, time_ns) for path, size, time_ns in same if path in target.known}
    if not moved:
        return
    rows = target.store.matching(target.store.files, "path", moved)
    for place, name in enumerate(("size", "mtime_ns")):
        values = pa.array([moved[path][place] for path in rows["path"].to_pylist()], pa.int64())
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), values)
    target.store.touch(rows)
    target.known |= stored_files(rows)
