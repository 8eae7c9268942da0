"""What has changed in a repository since its last commit, as far as a message about it needs to know.

A file that holds secrets, that a program wrote or that is very long is named and counted, and its lines stay here. A
repository is untrusted: no program that its configuration names is started.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from tabby_lsp.errors import ActionError
from tabby_lsp.index.files.git import DROPPED, ENVIRONMENT, SAFE
from tabby_lsp.index.files.left_out import by_name
from tabby_lsp.index.files.secret import content_tells, name_tells

TIMEOUT_S = 20.0
"""Seconds after which git hangs."""
FILES = 60
"""Files whose lines are looked at; of more, the numbers say enough."""
LONGEST_PATCH = 400
"""Changed lines of a file beyond which its lines are not read: nobody sums those up."""
LARGEST_BYTES = 4 << 20
"""A larger file is counted, and not looked at."""
SUBJECTS = 20
"""Last messages of the repository, from which its habits are read."""
PLAIN = (
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "-M",
    "--submodule=short",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
"""No programs that the repository names, and one form whatever the user's settings are."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one file.

    Attributes:
        path: relative to the repository, with slashes; the new one where it was moved.
        was: the old path of a file that was moved; empty for others.
        added: lines; -1 for a binary file.
        removed: lines; -1 for a binary file.
        patch: hunks; empty where the lines stay here.
    """

    path: str
    was: str
    added: int
    removed: int
    patch: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is about to be committed.

    Attributes:
        root: of the repository.
        staged: whether it is what is staged; else nothing is, and it is what has changed in the folder.
        files: in git's order.
        subjects: first lines of the last commits' messages, newest first.
    """

    root: Path
    staged: bool
    files: tuple[Change, ...]
    subjects: tuple[str, ...]


def changes(folder: Path, *, hook: bool = False) -> Changes:
    """Ask git what has changed: what is staged, else what has changed in tracked files. It blocks.

    Args:
        folder: in a repository.
        hook: whether git itself has started this process, so that its variables name the index that is committed.

    Raises:
        ActionError: there is no repository, git cannot be used, or nothing has changed.
    """
    top = _git(folder, ["rev-parse", "--show-toplevel"], hook=hook).rstrip("\n")
    root = Path(top)
    for staged in (True, False):
        unfiltered = [] if staged else _without_filters(root, hook=hook)
        what = [*unfiltered, "diff", *(["--cached"] if staged else []), *PLAIN]
        if files := _counted(_git(root, [*what, "--numstat", "-z"], hook=hook)):
            break
    else:
        raise ActionError("Nothing has changed since the last commit.", "Change something, and `git add` what is new.")
    read = [file for file in files if _readable(root, file)][:FILES]
    paths = [path for file in read for path in (file.was, file.path) if path]
    patches = (
        _split(_git(root, [*what, "-U2", "--", *(f":(literal,top){p}" for p in paths)], hook=hook)) if read else {}
    )
    known = tuple(replace(file, patch=_shown(patches.get(file.path, ""))) for file in files)
    log = _git(
        root, ["log", f"-{SUBJECTS}", "--no-merges", "--no-show-signature", "--format=%s"], hook=hook, required=False
    )
    return Changes(root, staged, known, tuple(line for line in log.splitlines() if line.strip()))


def _git(folder: Path, arguments: list[str], *, hook: bool, required: bool = True) -> str:
    inherited = os.environ if hook else {name: value for name, value in os.environ.items() if name not in DROPPED}
    try:
        done = subprocess.run(
            ["git", *SAFE, "-c", "core.quotePath=false", *arguments],
            cwd=folder,
            env={**inherited, **ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ActionError(
            f"git cannot be used in {folder}: {error}.", "Install git, or look what it waits for."
        ) from None
    if done.returncode and required:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ActionError(f"git cannot tell what has changed in {folder}: {said[0] if said else 'no reason given'}.")
    return "" if done.returncode else done.stdout.decode("utf-8", "replace")


def _counted(numstat: str) -> list[Change]:
    r"""Read `--numstat -z`: `added TAB removed TAB path NUL`, and for a move `… TAB NUL old NUL new NUL`."""
    fields = iter(numstat.split("\0"))
    found: list[Change] = []
    for field in fields:
        added, _, rest = field.partition("\t")
        removed, _, path = rest.partition("\t")
        if not rest:
            continue
        was, path = ("", path) if path else (next(fields, ""), next(fields, ""))
        lines = [int(count) if count.isdigit() else -1 for count in (added, removed)]
        found.append(Change(path, was, lines[0], lines[1]))
    return found


def _without_filters(root: Path, *, hook: bool) -> list[str]:
    """What keeps git from running the filters that its configuration names when it reads files of the folder."""
    asked = ["config", "--null", "--name-only", "--get-regexp", r"^filter\..*\.(clean|process|required)$"]
    names = [name for name in _git(root, asked, hook=hook, required=False).split("\0") if name]
    if any("=" in name for name in names):  # `-c` takes what stands in front of the first one for the name
        raise ActionError("A filter of this repository cannot be switched off.", "Stage what is to be looked at.")
    return [part for name in names for part in ("-c", f"{name}={'false' if name.endswith('.required') else ''}")]


def _readable(root: Path, file: Change) -> bool:
    """Whether a file's lines may be shown. All of it is looked at: a key's middle does not look like one."""
    names = (file.path.rpartition("/")[2], file.was.rpartition("/")[2])
    if not 0 <= file.added + file.removed <= LONGEST_PATCH or by_name(names[0]) or any(map(name_tells, names)):
        return False
    path = root / file.path
    try:
        if path.is_symlink() or not path.is_file():
            return True  # it is gone; what was in it is judged by its lines
        return path.stat().st_size <= LARGEST_BYTES and not content_tells(path.read_bytes())
    except OSError:
        return False


def _split(patch: str) -> dict[str, str]:
    """Hunks by the new path; the old one for a file that is gone."""
    found: dict[str, str] = {}
    for part in re.split(r"^(?=diff --git )", patch, flags=re.MULTILINE):
        head, mark, hunks = part.partition("\n@@ ")
        # a name with odd characters stands in quotes, and its file is then only counted
        names = [line[6:].rstrip("\t") for line in head.split("\n") if line.startswith(("--- a/", "+++ b/"))]
        if names and mark:
            found[names[-1]] = f"@@ {hunks}"
    return found


def _shown(patch: str) -> str:
    """Hunks without secrets, and without what is as it was in their headers."""
    if content_tells(patch.encode("utf-8", "surrogatepass")):
        return ""
    return re.sub(r"^@@ [^@]*@@", "@@", patch, flags=re.MULTILINE)
