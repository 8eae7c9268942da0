"""Requests on their way: who ends them, how often a server is asked, and what is never sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from provider_server import (
    PATIENCE_S,
    Behaviour,
    chatting,
    completing,
    engine_on,
    hangs,
    request,
    says,
    serving,
    slams,
    spoken,
    stalls,
    streams,
    wait_for,
    written,
)

from tabby_lsp.config import RateLimitSettings
from tabby_lsp.engine.chat.types import Conversation, Message
from tabby_lsp.engine.http import limits
from tabby_lsp.engine.http import server as server_room
from tabby_lsp.engine.http.opening import open_remote_chat, open_remote_engine
from tabby_lsp.engine.types import Cancelled, Priority, Result
from tabby_lsp.errors import ProviderBusy, ProviderDown, ProviderRefused

HELLO = Conversation(key="c", messages=(Message("user", "Hello?"),), max_tokens=64)


def heard_something() -> tuple[Callable[[str], None], threading.Event]:
    heard = threading.Event()
    return (lambda _: heard.set()), heard


# ---- cancelling ------------------------------------------------------------------------------------------------------


def test_cancelling_closes_the_connection() -> None:
    with engine_on(stalls(written("a = ", finish=None))) as (engine, served):
        emit, heard = heard_something()
        ticket = engine.submit(request(), emit)
        assert heard.wait(PATIENCE_S)
        ticket.cancel()
        with pytest.raises(Cancelled):
            ticket.future.result(0)  # at once, whatever the server does
        assert served.gone.wait(PATIENCE_S)
        ticket.cancel()  # twice is as good as once


def test_cancelling_before_the_server_answers() -> None:
    with engine_on(hangs) as (engine, served):
        ticket = engine.submit(request())
        assert wait_for(lambda: bool(served.asked))
        ticket.cancel()
        with pytest.raises(Cancelled):
            ticket.future.result(0)
        assert served.gone.wait(PATIENCE_S)


def test_cancelling_a_chat_closes_its_connection() -> None:
    with serving(stalls(spoken("Well", finish=None))) as served:
        chat = open_remote_chat(chatting(served.url))
        assert chat is not None
        emit, heard = heard_something()
        ticket = chat.ask(HELLO, emit)
        assert heard.wait(PATIENCE_S)
        ticket.cancel()
        with pytest.raises(Cancelled):
            ticket.future.result(0)
        assert served.gone.wait(PATIENCE_S)
        chat.close()


def test_closing_ends_everything_and_nothing_can_be_asked_any_more() -> None:
    with engine_on(stalls(written("a", finish=None))) as (engine, served):
        emit, heard = heard_something()
        ticket = engine.submit(request(), emit)
        assert heard.wait(PATIENCE_S)
        engine.close()
        for late in (ticket, engine.submit(request())):
            with pytest.raises(Cancelled):
                late.future.result(PATIENCE_S)
        assert served.gone.wait(PATIENCE_S)
        engine.close()


def test_the_thread_ends_with_the_last_who_uses_it() -> None:
    def threads() -> int:
        return sum(thread.name == "tabby-http" for thread in threading.enumerate())

    with serving(streams(written("a"))) as served:
        engine, chat = open_remote_engine(completing(served.url)), open_remote_chat(chatting(served.url))
        assert engine is not None
        assert chat is not None
        assert threads() == 1
        engine.close()
        assert threads() == 1
        chat.close()
        assert wait_for(lambda: threads() == 0)


# ---- who supersedes whom ---------------------------------------------------------------------------------------------


def test_a_newer_request_with_the_same_key_supersedes() -> None:
    with engine_on(stalls(written("old", finish=None)), streams(written("new"))) as (engine, served):
        emit, heard = heard_something()
        older = engine.submit(request(), emit)
        assert heard.wait(PATIENCE_S)
        newer = engine.submit(request())
        with pytest.raises(Cancelled):
            older.future.result(PATIENCE_S)
        assert newer.future.result(PATIENCE_S).candidates[0].text == "new"
        assert served.gone.wait(PATIENCE_S)


def test_another_document_is_answered_beside() -> None:
    with engine_on(stalls(written("old\n", finish=None)), streams(written("new"))) as (engine, _):
        emit, heard = heard_something()
        older = engine.submit(request(), emit)
        assert heard.wait(PATIENCE_S)
        assert engine.submit(request("file:///b.py")).future.result(PATIENCE_S).candidates[0].text == "new"
        assert not older.future.done()


def test_work_ahead_gives_way_to_whoever_asks() -> None:
    with engine_on(stalls(written("ahead", finish=None)), streams(written("asked"))) as (engine, _):
        emit, heard = heard_something()
        ahead = engine.submit(request("file:///b.py", priority=Priority.IDLE), emit)
        assert heard.wait(PATIENCE_S)
        assert engine.submit(request()).future.result(PATIENCE_S).candidates[0].text == "asked"
        with pytest.raises(Cancelled):
            ahead.future.result(PATIENCE_S)


def test_what_is_only_evaluated_is_never_sent() -> None:
    with engine_on(streams(written("a"))) as (engine, served):
        result = engine.submit(request(max_tokens=0, priority=Priority.IDLE)).future.result(0)
        assert result == Result((), result.counters)
        assert engine.ready().result(0) is engine.info
        assert served.asked == []


def test_nothing_is_prefetched_from_a_server_elsewhere() -> None:
    with engine_on(streams(written("a"))) as (engine, served):
        engine.server.near = False
        with pytest.raises(Cancelled):
            engine.submit(request(priority=Priority.IDLE)).future.result(0)
        assert served.asked == []
        assert engine.submit(request()).future.result(PATIENCE_S).candidates[0].text == "a"


# ---- attempts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "first", "asked"),
    [
        ("completion", [says(503)], 2),
        ("completion", [says(429, Retry_After="0.2")], 2),
        ("completion", [slams], 2),
        ("chat", [says(502), says(504)], 3),
        ("chat", [says(429, Retry_After="0"), slams], 3),
    ],
)
def test_what_failed_before_the_first_piece_is_asked_again(
    role: str, first: list[Behaviour], asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = replace(server_room.PATIENCE[role], pause=0.01)
    monkeypatch.setitem(server_room.PATIENCE, role, quick)
    fine = streams(written("fine") if role == "completion" else spoken("fine"))
    with serving(*first, fine) as served:
        if role == "completion":
            engine = open_remote_engine(completing(served.url))
            assert engine is not None
            result = engine.submit(request()).future.result(PATIENCE_S)
            engine.close()
        else:
            chat = open_remote_chat(chatting(served.url))
            assert chat is not None
            result = chat.ask(HELLO).future.result(PATIENCE_S)
            chat.close()
        assert result.candidates[0].text == "fine"
        assert len(served.asked) == asked


def test_no_attempt_is_made_that_would_come_after_the_deadline() -> None:
    with engine_on(says(503, Retry_After="0.4")) as (engine, served):
        late = engine.submit(request(deadline=time.monotonic() + 0.3))
        assert isinstance(late.future.exception(PATIENCE_S), ProviderDown)
        assert len(served.asked) == 1


def test_a_newer_key_of_a_command_is_tried_once(tmp_path: Any) -> None:
    counter = tmp_path / "counter"
    script = tmp_path / "key.py"
    script.write_text(
        f"import pathlib; p = pathlib.Path({str(counter)!r}); n = int(p.read_text()) if p.exists() else 0\n"
        "p.write_text(str(n + 1)); print('key-%d' % n)\n"
    )
    import sys

    with engine_on(says(401), streams(written("fine")), api_key_command=f"{sys.executable} {script}") as (
        engine,
        served,
    ):
        assert engine.submit(request()).future.result(PATIENCE_S).candidates[0].text == "fine"
        keys = [asked.headers["authorization"] for asked in served.asked]
        assert keys == ["Bearer key-0", "Bearer key-1"]
        served.behaviours[:] = [says(401)]
        assert isinstance(engine.submit(request()).future.exception(PATIENCE_S), ProviderRefused)
        assert len(served.asked) == 4  # the newer one too, and no more


def test_connections_are_used_again() -> None:
    with engine_on(streams(written("a"))) as (engine, served):
        for _ in range(4):
            engine.submit(request()).future.result(PATIENCE_S)
            assert wait_for(lambda: not engine._runs._runs)
        assert (len(served.asked), served.connections) == (4, 1)


def test_both_roles_share_a_pool() -> None:
    with serving(streams(written("a")), streams(spoken("b"))) as served:
        engine, chat = open_remote_engine(completing(served.url)), open_remote_chat(chatting(served.url))
        assert engine is not None
        assert chat is not None
        engine.submit(request()).future.result(PATIENCE_S)
        assert wait_for(lambda: not engine._runs._runs)
        chat.ask(HELLO).future.result(PATIENCE_S)
        chat.close()
        engine.close()
        assert served.connections == 1


# ---- limits ----------------------------------------------------------------------------------------------------------


def test_over_our_own_limit_a_completion_fails_at_once_and_a_chat_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = RateLimitSettings(request_per_minute=2)
    with engine_on(streams(written("a")), rate_limit=limit) as (engine, served):
        for _ in range(2):
            engine.submit(request()).future.result(PATIENCE_S)
        error = engine.submit(request()).future.exception(PATIENCE_S)
        assert isinstance(error, ProviderBusy)
        assert "`model.completion.http.rate_limit.request_per_minute`" in error.remedy
        assert len(served.asked) == 2
    monkeypatch.setattr(limits, "MINUTE_S", 0.5)
    with serving(streams(spoken("a"))) as served:
        chat = open_remote_chat(chatting(served.url, rate_limit=limit))
        assert chat is not None
        began = time.monotonic()
        for _ in range(3):
            chat.ask(HELLO).future.result(PATIENCE_S)
        assert time.monotonic() - began >= 0.5  # the third waited for its turn: no upper bound is asserted
        chat.close()


def test_no_chat_waits_for_its_turn_beyond_its_deadline() -> None:
    with serving(streams(spoken("a"))) as served:
        chat = open_remote_chat(chatting(served.url, rate_limit=RateLimitSettings(request_per_minute=1)))
        assert chat is not None
        chat.ask(HELLO).future.result(PATIENCE_S)
        late = chat.ask(replace(HELLO, deadline=time.monotonic() + 5))
        assert isinstance(late.future.exception(PATIENCE_S), ProviderBusy)
        assert len(served.asked) == 1
        chat.close()


def test_the_window_of_the_limit_slides() -> None:
    limit = limits.RateLimit(2)
    waits = []
    for now in (0.0, 30.0, 31.0, 60.0, 61.0, 90.5):
        waits.append(limit.wait(now))
        if not waits[-1]:
            limit.take(now)
    assert waits == [0.0, 0.0, 29.0, 0.0, 29.0, 0.0]
    assert limits.RateLimit(0).wait(0.0) == 0.0
