"""Edits from the history of a git repository: the newest commits that changed code, a file at a time.

Git is asked for names and for blobs alone: no diff driver, filter or hook of the repository is run.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tabby_lsp.bench.edited import edits
from tabby_lsp.bench.types import Hunk
from tabby_lsp.errors import TabbyError
from tabby_lsp.syntax.languages import language, language_of

MOST_COMMITS = 2_000
"""Commits that are looked at."""
FILES_A_COMMIT = 2
"""Files of one commit that are taken, so that one rewrite is not the whole measurement."""
FEW_FILES = 2
"""Edited files below which whole new ones count too."""
LONGEST_NEW_FILE = 4_000
"""Characters of an added file that may be typed as a whole."""
MOST_FILES = 2_000
"""Files of a repository that are laid beside an edited one."""
SECONDS = 60.0
"""For one git command."""


@dataclass(frozen=True, slots=True)
class Edited:
    """A file in two states.

    Attributes:
        name: its path.
        source: where it is from.
        language: LSP language identifier.
        base: its text before; empty: there was no such file.
        hunks: its edits.
    """

    name: str
    source: str
    language: str
    base: str
    hunks: tuple[Hunk, ...]


def is_code(name: str) -> bool:
    """Whether a file is code of a language that is known, judged by its name."""
    return bool(language(language_of(name)).literals)


def edited(name: str, source: str, before: bytes, after: bytes) -> Edited | None:
    """A file's edits; None where nobody typed them or there is nothing to type."""
    base, new = edits.readable(before), edits.readable(after)
    if not is_code(name) or base is None or new is None:
        return None
    hunks = tuple(edits.hunks(base, new))
    return Edited(name, source, language_of(name), base, hunks) if any(map(edits.worth_typing, hunks)) else None


def from_repository(repository: Path, files: int) -> list[Edited]:
    """The newest edits of a repository.

    Args:
        repository: a folder of it.
        files: most files of one language.

    Returns:
        Each path at most once, newest first. Where there are few edits, whole new files count too.

    Raises:
        TabbyError: it is not a repository, git is missing, or nothing in it can be replayed.
    """
    seen: set[str] = set()
    found = list(_pick(repository, files, seen, added=False))
    if len(found) < FEW_FILES:
        found += _pick(repository, files, seen, added=True)
    if not found:
        raise TabbyError(f"{repository} has no commit that changes code.", "Name another one, or use --corpus.")
    return found


def files_of(repository: Path, commit: str) -> dict[str, bytes]:
    """The files of a repository before a commit that count as code, by path; none before the first one."""
    found: dict[str, bytes] = {}
    try:
        listed = _git(repository, "ls-tree", "-r", "-l", "-z", f"{commit}^1").decode("utf-8", "surrogateescape")
    except TabbyError:
        return found
    for entry in filter(None, listed.split("\0")):
        facts, _, path = entry.partition("\t")
        _, kind, blob, size = facts.split()  # a submodule's size is a dash, but it is no blob
        if kind == "blob" and is_code(path) and int(size) <= edits.LONGEST_FILE and len(found) < MOST_FILES:
            found[path] = _git(repository, "cat-file", "blob", blob)
    return found


def _pick(repository: Path, files: int, seen: set[str], *, added: bool) -> Iterator[Edited]:
    taken: Counter[str] = Counter()
    for commit, paths in _commits(repository, "A" if added else "M"):
        here = 0
        for path in paths:
            kind = language_of(path)
            if path in seen or here >= FILES_A_COMMIT or taken[kind] >= files or not is_code(path):
                continue
            before = b"" if added else _blob(repository, f"{commit}^1:{path}")
            file = edited(path, commit[:12], before, _blob(repository, f"{commit}:{path}"))
            if file is not None and (not added or len(file.hunks[0].typed) <= LONGEST_NEW_FILE):
                seen.add(path)
                taken[kind] += 1
                here += 1
                yield file


def _commits(repository: Path, kind: str) -> Iterator[tuple[str, list[str]]]:
    """Commits with the paths that they changed (`M`) or added (`A`)."""
    options = ("--no-merges", "--no-renames", "--name-only", "-z", f"--diff-filter={kind}", f"-n{MOST_COMMITS}")
    listed = _git(repository, "log", *options, "--format=format:%x01%H").decode("utf-8", "surrogateescape")
    for entry in listed.split("\x01")[1:]:
        commit, _, names = entry.partition("\n" if "\n" in entry[:41] else "\0")
        yield commit.strip("\0\n"), [name for name in names.strip("\n").split("\0") if name]


def _blob(repository: Path, name: str) -> bytes:
    return _git(repository, "cat-file", "blob", name)


def _git(repository: Path, *words: str) -> bytes:
    command = ["git", "--no-pager", "-c", "core.fsmonitor=false", "-C", str(repository), *words]
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=SECONDS
        ).stdout
    except FileNotFoundError as error:
        raise TabbyError("There is no git.", "Install it, or use --corpus.") from error
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        first = said.decode("utf-8", "replace").strip().splitlines() or [""]
        raise TabbyError(f"git failed in {repository}: {first[0]}") from error
