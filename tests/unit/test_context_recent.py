"""Where the user has been: stretches of documents that follow what is changed around them."""

from __future__ import annotations

import random

import pytest

from tabby_lsp.completion.context import recent as module
from tabby_lsp.completion.context.recent import ABOVE, BELOW, KEPT, LONGEST, Recent
from tabby_lsp.document import Change, PositionEncoding, Snapshot


def snapshot(lines: int, uri: str = "file:///a.py") -> Snapshot:
    return Snapshot.of(uri, "python", 0, "".join(f"x{n}\n" for n in range(lines)))


def replaced(before: Snapshot, first: int, last: int, text: str) -> Snapshot:
    """Lines `first` to before `last` replaced, as a client tells it."""
    return before.apply([Change(text, (first, 0), (last, 0))], before.version + 1, PositionEncoding.UTF32)


def stretches(recent: Recent, uri: str = "file:///other.py") -> list[tuple[int, int]]:
    return [(s.start, s.end) for s in recent.elsewhere(uri)]


def texts(recent: Recent) -> list[str]:
    """The very lines of each stretch, without what is around them."""
    return ["".join(s.snapshot.lines[s.start : s.end]) for s in recent.elsewhere("file:///other.py")]


def test_an_edit_is_the_lines_that_were_written() -> None:
    recent = Recent()
    recent.edited(snapshot(50), 12, "one\ntwo\nthree")
    assert stretches(recent) == [(10, 13)]


def test_keys_on_one_line_are_one_stretch() -> None:
    recent, document = Recent(), snapshot(50)
    for key in "name":
        document = replaced(document, 12, 12, key)
        recent.edited(document, 12, key)
    assert stretches(recent) == [(12, 13)]


def test_edits_far_apart_are_two_and_the_newest_comes_first() -> None:
    recent, document = Recent(), snapshot(99)
    recent.edited(document, 10, "a")
    recent.edited(document, 60, "b")
    assert stretches(recent) == [(60, 61), (10, 11)]


def test_lines_that_are_inserted_above_move_a_stretch() -> None:
    recent, document = Recent(), snapshot(99)
    recent.edited(document, 60, "b")
    recent.edited(replaced(document, 10, 10, "one\ntwo\nthree\n"), 13, "one\ntwo\nthree\n")
    assert stretches(recent) == [(10, 14), (63, 64)]


@pytest.mark.parametrize("how", ["a deletion", "the whole text"])
def test_lines_that_are_removed_above_move_a_stretch(how: str) -> None:
    recent, document = Recent(), snapshot(99)
    recent.edited(document, 60, "b")
    shorter = replaced(document, 10, 15, "")
    if how == "a deletion":
        recent.viewed(shorter, 10)
    else:
        recent.moved(Snapshot.of(document.uri, "python", 1, shorter.text))
    assert texts(recent) == ["x60\n"]


def test_a_stretch_whose_lines_are_removed_is_gone() -> None:
    recent, document = Recent(), snapshot(99)
    recent.edited(document, 60, "b")
    recent.moved(replaced(document, 55, 65, ""))
    assert stretches(recent) == []


def test_what_was_only_looked_at_moves_too() -> None:
    recent, document = Recent(), snapshot(99)
    recent.viewed(document, 60)
    recent.moved(replaced(document, 0, 3, ""))
    assert texts(recent) == ["x60\n"]


def test_a_document_that_shrinks_leaves_no_lines_behind_its_end() -> None:
    recent = Recent()
    recent.edited(snapshot(99), 90, "b")
    recent.edited(snapshot(20), 2, "a")
    assert all(end <= 21 for _, end in stretches(recent))


@pytest.mark.parametrize("seed", range(20))
def test_a_stretch_stays_at_its_line_whatever_is_changed_elsewhere(seed: int) -> None:
    chance = random.Random(seed)
    recent, document = Recent(), snapshot(60)
    recent.edited(document, 30, "x")
    (number,) = [s.number for s in recent.elsewhere("")]
    for _ in range(40):
        line = document.lines.index("x30\n")
        first = chance.choice([chance.randint(0, line), chance.randint(line + 1, len(document.lines) - 1)])
        last = min(first + chance.randint(0, 3), line if first <= line else len(document.lines) - 1)
        text = "".join(f"new{chance.random()}\n" for _ in range(chance.randint(0, 4)))
        document = replaced(document, first, last, text)
        recent.moved(document)
        assert texts(recent) == ["x30\n"]
    assert [s.number for s in recent.elsewhere("")] == [number]


