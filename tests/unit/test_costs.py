"""What a key costs, in what can be counted: parses, characters read, and what an answer waits for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from scripted_engine import settled
from typist import Typist, given, texts

from tabby_lsp.completion import ahead, case, flights, pipeline, prefetch
from tabby_lsp.completion.types import Trigger
from tabby_lsp.syntax import surplus, trees

FILLER = "function g(a) {\n  return [`${a}`, (a)];\n}\n\n"
WRITTEN = "be(args[0])"


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Calls by name, and the characters in which brackets were looked for."""
    found: Counter[str] = Counter()

    def count(module: Any, name: str, size: Callable[..., int] = lambda *_: 1) -> None:
        real = getattr(module, name)

        def counted(*arguments: Any) -> Any:
            found[name] += size(*arguments)
            return real(*arguments)

        monkeypatch.setattr(module, name, counted)

    count(trees, "_Parse")
    count(pipeline, "scope_at")
    count(prefetch, "accepted")
    count(surplus, "stretches", lambda row, text: len(text))
    return found


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "REST_S", 0.0)


async def test_a_key_typed_along_costs_as_little_in_a_long_file(counts: Counter[str]) -> None:
    """Brackets behind the cursor are compared with those before it: with some lines, not with the whole file."""
    read: list[int] = []
    for functions in (40, 1_000):
        typist = Typist()
        document = typist.open(FILLER * functions + "if (!may", ") {\n}\n", language="javascript")
        task = document.ask()
        await settled()
        typist.engine.asked[0].end(WRITTEN)
        assert await texts(task) == [WRITTEN]
        counts.clear()
        for at, character in enumerate(WRITTEN[:-1], start=1):
            document.type(character)
            answer = await given(document.ask())
            assert ([s.text for s in answer.suggestions], answer.reason) == ([WRITTEN[at:]], "typed-along")
        read.append(counts["stretches"])
        assert not counts["_Parse"]
        assert not counts["scope_at"]
    assert read[0] == read[1] > 0


@pytest.mark.parametrize("trigger", [Trigger.TYPING, Trigger.INVOKED])
async def test_a_question_parses_once_and_looks_once(counts: Counter[str], trigger: Trigger) -> None:
    typist = Typist()
    document = typist.open()
    task = document.ask(trigger)
    await settled()
    typist.engine.asked[0].end("total = width")
    assert "total = width" in await texts(task)
    assert (counts["_Parse"], counts["scope_at"]) == (1, 1)


@pytest.mark.parametrize(("trigger", "looks"), [(Trigger.TYPING, 0), (Trigger.INVOKED, 1)])
async def test_who_types_is_asked_for_before_anybody_looks(
    counts: Counter[str], trigger: Trigger, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model reads meanwhile; at the latest when it has written, somebody looks."""
    monkeypatch.setattr(flights, "LOOK_S", 60.0)
    typist = Typist()
    task = typist.open("total = ", "\nprint(total)\n").ask(trigger)
    await settled()
    seen = counts["scope_at"]
    typist.engine.asked[0].end("width")
    assert "width" in await texts(task)
    assert (seen, counts["scope_at"]) == (looks, 1)


@pytest.mark.parametrize(("trigger", "whole"), [(Trigger.TYPING, False), (Trigger.INVOKED, True)])
async def test_only_who_asks_by_hand_waits_for_a_long_parse(
    trigger: Trigger, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case, "PARSE_S", 0.0)
    monkeypatch.setattr(flights, "LOOK_S", 0.0)
    had: list[bool] = []
    real = pipeline.scope_at
    monkeypatch.setattr(pipeline, "scope_at", lambda *given: had.append(given[2] is not None) or real(*given))
    typist = Typist(prefix_tokens=3000, patience_ms=0)  # else the borders of the prompts need a tree
    task = typist.open(FILLER * 20 + "if (!may", ") {\n}\n", language="javascript").ask(trigger)
    await settled()
    typist.engine.asked[0].end(WRITTEN)
    assert WRITTEN in await texts(task)
    assert had == [whole]


@pytest.mark.parametrize(("trigger", "grammar"), [(Trigger.TYPING, False), (Trigger.INVOKED, True)])
async def test_only_who_asks_by_hand_waits_for_a_long_parse_of_what_is_written(
    trigger: Trigger, grammar: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its lines, a bracket in a regular expression closes one that is open."""
    monkeypatch.setattr(case, "PARSE_S", 0.0)
    written = "a.match(/[)]/)" + "".join(f" + b{n}" for n in range(200))
    typist = Typist()
    task = typist.open("foo(\n  ", "\n);\n", language="javascript").ask(trigger)
    await settled()
    typist.engine.asked[0].end(written)
    assert (written if grammar else "a.match(/[)") in await texts(task)


async def test_an_answer_does_not_wait_for_what_is_prepared_behind_it(counts: Counter[str]) -> None:
    typist = Typist(prefetch=True)
    document = typist.open()
    begun: list[int] = []
    for typed in ("", "total"):  # answered by the model, then typed along
        document.type(typed)
        counts.clear()
        task = document.ask()
        task.add_done_callback(lambda _: begun.append(counts["accepted"]))
        await settled()
        if not typed:
            typist.engine.asked[0].end("total = width")
        assert await texts(task) == ["total = width"[len(typed) :]]
        await settled()
        assert counts["accepted"] > 0
        for run in typist.engine.ahead:
            if not run.over:
                run.end(" * height")
        await settled()
    assert begun == [0, 0]


async def test_idle_work_has_ended_before_syntax_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has all cores: whatever is done beside it takes twice as long."""
    typist = Typist(prepare=True)
    typist.engine.hold_prefill = True
    document = typist.open("total = wid")
    document.type("t")
    await settled()
    (prefill,) = typist.engine.prefills
    assert not prefill.ended
    ended: list[bool] = []
    real = pipeline.scope_at

    def look(*arguments: Any) -> Any:
        ended.append(prefill.ended)
        return real(*arguments)

    monkeypatch.setattr(pipeline, "scope_at", look)
    task = document.ask()
    await settled()
    typist.engine.asked[0].end("h")
    await given(task)
    assert ended == [True]
