"""Changes of a folder as they happen, in batches, by the same rules as a walk.

The operating system's events are hints, not a record: a folder that is filled faster than it can be watched says
nothing of some of its files, one that is moved away nothing of any, and a queue may overflow. So what cannot be told
as paths is told as an empty set: walk again. Measured: of a tree of 99 that is copied in, 80 are told of; of the files
of a folder that is renamed, none.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import watchfiles

from tabby_lsp.config import IndexSettings
from tabby_lsp.index.files.ignore import GIT, TABBY
from tabby_lsp.index.files.left_out import Reason, by_name
from tabby_lsp.index.files.listing import NEVER, Listing

logger = logging.getLogger(__name__)

RECURSIVE = sys.platform != "linux"
"""Whether the system watches whole trees. Linux does not: there the library would walk all of it, ignored folders as
well, while it holds the interpreter (4 s for the 15,000 folders of /usr), and spend the user's watches on them."""

STEP_MS = 50
"""Milliseconds without an event that end a batch; a saved file is told of after one such step."""

BATCH_MS = 1_000
"""Milliseconds that a batch may last while events keep coming."""

QUIET_MS = 100
"""Milliseconds without an event after which it is looked whether the root is still the same."""

FLOOD = 8_192
"""Events in one batch beyond which some may be lost: Linux keeps 16,384 for who reads them."""

AGAIN_S = 2.0
"""Seconds between two calls to walk again: programs make folders in a row."""

POLL_S = 30.0
"""Seconds between two walks where the system cannot watch."""

ABSENT_S = 1.0
"""Seconds between two looks for a root that is gone."""

RULES = frozenset({GIT, TABBY, ".git"})
"""Names whose change may change what every other file is; a repository that comes or goes does, too."""

Changed = Callable[[set[str]], None]


def _nothing() -> None:
    """Nobody waits for the watch to begin."""


def watch(
    root: Path,
    settings: IndexSettings,
    changed: Changed,
    stop: threading.Event,
    watching: Callable[[], None] = _nothing,
) -> None:
    """Tell of changes until somebody stops it; blocks.

    Args:
        root: the folder; it may go and come back.
        settings: how many files are wanted; what a walk leaves out by name or by an ignore file is not told of.
        changed: called with relative paths of files that are new, changed or gone (`walk.look_at` tells which), or with
            an empty set: walk again. It is called on this thread; what happens meanwhile is in the next batch.
        stop: ends it within some `QUIET_MS`.
        watching: called once, as soon as nothing more is missed: a walk that begins then is complete.
    """
    root = root.absolute()
    begun = failed = False

    def begin() -> None:
        nonlocal begun
        if begun:
            changed(set())
        else:
            begun = True
            watching()

    watcher = _Watch(root, settings, changed, stop)
    while not stop.is_set():
        try:
            watcher.run(begin)
        except FileNotFoundError:
            stop.wait(QUIET_MS / 1000 if root.is_dir() else ABSENT_S)
        except (OSError, RuntimeError) as error:  # RuntimeError is what the library makes of too many watchers
            if not failed:
                logger.warning(
                    "%s cannot be watched (%s); it is walked every %.0f s instead. On Linux, "
                    "fs.inotify.max_user_watches and max_user_instances say how much can be.", root, error, POLL_S,
                )  # fmt: skip
                failed = True
            begin()
            stop.wait(POLL_S)


class _Watch:
    """The watch of one folder, taken up anew whenever its folders have changed."""

    def __init__(self, root: Path, settings: IndexSettings, changed: Changed, stop: threading.Event) -> None:
        self._root = root
        self._settings = settings
        self._changed = changed
        self._stop = stop
        self._prefix = ""
        self._folders: set[str] = set()
        self._again = False
        self._told_again = -AGAIN_S

    def run(self, begin: Callable[[], None]) -> None:
        """Watch until what is watched is not what should be.

        Args:
            begin: called as soon as nothing more is missed.

        Raises:
            FileNotFoundError: the root is gone, or a folder since it was listed.
            OSError: the system cannot watch so much.
            RuntimeError: it cannot watch at all.
        """
        if not self._root.is_dir():
            raise FileNotFoundError(self._root)
        self._prefix = f"{self._root.resolve()}/"  # macOS tells of real paths
        identity = _identity(self._root)
        self._folders = set(self._listing().folders())
        self._again = False
        begun = False
        for batch in watchfiles.watch(
            *self._watched(), recursive=RECURSIVE, watch_filter=None, step=STEP_MS, debounce=BATCH_MS,
            rust_timeout=QUIET_MS, yield_on_timeout=True, stop_event=self._stop, raise_interrupt=False,
            ignore_permission_denied=False,  # it would ignore every fault, such as too many watches
        ):  # fmt: skip
            if not begun:
                begin()
                begun = True
            if _identity(self._root) != identity:
                return
            self._tell(batch)
            if self._again and time.monotonic() >= self._told_again + AGAIN_S:
                self._told_again = time.monotonic()
                return

    def _watched(self) -> list[str]:
        """What the system is to watch; folders that may not be read cannot be."""
        if RECURSIVE:
            return [self._prefix]
        return [path for folder in self._folders if os.access(path := self._prefix + folder, os.R_OK)]

    def _listing(self) -> Listing:
        return Listing(self._root, self._settings.max_files, self._stop.is_set)

    def _tell(self, batch: set[watchfiles.main.FileChange]) -> None:
        """Pass on what a batch means for the index."""
        if len(batch) >= FLOOD:
            self._again = True
        names: set[str] = set()
        new_folders: set[str] = set()
        for change, full in batch:
            path = full.removeprefix(self._prefix)
            parent, _, name = path.rpartition("/")
            is_gone = change is watchfiles.Change.deleted
            if name in RULES or path.endswith(".git/info/exclude") or (is_gone and path in self._folders):
                self._again = True
            elif "/.git/" in f"/{parent}/":
                continue
            elif (reason := by_name(name)) in (None, Reason.UNKNOWN) and os.path.isdir(full):  # noqa: PTH112
                if change is watchfiles.Change.added and name not in NEVER:
                    new_folders.add(path)
            elif reason is None:
                names.add(path)
        if not names and not new_folders:
            return
        listing = self._listing()
        kept = set(listing.among(names | new_folders))
        self._again = self._again or not new_folders.isdisjoint(kept)
        told = {path for path in kept - new_folders if not listing.tabby.file(path)}
        if told:
            self._changed(told)


def _identity(root: Path) -> tuple[int, int] | None:
    """Which folder a path names now; None where there is none."""
    try:
        status = root.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
