"""Who chats: the model that answers questions and writes what code actions ask for.

Opened when it is first asked for, shared by all who ask, and dropped when its settings change, so that the next
question goes to the new one. Where it is the very model that completes, the two share an engine, and the weights are in
memory once.

    server.chat.model() → ChatModel, or a TabbyError with a remedy
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from tabby_lsp.config import ChatRole as ChatRoleSettings
from tabby_lsp.config import EmbeddingRole, Settings
from tabby_lsp.errors import EngineError, TabbyError

if TYPE_CHECKING:
    from tabby_lsp.engine.chat.types import ChatModel
    from tabby_lsp.engine.opening import Opened
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)


class ChatRole:
    """The server's chat model.

    Args:
        server: settings, and the engine that completes.
    """

    def __init__(self, server: TabbyServer) -> None:
        self._server = server
        self._opening: asyncio.Task[ChatModel] | None = None
        self._shares = False

    async def model(self) -> ChatModel:
        """Who answers now; opens it where it is not, and waits while the model is being loaded.

        Raises:
            TabbyError: there is no model, or it cannot be used; its message is for a person. The next call tries again.
        """
        opening = self._opening
        if opening is None or _failed(opening):
            opening = self._opening = asyncio.get_running_loop().create_task(self._open())
        # not `await shield(...)`: that raises the same for a caller who was cancelled and for an opening that was
        await asyncio.wait([opening])
        if opening.cancelled():
            raise EngineError("The settings of the chat model have changed meanwhile.", "Ask again.")
        return opening.result()

    def served(self) -> None:
        """It has answered: where it shares an engine that had left memory, that is back."""
        if self._shares:
            self._server.model.served()

    def stop(self) -> None:
        """Let go of the model; what it was writing ends. The next question opens the one that is configured by then."""
        opening, self._opening = self._opening, None
        if opening is None:
            return
        opening.add_done_callback(_close)
        opening.cancel()

    async def _open(self) -> ChatModel:
        settings = self._server.settings
        shared = await self._shared(settings)
        self._shares = shared is not None and not settings.model.chat.http.kind
        work = asyncio.create_task(asyncio.to_thread(_open_chat, settings, shared))
        try:
            model = await asyncio.shield(work)
        except asyncio.CancelledError:  # the thread goes on, and nobody is left to take what it opens
            work.add_done_callback(_close)
            raise
        logger.info("chat: %s", model.name)
        return model

    async def _shared(self, settings: Settings) -> Opened | None:
        """The engine that completes, where chat may need it."""
        from tabby_lsp.roles import same_model

        chat = settings.model.chat.http
        if settings.model.completion.http.kind or not same_model(settings):
            return None
        if not chat.kind:
            return await self._server.model.serving()
        if chat.fallback != "local":
            return None
        try:
            return await self._server.model.serving()
        except TabbyError as error:
            logger.warning("chat has nothing to fall back to: %s", error)
            return None


def chat_differs(before: Settings, after: Settings) -> bool:
    """Whether another chat model is configured."""
    return (before.model, before.engine, before.offline) != (after.model, after.engine, after.offline)


def completion_differs(before: Settings, after: Settings) -> bool:
    """Whether another model is configured that completes; the other two roles are no reason to load it anew."""

    def completing(settings: Settings) -> tuple[object, ...]:
        model = replace(settings.model, chat=ChatRoleSettings(), embedding=EmbeddingRole())
        return model, settings.engine, settings.offline

    return completing(before) != completing(after)


def _failed(opening: asyncio.Task[ChatModel]) -> bool:
    return opening.done() and (opening.cancelled() or opening.exception() is not None)


def _close(opening: asyncio.Task[ChatModel]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _open_chat(settings: Settings, shared: Opened | None) -> ChatModel:
    """Run on a thread: it blocks, and it imports what must not be imported before `initialized`."""
    from tabby_lsp.engine.chat.opening import open_chat

    return open_chat(settings, shared.engine if shared else None, shared.model.name if shared else "")
