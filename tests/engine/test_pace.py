"""What an evaluation costs, by the number of its tokens."""

from __future__ import annotations

import pytest

from tabby_lsp.engine.llama.pace import WEIGHT, Pace


def test_nothing_is_known_at_first() -> None:
    pace = Pace()
    assert [pace.seconds(n) for n in (1, 4, 64)] == [None] * 3
    assert pace.prefill_rate == 0.0


def test_a_batch_costs_what_it_cost() -> None:
    pace = Pace()
    pace.took(8, 0.08)
    assert pace.seconds(8) == pytest.approx(0.08)
    assert pace.seconds(5) == pytest.approx(0.08), "a block is filled or not"
    assert pace.seconds(4) is None
    assert pace.seconds(9) is None


def test_a_batch_that_does_not_fill_its_block_counts_as_if_it_did() -> None:
    pace = Pace()
    pace.took(6, 0.06)
    assert pace.seconds(8) == pytest.approx(0.08)


def test_few_tokens_have_costs_of_their_own() -> None:
    pace = Pace()
    pace.took(4, 0.09)
    assert pace.seconds(3) == pytest.approx(0.09), "better than nothing"
    pace.took(3, 0.07)
    assert (pace.seconds(3), pace.seconds(4)) == pytest.approx((0.07, 0.09))
    assert pace.seconds(2) is None


def test_it_follows_the_load_by_and_by() -> None:
    pace = Pace()
    pace.took(1, 0.04)
    pace.took(1, 0.08)
    assert pace.seconds(1) == pytest.approx(0.04 + WEIGHT * 0.04)
    for _ in range(30):
        pace.took(1, 0.08)
    assert pace.seconds(1) == pytest.approx(0.08, rel=0.01)


def test_only_long_batches_say_how_quickly_a_prompt_is_read() -> None:
    pace = Pace()
    pace.took(15, 1.0)
    assert pace.prefill_rate == 0.0
    pace.took(64, 0.32)
    assert pace.prefill_rate == pytest.approx(200.0)
    pace.took(16, 0.04)
    assert pace.prefill_rate == pytest.approx(200.0 + WEIGHT * 200.0)


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_clock_that_stands_still_says_nothing(seconds: float) -> None:
    pace = Pace()
    pace.took(64, seconds)
    assert pace.seconds(64) is None
    assert pace.prefill_rate == 0.0
