"""Where the user has been: stretches of documents that move with what is typed above them."""

from __future__ import annotations

from tabby_lsp.completion.context.recent import KEPT, Recent
from tabby_lsp.document import Snapshot


def snapshot(lines: int, uri: str = "file:///a.py", version: int = 0, first: str = "x") -> Snapshot:
    return Snapshot.of(uri, "python", version, "".join(f"{first}{n}\n" for n in range(lines)))


def stretches(recent: Recent, uri: str = "file:///other.py") -> list[tuple[int, int]]:
    return [(s.start, s.end) for s in recent.elsewhere(uri)]


def test_an_edit_is_the_lines_that_were_written() -> None:
    recent = Recent()
    recent.edited(snapshot(50), 12, "one\ntwo\nthree")
    assert stretches(recent) == [(10, 13)]


def test_keys_on_one_line_are_one_stretch() -> None:
    recent = Recent()
    for key in "name":
        recent.edited(snapshot(50), 12, key)
    assert stretches(recent) == [(12, 13)]


def test_edits_far_apart_are_two_and_the_newest_comes_first() -> None:
    recent = Recent()
    recent.edited(snapshot(99), 10, "a")
    recent.edited(snapshot(99), 60, "b")
    assert stretches(recent) == [(60, 61), (10, 11)]


def test_lines_that_are_inserted_above_move_a_stretch() -> None:
    recent = Recent()
    recent.edited(snapshot(99), 60, "b")
    recent.edited(snapshot(102), 13, "one\ntwo\nthree\n")
    assert stretches(recent) == [(10, 14), (63, 64)]


def test_a_document_that_shrinks_leaves_no_lines_behind_its_end() -> None:
    recent = Recent()
    recent.edited(snapshot(99), 90, "b")
    recent.edited(snapshot(20), 2, "a")
    assert all(end <= 21 for _, end in stretches(recent))


def test_the_document_itself_is_not_elsewhere() -> None:
    recent = Recent()
    recent.edited(snapshot(50), 12, "a")
    recent.viewed(snapshot(50), 3)
    assert stretches(recent, "file:///a.py") == []


def test_what_was_only_looked_at_comes_after_what_was_edited() -> None:
    recent = Recent()
    recent.viewed(snapshot(50, "file:///seen.py"), 7)
    recent.edited(snapshot(50), 12, "a")
    recent.viewed(snapshot(50), 40)
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
