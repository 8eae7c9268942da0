"""A text that comes into a document piece by piece, in editors that make one undo step of all pieces (`tabby/step`)."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING, Any

from tabby_lsp.document import Snapshot
from tabby_lsp.lsp.convert import range_to

if TYPE_CHECKING:
    from tabby_lsp.actions.types import Span
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

METHOD = "tabby/step"
_numbers = itertools.count(1)


class Steps:
    """Writes one stretch of a document anew, again and again, until it is as it should be.

    Args:
        server: whose client edits.
        snapshot: the document as it is.
        span: the stretch.

    Attributes:
        now: the document with all pieces that were taken; nothing else has changed in it, or the next one is refused.
        begun: whether a piece was taken.
        refused: set once a piece was not taken; nothing more is sent.
    """

    def __init__(self, server: TabbyServer, snapshot: Snapshot, span: Span) -> None:
        self.now = snapshot
        self.begun = False
        self.refused = asyncio.Event()
        self._server = server
        self._number = next(_numbers)
        self._start = snapshot.offset(span.start)
        self._length = snapshot.offset(span.end) - self._start
        self._wanted: str | None = None
        self._sending: asyncio.Task[None] | None = None

    @property
    def span(self) -> Span:
        """The stretch as it is in `now`."""
        from tabby_lsp.actions.types import Span

        return Span(self.now.position(self._start), self.now.position(self._start + self._length))

    def show(self, text: str) -> None:
        """Have the stretch read so as soon as the piece before has been taken; returns at once."""
        self._wanted = text
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def have_begun(self) -> bool:
        """Whether a piece was taken; from now on there is only the end."""
        self._wanted = None
        if self._sending is not None:
            await self._sending
        return self.begun

    async def end(self, text: str) -> bool:
        """Have the stretch read so at last, and the undo step end; call it once, behind `have_begun`.

        Returns:
            Whether it does.
        """
        return not self.refused.is_set() and await self._step(text, last=True)

    async def _send(self) -> None:
        while self._wanted is not None and not self.refused.is_set():
            text, self._wanted = self._wanted, None
            await self._step(text)

    async def _step(self, text: str, *, last: bool = False) -> bool:
        from tabby_lsp.actions.edits import apply, minimal

        edits = minimal(self.now, self.span, text)
        if not edits and not last:
            return True
        places = [range_to(self.now, edit.span.start, edit.span.end, self._server.encoding) for edit in edits]
        params = {
            "id": self._number,
            "textDocument": {"uri": self.now.uri, "version": None if self.begun else self.now.version},
            "edits": [{"range": place, "newText": edit.text} for place, edit in zip(places, edits, strict=True)],
            "first": not self.begun,
            "last": last,
        }
        if not await self._is_applied(params):
            self.refused.set()
            return False
        self.begun = True
        self.now = Snapshot.of(self.now.uri, self.now.language, self.now.version, apply(self.now, edits))
        self._length = len(text)
        return True

    async def _is_applied(self, params: dict[str, Any]) -> bool:
        try:
            # however long that takes: a piece that is taken later than anybody waits for it would be lost sight of
            reply: Any = await self._server.protocol.send_request_async(METHOD, params)
        except Exception as error:
            logger.info("the client did not take a piece of an edit: %r", error)
            return False
        applied = reply.get("applied") if isinstance(reply, dict) else getattr(reply, "applied", None)
        return applied is True
