"""Classes and modules whose members the code around the cursor may name next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tabby_lsp.index.lookup import ranking
from tabby_lsp.index.lookup.resolving import Row, Scope
from tabby_lsp.syntax.symbols.types import Kind

FOLLOWED = 48
"""Most names of types that are followed, beside those that are imported."""

Told = tuple[str, str, float]
"""A type as the code names it, the way to it (a key of `ranking.WEIGHTS`), and how near its mention is, up to 1."""


def owners(scope: Scope) -> dict[tuple[str, str], tuple[Row, dict[str, float]]]:
    """Classes of other files, with the ways that lead to them and how near each is.

    The table is read in at most three rounds: names that are told, the files of their classes, those of their bases.
    """
    told = list(_told(scope))
    names = list(dict.fromkeys(name for name, _, _ in told))[: FOLLOWED + len(scope.imported)]
    scope.read((name.rpartition(".")[2] for name in names), ())
    classes = {name: _classes(scope, name) for name in names}
    bases = [base for rows in classes.values() for row in rows for base in row.definition.bases]
    scope.read(bases, [row.path for rows in classes.values() for row in rows])
    above = {base: [row for row in scope.named(base) if row.definition.kind is Kind.CLASS][:1] for base in bases}
    scope.read((), [row.path for rows in above.values() for row in rows])
    receivers = _receivers(scope)
    found: dict[tuple[str, str], tuple[Row, dict[str, float]]] = {}

    def add(row: Row, way: str, near: float) -> None:
        ways = found.setdefault((row.path, row.definition.name), (row, {}))[1]
        ways[way] = max(ways.get(way, 0.0), near)

    for name, way, near in told:
        for row in classes.get(name, ()):
            add(row, way, near)
            for base in row.definition.bases:
                for other in above[base]:
                    add(other, way, near * ranking.INHERITED)
    for row, _ in list(found.values()):
        for receiver, rank in receivers.items():
            if ranking.alike(receiver, row.definition.name):
                add(row, "dotted" if rank < 0 else "alike", 0.6 if rank < 0 else ranking.fading(rank))
    return found


def _receivers(scope: Scope) -> dict[str, int]:
    """What stands before dots, by its rank among the uses; -1 for the dot at the cursor."""
    uses = list(enumerate(scope.wanted.uses))
    return {use.receiver: rank if use.name else -1 for rank, use in reversed(uses) if use.receiver}


def _told(scope: Scope) -> Iterator[Told]:
    """Names of types, by all that tells of one."""
    wanted = scope.wanted
    yield from ((base, "extended", 1.0) for base in wanted.bases)
    own = [row.definition for row in scope.in_file(wanted.path)]
    inherited = [
        member.definition for base in wanted.bases for row in _classes(scope, base) for member in scope.members(row)
    ]
    holders = ranking.annotated([*own, *inherited])
    for name, path in wanted.given:
        receiver, _, given = path.rpartition(".")
        types = [path, *_given(scope, given, receiver.rpartition(".")[2])]
        holders[name] = [*types, *holders.get(name, ())]
    for receiver, rank in _receivers(scope).items():
        way, near = ("dotted", 1.0) if rank < 0 else ("typed", ranking.fading(rank))
        yield from ((name, way, near) for name in holders.get(receiver, ()))
    for rank, use in enumerate(wanted.uses):
        near = ranking.fading(rank)
        yield use.name, "class", near
        yield from ((name, "held", near) for name in holders.get(use.name, ()))
        yield from ((name, "returned", near) for name in _given(scope, use.name, use.receiver))
    yield from ((here, "known", 1.0) for here in scope.imported)


def _given(scope: Scope, name: str, receiver: str = "") -> Iterable[str]:
    """Types that a name gives when it is called, or holds."""
    rows = scope.in_module(receiver, name) or scope.meaning(name) or scope.named(name)[: ranking.MOST_OF_A_NAME]
    for row in rows:
        one = row.definition
        if one.kind is not Kind.CLASS:
            called = one.kind in {Kind.FUNCTION, Kind.METHOD}
            yield from ranking.given_types(one.signature, one.name, called=called)


def _classes(scope: Scope, name: str) -> list[Row]:
    module, _, last = name.rpartition(".")
    rows = scope.in_module(module, last) if module else scope.meaning(last)
    rows = rows or scope.named(last)
    return [row for row in rows if row.definition.kind is Kind.CLASS][: ranking.MOST_OF_A_NAME]
