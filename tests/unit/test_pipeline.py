"""What happens between questions, to several documents, and whatever order things come in."""

from __future__ import annotations

import asyncio
import gc
import warnings
from concurrent.futures import Future
from typing import Any

import pytest
from scripted_engine import INFO, settled, until
from typist import AFTER, BEFORE, Document, Typist, given, texts

from tabby_lsp.completion import ahead, flight
from tabby_lsp.completion.pipeline import Pipeline
from tabby_lsp.completion.types import Answer, Ask, Trigger
from tabby_lsp.engine.types import ModelInfo, Priority
from tabby_lsp.errors import EngineError

NEXT = " * height"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "GRACE_S", 0.02)
    monkeypatch.setattr(ahead, "REST_S", 0.0)


async def shown(document: Document, typist: Typist, text: str) -> None:
    """Ask, and have this written and shown."""
    task = document.ask()
    await settled()
    typist.engine.asked[-1].end(text)
    assert await texts(task) == [text]
    await settled()


# ---- what would follow ---------------------------------------------------------------------------------------------


async def test_what_would_follow_is_written_before_it_is_accepted() -> None:
    typist = Typist(prefetch=True)
    document = typist.open()
    await shown(document, typist, "total = width")
    (next_one,) = typist.engine.ahead
    assert next_one.request.priority is Priority.IDLE
    assert next_one.tail.endswith("    total = width")
    next_one.end(NEXT)
    await settled()
    document.type("total = width")
    answer = await given(document.ask())
    assert ([s.text for s in answer.suggestions], answer.reason) == ([NEXT], "typed-along")
    assert len(typist.engine.asked) == 1


async def test_accepted_while_it_is_written_it_is_joined() -> None:
    typist = Typist(prefetch=True)
    document = typist.open()
    await shown(document, typist, "total = width")
    (next_one,) = typist.engine.ahead
    next_one.write(" * he")
    await settled()
    document.type("total = width")
    task = document.ask()
    await settled()
    assert not next_one.over
    next_one.end("ight")
    answer = await given(task)
    assert ([s.text for s in answer.suggestions], answer.reason) == ([NEXT], "in-flight")
    assert len(typist.engine.asked) == 1


