"""Reuse is invisible: whatever the cache keeps, the logits are those of an evaluation from nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig import SETTINGS, TOLERANCE, Naive, Rig, check_candidates, request

from tabby_lsp.engine.llama.evaluate import Aborted, Row
from tabby_lsp.engine.llama.kv import KvCache, Occupied, Slot
from tabby_lsp.engine.llama.model import SCRATCH, SEQUENCES
from tabby_lsp.engine.types import Request
from tabby_lsp.errors import EngineFault, PromptTooLong

TEXT = "class name:\n    def add(self, a, b):\n        return a + b\n\n    def sub(self, a, b):\n        return a - b\n"

WORDS = "return| self|def |x| = |    |\n|λ|日|(a, b):\n| and not |retu|import data\n"

words = st.lists(st.sampled_from(WORDS.split("|")), min_size=1, max_size=10).map("".join)


@dataclass(frozen=True)
class Step:
    """What an editor does: change a document in some way, ask, and perhaps give up.

    Attributes:
        document: which.
        base: the document it begins like, by part.
        part: how much of that is kept.
        typed: what is appended.
        ends_after: steps of the generation before it is closed.
        aborts_at: evaluations before the abort flag is set.
    """

    document: int
    base: int
    part: float
    typed: str
    heal: int = 0
    candidates: int = 1
    max_tokens: int = 2
    ends_after: int | None = None
    aborts_at: int | None = None


scripts = st.lists(
    st.builds(
        Step,
        document=st.integers(0, 5),
        base=st.integers(0, 5),
        part=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
        typed=words,
        heal=st.integers(0, 4),
        candidates=st.integers(1, 3),
        max_tokens=st.integers(1, 6),
        ends_after=st.none() | st.integers(1, 8),
        aborts_at=st.none() | st.none() | st.integers(0, 4),
    ),
    min_size=2,
    max_size=12,
)


def play(rig: Rig, naive: Naive | None, script: list[Step]) -> Iterator[tuple[Step, bool]]:
    """Make the steps, and check what must hold after each; yields each step and whether it came to its end."""
    documents = {n: f"# {n}\n{TEXT[n * 7 :]}" for n in range(6)}
    for step in script:
        base = documents[step.base]
        documents[step.document] = (base[: int(len(base) * step.part)] + step.typed)[:300]
        asked = request(
            documents[step.document],
            key=str(step.document),
            heal=step.heal,
            candidates=step.candidates,
            max_tokens=step.max_tokens,
        )
        rig.spy.reads.clear()
        before, runs = rig.spy.evaluated, len(rig.spy.runs)
        ended = serve(rig, step, asked)
        rig.check()
        assert rig.last
        if naive:
            for read in rig.spy.reads:
                assert np.abs(read.logits - naive.after(read.tokens)).max() < TOLERANCE
        assert rig.spy.evaluated - before == sum(len(run) for run in rig.spy.runs[runs:])
        if ended and (result := rig.last.result):
            counters = result.counters
            later = sum(len(tokens) - 1 for tokens in rig.taken())
            assert counters.evaluated + later == rig.spy.evaluated - before
            # what is taken back is evaluated only where that costs next to nothing
            assert counters.reused + counters.evaluated >= counters.prompt - step.heal
            assert step.heal or counters.reused + counters.evaluated == counters.prompt
            assert counters.evaluated > 0
            if naive:
                check_candidates(rig, naive, asked, result)
        yield step, ended


def serve(rig: Rig, step: Step, asked: Request) -> bool:
    """Run a request as far as the step says; whether it came to its end."""
    count = 0

    def before() -> None:
        nonlocal count
        rig.model.abort.set(count == step.aborts_at)
        count += 1

    rig.spy.before = before
    steps = rig.start(asked).steps()
    try:
        for n, _ in enumerate(steps, start=1):
            if n == step.ends_after:
                steps.close()
                return False
    except Aborted:
        assert step.aborts_at is not None
        return False
    finally:
        rig.model.abort.set(False)
        rig.spy.before = lambda: None
    return True


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=scripts)
def test_logits_after_any_reuse_are_those_from_nothing(
    make_rig: Callable[..., Rig], naive: Naive, script: list[Step]
) -> None:
    rig = make_rig(replace(SETTINGS, context=256))  # less than four documents, so that they push each other out
    for _ in play(rig, naive, script):
        pass


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=scripts)
def test_a_recurrent_model_reuses_only_what_it_can(recurrent: Path, script: list[Step]) -> None:
    """Its state cannot be cut back: no healing, and a prompt either goes on from all of a sequence or begins anew."""
    rig = Rig(recurrent, replace(SETTINGS, context=256))
    reference = Naive(recurrent)
    assert not rig.model.can_rewind
    try:
        for _ in play(rig, None, script):
            for read in rig.spy.reads:
                assert np.abs(read.logits - reference.after(read.tokens)).max() < 1e-3
    finally:
        rig.close()
        reference.close()


def test_a_recurrent_model_goes_on_where_it_was(recurrent: Path) -> None:
    rig = Rig(recurrent)
    first = rig.run(request(TEXT, max_tokens=1)).counters
    again = rig.run(request(TEXT + "    x", max_tokens=1)).counters
    back = rig.run(request(TEXT[:-1], max_tokens=1)).counters
    other = rig.run(request(TEXT[:-1] + "    y", max_tokens=1, key="b")).counters
    fork = rig.run(request(TEXT[:20], max_tokens=1, key="c")).counters
    assert (first.reused, again.reused) == (0, first.prompt)
    assert back.reused == 0
    assert other.reused == back.prompt
    assert fork.reused == 0
    rig.close()


# ---- what is kept ------------------------------------------------------------------------------------------------


def test_typing_costs_what_is_typed(rig: Rig) -> None:
    first = rig.run(request(TEXT, max_tokens=1)).counters
    assert (first.reused, first.evaluated) == (0, first.prompt)
    typed = rig.run(request(TEXT + " x", max_tokens=1)).counters
    assert (typed.reused, typed.evaluated) == (first.prompt, typed.prompt - first.prompt)
    same = rig.run(request(TEXT + " x", max_tokens=1)).counters
    assert (same.reused, same.evaluated) == (same.prompt - 1, 1)
    back = rig.run(request(TEXT, max_tokens=1)).counters
    assert (back.reused, back.evaluated) == (back.prompt - 1, 1)
    healed = rig.run(request(TEXT, max_tokens=1, heal=3)).counters
    assert healed.reused == healed.prompt - 4


def test_what_was_written_is_reused_where_it_is_accepted(rig: Rig) -> None:
    tokens = rig.vocabulary.encode("return self = x")
    rig.play(request(TEXT, max_tokens=4), tokens)
    accepted = rig.run(request(TEXT + "return self = x", max_tokens=1)).counters
    assert accepted.prompt - accepted.reused == 1


def test_a_second_document_shares_the_beginning_of_the_first(rig: Rig) -> None:
    first = rig.run(request(TEXT, max_tokens=1)).counters
    second = rig.run(request(TEXT + "x", max_tokens=1, key="b")).counters
    assert second.reused == first.prompt
    assert [slot.key for slot in rig.kv.slots] == ["a", "b", *[""] * (SEQUENCES - 2)]
    again = rig.run(request(TEXT + "y", max_tokens=1)).counters
    assert again.reused == first.prompt
    rig.check()


def test_the_document_used_longest_ago_is_given_up(rig: Rig) -> None:
    keys = "abcdefgh"[:SEQUENCES]
    for key in keys:
        rig.run(request(f"{key} = {key}\n", key=key, max_tokens=1))
    rig.run(request("a = a\nx", key="a", max_tokens=1))
    rig.run(request("z = 2", key="z", max_tokens=1))
    assert [slot.key for slot in rig.kv.slots] == ["a", "z", *keys[2:]]
    rig.check()


def test_a_full_cache_gives_up_the_oldest_and_keeps_the_others(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(replace(SETTINGS, context=256))
    for key in "abcd":
        rig.run(request(key + " = 1\n" * 15, key=key, max_tokens=1))
    held = {slot.key: len(slot.tokens) for slot in rig.kv.slots}
    assert sum(held.values()) <= 256
    assert held["d"] > 0
    kept = [key for key in "abcd" if held.get(key)]
    assert kept == list("abcd")[-len(kept) :], "the newest ones"
    big = "z = 2\n" * 50
    assert rig.run(request(big, key="z", max_tokens=1)).counters.generated <= 1
    rig.check()


# ---- generations under way ---------------------------------------------------------------------------------------


def test_a_sequence_in_use_is_not_given_up(make_rig: Callable[..., Rig], naive: Naive) -> None:
    """A chat that was overtaken goes on as if nothing had been in between, whatever came."""
    rig = make_rig(replace(SETTINGS, context=256))
    asked = request(TEXT, key="chat", max_tokens=8, candidates=2)
    paused = rig.start(asked)
    steps = paused.steps()
    while not paused.taken:
        next(steps)
    for n in range(9):
        rig.run(request(f"{n} = x\n" * 14, key=str(n), max_tokens=2))
        assert {slot.key for slot in rig.kv.slots if slot.held} == {"chat"}
    for _ in steps:
        pass
    assert paused.result
    rig.last = paused
    check_candidates(rig, naive, asked, paused.result)
    rig.check()


def test_a_prompt_being_read_is_not_given_up(make_rig: Callable[..., Rig], naive: Naive) -> None:
    rig = make_rig(replace(SETTINGS, context=256))
    asked = request(TEXT, key="chat", heal=3)
    paused = rig.start(asked)
    steps = paused.steps()
    for n in range(20):
        rig.run(request(f"{n} = x\n" * 14, key=str(n), max_tokens=2))
        if next(steps, "end") == "end":
            break
    assert paused.result
    assert paused.ticket.evaluated >= paused.result.counters.prompt
    rig.last = paused
    check_candidates(rig, naive, asked, paused.result)
    rig.check()


def test_cells_that_others_hold_are_not_promised(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(replace(SETTINGS, context=256))
    steps = rig.start(request(TEXT, key="chat", max_tokens=150)).steps()
    next(steps)
    before = [list(slot.tokens) for slot in rig.kv.slots]
    with pytest.raises(Occupied):
        rig.run(request("x = 1\n" * 20, max_tokens=50))
    assert [slot.tokens for slot in rig.kv.slots] == before
    steps.close()
    rig.run(request("x = 1\n" * 20, max_tokens=50))
    rig.check()


def test_sequences_that_others_hold_are_not_taken(rig: Rig) -> None:
    under_way = [rig.start(request(TEXT, key=str(n), max_tokens=2)).steps() for n in range(SEQUENCES)]
    for steps in under_way:
        next(steps)
    with pytest.raises(Occupied):
        rig.run(request("x", key="one more", max_tokens=1))
    under_way[2].close()
    rig.run(request("x", key="one more", max_tokens=1))
    assert rig.kv.slots[2].key == "one more"
    for steps in under_way:
        steps.close()
    rig.check()


# ---- what is given back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 9])
def test_copies_are_given_back_when_a_stop_rule_raises(rig: Rig, nth: int) -> None:
    """The first tokens are already asked, so it may be before the generation has really begun."""
    asked: list[str] = []

    def stop(text: str) -> int | None:
        asked.append(text)
        if len(asked) == nth:
            raise LookupError("a stop rule's own mistake")
        return None

    x = rig.vocabulary.encode("x")[0]
    with pytest.raises(LookupError):
        rig.play(request(TEXT, candidates=3, stop=stop), [{x: 0.0, x + 1: -1.0, x + 2: -2.0}])
    rig.check()


def test_copies_are_given_back_when_a_listener_raises(rig: Rig) -> None:
    def emit(_: str) -> None:
        raise LookupError("a listener's own mistake")

    with pytest.raises(LookupError):
        rig.play(request(TEXT, candidates=3), rig.vocabulary.encode("x"), emit)
    rig.check()


def test_copies_are_given_back_however_early_a_generation_is_closed(rig: Rig) -> None:
    total = sum(1 for _ in rig.start(request(TEXT, candidates=4, max_tokens=6)).steps())
    assert total > 6
    for count in range(total + 1):
        rig.kv.clear()
        steps = rig.start(request(TEXT, candidates=4, max_tokens=6)).steps()
        for _ in range(count):
            next(steps)
        steps.close()
        rig.check()


def test_an_abort_while_a_prompt_is_read_keeps_what_was_read(rig: Rig) -> None:
    count = 0

    def before() -> None:
        nonlocal count
        count += 1
        rig.model.abort.set(count == 3)

    rig.spy.before = before
    with pytest.raises(Aborted):
        rig.run(request(TEXT, max_tokens=1))
    rig.model.abort.set(False)
    assert len(rig.kv.slots[0].tokens) == 2 * rig.slice
    rig.check()
    again = rig.run(request(TEXT, max_tokens=1)).counters
    assert again.reused == 2 * rig.slice
    assert again.evaluated == again.prompt - again.reused


def test_an_abort_while_writing_keeps_what_was_written(rig: Rig) -> None:
    def before() -> None:
        rig.model.abort.set(bool(rig.last and rig.last.taken and len(rig.taken()[0]) == 3))

    rig.spy.before = before
    with pytest.raises(Aborted):
        rig.run(request(TEXT, max_tokens=8, candidates=3))
    rig.model.abort.set(False)
    assert len(rig.kv.slots[0].tokens) == len(rig.vocabulary.encode(TEXT)) + 2
    rig.check()


def test_the_abort_flag_is_read_by_llama_itself(rig: Rig) -> None:
    assert rig.model.can_abort
    rig.model.abort.set(True)
    with pytest.raises(Aborted):
        rig.spy.run([Row(1, 0, 0, True)])
    assert rig.spy.evaluated == 0
    rig.model.abort.set(False)
    rig.model.lib.llama_memory_clear(rig.model.memory, True)
    rig.spy.run([Row(1, 0, 0, True)])
    assert rig.spy.evaluated == 1


def test_a_batch_without_cells_is_a_fault_that_says_so(rig: Rig) -> None:
    batch = rig.capacity
    for start in range(0, 512, batch):
        rig.spy.run([Row(1, start + i, 0, False) for i in range(batch)])
    with pytest.raises(EngineFault, match="no free cells"):
        rig.spy.run([Row(1, 0, 1, True)])


def test_positions_with_a_gap_are_a_fault(rig: Rig) -> None:
    rig.spy.run([Row(1, 0, 0, True)])
    with pytest.raises(EngineFault, match="code"):
        rig.spy.run([Row(1, 7, 0, True)])


def test_clear_forgets_everything(rig: Rig) -> None:
    rig.run(request(TEXT, max_tokens=1))
    rig.kv.clear()
    rig.check()
    assert rig.kv.slots[0].key == ""
    assert rig.run(request(TEXT, max_tokens=1)).counters.reused == 0


# ---- the bookkeeping alone ---------------------------------------------------------------------------------------


class Memory:
    """An imitation of llama.cpp's memory that counts cells; `whole` refuses to forget a part."""

    def __init__(self, *, whole: bool = False) -> None:
        self.cells: dict[int, int] = {}
        self.whole = whole

    def llama_memory_seq_rm(self, _: object, sequence: int, start: int, end: int) -> bool:
        start = max(0, start)
        if self.whole and 0 < start < self.cells.get(sequence, 0):
            return False
        self.cells[sequence] = min(self.cells.get(sequence, 0), start)
        return True

    def llama_memory_seq_cp(self, _: object, source: int, target: int, start: int, end: int) -> None:
        length = self.cells.get(source, 0)
        self.cells[target] = length if self.whole or end < 0 else min(end, length)


