"""Typing along a suggestion, walking back, and leaving it."""

from __future__ import annotations

import pytest

from tabby_lsp.completion.reuse import ENTRIES, Reuse
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