@pytest.mark.parametrize("prepare", [False, True])
async def test_after_an_accept_the_next_is_written_too(prepare: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    typist = Typist(prefetch=True, prepare=prepare)
    document = typist.open()
    await shown(document, typist, "total = width")
    typist.engine.ahead[0].end(NEXT)
    await asyncio.sleep(0.02)  # long enough for the prompt to be prepared too
    await settled()
    monkeypatch.setattr(ahead, "REST_S", 0.05)
    document.type("total = width")
    assert await texts(document.ask()) == [NEXT]
    await settled()
    assert len(typist.engine.ahead) == 2
    assert typist.engine.ahead[1].tail.endswith("total = width" + NEXT)


@pytest.mark.parametrize(("line", "indent"), [("total = width", "    "), ("if width:", "        ")])
async def test_behind_a_whole_line_the_next_one_is_written(line: str, indent: str) -> None:
    """Where nothing goes on the accepted line, the next key is its end, and the editor indents."""
    typist = Typist(prefetch=True)
    document = typist.open()
    await shown(document, typist, line)
    typist.engine.ahead[0].end("")
    await settled()
    below = typist.engine.ahead[1]
    assert below.tail.endswith(f"    {line}\n{indent}")
    below.end("return total")
    await settled()
    document.type(line)
    document.type("\n" + indent)
    answer = await given(document.ask())
    assert ([s.text for s in answer.suggestions], answer.reason) == (["return total"], "typed-along")
    assert len(typist.engine.asked) == 1


async def test_typing_along_does_not_begin_it_again() -> None:
    typist = Typist(prefetch=True)
    document = typist.open()
    await shown(document, typist, "total = width")
    for character in "total":
        document.type(character)
        assert await texts(document.ask())
        await settled()
    (next_one,) = typist.engine.ahead
    assert not next_one.over


async def test_another_question_goes_before_it() -> None:
    typist = Typist(prefetch=True)
    document = typist.open()
    await shown(document, typist, "total = width")
    document.type("x")
    task = document.ask()
    await settled()
    assert typist.engine.ahead[0].ended
    assert len(typist.engine.asked) == 2
    typist.engine.asked[1].end(" = 1")
    assert await texts(task) == [" = 1"]


async def test_what_was_shown_is_the_draft_for_who_goes_another_way() -> None:
    """What was written ahead comes behind it."""
    typist = Typist(prefetch=True)
    document = typist.open()
    await shown(document, typist, "total = width")
    typist.engine.ahead[0].write(NEXT)
    await settled()
    document.type("x")
    document.ask()
    await settled()
    assert typist.engine.asked[1].request.draft == "total = width" + NEXT


async def test_a_question_elsewhere_goes_before_it() -> None:
    typist = Typist(prefetch=True)
    document, other = typist.open(), typist.open(uri="file:///b.py")
    await shown(document, typist, "total = width")
    other.ask()
    await settled()
    await until(lambda: typist.engine.ahead[0].over, "end of the idle work")
    assert typist.engine.ahead[0].ended
    assert not typist.engine.asked[1].over


@pytest.mark.parametrize("how", ["off", "by hand", "nothing shown"])
async def test_nothing_is_written_ahead(how: str) -> None:
    typist = Typist(prefetch=how != "off")
    document = typist.open()
    task = document.ask(Trigger.INVOKED if how == "by hand" else Trigger.TYPING)
    await settled()
    typist.engine.asked[0].end("" if how == "nothing shown" else "total = width")
    await given(task)
    await settled()
    assert typist.engine.ahead == []


# ---- prompts in idle time ------------------------------------------------------------------------------------------


async def test_a_change_has_its_prompt_evaluated_once_there_is_rest() -> None:
    typist = Typist(prepare=True)
    document = typist.open()
    document.type("x")
    await until(lambda: typist.engine.prefills, "prefill")
    (prefill,) = typist.engine.prefills
    assert prefill.request.priority is Priority.IDLE
    assert prefill.tail.endswith("    x")
    assert prefill.request.key == document.uri


async def test_who_asks_ends_the_rest() -> None:
    typist = Typist(prepare=True)
    typist.engine.hold_prefill = True
    document = typist.open()
    document.type("x")
    await until(lambda: typist.engine.prefills, "prefill")
    task = document.ask()
    await settled()
    assert typist.engine.prefills[0].ended
    typist.engine.asked[0].end(" = 1")
    assert await texts(task) == [" = 1"]


async def test_the_newest_place_is_the_one_that_is_prepared() -> None:
    """A cursor that is moved while another place is being evaluated: the user is at the new one."""
    typist = Typist(prepare=True)
    typist.engine.hold_prefill = True
    document = typist.open()
    typist.pipeline.changed(document.snapshot, document.position, "")
    await until(lambda: typist.engine.prefills, "prefill")
    document.at = len("import os")
    typist.pipeline.changed(document.snapshot, document.position, "")
    await until(lambda: len(typist.engine.prefills) == 2 or typist.engine.prefills[0].over, "end of the old one")
    await until(lambda: typist.engine.prefills[-1].tail == "import os", "prefill at the new place")


async def test_prepare_off_evaluates_nothing_ahead() -> None:
    typist = Typist(prepare=False)
    document = typist.open()
    typist.pipeline.opened(document.snapshot)
    document.type("x")
    await asyncio.sleep(0.02)
    await settled()
    assert typist.engine.runs == []


async def test_a_short_document_is_evaluated_from_its_beginning() -> None:
    typist = Typist(prepare=True)
    document = typist.open()
    typist.pipeline.opened(document.snapshot)
    await until(lambda: typist.engine.prefills, "prefill")
    assert typist.engine.prefills[0].tail == BEFORE + AFTER


async def test_many_documents_opened_at_once_leave_no_work_undone() -> None:
    """Work that is taken back before it has begun: Python would complain of it on stderr."""
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        typist = Typist(prepare=True)
        for n in range(3):
            typist.pipeline.opened(typist.open(uri=f"file:///{n}.py").snapshot)
        await until(lambda: typist.engine.prefills, "prefill")
        gc.collect()
    assert [str(complaint.message) for complaint in complaints] == []
    assert [run.request.key for run in typist.engine.prefills] == ["file:///2.py"]


@pytest.mark.parametrize(
    "never", [{"enabled": False}, {"disabled_languages": ("python",)}, {"max_document_lines": 3}], ids=str
)
async def test_where_nothing_is_ever_answered_nothing_is_evaluated(never: dict[str, object]) -> None:
    typist = Typist(prepare=True, **never)
    document = typist.open()
    typist.pipeline.opened(document.snapshot)
    document.type("x")
    await asyncio.sleep(0.02)
    await settled()
    assert typist.engine.runs == []


# ---- documents -----------------------------------------------------------------------------------------------------


async def test_documents_do_not_disturb_each_other() -> None:
    typist = Typist()
    documents = [typist.open(uri=f"file:///{n}.py") for n in range(2)]
    tasks = [document.ask() for document in documents]
    await settled()
    for n, run in enumerate(typist.engine.asked):
        run.write(f"value{n}")
    await settled()
    documents[0].type("value")
    tasks.append(documents[0].ask())
    await settled()
    assert [run.over for run in typist.engine.asked] == [False, False]
    for run in typist.engine.asked:
        run.end(" = 1")
    assert [await texts(task) for task in tasks] == [["value0 = 1"], ["value1 = 1"], ["0 = 1"]]


async def test_a_closed_document_has_no_flight() -> None:
    typist = Typist()
    document, other = typist.open(), typist.open(uri="file:///b.py")
    tasks = [document.ask(), other.ask()]
    await settled()
    typist.pipeline.forget(document.uri)
    assert (await given(tasks[0])).suggestions == ()
    assert [run.ended for run in typist.engine.asked] == [True, False]
    typist.engine.asked[1].end("return 1")
    assert await texts(tasks[1]) == ["return 1"]


async def test_a_closed_document_is_forgotten() -> None:
    typist = Typist()
    document = typist.open()
    await shown(document, typist, "total = width")
    typist.pipeline.forget(document.uri)
    document.ask()
    await settled()
    assert len(typist.engine.asked) == 2
    assert typist.engine.asked[1].request.draft == ""


async def test_nothing_is_done_for_a_closed_document() -> None:
    typist = Typist(prefetch=True, prepare=True)
    typist.engine.hold_prefill = True
    document = typist.open()
    await shown(document, typist, "total = width")
    typist.pipeline.forget(document.uri)
    await asyncio.sleep(0.02)
    await settled()
    assert all(run.over for run in typist.engine.runs)


async def test_the_end_ends_everything() -> None:
    typist = Typist(prefetch=True)
    document, other = typist.open(), typist.open(uri="file:///b.py")
    await shown(document, typist, "total = width")
    task = other.ask()
    await settled()
    typist.pipeline.stop()
    assert (await given(task)).suggestions == ()
    await settled()
    assert all(run.over for run in typist.engine.runs)


# ---- a model that is being loaded, and hands that are quicker than it ----------------------------------------------


async def test_while_the_model_is_loaded_questions_wait_and_the_newest_is_asked() -> None:
    typist = Typist()
    loading: Future[ModelInfo] = Future()
    typist.engine.loading = loading
    document = typist.open()
    tasks = [document.ask()]
    await settled()
    for character in "xyz":
        document.type(character)
        tasks.append(document.ask())
        await settled()
    loading.set_result(INFO)
    await settled()
    (run,) = typist.engine.asked
    assert run.tail.endswith("xyz")
    run.end(" = 1")
    assert await texts(tasks[-1]) == [" = 1"]
    assert [(await given(task)).reason for task in tasks[:-1]] == ["superseded"] * 3


async def test_a_model_that_cannot_be_loaded_is_told_to_all() -> None:
    typist = Typist()
    loading: Future[ModelInfo] = Future()
    typist.engine.loading = loading
    tasks = [typist.open(uri=f"file:///{n}.py").ask() for n in range(2)]
    await settled()
    loading.set_exception(EngineError("It is broken.", "Mend it."))
    for task in tasks:
        with pytest.raises(EngineError, match="broken"):
            await given(task)


async def test_questions_that_wait_for_a_pause_ask_once() -> None:
    """Where answers take longer than keys; a client that cancels nothing has its newest question asked alone."""
    typist = Typist()
    typist.pipeline._tempo.answered(100.0)
    document = typist.open()
    tasks: list[asyncio.Task[Answer]] = []
    for character in "abc":
        document.type(character)
        tasks.append(document.ask())
    await until(lambda: typist.engine.asked, "question")
    await asyncio.sleep(0.4)  # longer than any question waits
    (run,) = typist.engine.asked
    assert run.tail.endswith("abc")
    run.end(" = 1")
    assert [await texts(task) for task in tasks] == [[], [], [" = 1"]]


async def test_the_same_question_twice_waits_and_is_asked_once() -> None:
    """A menu's and the ghost text's."""
    typist = Typist()
    typist.pipeline._tempo.answered(100.0)
    document = typist.open()
    both = [document.ask(), document.ask()]
    await until(lambda: typist.engine.asked, "question")
    await asyncio.sleep(0.1)
    (run,) = typist.engine.asked
    run.end("return 1")
    assert [await texts(task) for task in both] == [["return 1"]] * 2


async def test_who_asks_by_hand_is_not_put_off_by_a_question_that_waited() -> None:
    typist = Typist()
    typist.pipeline._tempo.answered(100.0)
    document = typist.open()
    waited = document.ask()
    await settled()
    by_hand = document.ask(Trigger.INVOKED)
    await until(waited.done, "end of the older question")
    (run,) = typist.engine.asked
    run.end("return 1")
    assert (await texts(by_hand))[0] == "return 1"


async def test_a_question_that_was_not_answered_says_nothing_of_how_long_answers_take() -> None:
    typist = Typist()
    document = typist.open()
    typist.pipeline._tempo.answered(100.0)
    for character in "abcdefgh":
        document.type(character)
        document.ask(Trigger.INVOKED)
        await settled()
    assert [run.ended for run in typist.engine.asked] == [True] * 7 + [False]
    await settled()
    assert typist.pipeline._tempo._answer_s == 100.0


async def test_a_paste_is_not_asked_about() -> None:
    typist = Typist()
    document = typist.open()
    document.type("value = 1\n    " * 10)
    assert (await given(document.ask())).reason == "bulk-change"
    assert typist.engine.asked == []


@pytest.mark.parametrize("typed", ["", "v0"])
async def test_a_long_suggestion_that_is_accepted_is_no_paste(typed: str) -> None:
    typist = Typist()
    document = typist.open()
    text = "\n    ".join(f"v{n} = {n}" for n in range(10))
    await shown(document, typist, text)
    if typed:
        document.type(typed)
        assert await texts(document.ask()) == [text.removeprefix(typed)]
    document.type(text.removeprefix(typed))
    document.ask()
    await settled()
    assert len(typist.engine.asked) == 2


# ---- something longer, by hand -------------------------------------------------------------------------------------


async def test_a_longer_text_has_budgets_of_its_own_and_ends_when_it_is_given_up() -> None:
    typist = Typist()
    document = typist.open()
    ask = Ask(document.snapshot, document.position)
    task = asyncio.create_task(typist.pipeline.write(ask, 333, 50))
    await settled()
    run = typist.engine.asked[-1]
    assert (run.request.max_tokens, run.request.candidates, run.request.priority) == (333, 1, Priority.COMPLETION)
    run.end("total = width\n    return total")
    answer = await task
    assert [s.text for s in answer.suggestions] == ["total = width\n    return total"]

    given_up = asyncio.create_task(typist.pipeline.write(ask, 333, 50))
    await settled()
    given_up.cancel()
    await settled()
    assert typist.engine.asked[-1].over


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"enabled": False}, "disabled"),
        ({"disabled_languages": ("python",)}, "language-disabled"),
        ({"max_document_lines": 1}, "long-document"),
    ],
)
async def test_nothing_longer_is_written_where_nothing_is_ever_suggested(settings: dict[str, Any], reason: str) -> None:
    typist = Typist(**settings)
    document = typist.open()
    answer = await typist.pipeline.write(Ask(document.snapshot, document.position), 333, 50)
    assert (answer.suggestions, answer.reason) == ((), reason)
    assert typist.engine.asked == []


# ---- secrets --------------------------------------------------------------------------------------------------------

KEY = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"


@pytest.mark.parametrize(
    ("uri", "text"), [("file:///shop/.env", "PORT=80\n"), ("file:///shop/a.py", f'TOKEN = "{KEY}"\n')]
)
@pytest.mark.parametrize("far", [False, True])
async def test_nothing_of_a_secret_is_asked_of_another_machine(uri: str, text: str, far: bool) -> None:
    typist = Typist()
    typist.pipeline = Pipeline(typist.engine, lambda: typist.settings, far=far)
    document = Document(typist.pipeline, uri, "python", text, "")
    task = document.ask()
    await settled()
    assert len(typist.engine.asked) == (0 if far else 1)
    if far:
        assert (await given(task)).reason == "secret"
        longer = await typist.pipeline.write(Ask(document.snapshot, document.position), 333, 50)
        assert (longer.reason, typist.engine.asked) == ("secret", [])
    else:
        typist.engine.asked[-1].end("x = 1")
        await given(task)
    plain = Document(typist.pipeline, "file:///shop/b.py", "python", "x = ", "")
    plain.ask()
    await settled()
    assert typist.engine.asked
