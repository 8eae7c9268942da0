"""What a file's names mean: through its imports, through re-exports, in its own directory, or by the name alone.

Everything is read of the table in a few rounds, never name by name: behind the table may be a database.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from posixpath import basename, dirname
from typing import NamedTuple, Protocol

from tabby_lsp.index.types import Wanted
from tabby_lsp.syntax.symbols.imports import candidates, matches
from tabby_lsp.syntax.symbols.types import Definition, Import

HUB_LINES = 400
"""Lines of a re-exporting file that are read to choose between definitions of one name."""
KIN = (
    {"typescript", "typescriptreact", "javascript", "javascriptreact", "vue", "svelte"},
    {"c", "cpp", "cuda-cpp", "objective-c"},
)
"""Languages whose files use each other's names; any other language keeps to itself."""
DEFAULT = ("export default", "module.exports")
"""What begins a definition that a script exports without a name."""
DIRECTORY_IS_SCOPE = {"go", "java", "csharp", "kotlin", "scala"}
"""Languages in which files of one directory see each other without an import."""


def kin_of(language: str) -> Collection[str]:
    """The languages whose files use each other's names with one of it, itself included."""
    return next((kin for kin in KIN if language in kin), {language})


class Row(NamedTuple):
    """A definition, and the file that it is in."""

    path: str
    language: str
    definition: Definition


class SymbolTable(Protocol):
    """Where definitions are looked up. Of a name that is defined everywhere, some hundred rows are enough."""

    def named(self, names: Collection[str]) -> list[tuple[str, str, Definition]]:
        """Definitions of these names as (path, language id, definition), in any file."""
        ...

    def in_files(self, paths: Collection[str]) -> list[tuple[str, str, Definition]]:
        """Definitions of these files, in the order of the source."""
        ...

    def files(self) -> Collection[str]:
        """All relative paths; the same object as long as they are the same."""
        ...

    def text(self, path: str, start: int, end: int) -> str:
        """Lines of a file, `end` not included."""
        ...


