"""What is answered before the model is through, and what becomes of the rest."""

from __future__ import annotations

import asyncio

import pytest
from scripted_engine import settled
from typist import BEFORE, Typist, given, texts

from tabby_lsp.completion import flight
from tabby_lsp.completion.pipeline import Pipeline

FIRST, SECOND = "total = width * height\n", "    return total"
"""What the model writes: a whole line, and what follows it."""


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "GRACE_S", 0.02)


# ---- early answers -------------------------------------------------------------------------------------------------


async def test_a_whole_line_is_an_answer_and_the_rest_is_kept() -> None:
    typist = Typist(line_budget_ms=0)
    document = typist.open()
    task = document.ask()
    await settled()
    (run,) = typist.engine.asked
    run.write(FIRST[:-1])
    await settled()
    assert not task.done(), "no whole line yet"
    run.write(FIRST[-1])
    answer = await given(task)
    assert ([s.text for s in answer.suggestions], answer.finish) == ([FIRST.strip()], "early")
    assert answer.counters.generated == 2
    assert not run.over
    assert typist.longer == []
    run.end(SECOND)
    await settled()
    assert typist.longer == [document.snapshot]
    again = await given(document.ask())
    assert [s.text for s in again.suggestions] == [FIRST + SECOND]
    assert again.reason == "typed-along"
    assert len(typist.engine.runs) == 1


async def test_words_are_shown_before_their_line_where_the_client_takes_more() -> None:
    typist = Typist(word_budget_ms=1)
    document = typist.open()
    task = document.ask()
    await settled()
    (run,) = typist.engine.asked
    await asyncio.sleep(0.005)
    run.write("tot")
    await settled()
    assert not task.done(), "nobody knows yet where the word ends"
    run.write("al = wid")
    assert await texts(task) == ["total ="]
    assert typist.longer == []
    run.write("th * 2\n    ret")
    await settled()
    assert typist.longer == [document.snapshot], "the line is whole"
    assert await texts(document.ask()) == ["total = width * 2"]
    run.end("urn total")
    await settled()
    assert typist.longer == [document.snapshot] * 2
    assert await texts(document.ask()) == ["total = width * 2\n    return total"]


async def test_words_are_not_shown_where_the_client_takes_no_more() -> None:
    typist = Typist(word_budget_ms=1)
    typist.pipeline = Pipeline(typist.engine, lambda: typist.settings)
    task = typist.open().ask()
    await settled()
    (run,) = typist.engine.asked
    await asyncio.sleep(0.005)
    run.write("total = width ")
    await settled()
    assert not task.done()
    run.end("* 2")
    assert await texts(task) == ["total = width * 2"]


async def test_nobody_is_told_where_nothing_was_added() -> None:
    typist = Typist(line_budget_ms=0)
    document = typist.open()
    task = document.ask()
    await settled()
    typist.engine.asked[0].write(FIRST)
    assert await texts(task) == [FIRST.strip()]
    typist.engine.asked[0].end()
    await settled()
    assert typist.longer == []


async def test_nobody_is_told_where_nothing_was_shown_early() -> None:
    typist = Typist()
    task = typist.open().ask()
    await settled()
    typist.engine.asked[0].end(FIRST + SECOND)
    assert await texts(task) == [FIRST + SECOND]
    await settled()
    assert typist.longer == []


async def test_within_the_budget_the_whole_is_waited_for() -> None:
    typist = Typist(line_budget_ms=60_000)
    task = typist.open().ask()
    await settled()
    typist.engine.asked[0].write(FIRST + SECOND)
    await settled()
    assert not task.done()
    typist.engine.asked[0].end()
    assert await texts(task) == [FIRST + SECOND]


@pytest.mark.parametrize(("sure", "shown"), [(-0.01, True), (-0.8, False)])
async def test_a_part_that_would_not_be_shown_answers_nobody(sure: float, shown: bool) -> None:
    """What follows may make it likely enough; an empty answer would be the last that the client hears."""
    typist = Typist(line_budget_ms=0)
    task = typist.open().ask()
    await settled()
    (run,) = typist.engine.asked
    run.ticket.logprobs, run.ticket.ends = [sure], [len(FIRST)]
    run.write(FIRST)
    await settled()
    assert task.done() is shown


async def test_a_part_that_is_likely_up_to_the_middle_of_a_word_answers_nobody() -> None:
    """Where it would be cut there, nothing of it is shown."""
    typist = Typist(line_budget_ms=0)
    task = typist.open().ask()
    await settled()
    (run,) = typist.engine.asked
    run.ticket.logprobs, run.ticket.ends = [-0.01, -0.9], [len("tota"), len(FIRST)]
    run.write(FIRST)
    await settled()
    assert not task.done()


