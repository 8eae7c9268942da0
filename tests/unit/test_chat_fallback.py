"""A chat server that fails, and the model that answers in its place: one answer, and one failure at most."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_engine import ScriptedEngine

from tabby_lsp.config import ChatHttpSettings, LocalSettings, Settings
from tabby_lsp.engine.chat import fallback
from tabby_lsp.engine.chat.fallback import ChatWithFallback
from tabby_lsp.engine.chat.local import LocalChat
from tabby_lsp.engine.chat.opening import open_chat
from tabby_lsp.engine.chat.types import ChatModel, Conversation, Message
from tabby_lsp.engine.types import Cancelled, Priority, Ticket
from tabby_lsp.errors import ModelMissing, ProviderDown, TabbyError

PATIENCE_S = 10
DOWN = ProviderDown("Nobody answers.", "Start it.")


def scripted(name: str) -> tuple[ScriptedEngine, LocalChat]:
    """A chat model whose words the test says."""
    engine = ScriptedEngine()
    return engine, LocalChat(engine, name, Settings())


def question(key: str = "a") -> Conversation:
    return Conversation(key=key, messages=(Message("user", "why?"),), max_tokens=9)


def text_of(ticket: Ticket) -> str:
    return ticket.future.result(PATIENCE_S).candidates[0].text


def wait_for(seen: Callable[[], object]) -> None:
    for _ in range(PATIENCE_S * 100):
        if seen():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")


class Pair:
    """A server and its stand-in."""

    def __init__(self) -> None:
        self.server, remote = scripted("server")
        self.stand_in, self.local = scripted("stand-in")
        self.opened = 0
        self.error: TabbyError | None = None
        self.chat = ChatWithFallback(remote, self._open)

    def _open(self) -> ChatModel:
        self.opened += 1
        if self.error is not None:
            raise self.error
        return self.local


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_a_server_that_answers_is_all_there_is(pair: Pair) -> None:
    heard: list[str] = []
    ticket = pair.chat.ask(question(), heard.append)
    pair.server.runs[0].end("because")
    assert text_of(ticket) == "because"
    assert heard == ["because"]
    assert (pair.opened, pair.chat.name) == (0, "server")


def test_the_question_that_failed_is_put_to_the_stand_in(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    heard: list[str] = []
    ticket = pair.chat.ask(question(), heard.append)
    pair.server.runs[0].fail(DOWN)
    wait_for(lambda: pair.stand_in.runs)
    pair.stand_in.runs[0].end("because")
    assert text_of(ticket) == "because"
    assert heard == ["because"]
    assert pair.stand_in.runs[0].request.prompt == pair.server.runs[0].request.prompt

    again = pair.chat.ask(question())  # the server is left alone for a while, and nobody is told twice
    pair.stand_in.runs[1].end("so")
    assert text_of(again) == "so"
    assert (pair.opened, len(pair.server.runs), pair.chat.name) == (1, 1, "stand-in")
    assert len(caplog.records) == 1


def test_a_server_is_asked_again_after_a_while(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "PAUSE_S", 0.0)
    ticket = pair.chat.ask(question())
    pair.server.runs[0].fail(DOWN)
    wait_for(lambda: pair.stand_in.runs)
    pair.stand_in.runs[0].end("because")
    assert text_of(ticket) == "because"
    again = pair.chat.ask(question())
    pair.server.runs[1].end("so")
    assert text_of(again) == "so"


def test_half_an_answer_is_not_begun_anew(pair: Pair) -> None:
    ticket = pair.chat.ask(question(), lambda _: None)
    pair.server.runs[0].write("beca")
    pair.server.runs[0].fail(DOWN)
    with pytest.raises(ProviderDown):
        ticket.future.result(PATIENCE_S)
    assert pair.opened == 0


def test_a_stand_in_that_is_not_there_leaves_the_servers_failure(pair: Pair) -> None:
    pair.error = ModelMissing("There is no model.", "Pull one.")
    ticket = pair.chat.ask(question())
    pair.server.runs[0].fail(DOWN)
    with pytest.raises(ProviderDown):
        ticket.future.result(PATIENCE_S)


def test_a_cancel_reaches_whoever_answers(pair: Pair) -> None:
    first = pair.chat.ask(question())
    first.cancel()
    assert pair.server.runs[0].ended
    second = pair.chat.ask(question("b"))
    pair.server.runs[1].fail(DOWN)
    wait_for(lambda: pair.stand_in.runs)
    second.cancel()
    assert pair.stand_in.runs[0].ended
    for ticket in (first, second):
        with pytest.raises(Cancelled):
            ticket.future.result(PATIENCE_S)


def test_another_who_answers_is_told_of_once_an_outage(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback, "PAUSE_S", 0.0)
    told: list[tuple[object, str]] = []
    pair.chat.on_change = lambda error, name: told.append((error, name))

    def outage() -> None:
        ticket, already = pair.chat.ask(question()), len(pair.stand_in.runs)
        pair.server.runs[-1].fail(DOWN)
        wait_for(lambda: len(pair.stand_in.runs) > already)
        pair.stand_in.runs[-1].end("because")
        assert text_of(ticket) == "because"

    outage()
    outage()
    assert told == [(DOWN, "stand-in")]
    ticket = pair.chat.ask(question())
    pair.server.runs[-1].end("so")
    assert text_of(ticket) == "so"
    outage()
    assert told == [(DOWN, "stand-in")] * 2


class Slow:
    """A stand-in that takes its time to be opened."""

    def __init__(self, pair: Pair) -> None:
        self.go, self.begun, self.closed = threading.Event(), threading.Event(), threading.Event()
        local = pair.local
        close_it = local.close

        def close() -> None:
            close_it()
            self.closed.set()

        def opening() -> ChatModel:
            self.begun.set()
            self.go.wait(PATIENCE_S)
            return local

        local.close = close
        self.chat = ChatWithFallback(LocalChat(pair.server, "server", Settings()), opening)


def test_closing_does_not_wait_for_a_stand_in_that_is_being_opened(pair: Pair) -> None:
    slow = Slow(pair)
    ticket = slow.chat.ask(question())
    pair.server.runs[0].fail(DOWN)
    assert slow.begun.wait(PATIENCE_S)
    slow.chat.close()  # returns, although nobody has opened it
    with pytest.raises(Cancelled):
        ticket.future.result(0)
    assert not slow.closed.is_set()
    slow.go.set()
    assert slow.closed.wait(PATIENCE_S)
    assert pair.stand_in.runs == []


def test_a_cancel_while_the_stand_in_is_being_opened_is_heard_at_once(pair: Pair) -> None:
    slow = Slow(pair)
    ticket = slow.chat.ask(question())
    pair.server.runs[0].fail(DOWN)
    assert slow.begun.wait(PATIENCE_S)
    ticket.cancel()
    with pytest.raises(Cancelled):
        ticket.future.result(0)
    slow.go.set()
    wait_for(lambda: slow.chat._local is not None)
    again = slow.chat.ask(question())
    pair.stand_in.runs[0].end("because")
    assert text_of(again) == "because"
    assert len(pair.stand_in.runs) == 1


def test_other_faults_are_the_askers(pair: Pair) -> None:
    ticket = pair.chat.ask(question())
    pair.server.runs[0].fail(TabbyError("The prompt is too long."))
    with pytest.raises(TabbyError, match="too long"):
        ticket.future.result(PATIENCE_S)
    assert pair.opened == 0


# ---- who answers -----------------------------------------------------------------------------------------------------


def test_chat_shares_completions_engine_and_gives_way_to_it() -> None:
    engine = ScriptedEngine()
    chat = open_chat(Settings(), engine, "model")
    assert chat.name == "model"
    ticket = chat.ask(question("file:///a.py"))
    request = engine.runs[0].request
    assert request.priority is Priority.CHAT
    assert request.leave > 0
    assert request.key != "file:///a.py", "it supersedes no completion"
    chat.close()
    assert ticket.cancelled
    assert engine.submit(request).future.done() is False, "completion's engine is open"


@pytest.mark.parametrize("other", [LocalSettings(name="another"), LocalSettings(path="/none/there.gguf")])
def test_another_model_gets_an_engine_of_its_own(
    other: LocalSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABBY_LSP_MODELS", str(tmp_path))
    model = replace(Settings().model, chat=replace(Settings().model.chat, local=other))
    with pytest.raises(ModelMissing):
        open_chat(replace(Settings(), model=model), ScriptedEngine(), "model")


def test_a_server_is_opened_without_being_asked() -> None:
    http = ChatHttpSettings(kind="openai/chat", model_name="m", api_endpoint="http://127.0.0.1:9/v1")
    settings = Settings()

    def with_server(server: ChatHttpSettings) -> Settings:
        return replace(settings, model=replace(settings.model, chat=replace(settings.model.chat, http=server)))

    alone = open_chat(with_server(http), None, "")
    assert not isinstance(alone, LocalChat | ChatWithFallback)
    alone.close()
    engine = ScriptedEngine()
    both = open_chat(with_server(replace(http, fallback="local")), engine, "model")
    assert isinstance(both, ChatWithFallback)
    ticket = both.ask(question())
    wait_for(lambda: engine.runs)
    engine.runs[0].end("because")
    assert text_of(ticket) == "because"
    both.close()
