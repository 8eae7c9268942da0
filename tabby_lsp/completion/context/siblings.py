"""Files of the same kind beside the document: a test and its subject, a header and its source."""

from __future__ import annotations

import asyncio

from tabby_lsp.completion.context.types import Around
from tabby_lsp.index.types import Snippet

MOST = 6
"""Snippets that are asked for."""


async def find(around: Around) -> tuple[Snippet, ...]:
    """See `types.Source`."""
    index = around.place.index
    return await asyncio.wrap_future(index.siblings(around.place.path, MOST)) if index else ()
