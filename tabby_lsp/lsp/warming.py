"""What the first list of code actions needs of a document, made ready when it is opened and when it comes to rest.

All of it is done on the event loop, a few milliseconds at a time: trees belong to it, and on a thread tree-sitter would
hold up the loop all the same, since its binding keeps the interpreter's lock. Whoever asks in the meantime waits for a
slice, and finishes what is begun if it is that document's tree that is wanted.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

SLICE_S = 0.004
"""Seconds of parsing at a time: a document of 13,000 lines takes ten of them."""
PAUSE_S = 0.004
"""Seconds between two slices: a message that arrives passes through a thread three times, which needs the interpreter's
lock each time. On a busy machine others waited 26 to 49 ms at most with it, 50 to 320 with one millisecond."""
REST_S = 0.5
"""Seconds without a change after which a document is parsed although nobody has asked for it (for whoever types it is
parsed by the completion), and after which queries are compiled: one of TypeScript's takes 100 ms, and cannot be
interrupted."""
MOST = 8
"""Documents that are made ready; an editor that opens more at once, from its last session, shows few of them."""


class Warming:
    """Makes documents ready, one at a time, the one that was opened or changed last first.

    Args:
        server: its documents, trees and settings.
    """

    def __init__(self, server: TabbyServer) -> None:
        self._server = server
        self._waiting: dict[str, None] = {}
        self._busy = False
        self._rest: asyncio.TimerHandle | None = None
        self._changed = -math.inf
        self._touched: dict[str, None] = {}

    def start(self) -> None:
        """Import what is needed, on a thread: 0.2 s that a user would wait for it."""
        self._server.background(asyncio.to_thread(_imported))

    def opened(self, uri: str) -> None:
        """A document was opened."""
        self._waiting.pop(uri, None)
        self._waiting[uri] = None
        if len(self._waiting) > MOST:
            del self._waiting[next(iter(self._waiting))]
        if not self._busy:
            self._busy = True
            self._server.background(self._work())

    def changed(self, uri: str) -> None:
        """A document was changed."""
        loop = asyncio.get_running_loop()
        if self._rest is not None:
            self._rest.cancel()
        self._changed = loop.time()
        self._touched[uri] = None
        self._rest = loop.call_later(REST_S, self._at_rest)

    def _at_rest(self) -> None:
        touched, self._touched = self._touched, {}
        for uri in touched:
            self.opened(uri)

    async def _work(self) -> None:
        try:
            await asyncio.to_thread(_imported)
            while self._waiting:
                uri, _ = self._waiting.popitem()
                try:
                    await self._warm(uri)
                except Exception:  # the other documents have nothing to do with it
                    logger.exception("%s could not be made ready", uri)
        finally:
            self._busy = False

    async def _warm(self, uri: str) -> None:
        from tabby_lsp.syntax import grammars
        from tabby_lsp.syntax.symbols import queries

        server = self._server
        if not (server.settings.actions.enabled or server.settings.completion.enabled):
            return
        while True:
            snapshot = server.documents.get(uri)  # each time: it may have been changed, or closed
            if snapshot is None:
                return
            if server.trees.advance(snapshot, SLICE_S):
                break
            await asyncio.sleep(PAUSE_S)
        grammars.query(snapshot.language)  # the completion needs it too
        await self._rested()
        for _ in queries.warming(snapshot.language):
            await self._rested()

    async def _rested(self) -> None:
        """Nobody is typing."""
        loop, left = asyncio.get_running_loop(), PAUSE_S
        while left > 0:
            await asyncio.sleep(left)
            left = self._changed + REST_S - loop.time()


def _imported() -> None:
    import tabby_lsp.actions.offers
    import tabby_lsp.syntax.trees  # noqa: F401
