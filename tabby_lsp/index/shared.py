"""An index that many machines read: built by one of them, kept on object storage or a shared disk.

    <uri>/builds.lance      a row for each build: what it was made of, and whether it is whole
    <uri>/<build>/*.lance   its tables, never changed after they were written

The row is what is switched: a build is announced when it is being written, and readers see it when that row says that
it is whole. The build before the newest stays, for readers that are in the middle of it.
"""

from __future__ import annotations

import logging
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
from lancedb.db import DBConnection
from lancedb.table import Table

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import ConfigError, RepositoryIndexError
from tabby_lsp.index.store import generations
from tabby_lsp.index.store.lance import TABLES, Store
from tabby_lsp.index.store.quoting import among

logger = logging.getLogger(__name__)

BUILDS = "builds"
KEPT = 2
"""Whole builds that stay."""
ABANDONED_S = 24 * 3600.0
"""After so many seconds nobody is writing a build any more that is not whole."""
ROWS_AT_ONCE = 4096
"""Rows that are on their way at a time: some 10 MB of chunks."""
HASTE = {"connect_timeout": "5s", "timeout": "60s", "client_max_retries": "2", "client_retry_timeout": "20"}
"""Storage that does not answer is given up soon: without it the local index serves. LanceDB's own defaults wait for
minutes. `index.storage_options` may say otherwise."""


@dataclass(frozen=True, slots=True)
class Build:
    """A build, as its row says.

    Attributes:
        name: of its folder.
        whole: whether all of it is there.
        schema: of the tables.
        identity: of the embedder; empty: there are no vectors.
        dimensions: of the vectors.
        commit: that git had checked out; empty where there is no git.
        made: when, in seconds since 1970.
        files: how many files it holds.
        chunks: how many chunks.
    """

    name: str
    whole: bool
    schema: int
    identity: str
    dimensions: int
    commit: str
    made: float
    files: int
    chunks: int


ROWS = pa.schema(
    [
        ("name", pa.string()),
        ("whole", pa.bool_()),
        ("schema", pa.int32()),
        ("identity", pa.string()),
        ("dimensions", pa.int32()),
        ("commit", pa.string()),
        ("made", pa.float64()),
        ("files", pa.int64()),
        ("chunks", pa.int64()),
    ]
)


