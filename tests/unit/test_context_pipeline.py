"""What of other files gets into prompts, when, and what it costs the cache."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
from desk import BEFORE, FAR, SHAPES, URI, Desk, shown
from scripted_engine import settled, until
from typist import UNHURRIED, Document

from tabby_lsp.completion import ahead
from tabby_lsp.completion.ahead import A_WHILE, BESIDE, LITTLE_MORE
from tabby_lsp.completion.context import gather
from tabby_lsp.completion.context.types import Repository
from tabby_lsp.completion.pipeline import Pipeline
from tabby_lsp.completion.prompts import FIRST_RATE
from tabby_lsp.completion.types import Trigger
from tabby_lsp.index.files import secret
from tabby_lsp.index.types import Snippet


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "REST_S", 0.0)
    monkeypatch.setattr(ahead, "QUIET_S", 0.0)


async def test_who_asks_by_hand_gets_the_definitions_at_once() -> None:
    desk = Desk()
    prompt = await desk.asked(desk.open())
    assert "# pkg/shapes.py\n# class Shape:" in prompt
    assert "def area(self, precision: int) -> float" in prompt
    assert prompt.index("def area") < prompt.index("def measure")
    assert "fill" not in prompt  # nothing here names it


async def test_the_index_is_told_what_the_code_uses_and_imports() -> None:
    desk = Desk()
    await desk.asked(desk.open())
    (wanted,) = desk.index.wanted
    assert wanted.path == "pkg/main.py"
    assert [(found.module, found.names) for found in wanted.imports] == [("pkg.shapes", (("Shape", "Shape"),))]
    assert "Shape" in {use.name for use in wanted.uses}


async def test_what_the_document_shows_itself_is_not_shown_again() -> None:
    desk = Desk()
    prompt = await desk.asked(desk.open(before=SHAPES + "\n\n" + BEFORE))
    assert prompt.count("def area(self, precision: int)") == 1


async def test_nobody_waits_for_an_index_that_cannot_answer() -> None:
    desk = Desk()
    desk.index.up = False
    assert "pkg/shapes.py" not in await desk.asked(desk.open())


async def test_nobody_waits_for_an_index_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    monkeypatch.setattr(desk.index, "definitions", lambda _: Future())
    desk.pipeline = Pipeline(
        desk.engine, lambda: UNHURRIED, repository=Repository(lambda: desk.settings, desk.place, patience_s=0.01)
    )
    assert "def measure" in await desk.asked(desk.open())


async def test_switched_off_nothing_is_asked_and_nothing_shown() -> None:
    desk = Desk(enabled=False)
    assert "pkg/shapes.py" not in await desk.asked(desk.open())
    assert not desk.index.wanted


@pytest.mark.parametrize("source", gather.SOURCES)
async def test_each_source_can_be_switched_off(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    async def note(name: str) -> tuple[()]:
        called.append(name)
        return ()

    monkeypatch.setattr(gather, "SOURCES", {name: lambda _, name=name: note(name) for name in gather.SOURCES})
    switched: dict[str, Any] = {source: False}
    desk = Desk(**switched)
    await desk.asked(desk.open())
    assert called == [name for name in gather.SOURCES if name != source]


async def test_a_key_asks_without_context_until_it_is_there() -> None:
    """Nobody who types waits for what may be gathered in idle time."""
    desk = Desk()
    assert "pkg/shapes.py" not in await desk.asked(desk.open(), Trigger.TYPING)
    assert not desk.index.wanted


@pytest.mark.parametrize(("patience_ms", "rate"), [(0, 100.0), (400, 10_000.0)])
async def test_where_prompts_are_read_in_no_time_keys_have_it_at_once(patience_ms: int, rate: float) -> None:
    desk = Desk(patience_ms=patience_ms)
    desk.engine.prefill_rate = rate
    assert "# pkg/shapes.py\n# class Shape:" in await desk.asked(desk.open(), Trigger.TYPING)


async def test_a_small_context_leaves_none_for_other_files() -> None:
    desk = Desk()
    desk.engine.info = replace(desk.engine.info, context=1_024)
    assert "pkg/shapes.py" not in await desk.asked(desk.open())


async def test_in_idle_time_it_is_gathered_and_then_shown() -> None:
    desk = Desk(prepare=True)
    document = desk.open()
    document.type("a")
    await until(lambda: desk.engine.prefills, "idle work")
    await settled()
    document.type("r")
    prompt = await desk.asked(document, Trigger.TYPING)
    assert "# pkg/shapes.py\n# class Shape:" in prompt


async def test_an_opened_document_begins_with_what_it_imports() -> None:
    desk = Desk(prepare=True)
    document = desk.open()
    desk.pipeline.opened(document.snapshot)
    await until(lambda: desk.engine.prefills, "idle work")
    await settled()
    (run,) = desk.engine.prefills
    assert shown(run).startswith("<|fim_prefix|># pkg/shapes.py\n# class Shape:")
    assert shown(run).endswith(document.snapshot.text)


async def test_of_a_long_document_what_it_imports_is_read_when_it_is_opened() -> None:
    desk = Desk(prepare=True)
    document = desk.open(before=BEFORE + "\n\n" + FAR)
    desk.pipeline.opened(document.snapshot)
    await until(lambda: desk.engine.prefills, "idle work")
    await settled()
    (run,) = desk.engine.prefills
    assert shown(run).startswith("<|fim_prefix|># pkg/shapes.py\n# class Shape:")
    assert "measure" not in shown(run)


async def test_who_comes_while_they_are_read_gets_the_document_first() -> None:
    desk = Desk(prepare=True)
    desk.engine.hold_prefill = True
    document = desk.open()
    desk.pipeline.opened(document.snapshot)
    await until(lambda: desk.engine.prefills, "idle work")
    assert "pkg/shapes.py" in shown(desk.engine.prefills[0])
    document.type("a")
    await until(lambda: len(desk.engine.prefills) > 1, "idle work around the key")
    assert desk.engine.prefills[0].ended
    assert "pkg/shapes.py" not in shown(desk.engine.prefills[1])


async def cold(missing: int) -> tuple[Desk, Document]:
    """A document in which somebody typed, of whose prompt so many tokens are not in the cache."""
    desk = Desk(prepare=True)
    desk.engine.hold_prefill = True
    document = desk.open()
    document.type("a")
    await until(lambda: desk.engine.prefills, "idle work")
    assert "pkg/shapes.py" not in shown(desk.engine.prefills[0])
    desk.engine.prefills[0].prefilled(missing)
    await until(lambda: len(desk.engine.prefills) > 1, "the whole prompt")
    return desk, document


async def test_the_quick_prompt_is_read_first_only_where_the_whole_one_takes_a_while() -> None:
    desk, _ = await cold(missing=700)
    first = desk.engine.prefills[0].request
    assert first.quick is not None
    assert first.patience == A_WHILE * desk.pipeline._prompts.patience(desk.completion)


async def test_other_files_are_shown_from_the_start_where_they_cost_little_more() -> None:
    desk, document = await cold(missing=700)
    own, whole = (run.request for run in desk.engine.prefills)
    assert (whole.key, whole.quick, whole.patience) == (URI, own.quick, 700 + LITTLE_MORE)
    assert "pkg/shapes.py" in shown(desk.engine.prefills[1])
    desk.engine.prefills[1].prefilled()
    await settled()
    assert len(desk.engine.prefills) == 2, "nothing is read twice"
    document.type("r")
    assert "pkg/shapes.py" in await desk.asked(document, Trigger.TYPING)


async def test_the_document_comes_first_where_they_cost_more() -> None:
    desk, _ = await cold(missing=700)
    desk.engine.prefills[1].prefilled(missing=1_200)
    await until(lambda: len(desk.engine.prefills) > 2, "the whole prompt")
    whole = desk.engine.prefills[2]
    assert (whole.request.key, whole.request.quick) == (URI, None)
    assert "pkg/shapes.py" not in shown(whole)
    whole.prefilled()
    await until(lambda: desk.engine.prefills[-1].request.key == URI + BESIDE, "the block")
    assert "pkg/shapes.py" in shown(desk.engine.prefills[-1])


async def test_a_long_reading_begins_after_a_rest_that_is_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """In shorter pauses it would be begun each time, and hardly ever be of use."""
    desk, _ = await cold(missing=700)
    for missing in (1_200, 0):
        desk.engine.prefills[-1].prefilled(missing)
        await settled()
    rests: list[float] = []
    sleep = asyncio.sleep

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        await sleep(0)

    await until(lambda: desk.engine.prefills[-1].request.key == URI + BESIDE, "the block")
    monkeypatch.setattr(asyncio, "sleep", rest)
    looked = desk.engine.prefills[-1]
    assert looked.request.quick == desk.engine.prefills[2].request.prompt, "it is in the cache"
    assert looked.request.patience
    looked.prefilled(missing=900)
    await settled()
    read = desk.engine.prefills[-1].request
    assert (read.key, read.prompt, read.quick) == (URI + BESIDE, looked.request.prompt, None)
    assert 900 / FIRST_RATE in rests


async def test_what_was_given_up_on_the_way_is_gone_on_with() -> None:
    desk, document = await cold(missing=700)
    document.type("r")
    assert "pkg/shapes.py" not in await desk.asked(document, Trigger.TYPING)
    await until(lambda: len(desk.engine.prefills) > 2, "idle work")
    assert desk.engine.prefills[1].ended
    assert "pkg/shapes.py" not in shown(desk.engine.prefills[2])
    desk.engine.prefills[2].prefilled(missing=701)
    await until(lambda: len(desk.engine.prefills) > 3, "the whole prompt")
    assert "pkg/shapes.py" in shown(desk.engine.prefills[3])


async def test_reading_does_not_wait_for_an_index_that_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "LOOK_S", 0.01)
    desk = Desk(prepare=True)
    desk.engine.hold_prefill = True
    answer: Future[tuple[Snippet, ...]] = Future()
    monkeypatch.setattr(desk.index, "definitions", lambda _: answer)
    document = desk.open()
    document.type("a")
    await until(lambda: desk.engine.prefills, "idle work")
    desk.engine.prefills[0].prefilled(missing=700)
    await until(lambda: len(desk.engine.prefills) > 1, "the whole prompt")
    assert "pkg/shapes.py" not in shown(desk.engine.prefills[1])
    assert desk.engine.prefills[1].request.quick is None


async def test_the_document_itself_comes_first_where_it_is_in_the_cache() -> None:
    """Reading other files first would leave who types with short prompts for longer."""
    desk = Desk(prepare=True)
    desk.engine.hold_prefill = True
    document = desk.open()
    document.type("a")
    await until(lambda: desk.engine.prefills, "idle work")
    while not desk.index.wanted:
        (held,) = [run for run in desk.engine.prefills if not run.over]
        assert "pkg/shapes.py" not in shown(held)
        held.prefilled()
        await settled()
    assert {run.request.key for run in desk.engine.prefills[:-1]} == {URI}


async def test_other_files_give_way_to_the_next_change() -> None:
    desk = Desk(prepare=True)
    document = desk.open()
    document.type("a")
    desk.engine.hold_prefill = True
    await until(lambda: desk.engine.prefills, "idle work")
    while not desk.engine.prefills[-1].request.key.endswith(BESIDE):
        desk.engine.prefills[-1].prefilled()
        await settled()
    beside = desk.engine.prefills[-1]
    document.type("r")
    await settled()
    assert beside.ended
    assert desk.engine.prefills[-1].request.key == URI


async def test_what_is_new_is_evaluated_before_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then the cache serves what was shown."""
    monkeypatch.setattr(gather, "AGAIN_S", 0.0)
    desk = Desk(prepare=True)
    document = desk.open()
    document.type("a")
    await until(lambda: desk.engine.prefills, "idle work")
    await settled()
    before = shown(desk.engine.prefills[-1]).partition("<|fim_suffix|>")[0].rstrip("\n")
    desk.engine.hold_prefill = True
    document.type("rea()\n    second = fill(first, ")
    await until(lambda: any(not run.over for run in desk.engine.prefills), "idle work")
    held = desk.engine.prefills[-1]
    for _ in range(3):
        (held,) = [run for run in desk.engine.prefills if not run.over]
        if held.request.key.endswith(BESIDE):
            break
        assert "pkg/paint.py" not in shown(held)
        held.prefilled()
        await settled()
    assert "# pkg/paint.py\n# def fill(shape, colour)" in shown(held)
    assert "class Shape" in before
    assert shown(held).startswith(before), "what was shown stays where it is"
    document.type("c")
    assert "pkg/paint.py" not in await desk.asked(document, Trigger.TYPING)


