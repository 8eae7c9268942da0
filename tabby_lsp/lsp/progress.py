"""Work-done progress that the server begins, with a fresh token each time, for clients that show it."""

from __future__ import annotations

import asyncio
import uuid
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lsprotocol import types

if TYPE_CHECKING:
    from tabby_lsp.lsp.server import TabbyServer

CREATE_S = 2.0
"""How long the work waits for a client that does not answer; one that is alive takes milliseconds."""


class WorkDone:
    """One piece of work, as `async with`; silent where the client shows no progress.

    Args:
        server: whose client is told.
        title: what the work is.
        cancellable: whether the client may offer to cancel it.
    """

    def __init__(self, server: TabbyServer, title: str, *, cancellable: bool = False) -> None:
        self._progress = server.work_done_progress
        window = server.client_capabilities.window
        self._shown = bool(window and window.work_done_progress)
        self._token = str(uuid.uuid4())
        self._title = title
        self._cancellable = cancellable

    async def __aenter__(self) -> Self:
        """Begin."""
        if self._shown:
            self._shown = await self._create()
        if self._shown:
            self._progress.begin(
                self._token, types.WorkDoneProgressBegin(title=self._title, cancellable=self._cancellable)
            )
        return self

    async def _create(self) -> bool:
        """Whether the client takes the token; where it does not, or says nothing, the protocol wants no progress."""
        asked = asyncio.ensure_future(self._progress.create_async(self._token))
        asked.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait([asked], timeout=CREATE_S)
        return asked.done() and not asked.cancelled() and asked.exception() is None

    @property
    def shown(self) -> bool:
        """Whether the client shows it."""
        return self._shown

    def report(self, message: str, percent: int | None = None) -> None:
        """Say how far it is.

        Args:
            message: a few words.
            percent: 0 to 100; None where it cannot be said.
        """
        if self._shown:
            self._progress.report(
                self._token,
                types.WorkDoneProgressReport(message=message, percentage=percent, cancellable=self._cancellable),
            )

    def is_cancelled(self) -> bool:
        """Whether the user asked for the end of it; may be called from any thread."""
        future = self._progress.tokens.get(self._token)
        return future is not None and future.cancelled()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End; pygls keeps tokens for ever, so this one is dropped."""
        if self._shown:
            self._progress.end(self._token, types.WorkDoneProgressEnd())
            self._progress.tokens.pop(self._token, None)
