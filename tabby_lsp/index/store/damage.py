"""What LanceDB raises, told apart: a full disk, a file that is not as it was written, and two writers at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tabby_lsp.errors import IndexUnavailable, NoSpace, RepositoryIndexError

FULL = ("no space left", "disk quota exceeded", "os error 28", "os error 122")
REFUSED = (
    "permission denied",
    "read-only file system",
    "too many open files",
    "os error 13",
    "os error 24",
    "os error 30",
)
CONFLICT = ("commit conflict", "conflicting", "retryable")

PANIC = "PanicException"
"""What a panic in Rust arrives as: derived from BaseException, and of no module that can be imported."""


class Damaged(IndexUnavailable):
    """A table is not as it was written: it is built again by the next `sync` of the process that may write."""


class Conflict(RepositoryIndexError):
    """Two changes of a table crossed; the one that failed is tried again."""


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Tell what LanceDB and the file system raise inside the block as errors of our own.

    Args:
        folder: the index, for the message.

    Raises:
        NoSpace: the disk is full.
        RepositoryIndexError: the files may not be read or written.
        Conflict: another change came between.
        Damaged: everything else: LanceDB reads what it wrote, or its files are not what they were.
    """
    try:
        yield
    except RepositoryIndexError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != PANIC:
            raise
        said = str(error).lower()
        if any(part in said for part in FULL):
            raise NoSpace(
                f"The disk that holds {folder} is full.",
                "Free some space, or set `index.directory` to a folder on another disk.",
            ) from error
        if any(part in said for part in REFUSED):
            raise RepositoryIndexError(
                f"The index in {folder} cannot be used ({error}).",
                "Make it readable and writable, or set `index.directory` to another folder.",
            ) from error
        if any(part in said for part in CONFLICT):
            raise Conflict(f"Two changes of the index in {folder} crossed.", "It is tried again.") from error
        raise Damaged(f"The index in {folder} is damaged ({error}).", "It is built again.") from error
