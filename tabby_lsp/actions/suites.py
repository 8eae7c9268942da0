"""Where a file's tests are or should be: its own test file, another as an example, and what they are written with.

The folder is looked through on a thread, with bounds: what lies in a hundred thousand files is not found, and a new
file is made where the language has it by custom.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tabby_lsp.actions.conventions import Convention, Framework
from tabby_lsp.errors import ActionError
from tabby_lsp.index.files.secret import content_tells, name_tells

MOST_ENTRIES = 20_000
"""Files and folders that are looked at, some 0.1 s; those near the top first."""
MOST_BYTES = 200_000
"""Of a file that is read."""
SKIPPED = frozenset(
    (
        "node_modules",
        "vendor",
        "third_party",
        "dist",
        "build",
        "target",
        "out",
        "coverage",
        "venv",
        "env",
        "site-packages",
    )
)
"""Folders that hold no tests of the project; those that begin with a dot are not looked into either."""
_TEST_FOLDERS = frozenset({"test", "tests", "spec", "specs", "__tests__"})
_SOURCE_FOLDERS = frozenset({"src", "lib", "main", "java", "app"})


@dataclass(frozen=True, slots=True)
class Suite:
    """Where tests go.

    Attributes:
        path: of the test file.
        exists: whether it is there.
        framework: what it is written with.
        example: the text of a test file of the project, its own one if it is there; empty: there is none.
        example_path: its path, relative to the folder.
    """

    path: Path
    exists: bool
    framework: Framework
    example: str = ""
    example_path: str = ""


def find(root: Path, source: PurePosixPath, convention: Convention) -> Suite:
    """Find where the tests of a file go.

    Args:
        root: the folder.
        source: what is tested, relative to it.
        convention: of its language.

    Raises:
        ActionError: a link leads the place out of the folder.
    """
    if convention.inline:
        return Suite(root / source, exists=True, framework=convention.frameworks[0])
    known = sorted(_tests(root, convention), key=lambda path: (-_near(path, source), path.as_posix()))
    own = next((path for path in known if _stem(path.name, convention) == source.stem), None)
    example, text = next(
        ((path, text) for path in ([own] if own else known) if (text := read(root, root / path))), (None, "")
    )
    framework = _framework(root, source, convention, text)
    if own is not None:
        return Suite(root / own, exists=True, framework=framework, example=text, example_path=own.as_posix())
    path = root / _place(root, source, convention, framework, example)
    if not inside(root, path):
        raise ActionError(
            f"{path.relative_to(root)} is outside of the folder, where a link leads.", "Make a test file."
        )
    return Suite(path, path.is_file(), framework, text, example.as_posix() if example else "")


def inside(root: Path, path: Path) -> bool:
    """Whether a file, whether it is there or not, is in a folder, wherever links lead."""
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a ring of links
        return False


def read(root: Path, path: Path) -> str:
    """The text of a file in a folder; "" where it cannot be read, is long, holds a secret, or a link leads outside."""
    try:
        if not inside(root, path) or path.stat().st_size > MOST_BYTES or name_tells(path.name):
            return ""
        data = path.read_bytes()
        return "" if content_tells(data) else data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _tests(root: Path, convention: Convention) -> Iterator[PurePosixPath]:
    """Test files of a language, relative; folders are entered level by level."""
    left = MOST_ENTRIES
    level = [PurePosixPath()]
    while level:
        deeper: list[PurePosixPath] = []
        for folder in level:
            for entry in _entries(root / folder):
                left -= 1
                if left < 0:
                    return
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in SKIPPED and not entry.name.startswith("."):
                        deeper.append(folder / entry.name)
                elif not entry.is_symlink() and convention.tests.fullmatch(entry.name):
                    yield folder / entry.name
        level = deeper


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []


def _stem(name: str, convention: Convention) -> str:
    found = convention.tests.fullmatch(name)
    return next((group for group in found.groups() if group), "") if found else ""


def _near(path: PurePosixPath, source: PurePosixPath) -> float:
    """How much of the way to one file is the way to the other: folders that both have in their paths."""
    here, there = set(source.parent.parts), set(path.parent.parts)
    return len(here & there) - 0.1 * len(there - here - _TEST_FOLDERS)


def _framework(root: Path, source: PurePosixPath, convention: Convention, example: str) -> Framework:
    """What the example is written with, else what a manifest names: the nearest one that names any."""
    for framework in convention.frameworks:
        if example and re.search(framework.seen, example, re.MULTILINE):
            return framework
    for folder in (source.parent, *source.parent.parents):
        text = "\n".join(read(root, root / folder / name) for name in convention.manifests)
        # the first row is what is taken where nothing is known, so it is asked last
        for framework in (*convention.frameworks[1:], convention.frameworks[0]):
            if re.search(framework.named, text):
                return framework
    return convention.frameworks[0]


def _place(
    root: Path, source: PurePosixPath, convention: Convention, framework: Framework, example: PurePosixPath | None
) -> PurePosixPath:
    """The path of a test file that is to be made."""
    name = framework.file.format(stem=source.stem, suffix=source.suffix)
    if example is not None:
        return _folder_like(root, source, example, framework) / _name_like(source, example, convention, name)
    there = [folder for folder in framework.folders if folder and (root / folder).is_dir()]
    folder = there[0] if there and framework.folders[0] else framework.folders[0]
    return _mirrored(root, PurePosixPath(folder), source) / name if folder else source.parent / name


def _folder_like(root: Path, source: PurePosixPath, example: PurePosixPath, framework: Framework) -> PurePosixPath:
    """Where an example stands in a folder for tests: in that folder; else beside what is tested."""
    parts = example.parent.parts
    at = next((at for at, part in enumerate(parts) if part in _TEST_FOLDERS), None)
    if at is None:
        return source.parent
    if parts[at] == "__tests__":
        return source.parent / "__tests__"
    customary = next((folder for folder in framework.folders if "/".join(parts).startswith(f"{folder}/")), "")
    return _mirrored(root, PurePosixPath(customary or "/".join(parts[: at + 1])), source)


def _mirrored(root: Path, tests: PurePosixPath, source: PurePosixPath) -> PurePosixPath:
    """The folder under the tests that is called as the source's own is under the sources, where it is there."""
    parts = source.parent.parts
    if "java" in tests.parts:
        inside = parts[parts.index("java") + 1 :] if "java" in parts else ()
        return tests.joinpath(*inside)
    while parts and (parts[0] in _SOURCE_FOLDERS):
        parts = parts[1:]
    for first in range(len(parts)):
        if (root / tests).joinpath(*parts[first:]).is_dir():
            return tests.joinpath(*parts[first:])
    return tests


def _name_like(source: PurePosixPath, example: PurePosixPath, convention: Convention, usual: str) -> str:
    """A name made as the example's is: `x.spec.ts`, `x_test.py`."""
    found = convention.tests.fullmatch(example.name)
    if found is None or not found.lastindex:
        return usual
    start, end = found.span(found.lastindex)
    name = f"{example.name[:start]}{source.stem}{example.name[end:]}"
    return f"{PurePosixPath(name).stem}{source.suffix}"
