"""One generation, many questions: who waits for it, what it is answered with early, and when it ends."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest
from scripted_engine import settled, until
from typist import BEFORE, Typist, given, leave, texts

from tabby_lsp.completion import flight, flights
from tabby_lsp.completion.types import Trigger
from tabby_lsp.document import Position
from tabby_lsp.errors import EngineError, TabbyError

FIRST, SECOND = "total = width * height\n", "    return total"
"""What the model writes: a whole line, and what follows it."""


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "GRACE_S", 0.02)


@pytest.fixture
def long_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing ends because a busy machine took its time."""
    monkeypatch.setattr(flight, "GRACE_S", 0.5)


# ---- typed along ---------------------------------------------------------------------------------------------------


async def test_typed_along_in_flight_is_the_same_flight() -> None:
    typist = Typist()
    document = typist.open()
    first = document.ask()
    await settled()
    (run,) = typist.engine.asked
    run.write("total = wi")
    await settled()
    for character in "tot":
        document.type(character)
        later = document.ask()
        await settled()
    assert len(typist.engine.runs) == 1
    run.end("dth")
    assert await texts(first) == ["total = width"]
    answer = await given(later)
    assert [s.text for s in answer.suggestions] == ["al = width"]
    assert answer.reason == "in-flight"
    assert answer.suggestions[0].start == answer.suggestions[0].end == document.position
    assert len(typist.engine.runs) == 1


async def test_the_same_question_twice_is_one_flight() -> None:
    """A client may ask for its menu and for its ghost text at once."""
    typist = Typist()
    document = typist.open()
    both = [document.ask(), document.ask()]
    await settled()
    typist.engine.asked[0].end("return 1")
    assert [await texts(task) for task in both] == [["return 1"]] * 2
    assert len(typist.engine.runs) == 1


async def test_typed_something_else_is_another_flight() -> None:
    typist = Typist()
    document = typist.open()
    old = document.ask()
    await settled()
    typist.engine.asked[0].write("total = ")
    await settled()
    document.type("x")
    new = document.ask()
    await settled()
    first, second = typist.engine.asked
    assert first.ended
    assert second.tail.endswith("    x")
    assert second.request.draft == "total = ", "what was written so far may well be right a key later"
    second.end(" = 1")
    assert await texts(new) == [" = 1"]
    assert (await given(old)).reason == "superseded"


async def test_typed_before_anything_is_written_is_another_flight() -> None:
    """Nobody knows yet whether it is on its way; what was evaluated is of use to the new one."""
    typist = Typist()
    document = typist.open()
    document.ask()
    await settled()
    document.type("t")
    new = document.ask()
    await settled()
    first, second = typist.engine.asked
    assert first.ended
    assert second.request.prompt.goes_on_from(first.request.prompt)
    second.end("otal")
    assert await texts(new) == ["otal"]


@pytest.mark.parametrize("written", ["", "total = "])
async def test_a_token_that_nobody_wants_is_given_up_before_the_next_prompt_is_made(written: str) -> None:
    """While the prompt is read, all of it is of use to the next question; of what is written, nothing."""
    typist = Typist()
    document = typist.open()
    document.ask()
    await settled()
    (run,) = typist.engine.asked
    if written:
        run.write(written)
    typist.engine.loading = Future()
    document.type("x")
    document.ask()
    await settled()
    assert run.ended is bool(written)
    assert typist.engine.asked == [run], "the next one waits"
    typist.engine.loading.set_result(typist.engine.info)
    await settled()
    assert run.ended
    assert len(typist.engine.asked) == 2