def test_the_document_itself_is_not_elsewhere() -> None:
    recent, document = Recent(), snapshot(50)
    recent.edited(document, 12, "a")
    recent.viewed(document, 3)
    assert stretches(recent, "file:///a.py") == []


def test_what_was_only_looked_at_comes_after_what_was_edited() -> None:
    recent, document = Recent(), snapshot(50)
    recent.viewed(snapshot(50, "file:///seen.py"), 7)
    recent.edited(document, 12, "a")
    recent.viewed(document, 40)
    assert [(s.snapshot.uri, s.start, s.edited) for s in recent.elsewhere("file:///other.py")] == [
        ("file:///a.py", 12, True),
        ("file:///seen.py", 7, False),
    ]


def test_no_more_than_some_are_remembered() -> None:
    recent = Recent()
    for n in range(3 * KEPT):
        recent.edited(snapshot(5, f"file:///{n}.py"), 1, "a")
        recent.viewed(snapshot(5, f"file:///seen{n}.py"), 1)
    assert len(stretches(recent)) == 2 * KEPT


# ---- documents that are closed ---------------------------------------------------------------------------------------


def test_of_a_closed_document_its_few_lines_stay() -> None:
    recent, document = Recent(), snapshot(5_000)
    recent.edited(document, 2_000, "a")
    recent.viewed(document, 4_000)
    shown = [s.text for s in recent.elsewhere("")]
    recent.forget(document.uri)
    assert [s.text for s in recent.elsewhere("")] == shown == ["".join(document.lines[2_000 - ABOVE : 2_001 + BELOW])]
    assert [s.start + s.above for s in recent.elsewhere("")] == [2_000]
    assert all(len(known.lines) <= LONGEST + 1 for known in recent.documents())
    assert len(recent.documents()) == 2


def test_lines_without_an_end_are_not_kept_of_a_closed_document() -> None:
    recent, document = Recent(), Snapshot.of("file:///a.js", "javascript", 0, "x" * 1_000_000)
    recent.edited(document, 0, "x")
    recent.forget(document.uri)
    assert not recent.documents()


def test_a_document_that_is_opened_again_has_its_stretch_where_it_was() -> None:
    recent, document = Recent(), snapshot(99)
    recent.edited(document, 60, "b")
    recent.forget(document.uri)
    recent.moved(again := snapshot(99))
    recent.moved(replaced(again, 0, 10, ""))
    assert texts(recent) == ["x60\n"]
    assert stretches(recent) == [(50, 51)]


def test_lines_that_were_changed_while_their_document_was_closed_are_forgotten() -> None:
    recent, document = Recent(), snapshot(99)
    recent.edited(document, 60, "b")
    recent.forget(document.uri)
    recent.moved(replaced(document, 0, 1, ""))
    assert stretches(recent) == []


def test_a_file_that_changes_after_it_was_closed_is_not_what_is_kept_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    recent, document, other = Recent(), snapshot(99), snapshot(99, "file:///open.py")
    recent.edited(document, 60, "b")
    recent.edited(other, 60, "b")
    recent.forget(document.uri)
    recent.outdated(document.uri, gone=False)
    assert len(stretches(recent)) == 2, "the editor's own save, told late"
    monkeypatch.setattr(module, "OWN_SAVE_S", 0.0)
    recent.outdated(document.uri, gone=False)
    recent.outdated(other.uri, gone=True)
    assert [s.snapshot for s in recent.elsewhere("")] == [other]


def test_a_file_that_is_deleted_is_forgotten_at_once() -> None:
    recent, document = Recent(), snapshot(99)
    recent.edited(document, 60, "b")
    recent.forget(document.uri)
    recent.outdated(document.uri, gone=True)
    assert stretches(recent) == []


# ---- which stretch it is ---------------------------------------------------------------------------------------------


def test_a_stretch_that_is_edited_again_is_the_same_one() -> None:
    recent, document = Recent(), snapshot(99)
    recent.edited(document, 60, "b")
    recent.edited(document, 10, "b")
    recent.edited(replaced(document, 61, 61, "more\n"), 61, "more\n")
    again, other = [s.number for s in recent.elsewhere("")]
    assert (again, other) == (1, 2)


def test_a_cursor_that_goes_elsewhere_is_another_stretch() -> None:
    recent, document = Recent(), snapshot(99)
    numbers: list[int] = []
    for line in (10, 14, 60):
        recent.viewed(document, line)
        numbers += [s.number for s in recent.elsewhere("")]
    assert numbers[0] == numbers[1] != numbers[2]
