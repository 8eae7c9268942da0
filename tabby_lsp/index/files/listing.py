"""The files of a folder before anything is said of them: git's listing where there is git, else the folders themselves.

Both go over from one to the other: a repository may lie in a plain folder, and another one, or a submodule, in it.
Which of some paths would be listed is answered here too, by the same rules, for files that have just been saved.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tabby_lsp.index.files import git
from tabby_lsp.index.files.ignore import GIT, TABBY, Ignores
from tabby_lsp.index.files.left_out import Reason, by_name

NEVER = frozenset({
    ".bundle", ".bzr", ".cache", ".dart_tool", ".direnv", ".eggs", ".git", ".gradle", ".hg", ".hypothesis", ".idea",
    ".jj", ".mypy_cache", ".next", ".nox", ".nuxt", ".nyc_output", ".parcel-cache", ".pnpm-store", ".pyre",
    ".pytest_cache", ".pytype", ".ruff_cache", ".serverless", ".sl", ".stack-work", ".svelte-kit", ".svn", ".terraform",
    ".tox", ".turbo", ".venv", ".vs", ".yarn", ".zig-cache", "DerivedData", "Pods", "__pycache__", "__pypackages__",
    "_build", "bower_components", "dist-newstyle", "elm-stuff", "htmlcov", "jspm_packages", "node_modules", "zig-cache",
    "zig-out",
})  # fmt: skip
"""Folders that are not entered where there is no git to say so, by name."""

BESIDE: dict[str, frozenset[str]] = {
    "target": frozenset({"Cargo.toml", "pom.xml", "build.sbt"}),
    "build": frozenset(
        {"build.gradle", "build.gradle.kts", "CMakeLists.txt", "setup.py", "pyproject.toml", "package.json"}
    ),
    "dist": frozenset({"package.json", "setup.py", "pyproject.toml"}),
    "out": frozenset({"package.json", "build.gradle"}),
    "coverage": frozenset({"package.json"}),
    "vendor": frozenset({"composer.json", "go.mod", "Gemfile"}),
    "deps": frozenset({"mix.exs"}),
    "env": frozenset({"setup.py", "pyproject.toml", "requirements.txt"}),
    "obj": frozenset({"packages.config"}),
}
"""Folders that are not entered where one of these files lies beside them."""

MARKS = frozenset({"pyvenv.cfg", "CACHEDIR.TAG"})
"""Files whose presence says that a folder is a virtual environment, or a cache (bford.info/cachedir)."""

DEEPEST = 200
"""Folders in folders: what is deeper was made by a mistake of a program, such as a copy of a folder into itself."""
LOOKED_AT = 10
"""Names that are looked at for each file that is wanted, before the rest of a folder without git is given up: someone
has opened their home folder."""


def _safe(path: str) -> bool:
    """Whether a path that git has listed stays inside: an index is a file that anyone may have made."""
    return ".." not in path or ".." not in path.split("/")


class Listing:
    """The files of one folder.

    Args:
        root: the folder.
        most: files that are wanted; what is beyond some multiple of it is not looked for.
        stop: asked some times a second; what has been found by then is what is listed.
    """

    def __init__(self, root: Path, most: int, stop: Callable[[], bool] = git.never) -> None:
        self._root = root
        self._top = str(root)
        self._most = most
        self._stop = stop
        self._ignores = Ignores(root, GIT)
        self._real: dict[str, bool] = {"": True}
        self._come_to: dict[str, bool] = {"": True}
        self._entered: dict[str, bool] = {}
        self._repositories: dict[str, bool] = {"": True}  # the root may lie in one that begins further up
        self.tabby = Ignores(root, TABBY)
        self.left_out: Counter[str] = Counter()

    def files(self) -> Iterator[str]:
        """Relative paths, each once; some may be links, or gone, and those that `tabby` ignores are among them."""
        return self._below("")

    def _below(self, folder: str) -> Iterator[str]:
        """What is in a folder that is the root, or a repository inside."""
        prefix = f"{folder}/" if folder else ""
        listed = git.files(self._root / folder, self._stop)
        if listed is None:
            if not self._stop():
                yield from self._plain(folder)
            return
        for path in listed:
            if not _safe(path):
                continue
            within = prefix + path.rstrip("/")
            if path.endswith("/"):
                yield from self.repository(within)
            elif not by_name(within.rpartition("/")[2]) or not self._is_repository(within):
                yield within  # whoever looks at it sees whether it is a submodule
            else:
                yield from self.repository(within)

    def repository(self, path: str) -> Iterator[str]:
        """What is in a folder that git has listed as if it were a file, if it is a repository that is to be entered."""
        if self._is_repository(path) and self.real(path) and not self.tabby.folder(path):
            yield from self._below(path)

    def _is_repository(self, folder: str) -> bool:
        """Whether a repository of its own begins at a folder below the root."""
        known = self._repositories.get(folder)
        if known is None:
            known = self._repositories[folder] = os.path.lexists(f"{self._top}/{folder}/.git")
        return known

    def _plain(self, top: str) -> Iterator[str]:
        """What is in a folder without git, the nearest first."""
        queue = deque([top])
        seen = 0
        while queue and not self._stop():
            folder = queue.popleft()
            if folder.count("/") >= DEEPEST:
                self.left_out[Reason.NAME.value] += 1
                continue
            try:
                with os.scandir(f"{self._top}/{folder}") as entries:
                    inside = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
            except OSError:
                self.left_out[Reason.UNREADABLE.value] += 1
                continue
            names = frozenset(name for name, _ in inside)
            if folder and names & MARKS:
                continue
            seen += len(inside)
            if seen > self._most * LOOKED_AT:
                self.left_out[Reason.MANY.value] += len(inside)
                return
            prefix = f"{folder}/" if folder else ""
            for name, is_folder in sorted(inside):
                path = prefix + name
                if not is_folder:
                    if not self._ignores.entry(path):
                        yield path
                elif name not in NEVER and not BESIDE.get(name, frozenset()) & names and not self._ignores.folder(path):
                    if self.tabby.folder(path):
                        self.left_out[Reason.IGNORED.value] += 1
                    elif self._is_repository(path):
                        yield from self._below(path)
                    else:
                        queue.append(path)

    def folders(self) -> list[str]:
        """Relative paths of the folders that hold what is listed, or would if they held anything; "" is the root.

        They are found level by level, so that git is asked once for each, and nothing that is ignored is entered.
        """
        found = level = [""]
        while level and not self._stop():
            inside = [path for folder in level for path in self._subfolders(folder)]
            level = [path for path in self.among(inside) if not self.tabby.folder(path)]
            found = found + level
        return found

    def _subfolders(self, folder: str) -> list[str]:
        prefix = f"{folder}/" if folder else ""
        try:
            with os.scandir(f"{self._top}/{folder}") as entries:
                return [
                    prefix + entry.name
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False) and entry.name != ".git"
                ]
        except OSError:
            return []

    def real(self, folder: str) -> bool:
        """Whether a folder is reached from the root without a link."""
        known = self._real.get(folder)
        if known is None:
            known = self.real(folder.rpartition("/")[0]) and not os.path.islink(f"{self._top}/{folder}")  # noqa: PTH114
            self._real[folder] = known
        return known

    def among(self, paths: Iterable[str]) -> list[str]:
        """Those of some paths, of files or folders, that would be come to; they need not be there."""
        by_repository: defaultdict[str, list[str]] = defaultdict(list)
        for path in dict.fromkeys(paths):
            parent = path.rpartition("/")[0]
            deep = path.count("/") > DEEPEST
            if path and not deep and _safe(path) and not path.startswith("/") and self.real(parent):
                by_repository[self._around(parent)].append(path)
        return [
            path
            for folder, inside in by_repository.items()
            if self._is_come_to(folder)
            for path in self._kept(folder, inside)
        ]

    def _around(self, folder: str) -> str:
        """The innermost repository that holds a folder, or the root."""
        while not self._is_repository(folder):
            folder = folder.rpartition("/")[0]
        return folder

    def _is_come_to(self, repository: str) -> bool:
        """Whether the rules around a repository inside let it be entered."""
        known = self._come_to.get(repository)
        if known is None:
            known = self._come_to[repository] = bool(self.among([repository]))
        return known

    def _kept(self, repository: str, paths: list[str]) -> list[str]:
        """Those of a repository's paths that its own rules keep; "." tells whether git speaks for it."""
        cut = len(repository) + 1 if repository else 0
        ignored = git.ignored(self._root / repository, [".", *(path[cut:] for path in paths)], self._stop)
        if ignored is None or "." in ignored:
            return [path for path in paths if self._is_plain_kept(path, repository)]
        return [path for path in paths if path[cut:] not in ignored and "/.git/" not in f"/{path}/"]

    def _is_plain_kept(self, path: str, top: str) -> bool:
        """Whether a walk without git from a folder would come to a path."""
        parent = path.rpartition("/")[0]
        if not self._is_entered(parent, top):
            return False
        if os.path.isdir(f"{self._top}/{path}"):  # noqa: PTH112
            return self._is_entered(path, top)
        return not self._ignores.entry(path)

    def _is_entered(self, folder: str, top: str) -> bool:
        """Whether a walk without git from a folder would enter another one below it."""
        if folder == top:
            return True
        known = self._entered.get(folder)
        if known is None:
            parent, _, name = folder.rpartition("/")
            known = self._entered[folder] = (
                name not in NEVER
                and self._is_entered(parent, top)
                and not any(os.path.lexists(f"{self._top}/{parent}/{beside}") for beside in BESIDE.get(name, ()))
                and not any(os.path.lexists(f"{self._top}/{folder}/{mark}") for mark in MARKS)
                and not self._ignores.folder(folder)
            )
        return known