class Shared:
    """The builds under one address.

    Args:
        uri: such as `s3://bucket/prefix`, or a folder.
        settings: with the storage's options; credentials may as well come from the environment, as AWS_*.

    Raises:
        ConfigError: an option has no name.
        RepositoryIndexError: raised by every method where the storage cannot be reached, or refuses.
    """

    def __init__(self, uri: str, settings: IndexSettings) -> None:
        self.uri = uri.rstrip("/")
        self._options = {**HASTE, **options_of(settings)} if "://" in uri else None

    def newest(self) -> Build | None:
        """The build that readers are to use; None where there is none yet."""
        whole = [build for build in self.builds() if build.whole]
        return max(whole, key=lambda build: build.made, default=None)

    def builds(self) -> list[Build]:
        """All builds that are known."""
        with self._told():
            table = self._announced()
            return [] if table is None else [Build(**row) for row in table.to_arrow().to_pylist()]

    def rows(self, build: Build, name: str, columns: Sequence[str], where: str = "") -> Iterator[pa.RecordBatch]:
        """Rows of a build's table, a few at a time.

        Args:
            build: one that is whole.
            name: of the table.
            columns: which of its columns.
            where: a filter; empty: all rows.
        """
        with self._told():
            query = self._connect(build.name).open_table(name).search().select(list(columns)).limit(None)
            yield from (query.where(where) if where else query).to_batches(ROWS_AT_ONCE)

    def publish(self, root: Path, directory: Path, done: Callable[[int], object] = lambda rows: None) -> Build:
        """Put a folder's index there, and have readers use it from then on.

        Args:
            root: the folder.
            directory: where its index is; nobody writes to it meanwhile.
            done: called with the rows that are there, now and then.

        Raises:
            RepositoryIndexError: there is no whole index, or the storage refuses.
        """
        made_of = generations.current(directory)
        if made_of is None:
            raise RepositoryIndexError(f"There is no index of {root} to publish.", "Run `tabby-lsp index` first.")
        store = Store(directory / made_of.key, made_of.dimensions, create=False)
        name = time.strftime("%Y%m%dT%H%M%SZ-", time.gmtime()) + secrets.token_hex(3)
        files, chunks = store.count(store.files), store.count(store.chunks)
        made = made_of.schema, made_of.identity, made_of.dimensions, commit_of(root), time.time()
        build = Build(name, False, *made, files, chunks)
        with self._told():
            announced = self._announced()
            row = pa.Table.from_pylist([asdict(build)], ROWS)
            if announced is None:
                announced = self._connect("").create_table(BUILDS, row, exist_ok=True)
                if not announced.count_rows(f"name = '{name}'"):  # somebody else was first
                    announced.add(row)
            else:
                announced.add(row)
            remote = self._connect(name)
            for table, source in zip(TABLES, (store.files, store.symbols, store.chunks), strict=True):
                rows = pa.RecordBatchReader.from_batches(source.schema, _rows(source, done))
                remote.create_table(table, rows, schema=source.schema)
            announced.checkout_latest()
            announced.update(f"name = '{name}'", {"whole": True})
            self._clean(announced)
        return replace(build, whole=True)

    def _clean(self, announced: Table) -> None:
        """Drop what is older than the builds that stay, and what was never finished."""
        announced.checkout_latest()
        known = sorted((Build(**row) for row in announced.to_arrow().to_pylist()), key=lambda build: build.made)
        whole = [build for build in known if build.whole]
        stale = [build for build in known if not build.whole and time.time() - build.made > ABANDONED_S]
        for build in (*whole[:-KEPT], *stale):
            announced.delete(among("name", [build.name]))  # first: what is not known is not read
            self._connect(build.name).drop_all_tables()
        announced.optimize(cleanup_older_than=timedelta(days=1))

    def _announced(self) -> Table | None:
        connection = self._connect("")
        return connection.open_table(BUILDS) if BUILDS in connection.list_tables().tables else None

    def _connect(self, below: str) -> DBConnection:
        uri = f"{self.uri}/{below}" if below else self.uri
        return lancedb.connect(uri, storage_options=self._options)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what LanceDB raises as an error with a remedy; it has no classes of its own to tell it by."""
        try:
            yield
        except RepositoryIndexError:
            raise
        except Exception as error:
            logger.debug("%s", self.uri, exc_info=True)
            why = str(error).splitlines()[0][:300] if str(error) else repr(error)
            remedy = "Check index.uri, index.storage_options and the AWS_* variables."
            raise RepositoryIndexError(f"The shared index at {self.uri} cannot be used: {why}.", remedy) from error


def _rows(table: Table, done: Callable[[int], object]) -> Iterator[pa.RecordBatch]:
    """All rows of a table, in batches of its own schema: what a query gives may have columns beside."""
    count = 0
    for batch in table.search().select(table.schema.names).limit(None).to_batches(ROWS_AT_ONCE):
        yield from pa.Table.from_batches([batch]).select(table.schema.names).cast(table.schema).to_batches()
        count += batch.num_rows
        done(count)


def options_of(settings: IndexSettings) -> dict[str, str]:
    """`name=value` texts as LanceDB takes them.

    Raises:
        ConfigError: one of them has no name or no value.
    """
    pairs = [option.partition("=") for option in settings.storage_options]
    for name, equals, _ in pairs:
        if not equals or not name.strip():
            raise ConfigError(f"index.storage_options: {name!r} is not name=value.", "Write it as region=eu-west-1.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def commit_of(root: Path) -> str:
    """What git has checked out; empty where there is none."""
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "rev-parse", "HEAD"]
    try:
        said: Any = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""
