"""Two texts become hunks, hunks become keys, and files become scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabby_lsp.bench.edited import edits
from tabby_lsp.bench.edited.history import Edited
from tabby_lsp.bench.edited.scripts import scripts_of
from tabby_lsp.bench.types import Hunk

LINES = st.lists(st.text("ab \t()λ𝒳", max_size=6), max_size=12)
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n", "\n\n"]))


@given(TEXTS, TEXTS)
def test_hunks_make_the_new_text(base: str, new: str) -> None:
    hunks = edits.hunks(base, new)
    assert edits.apply(base, hunks) == new
    assert all(hunk.removed or hunk.typed for hunk in hunks)
    assert [hunk.start for hunk in hunks] == sorted(hunk.start for hunk in hunks)


@given(TEXTS, TEXTS, st.data())
def test_an_excerpt_goes_through_the_same_states(base: str, new: str, data: st.DataObject) -> None:
    hunks = edits.hunks(base, new)
    first = data.draw(st.integers(0, len(hunks)))
    start, chosen = edits.excerpt(base, hunks, first, data.draw(st.integers(0, 4)))
    assert start == edits.apply(base, hunks[:first])
    assert edits.apply(start, chosen) == edits.apply(base, hunks[: first + len(chosen)])


@given(TEXTS)
def test_keys_type_the_text(text: str) -> None:
    keys = edits.keys(text)
    assert "".join(keys) == text
    assert all(len(key) == 1 or not key.strip() for key in keys)


@pytest.mark.parametrize(
    ("base", "new", "hunks"),
    [
        ("a\nb\n", "a\nx\nb\n", [Hunk(1, 0, "\nx")]),  # a line is added at the end of the one above
        ("a\n", "a\nx\ny\n", [Hunk(1, 0, "\nx\ny")]),
        ("b\n", "x\nb\n", [Hunk(0, 0, "x\n")]),  # there is none above
        ("a\nb", "a\nb\nc", [Hunk(3, 0, "\nc")]),
        ("f(one)\n", "f(two)\n", [Hunk(2, 3, "two")]),  # inside the line
        ("f(a)\n", "f(a, b)\n", [Hunk(3, 0, ", b")]),
        ("x: OldState,\n", "x: NewState,\n", [Hunk(3, 8, "NewState")]),  # a word is typed to its end
        ("x: State,\n", "x: NewState,\n", [Hunk(3, 0, "New")]),  # unless nothing of it is replaced
        ("f(a.b)\n", "f(c.b)\n", [Hunk(2, 1, "c")]),
        ("a\nb\nc\n", "a\nc\n", [Hunk(2, 2, "")]),
        ("a\nb\nc\n", "x\nb\nyz\n", [Hunk(0, 1, "x"), Hunk(4, 1, "yz")]),
    ],
)
def test_hunks_are_where_people_edit(base: str, new: str, hunks: list[Hunk]) -> None:
    assert edits.hunks(base, new) == hunks


def test_a_line_break_brings_its_indentation() -> None:
    assert edits.keys("if x:\n        y\n\n  z") == [*"if x:", "\n        ", "y", "\n", "\n  ", "z"]
    assert edits.keys("    y") == ["    ", "y"]


@pytest.mark.parametrize(
    ("typed", "worth"), [("abcd", True), ("a b c", False), ("\n    \n", False), ("", False), ("x" * 4_001, False)]
)
def test_only_what_people_type_is_typed(typed: str, worth: bool) -> None:
    assert edits.worth_typing(Hunk(0, 0, typed)) is worth


@pytest.mark.parametrize("data", [b"\xff", b"a\r\nb", b"x" * 401, b"a\0b", b"y\n" * 200_000])
def test_what_nobody_typed_is_left_out(data: bytes) -> None:
    assert edits.readable(data) is None


def test_hunks_are_spread_over_files_by_twos() -> None:
    def file(name: str, count: int) -> Edited:
        base = "".join(f"line {i}\nrest\n" for i in range(count))
        new = "".join(f"line {i}\nadded here\nrest\n" for i in range(count))
        return Edited(name, "s", "python", base, tuple(edits.hunks(base, new)))

    scripts = scripts_of([file("a", 1), file("b", 9), file("c", 9)], limit=7, most_keys=100)
    assert [len(script.hunks) for script in scripts] == [1, 4, 2]
    assert scripts == scripts_of([file("a", 1), file("b", 9), file("c", 9)], limit=7, most_keys=100)
    assert scripts_of([file("a", 1), file("b", 9)], limit=1, most_keys=100)[0].name == "a"
    tight = scripts_of([file("b", 9)], limit=1, most_keys=1)
    assert len(tight) == 1  # a hunk that does not fit is better than none
