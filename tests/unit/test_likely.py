"""How much of a suggestion is shown, by hand-made probabilities."""

from __future__ import annotations

import math

import pytest

from tabby_lsp.completion.case import case_for
from tabby_lsp.completion.likely import CAUTION, COST, LEAST_GAIN, gains, hopeless, likely
from tabby_lsp.completion.suggestions import suggestions_from
from tabby_lsp.completion.types import Ask, Odds, Suggestion
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.types import Candidate, Finish
from tabby_lsp.syntax.scope import scope_at

HERE = Position(0, 0)


def suggestion(*tokens: tuple[str, float]) -> Suggestion:
    """A suggestion of tokens with their probabilities, as the rule counts them."""
    text, ends, logprobs = "", [], []
    for piece, probability in tokens:
        text += piece
        ends.append(len(text))
        logprobs.append(math.log(probability) / CAUTION)
    return Suggestion(text, HERE, HERE, 0.0, Odds(tuple(ends), tuple(logprobs)))


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [
        ([("return", 0.9), (" value", 0.9)], "return value"),
        ([("return", 0.9), (" value", 0.1)], "return"),  # 5 × .9 against 11 × .09
        ([("ret", 0.9), ("urn value", 0.4)], "return value"),  # not between `ret` and `urn`: a word is one
        ([("ret", 0.9), ("urn value", 0.01)], None),
        ([("x", 0.99)], None),  # nothing is saved by a key for a key
        ([("return", 0.05), (" value", 0.9)], None),
        ([("a + b", 0.9), ("\n", 0.9), ("    ", 0.9)], "a + b"),  # no blank end
        ([("\n", 1.0), ("    ", 1.0)], None),
    ],
)
def test_the_part_with_the_greatest_gain(tokens: list[tuple[str, float]], shown: str | None) -> None:
    found = likely(suggestion(*tokens))
    assert (found.text if found else None) == shown


def test_a_gain_is_length_times_probability() -> None:
    assert gains(suggestion(("four", 0.5), (" more", 0.5)).odds) == pytest.approx([(4 - COST) * 0.5, (9 - COST) * 0.25])


def test_nothing_is_known_of_it() -> None:
    whole = Suggestion("return value", HERE, HERE)
    assert likely(whole) is whole
    assert not hopeless(Odds())


def test_what_was_typed_is_certain() -> None:
    """Behind an unlikely beginning that the user has typed, the rest is as likely as it ever was."""
    written = suggestion(("pivot", 0.01), (" = arr[0]", 0.9))
    assert likely(written) is None
    left = Suggestion(written.text[5:], HERE, HERE, 0.0, written.odds.after(5))
    found = likely(left)
    assert found is not None
    assert found.text == " = arr[0]"


def test_odds_within_a_token() -> None:
    odds = suggestion(("return", 0.5), (" x", 0.25)).odds
    assert odds.after(3).ends == (3, 5)
    assert odds.after(0) == odds
    assert odds.after(3).logprobs == (0.0, odds.logprobs[1]), "what spoke against `return` did so at its beginning"
    assert odds.after(6).ends == (2,)
    assert odds.after(8) == Odds()


def test_writing_on_is_hopeless_where_a_line_more_would_not_pay() -> None:
    assert not hopeless(suggestion(("return", 0.9)).odds)
    assert hopeless(suggestion(("return", 0.9), (" zebra", 0.01)).odds)
    # 83 characters at most, at less than LEAST_GAIN / 83
    assert hopeless(suggestion(("abc", LEAST_GAIN / 84)).odds)
    assert not hopeless(suggestion(("abc", LEAST_GAIN / 82)).odds)


@pytest.mark.parametrize(("text", "ends"), [("value = 1", (5, 9)), ("value = 1\n", (5, 9))])
def test_odds_are_those_of_what_is_left_of_the_text(text: str, ends: tuple[int, ...]) -> None:
    snapshot = Snapshot.of("file:///a.py", "python", 1, "")
    case = case_for(Ask(snapshot, HERE), lambda: scope_at(snapshot, HERE, None), CompletionSettings(), ())
    (found,), reason = suggestions_from((Candidate(text, Finish.END, (-0.1, -0.2), (5, len(text))),), case)
    assert reason == "shown"
    assert found.odds.ends == tuple(min(end, len(found.text)) for end in ends)
