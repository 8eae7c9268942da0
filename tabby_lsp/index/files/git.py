"""What git says of a folder: which files are the repository's, and which paths it ignores.

A repository is untrusted: its configuration may name programs, so those that a listing would start are switched off,
nothing is fetched, and no lock is taken. Where git is missing, refuses or hangs, the answer is None and the caller does
without (`ignore.py`).
"""

from __future__ import annotations

import logging
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

logger = logging.getLogger(__name__)

TIMEOUT_S = 60.0
"""Seconds after which git hangs, not works: it lists 58,000 files in 0.5 s, and in some seconds from a cold disk."""

LOOK_S = 0.05
"""Seconds between two looks at whether somebody wants to stop."""

SAFE = ("--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false")
"""`core.fsmonitor` names a program that a listing would start."""

ENVIRONMENT = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
DROPPED = frozenset({
    "GIT_COMMON_DIR", "GIT_DIR", "GIT_GLOB_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_INDEX_FILE", "GIT_LITERAL_PATHSPECS",
    "GIT_NAMESPACE", "GIT_NOGLOB_PATHSPECS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_TRACE", "GIT_WORK_TREE",
})  # fmt: skip
"""An editor that a hook has started inherits these: they speak of another repository."""

NOT_IGNORED = 1
"""What `check-ignore` ends with where none of its paths is ignored."""


def never() -> bool:
    """Nobody wants to stop."""
    return False


def _run(
    folder: Path, arguments: Iterable[str], given: bytes = b"", stop: Callable[[], bool] = never
) -> tuple[int, bytes]:
    """Run git in a folder; (-1, b"") where it cannot be started, hangs, or is to stop."""
    environment = {name: value for name, value in os.environ.items() if name not in DROPPED} | ENVIRONMENT
    try:
        process = subprocess.Popen(
            ["git", *SAFE, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        logger.debug("git cannot be used in %s: %s", folder, error)
        return -1, b""
    deadline = time.monotonic() + TIMEOUT_S
    with process:
        to_give: bytes | None = given
        while True:
            try:
                out, complaint = process.communicate(to_give, timeout=LOOK_S)
                break
            except subprocess.TimeoutExpired:
                to_give = None  # it is being given already
                if stop() or time.monotonic() > deadline:
                    process.kill()
                    if not stop():
                        logger.warning("git did not answer within %.0f s in %s", TIMEOUT_S, folder)
                    process.communicate()
                    return -1, b""
    if process.returncode not in (0, NOT_IGNORED):
        logger.debug("git in %s: %s", folder, complaint.decode(errors="replace").strip())
    return process.returncode, out


def files(folder: Path, stop: Callable[[], bool] = never) -> list[str] | None:
    """Tracked files, and untracked ones that no rule ignores.

    Args:
        folder: a work tree or a folder inside one.
        stop: asked some times a second.

    Returns:
        Paths relative to the folder, each once. One that ends with a slash is another repository inside; a tracked one
        may be such a folder as well (a submodule), may be a link, and need not be there any more. None: git cannot
        tell, or the folder is one that the repository around it ignores.
    """
    if not os.path.lexists(folder / ".git") and ignored(folder, ["."], stop) != set():
        return None
    code, out = _run(folder, ("ls-files", "-co", "--exclude-standard", "-z"), stop=stop)
    return list(dict.fromkeys(os.fsdecode(path) for path in out.split(b"\0") if path)) if code == 0 else None


def ignored(folder: Path, paths: Iterable[str], stop: Callable[[], bool] = never) -> set[str] | None:
    """Which of some paths git's rules ignore; tracked files, and folders that hold one, never are.

    The rules are asked without the index and the exceptions are looked up after: with it, git compares each path with
    each tracked file, and 8,000 paths against 58,000 files took more than a minute.

    Args:
        folder: a work tree or a folder inside one.
        paths: relative to it, of one repository, none of them beyond a link; they need not be there.
        stop: asked some times a second.

    Returns:
        The ignored ones; None where git cannot tell.
    """
    given = b"\0".join(b"./" + os.fsencode(path) for path in paths)  # a name that begins with a colon would be magic
    code, out = _run(folder, ("check-ignore", "--no-index", "-z", "--stdin"), given, stop)
    if code not in (0, NOT_IGNORED):
        return None
    found = {os.fsdecode(path[2:]) for path in out.split(b"\0") if path}
    return found - _tracked_all_the_same(folder, stop) if found else found


def _tracked_all_the_same(folder: Path, stop: Callable[[], bool]) -> set[str]:
    """Tracked files that the rules ignore, and the folders that hold them."""
    code, out = _run(folder, ("ls-files", "-ci", "--exclude-standard", "-z"), stop=stop)
    tracked = {os.fsdecode(path) for path in out.split(b"\0") if path} if code == 0 else set()
    for path in list(tracked):
        while "/" in path:
            path = path.rpartition("/")[0]  # noqa: PLW2901
            tracked.add(path)
    return tracked | {"."} if tracked else tracked
