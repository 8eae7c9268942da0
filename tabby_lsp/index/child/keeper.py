"""One folder in the child process: its index, its watcher, and the one thread that writes to it.

    starting → walking → indexing → ready ⇄ (changes)
             ↘ reading: another process writes; taken over when that one ends
             ↘ failed: tried again after a while, and when something changes

Questions are answered on other threads while this one writes, and never wait for it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tabby_lsp.errors import IndexUnavailable, TabbyError
from tabby_lsp.index.child.messages import Configure
from tabby_lsp.index.opening import processes, take_over
from tabby_lsp.index.places import Places
from tabby_lsp.index.types import Phase, Status

if TYPE_CHECKING:
    from tabby_lsp.index.embedders import Embedder
    from tabby_lsp.index.folder import FolderIndex

logger = logging.getLogger(__name__)

Begin: TypeAlias = Callable[[Callable[..., Status]], Future[Status]]

SETTLE_S = 0.1
"""A change is waited for so long to be followed by others: an editor and a watcher both tell of each save."""
MANY = 1000
"""Changed files after which the whole folder is compared: that is quicker than looking at each, and the events of a
branch switch may not even be complete."""
FEW = 50
"""Changed files that are written while the whole folder is compared."""
WATCHING_S = 5.0
"""Seconds for a watch to begin before the folder is walked without it: on a slow disk, or where nothing can watch."""
RECHECK_S = 1800.0
"""The whole folder is compared this often, for changes that nobody told of."""
POLL_S = 2.0
"""How often a reader looks for what the writer has written, and whether there still is one."""
AGAIN_S = (5.0, 30.0, 120.0, 600.0)
"""Seconds after which a folder that failed is tried again, by the number of failures in a row."""
NICENESS = 10
"""Of the thread that indexes: typing goes first. Questions are answered at the process's own priority."""


