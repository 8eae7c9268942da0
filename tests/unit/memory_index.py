"""An index of a few files in memory: real facts and real lookups, answered when a test says so."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TypeVar

import tree_sitter

from tabby_lsp.errors import IndexUnavailable
from tabby_lsp.index.lookup.definitions import MemoryTable, definitions
from tabby_lsp.index.types import Query, Snippet, Wanted, Why
from tabby_lsp.syntax.grammars import grammar
from tabby_lsp.syntax.languages import language_of
from tabby_lsp.syntax.symbols.extract import facts_of
from tabby_lsp.syntax.symbols.types import Facts

T = TypeVar("T")
Answer = Future[tuple[Snippet, ...]]


class MemoryIndex:
    """See the module.

    Attributes:
        wanted: what definitions were asked of, in order.
        queries: what was searched for; each file that holds all words of the last line is a hit.
        up: whether it can answer.
    """

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files
        self._table = MemoryTable({path: facts(path, text) for path, text in files.items()}, files)
        self.wanted: list[Wanted] = []
        self.queries: list[Query] = []
        self.up = True

    def definitions(self, wanted: Wanted) -> Answer:
        self.wanted.append(wanted)
        return self._answer(definitions(self._table, wanted))

    def names(self, start: str, language: str, limit: int = 256) -> Future[tuple[str, ...]]:
        known = (facts(path, text) for path, text in self._files.items() if language_of(path) == language)
        found = {one.name for file in known for one in file.definitions if one.name.startswith(start)}
        return self._answer(tuple(found)[:limit])

    def siblings(self, path: str, limit: int = 8) -> Answer:
        names = {f"test_{path.rpartition('/')[2]}"}
        found = [other for other in self._files if other.rpartition("/")[2] in names]
        return self._answer(tuple(self._whole(other, Why.SIBLING) for other in found[:limit]))

    def search(self, query: Query) -> Answer:
        self.queries.append(query)
        words = query.text.splitlines()[-1].split()
        hits = [path for path, text in self._files.items() if path != query.exclude and all(w in text for w in words)]
        return self._answer(tuple(self._whole(path, Why.SEARCH) for path in hits[: query.limit]))

    def _whole(self, path: str, why: Why) -> Snippet:
        text = self._files[path]
        return Snippet(path, language_of(path), 0, len(text.splitlines()), text, why)

    def _answer(self, found: tuple[T, ...]) -> Future[tuple[T, ...]]:
        answer: Future[tuple[T, ...]] = Future()
        if self.up:
            answer.set_result(found)
        else:
            answer.set_exception(IndexUnavailable("It is starting."))
        return answer


def facts(path: str, text: str) -> Facts:
    loaded = grammar(language_of(path))
    assert loaded is not None
    data = text.encode()
    return facts_of(tree_sitter.Parser(loaded).parse(data), data, language_of(path))
