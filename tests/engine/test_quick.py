"""A shorter prompt while the longer one is cold, and prompts that are only brought into the cache."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rig import Rig, finish, request

from tabby_lsp.engine.llama.evaluate import Aborted
from tabby_lsp.engine.llama.generate import IDLE_SLICE, QUICK
from tabby_lsp.engine.llama.kv import Slot
from tabby_lsp.engine.types import Marker, Priority, Prompt, Request

NEAR = "        x = len(the)\n        retu"
FAR = "def add(a, b):\n    return a + b\n\n\n" * 6 + "class name:\n    def sub(self):\n"


def asked(patience: int, near: str = NEAR, **more: Any) -> Request:
    """A question with a prompt of some 110 tokens and one of some 20."""
    return request(FAR + near, quick=Prompt((near,)), patience=patience, max_tokens=4, **more)


def prefill(text: str, **more: Any) -> Request:
    return request(text, max_tokens=0, priority=Priority.IDLE, **more)


def slot(rig: Rig, key: str) -> Slot:
    return next(slot for slot in rig.kv.slots if slot.key == key)


def test_cold_the_quick_prompt_is_read(rig: Rig) -> None:
    result = rig.run(asked(40))
    tokens = rig.vocabulary.encode(NEAR)
    assert result.quick
    assert result.counters.prompt == result.counters.evaluated == len(tokens) <= 40
    assert slot(rig, "a" + QUICK).tokens[: len(tokens)] == tokens
    assert all(slot.key != "a" for slot in rig.kv.slots)
    rig.check()


def test_it_writes_what_it_would_write_alone(rig: Rig) -> None:
    quick = rig.run(asked(40, heal=2))
    rig.kv.clear()
    alone = rig.run(request(NEAR, heal=0, max_tokens=4))
    assert quick.candidates == alone.candidates


@pytest.mark.parametrize(("patience", "quick"), [(0, True), (99, True), (10_000, False)])
def test_patience_decides(rig: Rig, patience: int, *, quick: bool) -> None:
    assert 100 < len(rig.vocabulary.encode(FAR + NEAR)) < 300
    assert rig.run(asked(patience)).quick is quick


def test_patience_is_for_what_is_not_in_the_cache(rig: Rig) -> None:
    tokens = rig.vocabulary.encode(FAR + NEAR)
    rig.run(prefill(FAR[: len(FAR) // 2]))
    missing = len(tokens) - rig.kv.shared(tokens)
    assert len(rig.vocabulary.encode(NEAR)) < missing < len(tokens)
    quick = rig.run(asked(missing - 1))
    assert quick.quick
    assert quick.missing == missing
    result = rig.run(asked(missing))
    assert not result.quick
    assert result.missing == 0
    assert result.counters.evaluated == missing


def test_the_whole_prompt_takes_over_once_it_is_warm(rig: Rig) -> None:
    assert rig.run(asked(40)).quick
    rig.run(prefill(FAR + NEAR))
    whole = rig.run(asked(40, NEAR + "rn"))
    assert not whole.quick
    assert whole.counters.evaluated <= 4
    rig.kv.clear()
    cold = rig.run(request(FAR + NEAR + "rn", max_tokens=4))
    assert whole.candidates[0].text == cold.candidates[0].text
    rig.check()


def test_each_has_a_sequence_of_its_own(rig: Rig) -> None:
    rig.run(asked(40))
    rig.run(prefill(FAR + NEAR))
    rig.run(asked(40))
    assert len({slot(rig, key).sequence for key in ("a", "a" + QUICK)}) == 2
    again = rig.run(asked(0, NEAR + "rn self.zzzz and not xx"))
    assert not again.quick, "both are warm, and the other is no more to read"
    assert again.counters.reused > len(rig.vocabulary.encode(FAR))
    rig.check()


def test_the_longer_one_is_read_where_less_of_it_is_missing(rig: Rig) -> None:
    """The quick prompt would be the slower one."""
    rig.run(prefill(FAR + NEAR))
    assert not rig.run(asked(0, NEAR + " x")).quick


def test_another_documents_text_counts(rig: Rig) -> None:
    rig.run(request(FAR + NEAR, key="b"))
    assert not rig.run(asked(20)).quick


def test_asking_what_is_missing_takes_no_sequence(rig: Rig) -> None:
    rig.run(asked(40))
    before = {slot.key: list(slot.tokens) for slot in rig.kv.slots}
    looked = replace(asked(40, key="a\0beside"), max_tokens=0, priority=Priority.IDLE)
    result = rig.run(looked)
    assert result.quick
    assert result.counters.evaluated == 0
    assert result.missing > 40
    assert {slot.key: slot.tokens for slot in rig.kv.slots} == before
    rig.check()


def test_the_documents_own_prompt_may_stand_in_for_a_long_one(rig: Rig) -> None:
    rig.run(prefill(FAR + NEAR, heal=2))
    own = Prompt((FAR + NEAR,), heal=2)
    looked = replace(prefill("# other.py\n" * 40 + FAR + NEAR, key="a\0beside", heal=2), quick=own, patience=40)
    result = rig.run(looked)
    assert (result.quick, result.counters.evaluated) == (True, 0)
    assert [slot.key for slot in rig.kv.slots if slot.tokens] == ["a"]


def test_an_empty_quick_prompt_is_none(rig: Rig) -> None:
    assert not rig.run(replace(asked(0), quick=Prompt(()))).quick


# ---- only into the cache ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slice_tokens", [4, 16, 64])
def test_a_prefill_writes_nothing_and_is_in_small_slices(rig: Rig, slice_tokens: int) -> None:
    rig.slice = slice_tokens
    tokens = rig.vocabulary.encode(FAR)
    result = rig.run(prefill(FAR))
    assert result.candidates == ()
    assert (result.counters.prompt, result.counters.evaluated, result.counters.generated) == (len(tokens),) * 2 + (0,)
    assert max(len(run) for run in rig.spy.runs) == min(slice_tokens, IDLE_SLICE) <= 16
    assert not any(row.wanted for run in rig.spy.runs for row in run)
    assert slot(rig, "a").tokens == tokens
    rig.check()


def test_what_was_prefilled_is_not_evaluated_again(rig: Rig) -> None:
    rig.run(prefill(FAR))
    assert rig.run(prefill(FAR)).counters.evaluated == 0
    assert rig.run(request(FAR, max_tokens=2)).counters.evaluated == 1
    rig.check()


def test_tokens_that_will_be_healed_are_left_out(rig: Rig) -> None:
    """They will be written in another way, perhaps."""
    tokens = rig.vocabulary.encode(FAR + NEAR)
    rig.run(prefill(FAR + NEAR, heal=2))
    assert slot(rig, "a").tokens == tokens[:-2]
    assert rig.run(request(FAR + NEAR, heal=2, max_tokens=1)).counters.reused == len(tokens) - 3


def test_markers_are_prefilled_like_text(rig: Rig) -> None:
    pieces = (Marker("<|fim_prefix|>"), FAR, Marker("<|fim_suffix|>"), "x", Marker("<|fim_middle|>"))
    tokens, _ = rig.vocabulary.encode_pieces(pieces)
    rig.run(replace(prefill(""), prompt=Prompt(pieces)))
    assert slot(rig, "a").tokens == tokens
    assert rig.run(replace(request(""), prompt=Prompt((*pieces, NEAR)))).counters.reused == len(tokens)


@pytest.mark.parametrize("nth", [1, 2, 4])
def test_an_abort_costs_one_slice(rig: Rig, nth: int) -> None:
    rig.slice, left = 64, nth

    def before() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Aborted

    rig.spy.before = before
    with pytest.raises(Aborted):
        rig.run(prefill(FAR))
    assert slot(rig, "a").tokens == rig.vocabulary.encode(FAR)[: IDLE_SLICE * (nth - 1)]
    rig.check()
    assert rig.run(prefill(FAR)).counters.reused == IDLE_SLICE * (nth - 1)


def test_who_stops_in_the_middle_keeps_what_was_read(rig: Rig) -> None:
    rig.slice = 64
    generation = rig.start(prefill(FAR))
    steps = generation.steps()
    for _ in range(3):
        next(steps)
    steps.close()
    rig.check()
    assert finish(rig.start(prefill(FAR))).counters.reused == 3 * IDLE_SLICE
