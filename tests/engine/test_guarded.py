"""A server that fails is left alone, said of once, and replaced by the model in this process where that is wanted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rig import SETTINGS
from unit.provider_server import completing, half, request, says, serving, slams, streams, written

from tabby_lsp.engine import guarded
from tabby_lsp.engine.guarded import GuardedEngine
from tabby_lsp.engine.http.opening import open_remote_engine
from tabby_lsp.engine.llama.residence import loader
from tabby_lsp.engine.llama.worker import LlamaEngine
from tabby_lsp.engine.types import Engine, Prompt
from tabby_lsp.errors import ModelMissing, ProviderBroken, ProviderBusy, ProviderError, ProviderRefused, TabbyError

PATIENCE_S = 20.0
GOOD = streams(written("a + b"))


def until(seen: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.005)


class Guard:
    """A guarded engine, and what it has told."""

    def __init__(self, url: str, open_local: Callable[[], Engine] | None = None) -> None:
        remote = open_remote_engine(completing(url))
        assert remote is not None
        self.told: list[TabbyError | None] = []
        self.engine = GuardedEngine(remote, open_local, self.told.append)

    def ask(self) -> str:
        ticket = self.engine.submit(request())
        return ticket.future.result(PATIENCE_S).candidates[0].text


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets for how long a server is left alone."""
    return lambda seconds: monkeypatch.setattr(guarded, "PAUSES_S", (seconds,))


def test_a_server_that_fails_is_asked_once_and_told_of_once(pause: Callable[[float], None]) -> None:
    pause(60)
    with serving(says(500, "kaboom")) as served:
        guard = Guard(served.url)
        for _ in range(5):
            with pytest.raises(ProviderBroken):
                guard.ask()
        assert len(served.asked) == 1
        assert [type(error) for error in guard.told] == [ProviderBroken]
        guard.engine.close()


def test_it_is_asked_again_after_a_pause_and_told_to_be_back(pause: Callable[[float], None]) -> None:
    pause(0)
    with serving(says(401, "no"), says(401, "no"), GOOD) as served:
        guard = Guard(served.url)
        for _ in range(2):
            with pytest.raises(ProviderRefused):
                guard.ask()
        assert guard.ask() == guard.ask() == "a + b"
        assert [type(error) for error in guard.told] == [ProviderRefused, type(None)]
        guard.engine.close()


def test_a_server_that_asks_for_patience_is_left_alone_for_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(says(429, "slow", Retry_After="3600"), GOOD) as served:
        guard = Guard(served.url)
        for _ in range(3):
            with pytest.raises(ProviderBusy):
                guard.ask()
        assert len(served.asked) == 1
        assert [type(error) for error in guard.told] == [ProviderBusy]
        monkeypatch.setattr(guard.engine, "_until", 0.0)
        assert guard.ask() == "a + b"
        assert guard.told[-1] is None
        guard.engine.close()


def test_what_is_only_evaluated_says_nothing_of_the_server(pause: Callable[[float], None]) -> None:
    pause(60)
    with serving(slams) as served:
        guard = Guard(served.url)
        with pytest.raises(ProviderError):
            guard.ask()
        engine = guard.engine
        with pytest.raises(ProviderError):
            engine.submit(request(max_tokens=0)).future.result(PATIENCE_S)
        assert len(guard.told) == 1
        engine.close()


def test_the_model_in_this_process_stands_in_until_the_server_is_back(
    tiny: Path, pause: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pause(3600)
    opened: list[LlamaEngine] = []

    def open_local() -> Engine:
        opened.append(LlamaEngine(loader(tiny, SETTINGS, extra_buffers=False), SETTINGS))
        return opened[-1]

    with serving(half(written("a", finish=None)), GOOD) as served:
        guard = Guard(served.url, open_local)
        engine = guard.engine
        assert engine.info.metadata["general.name"] == "qwen2.5-coder"
        with pytest.raises(ProviderError):
            guard.ask()
        until(lambda: engine._local is not None)
        assert engine.info is opened[0].info
        assert engine.tokenizer is opened[0].tokenizer
        mine = request(prompt=Prompt(("def add(a, b):\n",)), max_tokens=4)
        result = engine.submit(mine).future.result(PATIENCE_S)
        assert result.counters.generated == opened[0].totals.generated == 4
        assert engine.totals.requests == 2
        assert len(served.asked) == 1

        monkeypatch.setattr(engine, "_until", 0.0)
        assert guard.ask() == "a + b"
        assert guard.told[-1] is None
        assert len(opened) == 1
        engine.close()
        with pytest.raises(Exception, match="closing"):
            opened[0].submit(mine).future.result(PATIENCE_S)


def test_a_stand_in_that_cannot_be_opened_is_not_opened_at_each_failure(pause: Callable[[float], None]) -> None:
    pause(0)
    tried = threading.Semaphore(0)

    def open_local() -> Engine:
        tried.release()
        raise ModelMissing("There is none.")

    with serving(says(500, "kaboom")) as served:
        guard = Guard(served.url, open_local)
        for _ in range(4):
            with pytest.raises(ProviderError):
                guard.ask()
        assert tried.acquire(timeout=PATIENCE_S)
        assert not tried.acquire(blocking=False)
        assert len(served.asked) == 4
        guard.engine.close()
