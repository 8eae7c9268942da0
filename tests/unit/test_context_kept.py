"""What of other files stays in prompts, and what goes: stale lines, settings that change, an index that is slow."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
from desk import AFTER, BEFORE, FAR, FILES, Desk, shown
from memory_index import MemoryIndex
from scripted_engine import ScriptedEngine, settled, until

from tabby_lsp.completion import ahead
from tabby_lsp.completion.ahead import BESIDE
from tabby_lsp.completion.context import gather, stale
from tabby_lsp.completion.context.types import Repository
from tabby_lsp.completion.pipeline import Pipeline
from tabby_lsp.completion.types import Trigger
from tabby_lsp.errors import EngineError
from tabby_lsp.index.types import Snippet, Wanted


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "REST_S", 0.0)
    monkeypatch.setattr(ahead, "QUIET_S", 0.0)


# ---- what is shown and does not hold any more ------------------------------------------------------------------------


class Kept:
    """A desk whose document shows definitions, without looking anywhere else on its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **context: Any) -> None:
        monkeypatch.setattr(gather, "AGAIN_S", 0.0)
        self.desk = Desk(**context)
        self.document = self.desk.open()

    async def prompt(self) -> str:
        return await self.desk.asked(self.document)


async def test_a_definition_that_is_renamed_in_a_saved_file_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(monkeypatch)
    assert "class Shape:" in await kept.prompt()
    kept.desk.rename("Shape", "Figure")
    kept.desk.pipeline.outdated(["file:///repo/pkg/shapes.py"])
    assert "class Shape:" not in await kept.prompt()


async def test_what_a_saved_file_still_says_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(monkeypatch)
    before = await kept.prompt()
    kept.desk.pipeline.outdated(["file:///repo/pkg/shapes.py"])
    assert await kept.prompt() == before