async def test_what_stands_around_is_read_beside_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before the engine has begun, however long its queue is, and not for a question that is over."""
    read: list[Position] = []
    monkeypatch.setattr(flights, "look_around", lambda _, position: read.append(position))
    monkeypatch.setattr(flights, "BESIDE_S", 0.001)
    typist = Typist()
    typist.engine.queues = True
    document = typist.open()
    document.ask()
    await settled()
    (run,) = typist.engine.asked
    await asyncio.sleep(0.02)
    assert read == []
    typist.engine.queues = False
    document.type("x")
    document.ask()
    await settled()
    second = typist.engine.asked[1]
    await until(lambda: read, "look")
    await asyncio.sleep(0.02)
    assert read == [document.position], "once, and only for the newer one"
    second.end()
    assert run.ended


async def test_an_edit_elsewhere_is_another_flight() -> None:
    typist = Typist()
    document = typist.open()
    document.ask()
    await settled()
    document.replace(0, 6, "from")
    document.at = len(BEFORE) - 2
    document.ask()
    await settled()
    assert [run.ended for run in typist.engine.asked] == [True, False]


async def test_backspace_to_the_flights_place_joins_again() -> None:
    typist = Typist()
    document = typist.open()
    tasks = [document.ask()]
    await settled()
    (run,) = typist.engine.asked
    run.write("total = ")
    await settled()
    document.type("to")
    tasks.append(document.ask())
    await settled()
    document.backspace()
    tasks.append(document.ask())
    await settled()
    document.backspace()
    tasks.append(document.ask())
    await settled()
    run.end("1")
    assert [await texts(task) for task in tasks] == [["total = 1"], ["tal = 1"], ["otal = 1"], ["total = 1"]]
    assert len(typist.engine.runs) == 1


async def test_backspace_beyond_the_flights_place_is_another_flight() -> None:
    typist = Typist()
    document = typist.open(BEFORE + "ab")
    document.ask()
    await settled()
    document.backspace()
    document.ask()
    await settled()
    assert [run.ended for run in typist.engine.asked] == [True, False]


async def test_brackets_that_the_editor_closes_do_not_end_a_flight() -> None:
    typist = Typist()
    document = typist.open()
    document.ask()
    await settled()
    (run,) = typist.engine.asked
    run.write("print(wid")
    await settled()
    document.type("print()")
    document.at -= 1
    later = document.ask()
    await settled()
    run.end("th)")
    assert await texts(later) == ["width"]
    assert len(typist.engine.runs) == 1


async def test_what_joined_and_went_another_way_is_asked_anew() -> None:
    """The raw text began as typed, and what is shown of it does not go as far as that."""
    typist = Typist()
    document = typist.open()
    document.ask()
    await settled()
    (run,) = typist.engine.asked
    run.write("return 0   ")
    await settled()
    document.type("return 0  ")
    later = document.ask()
    await settled()
    assert len(typist.engine.runs) == 1
    run.end()
    await settled()
    assert len(typist.engine.asked) == 2
    typist.engine.asked[1].end("# nothing")
    assert await texts(later) == ["# nothing"]


# ---- who gives up --------------------------------------------------------------------------------------------------


async def test_it_ends_after_the_grace_when_the_only_one_gives_up() -> None:
    typist = Typist()
    task = typist.open().ask()
    await settled()
    (run,) = typist.engine.asked
    task.cancel()
    await until(lambda: run.over, "end of the flight")
    assert run.ended
    assert task.cancelled()


async def test_a_question_within_the_grace_takes_over(long_grace: None) -> None:
    typist = Typist()
    document = typist.open()
    old = document.ask()
    await settled()
    (run,) = typist.engine.asked
    run.write("total")
    await leave(old)
    assert not run.over
    document.type("t")
    new = document.ask()
    await settled()
    await asyncio.sleep(0.7)  # the grace has passed, and somebody waits
    assert not run.over
    run.end(" = 1")
    assert await texts(new) == ["otal = 1"]
    assert len(typist.engine.runs) == 1


async def test_each_who_gives_up_leaves_a_whole_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the first one's grace is not the end of the second one's."""
    ends: list[asyncio.TimerHandle] = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def noting(delay: float, *rest: object) -> asyncio.TimerHandle:
        handle = call_later(delay, *rest)  # type: ignore[arg-type]
        if delay == flight.GRACE_S:
            ends.append(handle)
        return handle

    monkeypatch.setattr(flight, "GRACE_S", 5.5)
    monkeypatch.setattr(loop, "call_later", noting)
    document = Typist().open()
    for _ in range(3):
        task = document.ask()
        await settled()
        await leave(task)
    assert len(ends) == 3
    assert [handle.cancelled() for handle in ends] == [True, True, False]


