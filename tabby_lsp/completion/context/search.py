"""What a search over the index finds for the code around the cursor, where it is worth asking.

Retrieval helps fewer than one in five questions (Repoformer), so it comes last, and only where there is room and the
code around the cursor names something.
"""

from __future__ import annotations

import asyncio
import re

from tabby_lsp.completion.context.types import Around
from tabby_lsp.index.types import Query, Snippet
from tabby_lsp.syntax.symbols.nearby import uses_near

LEAST_ROOM = 0.25
"""Part of the budget below which nothing is searched for."""
LINES = 8
"""Lines before the cursor that are a question."""
LEAST_WORDS = 3
"""Names in them below which they ask for nothing."""
MOST = 5
"""Hits that are asked for."""
_NAME = re.compile(r"[^\W\d]\w{2,}")


async def find(around: Around) -> tuple[Snippet, ...]:
    """See `types.Source`."""
    index, snapshot, position = around.place.index, around.snapshot, around.position
    if index is None or position is None or around.room < LEAST_ROOM:
        return ()
    first = max(0, position.line - LINES)
    lines = [snapshot.line_text(line) for line in range(first, position.line)]
    lines.append(snapshot.line_text(position.line)[: position.column])
    text = "\n".join(lines)
    if len(set(_NAME.findall(text))) < LEAST_WORDS:
        return ()
    if around.is_secret(snapshot):  # what embeds the question may be a server
        return ()
    names = " ".join(use.name for use in uses_near(around.tree, snapshot, position))
    query = Query(f"{text}\n{names}", languages=(snapshot.language,), exclude=around.place.path, limit=MOST)
    return await asyncio.wrap_future(index.search(query))
