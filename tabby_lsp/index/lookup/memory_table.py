"""Definitions of files that are held in memory: for small repositories, tests and evaluations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from tabby_lsp.syntax.languages import language_of
from tabby_lsp.syntax.symbols.types import Definition, Facts


class MemoryTable:
    """A `SymbolTable` over facts.

    Args:
        facts: of each file, by relative path.
        texts: the files themselves, for `text`; a file that is missing here has none.
    """

    def __init__(self, facts: Mapping[str, Facts], texts: Mapping[str, str] | None = None) -> None:
        self._facts = dict(facts)
        self._texts = texts or {}
        self._languages = {path: language_of(path) for path in facts}
        self._names: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for path, known in facts.items():
            for definition in known.definitions:
                self._names[definition.name][path] = None

    def named(self, names: Collection[str]) -> list[tuple[str, str, Definition]]:
        """Definitions of these names, in any file."""
        wanted = set(names)
        return [
            (path, self._languages[path], definition)
            for path in dict.fromkeys(path for name in names for path in self._names.get(name, ()))
            for definition in self._facts[path].definitions
            if definition.name in wanted
        ]

    def in_files(self, paths: Collection[str]) -> list[tuple[str, str, Definition]]:
        """Definitions of these files, in the order of the source."""
        return [
            (path, self._languages[path], definition)
            for path in dict.fromkeys(paths)
            if path in self._facts
            for definition in self._facts[path].definitions
        ]

    def files(self) -> Collection[str]:
        """All relative paths."""
        return self._facts

    def text(self, path: str, start: int, end: int) -> str:
        """Lines of a file, `end` not included; empty where the text is not kept."""
        return "".join(self._texts.get(path, "").splitlines(keepends=True)[start:end])

    def replace(self, path: str, facts: Facts) -> Facts | None:
        """Give a file other facts.

        Returns:
            The ones that it had; None where it is new.
        """
        before = self._facts.get(path)
        for definition in before.definitions if before else ():
            self._names[definition.name].pop(path, None)
        self._facts[path] = facts
        self._languages[path] = language_of(path)
        for definition in facts.definitions:
            self._names[definition.name][path] = None
        return before
