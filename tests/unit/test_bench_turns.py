"""Contestants in turns: who is told what, and what is on the disk by then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from scripted_contestant import PATIENT, Scripted, script_of

from tabby_lsp.bench.replay import turns
from tabby_lsp.bench.replay.clock import Clock
from tabby_lsp.bench.types import Hunk, Script, Session


async def test_contestants_take_turns_and_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    contestants = [Scripted(lambda _: "", "one"), Scripted(lambda _: "", "two")]
    scripts = [script_of("a\n", "a\nback\n"), script_of("b\n", "b\nforth\n")]
    sessions: list[Session] = []
    said: list[str] = []
    await turns.run(contestants, scripts, turns.Plan(PATIENT), sessions, said.append)
    assert [session.contestant for session in sessions] == ["one", "two", "two", "one"]
    for contestant in contestants:
        done = [entry for entry in contestant.log if not entry.startswith("moved")]
        assert done == ["start", "idle", "open", "idle", "close", "open", "idle", "close", "stop"]
    assert said[2].startswith("1/2 f.py · one: 5 keys for 5 characters")


async def test_a_file_that_all_have_done_is_saved_whole_and_told(tmp_path: Path) -> None:
    """And nobody sees it before: what one has on the disk is what the other had."""
    (tmp_path / "f.py").write_text("a\nb\n")
    on_disk: list[str] = []

    def look(_: str) -> str:
        on_disk.append((tmp_path / "f.py").read_text())
        return ""

    contestants = [Scripted(look, "one"), Scripted(look, "two")]
    script = Script("f.py", "s", "python", "a\nb\n", (Hunk(1, 0, "\nback"),), "a\nback\nb\nnot typed\n", str(tmp_path))
    await turns.run(contestants, [script], turns.Plan(PATIENT, searchable_s=0.0), [], lambda _: None)
    assert on_disk == ["a\nb\n"] * 10
    for contestant in contestants:
        ((state, written),) = contestant.files
        assert state.text == written == script.after
        assert (state.uri, state.line, state.column) == ((tmp_path / "f.py").as_uri(), 1, 4)
        assert contestant.log[-5:] == ["idle", "close", "saved", "idle", "stop"]


async def test_whatever_happens_all_are_stopped() -> None:
    def broken(before: str) -> str:
        raise RuntimeError(before)

    contestants = [Scripted(lambda _: "", "one"), Scripted(broken, "two")]
    sessions: list[Session] = []
    with pytest.raises(RuntimeError):
        await turns.run(contestants, [script_of("a\n", "a\nback\n")], turns.Plan(PATIENT), sessions, lambda _: None)
    assert [session.contestant for session in sessions] == ["one"]
    assert all(contestant.log[-1] == "stop" for contestant in contestants)


def test_load_is_there_and_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    started: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def remember(*words: object, **how: object) -> subprocess.Popen[bytes]:
        started.append(start(*words, **how))  # pyright: ignore[reportArgumentType, reportCallIssue]
        return started[-1]

    monkeypatch.setattr(turns.subprocess, "Popen", remember)
    with turns.busy(2):
        assert [child.poll() for child in started] == [None, None]
    assert all(child.poll() is not None for child in started)


def test_the_expected_time_counts_what_will_be_typed() -> None:
    hunks = (Hunk(0, 0, "a" * 100), Hunk(100, 0, "b"), Hunk(101, 0, "c" * 100))
    script = Script("f", "s", "python", "", hunks, "")
    patient = turns.Plan(Clock("patient"), most_keys=150)
    assert turns.expected_s([script], patient, 2) == pytest.approx((150 * turns.PATIENT_KEY_S + turns.SESSION_S) * 2)
    typing = turns.Plan(Clock("typing"), most_keys=150)
    assert 26 < (alone := turns.expected_s([script], typing, 1)) < 69
    saved = turns.expected_s([replace(script, folder="/repository")], typing, 1)
    assert saved == pytest.approx(alone + turns.SEARCHABLE_S)
