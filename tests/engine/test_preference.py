"""A word that exists is likelier than the model thinks, by a known factor, and its probability says so."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from rig import Rig, request

from tabby_lsp.engine.llama.sampling import FAVOUR, branches, logprob
from tabby_lsp.engine.llama.vocabulary import Mask

FACTOR = math.log(FAVOUR)


class Asked:
    """A preference for some words, and what it was asked."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.seen: list[str] = []

    def __call__(self, written: str) -> Sequence[str]:
        self.seen.append(written)
        return [word.removeprefix(written) for word in self.words if word.startswith(written)]


def tokens(rig: Rig, *pieces: str) -> list[int]:
    return [rig.vocabulary._by_piece[piece.encode()] for piece in pieces]


def listed(mask: Mask) -> list[int]:
    return np.flatnonzero(mask).tolist()


def texts(rig: Rig, found: Sequence[int]) -> set[bytes]:
    return {rig.vocabulary.piece(token) for token in found}


# ---- what is written ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("below", "text"), [(FACTOR - 0.1, "self"), (FACTOR + 0.1, "return")])
def test_the_word_that_exists_is_written_unless_another_is_far_likelier(rig: Rig, below: float, text: str) -> None:
    likely, other = tokens(rig, "return", "self")
    result = rig.play(request("x = ", max_tokens=1, preference=Asked("self")), [{likely: 0.0, other: -below}])
    assert result.candidates[0].text == text


def test_it_is_told_what_has_been_written(rig: Rig) -> None:
    likely, other = tokens(rig, "return", "self")
    liked = Asked("returnselfself")
    script = [{likely: 0.0}, {likely: 0.0, other: -2.0}, {other: 0.0, likely: -1.0}]
    result = rig.play(request("x = ", max_tokens=3, preference=liked), script)
    assert result.candidates[0].text == "returnselfself"
    assert liked.seen == ["", "return", "returnself"]


def test_where_nothing_is_known_the_likeliest_is_written(rig: Rig) -> None:
    likely, other = tokens(rig, "return", "self")
    result = rig.play(request("x = ", max_tokens=1, preference=Asked()), [{likely: 0.0, other: -0.1}])
    assert result.candidates[0].text == "return"


def test_of_a_token_that_spells_what_is_there_the_rest_counts(rig: Rig) -> None:
    """The cursor cuts a word: both spell `i`, and what they go on with is chosen from."""
    likely, other = tokens(rig, "import", "index")
    liked = Asked("ndex")
    result = rig.play(request("x = i", heal=1, max_tokens=1, preference=liked), [{likely: 0.0, other: -2.0}])
    assert result.candidates[0].text == "ndex"
    assert liked.seen == [""]


def test_a_word_may_end_where_it_is(rig: Rig) -> None:
    on, end = tokens(rig, "self", "(")
    result = rig.play(request("x = retu", max_tokens=1, preference=Asked("")), [{on: 0.0, end: -2.0}])
    assert result.candidates[0].text == "("


def test_with_a_temperature_nobody_is_asked(rig: Rig) -> None:
    likely, other = tokens(rig, "return", "self")
    liked = Asked("self")
    rig.play(request("x = ", max_tokens=4, temperature=0.7, preference=liked), [{likely: 0.0, other: -0.5}])
    assert not liked.seen


# ---- how likely it is ---------------------------------------------------------------------------------------------


def test_the_probability_is_the_one_that_it_has_then(rig: Rig) -> None:
    likely, other = tokens(rig, "return", "self")
    result = rig.play(request("x = ", max_tokens=1, preference=Asked("self")), [{likely: 0.0, other: -2.0}])
    expected = -math.log1p(math.exp(2.0 - FACTOR))
    assert result.candidates[0].logprobs == pytest.approx((expected,), abs=0.01)


def test_what_a_token_begins_with_is_known(rig: Rig) -> None:
    """Of what the model thought before the user typed `retu`, only what begins so counts."""
    cut, other = tokens(rig, "return", "self")
    result = rig.play(request("x = retu", heal=1, max_tokens=1), [{other: 5.0, cut: 0.0}])
    assert result.candidates[0].text == "rn"
    assert result.candidates[0].logprobs == pytest.approx((0.0,), abs=0.01)


def test_of_what_begins_so_each_has_its_part(rig: Rig) -> None:
    logits = np.full(rig.vocabulary.size, -30.0, np.float32)
    first, second = tokens(rig, "return", "retur")
    logits[[first, second]] = 1.0, 0.0
    logits[tokens(rig, "self")] = 9.0
    found = branches(logits, rig.vocabulary, b"retu", 2)
    assert [choice.token for choice in found] == [first, second]
    assert [choice.logprob for choice in found] == pytest.approx(
        [-math.log1p(math.exp(-1)), -math.log1p(math.e)], abs=0.01
    )
    assert found[0].logprob > logprob(logits, first)


# ---- which tokens -------------------------------------------------------------------------------------------------


def test_the_tokens_of_a_word_are_all_its_beginnings(rig: Rig) -> None:
    found = texts(rig, listed(rig.vocabulary.towards(["return"])))
    assert found >= {b"r", b"retu", b"retur", b"return"}
    assert all(b"return".startswith(piece) for piece in found)


def test_behind_what_is_there_already(rig: Rig) -> None:
    assert texts(rig, listed(rig.vocabulary.towards(["rn"], b"retu"))) == {b"retur", b"return"}


def test_the_end_of_a_word_is_whatever_is_none(rig: Rig) -> None:
    found = set(listed(rig.vocabulary.towards([""])))
    inside, beyond = tokens(rig, "self", "_"), tokens(rig, "(", " ", "\n", " self")
    assert found.isdisjoint(inside)
    assert found >= set(beyond)
    assert {token for token in range(rig.vocabulary.size) if rig.vocabulary.is_end(token)} <= found


def test_the_end_of_a_word_behind_what_is_there(rig: Rig) -> None:
    found = texts(rig, listed(rig.vocabulary.towards([""], b"(")))
    assert found
    assert all(piece.startswith(b"(") and not chr(piece[1]).isalnum() for piece in found)


def test_several_words_are_all_of_their_tokens(rig: Rig) -> None:
    together = set(listed(rig.vocabulary.towards(["return", "se", ""])))
    assert together == {t for rest in ("return", "se", "") for t in listed(rig.vocabulary.towards([rest]))}