async def test_one_of_two_may_give_up() -> None:
    typist = Typist()
    document = typist.open()
    tasks = [document.ask(), document.ask()]
    await settled()
    await leave(tasks[0])
    await asyncio.sleep(0.06)
    (run,) = typist.engine.asked
    assert not run.over
    run.end("return 1")
    assert await texts(tasks[1]) == ["return 1"]


async def test_nobody_joins_what_is_about_to_end() -> None:
    """Between the end of the grace and the engine's word for it a question is a new one."""
    typist = Typist()
    document = typist.open()
    old = document.ask()
    await settled()
    await leave(old)
    new = document.ask()  # its turn comes after the end of the grace, and before the engine's word
    typist.pipeline._flights.current[document.uri]._drop()
    await settled()
    first, second = typist.engine.asked
    assert first.ended
    second.end("return 1")
    assert await texts(new) == ["return 1"]


async def test_it_may_be_given_up_before_it_has_begun() -> None:
    typist = Typist()
    document = typist.open()
    task = document.ask()
    await asyncio.sleep(0)
    task.cancel()
    typist.pipeline.stop()
    await settled()
    assert task.done()
    assert all(run.ended for run in typist.engine.asked)
    again = document.ask()
    await settled()
    typist.engine.asked[-1].end("return 1")
    assert await texts(again) == ["return 1"]


# ---- by hand -------------------------------------------------------------------------------------------------------


async def test_what_is_asked_by_hand_is_answered_with_all_of_it() -> None:
    typist = Typist(line_budget_ms=0)
    document = typist.open()
    task = document.ask(Trigger.INVOKED)
    await settled()
    (run,) = typist.engine.asked
    assert run.request.candidates == typist.settings.candidates > 1
    assert run.request.quick is None
    run.write(FIRST)
    await settled()
    assert not task.done()
    run.end(SECOND)
    assert len(await texts(task)) == typist.settings.candidates
    assert typist.longer == []


async def test_what_is_asked_by_hand_neither_joins_nor_is_joined() -> None:
    typist = Typist()
    document = typist.open()
    typed = document.ask()
    await settled()
    by_hand = document.ask(Trigger.INVOKED)
    await settled()
    assert (await given(typed)).reason == "superseded"
    again = document.ask()
    await settled()
    assert (await given(by_hand)).reason == "superseded"
    assert [run.ended for run in typist.engine.asked] == [True, True, False]
    typist.engine.asked[2].end("return 1")
    assert await texts(again) == ["return 1"]


# ---- faults --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [EngineError("It is broken.", "Mend it."), LookupError("a mistake of ours")])
async def test_a_fault_reaches_everybody_who_waits(error: Exception) -> None:
    typist = Typist()
    document = typist.open()
    tasks = [document.ask()]
    await settled()
    (run,) = typist.engine.asked
    run.write("total")
    await settled()
    for character in "to":
        document.type(character)
        tasks.append(document.ask())
    await settled()
    run.fail(error)
    for task in tasks:
        with pytest.raises(type(error), match=str(error.args[0])):
            await given(task)
    again = document.ask()
    await settled()
    assert len(typist.engine.asked) == 2, "the next question tries anew"
    typist.engine.asked[1].end("tal = 1")
    assert await texts(again) == ["tal = 1"]


async def test_a_fault_after_an_early_answer_bothers_nobody() -> None:
    typist = Typist(line_budget_ms=0)
    document = typist.open()
    task = document.ask()
    await settled()
    (run,) = typist.engine.asked
    run.write(FIRST)
    assert await texts(task)
    run.fail(TabbyError("It is broken.", "Mend it."))
    await settled()
    assert await texts(document.ask()) == [FIRST.strip()]
