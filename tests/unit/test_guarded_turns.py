"""When a server is left alone and when it is asked again: its words and the time are the test's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from provider_server import PATIENCE_S, request
from scripted_engine import Run, ScriptedEngine

from tabby_lsp.engine import guarded
from tabby_lsp.engine.guarded import GuardedEngine
from tabby_lsp.engine.types import Cancelled, Engine, Marker, Priority, Prompt, Ticket
from tabby_lsp.errors import (
    EngineError,
    ModelMissing,
    PromptTooLong,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    TabbyError,
)

DOWN = ProviderDown("Nobody answers.", "Start it.")


def until(seen: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.005)


class Clock:
    """Time as the test has it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Pair:
    """A guard on a server whose words the test says, and the stand-in that has been opened for it, if any."""

    def __init__(self, open_local: Callable[[], Engine] | None = None) -> None:
        self.remote = ScriptedEngine()
        self.told: list[TabbyError | None] = []
        self.engine = GuardedEngine(self.remote, open_local, self.told.append)

    def ask(self, key: str = "file:///a.py", **more: Any) -> Ticket:
        return self.engine.submit(request(key, **more))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The guard's time."""
    monkeypatch.setattr(guarded, "time", clock := Clock())
    return clock


@pytest.mark.parametrize(("asked", "pause"), [(None, 5), (30.0, 30), (86_400.0, 600)])
def test_how_long_a_busy_server_is_left_alone(asked: float | None, pause: float, clock: Clock) -> None:
    error = ProviderBusy("Slow.", retry_after_s=asked)
    pair = Pair()
    pair.ask("a")
    pair.remote.runs[0].fail(error)
    clock.now += pause - 1
    pair.ask("b")
    assert len(pair.remote.runs) == 1
    clock.now += 2
    pair.ask("c")
    assert len(pair.remote.runs) == 2


def test_a_server_that_hangs_counts_as_down_while_somebody_types(clock: Clock) -> None:
    pair = Pair()
    last = pair.ask()
    for _ in range(40):  # each key gives up the question of the last
        clock.now += 0.3
        last = pair.ask()
    assert [type(error) for error in pair.told] == [ProviderDown]
    assert len(pair.remote.runs) < 25
    with pytest.raises(ProviderDown):
        last.future.result(0)


SIGNS: dict[str, Callable[[Run], None]] = {
    "text": lambda run: run.write("a"),
    "answer": lambda run: run.end(),
    "a prompt that is too long": lambda run: run.fail(PromptTooLong("Too long.")),
}


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_of_life_ends_a_row_of_unanswered_questions(sign: str, clock: Clock) -> None:
    pair = Pair()
    heard: list[str] = []
    for number in range(60):
        pair.engine.submit(request("file:///a.py"), heard.append)
        clock.now += 0.3
        if number % 10 == 9:
            SIGNS[sign](pair.remote.runs[-1])
    assert pair.told == []
    assert len(pair.remote.runs) == 60
    assert heard == (["a"] * 6 if sign == "text" else [])


def test_questions_given_up_far_apart_say_nothing(clock: Clock) -> None:
    pair = Pair()
    for _ in range(30):
        ticket = pair.ask()
        clock.now += 0.3
        ticket.cancel()
        clock.now += 20
    assert pair.told == []
    assert len(pair.remote.runs) == 30


@pytest.mark.parametrize("how", ["the future", "the ticket", "a fault of ours"])
def test_a_probe_that_is_given_up_is_no_success(how: str, clock: Clock) -> None:
    pair = Pair()
    pair.ask()
    pair.remote.runs[0].fail(DOWN)
    clock.now += 6
    probe = pair.ask()
    if how == "the future":
        assert probe.future.cancel()
    elif how == "the ticket":
        probe.cancel()
    else:
        pair.remote.runs[1].fail(EngineError("A listener failed."))
    assert pair.told == [DOWN]
    again = pair.ask()
    assert len(pair.remote.runs) == 3, "the next one is the probe"
    pair.remote.runs[2].end("a")
    assert again.future.result(0).candidates[0].text == "a"
    assert pair.told == [DOWN, None]


def test_one_probe_at_a_time_and_the_rest_is_for_the_stand_in(clock: Clock) -> None:
    local = ScriptedEngine()
    pair = Pair(lambda: local)
    pair.ask("a")
    pair.remote.runs[0].fail(DOWN)
    until(lambda: pair.engine._local is local)
    clock.now += 6
    pair.ask("idle", priority=Priority.IDLE)
    assert len(local.runs) == 1, "work ahead of the user is no probe: it is given up too easily"
    pair.ask("b")
    for key in "cde":
        pair.ask(key)
    assert [run.request.key for run in pair.remote.runs] == ["a", "b"]
    assert [run.request.key for run in local.runs] == ["idle", "c", "d", "e"]
    pair.remote.runs[1].end("x")
    pair.ask("f")
    assert len(pair.remote.runs) == 3


def test_questions_from_before_a_failure_do_not_count_again(clock: Clock) -> None:
    pair = Pair()
    for key in "abc":
        pair.ask(key)
    for run in pair.remote.runs:
        run.fail(DOWN)
    clock.now += 5.5  # the pause after one failure
    pair.ask("d")
    assert len(pair.remote.runs) == 4


def test_a_prompt_for_the_other_model_is_given_up(clock: Clock) -> None:
    pair = Pair()  # knows markers in <| |>
    theirs = Prompt((Marker("[SUFFIX]"), "b", Marker("[PREFIX]"), "a"))
    with pytest.raises(Cancelled):
        pair.ask(prompt=theirs).future.result(0)
    assert pair.remote.runs == []
    pair.ask("a")
    pair.remote.runs[0].fail(DOWN)
    clock.now += 6
    with pytest.raises(Cancelled):
        pair.ask(prompt=theirs).future.result(0)
    pair.ask("b")
    assert len(pair.remote.runs) == 2, "it was not the probe"


def test_a_stand_in_that_cannot_be_opened_is_told_of_and_tried_at_the_next_outage(
    clock: Clock,
) -> None:
    local, there = ScriptedEngine(), threading.Event()

    def open_local() -> Engine:
        if not there.is_set():
            raise ModelMissing("There is none.", "Pull one.")
        return local

    pair = Pair(open_local)
    pair.ask()
    pair.remote.runs[0].fail(DOWN)
    until(lambda: len(pair.told) == 2)
    assert pair.told[0] is DOWN
    assert not isinstance(pair.told[1], ProviderError)
    assert "There is none. Pull one." in str(pair.told[1])
    there.set()
    clock.now += 6
    pair.ask()
    pair.remote.runs[1].end("x")
    pair.ask()
    pair.remote.runs[2].fail(DOWN)
    until(lambda: pair.engine._local is local)
    assert [type(error) for error in pair.told] == [ProviderDown, EngineError, type(None), ProviderDown]


def test_a_stand_in_that_comes_after_the_end_is_never_loaded() -> None:
    class Late(ScriptedEngine):
        def __init__(self) -> None:
            super().__init__()
            self.log: list[str] = []

        def ready(self) -> Any:
            self.log.append("ready")
            return super().ready()

        def close(self) -> None:
            self.log.append("close")

    late, go = Late(), threading.Event()

    def open_local() -> Engine:
        go.wait(PATIENCE_S)
        return late

    pair = Pair(open_local)
    pair.ask()
    pair.remote.runs[0].fail(DOWN)
    pair.engine.close()
    go.set()
    until(lambda: late.log)
    assert late.log == ["close"]
