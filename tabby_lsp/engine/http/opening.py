"""From settings to a server that takes a role; nothing is asked of it yet.

The one way in for the server and the command line. It may block for a key (a command, a locked keyring), so the
language server calls it on a thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabby_lsp.config import Settings

if TYPE_CHECKING:
    from tabby_lsp.engine.http.chat import RemoteChat
    from tabby_lsp.engine.http.remote import RemoteEngine


def open_remote_engine(settings: Settings) -> RemoteEngine | None:
    """The server that completes; None where `model.completion.http.kind` names none.

    Args:
        settings: the completion role, and whether the network is off.

    Raises:
        ConfigError: an address, a model's name or a template is missing or cannot be used.
        Offline: the address or the proxy is another machine's, and the network is off.
        ProviderRefused: the key cannot be had.
    """
    http = settings.model.completion.http
    if not http.kind:
        return None
    from tabby_lsp.engine.http.kinds import COMPLETION
    from tabby_lsp.engine.http.remote import RemoteEngine
    from tabby_lsp.engine.http.server import Server

    server = Server(http, COMPLETION[http.kind], "completion", offline=settings.offline)
    context = settings.model.completion.local.context or settings.engine.context
    return RemoteEngine(server, context)


def open_remote_chat(settings: Settings) -> RemoteChat | None:
    """The server that chats; None where `model.chat.http.kind` names none.

    Args:
        settings: the chat role, and whether the network is off.

    Raises:
        ConfigError: an address or a model's name is missing or cannot be used.
        Offline: the address or the proxy is another machine's, and the network is off.
        ProviderRefused: the key cannot be had.
    """
    http = settings.model.chat.http
    if not http.kind:
        return None
    from tabby_lsp.engine.http.chat import RemoteChat
    from tabby_lsp.engine.http.kinds import CHAT
    from tabby_lsp.engine.http.server import Server

    server = Server(http, CHAT[http.kind], "chat", offline=settings.offline)
    return RemoteChat(server, settings.model.chat.local.context)
