"""Which names there are at a cursor, for a model that hesitates."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desk import BEFORE, Desk, shown

from tabby_lsp.completion.names import Names
from tabby_lsp.document import Snapshot
from tabby_lsp.engine.types import Preference

ABOVE = (
    "import { createStore } from './store'\n\nexport function setUp(config) {\n  const store = createStore(config)\n"
)
BELOW = "\n  return store\n}\n"


def preference(line: str, language: str = "typescript", above: str = ABOVE, found: tuple[str, ...] = ()) -> Names:
    snapshot = Snapshot.of("file:///a.ts", language, 1, above + line + BELOW)
    return Names(snapshot, snapshot.position(len(above + line)), found)


@pytest.mark.parametrize(
    ("line", "pieces", "index"),
    [
        ("  ", [" stores", " store"], 1),
        ("  ", [" store", " config"], 0),
        ("  create", ["Shop", "Store"], 1),
        ("  create", ["Shop", "("], 0),  # `create` is no name either
        ("  createStore", ["Factory", "("], 1),  # an end instead of a longer name
        ("  store", [" with", ";"], 0),  # no end of what is whole anyway in place of another word
        ("  store", [".shut", ".set"], 1),
        ("  store.", ["dispatch", "subscribe"], 0),  # neither is known: the likelier one
        ("  store = ", ["undefinedly", "undefined"], 1),  # a word of the language
        ("  ", ["", "store"], 0),
        ("  stray", ["ing", ""], 0),  # no text is no preference
        ("  x = 0x", ["ff", "store"], 0),  # a number
    ],
)
def test_names_of_the_document_and_its_language(line: str, pieces: list[str], index: int) -> None:
    assert preference(line)("", pieces) == index


def test_names_of_other_files() -> None:
    assert preference("  store.")("", ["dispatchAll", "dispatch"]) == 0
    assert preference("  store.", found=("dispatch",))("", ["dispatchAll", "dispatch"]) == 1
    assert preference("  store.disp", found=("dispatch",))("", ["lay", "atch"]) == 1


def test_what_is_being_typed_is_no_name_yet() -> None:
    assert preference("  conf")("", ["(", "ig"]) == 1


@pytest.mark.parametrize("line", ["  const ", "  function ", "  class ", "  let st"])
def test_what_is_declared_is_new(line: str) -> None:
    assert preference(line)("", ["stores", "ore", "store"]) == 0


def test_what_was_written_is_known() -> None:
    written = "const stores = [store]\n  "
    assert preference("  ")("", ["stores", "store"]) == 1
    assert preference("  ")(written, ["stores", "store"]) == 0


@pytest.mark.parametrize("written", ["// a word of ", '"a word of ', "`a word of ", "/* a\n word of "])
def test_strings_and_comments_are_prose(written: str) -> None:
    assert preference("  ")(written, ["prose", "store"]) == 0


def test_text_behind_a_string_is_code_again() -> None:
    assert preference("  ")("log('prose', ", ["stores", "store"]) == 1


def test_several_names_in_one_piece() -> None:
    assert preference("  ")("", [" store.stores", " store.config"]) == 1


def test_characters_of_other_scripts_are_letters() -> None:
    above = "größe = 1\n"
    assert preference("", "python", above)("", ["größer", "größe"]) == 1
    assert preference("", "python", above)("", ["gr\ufffd", "größe"]) == 0, "a part of a character"


async def preferred_at(desk: Desk, before: str = BEFORE) -> Preference | None:
    """What a question there brings along."""
    document = desk.open(before=before)
    await desk.asked(document)
    return desk.engine.asked[-1].request.preference


async def test_a_question_brings_the_names_that_were_found() -> None:
    preference = await preferred_at(Desk())
    assert preference is not None
    assert preference("", ["areas", "area"]) == 1
    assert preference("", ["filled", "fill"]) == 0, "nothing here leads to it"


async def test_names_need_no_room_in_the_prompt() -> None:
    desk = Desk()
    desk.engine.info = replace(desk.engine.info, context=1_300)
    preference = await preferred_at(desk)
    assert "def area" not in shown(desk.engine.asked[-1])
    assert preference is not None
    assert preference("", ["areas", "area"]) == 1


@pytest.mark.parametrize("before", [f"{BEFORE}x  # a word of ", f'{BEFORE}"a word of '])
async def test_prose_has_no_names(before: str) -> None:
    assert await preferred_at(Desk(), before) is None


async def test_it_can_be_turned_off() -> None:
    desk = Desk()
    desk.completion = replace(desk.completion, known_names=False)
    assert await preferred_at(desk) is None


async def test_what_was_found_for_a_document_is_forgotten_with_it() -> None:
    desk = Desk()
    document = desk.open()
    await desk.asked(document)
    desk.pipeline.forget(document.snapshot.uri)
    desk.index.up = False
    preference = await preferred_at(desk)
    assert preference is not None
    assert preference("", ["areas", "area"]) == 0
