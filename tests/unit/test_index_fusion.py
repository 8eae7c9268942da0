"""Two lists of hits become one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabby_lsp.index.search.fusion import WEIGHT, fuse

SCORES = st.dictionaries(st.integers(0, 20), st.floats(0.01, 30), max_size=10)


def hits(scores: dict[int, float]) -> list[tuple[int, float]]:
    return sorted(scores.items(), key=lambda hit: -hit[1])


def test_scores_are_added_and_told() -> None:
    (first, score, parts), *_ = fuse([("a", 8.0), ("b", 4.0)], [("b", 0.5), ("a", 0.4)], weight=2)
    assert (first, score) == ("a", pytest.approx(1.8))
    assert parts == {"text": 8.0, "text_rank": 1, "vector": 0.4, "vector_rank": 2}


def test_what_a_full_list_lacks_may_be_as_good_as_its_last() -> None:
    fused = fuse([("a", 8.0), ("b", 4.0)], [("c", 0.5), ("a", 0.4)], weight=1)
    assert {key: score for key, score, _ in fused} == pytest.approx({"a": 1.4, "b": 0.9, "c": 1.0})
    assert [parts for key, _, parts in fused if key == "c"] == [{"vector": 0.5, "vector_rank": 1}]


def test_what_a_short_text_list_lacks_has_none_of_the_words() -> None:
    fused = fuse([("rare", 8.0)], [("c", 0.5), ("d", 0.4), ("rare", 0.1)], weight=1)
    assert {key: score for key, score, _ in fused} == pytest.approx({"rare": 1.1, "c": 0.5, "d": 0.4})
    assert fused[0][0] == "rare"


@pytest.mark.parametrize("weight", [0.5, WEIGHT])
def test_one_list_alone_keeps_its_order(weight: float) -> None:
    ordered = [("a", 3.0), ("b", 2.0), ("c", 2.0), ("d", -1.0)]
    assert [key for key, _, _ in fuse(ordered, [], weight)] == list("abcd")
    assert [key for key, _, _ in fuse([], ordered, weight)] == list("abcd")
    assert fuse([], [], weight) == []


@settings(max_examples=100, deadline=None)
@given(SCORES, SCORES)
def test_every_key_comes_once_and_the_best_first(text: dict[int, float], vectors: dict[int, float]) -> None:
    fused = fuse(hits(text), hits(vectors))
    assert sorted(key for key, _, _ in fused) == sorted({*text, *vectors})
    scores = [score for _, score, _ in fused]
    assert scores == sorted(scores, reverse=True)
    for key, _, parts in fused:
        assert parts.get("text") == text.get(key)
        assert parts.get("vector") == vectors.get(key)


@settings(max_examples=100, deadline=None)
@given(SCORES, SCORES, st.floats(0.1, 10))
def test_the_unit_of_the_full_text_score_does_not_matter(
    text: dict[int, float], vectors: dict[int, float], unit: float
) -> None:
    one = {key: score for key, score, _ in fuse(hits(text), hits(vectors))}
    other = {key: score for key, score, _ in fuse([(key, unit * s) for key, s in hits(text)], hits(vectors))}
    assert one == pytest.approx(other)
