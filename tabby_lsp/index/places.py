"""Which folder of the user's cache holds the index of which folder, who uses it, and how much disk all take.

    <cache>/index/<name>-<8 digits of a hash of the real path>/
        folder.json   the folder that is indexed
        used          when it was last opened: its modification time
        .held         every process that has it open holds a shared lock on this file
        …             what `FolderIndex` keeps

An index that a living process holds is never removed. Nothing of LanceDB enters here.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tabby_lsp.config import IndexSettings
from tabby_lsp.engine.disk import format_size, write_whole
from tabby_lsp.errors import RepositoryIndexError

logger = logging.getLogger(__name__)

FOLDER, USED, HELD = "folder.json", "used", ".held"
DOOMED = ".removing-"
"""What is being deleted is renamed first, so that a half-deleted index is nobody's index."""
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """The index of one folder on the disk.

    Attributes:
        directory: where it is.
        root: the folder that is indexed.
        used: when it was last opened, in seconds since 1970.
        size: bytes.
        held: whether a living process has it open.
    """

    directory: Path
    root: Path
    used: float
    size: int
    held: bool

    @property
    def orphaned(self) -> bool:
        """Whether the folder that was indexed is gone."""
        return not os.path.isdir(self.root)  # noqa: PTH112  `Path.is_dir` raises where one may not look


class Places:
    """All indexes of this user.

    Args:
        directory: where they are kept; it need not exist.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def of(cls, settings: IndexSettings) -> Places:
        """The folder that the settings name, else one in the user's cache."""
        if settings.directory:
            return cls(Path(settings.directory).expanduser().absolute())
        from platformdirs import user_cache_path

        return cls(user_cache_path("tabby-lsp", appauthor=False) / "index")

    @property
    def embedders(self) -> Path:
        """Where what embedders compute once for each model is kept."""
        return self.directory / ".embedders"

    def path(self, root: Path) -> Path:
        """The place of a folder's index, whether or not there is one; the same for every way to the folder."""
        real = os.path.realpath(root)
        digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:8]
        name = re.sub(r"[^\w.-]+", "_", Path(real).name, flags=re.ASCII).strip(".")[:40] or "root"
        return self.directory / f"{name}-{digest}"

    @contextmanager
    def hold(self, root: Path) -> Iterator[Path]:
        """Make the place of a folder's index and keep it from being removed while the block runs.

        Raises:
            RepositoryIndexError: it cannot be written.
        """
        path = self.path(root)
        try:
            handle = _take(path)
            try:
                # several may write this at a time, each the same
                write_whole(path / FOLDER, json.dumps({"root": os.path.realpath(root)}))
                (path / USED).touch()
            except BaseException:
                os.close(handle)
                raise
        except OSError as error:
            remedy = "Make it writable, or name another folder (index.directory)."
            raise RepositoryIndexError(f"{path} cannot be written ({error.strerror}).", remedy) from error
        try:
            yield path
        finally:
            os.close(handle)

    def all(self) -> list[Place]:
        """Every index, the one that was used last first."""
        found = [place for entry in _entries(self.directory) if (place := _look(entry)) is not None]
        return sorted(found, key=lambda place: place.used, reverse=True)

    def remove(self, root: Path) -> int:
        """Delete a folder's index.

        Returns:
            Bytes that are free again; 0 where there was none.

        Raises:
            RepositoryIndexError: a living process has it open, or it cannot be deleted.
        """
        path = self.path(root)
        place = _look(path) if path.is_dir() else None
        if place is None:
            return 0
        if not _discard(path):
            raise RepositoryIndexError(f"The index of {root} is in use.", "Close the editors that have it open.")
        return place.size

    def enforce(self, disk_mb: int) -> list[Place]:
        """Keep all indexes together within a bound.

        Those whose folder is gone go first, then the one that was used longest ago; never one that is in use.

        Args:
            disk_mb: MiB for all of them.

        Returns:
            What was removed.
        """
        for entry in _entries(self.directory, DOOMED):  # a deletion that was broken off
            shutil.rmtree(entry, ignore_errors=True)
        places = self.all()
        total, removed = sum(place.size for place in places), []
        for place in sorted(places, key=lambda place: (not place.orphaned, place.used)):
            if total <= disk_mb * MIB:
                break
            if not place.held and _discard(place.directory):
                logger.info("the index of %s is removed: %s are free again", place.root, format_size(place.size))
                total -= place.size
                removed.append(place)
        return removed


def _entries(directory: Path, start: str = "") -> list[Path]:
    """The folders in it whose names begin so; hidden ones only where that is asked for."""
    with suppress(OSError), os.scandir(directory) as entries:
        return [
            Path(entry.path)
            for entry in entries
            if entry.name.startswith(start or "") and (start or not entry.name.startswith("."))
            if entry.is_dir(follow_symlinks=False)
        ]
    return []


def _look(path: Path) -> Place | None:
    """What is there; None where it is no index of ours, so that nothing else is ever deleted."""
    try:
        root = Path(json.loads((path / FOLDER).read_text(encoding="utf-8"))["root"])
        used = (path / USED).stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Place(path, root, used, weigh(path), _is_held(path))


def weigh(path: Path) -> int:
    """Bytes on the disk of all files in a folder; files that vanish meanwhile count nothing."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512  # noqa: PTH118  twice as fast
    return total


def _take(path: Path) -> int:
    """A shared lock on a place; its folder is made where it is missing."""
    import fcntl

    while True:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(path / HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # removed in between
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
            if os.path.samestat(os.fstat(handle), os.stat(path / HELD)):  # noqa: PTH116
                return handle
        except FileNotFoundError:
            pass  # removed before the lock was ours: what it locks is nobody's any more
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _is_held(path: Path) -> bool:
    import fcntl

    try:
        handle = os.open(path / HELD, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _discard(path: Path) -> bool:
    """Delete a place, unless somebody holds it; whoever comes meanwhile makes a new one."""
    import fcntl

    try:
        handle = os.open(path / HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        doomed = path.with_name(f"{DOOMED}{os.getpid()}-{path.name}")
        path.rename(doomed)
        shutil.rmtree(doomed)
    except OSError as error:
        logger.info("%s is not removed: %s", path, error)
        return False
    finally:
        os.close(handle)
    return True