async def test_the_same_place_is_not_looked_at_at_each_key() -> None:
    desk = Desk(prepare=True)
    document = desk.open()
    for key in "area":
        document.type(key)
        await settled()
        await asyncio.sleep(0.005)
    assert len(desk.index.wanted) == 1


async def test_edits_elsewhere_are_shown_with_their_surroundings() -> None:
    desk = Desk(symbols=False, search=False)
    other = desk.open("def helper(a):\n    return ", "\n", "file:///repo/pkg/helper.py")
    other.type("a + 1")
    assert "# pkg/helper.py\n# def helper(a):\n#     return a + 1\n" in await desk.asked(desk.open())


@pytest.mark.parametrize(
    ("path", "text"),
    [(".env", "PASSWORD = hunter2"), ("settings.py", 'aws_secret = "AKIA' + "Z3MPQ7RX2WLK5DNV" + '"')],
)
async def test_secrets_are_not_shown(path: str, text: str) -> None:
    desk = Desk(symbols=False, search=False)
    other = desk.open("", "\n", f"file:///repo/{path}")
    other.type(text)
    assert path not in await desk.asked(desk.open())


SECRET = 'aws_secret = "AKIA' + "Z3MPQ7RX2WLK5DNV" + '"\n'


@pytest.mark.parametrize(("name", "text"), [(".env", ""), ("settings.py", SECRET)])
async def test_nothing_of_a_secret_document_is_searched_for(name: str, text: str) -> None:
    """What embeds a question may be a server, and the secret may stand anywhere in the document."""
    desk = Desk()
    await desk.asked(desk.open(before=text + FAR + BEFORE, uri=f"file:///repo/{name}"))
    assert desk.index.wanted
    assert not desk.index.queries
    await desk.asked(desk.open(before=FAR + BEFORE))
    assert desk.index.queries, "but of any other one"


