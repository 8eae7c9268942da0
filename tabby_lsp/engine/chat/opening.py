"""From settings to who answers: a server, completion's own model, or a model of chat's own.

It blocks (a preflight and loading a model take seconds), so the server calls it on a thread of its own.
"""

from __future__ import annotations

from functools import partial

from tabby_lsp.config import Settings
from tabby_lsp.engine.chat.types import ChatModel
from tabby_lsp.engine.types import Engine
from tabby_lsp.roles import local_settings, same_model


def open_chat(settings: Settings, completion_engine: Engine | None, completion_name: str) -> ChatModel:
    """Who answers, as the settings say.

    Args:
        settings: the user's.
        completion_engine: the engine in this process that completes; None where there is none.
        completion_name: the model that it serves, for people.

    Returns:
        One that can be asked at once. Closing it leaves completion's engine alone.

    Raises:
        ConfigError: a server is named without what is needed to reach it.
        ModelMissing: there is no model file.
        ModelUnusable: preflight failed, or the model cannot be loaded.
    """
    if settings.model.chat.http.kind:
        from tabby_lsp.engine.chat.fallback import ChatWithFallback
        from tabby_lsp.engine.http.opening import open_remote_chat

        remote = open_remote_chat(settings)
        if remote is not None and settings.model.chat.http.fallback == "local":
            local = partial(open_local_chat, settings, completion_engine, completion_name)
            return ChatWithFallback(remote, local)
        if remote is not None:
            return remote
    return open_local_chat(settings, completion_engine, completion_name)


def open_local_chat(settings: Settings, completion_engine: Engine | None, completion_name: str) -> ChatModel:
    """The same, whatever server the settings name for chat: what answers where that fails.

    Raises:
        ModelMissing: there is no model file.
        ModelUnusable: preflight failed, or the model cannot be loaded.
    """
    from tabby_lsp.engine.chat.local import LocalChat

    local = not settings.model.completion.http.kind
    if completion_engine is not None and local and same_model(settings):
        return LocalChat(completion_engine, completion_name, settings)
    from tabby_lsp.engine.opening import open_engine

    mine = local_settings(settings, "chat")
    opened = open_engine(mine)
    try:
        return LocalChat(opened.engine, opened.model.name, mine, alone=True)
    except BaseException:
        opened.engine.close()
        raise
