"""What the file system may refuse, told as our own errors; locks between processes; writes that are whole or not there.

Every room that writes model files goes through here, so that a full disk or a read-only folder reads the same
everywhere. Nothing about models or networks enters.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tabby_lsp.errors import NoSpace, NotWritable

RESERVE_BYTES = 64 * 1024 * 1024
"""Left free on the disk beside the file itself, so that a pull is not what stops the user's other programs."""

LOCK_POLL_S = 0.2
"""How often a waiting process asks for the lock again, in seconds; flock has no wait that can be cancelled."""

ELSEWHERE = "set TABBY_LSP_MODELS (or `model.directory` in the settings) to another folder"

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
REFUSED = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENOENT, errno.ELOOP}
)


@contextmanager
def disk_faults(folder: Path) -> Iterator[None]:
    """Tell the operating system's refusals inside the block as errors with a remedy.

    Args:
        folder: where the block writes; named in the message.

    Raises:
        NoSpace: the disk or the quota is full, or the file is too large for the file system.
        NotWritable: the folder cannot be created or written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NoSpace(
                f"The disk that holds {folder} is full ({error.strerror}).",
                f"Free some space, or {ELSEWHERE}; what has arrived so far is kept and continued.",
            ) from error
        if error.errno in REFUSED:
            raise NotWritable(
                f"The models folder {folder} cannot be written ({error.strerror}).",
                f"Make it writable, or {ELSEWHERE}.",
            ) from error
        raise


def require_space(folder: Path, needed: int) -> None:
    """Check that a disk has room, before anything is written.

    Args:
        folder: an existing folder on the disk.
        needed: bytes that are about to be written.

    Raises:
        NoSpace: fewer bytes are free than that and `RESERVE_BYTES`.
    """
    free = shutil.disk_usage(folder).free
    if needed > 0 and free < needed + RESERVE_BYTES:
        raise NoSpace(
            f"{format_size(needed)} are needed in {folder}, and {format_size(free)} are free "
            f"({format_size(RESERVE_BYTES)} of them are left to others).",
            f"Free some space, or {ELSEWHERE}.",
        )


def is_there(path: Path) -> bool:
    """Whether something is there; False as well where one may not look, for which `Path.exists` raises."""
    return os.path.exists(path)  # noqa: PTH110


def is_folder(path: Path) -> bool:
    """Whether a folder is there; False as well where one may not look, for which `Path.is_dir` raises."""
    return os.path.isdir(path)  # noqa: PTH112


def write_whole(path: Path, text: str) -> None:
    """Replace a small file so that a reader sees the old content or the new, never a half.

    Args:
        path: the file; its folder exists, and its writers hold a lock.
        text: the new content.

    Raises:
        OSError: the folder cannot be written.
    """
    name = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with name.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        name.replace(path)
    except BaseException:
        with suppress(OSError):
            name.unlink()
        raise


@contextmanager
def locked(path: Path, *, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a lock that other processes respect while the block runs.

    The kernel releases an flock when its owner dies, however it dies, so a lock cannot be left behind; the file
    stays, since deleting it would let two processes hold locks on two files of one name.

    Args:
        path: the lock's file; its folder exists. The owner's process id is written into it, for people.
        waiting: called with the owner's process id ("" where unknown) each time the lock is still held; may raise
            to stop waiting. None: wait for as long as it takes.

    Raises:
        NotWritable: the folder cannot be written, or its file system has no locks.
    """
    import fcntl

    with disk_faults(path.parent):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if waiting is not None:
                    waiting(os.pread(handle, 32, 0).decode("ascii", "replace").strip())
                time.sleep(LOCK_POLL_S)
            except OSError as error:
                raise NotWritable(
                    f"{path} cannot be locked ({error.strerror}): its file system has no locks between processes.",
                    f"To have one that does, {ELSEWHERE}.",
                ) from error
        with disk_faults(path.parent):
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Whether a living process holds a lock.

    Args:
        path: the lock's file, which need not exist.
    """
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def format_size(size: int) -> str:
    """Give bytes as people read them, in powers of 1,000 as disks and downloads are sold: `491 MB`."""
    for unit, scale in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}" if size < 10 * scale else f"{size / scale:.0f} {unit}"
    return f"{size} bytes"


def file_sizes(path: Path) -> list[int]:
    """Tell how large a file is, or each file below a folder, where other processes may add and remove some meanwhile.

    Args:
        path: a file or a folder; what is not there has no sizes.

    Returns:
        Sizes in bytes, in no order. Links are not followed.
    """
    # a folder that goes while it is read ends an `rglob` with an error; `os.walk` leaves it out
    files = [Path(place, name) for place, _, names in os.walk(path) for name in names] if path.is_dir() else [path]
    sizes: list[int] = []
    for file in files:
        with suppress(OSError):
            sizes.append(file.lstat().st_size)
    return sizes
