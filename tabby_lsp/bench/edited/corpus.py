"""Edits between pinned releases of other people's packages, which are fetched when they are asked for.

An archive is verified by its SHA-256, kept in the user's cache and read as it is: nothing is unpacked, installed or
run.
"""

from __future__ import annotations

import re
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Literal

from tabby_lsp.bench.edited.history import Edited, edited
from tabby_lsp.bench.edited.releases import Release, bring
from tabby_lsp.errors import TabbyError
from tabby_lsp.syntax.languages import language_of

LIST = Path(__file__).with_name("corpus.toml")
LARGEST_MEMBER = 1 << 20
"""Bytes; larger files are no hand-written code."""


@dataclass(frozen=True, slots=True)
class Package:
    """One entry of `corpus.toml`, where its fields are explained."""

    name: str
    ecosystem: Literal["pypi", "npm"]
    licence: str
    include: str
    releases: tuple[Release, ...]
    exclude: str = r"(?!)"

    def wants(self, path: str) -> bool:
        """Whether a file of an archive counts."""
        return bool(re.search(self.include, path)) and not re.search(self.exclude, path)


def packages(path: Path = LIST) -> list[Package]:
    """Read the list."""
    found: list[Package] = []
    for row in tomllib.loads(path.read_text("utf-8"))["package"]:
        pinned = [Release(row["name"], row["ecosystem"], **release) for release in row.pop("release")]
        found.append(Package(**row, releases=tuple(pinned)))
    return found


def edited_files(
    name: str | None, files: int, say: Callable[[str], None], *, offline: bool = False
) -> tuple[str, list[Edited]]:
    """The edits of the corpus, or of a part of it.

    Args:
        name: a package's name or a language's; None: all of them.
        files: most files of one language.
        say: told of each archive that is fetched.
        offline: use only what was fetched before.

    Returns:
        What it is, in words, and the files; packages and languages take turns.

    Raises:
        TabbyError: there is no such part, or an archive cannot be had.
    """
    all_packages = packages()
    chosen = [package for package in all_packages if name in (None, package.name)] or all_packages
    sorted_files = [_by_chance(_edits_of(package, say, offline=offline)) for package in chosen]
    mixed = [file for row in zip_longest(*sorted_files) for file in row if file is not None]
    if name is not None and len(chosen) == len(all_packages):
        mixed = [file for file in mixed if file.language == name]
    if not mixed:
        known = ", ".join(package.name for package in all_packages)
        raise TabbyError(f"There is no corpus {name!r}.", f"Name a language, or a package: {known}.")
    title = " and ".join(dict.fromkeys(file.source.partition(" ")[0] for file in mixed))
    return f"releases of {title}", in_turn(mixed, files)


def files_of(source: str, *, offline: bool = False) -> dict[str, bytes]:
    """The files of a package before an edit.

    Args:
        source: of the edited file.
        offline: use only what was fetched before.

    Raises:
        TabbyError: it is none of the corpus, or the archive cannot be had.
    """
    name, _, versions = source.partition(" ")
    for package in packages():
        for release in package.releases:
            if package.name == name and release.version == versions.partition(" ")[0]:
                return _members(bring(release, lambda _: None, offline=offline), package)
    raise TabbyError(f"{source!r} is not of the corpus.")


def _edits_of(package: Package, say: Callable[[str], None], *, offline: bool) -> Iterable[Edited]:
    """A package's edited files; a path counts once, in its newest edit."""
    archives = [_members(bring(release, say, offline=offline), package) for release in package.releases]
    found: dict[str, Edited] = {}
    for (old, before), (new, after) in pairwise(zip(package.releases, archives, strict=True)):
        for path in before.keys() & after.keys():
            source = f"{package.name} {old.version} → {new.version}"
            if before[path] != after[path] and (file := edited(path, source, before[path], after[path])):
                found[path] = file
    return found.values()


def _members(archive: Path, package: Package) -> dict[str, bytes]:
    """The files of an archive that count, by path."""
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                infos = [i for i in wheel.infolist() if i.file_size <= LARGEST_MEMBER and package.wants(i.filename)]
                return {info.filename: wheel.read(info) for info in infos}
        found: dict[str, bytes] = {}
        with tarfile.open(archive, "r:gz") as tarball:
            for member in tarball:
                path = member.name.partition("/")[2]
                if member.isfile() and member.size <= LARGEST_MEMBER and package.wants(path):
                    stream = tarball.extractfile(member)
                    found[path] = stream.read() if stream else b""
        return found
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise TabbyError(f"{archive} cannot be read: {error}.", "Delete it, so that it is fetched again.") from error


def _by_chance(files: Iterable[Edited]) -> list[Edited]:
    """An order that has nothing to do with names, the same at each run."""
    import hashlib

    return sorted(files, key=lambda file: hashlib.sha256(file.name.encode()).hexdigest())


def in_turn(files: Sequence[Edited], most: int) -> list[Edited]:
    """So many files of each language, the languages in turn."""
    kinds = {"typescriptreact": "typescript", "javascriptreact": "javascript"}
    by_language: dict[str, list[Edited]] = {}
    for file in files:
        language = language_of(file.name)
        by_language.setdefault(kinds.get(language, language), []).append(file)
    rows = zip_longest(*(some[:most] for some in by_language.values()))
    return [file for row in rows for file in row if file is not None]