@dataclass(slots=True)
class Scope:
    """What was read of a table for one file, and what names mean there.

    Attributes:
        table: that is read.
        wanted: the question.
        modules: paths of modules by the name they have in the file.
        imported: by local name, what it is called where it comes from, and the paths it may come from.
        everything: paths whose names are all imported.
    """

    table: SymbolTable
    wanted: Wanted
    modules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    imported: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    everything: tuple[str, ...] = ()
    _named: dict[str, list[Row]] = field(default_factory=dict)
    _in_file: dict[str, list[Row]] = field(default_factory=dict)
    _tops: dict[str, dict[str, list[Row]]] = field(default_factory=dict)
    _members: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    _distances: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        paths = Paths.of(self.table.files())
        for item in self.wanted.imports:
            found = paths.of_import(item, self.wanted.path, self.wanted.language)
            if item.alias:
                self.modules[item.alias] = found
            elif not item.names:
                self.modules[re.split(r"[./:\\]+", item.module)[-1]] = found
            for name, here in item.names:
                if name == "*":
                    self.everything += found
                    continue
                own = tuple(path for path in found if _stem(path) == name)
                if own:
                    self.modules[here] = own
                self.imported[here] = (name, found)

    @property
    def import_paths(self) -> list[str]:
        """Files that the file imports, or imports from."""
        groups = (*self.modules.values(), *(paths for _, paths in self.imported.values()), self.everything)
        return list(dict.fromkeys(path for group in groups for path in group))

    def read(self, names: Iterable[str], paths: Iterable[str]) -> None:
        """Have definitions at hand, in at most two questions to the table."""
        if fresh := [name for name in dict.fromkeys(names) if name and name not in self._named]:
            self._named.update((name, []) for name in fresh)
            for row in self.table.named(fresh):
                if self._fits(row[1]) and row[0] != self.wanted.path:
                    self._named[row[2].name].append(Row(*row))
            for name in fresh:
                self._named[name].sort(key=lambda row: (self.distance(row.path), row.path))
        if absent := [path for path in dict.fromkeys(paths) if path not in self._in_file]:
            self._in_file.update((path, []) for path in absent)
            for row in self.table.in_files(absent):
                self._in_file[row[0]].append(Row(*row))
            for path in absent:
                tops = self._tops[path] = {}
                for row in self._in_file[path]:
                    if is_top(row):
                        tops.setdefault(row.definition.name, []).append(row)
                    else:
                        self._members.setdefault((path, row.definition.container), []).append(row)

    def named(self, name: str) -> list[Row]:
        """Definitions of a name in other files, nearest first."""
        return self._named.get(name, [])

    def in_file(self, path: str) -> list[Row]:
        """Definitions of a file that was read."""
        return self._in_file.get(path, [])

    def top(self, path: str, name: str) -> list[Row]:
        """What a file that was read defines outside of classes under a name."""
        return self._tops.get(path, {}).get(name, [])

    def members(self, owner: Row) -> list[Row]:
        """What belongs to a class, in the files that were read."""
        return self._members.get((owner.path, owner.definition.name), [])

    def distance(self, path: str) -> int:
        """Steps from the file's directory to another's."""
        folder = dirname(path)
        if folder not in self._distances:
            here, there = dirname(self.wanted.path).split("/"), folder.split("/")
            pairs = enumerate(zip(here, there, strict=False))
            same = next((number for number, (ours, theirs) in pairs if ours != theirs), min(len(here), len(there)))
            self._distances[folder] = len(here) + len(there) - 2 * same
        return self._distances[folder]

    def meaning(self, name: str) -> list[Row]:
        """What a name means by the rules of the language; nothing where they do not tell."""
        if name in self.imported:
            original, paths = self.imported[name]
            return self._default(name, paths) if original == "default" else self._exported(original, paths)
        if name in self.modules and (found := self._default(name, self.modules[name])):
            return found
        if own := self.top(self.wanted.path, name):
            return own
        if found := [row for path in self.everything for row in self.top(path, name)]:
            return found
        if self.everything and (found := self._beneath(name, self.everything)):
            return found
        if self.wanted.language in DIRECTORY_IS_SCOPE:
            return [row for row in self.named(name) if is_top(row) and self.distance(row.path) == 0]
        return []

    def in_module(self, module: str, name: str) -> list[Row]:
        """What `module.name` means, `module` being what the file calls it."""
        return self._exported(name, self.modules.get(module, ()))

    def _exported(self, name: str, paths: tuple[str, ...]) -> list[Row]:
        if found := [row for path in paths for row in self.top(path, name)]:
            return found[:2]
        return self._beneath(name, paths)

    def _default(self, here: str, paths: tuple[str, ...]) -> list[Row]:
        """What a file exports without a name: called as it is here, or as its file is, or said to be the default."""
        names = (here.lower(), *(_stem(path).lower().replace("-", "") for path in paths))
        tops = [row for path in paths for row in self.in_file(path) if is_top(row) and row.definition.name != "exports"]
        told = [row for row in tops if row.definition.signature.startswith(DEFAULT)]
        return (told or [row for name in names for row in tops if row.definition.name.lower() == name])[:1]

    def _beneath(self, name: str, hubs: tuple[str, ...]) -> list[Row]:
        """What files export that do not define it: what stands in their directories, nearest first."""
        everywhere = [row for row in self.named(name) if is_top(row)]
        for hub in hubs:
            folder = dirname(hub)
            found = [row for row in everywhere if not folder or row.path.startswith(folder + "/")]
            if len(found) > 1:
                text = self.table.text(hub, 0, HUB_LINES)
                told = [row for row in found if re.search(rf"[./]{re.escape(_stem(row.path))}\b", text)]
                found = sorted(told or found, key=lambda row: row.path.count("/"))
            if found:
                return found[:1]
        return everywhere[:1] if hubs else []

    def _fits(self, language: str) -> bool:
        return language in kin_of(self.wanted.language)


class Paths:
    """The paths of a repository, by their last parts."""

    _last: Paths | None = None

    def __init__(self, files: Collection[str]) -> None:
        self._files = files
        self._size = len(files)
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        self._by_folder: defaultdict[str, list[str]] = defaultdict(list)
        self._by_end: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for path in files:
            self._by_name[basename(path)].append(path)
            self._by_folder[basename(dirname(path))].append(path)
            self._by_end[basename(dirname(path)), basename(path)].append(path)

    @classmethod
    def of(cls, files: Collection[str]) -> Paths:
        """The paths of a table; the ones that were asked for last are kept."""
        last = cls._last
        if last is None or last._files is not files or last._size != len(files):
            last = cls._last = cls(files)
        return last

    def of_import(self, imported: Import, path: str, language: str) -> tuple[str, ...]:
        """Files that an import may mean, best first."""
        found: dict[str, None] = {}
        for candidate in candidates(imported, path, language):
            if "*" not in candidate:
                if candidate in self._files:
                    found[candidate] = None
                continue
            name, folder = basename(candidate), basename(dirname(candidate))
            if "*" in name:
                some = self._by_folder.get(folder, ())
            else:
                some = (
                    self._by_name.get(name, ()) if "*" in folder or not folder else self._by_end.get((folder, name), ())
                )
            found.update((other, None) for other in some if matches(candidate, other))
        found.pop(path, None)
        return tuple(found)


def is_top(row: Row) -> bool:
    """Whether a definition stands at the top of its file, so that it can be imported."""
    return not row.definition.container


def _stem(path: str) -> str:
    """The name that imports know a file by."""
    name = basename(path).split(".")[0]
    return basename(dirname(path)) if name in {"__init__", "index", "mod"} else name
