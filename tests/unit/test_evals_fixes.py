"""The broken functions of `tests/evals/fixes` are broken, their solutions are not, and tools say what is recorded."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tabby_lsp.actions.types import Problem

EVALS = Path(__file__).parents[1] / "evals"
sys.path.insert(0, str(EVALS))

import fix_tools  # noqa: E402
import fixes  # noqa: E402
from fix_cases import Fault, faults, recorded, silenced  # noqa: E402

FAULTS = faults()
LANGUAGES = ("python", "typescript", "go", "rust")


def of(language: str) -> list[Fault]:
    if why := fix_tools.missing(language, offline=True):
        pytest.skip(why)
    return [fault for fault in FAULTS if fault.language == language]


def test_there_are_twelve_faults_in_each_language() -> None:
    assert Counter(fault.language for fault in FAULTS) == dict.fromkeys(LANGUAGES, 12)
    assert len({fault.key for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.key)
def test_something_is_recorded_where_the_text_has_it(fault: Fault) -> None:
    lines = fault.broken().split("\n")
    problems = recorded()[fault.key]
    assert problems
    for problem in problems:
        start, end = problem.span.start, problem.span.end
        assert start < end
        assert end.column <= len(lines[end.line])
        assert problem.message
        assert lines[start.line][start.column :].strip()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.key)
def test_the_menu_offers_a_fix_for_it(fault: Fault) -> None:
    action, target = fixes.target_of(fault, recorded()[fault.key])
    assert action in {"fix", "fix_all"}
    assert fixes.focus(fault, recorded()[fault.key]) in target.problems


@cache
def said_of(language: str) -> dict[Fault, tuple[Problem, ...]]:
    some = of(language)
    said = fix_tools.diagnose(language, {f"case{i}": (f.source.name, f.broken()) for i, f in enumerate(some)})
    return dict(zip(some, said.values(), strict=True))


@pytest.mark.parametrize("language", LANGUAGES)
def test_tools_say_what_is_recorded(language: str) -> None:
    """The place is compared, not the words: they change with the tool's version."""
    for fault, problems in said_of(language).items():
        known = {one.span.start.line for one in recorded()[fault.key]}
        assert {one.span.start.line for one in problems} == (set() if fault.at else known), fault.key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_broken_form_fails_and_every_solution_passes(language: str) -> None:
    for fault, problems in said_of(language).items():
        assert problems or not fix_tools.check(fault, fault.broken()).passed, fault.key
    whole = {fault.file: fault for fault in of(language)}.values()
    assert not any(fixes.judge(language, {fault: fault.solution() for fault in whole}).values())


def test_a_fault_that_no_tool_sees_is_judged_by_its_check() -> None:
    fault = next(fault for fault in of("python") if fault.at)
    assert fixes.judge("python", {fault: fault.broken()}) == {fault: "check fails"}


def test_a_tool_that_is_made_quiet_is_no_repair() -> None:
    fault = next(fault for fault in of("python") if fault.name == "price")
    broken = fault.broken()
    quiet = broken.replace(fault.wrong, f"{fault.wrong}  # type: ignore")
    assert silenced(broken, quiet)
    assert fixes.judge("python", {fault: quiet}) == {fault: "silenced"}
    other = broken.replace(fault.wrong, "unheard_of(parcel)")
    assert fixes.judge("python", {fault: other}) == {fault: "diagnostic stays"}


def test_a_check_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix_tools, "RUN_S", 1)
    fault = FAULTS[0]
    run = fix_tools.check(fault, "while True:\n    pass\n")
    assert run == fix_tools.Run(False, "it does not end")


def test_a_fault_whose_place_is_not_one_is_refused() -> None:
    with pytest.raises(ValueError, match="stands 0 times"):
        replace(FAULTS[0], right="not in the source").broken()
