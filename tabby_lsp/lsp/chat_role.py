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

from lsprotocol import types

from tabby_lsp.config import ChatRole as ChatRoleSettings
from tabby_lsp.config import EmbeddingRole, Settings
from tabby_lsp.errors import EngineError, ProviderError, TabbyError

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
        self._settings = Settings()
        self._shares = False

    async def model(self) -> ChatModel:
        """Who answers now; opens it where it is not, and waits while the model is being loaded.

        Raises:
            TabbyError: there is no model, or it cannot be used; its message is for a person. The next call tries again.
        """
        opening = self._opening
        if opening is None or _failed(opening):
            self._settings = self._server.settings
            opening = self._opening = asyncio.get_running_loop().create_task(self._open(self._settings))
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
        opening.add_done_callback(self._close)
        opening.cancel()

    def engine_goes(self, *, opening: bool = True) -> None:
        """The engine that completes is let go of: who shares it is too, and who is not the one that is configured.

        Args:
            opening: whether this ends an opening that is under way, too.
        """
        if self._opening is None or not (opening or self._opening.done()):
            return
        if _may_share(self._settings) or chat_differs(self._settings, self._server.settings):
            self.stop()

    async def _open(self, settings: Settings) -> ChatModel:
        shared = await self._shared(settings)
        self._shares = shared is not None and not settings.model.chat.http.kind
        work = asyncio.create_task(asyncio.to_thread(_open_chat, settings, shared))
        try:
            model = await asyncio.shield(work)
        except asyncio.CancelledError:  # the thread goes on, and nobody is left to take what it opens
            work.add_done_callback(self._close)
            raise
        self._listen(model)
        logger.info("chat: %s", model.name)
        return model

    def _listen(self, model: ChatModel) -> None:
        """Tell the user when another model answers than the one that is configured."""
        from tabby_lsp.engine.chat.fallback import ChatWithFallback

        loop = asyncio.get_running_loop()

        def changed(error: ProviderError, name: str) -> None:
            text = f"tabby-lsp: {error} {name}, in this process, answers meanwhile."
            params = types.ShowMessageParams(types.MessageType.Warning, text)
            loop.call_soon_threadsafe(self._server.window_show_message, params)

        if isinstance(model, ChatWithFallback):
            model.on_change = changed

    def _close(self, opening: asyncio.Task[ChatModel]) -> None:
        """Beside the requests: it waits for the thread of an engine."""
        if not opening.cancelled() and opening.exception() is None:
            self._server.background(asyncio.to_thread(opening.result().close))

    async def _shared(self, settings: Settings) -> Opened | None:
        """The engine that completes, where chat may need it."""
        if not _may_share(settings):
            return None
        if not settings.model.chat.http.kind:
            return await self._server.model.serving()
        try:
            return await self._server.model.serving()
        except TabbyError as error:
            logger.warning("chat has nothing to fall back to: %s", error)
            return None


def chat_differs(before: Settings, after: Settings) -> bool:
    """Whether another chat model is configured, or another room for it; what only others read is no reason."""
    return before != after and _chatting(before) != _chatting(after)


def _chatting(settings: Settings) -> tuple[object, ...]:
    """All that chat reads."""
    from tabby_lsp.roles import local_settings

    model = settings.model
    if not _in_this_process(settings):
        return model.chat, settings.offline
    own = local_settings(settings, "chat")
    file = own.model.name, own.model.path, own.model.directory
    room: tuple[int, ...] = ()
    if shares := _may_share(settings):
        from tabby_lsp.engine.chat.local import needed_beside

        room = needed_beside(settings), needed_beside(settings, 1)
    return model.chat, settings.offline, file, own.engine, shares, room


def _in_this_process(settings: Settings) -> bool:
    """Whether a model in this process chats, be it as a stand-in."""
    http = settings.model.chat.http
    return not http.kind or http.fallback == "local"


def _may_share(settings: Settings) -> bool:
    """Whether that is the one that completes."""
    from tabby_lsp.roles import same_model

    return _in_this_process(settings) and not settings.model.completion.http.kind and same_model(settings)


def completion_differs(before: Settings, after: Settings) -> bool:
    """Whether another model is configured that completes; the other two roles are no reason to load it anew."""

    def completing(settings: Settings) -> tuple[object, ...]:
        model = replace(settings.model, chat=ChatRoleSettings(), embedding=EmbeddingRole())
        return model, settings.engine, settings.offline

    return completing(before) != completing(after)


def _failed(opening: asyncio.Task[ChatModel]) -> bool:
    return opening.done() and (opening.cancelled() or opening.exception() is not None)


def _open_chat(settings: Settings, shared: Opened | None) -> ChatModel:
    """Run on a thread: it blocks, and it imports what must not be imported before `initialized`."""
    from tabby_lsp.engine.chat.opening import open_chat

    return open_chat(settings, shared.engine if shared else None, shared.model.name if shared else "")
