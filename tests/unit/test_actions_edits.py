"""Minimal edits give exactly the new text, through the document's own arithmetic; rebased ones still say the same."""

from __future__ import annotations

from difflib import Match, SequenceMatcher
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabby_lsp.actions import edits as comparing
from tabby_lsp.actions.edits import apply, lines_of, minimal, rebase
from tabby_lsp.actions.types import Edit, Span
from tabby_lsp.document import Change, Position, PositionEncoding, Snapshot

LINES = st.lists(
    st.tuples(
        st.sampled_from(["", "a", "ab", "  a", "é𝄞", "a\fb", "x\u2028y", "}"]), st.sampled_from(["\n", "\r\n", "\r"])
    ),
    max_size=9,
)
TEXTS = LINES.map(lambda lines: "".join(map("".join, lines))) | st.text("ab \r\n", max_size=12)


def document(text: str) -> Snapshot:
    return Snapshot.of("file:///a", "python", 1, text)


def through_the_protocol(snapshot: Snapshot, edits: tuple[Edit, ...]) -> str:
    """The document after a client sent the edits back as changes, last one first."""
    encoding = PositionEncoding.UTF16
    changes = [
        Change(edit.text, snapshot.encode(edit.span.start, encoding), snapshot.encode(edit.span.end, encoding))
        for edit in reversed(edits)
    ]
    return snapshot.apply(changes, 2, encoding).text


def replaced_texts(snapshot: Snapshot, edits: tuple[Edit, ...]) -> list[str]:
    return [snapshot.text[snapshot.offset(edit.span.start) : snapshot.offset(edit.span.end)] for edit in edits]


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_minimal_edits_give_the_new_text(before: str, old: str, after: str, new: str) -> None:
    snapshot = document(before + old + after)
    span = Span(snapshot.position(len(before)), snapshot.position(len(before + old)))
    head, tail = snapshot.before(span.start), snapshot.after(span.end)
    edits = minimal(snapshot, span, new)
    assert apply(snapshot, edits) == head + new + tail
    assert through_the_protocol(snapshot, edits) == head + new + tail
    assert all(one.span.end < two.span.start for one, two in pairwise(edits))
    assert all(span.start <= edit.span.start <= edit.span.end <= span.end for edit in edits)
    assert all(edit.text or not edit.span.empty for edit in edits)


@given(TEXTS)
def test_the_same_text_needs_no_edit(text: str) -> None:
    snapshot = document(text)
    assert minimal(snapshot, Span(Position(0, 0), snapshot.end), text) == ()


@pytest.mark.parametrize(
    ("old", "new", "edits"),
    [
        ("a = 1\nb = 2\nc = 3\n", "a = 1\nb = 25\nc = 3\n", [((1, 5), (1, 5), "5")]),
        ("a = 1\nb = 2\nc = 3\n", "a = 1\nc = 3\n", [((1, 0), (2, 0), "")]),
        ("a\nb\n", "a\nx\nb\n", [((1, 0), (1, 0), "x\n")]),
        ("a = 1\nb = 1\n", "a = 2\nb = 2\n", [((0, 4), (0, 5), "2"), ((1, 4), (1, 5), "2")]),
        ("a\r\nb\r\n", "a\nb\r\n", [((0, 1), (1, 0), "\n")]),
        ("one", "one\n", [((0, 3), (0, 3), "\n")]),
    ],
)
def test_an_edit_is_as_small_as_the_change(old: str, new: str, edits: list) -> None:
    snapshot = document(old)
    found = minimal(snapshot, Span(Position(0, 0), snapshot.end), new)
    spans = [(edit.span.start, edit.span.end, edit.text) for edit in found]
    assert spans == [(Position(*start), Position(*end), text) for start, end, text in edits]


def test_a_large_change_is_one_edit_between_what_is_the_same() -> None:
    old = "".join(f"line {number}\n" for number in range(3000))
    new = "head\n" + "".join(f"other {number}\n" for number in range(3000)) + "line 2999\n"
    snapshot = document("head\n" + old)
    edits = minimal(snapshot, Span(Position(0, 0), snapshot.end), new)
    assert len(edits) == 1
    assert apply(snapshot, edits) == new


# --- a document that has changed meanwhile ---------------------------------------------------------------------------


@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
def test_edits_move_with_what_changes_elsewhere(before: str, region: str, after: str, new: str, other: str) -> None:
    """A change in front of a region's lines or behind them moves the edits of the region, or drops them."""
    before, region = f"{before}\nhead\n", f"{region}\n"
    snapshot = document(before + region + "tail\n" + after)
    span = Span(snapshot.position(len(before)), snapshot.position(len(before + region)))
    edits = minimal(snapshot, span, new)
    for now in (document(f"{other}\nhead\n{region}tail\n{after}"), document(f"{before}{region}tail\n{other}")):
        moved = rebase(edits, snapshot, now)
        if moved is not None:
            assert [edit.text for edit in moved] == [edit.text for edit in edits]
            assert replaced_texts(now, moved) == replaced_texts(snapshot, edits)


