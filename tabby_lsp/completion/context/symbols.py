"""Definitions of the names that the code around the cursor uses and that its file imports."""

from __future__ import annotations

import asyncio

import tree_sitter

from tabby_lsp.completion.context.types import Around
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.index.types import Snippet, Wanted
from tabby_lsp.syntax.symbols.hints import dotted_at, given_near
from tabby_lsp.syntax.symbols.nearby import class_at, imports_of, uses_near
from tabby_lsp.syntax.symbols.queries import warm

USES = 32
"""Names around the cursor that are looked up."""


async def find(around: Around) -> tuple[Snippet, ...]:
    """See `types.Source`."""
    index, snapshot = around.place.index, around.snapshot
    if index is None:
        return ()
    if around.position is None:
        warm(snapshot.language)  # some 50 ms that no key should meet
    wanted = wanted_at(snapshot, around.position, around.tree, around.place.path)
    if not (wanted.uses or wanted.imports or wanted.bases):
        return ()
    return await asyncio.wrap_future(index.definitions(wanted))


def wanted_at(snapshot: Snapshot, position: Position | None, tree: tree_sitter.Tree | None, path: str) -> Wanted:
    """What is looked up for a cursor.

    Args:
        snapshot: the document.
        position: the cursor; None where nobody knows it: then what the file imports.
        tree: of the snapshot.
        path: of the document, relative to its folder.
    """
    imports = imports_of(tree, snapshot)
    if position is None:
        return Wanted(path, snapshot.language, imports=imports)
    dotted, uses = dotted_at(snapshot, position), uses_near(tree, snapshot, position, USES)
    return Wanted(
        path=path,
        language=snapshot.language,
        uses=(dotted, *uses) if dotted else uses,
        imports=imports,
        bases=class_at(tree, snapshot, position)[1],
        given=given_near(snapshot, position),
    )
