"""When chat's model is let go of, and when it stays: only what chat reads is a reason."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from lsprotocol import types
from scripted_engine import ScriptedEngine, until

from tabby_lsp.config import (
    ChatHttpSettings,
    ChatRole,
    CompletionHttpSettings,
    CompletionRole,
    EmbeddingHttpSettings,
    EmbeddingRole,
    LocalSettings,
    Settings,
)
from tabby_lsp.engine.chat.fallback import ChatWithFallback
from tabby_lsp.engine.chat.local import LocalChat
from tabby_lsp.engine.chat.types import ChatModel, Conversation, Message
from tabby_lsp.errors import ProviderDown
from tabby_lsp.lsp import chat_role
from tabby_lsp.lsp.chat_role import chat_differs
from tabby_lsp.lsp.server import TabbyServer


def with_roles(settings: Settings, **roles: Any) -> Settings:
    return replace(settings, model=replace(settings.model, **roles))


SERVER = ChatHttpSettings(kind="openai/chat", api_endpoint="http://127.0.0.1:9")
SHARED = Settings()
REMOTE = with_roles(SHARED, chat=ChatRole(http=SERVER))
WITH_NET = with_roles(SHARED, chat=ChatRole(http=replace(SERVER, fallback="local")))
OWN = with_roles(SHARED, chat=ChatRole(local=LocalSettings(name="another")))
CHATS = {"shared": SHARED, "server": REMOTE, "server with a net": WITH_NET, "own": OWN}

CHANGES: dict[str, tuple[Callable[[Settings], Settings], set[str]]] = {
    "embedding": (
        lambda s: with_roles(s, embedding=EmbeddingRole(http=EmbeddingHttpSettings(kind="openai/embedding"))),
        set(),
    ),
    "deadline": (lambda s: replace(s, completion=replace(s.completion, deadline_ms=321)), set()),
    "prefix": (
        lambda s: replace(s, completion=replace(s.completion, prefix_tokens=4000)),
        {"shared", "server with a net"},
    ),
    "most tokens": (
        lambda s: replace(s, completion=replace(s.completion, max_tokens=99)),
        {"shared", "server with a net"},
    ),
    "context": (lambda s: replace(s, context=replace(s.context, tokens=99)), {"shared", "server with a net"}),
    "completion's server": (
        lambda s: with_roles(s, completion=CompletionRole(http=CompletionHttpSettings(kind="llama.cpp/completion"))),
        {"shared", "server with a net"},
    ),
    "completion's model": (
        lambda s: with_roles(s, completion=CompletionRole(local=LocalSettings(name="third"))),
        {"shared", "server with a net"},
    ),
    "threads": (lambda s: replace(s, engine=replace(s.engine, threads=1)), {"shared", "server with a net", "own"}),
    "offline": (lambda s: replace(s, offline=True), set(CHATS)),
    "chat's server": (
        lambda s: with_roles(s, chat=replace(s.model.chat, http=replace(SERVER, model_name="other"))),
        set(CHATS),
    ),
}
"""What is changed → for whom another chat model has to be opened."""


@pytest.mark.parametrize("chat", CHATS)
@pytest.mark.parametrize("change", CHANGES)
def test_only_what_chat_reads_makes_it_another(change: str, chat: str) -> None:
    before = CHATS[chat]
    changed, whose = CHANGES[change]
    assert chat_differs(before, changed(before)) is (chat in whose)


class Desk:
    """A server whose chat model a test gives, and what its user was told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
        self.server = TabbyServer()
        self.server.settings = settings
        self.said: list[str] = []
        self.engine = ScriptedEngine()
        self.closed = threading.Event()
        self.go = threading.Event()
        self.go.set()
        server: Any = self.server
        server.protocol.client_capabilities = types.ClientCapabilities()
        server.protocol.notify = lambda *_: None
        server.window_show_message = lambda params: self.said.append(params.message)

        async def serving() -> None:
            """Completion's engine is of no use to these chats."""

        monkeypatch.setattr(server.model, "serving", serving)
        monkeypatch.setattr(chat_role, "_open_chat", lambda *_: self.open())

    def open(self) -> ChatModel:
        chat: Any = LocalChat(self.engine, "local", Settings())

        def close() -> None:
            self.go.wait(10)
            self.closed.set()

        chat.close = close
        return chat


@pytest.mark.asyncio
@pytest.mark.parametrize("chat", CHATS)
async def test_chat_goes_with_completions_engine_where_they_share_it(
    monkeypatch: pytest.MonkeyPatch, chat: str
) -> None:
    desk = Desk(monkeypatch, CHATS[chat])
    first = await desk.server.chat.model()
    desk.go.clear()
    desk.server.chat.engine_goes()  # returns, although closing takes long
    again = await desk.server.chat.model()
    assert (again is first) is (chat in ("server", "own"))
    assert not desk.closed.is_set()
    desk.go.set()
    desk.server.chat.stop()
    await until(desk.closed.is_set, "end")


@pytest.mark.asyncio
async def test_a_chat_of_other_settings_goes_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, REMOTE)
    first = await desk.server.chat.model()
    desk.server.settings = CHANGES["chat's server"][0](REMOTE)
    desk.server.chat.engine_goes()
    assert await desk.server.chat.model() is not first


@pytest.mark.asyncio
async def test_an_opening_that_waits_for_a_mended_engine_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, SHARED)
    comes = asyncio.Event()
    monkeypatch.setattr(desk.server.model, "serving", comes.wait)
    asking = asyncio.create_task(desk.server.chat.model())
    await asyncio.sleep(0)
    desk.server.chat.engine_goes(opening=False)
    comes.set()
    assert (await asking).name == "local"


@pytest.mark.asyncio
async def test_the_user_is_told_once_that_another_model_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, WITH_NET)
    there, here = ScriptedEngine(), ScriptedEngine()
    both = ChatWithFallback(LocalChat(there, "there", SHARED), lambda: LocalChat(here, "here", SHARED))
    monkeypatch.setattr(chat_role, "_open_chat", lambda *_: both)
    chat = await desk.server.chat.model()
    for number in range(3):
        chat.ask(Conversation(key="a", messages=(Message("user", "why?"),), max_tokens=9))
        if not number:
            there.runs[0].fail(ProviderDown("Nobody answers.", "Start it."))
        await until(lambda number=number: len(here.runs) > number, "answer")
    await until(lambda: desk.said, "message")
    assert desk.said == ["tabby-lsp: Nobody answers. Start it. here, in this process, answers meanwhile."]
