"""Typing along a suggestion, walking back, and leaving it."""

from __future__ import annotations

import pytest

from tabby_lsp.completion.reuse import ENTRIES, FAR, NEAR, RECOGNISABLE, Reuse
from tabby_lsp.completion.types import Suggestion
from tabby_lsp.document import Position, Snapshot

URI = "file:///r.py"
BEFORE, AFTER = "import os\n\n\ndef f(a):\n    ", "\n\nprint(f(1))\n"


def at(before: str, after: str = AFTER, uri: str = URI) -> tuple[Snapshot, Position]:
    snapshot = Snapshot.of(uri, "python", 1, before + after)
    return snapshot, snapshot.position(len(before))


def reuse(*texts: str) -> Reuse:
    kept, (snapshot, position) = Reuse(), at(BEFORE)
    kept.keep(snapshot, position, tuple(Suggestion(text, position, position) for text in texts))
    return kept


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("", ["return a + 1", "raise ValueError"]),
        ("r", ["eturn a + 1", "aise ValueError"]),
        ("return", [" a + 1"]),
        ("raise ", ["ValueError"]),
        ("return a + 1", []),
        ("x", []),
        ("return b", []),
    ],
)
def test_what_is_left(typed: str, left: list[str]) -> None:
    found = reuse("return a + 1", "raise ValueError").along(*at(BEFORE + typed))
    assert [s.text for s in found] == left


def test_walking_back_shows_it_again() -> None:
    kept = reuse("return a")
    assert [s.text for s in kept.along(*at(BEFORE + "retu"))] == ["rn a"]
    assert [s.text for s in kept.along(*at(BEFORE + "re"))] == ["turn a"]


def test_it_inserts_at_the_cursor() -> None:
    snapshot, position = at(BEFORE + "ret")
    (found,) = reuse("return a").along(snapshot, position)
    assert found.start == found.end == position


@pytest.mark.parametrize(
    ("before", "after", "uri"),
    [
        (BEFORE + "re", "\n\nother()\n", URI),
        (BEFORE.replace("f(a)", "f(b)") + "re", AFTER, URI),
        (BEFORE + "re", AFTER, "file:///other.py"),
        (BEFORE[:-2] + "re", AFTER, URI),
    ],
    ids=["other code after", "other code before", "other document", "before where it began"],
)
def test_elsewhere_it_is_not_shown(before: str, after: str, uri: str) -> None:
    assert reuse("return a").along(*at(before, after, uri)) == ()


def test_brackets_that_the_editor_closes_do_not_end_it() -> None:
    found = reuse("print(a)").along(*at(BEFORE + "print(", ")" + AFTER))
    assert [s.text for s in found] == ["a)"]


def test_over_a_line_break() -> None:
    found = reuse("if a:\n        return 1").along(*at(BEFORE + "if a:\n        "))
    assert [s.text for s in found] == ["return 1"]


def test_a_closed_document_is_forgotten() -> None:
    kept = reuse("return a")
    kept.forget(URI)
    assert kept.along(*at(BEFORE)) == ()


def test_it_does_not_grow_for_ever() -> None:
    kept = Reuse()
    for n in range(ENTRIES + 10):
        snapshot, position = at(BEFORE + f"x{n} = ")
        kept.keep(snapshot, position, (Suggestion("1", position, position),))
    assert kept.along(*at(BEFORE + "x0 = ")) == ()
    assert kept.along(*at(BEFORE + f"x{ENTRIES + 9} = "))


# ---- edits elsewhere -------------------------------------------------------------------------------------------------

LONG = "".join(f"name_{n} = {n}\n" for n in range(300))


def kept(before: str, after: str, text: str = "return a") -> Reuse:
    memory, (snapshot, position) = Reuse(), at(before, after)
    memory.keep(snapshot, position, (Suggestion(text, position, position),))
    return memory


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import sys\n" + LONG + BEFORE, AFTER + LONG),
        (LONG[20:] + BEFORE, AFTER + LONG),
        (LONG + BEFORE, AFTER + LONG + "print()\n"),
        ("#" + LONG + BEFORE, AFTER + LONG[:-20]),
    ],
    ids=["a line above", "a line less above", "a line below", "above and below"],
)
def test_an_edit_elsewhere_changes_nothing(before: str, after: str) -> None:
    memory = kept(LONG + BEFORE, AFTER + LONG)
    assert [s.text for s in memory.along(*at(before + "re", after))] == ["turn a"]


@pytest.mark.parametrize("distance", [1, 100, NEAR - 1])
def test_an_edit_near_the_cursor_ends_it(distance: int) -> None:
    before = LONG + BEFORE
    place = len(before) - distance
    other = before[:place] + "ä" + before[place + 1 :]
    assert kept(before, AFTER).along(*at(other, AFTER)) == ()


def test_an_edit_just_beyond_what_must_agree_does_not() -> None:
    before, after = LONG + BEFORE, AFTER + LONG
    above, below = len(before) - NEAR - 1, FAR
    other = before[:above] + "ä" + before[above + 1 :], after[:below] + "ä" + after[below + 1 :]
    assert kept(before, after).along(*at(*other))
    assert kept(before, after).along(*at(before, after[: below - 1] + "ä" + after[below:])) == ()


@pytest.mark.parametrize(("length", "found"), [(RECOGNISABLE, True), (RECOGNISABLE - 1, False)])
def test_a_short_beginning_is_not_looked_for_elsewhere(length: int, *, found: bool) -> None:
    """`x = ` stands in many places; a whole screen of code does not."""
    before = LONG[:length]
    assert bool(kept(before, AFTER).along(*at("import sys\n" + before, AFTER))) is found
    assert kept(before, AFTER).along(*at(before + "re", AFTER)), "where it was it is known by any length"


def test_an_empty_document() -> None:
    memory = kept("", "")
    assert [s.text for s in memory.along(*at("", ""))] == ["return a"]
    assert [s.text for s in memory.along(*at("retu", ""))] == ["rn a"]
    assert memory.along(*at("x", "")) == ()


def test_the_newest_of_two_is_shown() -> None:
    memory, (snapshot, position) = kept(BEFORE, AFTER, "return old"), at(BEFORE)
    memory.keep(snapshot, position, (Suggestion("return new", position, position),))
    assert [s.text for s in memory.along(*at(BEFORE + "return "))] == ["new"]


def test_what_repeats_itself_is_as_far_along_as_can_be() -> None:
    assert [s.text for s in kept(BEFORE, AFTER, "aaab").along(*at(BEFORE + "aa"))] == ["ab"]


@pytest.mark.parametrize(("text", "known"), [("return a", True), ("ret", True), ("urn a", True), ("return b", False)])
def test_what_is_inserted_may_have_been_suggested(text: str, *, known: bool) -> None:
    """All of it, its first word, or what was left of it."""
    assert kept(BEFORE, AFTER).suggested(text) is known
