"""Where several tokens are about equally likely, whoever asks may choose by their text."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rig import Rig, request

from tabby_lsp.engine.llama.sampling import MARGIN


class Asked:
    """A preference for one text, and what it was asked."""

    def __init__(self, liked: str) -> None:
        self.liked = liked
        self.seen: list[tuple[str, list[str]]] = []

    def __call__(self, written: str, pieces: Sequence[str]) -> int:
        self.seen.append((written, list(pieces)))
        return next((index for index, piece in enumerate(pieces) if piece == self.liked), 0)


def tokens(rig: Rig, *pieces: str) -> list[int]:
    return [rig.vocabulary._by_piece[piece.encode()] for piece in pieces]


@pytest.mark.parametrize(("below", "text"), [(0.5, "self"), (MARGIN + 0.1, "return")])
def test_the_preferred_one_of_about_equally_likely_tokens_is_written(rig: Rig, below: float, text: str) -> None:
    likely, other = tokens(rig, "return", "self")
    liked = Asked("self")
    result = rig.play(request("x = ", max_tokens=1, preference=liked), [{likely: 0.0, other: -below}])
    assert result.candidates[0].text == text
    assert liked.seen == ([("", ["return", "self"])] if text == "self" else [])


def test_it_is_told_what_has_been_written(rig: Rig) -> None:
    likely, other = tokens(rig, "return", "self")
    liked = Asked("self")
    script = [{likely: 0.0}, {likely: 0.0, other: -1.0}, {other: 0.0, likely: -1.0}]
    result = rig.play(request("x = ", max_tokens=3, preference=liked), script)
    assert result.candidates[0].text == "returnselfself"
    assert liked.seen == [("return", ["return", "self"]), ("returnself", ["self", "return"])]


def test_of_a_token_that_spells_what_is_there_it_sees_the_rest(rig: Rig) -> None:
    """The cursor cuts a word: both spell `retu`, and what they go on with is chosen from."""
    cut, whole = tokens(rig, "return", "retu")
    liked = Asked("rn")
    result = rig.play(request("x = retu", heal=1, max_tokens=1, preference=liked), [{cut: 0.0, whole: -5.0}])
    assert result.candidates[0].text == "rn"
    assert all(written == "" and "rn" in pieces for written, pieces in liked.seen)


def test_an_end_is_an_end(rig: Rig) -> None:
    (other,) = tokens(rig, "self")
    end = next(token for token in range(rig.vocabulary.size) if rig.vocabulary.is_end(token))
    liked = Asked("self")
    result = rig.play(request("x = ", max_tokens=4, preference=liked), [{end: 0.0, other: -0.1}])
    assert result.candidates[0].text == ""
    assert not liked.seen


def test_with_a_temperature_nobody_is_asked(rig: Rig) -> None:
    likely, other = tokens(rig, "return", "self")
    liked = Asked("self")
    rig.play(request("x = ", max_tokens=4, temperature=0.7, preference=liked), [{likely: 0.0, other: -0.5}])
    assert not liked.seen
