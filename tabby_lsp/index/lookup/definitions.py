"""Definitions of what the code around the cursor uses, imports or extends, as signatures for the prompt.

names → meanings (`resolving`) and owners (`owners`) → worth (`ranking`) → text (`signatures`). No vectors, no model:
what has a name is found by its name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tabby_lsp.index.lookup import ranking
from tabby_lsp.index.lookup.memory_table import MemoryTable
from tabby_lsp.index.lookup.owners import owners as owners_near
from tabby_lsp.index.lookup.resolving import Row, Scope, SymbolTable, is_top
from tabby_lsp.index.lookup.signatures import text_of
from tabby_lsp.index.types import Snippet, Wanted, Why
from tabby_lsp.syntax.symbols.types import Kind

__all__ = ["MemoryTable", "SymbolTable", "definitions"]

GROUP = 6
"""Most definitions in one snippet, so that a budget that is nearly spent can still be filled."""
BANDS = 1.5
"""Definitions of a file share a snippet where their worth, in powers of two times this, rounds to the same."""
MOST = 256
"""Definitions that are written down; more fit into no prompt."""


def definitions(table: SymbolTable, wanted: Wanted) -> tuple[Snippet, ...]:
    """Look up what the code around the cursor may name next.

    Args:
        table: what the repository defines.
        wanted: the names that are around the cursor.

    Returns:
        Snippets of other files, the most probable first; each holds signatures of one file.
    """
    scope = Scope(table, wanted)
    names = [*(use.name for use in wanted.uses), *(use.receiver for use in wanted.uses), *wanted.bases]
    names += [name for name, _ in scope.imported.values()]
    names += [given.rpartition(".")[2] for _, given in wanted.given]
    scope.read(names, [wanted.path, *scope.import_paths])
    found = _Found(scope)
    _direct(found)
    _modules(found)
    _members(found)
    return _snippets(found.best(), scope)


@dataclass(slots=True)
class _Worth:
    """What a definition is worth, by the ways that lead to it."""

    row: Row
    why: Why
    parts: dict[str, float] = field(default_factory=dict)
    score: float = 0.0


class _Found:
    """Definitions of other files. Ways that differ add up; of ways that are alike the best counts."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._by_key: dict[tuple[str, str, str], _Worth] = {}

    def add(self, row: Row, why: Why, way: str, score: float) -> None:
        if row.path == self.scope.wanted.path:
            return
        key = (row.path, row.definition.container, row.definition.name)
        known = self._by_key.setdefault(key, _Worth(row, why))
        known.parts[way] = max(known.parts.get(way, 0.0), score)

    def best(self) -> list[_Worth]:
        near = self._words_near()
        for worth in self._by_key.values():
            name = worth.row.definition.name
            likeness = 1 + ranking.RESEMBLING * ranking.resemblance(name, near)
            worth.score = ranking.thrifty(likeness * sum(worth.parts.values()), worth.row.definition)
        return sorted(self._by_key.values(), key=lambda worth: -worth.score)[:MOST]

    def _words_near(self) -> dict[str, float]:
        """Words of the names around the cursor, with how near they are."""
        found: dict[str, float] = {}
        for rank, use in enumerate(self.scope.wanted.uses):
            for word in (*ranking.words(use.name), *ranking.words(use.receiver)):
                found.setdefault(word, ranking.fading(rank))
        return found