@pytest.mark.parametrize("closed", [False, True])
async def test_nothing_of_a_secret_document_is_shown_though_the_secret_is_far_away(*, closed: bool) -> None:
    desk = Desk(symbols=False, search=False)
    other = desk.open(SECRET + FAR, "\n", "file:///repo/settings.py")
    other.type("password_of = helper")
    if closed:
        desk.pipeline.forget(other.uri)
    assert "password_of" not in await desk.asked(desk.open())


async def test_a_document_is_looked_through_for_secrets_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "AGAIN_S", 0.0)
    desk = Desk(symbols=False)
    looked: list[str] = []
    real = secret.tells
    monkeypatch.setattr(secret, "tells", lambda path, text: (looked.append(path), real(path, text))[1])
    other, document = desk.open(uri="file:///repo/other.py"), desk.open()
    other.type("area(1)")
    for _ in range(3):
        await desk.asked(document)
    assert len(desk.index.queries) == 3
    assert sorted(looked) == ["other.py", "pkg/main.py"]


async def test_a_document_of_no_folder_is_shown_by_its_name() -> None:
    desk = Desk()
    other = desk.open("def helper(a):\n    return ", "\n", "untitled:my%20notes.py")
    other.type("a + 1")
    assert "# my notes.py\n# def helper" in await desk.asked(desk.open())


async def test_a_search_is_asked_last_and_only_where_there_is_room() -> None:
    desk = Desk(symbols=False)
    await desk.asked(desk.open())
    assert [query.exclude for query in desk.index.queries] == ["pkg/main.py"]
    crowded = Desk(tokens=70)
    await crowded.asked(crowded.open())
    assert crowded.index.wanted
    assert not crowded.index.queries


async def test_a_closed_document_starts_anew() -> None:
    desk = Desk()
    document = desk.open()
    assert "pkg/shapes.py" in await desk.asked(document)
    desk.pipeline.forget(document.uri)
    desk.index.up = False
    assert "pkg/shapes.py" not in await desk.asked(document)
