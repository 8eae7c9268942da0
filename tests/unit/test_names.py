"""Which names there are, for a model that is to end one which the user has begun."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace

import pytest
from desk import BEFORE, Desk, shown

from tabby_lsp.completion.names import MOST, Names, names_at
from tabby_lsp.document import Snapshot
from tabby_lsp.engine.types import Preference
from tabby_lsp.errors import IndexUnavailable

ABOVE = (
    "import { createStore } from './store'\n\nexport function setUp(config) {\n  const store = createStore(config)\n"
)
BELOW = "\n  return store\n}\n"


def preference(line: str, language: str = "typescript", above: str = ABOVE, found: tuple[str, ...] = ()) -> Names:
    names = maybe(line, language, above, found)
    assert names is not None
    return names


def maybe(line: str, language: str = "typescript", above: str = ABOVE, found: tuple[str, ...] = ()) -> Names | None:
    snapshot = Snapshot.of("file:///a.ts", language, 1, above + line + BELOW)
    return names_at(snapshot, snapshot.position(len(above + line)), found)


@pytest.mark.parametrize(
    ("line", "rests"),
    [
        ("  createS", ["tore"]),
        ("  createStore", [""]),  # its end
        ("  st", ["atic", "ore", "ring"]),
        ("  stray", []),
        ("  x = undef", ["ined"]),  # a word of the language
        ("  Store", []),  # the end of a name is no name
    ],
)
def test_names_of_the_document_and_its_language(line: str, rests: list[str]) -> None:
    assert preference(line)("") == rests


@pytest.mark.parametrize("line", ["", "  ", "  s", "  store.", "  f(", "  x = 0xf", "  x = 12", "  store = "])
def test_where_nothing_is_begun_nothing_is_preferred(line: str) -> None:
    assert maybe(line) is None


@pytest.mark.parametrize("line", ["  const st", "  function create", "  class Sto", "  let st"])
def test_what_is_declared_is_new(line: str) -> None:
    assert maybe(line) is None


def test_names_of_other_files() -> None:
    assert preference("  store.disp")("") == []
    assert preference("  store.disp", found=("dispatch", "dispose", "other"))("") == ["atch", "ose"]


def test_what_is_being_typed_is_no_name_yet() -> None:
    assert preference("  conf")("") == ["ig"]


def test_a_name_may_be_written_in_pieces() -> None:
    assert preference("  cre")("") == ["ateStore"]
    assert preference("  cre")("ate") == ["Store"]
    assert preference("  cre")("ateStore") == [""]
    assert preference("  cre")("ateShop") == []


@pytest.mark.parametrize("written", ["Store(", "Store ", "Store(\n  con"])
def test_behind_the_name_nothing_is_preferred(written: str) -> None:
    assert preference("  create")(written) == ()


def test_among_too_many_nothing_is_preferred() -> None:
    many = tuple(f"zap{number}" for number in range(MOST + 1))
    assert preference("  x = za", found=many)("") == ()
    assert preference("  x = za", found=many)("p25") == ["", "0", "1", "2", "3", "4", "5", "6"]
    assert len(preference("  x = za", found=many[:MOST])("")) == MOST


def test_characters_of_other_scripts_are_letters() -> None:
    assert preference("x = gr", "python", "größe = 1\n")("") == ["öße"]


# ---- of the repository ----------------------------------------------------------------------------------------------


class Asking:
    """A repository that answers when a test says so, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Future[tuple[str, ...]] = Future()

    def __call__(self, snapshot: Snapshot, start: str) -> Future[tuple[str, ...]]:
        self.asked.append(start)
        return self.answer

    def names(self, line: str) -> Names:
        snapshot = Snapshot.of("file:///a.ts", "typescript", 1, ABOVE + line + BELOW)
        found = names_at(snapshot, snapshot.position(len(ABOVE + line)), (), self)
        assert found is not None
        return found


def test_names_that_have_come_when_the_model_writes_count() -> None:
    asking = Asking()
    names = asking.names("  x = zap")
    asking.answer.set_result(("zapOrInsert", "zapper"))
    assert names("") == ["OrInsert", "per"]
    assert asking.asked == ["zap"]


def test_nobody_waits_for_them() -> None:
    assert Asking().names("  x = zap")("") == []


def test_a_repository_that_cannot_answer_is_done_without() -> None:
    asking = Asking()
    names = asking.names("  x = zap")
    asking.answer.set_exception(IndexUnavailable("It is starting."))
    assert names("") == []
    cancelled = Asking()
    names = cancelled.names("  x = zap")
    cancelled.answer.cancel()
    assert names("") == []


def test_of_one_or_two_characters_too_much_is_the_beginning() -> None:
    asking = Asking()
    asking.names("  x = za")
    assert not asking.asked


# ---- in the pipeline -------------------------------------------------------------------------------------------------


async def preferred_at(desk: Desk, before: str = f"{BEFORE}ar") -> Preference | None:
    """What a question there brings along."""
    document = desk.open(before=before)
    await desk.asked(document)
    return desk.engine.asked[-1].request.preference


async def test_a_question_brings_the_names_that_were_found() -> None:
    preference = await preferred_at(Desk())
    assert preference is not None
    assert "ea" in preference("")
    assert "nything" not in preference(""), "nothing is called that"


async def test_a_question_asks_the_repository_for_names_that_nothing_led_to() -> None:
    desk = Desk()
    desk.settings = replace(desk.settings, symbols=False, siblings=False, search=False, recent=False)
    preference = await preferred_at(desk, f"{BEFORE}are")
    assert preference is not None
    assert preference("") == ["a"]


async def test_without_context_the_repository_is_not_asked() -> None:
    desk = Desk()
    desk.settings = replace(desk.settings, enabled=False)
    preference = await preferred_at(desk, f"{BEFORE}are")
    assert preference is not None
    assert preference("") == []


async def test_names_need_no_room_in_the_prompt() -> None:
    desk = Desk()
    desk.engine.info = replace(desk.engine.info, context=1_300)
    preference = await preferred_at(desk)
    assert "def area" not in shown(desk.engine.asked[-1])
    assert preference is not None
    assert "ea" in preference("")


@pytest.mark.parametrize("before", [f"{BEFORE}x  # a word of ", f'{BEFORE}"a word of '])
async def test_prose_has_no_names(before: str) -> None:
    assert await preferred_at(Desk(), before) is None


async def test_it_can_be_turned_off() -> None:
    desk = Desk()
    desk.completion = replace(desk.completion, known_names=False)
    assert await preferred_at(desk) is None


async def test_what_was_found_for_a_document_is_forgotten_with_it() -> None:
    desk = Desk()
    document = desk.open(before=f"{BEFORE}ar")
    await desk.asked(document)
    desk.pipeline.forget(document.snapshot.uri)
    desk.index.up = False
    preference = await preferred_at(desk)
    assert preference is not None
    assert "ea" not in preference("")
