"""Which names there are, for a model that is to end one which the user has begun."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desk import BEFORE, Desk, shown

from tabby_lsp.completion.names import Names, names_at
from tabby_lsp.document import Snapshot
from tabby_lsp.engine.types import Preference

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
    ("line", "pieces", "index"),
    [
        ("  create", ["Shop", "Store"], 1),
        ("  create", ["Shop", "("], 0),  # `create` is no name either
        ("  create", ["Shop", "Sto"], 1),  # as far as it goes
        ("  createStore", ["Factory", "("], 1),  # an end instead of a longer name
        ("  createStore", ["(", "Factory"], 0),
        ("  store", [" with", ";"], 0),  # what follows a name is not looked at
        ("  x = undef", ["inedly", "ined"], 1),  # a word of the language
        ("  create", ["", "Store"], 0),
        ("  stray", ["ing", ""], 0),  # no text is no preference
        ("  create", ["Store.open", "Store("], 0),
        ("  create", ["Shop.open", "Store.open"], 1),
    ],
)
def test_names_of_the_document_and_its_language(line: str, pieces: list[str], index: int) -> None:
    assert preference(line)("", pieces) == index


@pytest.mark.parametrize("line", ["", "  ", "  store.", "  f(", "  x = 0xf", "  x = 12", "  store = "])
def test_where_nothing_is_begun_nothing_is_preferred(line: str) -> None:
    assert maybe(line) is None


@pytest.mark.parametrize("line", ["  const st", "  function create", "  class Sto", "  let st"])
def test_what_is_declared_is_new(line: str) -> None:
    assert maybe(line) is None


def test_names_of_other_files() -> None:
    assert preference("  store.disp")("", ["lay", "atch"]) == 0
    assert preference("  store.disp", found=("dispatch",))("", ["lay", "atch"]) == 1


def test_what_is_being_typed_is_no_name_yet() -> None:
    assert preference("  conf")("", ["(", "ig"]) == 1


def test_a_name_may_be_written_in_pieces() -> None:
    assert preference("  cre")("ate", ["Shop", "Store"]) == 1
    assert preference("  cre")("ateStore", ["s", "("]) == 1


@pytest.mark.parametrize("written", ["Store(", "Store ", "Store(\n  con"])
def test_behind_the_name_nothing_is_preferred(written: str) -> None:
    assert preference("  create")(written, ["stray", "store"]) == 0


def test_characters_of_other_scripts_are_letters() -> None:
    above = "größe = 1\n"
    assert preference("x = grö", "python", above)("", ["ßer", "ße"]) == 1
    assert preference("x = gr", "python", above)("", ["\ufffd", "öße"]) == 0, "a part of a character"


async def preferred_at(desk: Desk, before: str = f"{BEFORE}a") -> Preference | None:
    """What a question there brings along."""
    document = desk.open(before=before)
    await desk.asked(document)
    return desk.engine.asked[-1].request.preference


async def test_a_question_brings_the_names_that_were_found() -> None:
    preference = await preferred_at(Desk())
    assert preference is not None
    assert preference("", ["reas", "rea"]) == 1
    assert preference("", ["reas", "nything"]) == 0, "nothing is called that"


async def test_names_need_no_room_in_the_prompt() -> None:
    desk = Desk()
    desk.engine.info = replace(desk.engine.info, context=1_300)
    preference = await preferred_at(desk)
    assert "def area" not in shown(desk.engine.asked[-1])
    assert preference is not None
    assert preference("", ["reas", "rea"]) == 1


@pytest.mark.parametrize("before", [f"{BEFORE}x  # a word of ", f'{BEFORE}"a word of '])
async def test_prose_has_no_names(before: str) -> None:
    assert await preferred_at(Desk(), before) is None


async def test_it_can_be_turned_off() -> None:
    desk = Desk()
    desk.completion = replace(desk.completion, known_names=False)
    assert await preferred_at(desk) is None


async def test_what_was_found_for_a_document_is_forgotten_with_it() -> None:
    desk = Desk()
    document = desk.open(before=f"{BEFORE}a")
    await desk.asked(document)
    desk.pipeline.forget(document.snapshot.uri)
    desk.index.up = False
    preference = await preferred_at(desk)
    assert preference is not None
    assert preference("", ["reas", "rea"]) == 0
