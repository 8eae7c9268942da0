"""Figures against values worked out by hand, and a run through its file."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
from rich.console import Console

from tabby_lsp.bench.results import report
from tabby_lsp.bench.results.figures import compare, figures_of
from tabby_lsp.bench.results.measures import FIGURES, wrong
from tabby_lsp.bench.results.report import Estimate, Run
from tabby_lsp.bench.types import Key, Phase, Session, Shown, Usage
from tabby_lsp.errors import TabbyError


def key(typed: str, remaining: str = "", *, hunk: int = 0, phase: Phase = "warm", **more: object) -> Key:
    return Key(0.0, hunk, phase, typed, bool(more.pop("accepted", False)), remaining, **more)  # pyright: ignore[reportArgumentType]


def session(*keys: Key, name: str = "ours", script: str = "f.py", usage: Usage | None = None) -> Session:
    return Session(name, script, "s", "python", list(keys), [20.0, 40.0], usage or Usage(6.0, 700.0, 900, 40))


TAKEN = session(
    key("\n    ", "return x", shown="", phase="cold"),
    key("r", "eturn x", shown="eturn x", right=True, right_words=7, waited_ms=100.0, until_seen_ms=100.0),
    key("eturn x", "", accepted=True),
)


def value(figure: str, *sessions: Session) -> float | None:
    return figures_of(sessions)[figure].value


def test_what_was_saved() -> None:
    assert value("saved", TAKEN) == pytest.approx(1 - 3 / 9)  # a break, and eight letters and spaces
    assert value("accepted", TAKEN) == pytest.approx(7 / 13)
    assert value("cpu_character", TAKEN) == pytest.approx(6 / 7)
    assert value("cpu_key", TAKEN) == pytest.approx(2)
    assert value("peak_p100", TAKEN) == 700


def test_nothing_accepted_costs_without_end() -> None:
    found = figures_of([session(key("a", "b"))])["cpu_character"]
    assert (found.value, found.low, found.high) == (None, None, None)


def test_words_that_would_have_been_right() -> None:
    keys = [key("a", "bcd efgh", right_words=3), *(key(c, "…") for c in "bcd"), key(" ", "efgh", right_words=4)]
    assert value("by_words", session(*keys, *(key(c, "") for c in "efgh"))) == pytest.approx(4 / 9)
    assert value("by_words", session(*keys[:4])) == 0  # three characters are not worth it
    four = [key("a", "bcde", right_words=4), *(key(c, "…", right_words=9) for c in "bcde")]
    assert value("by_words", session(*four)) == pytest.approx(4 / 5)  # no second one while the first one lasts


def test_next_lines() -> None:
    right = key("\n    ", "x = 1\nmore", line_exact=True)
    wrong_one = key("\n    ", "x = 1\nmore", line_exact=False)
    nothing = key("\n", "x = 1")
    blank = key("\n", "\n  x", line_exact=True)
    inside = key("a\n    b\n    c", "d\n", accepted=True, line_exact=True)  # `b` came whole, `cd` did not
    after = key("a\n    b\n    ", "cd\n", accepted=True, line_exact=True)
    assert value("next_line", session(right, wrong_one, nothing, blank)) == pytest.approx(1 / 3)
    assert value("next_line", session(inside)) == pytest.approx(1 / 2)
    assert value("next_line", session(after)) == 1


def test_what_is_wrong() -> None:
    assert wrong(key("a", "bc", shown="bd"))
    assert not wrong(key("a", "bc", shown="b"))
    assert not wrong(key("a", "bc"))
    assert wrong(key("a", "", shown="more"))
    keys = [key("a", "bc", shown="bd"), key("b", "c"), key("c", "", shown=""), key("d", "e", shown="e")]
    assert value("wrong", session(*keys)) == 25
    assert value("shown", session(*keys)) == 50


def test_quantiles_are_values_that_occurred_and_the_never_seen_come_last() -> None:
    waits = [10.0, 20.0, 30.0, 40.0]
    keys = [key("a", "rest", waited_ms=ms, until_seen_ms=ms) for ms in waits]
    unseen = [key("a", "rest") for _ in range(4)]
    found = figures_of([session(*keys, *unseen)])
    assert [found[f"waited_all_p{q}"].value for q in (50, 75, 90, 95)] == [20, 30, 40, 40]
    assert [found[f"seen_all_p{q}"].value for q in (50, 75)] == [40, None]
    assert found["waited_all_p50"].n == 4
    assert found["seen_all_p50"].n == 8
    assert found["waited_cold_p50"] == Estimate(None, None, None, 0)
    assert value("idle_p50", TAKEN) == 20
    assert value("idle_p95", TAKEN) == 40


def test_keys_with_nothing_left_wait_for_nothing() -> None:
    assert figures_of([session(key("a", "abc"), key("b", "abcd", until_seen_ms=1.0))])["seen_all_p95"].value == 1


def test_tokens() -> None:
    answered = key("a", "b", waited_ms=5.0, answer=Shown(1, "x", "shown", 30, 10, 8, 12.0, 2.0))
    unseen = key("b", "", answer=Shown(2, "", "refused", 0, 0, 0))
    unknown = key("c", "", answer=Shown(3, "y"), cancelled=True)
    found = figures_of([session(answered, unseen, unknown, key("d", "", cancelled=True, late=True))])
    assert found["evaluated"] == Estimate(15, 15, 15, 2)
    assert found["reused"].value == 5
    assert found["generated"].value == 4
    assert found["evaluated_all"].value == 225
    assert found["generated_all"].value == 10
    assert found["wasted"].value == 8  # 40 in all, 8 of them seen, 4 requests
    assert found["cancelled"].value == 0.5
    assert found["late"].value == 1
    assert found["server_p50"].value == 12
    assert found["outside_p95"].value == 2
    silent = figures_of([session(key("a"), usage=Usage(1.0, 1.0))])
    assert silent["wasted"].n == silent["evaluated_all"].n == 0


def test_the_same_tokens_over_keys_requests_and_suggestions() -> None:
    """Who asks for one key in four is cheap a key, and not a request."""
    keys = [key("a", "b", shown="b"), key("b"), key("c"), key("d")]
    rare = figures_of([session(*keys, usage=Usage(1.0, 1.0, 800, 5, 1))])
    often = figures_of([session(*keys, key("e", "f", shown="f"), usage=Usage(1.0, 1.0, 1000, 5, 10))])
    assert [rare[f"evaluated_{a}"].value for a in ("all", "request", "shown")] == [200, 800, 800]
    assert [often[f"evaluated_{a}"].value for a in ("all", "request", "shown")] == [200, 100, 500]
    assert (rare["requests"].value, often["requests"].value) == (25, 200)
    unknown = figures_of([session(key("a"), usage=Usage(1.0, 1.0, 800, 5))])
    assert unknown["evaluated_request"].n == unknown["evaluated_shown"].n == unknown["requests"].n == 0


def test_intervals_come_from_whole_hunks() -> None:
    """Ten keys of one hunk are one case, however alike they are."""
    one = session(*(key("a", "rest", shown="b") for _ in range(10)))
    assert figures_of([one])["shown"] == Estimate(100, 100, 100, 10)
    two = session(*one.keys, *(key("a", "rest", hunk=1) for _ in range(10)))
    found = figures_of([two])["shown"]
    assert (found.value, found.low, found.high) == (50, 0, 100)
    assert found == figures_of([two])["shown"]


def test_contestants_are_compared_on_the_same_hunks() -> None:
    slow = [session(*(key("a", "rest", hunk=h, waited_ms=20.0 * h) for h in (1, 2, 3)))]
    fast = [session(*(key("a", "rest", hunk=h, waited_ms=10.0 * h) for h in (2, 3, 4)), name="theirs")]
    found = compare(slow, fast)
    assert found["waited_all_p50"] == Estimate(0.5, 0.5, 0.5, 2)  # hunks 2 and 3
    assert found["shown"].value == 0
    assert compare(slow, [session(key("a"), script="g.py")]) == {}
    assert figures_of([]) == {}


def test_a_run_survives_its_file(tmp_path: Path) -> None:
    answer = Shown(7, "x" * 300, "shown", 1, 2, 3, 4.5, 0.5)
    long = session(
        key("a", "t" * 300 + "bc", shown="x" * 300, waited_ms=1.23456789, answer=answer, line_exact=False),
        key("t" * 300, "bc", accepted=True, answer=Shown(8, "")),
        key("b", "c", shown="gone", answer=Shown(9, "")),
        key("c", "", answer=Shown(10, "came too late"), cancelled=True, late=True),
        key("d", "r" * 300, hunk=1, phase="elsewhere"),
    )
    figures = figures_of([long])
    run = Run([long], {"ours": figures}, {}, {"cpu": "one"}, ["bench"], "2026-01-01", "c", "abc", "typing", 2)
    report.save(run, tmp_path / "run.json")
    again = report.load(tmp_path / "run.json")
    first, second, third, fourth, fifth = again.sessions[0].keys
    assert (first.remaining, first.shown) == ("t" * 300 + "bc", "x" * 200)
    assert first.answer == Shown(7, "x" * 200, "shown", 1, 2, 3, 4.5, 0.5)
    assert first.waited_ms == 1.23457
    assert second == long.keys[1]
    assert third == long.keys[2]
    assert fourth == long.keys[3]
    assert (fifth.remaining, fifth.hunk, fifth.phase) == ("r" * 200, 1, "elsewhere")
    assert again.sessions[0].usage == long.usage
    assert again.figures["ours"]["peak_p100"] == Estimate(700, 700, 700, 1)
    assert (again.clock, again.load, again.arguments, again.corpus) == ("typing", 2, ["bench"], "c")


@pytest.mark.parametrize("content", ["{}", "[]", "no", '{"format": 99}'])
def test_other_files_are_no_runs(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(TabbyError, match="cannot be read"):
        report.load(tmp_path / "run.json")


def test_infinities_are_no_json(tmp_path: Path) -> None:
    run = Run([], {"a": {"saved": Estimate(math.inf, math.nan, 1.0, 3)}}, {}, {}, [], "", "")
    report.save(run, tmp_path / "run.json")
    json.loads((tmp_path / "run.json").read_text(), parse_constant=pytest.fail)
    assert report.load(tmp_path / "run.json").figures["a"]["saved"] == Estimate(None, None, 1.0, 3)


def test_tables_name_what_differs() -> None:
    ours, theirs = [TAKEN], [session(*TAKEN.keys, name="theirs", usage=Usage(12.0, 1400.0, 900, 40))]
    figures = {"ours": figures_of(ours), "theirs": figures_of(theirs)}
    run = Run([*ours, *theirs], figures, {"theirs": compare(ours, theirs)}, {}, [], "", "history of x", load=1)
    console = Console(width=160, record=True, file=io.StringIO())
    report.print_tables(run, console)
    said = console.export_text()
    assert "history of x: 2 sessions, 6 keys, patient clock, 1 busy processes beside" in said
    assert "stale shown (must be 0)" in said
    assert "time to suggestion, warm p50 (ms)" in said
    assert "×2.00 (2.00 to 2.00)" in said
    assert "66.7% (66.7%–66.7%)" in said


def test_figures_have_different_names() -> None:
    assert len(FIGURES) == len({measure.name for measure in FIGURES.values()}) + sum(
        len(measure.names) - 1 for measure in set(FIGURES.values())
    )