def fake(*, whole: bool = False, cells: int = 100) -> tuple[KvCache, Memory]:
    memory = Memory(whole=whole)
    return KvCache(memory, None, cells=cells, sequences=SEQUENCES, scratch=SCRATCH, partial=not whole), memory


def fill(kv: KvCache, memory: Memory, slot: Slot, tokens: list[int]) -> None:
    slot.tokens[:] = tokens
    memory.cells[slot.sequence] = len(tokens)
    kv.release(slot)


@given(
    st.booleans(),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.lists(st.integers(0, 2), min_size=1, max_size=40)), max_size=20),
    st.integers(0, 30),
)
def test_there_is_always_room_for_what_was_promised(
    whole: bool, prompts: list[tuple[str, list[int]]], room: int
) -> None:
    kv, memory = fake(whole=whole)
    for key, tokens in prompts:
        slot, kept = kv.place(key, tokens, room=room, keep_at_most=len(tokens) - 1)
        assert slot.tokens == tokens[:kept]
        assert memory.cells.get(slot.sequence, 0) == kept < len(tokens)
        assert sum(memory.cells.values()) - kept + len(tokens) + room <= kv.cells
        fill(kv, memory, slot, tokens)
        assert [s.key for s in kv.slots].count(key) == 1


def test_the_sequence_in_use_is_never_made_room_of() -> None:
    kv, memory = fake()
    slot, _ = kv.place("a", [1] * 60, room=0, keep_at_most=59)
    fill(kv, memory, slot, [1] * 60)
    again, kept = kv.place("a", [1] * 60 + [2] * 40, room=0, keep_at_most=99)
    assert (again, kept) == (slot, 60)
    with pytest.raises(PromptTooLong, match="100"):
        kv.place("a", [1] * 101, room=0, keep_at_most=1)
    with pytest.raises(PromptTooLong):
        kv.place("a", [1], room=100, keep_at_most=0)