def _direct(found: _Found) -> None:
    """What the names themselves mean."""
    scope = found.scope
    own = {row.definition.name for row in scope.in_file(scope.wanted.path)}
    for rank, use in enumerate(scope.wanted.uses):
        if not use.name or (use.receiver in ranking.OURSELVES and use.name in own):
            continue
        near = ranking.fading(rank)
        meaning = scope.in_module(use.receiver, use.name)
        meaning = meaning or ([] if use.receiver else scope.meaning(use.name))
        for row in meaning:
            _add_with_constructor(found, row, Why.USED, "used", near)
        if not meaning:
            rows = scope.named(use.name)
            sure = len({row.path for row in rows}) <= ranking.MOST_OF_A_NAME
            rows = rows if sure else [row for row in rows if scope.distance(row.path) <= ranking.NEAR]
            for row in rows[: ranking.MOST_OF_A_NAME]:
                found.add(row, Why.NAMED, "named", ranking.WEIGHTS["named" if sure else "ambiguous"] * near)
    for here in scope.imported:
        for row in scope.meaning(here):
            _add_with_constructor(found, row, Why.IMPORTED, "imported", 1.0)


def _add_with_constructor(found: _Found, row: Row, why: Why, way: str, near: float) -> None:
    """Add what a name means, and where that is a class, how one is made."""
    worth = ranking.WEIGHTS[way] * near
    found.add(row, why, way, worth)
    if row.definition.kind is Kind.CLASS:
        for member in found.scope.members(row):
            if member.definition.name in ranking.CONSTRUCTORS:
                found.add(member, Why.MEMBER, way, worth * ranking.MAKES)


def _modules(found: _Found) -> None:
    """What imported modules define."""
    scope = found.scope
    receivers = {use.receiver: rank if use.name else -1 for rank, use in reversed(list(enumerate(scope.wanted.uses)))}
    for here, paths in scope.modules.items():
        rank = receivers.get(here)
        way = "known" if rank is None else "dotted" if rank < 0 else "module"
        near = ranking.fading(max(rank or 0, 0))
        rows = [row for path in paths for row in scope.in_file(path) if is_top(row)]
        _share(found, rows, here, {way: near})


def _members(found: _Found) -> None:
    """What can be written after the dot."""
    for owner, ways in owners_near(found.scope).values():
        _share(found, found.scope.members(owner), owner.definition.name, ways)


def _share(found: _Found, rows: list[Row], owner: str, ways: dict[str, float]) -> None:
    """Let the members of an owner share its worth."""
    if not rows:
        return
    uses = found.scope.wanted.uses
    called = {use.name for use in uses}
    called_on = {use.name for use in uses if use.receiver and ranking.alike(use.receiver, owner)}
    crowd = len(rows) ** ranking.CROWD
    for row in rows:
        name = row.definition.name
        share = ranking.CALLED_ON if name in called_on else ranking.CALLED if name in called else 1.0
        share *= ranking.member_worth(row.definition) / crowd
        for way, near in ways.items():
            found.add(row, Why.MEMBER, way, ranking.WEIGHTS[way] * near * share)


def _snippets(worths: list[_Worth], scope: Scope) -> tuple[Snippet, ...]:
    """Group what stands in one file and is worth about as much."""
    groups: dict[tuple[str, int, int], list[_Worth]] = {}
    counts: dict[tuple[str, int], int] = {}
    for worth in worths:
        if worth.score <= 0:
            continue
        band = round(math.log2(worth.score) * BANDS)
        number = counts.get((worth.row.path, band), 0)
        counts[worth.row.path, band] = number + 1
        groups.setdefault((worth.row.path, band, number // GROUP), []).append(worth)
    return tuple(_snippet(group, scope) for group in list(groups.values())[: scope.wanted.limit])


def _snippet(group: list[_Worth], scope: Scope) -> Snippet:
    rows = [worth.row for worth in group]
    found = [row.definition for row in rows]
    owners = {row.definition.name: row.definition for d in found for row in scope.top(rows[0].path, d.container)}
    return Snippet(
        path=rows[0].path,
        language=rows[0].language,
        start=min(d.start for d in found),
        end=max(d.end for d in found),
        text=text_of(found, rows[0].language, owners),
        why=group[0].why,
        symbols=tuple(f"{d.container}.{d.name}" if d.container else d.name for d in found),
        score=group[0].score,
        parts={way: round(value, 3) for way, value in group[0].parts.items()},
    )
