"""The three tables of one folder in LanceDB: files, symbols, chunks.

A file's row in `files` is removed first and written last, so that wherever a process dies, the file is either known
with all its rows or not known, and `repair` sweeps what is left of it. What LanceDB raises becomes our own errors in
`damage`. One process writes at a time (`folder` holds the lock); any number read.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from tabby_lsp.index.store.damage import Conflict, Damaged, told
from tabby_lsp.index.store.indexes import INDEXES, Table, connected, make_indexes, words_query
from tabby_lsp.index.store.quoting import among, begins
from tabby_lsp.index.store.rows import FILES, SYMBOLS, Stored, chunks_schema, stored_files

T = TypeVar("T")

TABLES = ("files", "symbols", "chunks")

TRIES = 5
"""How often a change is tried that crossed another: tidying runs beside updates."""

KEPT = timedelta(milliseconds=1)
"""Older versions go when the tables are tidied: merging doubles what is on the disk until then. A question that was
reading one asks again with the newest (`Tables.ask`). Zero would mean the same, with a warning."""

NAMES_AT_ONCE = 2_000
"""Values in one filter: DataFusion parses an IN of 10,000 strings in 60 ms, and deep trees cost stack."""

ENOUGH = 200
"""Definitions that are read of one name: `get` has tens of thousands, and by its name alone none is the one meant."""

EACH = 16
"""Definitions that are read for each of the names that begin in some way."""

SAMPLE = 200
"""Rows whose words are looked for when it is in doubt whether full text can be read."""


class Store:
    """The tables in one folder.

    Args:
        folder: where they are.
        dimensions: of the vectors; 0: none.
        create: whether tables that are missing are made; else that is damage.

    Raises:
        Damaged: they cannot be opened.
    """

    def __init__(self, folder: Path, dimensions: int, *, create: bool) -> None:
        self.folder = folder
        self.dimensions = dimensions
        self.litter = False
        """Whether half-written files may lie about, which only `tidy(alone=True)` deletes."""
        self._tidying = threading.Lock()
        self._common: frozenset[str] | None = None
        with told(folder):
            if create:
                folder.mkdir(parents=True, exist_ok=True)
            self._connection = connected(folder)
            self._tables = {name: self._opened(name, create=create) for name in TABLES}

    @property
    def files(self) -> Table:
        """The table of files."""
        return self._tables["files"]

    @property
    def symbols(self) -> Table:
        """The table of definitions."""
        return self._tables["symbols"]

    @property
    def chunks(self) -> Table:
        """The table of chunks."""
        return self._tables["chunks"]

    def _opened(self, name: str, *, create: bool) -> Table:
        schema = {"files": FILES, "symbols": SYMBOLS, "chunks": chunks_schema(self.dimensions)}[name]
        if create and not (self.folder / f"{name}.lance").exists():
            return self._connection.create_table(name, schema=schema)
        table = self._connection.open_table(name)
        if table.schema.names != schema.names:
            raise ValueError(f"{name} has the columns {table.schema.names}")
        return table

    # Reading

    def read(self, table: Table, columns: Sequence[str], where: str = "", limit: int | None = None) -> pa.Table:
        """Rows of a table.

        Args:
            table: one of the three.
            columns: which of its columns.
            where: a filter; empty: all rows.
            limit: most rows.

        Raises:
            Damaged: they cannot be read.
        """
        with told(self.folder):
            query = table.search().select(list(columns)).limit(limit)
            return (query.where(where) if where else query).to_arrow()

    def matching(self, table: Table, column: str, values: Collection[str]) -> pa.Table:
        """Whole rows whose column has one of some values."""
        wanted = list(dict.fromkeys(values))
        parts = [
            self.read(table, table.schema.names, among(column, wanted[at : at + NAMES_AT_ONCE]))
            for at in range(0, len(wanted), NAMES_AT_ONCE)
        ]
        return pa.concat_tables(parts) if parts else table.schema.empty_table()

    def named(self, names: Collection[str]) -> pa.Table:
        """Definitions of these names; of a name that is defined everywhere, `ENOUGH` of them."""
        everywhere = self._common
        if everywhere is None:
            counts = self.read(self.symbols, ("name",))["name"].value_counts().to_pylist()
            everywhere = self._common = frozenset(one["values"] for one in counts if one["counts"] > ENOUGH)
        common = [name for name in dict.fromkeys(names) if name in everywhere]
        columns = self.symbols.schema.names
        return pa.concat_tables(
            [
                self.matching(self.symbols, "name", [name for name in names if name not in everywhere]),
                *(self.read(self.symbols, columns, among("name", [name]), ENOUGH) for name in common),
            ]
        )

    def beginning(self, start: str, languages: Collection[str], limit: int) -> list[str]:
        """Different names of definitions in some languages that begin so; at most so many."""
        where = f"{begins('name', start)} AND {among('language', languages)}"
        names = self.read(self.symbols, ("name",), where, limit * EACH)["name"].unique().to_pylist()
        return names[:limit]

    def known(self) -> dict[str, Stored]:
        """Every file that is stored, by path."""
        return stored_files(self.read(self.files, ("path", "hash", "size", "mtime_ns", "reason")))

    def versions(self) -> tuple[int, ...]:
        """The tables' versions: whether anything was written since."""
        with told(self.folder):
            return tuple(table.version for table in self._tables.values())

    def refresh(self) -> None:
        """Read the newest version from now on: another process has written.

        Raises:
            Damaged: it cannot be opened.
        """
        with told(self.folder):
            for table in self._tables.values():
                table.checkout_latest()

    def count(self, table: Table) -> int:
        """Rows of a table."""
        with told(self.folder):
            return table.count_rows()

    # Writing: the caller holds the folder's lock, and its threads take turns

    def remove(self, paths: Collection[str]) -> None:
        """Take all rows of some files out."""
        listed = list(dict.fromkeys(paths))
        for at in range(0, len(listed), NAMES_AT_ONCE):
            where = among("path", listed[at : at + NAMES_AT_ONCE])
            for table in (self.files, self.symbols, self.chunks):
                self._changed(lambda table=table, where=where: table.delete(where))

    def add(self, files: pa.Table, symbols: pa.Table, chunks: pa.Table) -> None:
        """Put rows of files in that have none."""
        for table, rows in ((self.chunks, chunks), (self.symbols, symbols), (self.files, files)):
            if rows.num_rows:
                self._changed(lambda table=table, rows=rows: table.add(rows))

    def touch(self, files: pa.Table) -> None:
        """Replace rows of `files` alone: their content is what it was."""
        if files.num_rows:
            where = among("path", files["path"].to_pylist())
            self._changed(lambda: self.files.delete(where))
            self._changed(lambda: self.files.add(files))

    def _changed(self, change: Callable[[], object]) -> None:
        for left in range(TRIES - 1, -1, -1):
            try:
                with told(self.folder):
                    change()
            except Conflict:
                if not left:
                    raise
            else:
                return

    # Tending

    def repair(self) -> int:
        """Sweep what a process left that died while it wrote: rows of files that are not known or not whole.

        Returns:
            How many files had such rows; those that were known are not any more, so that they are read again.

        Raises:
            Damaged: the tables cannot be read.
        """
        files = self.read(self.files, ("path", "chunks", "symbols"))
        promised = {row["path"]: (row["chunks"], row["symbols"]) for row in files.to_pylist()}
        found: dict[str, list[int]] = {path: [0, 0] for path in promised}
        for place, table in enumerate((self.chunks, self.symbols)):
            for one in self.read(table, ("path",))["path"].value_counts().to_pylist():
                found.setdefault(one["values"], [0, 0])[place] = one["counts"]
        broken = [path for path, counts in found.items() if promised.get(path) != tuple(counts)]
        if len(promised) != files.num_rows:  # a path twice: two rows cannot both be true
            broken += [one["values"] for one in files["path"].value_counts().to_pylist() if one["counts"] > 1]
        self.remove(broken)
        return len(broken)

    def tidy(self, older_than: timedelta = KEPT, *, alone: bool = False) -> None:
        """Bring the indexes up to the rows, merge small files, and delete what old versions hold.

        Runs beside updates; where the two cross, this one gives way and is done the next time.

        Args:
            older_than: versions that are deleted.
            alone: whether no change can be under way: then also what dead processes left half-written is deleted.
        """
        with self._tidying:
            self._common = None
            for table in self._tables.values():
                try:
                    with told(self.folder):
                        # Files are merged before there is an index: afterwards each would be rewritten along with them.
                        table.optimize(cleanup_older_than=older_than, delete_unverified=alone)
                        make_indexes(table)
                        table.optimize(cleanup_older_than=older_than)  # what merging and indexing have replaced: 5 ms
                except Conflict:
                    self.litter = True

    def is_whole(self) -> bool:
        """Whether every row and every index can be read. Takes seconds with many rows."""
        try:
            with told(self.folder):
                for table in self._tables.values():
                    for batch in table.search().limit(None).to_batches(batch_size=4_096):
                        del batch
                for table in (self.symbols, self.chunks):
                    for column in INDEXES[table.name]:
                        if column != "words":
                            table.search().where(f"`{column}` >= ''").select([column]).limit(None).to_arrow()
                sample = self.chunks.search().select(["words"]).limit(SAMPLE).to_arrow()["words"].to_pylist()
                words = {word for text in sample for word in text.split()} or {"self"}
                self.chunks.search(words_query(" ".join(words)), query_type="fts").limit(SAMPLE).to_arrow()
        except Damaged:
            return False
        return True


def disk_usage(folder: Path) -> int:
    """Bytes of all files in a folder; files that vanish meanwhile are nothing."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(where, name)).st_size  # noqa: PTH116, PTH118
            except OSError:
                continue
    return total
