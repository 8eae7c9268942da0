"""Who gives way to whom: idle work to everybody at once, and an older question to the one that goes on from it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rig import SETTINGS, Spy, request, texts

from tabby_lsp.config import EngineSettings
from tabby_lsp.engine.llama import residence
from tabby_lsp.engine.llama.crew import Crew, Load
from tabby_lsp.engine.llama.evaluate import Row
from tabby_lsp.engine.llama.generate import IDLE_SLICE, SLICE
from tabby_lsp.engine.llama.residence import loader
from tabby_lsp.engine.llama.sampling import Logits
from tabby_lsp.engine.llama.worker import LlamaEngine
from tabby_lsp.engine.types import Cancelled, Priority, Request, Result, Ticket

PATIENCE_S = 30
TEXT = "x = 1\n" * 60

Make = Callable[..., LlamaEngine]
Hook = Callable[[Sequence[Row]], None]


class Hooked(Spy):
    """An evaluator whose `hook` runs on the worker thread before each evaluation; it writes an `x` after anything."""

    hook: Hook = staticmethod(lambda _: None)

    def run(self, rows: Sequence[Row]) -> None:
        type(self).hook(rows)
        super().run(rows)

    def logits(self, row: int) -> Logits:
        found = super().logits(row)
        found[self.model.vocabulary.encode("x")[0]] = 100.0
        return found


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> type[Hooked]:
    class Mine(Hooked):
        pass

    monkeypatch.setattr(residence, "Evaluator", Mine)
    return Mine


@pytest.fixture
def make(tiny: Path, hooked: type[Hooked]) -> Iterator[Make]:
    """Engines that are loaded; closed after the test."""
    made: list[LlamaEngine] = []

    def engine(**settings: Any) -> LlamaEngine:
        chosen: EngineSettings = replace(SETTINGS, **settings)
        made.append(LlamaEngine(loader(tiny, chosen, extra_buffers=True), chosen))
        made[-1].ready().result(PATIENCE_S)
        return made[-1]

    yield engine
    for one in made:
        one.close()
        one._thread.join(PATIENCE_S)
        assert not one._thread.is_alive()


def done(ticket: Ticket) -> Result:
    return ticket.future.result(PATIENCE_S)


def ended(ticket: Ticket) -> bool:
    return isinstance(ticket.future.exception(PATIENCE_S), Cancelled)


def prefill(text: str, **more: Any) -> Request:
    return request(text, max_tokens=0, priority=Priority.IDLE, **more)


def during(engine: LlamaEngine, hooked: type[Hooked], nth: int, first: Request, act: Callable[[], None]) -> Ticket:
    """Submit a request, and act on the worker thread as its `nth` evaluation begins."""
    count = 0

    def hook(_: Sequence[Row]) -> None:
        nonlocal count
        count += 1
        if count == nth:
            act()

    with engine._wake:  # the worker must not begin before all is in place
        hooked.hook = staticmethod(hook)
        return engine.submit(first)


# ---- idle prefill ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("priority", [Priority.COMPLETION, Priority.CHAT])
@pytest.mark.parametrize("nth", [1, 3])
def test_an_idle_prefill_gives_way_at_once_and_keeps_the_rest(
    make: Make, hooked: type[Hooked], priority: Priority, nth: int
) -> None:
    engine, comers = make(), list[Ticket]()
    idle = during(
        engine,
        hooked,
        nth,
        prefill(TEXT),
        lambda: comers.append(engine.submit(request("y", key="b", priority=priority))),
    )
    assert ended(idle)
    assert idle.evaluated == (nth - 1) * IDLE_SLICE, "the slice that was under way is lost, and no other"
    assert done(comers[0]).candidates[0].text == "x" * 8
    again = done(engine.submit(prefill(TEXT)))
    assert again.counters.reused == (nth - 1) * IDLE_SLICE
    assert engine.totals.evaluated == again.counters.prompt + done(comers[0]).counters.evaluated


def test_an_idle_prefill_does_not_give_way_to_other_idle_work(make: Make, hooked: type[Hooked]) -> None:
    engine, comers = make(), list[Ticket]()
    idle = during(engine, hooked, 2, prefill(TEXT), lambda: comers.append(engine.submit(prefill("y", key="b"))))
    assert done(idle).counters.evaluated == done(idle).counters.prompt
    assert done(comers[0]).candidates == ()


def test_what_is_written_in_idle_time_is_overtaken_between_two_tokens(make: Make, hooked: type[Hooked]) -> None:
    """It is not given up: a suggestion may come of it."""
    engine, comers = make(), list[Ticket]()
    idle = during(
        engine,
        hooked,
        3,
        request("y", priority=Priority.IDLE),
        lambda: comers.append(engine.submit(request("z", key="b"))),
    )
    assert done(idle).candidates[0].text == "x" * 8
    assert done(comers[0]).candidates[0].text == "x" * 8


def test_the_question_whose_prompt_is_being_prefilled_goes_on_from_it(make: Make, hooked: type[Hooked]) -> None:
    engine, comers = make(), list[Ticket]()
    idle = during(engine, hooked, 4, prefill(TEXT), lambda: comers.append(engine.submit(request(TEXT + "y"))))
    assert ended(idle)
    assert done(comers[0]).counters.reused == 3 * IDLE_SLICE


@pytest.mark.parametrize("priority", [Priority.COMPLETION, Priority.IDLE])
def test_an_idle_prefill_never_ends_what_is_written_for_the_same_document(
    make: Make, hooked: type[Hooked], priority: Priority
) -> None:
    engine, comers = make(), list[Ticket]()
    writing = during(
        engine, hooked, 3, request(TEXT, priority=priority), lambda: comers.append(engine.submit(prefill("y" * 20)))
    )
    assert done(writing).candidates[0].text == "x" * 8
    assert ended(comers[0])


def test_a_newer_prefill_of_the_same_document_supersedes(make: Make, hooked: type[Hooked]) -> None:
    engine, comers = make(), list[Ticket]()
    old = during(engine, hooked, 2, prefill(TEXT), lambda: comers.append(engine.submit(prefill("y = 2\n" * 9))))
    assert ended(old)
    assert done(comers[0]).counters.prompt


# ---- an older question -----------------------------------------------------------------------------------------------


def test_a_question_that_goes_on_lets_the_slice_end(make: Make, hooked: type[Hooked]) -> None:
    engine, newer = make(), list[Ticket]()
    old = during(engine, hooked, 2, request(TEXT), lambda: newer.append(engine.submit(request(TEXT + "y = "))))
    assert ended(old)
    assert old.evaluated == 2 * SLICE
    result = done(newer[0])
    assert result.counters.reused == 2 * SLICE
    assert result.counters.evaluated == result.counters.prompt - 2 * SLICE


def test_one_that_goes_elsewhere_does_not(make: Make, hooked: type[Hooked]) -> None:
    engine, newer = make(), list[Ticket]()
    old = during(engine, hooked, 2, request(TEXT), lambda: newer.append(engine.submit(request("y = " + TEXT))))
    assert ended(old)
    assert old.evaluated == SLICE
    assert done(newer[0]).candidates[0].text == "x" * 8


def test_who_gives_up_after_being_superseded_ends_it_at_once(make: Make, hooked: type[Hooked]) -> None:
    engine, newer, old = make(), list[Ticket](), list[Ticket]()

    def act() -> None:
        newer.append(engine.submit(request(TEXT + "y = ")))
        old[0].cancel()

    with engine._wake:
        old.append(during(engine, hooked, 2, request(TEXT), act))
    assert ended(old[0])
    assert old[0].evaluated == SLICE
    assert done(newer[0]).counters.reused == SLICE


def test_a_gentle_cancel_lets_the_slice_end(make: Make, hooked: type[Hooked]) -> None:
    engine, old = make(), list[Ticket]()
    with engine._wake:
        old.append(during(engine, hooked, 2, request(TEXT), lambda: old[0].cancel(at_once=False)))
    assert ended(old[0])
    assert old[0].evaluated == 2 * SLICE


# ---- cells -----------------------------------------------------------------------------------------------------------


class Gate:
    """Holds the worker thread at the first piece of text."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, _: object) -> None:
        self.reached.set()
        assert self.opened.wait(PATIENCE_S)