def test_copies_run_out_and_come_back() -> None:
    kv, memory = fake()
    slot, _ = kv.place("a", [1, 2], room=0, keep_at_most=1)
    fill(kv, memory, slot, [1, 2])
    copies = [kv.fork(slot) for _ in range(SCRATCH)]
    assert sorted(copies) == list(range(SEQUENCES, SEQUENCES + SCRATCH))
    assert all(memory.cells[copy] == 2 for copy in copies)
    assert kv.fork(slot) == -1
    kv.drop(copies[3])
    assert memory.cells[copies[3]] == 0
    assert kv.fork(slot) == copies[3]


def test_a_whole_state_is_copied_whole_or_not_at_all() -> None:
    kv, memory = fake(whole=True)
    slot, _ = kv.place("a", [1, 2, 3], room=0, keep_at_most=2)
    fill(kv, memory, slot, [1, 2, 3])
    other, kept = kv.place("b", [1, 2, 4], room=0, keep_at_most=2)
    assert (other.tokens, kept, memory.cells.get(other.sequence, 0)) == ([], 0, 0)
    fill(kv, memory, other, [1, 2, 4])
    third, kept = kv.place("c", [1, 2, 3, 5], room=0, keep_at_most=3)
    assert (third.tokens, kept, memory.cells[third.sequence]) == ([1, 2, 3], 3, 3)
