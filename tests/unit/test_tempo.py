"""When a question waits, and what is no typing."""

from __future__ import annotations

import pytest

from tabby_lsp.completion.tempo import BULK_S, HOPELESS, LONGER, LONGEST_S, PAUSE_S, Tempo


def typing(gap: float, keys: int = 60, text: str = "x", start: float = 100.0) -> tuple[Tempo, float]:
    """Somebody who has typed for a while; and what time it is."""
    tempo = Tempo()
    for key in range(keys):
        tempo.changed(text, start + key * gap)
    return tempo, start + (keys - 1) * gap


def test_without_any_answer_yet_nothing_waits() -> None:
    assert Tempo().debounce() == 0.0


@pytest.mark.parametrize("gap", [0.05, 0.1, 0.2])
def test_answers_between_two_keys_are_asked_for_at_once(gap: float) -> None:
    tempo, _ = typing(gap)
    tempo.answered(gap * HOPELESS * 0.9)
    assert tempo.debounce() == 0.0


@pytest.mark.parametrize("gap", [0.05, 0.1, 0.2])
def test_slower_ones_wait_for_a_pause(gap: float) -> None:
    tempo, _ = typing(gap)
    tempo.answered(gap * HOPELESS * 1.1)
    assert tempo.debounce() == pytest.approx(gap * LONGER, rel=0.01)


def test_no_question_waits_long() -> None:
    tempo, _ = typing(0.9)
    tempo.answered(100.0)
    assert tempo.debounce() == LONGEST_S


def test_the_first_answer_counts_whole_and_later_ones_in_part() -> None:
    tempo, _ = typing(0.1)
    tempo.answered(10.0)
    assert tempo.debounce() > 0
    for _ in range(40):
        tempo.answered(0.01)
    assert tempo.debounce() == 0.0
    tempo.answered(0.5)
    assert tempo.debounce() == 0.0, "one slow answer says little"


@pytest.mark.parametrize("text", ["return value", "xyz"])
def test_what_is_inserted_in_one_go_says_nothing_of_the_hands(text: str) -> None:
    """A menu's entry, a snippet, an accepted suggestion."""
    tempo, now = typing(0.1)
    tempo.answered(1.0)
    before = tempo.debounce()
    tempo.changed(text, now + 0.9)
    assert tempo.debounce() == before


def test_pauses_are_no_typing() -> None:
    tempo, now = typing(0.1)
    tempo.answered(1.0)
    before = tempo.debounce()
    for n in range(1, 20):
        tempo.changed("x", now + n * PAUSE_S * 1.5)
    assert tempo.debounce() == before


def test_pairs_that_the_editor_closes_are_one_key() -> None:
    tempo, _ = typing(0.1, text="()")
    tempo.answered(1.0)
    assert tempo.debounce() == pytest.approx(0.1 * LONGER, rel=0.01)


def test_typing_is_no_bulk() -> None:
    """Twenty keys a second, a line break every fourth key."""
    tempo = Tempo()
    for n in range(400):
        now = n * 0.05
        tempo.changed("\n    " if n % 4 == 0 and n % 40 < 8 else "x", now)
        assert not tempo.in_bulk(now)


@pytest.mark.parametrize(("text", "bulk"), [("x" * 199, False), ("x" * 200, True), ("\n" * 7, False), ("\n" * 8, True)])
def test_a_paste_is_bulk_for_a_moment(text: str, *, bulk: bool) -> None:
    tempo = Tempo()
    tempo.changed(text, 100.0)
    assert tempo.in_bulk(100.0) is bulk
    assert tempo.in_bulk(100.0 + BULK_S) is bulk
    assert not tempo.in_bulk(100.0 + BULK_S * 1.01)


def test_what_nobody_asks_about_is_not_remembered() -> None:
    """Somebody who types for hours in a language in which nothing is suggested."""
    tempo, _ = typing(0.1, keys=1_000)
    assert len(tempo._changes) <= BULK_S / 0.1 + 1


def test_many_small_changes_at_once_are_bulk() -> None:
    """A formatter, or a replacement all over the file."""
    tempo = Tempo()
    for n in range(8):
        tempo.changed("\n", 100.0 + n * 0.001)
    assert tempo.in_bulk(100.1)