class Keeper:
    """Keeps one folder indexed, from `start` to `stop`.

    Args:
        root: the folder.
        order: how it is indexed.
        embedder: opens what makes vectors; may raise RepositoryIndexError.
        tell: called on this keeper's thread with how far the index is.
        after: the keeper that had the folder before; this one begins when that one has ended.
    """

    def __init__(
        self,
        root: Path,
        order: Configure,
        embedder: Callable[[], Embedder],
        tell: Callable[[Status], None],
        after: Keeper | None = None,
    ) -> None:
        self.root = root
        self._order = order
        self._embedder = embedder
        self._tell = tell
        self._after = after
        self._index: FolderIndex | None = None
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._everything = True
        self._failures = 0
        self._note = ""  # why the shared index is not used
        self._news = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"keeper-{root.name}", daemon=True)

    def start(self) -> None:
        """Begin, on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; does not wait."""
        self._stopped.set()
        self._news.set()

    def changed(self, paths: Iterable[str] | None) -> None:
        """Files were created, saved or deleted; None: anything may have been."""
        with self._lock:
            if paths is None:
                self._everything = True
            else:
                self._changed.update(paths)
                if len(self._changed) > MANY:
                    self._everything = True
                    self._changed.clear()
        self._news.set()

    @property
    def index(self) -> FolderIndex:
        """What answers questions.

        Raises:
            IndexUnavailable: it is not open yet, or could not be opened.
        """
        if self._index is None:
            raise IndexUnavailable(f"The index of {self.root} is not open yet.")
        return self._index

    # ---- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        if self._after is not None:
            self._after._thread.join()
            self._after = None
        lower_priority()
        while not self._stopped.is_set():
            try:
                with Places.of(self._order.settings).hold(self.root) as directory:
                    self._keep(directory)
            except TabbyError as error:
                self._fail(str(error))
            except Exception as error:  # a folder's fault must not end the others' indexes
                logger.exception("the index of %s failed", self.root)
                self._fail(f"The index of {self.root} failed: {error!r}. The log says more.")

    def _fail(self, message: str) -> None:
        if self._stopped.is_set():
            return
        logger.warning("%s", message)
        self._tell(Status(Phase.FAILED, message=message))
        pause = AGAIN_S[min(self._failures, len(AGAIN_S) - 1)]
        self._failures += 1
        self._everything = True
        self._news.clear()
        if not self._stopped.wait(AGAIN_S[0]):
            self._news.wait(pause - AGAIN_S[0])

    def _keep(self, directory: Path) -> None:
        """Hold the folder's index open until somebody stops it, or it fails."""
        from tabby_lsp.index.folder import FolderIndex

        settings, offline = self._order.settings, self._order.offline
        self._note = take_over(self.root, directory, settings, self._embedder, self._tell, offline=offline)
        if self._note:
            logger.warning("%s", self._note)
        leaving = threading.Event()
        index = FolderIndex(
            self.root, directory, settings, self._embedder, processes=processes(), on_damage=lambda: self.changed(None)
        )
        self._index = index
        try:
            if self._order.watch and settings.watch:
                watching = threading.Event()
                threading.Thread(target=self._watch, args=(leaving, watching), name="watch", daemon=True).start()
                watching.wait(WATCHING_S)  # what changes from then on is told, what changed before is walked
            with ThreadPoolExecutor(1, "sync") as pool:
                try:
                    self._follow(index, lambda work: pool.submit(work, self._tell, leaving.is_set), leaving)
                finally:
                    leaving.set()
        finally:
            self._index = None
            index.close()

    def _follow(self, index: FolderIndex, begin: Begin, leaving: threading.Event) -> None:
        """Write what changes while this process is the one that writes; else read what the other one has written."""
        syncing: Future[Status] | None = None
        told: Status | None = None
        while True:
            self._news.clear()
            if self._stopped.is_set():
                break
            writes = False
            try:
                writes = index.try_write()
                if not writes:
                    index.refresh()
                    told = self._say(index.status(), told)
                elif syncing is not None and not syncing.done():
                    self._update(index, during_sync=True)
                elif syncing is not None:
                    ended, syncing = syncing, None
                    told = self._say(ended.result(), told)
                    Places.of(self._order.settings).enforce(self._order.settings.disk_mb)
                    self._failures = 0
                    continue
                elif self._take_everything():
                    syncing = begin(index.sync)
                    syncing.add_done_callback(lambda _: self._news.set())
                else:
                    told = self._say(self._update(index) or told or index.status(), told)
            except TabbyError as error:  # what is there goes on answering
                told = None
                self._fail(str(error))
                continue
            if not self._news.wait(RECHECK_S if writes else POLL_S) and writes:
                self._everything = True
            self._stopped.wait(SETTLE_S)
        leaving.set()

    def _take_everything(self) -> bool:
        """Whether the whole folder is to be compared; what was named is compared with it."""
        with self._lock:
            everything, self._everything = self._everything, False
            if everything:
                self._changed.clear()
        return everything

    def _update(self, index: FolderIndex, *, during_sync: bool = False) -> Status | None:
        """Write what was named; None where nothing was."""
        with self._lock:
            changed, self._changed = self._changed, set()
        if not changed:
            return None
        if (during_sync and len(changed) > FEW) or not index.try_update(changed):
            self.changed(None)  # a sync can do it, which is shown, and can be stopped
            return None
        return index.status()

    def _say(self, status: Status, told: Status | None) -> Status:
        if status != told:
            self._tell(replace(status, message=" ".join(filter(None, (status.message, self._note)))))
        return status

    def _watch(self, leaving: threading.Event, watching: threading.Event) -> None:
        from tabby_lsp.index.files.watch import watch

        try:
            settings = self._order.settings
            watch(self.root, settings, lambda paths: self.changed(paths or None), leaving, watching=watching.set)
        except Exception as error:  # noqa: BLE001  without a watcher the editor still tells of what it saves
            logger.warning("%s is not watched: %s", self.root, error)
        finally:
            watching.set()


def lower_priority() -> None:
    """Have this thread, and what it starts, go after everything else; elsewhere than on Linux the whole process."""
    thread = threading.get_native_id() if sys.platform == "linux" else 0
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, NICENESS)