async def test_who_has_typed_the_doubtful_part_is_shown_the_rest() -> None:
    typist = Typist(line_budget_ms=0)
    document = typist.open()
    first = document.ask()
    await settled()
    (run,) = typist.engine.asked
    run.ticket.logprobs, run.ticket.ends = [-0.9, -0.01], [len("total"), len(FIRST)]
    run.write(FIRST)
    await settled()
    assert not first.done()
    document.type("total")
    assert await texts(document.ask()) == [FIRST.strip()[len("total") :]]


async def test_the_event_loop_is_woken_where_there_is_something_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time takes the interpreter from the engine between two tokens."""
    looks: list[str] = []
    look = flight.Flight.look
    monkeypatch.setattr(flight.Flight, "look", lambda self: (looks.append(self.written), look(self))[1])
    typist = Typist(line_budget_ms=0)
    task = typist.open().ask()
    await settled()
    (run,) = typist.engine.asked
    looks.clear()
    for token in ("total", " =", " width", " *", " height", "\n", "    ", "return", " total"):
        run.write(token)
        await settled()
    assert looks == [FIRST], "a whole line, for which somebody waits"
    run.end()
    assert await texts(task) == [FIRST.strip()]


async def test_who_has_typed_all_of_it_waits_for_more() -> None:
    """An early answer is for those for whom something of it is left."""
    typist = Typist(line_budget_ms=0)
    document = typist.open()
    first = document.ask()
    await settled()
    (run,) = typist.engine.asked
    run.write(FIRST)
    assert await texts(first) == [FIRST.strip()]
    document.type(FIRST + "    ")
    run.write("    re")
    await settled()
    task = document.ask()
    await settled()
    assert not task.done()
    run.write("turn total\n")
    assert await texts(task) == ["return total"]
    run.end("    # the end")
    await settled()
    assert len(typist.engine.runs) == 1


async def test_after_an_early_answer_it_goes_on_though_nobody_waits() -> None:
    typist = Typist(line_budget_ms=0)
    document = typist.open()
    task = document.ask()
    await settled()
    (run,) = typist.engine.asked
    run.write(FIRST)
    await given(task)
    await asyncio.sleep(0.06)
    assert not run.over
    document.type("total")
    assert await texts(document.ask()) == [FIRST.strip()[5:]]
    assert not run.over


async def test_a_newer_question_ends_what_was_answered_early() -> None:
    typist = Typist(line_budget_ms=0)
    document = typist.open()
    first = document.ask()
    await settled()
    typist.engine.asked[0].write(FIRST)
    await given(first)
    document.type("x")
    second = document.ask()
    await settled()
    assert typist.engine.asked[0].ended
    typist.engine.asked[1].end(" = 1")
    assert await texts(second) == [" = 1"]
    assert typist.longer == []


@pytest.mark.parametrize("shown", [False, True], ids=["joined", "typed-along"])
async def test_what_grew_after_a_key_is_told_for_the_newest_text(*, shown: bool) -> None:
    """Who typed along has a newer buffer, and that is the one for which there is more."""
    typist = Typist(line_budget_ms=0)
    document = typist.open()
    first = document.ask()
    await settled()
    (run,) = typist.engine.asked
    run.write("total = width " if not shown else FIRST)
    await settled()
    document.type("tot")
    later = document.ask()
    await settled()
    if not shown:
        run.write("* height\n")
    assert await texts(first) == [FIRST.strip()]
    assert await texts(later) == [FIRST.strip()[3:]]
    run.end(SECOND)
    await settled()
    assert typist.longer == [document.snapshot]


# ---- line endings --------------------------------------------------------------------------------------------------


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


async def test_carriage_returns_that_are_typed_are_on_their_way() -> None:
    typist = Typist()
    document = typist.open(crlf(BEFORE), "\r\n\r\n\r\nprint(area(2, 3))\r\n")
    first = document.ask()
    await settled()
    (run,) = typist.engine.asked
    run.write(FIRST + "    ret")
    await settled()
    document.type(crlf(FIRST) + "    ")
    later = document.ask()
    await settled()
    assert len(typist.engine.runs) == 1
    run.end("urn total")
    assert await texts(first) == [crlf(FIRST) + "    return total"]
    assert await texts(later) == ["return total"]
    assert len(typist.engine.runs) == 1


async def test_carriage_returns_do_not_hide_a_whole_line() -> None:
    """Where what was typed counts its carriage returns, what the model writes has none."""
    typist = Typist(line_budget_ms=0)
    document = typist.open(crlf(BEFORE), "\r\n\r\n\r\nprint(area(2, 3))\r\n")
    lines = "".join(f"v{n} = {n}\n    " for n in range(6))
    document.ask()
    await settled()
    (run,) = typist.engine.asked
    run.write(lines[:-5])  # all but the last line's end
    await settled()
    document.type(crlf(lines))
    run.write(lines[-5:])
    await settled()
    task = document.ask()
    await settled()
    assert len(typist.engine.runs) == 1
    run.write("b = 1\n")
    assert await texts(task) == ["b = 1"]
