"""What the prompts of each document show of other files: gathered, fitted to the room, and swapped in when it is read.

What is gathered is not shown yet: who reads prompts says when.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tabby_lsp.completion.context import choose
from tabby_lsp.completion.context.forms import Beside, beside
from tabby_lsp.completion.context.gather import Context
from tabby_lsp.completion.context.types import Block, Room
from tabby_lsp.completion.families import Family
from tabby_lsp.completion.names import Names, names_at
from tabby_lsp.document import Position, Snapshot

logger = logging.getLogger(__name__)

MOMENT_S = 0.05
"""Seconds for which a key waits for context at most: whatever takes longer, the next key has."""
NO_BLOCK = Block()


class Shown:
    """The block of each document, and the one that is to take its place.

    Args:
        context: gathers them.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._blocks: dict[str, Block] = {}
        self._fresh: dict[str, Block] = {}
        self._fitted: dict[str, tuple[Block, int, Block]] = {}
        self._gathering: dict[str, asyncio.Task[Block | None]] = {}

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._blocks.pop(uri, None)
        self._fresh.pop(uri, None)
        self._fitted.pop(uri, None)
        if gathering := self._gathering.pop(uri, None):
            gathering.cancel()
        self._context.forget(uri)

    def stop(self) -> None:
        """No more questions will come."""
        for gathering in tuple(self._gathering.values()):
            gathering.cancel()

    @property
    def tokens(self) -> int:
        """Tokens that the settings give to other files."""
        return self._context.tokens

    def names(self, snapshot: Snapshot, position: Position) -> Names | None:
        """The names that one which stands before a cursor may become; other files need not be shown for theirs."""
        return names_at(snapshot, position, self._context.names(snapshot.uri), self._context.beginning)

    def block(self, uri: str) -> Block:
        """What the prompts of a document show."""
        return self._blocks.get(uri, NO_BLOCK)

    def show(self, uri: str, block: Block) -> None:
        """From now on they show that."""
        self._blocks[uri] = block
        self._fresh.pop(uri, None)

    def beside(self, uri: str, room: Room, family: Family, block: Block | None = None) -> Beside:
        """A block in the family's form, as much of it as there is room for at this moment.

        Args:
            uri: of the document.
            room: tokens, and what a snippet takes of them.
            family: the loaded model's template.
            block: what is to be shown; None: what is.
        """
        block = block or self.block(uri)
        known = self._fitted.get(uri)
        if known is None or known[0] is not block or known[1] != room.tokens:
            fits = choose.fitting(block.snippets, room.tokens, room.cost)
            known = self._fitted[uri] = block, room.tokens, replace(block, snippets=fits)
        return beside(known[2], family)

    async def fresh(self, snapshot: Snapshot, position: Position | None, room: Callable[[], Room]) -> Block | None:
        """What the prompts of a document should show; None where they do.

        Args:
            snapshot: the document.
            position: the cursor; None where nobody knows it.
            room: asked where something is gathered.
        """
        uri = snapshot.uri
        if self._context.is_due(uri, position.line if position else -1):
            last = self.block(uri)
            block = await self._context.gather(snapshot, position, last, room())
            if block is last:
                self._fresh.pop(uri, None)
            else:
                self._fresh[uri] = block
        return self._fresh.get(uri)

    async def gathered(self, snapshot: Snapshot, position: Position, room: Callable[[], Room], *, waits: bool) -> None:
        """Show what there is to show by now.

        Args:
            snapshot: the document.
            position: the cursor.
            room: asked where something is gathered.
            waits: whether until it is gathered; else for a moment, and then it goes on with what there was.
        """
        uri, gathering = snapshot.uri, self._gathering.get(snapshot.uri)
        if gathering is None:
            work = self.fresh(snapshot, position, room)
            gathering = self._gathering[uri] = asyncio.get_running_loop().create_task(work)
            gathering.add_done_callback(partial(self._ended, uri))
            await asyncio.wait({gathering}, timeout=None if waits else MOMENT_S)
        elif waits:
            await asyncio.wait({gathering})
        if gathering.done() and not gathering.cancelled() and (block := gathering.result()) is not None:
            self.show(uri, block)

    def _ended(self, uri: str, gathering: asyncio.Task[Block | None]) -> None:
        if self._gathering.get(uri) is gathering:
            del self._gathering[uri]
        if not gathering.cancelled() and (error := gathering.exception()):
            logger.debug("context could not be gathered: %s", error)
