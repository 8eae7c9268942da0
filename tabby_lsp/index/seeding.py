"""What a shared index knows of a folder, brought into the folder's own index, before that one is opened.

Rows of files are taken over whose content here is what it was there; everything else (changed, new, deleted) is found
by the next `sync`. So a question is always answered by local tables alone: as fast as without a shared index, and
without the network. Asking the remote tables instead was measured: 108 ms at the median where local ones take 9, with
2,000 chunks and storage on the same machine.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tabby_lsp.config import IndexSettings
from tabby_lsp.engine.disk import locked, write_whole
from tabby_lsp.errors import RepositoryIndexError, TabbyError
from tabby_lsp.index.reading.batches import hash_of
from tabby_lsp.index.shared import Build, Shared
from tabby_lsp.index.store import generations
from tabby_lsp.index.store.damage import Damaged
from tabby_lsp.index.store.generations import Generation
from tabby_lsp.index.store.lance import Store
from tabby_lsp.index.store.quoting import among
from tabby_lsp.index.store.rows import FILES, SYMBOLS, TEXTS, Stored, chunks_schema
from tabby_lsp.index.types import Phase, Status

if TYPE_CHECKING:
    from tabby_lsp.index.embedders import Embedder

logger = logging.getLogger(__name__)

SEEDED = "shared.json"
"""Which build was taken over last."""
SAMPLE = 200
LIKENESS = 0.2
"""Of some paths of the shared index so many must be here, else it is another repository's: settings are a user's, not a
folder's."""
FEW = 2_000
"""Files that are asked for by name; for more, the whole tables are read."""
LOCK = "writer.lock"
"""The lock of `FolderIndex`."""


class _BusyError(Exception):
    pass


def seed(
    root: Path,
    directory: Path,
    settings: IndexSettings,
    embedder: Callable[[], Embedder],
    report: Callable[[Status], None] = lambda status: None,
    *,
    offline: bool = False,
) -> str:
    """Take over what the newest build has and this folder's index has not.

    Args:
        root: the folder.
        directory: where its index is, or will be; nobody of this process has it open.
        settings: with the address.
        embedder: opens what makes vectors; the shared ones are used where it is the same.
        report: told how far it is.
        offline: whether other machines are out of bounds.

    Returns:
        Why nothing was taken over, for a person; empty where all is well.
    """
    if not settings.uri:
        return ""
    if offline and "://" in settings.uri:
        return "The shared index is not read: offline = true."
    try:
        shared = Shared(settings.uri, settings)
        build = shared.newest()
        if build is None:
            return f"There is no shared index at {settings.uri} yet."
        if _last(directory) == (settings.uri, build.name):
            return ""
        with locked(directory / LOCK, waiting=_give_up):
            return _take_over(root, directory, shared, build, _generation(embedder), report)
    except _BusyError:  # whoever writes has done this
        return ""
    except TabbyError as error:
        return f"{error.message} The local index serves alone."


def _generation(embedder: Callable[[], Embedder]) -> Generation:
    """What the folder's tables are to be made of, as `FolderIndex` sees it."""
    try:
        opened = embedder()
    except RepositoryIndexError:
        return Generation("", 0)
    return Generation(opened.identity, opened.dimensions)


def _give_up(_: str) -> None:
    raise _BusyError


def _take_over(
    root: Path, directory: Path, shared: Shared, build: Build, wanted: Generation, report: Callable[[Status], None]
) -> str:
    if Generation(build.identity, build.dimensions, build.schema) != wanted:
        return (
            f"The shared index at {shared.uri} was made with another embedder or version "
            f"({build.identity or 'none'}, here {wanted.identity or 'none'}), so it is not used."
        )
    there = _hashes(shared, build)
    if not _is_like(root, list(there)):
        return f"The shared index at {shared.uri} is of another folder than {root}, so it is not used."
    here = generations.current(directory)
    try:
        folder = generations.begin(directory, wanted)
        store = Store(folder, wanted.dimensions, create=True)
        store.repair()  # an earlier copy that was broken off
        known = store.known()
        missing = _same_content(root, there, known)
        if missing:
            logger.info("%d of %d files come from the shared index %s", len(missing), len(there), build.name)
            store.remove([path for path in missing if path in known])
            _copy(store, shared, build, missing, report)
            store.tidy()
        if here is None and missing:  # else the next sync makes the tables current, when they are whole
            generations.make_current(directory, wanted)
    except Damaged as error:
        return str(error)  # the next sync builds it again
    write_whole(directory / SEEDED, json.dumps({"uri": shared.uri, "build": build.name}))
    return ""


def _last(directory: Path) -> tuple[str, str] | None:
    try:
        said = json.loads((directory / SEEDED).read_text(encoding="utf-8"))
        return said["uri"], said["build"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _hashes(shared: Shared, build: Build) -> dict[str, str]:
    found: dict[str, str] = {}
    for batch in shared.rows(build, "files", ("path", "hash")):
        found.update(zip(batch["path"].to_pylist(), batch["hash"].to_pylist(), strict=True))
    return found


def _is_like(root: Path, paths: list[str]) -> bool:
    some = paths[:: max(1, len(paths) // SAMPLE)]
    return sum((root / path).is_file() for path in some) >= LIKENESS * len(some)


def _same_content(root: Path, there: Mapping[str, str], known: Mapping[str, Stored]) -> dict[str, tuple[int, int]]:
    """Files whose content is what it was there, and which the local index does not know as they are.

    Returns:
        Their size and time of writing here, by path.
    """
    found: dict[str, tuple[int, int]] = {}
    for path, digest in there.items():
        try:
            status = (root / path).lstat()
        except OSError:
            continue
        row = known.get(path)
        if row is not None and (row.hash == digest or (row.size, row.mtime_ns) == (status.st_size, status.st_mtime_ns)):
            continue
        if hash_of(root / path) == digest:
            found[path] = status.st_size, status.st_mtime_ns
    return found


def _copy(
    store: Store,
    shared: Shared,
    build: Build,
    files: Mapping[str, tuple[int, int]],
    report: Callable[[Status], None],
) -> None:
    """Rows of some files; those of `files` come last, so that a file is known when all of it is there."""
    where = among("path", files) if len(files) <= FEW else ""
    wanted = pc.field("path").isin(list(files))
    done = 0
    for name, schema in (("chunks", chunks_schema(store.dimensions)), ("symbols", SYMBOLS), ("files", FILES)):
        for batch in shared.rows(build, name, schema.names, where):
            table = pa.Table.from_batches([batch]).select(schema.names).cast(schema)
            part = table.filter(wanted)
            if name == "files":
                part = _as_here(part, files)
            rows = {"files": FILES.empty_table(), "symbols": SYMBOLS.empty_table(), "chunks": TEXTS.empty_table()}
            store.add(**(rows | {name: part}))
            done += part.num_rows if name == "chunks" else 0
            report(Status(Phase.INDEXING, total=len(files), chunks=done, message=f"from {shared.uri}"))


def _as_here(rows: pa.Table, files: Mapping[str, tuple[int, int]]) -> pa.Table:
    """Rows of `files` with what the file system says here."""
    paths: Collection[str] = rows["path"].to_pylist()
    for place, column in enumerate(("size", "mtime_ns")):
        values: Iterable[int] = [files[path][place] for path in paths]
        index = rows.schema.get_field_index(column)
        rows = rows.set_column(index, rows.schema.field(column), pa.array(values, pa.int64()))
    return rows
