"""Definitions, out of the store, for `lookup`: what is asked again between two changes is remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from pathlib import Path

from tabby_lsp.index.store.rows import definitions_of, imports_from
from tabby_lsp.index.store.tables import Tables
from tabby_lsp.syntax.symbols.types import Definition, Import

Row = tuple[str, str, Definition]

REMEMBERED = 4_096
"""Names and files whose definitions are remembered: each key that is typed asks for nearly the same ones."""


class SymbolRows:
    """A `SymbolTable` over a store.

    Args:
        root: the folder.
        tables: which tables answer.
    """

    def __init__(self, root: Path, tables: Tables) -> None:
        self._root = root
        self._tables = tables
        self._cache: OrderedDict[tuple[str, str], list[Row]] = OrderedDict()
        self._age = 0
        self._files: frozenset[str] = frozenset()
        self._files_age = -1
        tables.on_change = self.forget

    def forget(self) -> None:
        """The tables have changed: nothing that is remembered holds any more."""
        self._age += 1
        self._cache = OrderedDict()

    def named(self, names: Collection[str]) -> list[Row]:
        """Definitions of these names, in any file, by path and place; of a name that is everywhere, some hundred."""
        return self._rows("name", names)

    def beginning(self, start: str, languages: Collection[str], limit: int) -> list[str]:
        """Different names of definitions in some languages that begin so; at most so many."""
        return self._tables.ask(lambda store: store.beginning(start, languages, limit))

    def in_files(self, paths: Collection[str]) -> list[Row]:
        """Definitions of these files, in the order of the source."""
        return self._rows("path", paths)

    def files(self) -> Collection[str]:
        """All relative paths; the same object as long as they are the same."""
        age = self._age
        if age != self._files_age:
            answering = self._tables.answering
            known = list(answering.known.items()) if answering is not None else []
            files = frozenset(path for path, row in known if not row.reason)
            if files != self._files:
                self._files = files
            self._files_age = age
        return self._files

    def text(self, path: str, start: int, end: int) -> str:
        """Lines of a file as it is on the disk now, `end` not included; empty where it cannot be read."""
        try:
            with Path(self._root, path).open(encoding="utf-8", errors="replace", newline="") as stream:
                return "".join(stream.read().splitlines(keepends=True)[start:end])
        except (OSError, ValueError):
            return ""

    def imports(self, path: str) -> tuple[Import, ...]:
        """Imports of a file as it was indexed; none where it is not."""
        rows = self._tables.ask(lambda store: store.matching(store.files, "path", [path]))
        return imports_from(rows["imports"][0].as_py()) if rows.num_rows else ()

    def references(self, path: str) -> tuple[str, ...]:
        """Names that a file uses and does not define, most used first."""
        rows = self._tables.ask(lambda store: store.matching(store.files, "path", [path]))
        return tuple(rows["references"][0].as_py()) if rows.num_rows else ()

    def _rows(self, column: str, values: Collection[str]) -> list[Row]:
        age, cache = self._age, self._cache
        wanted = list(dict.fromkeys(values))
        found = {value: cache[column, value] for value in wanted if (column, value) in cache}
        missing = [value for value in wanted if value not in found]
        if missing:
            found |= {value: [] for value in missing}
            rows = definitions_of(
                self._tables.ask(
                    lambda store: (
                        store.named(missing) if column == "name" else store.matching(store.symbols, column, missing)
                    )
                )
            )
            for row in rows:
                found[row[2].name if column == "name" else row[0]].append(row)
            if age == self._age:  # else it was asked of tables that are history
                for value in missing:
                    cache[column, value] = found[value]
                while len(cache) > REMEMBERED:
                    cache.popitem(last=False)
        return [row for value in wanted for row in found[value]]
