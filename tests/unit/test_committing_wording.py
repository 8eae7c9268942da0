"""How changes are put to a model, and what its answer becomes: tables, no model."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabby_lsp.actions.committing.changes import Change, Changes
from tabby_lsp.actions.committing.wording import branch_of, is_conventional, subject_messages, subject_of
from tabby_lsp.errors import ActionError


def count(text: str) -> int:
    return len(text) // 4 + 1


def asked(found: Changes) -> str:
    return "\n".join(message.text for message in subject_messages(found, count, 4096))


# ---- how it is put --------------------------------------------------------------------------------------------------


def made(*files: Change, subjects: tuple[str, ...] = ()) -> Changes:
    return Changes(Path("/shop"), True, files, subjects)


def change(path: str, lines: int = 1) -> Change:
    patch = "@@\n" + "".join(f"+line {i} of {path}\n" for i in range(lines))
    return Change(path, "", lines, 0, patch)


def test_changes_are_cut_to_the_room_and_small_ones_stay_whole() -> None:
    found = made(change("long.py", 300), change("short.py", 3))
    messages = subject_messages(found, count, 700)
    assert sum(count(message.text) for message in messages) <= 700
    said = messages[-1].text
    assert said.count("of short.py") == 3
    assert 10 < said.count("of long.py") < 300


def test_many_files_are_a_number() -> None:
    said = asked(made(*(change(f"f{i}.py") for i in range(30))))
    assert "- and 10 more" in said


def test_no_room_at_all() -> None:
    with pytest.raises(ActionError, match="no room"):
        subject_messages(made(change("a.py")), count, 60)


@pytest.mark.parametrize(
    ("subjects", "expected"),
    [
        ((), False),
        (("fix(pay): round", "feat!: drop cards", "Add a thing"), True),
        (("fix: a thing", "Add a thing", "Remove it"), False),
        (("fixing: a thing", "note: b"), False),
    ],
)
def test_the_habit_of_a_repository(subjects: tuple[str, ...], expected: bool) -> None:
    assert is_conventional(subjects) is expected
    said = asked(made(change("a.py"), subjects=subjects))
    assert ("feat, fix" in said) is expected


# ---- how it is read -------------------------------------------------------------------------------------------------

CONVENTIONAL = ("fix: round sums", "feat: add cards")
SMALL = ("add cards", "round sums")


@pytest.mark.parametrize(
    ("answer", "subjects", "expected"),
    [
        ("Add a test", (), "Add a test"),
        ("`Add a test.`", (), "Add a test"),
        ("Commit message: Added a test", (), "Add a test"),
        ("This commit adds a test", (), "Add a test"),
        ("Simplified the loop", (), "Simplify the loop"),
        ("Uses a dictionary", (), "Use a dictionary"),
        ("feat: add a test", (), "Add a test"),
        ("Fix rounding", SMALL, "fix rounding"),
        ("feat(pay): add a test", CONVENTIONAL, "feat(pay): add a test"),
        ("Add a test", CONVENTIONAL, "chore: add a test"),
        ("Add a test\n\nIt tests the total.", (), "Add a test"),
        (f"Add {'very ' * 20}long words", (), f"Add {'very ' * 12}very"),
    ],
)
def test_subjects(answer: str, subjects: tuple[str, ...], expected: str) -> None:
    found = subject_of(answer, made(change("a.py"), subjects=subjects))
    assert found == expected
    assert len(found) <= 72


@pytest.mark.parametrize(("path", "kind"), [("docs/a.html", "docs"), ("README.md", "docs"), ("tests/a.py", "test")])
def test_the_kind_of_what_has_none(path: str, kind: str) -> None:
    assert subject_of("Add a thing", made(change(path), subjects=CONVENTIONAL)) == f"{kind}: add a thing"


@pytest.mark.parametrize("answer", ["", "   \n", "```\n```"])
def test_no_subject(answer: str) -> None:
    with pytest.raises(ActionError):
        subject_of(answer, made(change("a.py")))


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Add a test for the total", "add-test-total"),
        ("fix(pay): round the sums of a basket", "fix/round-sums-basket"),
        ("feat!: drop cards", "feat/drop-cards"),
        ("Größe prüfen", "groe-prufen"),
        ("Use `parse_args()` in main.py", "use-parse-args-main-py"),
        ("One two three four five six seven", "one-two-three-four-five"),
    ],
)
def test_branches(subject: str, expected: str) -> None:
    assert branch_of(subject) == expected


def test_no_branch() -> None:
    with pytest.raises(ActionError, match="no name"):
        branch_of("修正")