@pytest.mark.parametrize("how", ["another file", "no answer"])
async def test_what_nobody_can_say_is_stale_stays(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(monkeypatch)
    before = await kept.prompt()
    kept.desk.rename("Shape", "Figure")
    if how == "no answer":
        kept.desk.index.up = False
    kept.desk.pipeline.outdated([f"file:///repo/pkg/{'paint' if how == 'another file' else 'shapes'}.py"])
    assert await kept.prompt() == before
    kept.desk.index.up = True
    kept.desk.pipeline.outdated(None)
    assert "class Shape:" not in await kept.prompt(), "nobody knows which files"


async def test_a_search_that_does_not_answer_leaves_the_rest_to_be_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(monkeypatch, search=False)
    assert "class Shape:" in await kept.prompt()
    kept.desk.settings = replace(kept.desk.settings, search=True)
    kept.desk.rename("Shape", "Figure")
    monkeypatch.setattr(kept.desk.index, "search", lambda _: Future())
    repository = kept.desk.pipeline._context._repository
    monkeypatch.setattr(kept.desk.pipeline._context, "_repository", replace(repository, patience_s=0.01))
    kept.desk.pipeline.outdated(["file:///repo/pkg/shapes.py"])
    assert "class Shape:" not in await kept.prompt()


async def test_an_index_that_reads_a_saved_file_late_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(monkeypatch)
    await kept.prompt()
    kept.desk.pipeline.outdated(["file:///repo/pkg/shapes.py"])
    assert "class Shape:" in await kept.prompt()
    kept.desk.rename("Shape", "Figure")
    assert "class Shape:" not in await kept.prompt()
    monkeypatch.setattr(stale, "SETTLED_S", 0.0)
    kept.desk.index = MemoryIndex(FILES)
    assert "class Shape:" in await kept.prompt()
    kept.desk.rename("Shape", "Figure")
    assert "class Shape:" in await kept.prompt(), "it has been compared since, and nothing was told of another change"


async def test_edited_lines_are_shown_as_they_are_by_now(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(monkeypatch, symbols=False, search=False)
    other = kept.desk.open(FAR + "def helper(a):\n    return ", "\n", "file:///repo/pkg/helper.py")
    other.type("a + 1")
    assert "return a + 1" in await kept.prompt()
    other.backspace(5)
    other.replace(0, 0, "import os\n")
    other.at = len(other.snapshot.text) - 1
    other.type("a * 2")
    prompt = await kept.prompt()
    assert "return a * 2" in prompt
    assert "return a + 1" not in prompt
    assert prompt.count("def helper") == 1


async def test_edited_lines_that_are_deleted_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(monkeypatch, symbols=False, search=False)
    other = kept.desk.open(FAR + "def helper(a):\n    return ", "\n" + FAR, "file:///repo/pkg/helper.py")
    other.type("a + 1")
    assert "def helper" in await kept.prompt()
    other.replace(len(FAR), other.at + 1, "")
    assert "def helper" not in await kept.prompt()


async def test_what_was_edited_in_a_closed_document_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(monkeypatch, symbols=False, search=False)
    other = kept.desk.open(FAR + "def helper(a):\n    return ", "\n", "file:///repo/pkg/helper.py")
    other.type("a + 1")
    before = await kept.prompt()
    assert "return a + 1" in before
    kept.desk.pipeline.forget(other.uri)
    assert await kept.prompt() == before


# ---- settings that change --------------------------------------------------------------------------------------------


MANY = {
    f"pkg/m{n}.py": f"def helper{n}(first: int, second: int) -> int:\n    return first + second\n" for n in range(12)
}
CALLS = "".join(f"from pkg.m{n} import helper{n}\n" for n in range(12)) + "\n\ndef run() -> int:\n    return help"


def of_others(prompt: str) -> int:
    """Tokens of a prompt that are of other files."""
    ahead, _, _ = prompt.partition("from pkg.m0 import")
    return ScriptedEngine().tokenizer.count(ahead.removeprefix("<|fim_prefix|>"))


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("change", ["context.tokens", "completion.prefix_tokens"])
async def test_a_block_is_no_longer_than_there_is_room_for_now(change: str, trigger: Trigger) -> None:
    """The engine refuses a prompt that is too long."""
    desk = Desk(MANY)
    document = desk.open(CALLS)
    whole = of_others(await desk.asked(document))
    assert whole > 150
    if change == "context.tokens":
        desk.settings = replace(desk.settings, tokens=100)
    else:
        desk.engine.info = replace(desk.engine.info, context=1_500)
        desk.completion = replace(desk.completion, prefix_tokens=850)
    document.type("e")
    cut = of_others(await desk.asked(document, trigger))
    assert 0 < cut <= (100 if change == "context.tokens" else 1_500 - 3 * 96 - 64 - 850 - 192)


async def test_idle_work_mends_a_block_though_the_prompt_with_the_old_one_is_refused() -> None:
    desk = Desk(prepare=True)
    desk.engine.hold_prefill = True
    document = desk.open()
    document.type("a")
    await until(lambda: desk.engine.prefills, "idle work")
    assert not desk.index.wanted
    desk.engine.prefills[0].fail(EngineError("The prompt is too long.", "Make it shorter."))
    await until(lambda: desk.engine.prefills[-1].request.key.endswith(BESIDE), "evaluation of the new block")
    assert "class Shape:" in shown(desk.engine.prefills[-1])


async def test_an_opened_document_whose_text_is_refused_still_gets_its_block() -> None:
    desk = Desk(prepare=True)
    desk.engine.hold_prefill = True
    document = desk.open()
    desk.pipeline.opened(document.snapshot)
    await until(lambda: desk.engine.prefills, "idle work")
    desk.engine.prefills[0].fail(EngineError("The prompt is too long.", "Make it shorter."))
    await settled()
    assert "class Shape:" in await desk.asked(document, Trigger.TYPING)


@pytest.mark.parametrize("trigger", Trigger)
async def test_context_that_is_switched_off_is_not_shown_any_more(trigger: Trigger) -> None:
    desk = Desk(prepare=False)
    document = desk.open()
    assert "class Shape:" in await desk.asked(document)
    desk.settings = replace(desk.settings, enabled=False)
    document.type("e")
    assert "class Shape:" not in await desk.asked(document, trigger)


@pytest.mark.parametrize("prepare", [False, True])
async def test_who_asks_by_hand_without_idle_work_gets_what_holds_for_the_place(*, prepare: bool) -> None:
    desk = Desk(prepare=prepare)
    document = desk.open(BEFORE, AFTER + FAR + "second = fill(first, ")
    assert "def fill" not in await desk.asked(document)
    document.at = len(document.snapshot.text)
    assert ("def fill" in await desk.asked(document)) is not prepare


# ---- an index that is slow -------------------------------------------------------------------------------------------


async def test_keys_go_on_without_an_index_that_is_slow_and_have_its_answer_later() -> None:
    """Where all is read in no time, a key waits for its context, but not for as long as idle work may."""
    desk = Desk()
    desk.engine.prefill_rate = 10_000.0
    desk.pipeline = Pipeline(
        desk.engine, lambda: desk.completion, repository=Repository(lambda: desk.settings, desk.place, patience_s=600)
    )
    answer, asked = Future[tuple[Snippet, ...]](), list[Wanted]()
    real, slow = desk.index.definitions, lambda wanted: (asked.append(wanted), answer)[1]
    desk.index.definitions = slow
    document = desk.open()
    for _ in range(2):
        document.type("e")
        assert "pkg/shapes.py" not in await desk.asked(document, Trigger.TYPING)
    assert len(asked) == 1, "it is asked once, and goes on"
    answer.set_result(real(asked[0]).result())
    await settled()
    document.type("e")
    assert "# pkg/shapes.py\n# class Shape:" in await desk.asked(document, Trigger.TYPING)