def held(engine: LlamaEngine, gate: Gate, *, priority: Priority) -> Ticket:
    """One that is being written, and holds nearly all the cells there are."""
    ticket = engine.submit(request("y", key="long", max_tokens=200, priority=priority), gate)
    assert gate.reached.wait(PATIENCE_S)
    return ticket


def test_idle_work_is_pushed_aside_where_its_cells_are_needed(make: Make) -> None:
    engine, gate = make(context=256), Gate()
    idle = held(engine, gate, priority=Priority.IDLE)
    comer = engine.submit(request("z" * 90, key="big", max_tokens=4))
    gate.opened.set()
    assert done(comer).candidates[0].text == "xxxx"
    assert ended(idle)


def test_idle_work_that_leaves_enough_is_not(make: Make) -> None:
    engine, gate = make(context=256), Gate()
    idle = held(engine, gate, priority=Priority.IDLE)
    comer = engine.submit(request("z", key="small", max_tokens=4))
    gate.opened.set()
    assert done(comer).candidates[0].text == "xxxx"
    assert done(idle).candidates[0].text == "x" * 200


def test_other_work_is_not_pushed_aside_and_idle_work_pushes_nobody(make: Make) -> None:
    for under_way, coming in ((Priority.CHAT, Priority.COMPLETION), (Priority.IDLE, Priority.IDLE)):
        engine, gate = make(context=256), Gate()
        first = held(engine, gate, priority=under_way)
        comer = engine.submit(request("z" * 90, key="big", max_tokens=4, priority=coming))
        gate.opened.set()
        assert done(first).candidates[0].text == "x" * 200
        assert done(comer).candidates[0].text == "xxxx"


# ---- beside the work -------------------------------------------------------------------------------------------------


def test_totals_are_of_all_that_was_done(make: Make) -> None:
    engine = make()
    results = [done(engine.submit(asked)) for asked in (prefill(TEXT), request(TEXT), request("y", candidates=3))]
    assert engine.totals.evaluated == sum(result.counters.evaluated for result in results)
    assert engine.totals.generated == sum(result.counters.generated for result in results) > 0
    assert engine.totals.requests == 2
    assert engine.totals.agreed <= engine.totals.drafted


def test_guesses_can_be_turned_off(make: Make) -> None:
    asked = request(TEXT, max_tokens=40, draft="x" * 40)
    on, off = make(drafts="any"), make(drafts="off")
    assert texts(done(on.submit(asked)).candidates) == texts(done(off.submit(asked)).candidates)
    assert off.totals.drafted == 0


def test_a_machine_that_hides_its_load_is_served(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> Load:
        raise PermissionError("/proc/stat")

    monkeypatch.setattr(residence, "Crew", lambda most, cores: Crew(2, 2, load))
    engine = make()
    for key in "ab":
        assert done(engine.submit(request("y", key=key))).candidates[0].text == "x" * 8
