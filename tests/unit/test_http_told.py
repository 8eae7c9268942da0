"""What is told of a server's faults, and what is not: keys in any form, patience, settings that do nothing; and what
could go on for ever."""

from __future__ import annotations

import time
from itertools import chain

import httpx
import pytest
from provider_server import (
    PATIENCE_S,
    Handler,
    chatting,
    completing,
    request,
    says,
    serving,
    spoken,
    streams,
)

from tabby_lsp.engine.chat.types import Conversation, Message
from tabby_lsp.engine.http import answers, faults, reply
from tabby_lsp.engine.http.opening import open_remote_chat, open_remote_engine
from tabby_lsp.errors import PromptTooLong, ProviderBroken, ProviderBusy, ProviderDown

KEY = "sk-very-secret-0123456789"


def said(text: str = "Hello?", max_tokens: int = 64) -> Conversation:
    return Conversation(key="c", messages=(Message("user", text),), max_tokens=max_tokens)


# ---- what is told of a key, and of patience --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (KEY, f"unknown key given by the client of this service, which nobody has ever heard of: {KEY}{'x' * 90}"),
        ('sk-"quoted"x', '{"k": "sk-\\"quoted\\"x"'),
        ("sk-a/b", "{'k': sk-a\\/b"),
        ("sk-a+b=", "http://x/?key=sk-a%2Bb%3D&x"),
        ("sk-a+b", '{"k": "sk-a\\u002Bb"'),
        (KEY, f"{' ' * 150}{KEY}"),
    ],
)
def test_no_form_of_a_key_is_told(key: str, said: str) -> None:
    place = faults.Place("chat", "h", key)
    for told in (faults.from_status(place, 401, said), faults.broken(place, "x", said)):
        assert "…" in told.message
        assert not [part for part in ("very", "quoted", "sk-") if part in told.message]


@pytest.mark.parametrize("line", [f"{'no event, and long ' * 4}{KEY}", f"data: {'no json, and long  ' * 4}{KEY}\n"])
def test_a_key_in_what_is_no_event_is_not_cut_before_it_is_found(line: str) -> None:
    with serving(streams([line])) as served:
        chat = open_remote_chat(chatting(served.url, api_key=KEY))
        assert chat is not None
        error = chat.ask(said()).future.exception(PATIENCE_S)
        chat.close()
    assert isinstance(error, ProviderBroken)
    assert "and long" in error.message
    assert "sk-" not in error.message


@pytest.mark.parametrize(
    ("value", "seconds"), [("3600", 3600.0), ("0", 0.0), ("soon", None), ("", None), ("nan", None), ("inf", None)]
)
def test_how_long_a_busy_server_wants_to_be_left_alone_is_told(value: str, seconds: float | None) -> None:
    with serving(says(429, **({"Retry_After": value} if value else {}))) as served:
        engine = open_remote_engine(completing(served.url))
        assert engine is not None
        error = engine.submit(request()).future.exception(PATIENCE_S)
        engine.close()
    assert isinstance(error, ProviderBusy)
    assert error.retry_after_s == seconds


# ---- what could go on for ever ---------------------------------------------------------------------------------------


def chatters(handler: Handler) -> None:
    """Keeps the connection alive and says nothing, until the client has gone."""
    handler.begin()
    for _ in range(int(PATIENCE_S / 0.02)):
        handler.piece(": keep-alive\n\n")
        time.sleep(0.02)


def test_what_only_keeps_the_connection_alive_is_no_answer() -> None:
    with serving(chatters) as served:
        chat = open_remote_chat(chatting(served.url, timeout_s=1))
        assert chat is not None
        error = chat.ask(said()).future.exception(PATIENCE_S / 2)
        assert isinstance(error, ProviderDown)
        assert "silent for 1 s" in error.message
        assert served.gone.wait(PATIENCE_S)
        chat.close()


@pytest.mark.parametrize("data", [b"data: " + b"x" * 4090, b"data:" + b"\n" + b"data: x\n" * 500, b"data:\n" * 700])
def test_an_event_that_never_ends_is_none(data: bytes) -> None:
    events = answers.Events("sse")
    most = 2 * answers.LONGEST_LINE // len(data)
    with pytest.raises(answers.Garbage):
        list(chain.from_iterable(events.feed(data) for _ in range(most)))


def test_a_long_line_in_small_pieces_is_joined_once() -> None:
    """Joined at every piece, 4 MiB in 1,024 pieces would be copied 2 GiB."""
    events = answers.Events("sse")
    raw = b'data: {"a": "' + b"x" * (4 << 20) + b'"}\n\n'
    for nth in range(1024):
        assert list(events.feed(raw[nth * 4096 : (nth + 1) * 4096])) == []
        assert len(events._rest) == nth + 1
    (found,) = events.feed(raw[1024 * 4096 :])
    assert len(found["a"]) == 4 << 20


def test_a_conversation_has_to_leave_room_for_its_answer() -> None:
    with serving(streams(spoken("fine"))) as served:
        chat = open_remote_chat(chatting(served.url))
        assert chat is not None
        long = "x" * (3 * 15_000)
        assert isinstance(chat.ask(said(long, max_tokens=8000)).future.exception(PATIENCE_S), PromptTooLong)
        assert served.asked == []
        assert chat.ask(said(long, max_tokens=1000)).future.result(PATIENCE_S).candidates[0].text == "fine"
        chat.close()


def test_a_pool_without_a_free_connection_is_not_called_silent() -> None:
    error = reply.lost(httpx.PoolTimeout("x"), faults.Place("chat", "h"), 9, begun=False)
    assert isinstance(error, ProviderDown)
    assert "32 questions under way" in error.message


@pytest.mark.parametrize(
    ("kind", "name", "warned"),
    [
        ("openai/legacy_completion", "prompt_template", True),
        ("vllm/completion", "prompt_template", False),
        ("vllm/completion", "chat_template", True),
    ],
)
def test_a_setting_that_does_nothing_is_told(
    kind: str, name: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_remote_engine(completing("http://localhost:1", kind, **{name: "{prefix}"}))
    assert engine is not None
    engine.close()
    assert (f"`model.completion.http.{name}` is not used" in caplog.text) is warned
