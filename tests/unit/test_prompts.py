"""How much is read: the whole prompt, and the quick one where that pays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from scripted_engine import INFO, ScriptedEngine, Words

from tabby_lsp.completion.case import Case, case_for
from tabby_lsp.completion.prompts import FIRST_RATE, LEAST_QUICK, QUICK_STEP, PromptMaker, Prompts
from tabby_lsp.completion.types import Ask, Trigger
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.types import Marker, Prompt
from tabby_lsp.syntax.scope import scope_at
from tabby_lsp.syntax.trees import Trees

SETTINGS = CompletionSettings()
FUNCTION = "def f{n}(a, b):\n    total = a + b\n    return total\n\n\n"
LONG = "".join(FUNCTION.format(n=n) for n in range(120))


class Desk:
    """A prompt maker on an engine that measures what a test says."""

    def __init__(self, rate: float = 0.0, **settings: Any) -> None:
        self.engine = ScriptedEngine()
        self.engine.prefill_rate = rate
        self.settings = replace(SETTINGS, **settings)
        self.maker = PromptMaker(self.engine, Trees())

    def case(self, before: str, after: str, trigger: Trigger = Trigger.TYPING) -> Case:
        snapshot = Snapshot.of("file:///p.py", "python", 1, before + after)
        ask = Ask(snapshot, snapshot.position(len(before)), trigger)
        return case_for(ask, lambda: scope_at(snapshot, ask.position, None), self.settings, ())

    def at(self, before: str, after: str = LONG, **how: Any) -> Prompts:
        return self.maker.at(self.case(before, after, **how), self.settings, INFO)


def tokens(prompt: Prompt) -> int:
    return sum(1 if isinstance(piece, Marker) else Words().count(piece) for piece in prompt.pieces)


def test_before_anything_is_measured_a_speed_is_assumed() -> None:
    assert Desk(patience_ms=1000).at(LONG + "x = ").patience == FIRST_RATE // QUICK_STEP * QUICK_STEP


@pytest.mark.parametrize("rate", [1.0, 90.0, 333.0, 400.0, 777.0])
def test_the_quick_prompt_can_be_read_within_the_patience(rate: float) -> None:
    desk = Desk(rate)
    made = desk.at(LONG + "    total = ")
    assert made.quick
    assert tokens(made.quick) <= made.patience + len(made.quick.pieces)
    assert tokens(made.quick) < tokens(made.whole)
    assert made.patience == max(LEAST_QUICK, int(rate * SETTINGS.patience_ms / 1e3) // QUICK_STEP * QUICK_STEP)
    assert made.quick.heal == made.whole.heal


def test_the_quick_prompt_is_of_the_same_place() -> None:
    made = Desk().at(LONG + "def last(c):\n    total = c")
    assert made.quick
    marked = [[p.text for p in prompt.pieces if isinstance(p, Marker)] for prompt in (made.whole, made.quick)]
    assert marked[0] == marked[1]
    assert str(made.quick.pieces[-1]).endswith("    total = c")
    suffix = str(made.quick.pieces[3])
    assert suffix
    assert str(made.whole.pieces[3]).startswith(suffix)


def test_small_changes_of_the_measured_speed_change_nothing() -> None:
    """Or nothing of it could be reused at the next key."""
    desk = Desk(400.0)
    first = desk.at(LONG + "    total = ")
    for rate in (401.0, 430.0, 470.0):
        desk.engine.prefill_rate = rate
        assert desk.at(LONG + "    total = ") == first
    desk.engine.prefill_rate = 700.0
    assert desk.at(LONG + "    total = ").patience == first.patience + 4 * QUICK_STEP - QUICK_STEP


def test_typing_only_appends_to_both() -> None:
    desk, typed = Desk(), LONG + "    total = "
    made = desk.at(typed)
    for character in "f1(a, b)":
        typed += character
        more = desk.at(typed)
        assert more.whole.goes_on_from(made.whole)
        assert made.quick
        assert more.quick
        assert more.quick.goes_on_from(made.quick)
        made = more


@pytest.mark.parametrize("how", ["no patience", "quick machine", "by hand"])
def test_there_is_none_where_it_does_not_pay(how: str) -> None:
    desk = Desk(100_000.0 if how == "quick machine" else 0.0, patience_ms=0 if how == "no patience" else 400)
    made = desk.at(LONG + "x = ", trigger=Trigger.INVOKED if how == "by hand" else Trigger.TYPING)
    assert made.quick is None
    assert made.patience == 0


def test_a_short_document_is_all_in_both() -> None:
    made = Desk().at("x = 1\ny = ", "\nz = 3\n")
    assert made.quick == made.whole


def test_what_is_prepared_is_how_the_next_question_begins() -> None:
    desk, before = Desk(), LONG + "    total = "
    snapshot = desk.case(before, LONG).snapshot
    ahead = desk.maker.stable(snapshot, snapshot.position(len(before)), desk.settings, INFO)
    assert desk.at(before + "f", LONG).whole.goes_on_from(ahead.whole)


def test_a_short_document_is_prepared_from_its_beginning() -> None:
    desk = Desk()
    text = FUNCTION.format(n=1) * 3
    snapshot = Snapshot.of("file:///p.py", "python", 1, text)
    prepared = desk.maker.beginning(snapshot, desk.settings, INFO)
    assert prepared
    for line in (0, 6, len(snapshot.lines) - 1):
        place = snapshot.offset(Position(line, 0))
        head, tail = desk.at(text[:place], text[place:]).whole.pieces[1::4]
        assert prepared.pieces[0] == Marker("<|fim_prefix|>")
        assert str(prepared.pieces[1]).startswith(str(head) + str(tail))


def test_a_long_document_has_no_beginning_that_is_worth_it() -> None:
    desk = Desk()
    snapshot = Snapshot.of("file:///p.py", "python", 1, LONG * 3)
    assert desk.maker.beginning(snapshot, desk.settings, INFO) is None


def test_a_closed_document_has_its_windows_laid_out_anew() -> None:
    desk = Desk()
    first = desk.at(LONG + "x = 1\n" * 12 + "y = ")
    assert desk.at(LONG + "x = 1\n" * 14 + "y = ").whole.pieces[1] == first.whole.pieces[1]
    desk.maker.forget("file:///p.py")
    fresh = desk.at(LONG + "x = 1\n" * 14 + "y = ")
    assert fresh.whole.pieces[1] != first.whole.pieces[1]


def test_a_template_is_never_kept_with_another_models_vocabulary() -> None:
    """A server and its stand-in take turns on other threads: what is asked may have changed since it was asked."""

    class Other(Words):
        def has_marker(self, text: str) -> bool:
            return False

    desk, theirs = Desk(), replace(INFO, metadata={"general.name": "another"})
    assert desk.maker.family(theirs).fills, "made with the vocabulary that serves"
    desk.engine.info, desk.engine.tokenizer = theirs, Other()
    assert not desk.maker.family(theirs).fills
    desk.engine.info, desk.engine.tokenizer = INFO, Words()
    assert not desk.maker.family(theirs).fills, "kept, because both were one engine's"
