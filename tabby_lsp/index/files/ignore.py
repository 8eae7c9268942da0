"""Ignore files in gitignore's syntax, nested, each path judged by itself from its folder's rules outwards.

A folder that is ignored is not entered, so nothing in it can be taken back, as with git. The patterns are translated by
pathspec; the order in which they are asked is git's.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from pathspec.patterns.gitignore.base import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

GIT = ".gitignore"
TABBY = ".tabbyignore"

MOST_BYTES = 1024 * 1024
"""Of an ignore file; what is longer was not written by a person."""

Rule = tuple[re.Pattern[str], bool, bool]
"""A regular expression, whether what it matches is ignored, and whether it is asked about the last name alone."""


def _rule(line: str) -> Rule | None:
    """One line of an ignore file; None for comments, blanks and what git cannot read either."""
    if line.endswith("/**"):
        line += "/*"  # everything in the folder; pathspec counts the folder itself in, which git does not
    elif line.endswith("/**/"):
        line += "*/"
    try:
        pattern = GitIgnoreSpecPattern(line)
    except GitIgnorePatternError:
        return None
    if pattern.regex is None or pattern.include is None:
        return None
    text = line.rstrip().removeprefix("!")
    return pattern.regex, pattern.include, "/" not in text.rstrip("/") and not text.startswith("/")


def rules_of(text: str) -> tuple[Rule, ...]:
    """The rules of an ignore file's text, the last first: it is the last one that matches that decides."""
    lines = (line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n"))
    return tuple(rule for line in lines if (rule := _rule(line)))[::-1]


def _read(path: str) -> tuple[Rule, ...]:
    """The rules of a file; none where it is missing, a link (git does not follow those either) or far too long."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ()
    try:
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError:
        return ()
    return rules_of(os.fsdecode(data)) if len(data) <= MOST_BYTES else ()


def _decision(rules: tuple[Rule, ...], path: str, name: str) -> bool | None:
    """What one file's rules say of an entry: ignored, taken back, or nothing."""
    for expression, ignored, name_alone in rules:
        text = name if name_alone else path
        found = expression.search(text)
        # What a pattern says of a folder is said of the folder: its entries are only asked about where it is entered.
        if found and (found.lastgroup is None or found.end() == len(text)):
            return ignored
    return None


class Ignores:
    """The ignore files of one name in a folder and below it, read when first needed and kept.

    Args:
        root: the folder.
        name: what the files are called.
    """

    def __init__(self, root: Path, name: str) -> None:
        self._root = str(root)
        self._name = name
        self._rules: dict[str, tuple[tuple[str, tuple[Rule, ...]], ...]] = {}
        self._folders: dict[str, bool] = {"": False}

    def _chain(self, folder: str) -> tuple[tuple[str, tuple[Rule, ...]], ...]:
        """(folder, rules) for the folder and those around it that have any, innermost first."""
        known = self._rules.get(folder)
        if known is None:
            outer = self._chain(folder.rpartition("/")[0]) if folder else ()
            own = _read(f"{self._root}/{folder}/{self._name}" if folder else f"{self._root}/{self._name}")
            known = ((folder, own), *outer) if own else outer
            self._rules[folder] = known
        return known

    def entry(self, path: str, *, folder: bool = False) -> bool:
        """Whether an entry is ignored, given that the folder which holds it is not."""
        parent, _, name = path.rpartition("/")
        chain = self._chain(parent)
        if not chain:
            return False
        if folder:
            path, name = f"{path}/", f"{name}/"
        for base, rules in chain:
            decided = _decision(rules, path[len(base) + 1 :] if base else path, name)
            if decided is not None:
                return decided
        return False

    def folder(self, path: str) -> bool:
        """Whether a folder is ignored, or one that it lies in."""
        known = self._folders.get(path)
        if known is None:
            known = self.folder(path.rpartition("/")[0]) or self.entry(path, folder=True)
            self._folders[path] = known
        return known

    def file(self, path: str) -> bool:
        """Whether a file is ignored, or a folder that it lies in.

        Args:
            path: relative to the root, with slashes.
        """
        return self.folder(path.rpartition("/")[0]) or self.entry(path)
