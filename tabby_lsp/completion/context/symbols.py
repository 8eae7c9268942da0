"""Definitions of the names that the code around the cursor uses and that its file imports."""

from __future__ import annotations

import asyncio

from tabby_lsp.completion.context.types import Around
from tabby_lsp.index.types import Snippet, Wanted
from tabby_lsp.syntax.symbols.nearby import class_at, imports_of, uses_near

USES = 32
"""Names around the cursor that are looked up."""


async def find(around: Around) -> tuple[Snippet, ...]:
    """See `types.Source`."""
    index, snapshot, position = around.place.index, around.snapshot, around.position
    if index is None:
        return ()
    wanted = Wanted(
        path=around.place.path,
        language=snapshot.language,
        uses=uses_near(around.tree, snapshot, position, USES) if position else (),
        imports=imports_of(around.tree, snapshot),
        bases=class_at(around.tree, snapshot, position)[1] if position else (),
    )
    if not (wanted.uses or wanted.imports or wanted.bases):
        return ()
    return await asyncio.wrap_future(index.definitions(wanted))
