"""What the one process does that may write: bring the tables to what is on the disk, file by file or all of them.

    walk → compare → read → embed → write → tidy

A `sync` and an `update` may run at once, on two threads: a saved file does not wait for the first build.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import RepositoryIndexError, TabbyError
from tabby_lsp.index.files.walk import look_at, walk
from tabby_lsp.index.reading.batches import Batch, read_batch, sliced
from tabby_lsp.index.reading.pool import read_all
from tabby_lsp.index.store.damage import Damaged, told
from tabby_lsp.index.store.tables import Tables, Target
from tabby_lsp.index.store.update import compare, embedded, grouped, remove, write
from tabby_lsp.index.store.vectors import Vectors
from tabby_lsp.index.types import Phase

logger = logging.getLogger(__name__)

LOOSE = 50
"""Changes after which the tables are tidied: each adds a fragment that full text scans without its index; measured,
40 of them cost a search 7 ms."""

Tell = Callable[[Phase, int], None]


class Writer:
    """Writes the tables of one folder.

    Args:
        root: the folder.
        settings: what is indexed.
        tables: its tables.
        vectors: the embedder.
        processes: how many read files when there are many; 0: this one.
    """

    def __init__(
        self,
        root: Path,
        settings: IndexSettings,
        tables: Tables,
        vectors: Vectors,
        processes: int,
    ) -> None:
        self._root = root
        self._settings = settings
        self._tables = tables
        self._vectors = vectors
        self._processes = processes
        self._syncing = threading.Lock()
        self._updating = threading.Lock()
        self._tidying: threading.Thread | None = None
        self._unclean = tables.directory / "unclean"
        """Is there while a process writes: one that died has left files behind that no table knows of."""
        self.left_out: Counter[str] = Counter()
        """Files that the last walk left out, by reason."""

    def sync(self, tell: Tell, stop: Callable[[], bool]) -> bool:
        """Bring the tables to what is on the disk.

        Args:
            tell: told the phase and how many files there will be.
            stop: asked often.

        Returns:
            Whether it came to its end.

        Raises:
            Damaged: the tables cannot be read; the next call makes new ones.
            RepositoryIndexError: they cannot be written, or there are no vectors for an index that has some.
        """
        with self._syncing:
            answering = self._tables.answering
            target = self._tables.begin(self._vectors.wanted(answering and answering.generation))
            try:
                return self._synced(target, tell, stop)
            except Damaged:
                self._tables.damaged = True
                raise

    def _synced(self, target: Target, tell: Tell, stop: Callable[[], bool]) -> bool:
        self._mend(target)
        target.overtaken.clear()
        tell(Phase.WALKING, 0)
        walked = walk(self._root, self._settings, stop)
        if stop():
            return False
        if not self._root.is_dir():  # a disk that is not mounted is no reason to forget what was on it
            raise RepositoryIndexError(f"{self._root} is not there.", "What is known of it is kept.")
        self.left_out = walked.left_out
        changed, gone = compare(walked.files, dict(target.known))
        with target.lock:
            remove(target, [path for path in gone if path not in target.overtaken])
        self._tables.on_change()
        tell(Phase.INDEXING, len(walked.files))
        hashes = {path: row.hash for path, row in list(target.known.items())}
        # closed at once: who keeps a fault that ends this would keep the processes that read
        with closing(read_all(str(self._root), changed, hashes, self._processes, stop)) as read:
            for _ in self._written(target, grouped(read)):
                tell(Phase.INDEXING, len(walked.files))
        if stop():
            return False
        if target.loose > LOOSE or len(changed) > LOOSE:
            tell(Phase.TIDYING, len(walked.files))
            self._tidy(target)
        self._tables.finish(target)
        return True

    def _written(self, target: Target, batches: Iterable[Batch]) -> Iterator[None]:
        """Embed batches and write them, one at a time and in their order; while one is written the next is made."""

        def put(batch: Batch) -> None:
            write(target, batch, late=True)
            self._tables.on_change()

        with ThreadPoolExecutor(1, "tabby-index-write") as writing:
            under_way: Future[None] | None = None
            for batch in batches:
                ready = embedded(batch, target.generation, self._vectors)
                if under_way is not None:
                    yield under_way.result()
                under_way = writing.submit(put, ready)
            if under_way is not None:
                yield under_way.result()

    def _mend(self, target: Target) -> None:
        if not target.repaired:
            with target.lock:
                if swept := target.store.repair():
                    logger.info("%d files of %s were half written and are read again", swept, self._root)
                if self._unclean.exists():
                    target.store.tidy(alone=True)
                with told(self._tables.directory):
                    self._unclean.touch()
                target.known = target.store.known()
                target.repaired = True

    def update(self, paths: set[str]) -> bool:
        """Bring some files' rows to what is on the disk.

        Args:
            paths: relative to the folder, with slashes.

        Returns:
            False where only `sync` can do that: there are no tables yet, or a path is a folder.

        Raises:
            Damaged: the tables cannot be read.
            RepositoryIndexError: they cannot be written.
        """
        target = self._tables.written
        if target is None or self._tables.damaged or not target.repaired:
            return False
        if any((self._root / path).is_dir() for path in paths):
            return False
        with self._updating:
            try:
                self._updated(target, paths)
            except Damaged:
                self._tables.mourn(target)
                raise
        self._tables.on_change()
        if target.loose > LOOSE and (self._tidying is None or not self._tidying.is_alive()):
            self._tidying = threading.Thread(target=self._tidy, args=(target,), name="tidy", daemon=True)
            self._tidying.start()
        return True

    def _updated(self, target: Target, paths: set[str]) -> None:
        found = {one.path: one for one in look_at(self._root, sorted(paths), self._settings)}
        missing = paths - found.keys()
        below = tuple(f"{path}/" for path in missing)
        with target.lock:
            target.overtaken.update(paths)  # before they are read: what a sync has read of them by now is older
            gone = [path for path in target.known if path in missing or path.startswith(below)]
            target.overtaken.update(gone, missing)
            remove(target, gone)
        for some in sliced(found.values()):
            hashes = {one.path: target.known[one.path].hash for one in some if one.path in target.known}
            batch = read_batch(str(self._root), some, hashes)
            write(target, embedded(batch, target.generation, self._vectors), late=False)

    def _tidy(self, target: Target) -> None:
        target.loose = 0
        try:
            target.store.tidy()
        except Damaged as error:
            logger.warning("%s", error)
            self._tables.mourn(target)
        except TabbyError as error:  # a full disk, above all; what was written is whole
            logger.warning("the tables of %s were not tidied: %s", self._root, error)

    def close(self) -> None:
        """Wait for what is under way in the background, and note that nothing was left half done."""
        if self._tidying is not None:
            self._tidying.join()
        target = self._tables.written
        if target is not None and target.repaired and not target.store.litter:
            self._unclean.unlink(missing_ok=True)
