"""The index of one folder, in this process: the child process, or the command line.

    sync, update: one process, the one that has the lock        definitions, siblings, search: every process
        `writer`                                                    `lookup`, `siblings`, `search`

Questions may come from any thread at any time, also while `sync` runs.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tabby_lsp.config import IndexSettings
from tabby_lsp.engine.disk import locked
from tabby_lsp.errors import RepositoryIndexError, TabbyError
from tabby_lsp.index.lookup import definitions as lookup
from tabby_lsp.index.lookup import siblings
from tabby_lsp.index.lookup.resolving import kin_of
from tabby_lsp.index.search.hybrid import search
from tabby_lsp.index.store.damage import Damaged
from tabby_lsp.index.store.lance import disk_usage
from tabby_lsp.index.store.symbol_rows import SymbolRows
from tabby_lsp.index.store.tables import Tables
from tabby_lsp.index.store.vectors import Vectors
from tabby_lsp.index.store.writer import Writer
from tabby_lsp.index.types import Phase, Query, Snippet, Status, Wanted

if TYPE_CHECKING:
    from tabby_lsp.index.embedders import Embedder

logger = logging.getLogger(__name__)

MANY = 1_000
"""Changed files after which walking the whole folder is quicker than looking at each."""
DISK_S = 5.0
"""Seconds for which the size on the disk is remembered."""
REPORT_S = 0.2
"""Seconds between two reports of how far a `sync` is."""


def _nobody(_: Status) -> None:
    pass


def _never() -> bool:
    return False


class _HeldByAnother(Exception):
    pass


def _give_up(_: str) -> NoReturn:
    raise _HeldByAnother


class FolderIndex:
    """The index of one folder.

    Args:
        root: the folder.
        directory: where its tables are; made where it is missing.
        settings: what is indexed.
        embedder: opens what makes vectors, when it is needed. Where it raises RepositoryIndexError, a new index has no
            vectors, and is searched by words and symbols; the first `sync` that gets an embedder adds them.
        processes: how many read files when there are many; 0: this one.
        on_damage: called, on the asking thread, when a question has found the tables damaged: `sync` builds new ones.
    """

    def __init__(
        self,
        root: Path,
        directory: Path,
        settings: IndexSettings,
        embedder: Callable[[], Embedder],
        *,
        processes: int = 0,
        on_damage: Callable[[], None] = lambda: None,
    ) -> None:
        self.root = root
        self.directory = directory
        self._vectors = Vectors(embedder)
        self._held = ExitStack()
        self._writes = False
        self._turn = threading.Lock()
        self._status = Status(Phase.STARTING)
        self._disk = (float("-inf"), 0)
        directory.mkdir(parents=True, exist_ok=True)
        self._tables = Tables(directory, on_damage)
        self.symbols = SymbolRows(root, self._tables)
        self._writer = Writer(root, settings, self._tables, self._vectors, processes)
        self._tables.open()

    # ---- writing

    def try_write(self) -> bool:
        """Become the one process that writes, or go on being it.

        Returns:
            Whether this process may `sync` and `update`. If another one may, this one reads, and asks again later.
        """
        with self._turn:
            if not self._writes:
                try:
                    self._held.enter_context(locked(self.directory / "writer.lock", waiting=_give_up))
                except _HeldByAnother:
                    return False
                self._writes = True
                self._tables.damaged = False  # seen while another one wrote, perhaps; where it is so it is seen again
                self._tables.refresh()
            return True

    def refresh(self) -> None:
        """Read the newest version from now on; only where another process writes is there one."""
        if not self._writes:
            self._tables.refresh()

    def sync(self, report: Callable[[Status], None] = _nobody, stop: Callable[[], bool] = _never) -> Status:
        """Bring the index to what is on the disk, wherever it was. Where another process does that, read its newest.

        Args:
            report: told how far it is: each phase, and five times a second.
            stop: asked often; what has been written by then stays, and the next call goes on.

        Raises:
            RepositoryIndexError: the tables cannot be written, or vectors cannot be made that others are compared with.
        """
        if not self.try_write():
            self._tables.refresh()
            return self.status()
        last = float("-inf")

        def tell(phase: Phase, total: int) -> None:
            nonlocal last
            changed = self._status.phase is not phase
            self._status = replace(self._status, phase=phase, total=total or self._status.total, message="")
            if changed or time.monotonic() - last >= REPORT_S:
                last = time.monotonic()
                report(self.status())

        try:
            try:
                whole = self._writer.sync(tell, stop)
            except Damaged as error:
                logger.warning("%s", error)
                whole = self._writer.sync(tell, stop)
        except TabbyError as error:
            self._status = replace(self._status, phase=Phase.FAILED, message=str(error))
            raise
        if whole:
            self._disk = (float("-inf"), 0)
            self._status = replace(self._status, phase=Phase.READY, message=self._vectors.fault)
        return self.status()

    def update(self, paths: Iterable[str], report: Callable[[Status], None] = _nobody) -> Status:
        """Some files were saved, created or deleted: what they hold now is searchable when this returns.

        May be called while `sync` runs on another thread.

        Args:
            paths: relative to the folder, with slashes; files or folders. Ones that are not indexed do no harm.
            report: as in `sync`, which is what folders, or many files at once, come to.

        Raises:
            RepositoryIndexError: as in `sync`.
        """
        return self.status() if self.try_update(paths) else self.sync(report)

    def try_update(self, paths: Iterable[str]) -> bool:
        """The same where it is quick.

        Args:
            paths: as in `update`.

        Returns:
            False where only a `sync` can do it: folders, very many files, tables that are not there yet or damaged.

        Raises:
            RepositoryIndexError: as in `sync`.
        """
        named = {path.strip("/") for path in paths}
        try:
            return len(named) <= MANY and self.try_write() and self._writer.update(named)
        except Damaged as error:
            logger.warning("%s", error)
            return False

    # ---- questions

    def definitions(self, wanted: Wanted) -> tuple[Snippet, ...]:
        """Definitions of names, best first, as signatures.

        Raises:
            IndexUnavailable: nothing is indexed yet, or the tables are damaged.
        """
        return lookup.definitions(self.symbols, wanted)

    def names(self, start: str, language: str, limit: int = 256) -> tuple[str, ...]:
        """Names that begin so, of what files of a language or its kin define.

        Raises:
            IndexUnavailable: nothing is indexed yet, or the tables are damaged.
        """
        return tuple(self.symbols.beginning(start, kin_of(language), limit))

    def siblings(self, path: str, limit: int = 8) -> tuple[Snippet, ...]:
        """What stands in files of the same kind beside a file, best first, as signatures.

        Raises:
            IndexUnavailable: nothing is indexed yet, or the tables are damaged.
        """
        return siblings.siblings(self.symbols, path, limit)

    def search(self, query: Query) -> tuple[Snippet, ...]:
        """Chunks by words and vectors, best first.

        Raises:
            IndexUnavailable: nothing is indexed yet, or the tables are damaged.
            RepositoryIndexError: the question cannot be asked so.
        """
        answering = self._tables.answering
        vector = self._vectors.question(query.text, answering.generation) if answering is not None else None
        return self._tables.ask(lambda store: search(store, query, vector))

    # ---- how it is

    def status(self) -> Status:
        """How far it is."""
        target = self._tables.written
        status = self._status if self._writes else replace(self._status, phase=Phase.READING)
        if target is None:
            return status
        rows = list(target.known.values())
        left_out = self._writer.left_out + Counter(row.reason for row in rows if row.reason)
        try:
            chunks, symbols = target.store.count(target.store.chunks), target.store.count(target.store.symbols)
        except RepositoryIndexError:
            chunks, symbols = status.chunks, status.symbols
        self._status = replace(
            status,
            files=sum(not row.reason for row in rows),
            chunks=chunks,
            symbols=symbols,
            left_out=dict(left_out),
            disk=self._measured(),
        )
        return self._status

    def _measured(self) -> int:
        when, size = self._disk
        if time.monotonic() - when > DISK_S:
            size = disk_usage(self.directory)
            self._disk = (time.monotonic(), size)
        return size

    def close(self) -> None:
        """Let go of the tables, and of the right to write."""
        self._writer.close()
        with self._turn:
            self._tables.close()
            self._writes = False
            self._held.close()