@given(TEXTS, TEXTS, TEXTS)
def test_edits_of_a_line_that_is_its_only_one_move_with_it(above: str, other: str, below: str) -> None:
    """Lines that are found once are found again whatever stands around them."""
    before = document(f"{above}\nunique line\n{below}")
    line = before.position(before.text.index("unique line")).line
    edits = (Edit(Span(Position(line, 0), Position(line, 6)), "other"),)
    now = document(f"{other}\nunique line\n{below}")
    moved = rebase(edits, before, now)
    assert moved is not None
    assert apply(now, moved) == f"{other}\nother line\n{below}"


@given(TEXTS, TEXTS, st.integers(0, 8), TEXTS)
def test_what_is_rebased_replaces_the_same_text(old: str, new: str, line: int, text: str) -> None:
    before, now = document(old), document(new)
    line = min(line, len(before.lines) - 1)
    edit = Edit(Span(Position(line, 0), Position(line, len(before.line_text(line)))), text)
    moved = rebase((edit,), before, now)
    if moved is not None:
        assert now.line_text(moved[0].span.start.line) == before.line_text(line)
        assert (moved[0].span.start.column, moved[0].span.end.column, moved[0].text) == (0, edit.span.end.column, text)


BEFORE = "import a\n\n\ndef f():\n    x = 1\n    y = 2\n    return x\n\n\ndef g():\n    pass\n"


@pytest.mark.parametrize(
    ("old", "new", "moved_to"),
    [
        ("import a\n", "import a\nimport b\n", 5),
        ("    pass\n", "    return 1\n", 4),
        ("import a\n\n", "", 2),
        ("    x = 1\n", "    x = 11\n", None),
        ("    x = 1\n", "", None),
        ("    y = 2\n", "    y = 3\n", 4),
    ],
)
def test_a_change_elsewhere_moves_an_edit_and_one_in_its_line_drops_it(
    old: str, new: str, moved_to: int | None
) -> None:
    before = document(BEFORE)
    edit = Edit(Span(Position(4, 8), Position(4, 9)), "7")
    moved = rebase((edit,), before, document(BEFORE.replace(old, new)))
    assert (moved[0].span.start.line if moved else None) == moved_to


def test_changes_on_both_sides_move_an_edit() -> None:
    before = document(BEFORE)
    edit = Edit(Span(Position(4, 8), Position(4, 9)), "7")
    now = document(BEFORE.replace("import a\n", "import a\nimport b\n").replace("pass", "return 2"))
    moved = rebase((edit,), before, now)
    assert moved is not None
    assert apply(now, moved) == now.text.replace("x = 1", "x = 7")


def test_what_the_model_saw_must_not_have_changed_either() -> None:
    before = document(BEFORE)
    edit = Edit(Span(Position(4, 8), Position(4, 9)), "7")
    now = document(BEFORE.replace("y = 2", "y = 3"))
    function = Span(Position(3, 0), Position(6, 12))
    assert rebase((edit,), before, now) is not None
    assert rebase((edit,), before, now, function) is None


def test_the_lines_of_a_span() -> None:
    assert lines_of(Span(Position(2, 0), Position(4, 0))) == (2, 4)
    assert lines_of(Span(Position(2, 3), Position(4, 1))) == (2, 5)
    assert lines_of(Span(Position(2, 0), Position(2, 0))) == (2, 3)


# --- what it costs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What each of `difflib`'s searches for an equal stretch looks at: its lines, and all lines equal to one."""
    taken: list[int] = []

    class Counting(SequenceMatcher[str]):
        def find_longest_match(
            self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
        ) -> Match:
            taken.append(sum(1 + len(self.b2j.get(line, ())) for line in self.a[alo:ahi]))  # pyright: ignore[reportAttributeAccessIssue]
            return super().find_longest_match(alo, ahi, blo, bhi)

    monkeypatch.setattr(comparing, "SequenceMatcher", Counting)
    return taken


def braces(name: str, every: int) -> str:
    return "".join(f"{name}{number}\n" if number % every == 0 else "}\n" for number in range(2000))


@pytest.mark.parametrize("every", [2, 3, 100])
def test_repeated_lines_are_no_reason_to_search_for_long(every: int, steps: list[int]) -> None:
    before, now = document("head\n" + braces("a", every)), document("other\n" + braces("b", every) + "end\n")
    edit = Edit(Span(Position(9, 0), Position(9, 1)), "x")
    assert rebase((edit,), before, now) is None
    assert apply(before, minimal(before, Span(Position(0, 0), before.end), now.text)) == now.text
    assert sum(steps) <= 2 * comparing.MOST_STEPS


def test_lines_that_are_there_once_are_found_among_many_that_are_not(steps: list[int]) -> None:
    functions = [f"def f{number}():\n    if x:\n        return 1\n    return 2\n\n" for number in range(900)]
    before = document("head\n" + "".join(functions) + "tail\n")
    moved = ["    # new\n" + text if number % 2 else text for number, text in enumerate(functions)]
    now = document("other\n" + "".join(moved) + "end\n")
    line = before.lines.index("def f600():\n")
    rebased = rebase((Edit(Span(Position(line, 4), Position(line, 8)), "g"),), before, now)
    assert rebased is not None
    assert apply(now, rebased) == now.text.replace("f600", "g")
    assert sum(steps) <= comparing.MOST_STEPS
