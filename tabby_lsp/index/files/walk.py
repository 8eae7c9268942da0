"""The files of a folder that are worth indexing, by their names and sizes; what is in them is for who reads them."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tabby_lsp.config import IndexSettings
from tabby_lsp.index.files.git import never
from tabby_lsp.index.files.kinds import language_of_name, language_of_script
from tabby_lsp.index.files.left_out import Reason, by_name, by_size
from tabby_lsp.index.files.listing import DEEPEST, Listing

FIRST_LINE_BYTES = 128
"""Where a script names its interpreter."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file.

    Attributes:
        path: relative to the folder, with slashes; it can be encoded as UTF-8.
        size: in bytes.
        mtime_ns: when it was last written, in nanoseconds.
        language: the protocol's id.
    """

    path: str
    size: int
    mtime_ns: int
    language: str


@dataclass(frozen=True, slots=True)
class Walked:
    """What is in a folder.

    Attributes:
        files: to be read, in the order of their paths.
        left_out: how many were left out, by `Reason`; a folder that is left out as a whole counts once.
    """

    files: list[Found]
    left_out: Counter[str]


def walk(root: Path, settings: IndexSettings, stop: Callable[[], bool] = never) -> Walked:
    """Find the files of a folder.

    Args:
        root: the folder; one that is not there has no files.
        settings: what is too large, and too many.
        stop: asked some times a second. What was found by then comes back, and who asked to stop must not take it for
            the whole.

    Returns:
        The files and what was left out. Files that vanish meanwhile are in neither.
    """
    listing = Listing(root, settings.max_files, stop)
    files: list[Found] = []
    sources = [listing.files()]
    while sources:
        for number, path in enumerate(sources.pop()):
            if number % 1024 == 0 and stop():
                break
            found = _judged(root, path, settings, listing)
            if isinstance(found, Found):
                files.append(found)
            elif found is Reason.SPECIAL and os.path.isdir(os.path.join(root, path)):  # noqa: PTH112, PTH118
                sources.append(listing.repository(path))  # a submodule that is called like a file: `chart.js`
            elif found is not None:
                listing.left_out[found.value] += 1
    files.sort(key=lambda found: found.path)
    if len(files) > settings.max_files:
        listing.left_out[Reason.MANY.value] += len(files) - settings.max_files
        files.sort(key=lambda found: found.path.count("/"))  # the nearest stay; sorting keeps the order of the rest
        files = sorted(files[: settings.max_files], key=lambda found: found.path)
    return Walked(files, listing.left_out)


def look(root: Path, path: str, settings: IndexSettings) -> Found | None:
    """One file, by the rules of `walk`; None where it is left out, or gone.

    Args:
        root: the folder.
        path: relative to it, with slashes.
        settings: what is too large.
    """
    return next(iter(look_at(root, [path], settings)), None)


def look_at(root: Path, paths: Iterable[str], settings: IndexSettings, stop: Callable[[], bool] = never) -> list[Found]:
    """Those of some files that `walk` would find; git is asked once for all of them.

    Args:
        root: the folder.
        paths: relative to it, with slashes.
        settings: what is too large.
        stop: asked some times a second.
    """
    listing = Listing(root, settings.max_files, stop)
    judged = (_judged(root, path, settings, listing) for path in listing.among(paths))
    return [found for found in judged if isinstance(found, Found)]


def _judged(root: Path, path: str, settings: IndexSettings, listing: Listing) -> Found | Reason | None:
    """A listed file, or why it is left out; None for one that is gone."""
    parent, _, name = path.rpartition("/")
    if path.count("/") > DEEPEST:
        return Reason.NAME
    if listing.tabby.file(path):
        return Reason.IGNORED
    reason = by_name(name)
    if reason is not None:
        return reason
    if not path.isascii() and not _is_text(path):
        return Reason.NAME
    if not listing.real(parent):
        return Reason.LINK
    full = os.path.join(root, path)  # noqa: PTH118 (`Path` costs more than the system call)
    try:
        status = os.lstat(full)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return Reason.LINK if stat.S_ISLNK(status.st_mode) else Reason.SPECIAL
    language = language_of_name(name) or (_script(full) if status.st_mode & 0o111 else "")
    if not language:
        return Reason.UNKNOWN
    return by_size(language, status.st_size, settings.max_file_kb) or Found(
        path, status.st_size, status.st_mtime_ns, language
    )


def _is_text(path: str) -> bool:
    """Whether a name is UTF-8, which is all that can be stored and sent."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _script(path: str) -> str:
    """The language of an executable file without an ending."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return language_of_script(file.read(FIRST_LINE_BYTES).partition(b"\n")[0])
    except OSError:
        return ""
