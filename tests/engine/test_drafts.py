"""Guesses change how many evaluations a text takes, and nothing of the text or of what the cache holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from rig import SETTINGS, TOLERANCE, Naive, Rig, Script, Spy, finish, request, texts

from tabby_lsp.engine.llama.drafts import GAIN, SIZES, Drafter, Records, worthwhile
from tabby_lsp.engine.llama.evaluate import Aborted, Evaluator
from tabby_lsp.engine.llama.generate import Generation
from tabby_lsp.engine.llama.kv import Slot
from tabby_lsp.engine.llama.pace import Pace
from tabby_lsp.engine.llama.proofs import Proofs, Trial, Where
from tabby_lsp.engine.llama.residence import Residence, loader
from tabby_lsp.engine.llama.sampling import Logits
from tabby_lsp.engine.llama.writing import Emit
from tabby_lsp.engine.types import Finish, Priority, Request, Result, Ticket, Totals

CODE = "def add(a, b):\n    return a + b\n\n\nclass name:\n    def sub(self):\n        x = len(the)\n        retu"
WORDS = "return;self; self;def ;x; = ;    ;\n;\n\n;):\n;λ;é;日;😀;retu;<|fim_prefix|>"
MANY = "class name: é日😀 return self\n    def add(self, λ):\n        return λ + self.data"
"""What the scripted model wants to write: characters of one to four bytes, some in several tokens."""

prompts = st.lists(st.sampled_from(WORDS.split(";")), min_size=1, max_size=12).map("".join)

property_test = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Priced(Pace):
    """A machine on which a batch costs what a test says; measuring changes nothing.

    Args:
        base: seconds of any batch.
        each: seconds more for each token in it.
    """

    def __init__(self, base: float, each: float) -> None:
        super().__init__()
        self._base, self._each = base, each

    def took(self, tokens: int, seconds: float, logits: int = 0) -> None:
        pass

    def seconds(self, tokens: int) -> float | None:
        return self._base + self._each * tokens


FREE = Priced(1.0, 0.0)
"""Any guess pays."""
DEAR = Priced(0.0, 1.0)
"""No guess pays."""


def trusting() -> Records:
    records = Records()
    records.expected.share = records.context.share = 0.99
    return records


class Bench:
    """A rig that guesses."""

    def __init__(self, rig: Rig, pace: Pace = FREE, evaluator: Evaluator | None = None) -> None:
        self.rig, self.totals, self.records = rig, Totals(), trusting()
        self.evaluator = evaluator or rig.spy
        self.evaluator.pace = pace

    def start(self, asked: Request, emit: Emit | None = None, *, guesses: bool = True) -> Generation:
        return Generation(
            Ticket(asked, lambda *_: None),
            self.evaluator,
            self.rig.kv,
            emit=emit,
            slice_tokens=self.rig.slice,
            totals=self.totals,
            records=self.records if guesses else None,
        )

    def run(self, asked: Request, emit: Emit | None = None, *, guesses: bool = True) -> Result:
        return finish(self.start(asked, emit, guesses=guesses))


def own(rig: Rig) -> Slot:
    """The sequence of the requests here."""
    return next(slot for slot in rig.kv.slots if slot.key == "a")


def scripted(rig: Rig, prompt: str, text: str) -> Script:
    """An evaluator whose model wants to write this and then to end, whatever stands before it."""
    wanted = [*rig.vocabulary.encode(text), rig.vocabulary.marker("<|endoftext|>")]
    script = Script(rig.model, rig.capacity, len(rig.vocabulary.encode(prompt)), [{t: 0.0} for t in wanted if t])
    script.kv = rig.kv
    return script


@pytest.fixture
def bench(rig: Rig) -> Bench:
    return Bench(rig)


# ---- the text --------------------------------------------------------------------------------------------------------

DRAFTS: dict[str, Callable[[str], str]] = {
    "right": lambda text: text,
    "half right": lambda text: text[: len(text) // 2] + "import data\n" + text[len(text) // 2 :],
    "wrong": lambda text: "class import:\n    yield\n" * 3,
    "begun before": lambda text: "return 1\n" + text,
    "begun later": lambda text: text[3:],
    "longer": lambda text: text + CODE * 2,
    "several bytes": lambda text: "日本😀éλ" + text + "😀",
    "none": lambda text: "",
}


@pytest.mark.parametrize("draft", ["self" * 12, "selfself" + "return" * 12, "self" * 6 + "return" * 6])
def test_guesses_never_change_what_is_preferred(rig: Rig, draft: str) -> None:
    likely, other = (rig.vocabulary._by_piece[piece] for piece in (b"return", b"self"))
    script = Script(rig.model, rig.capacity, len(rig.vocabulary.encode("x = ")), [{likely: 0.0, other: -1.0}])
    script.kv = rig.kv
    try:
        bench = Bench(rig, evaluator=script)
        liked = request("x = ", max_tokens=12, draft=draft, preference=lambda _: ["self"])
        assert bench.run(liked).candidates[0].text == "self" * 12
        assert bench.totals.drafted > 0
    finally:
        script.close()


@property_test
@given(text=prompts, kind=st.sampled_from(list(DRAFTS)), count=st.integers(1, 24), heal=st.integers(0, 3))
def test_guesses_never_change_what_is_written(
    rig: Rig, naive: Naive, text: str, kind: str, count: int, heal: int
) -> None:
    """Whatever is guessed; prompts at which rounding may choose are no test of it."""
    prompt = CODE + text
    rig.kv.clear()
    bench = Bench(rig)
    plain = bench.run(request(prompt, heal=heal, max_tokens=count), guesses=False)
    tokens = own(rig).tokens
    rows = naive.rows(tokens, max(0, len(tokens) - plain.counters.generated - 1))
    assume(min(float(np.diff(np.sort(row)[-2:])[0]) for row in rows) > TOLERANCE)
    draft = DRAFTS[kind](plain.candidates[0].text)
    for cold in (True, False):
        if cold:
            rig.kv.clear()
        pieces: list[str] = []
        guessed = bench.run(request(prompt, heal=heal, max_tokens=count, draft=draft), pieces.append)
        assert texts(guessed.candidates) == texts(plain.candidates)
        assert guessed.candidates[0].finish == plain.candidates[0].finish
        assert guessed.candidates[0].logprobs == pytest.approx(plain.candidates[0].logprobs, abs=TOLERANCE)
        assert guessed.counters.generated == plain.counters.generated
        assert "".join(pieces) == guessed.candidates[0].text
        rig.check()


@pytest.mark.parametrize("kind", list(DRAFTS))
@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 17, 60])
def test_text_with_characters_of_several_bytes(rig: Rig, kind: str, most: int) -> None:
    script = scripted(rig, CODE, MANY)
    bench = Bench(rig, evaluator=script)
    try:
        plain = bench.run(request(CODE, max_tokens=most), guesses=False)
        before = len(script.runs)
        guessed = bench.run(request(CODE, max_tokens=most, draft=DRAFTS[kind](MANY)))
    finally:
        script.close()
    assert guessed.candidates == plain.candidates
    assert len(script.runs) - before <= before
    assert max(max(row.position for row in run) for run in script.runs) < len(rig.vocabulary.encode(CODE)) + most
    rig.check()


def test_it_is_written_in_fewer_evaluations(rig: Rig) -> None:
    tokens = len(rig.vocabulary.encode(MANY))
    script = scripted(rig, CODE, MANY)
    bench = Bench(rig, evaluator=script)
    try:
        result = bench.run(request(CODE, max_tokens=100, draft=MANY))
    finally:
        script.close()
    assert (result.candidates[0].text, result.candidates[0].finish) == (MANY, Finish.END)
    decodes = [run for run in script.runs if all(row.wanted for row in run) and len(run) > 1]
    assert tokens > 2 * (SIZES[0] + 1)
    assert len(decodes) <= tokens // (SIZES[0] + 1) + 2
    assert max(len(run) for run in decodes) == SIZES[0] + 1
    assert bench.totals.agreed == bench.totals.drafted > tokens // 2
    assert bench.totals.generated == tokens


def test_what_repeats_the_prompt_is_guessed_from_it(rig: Rig) -> None:
    again = "def add(a, b):\n    return a + b\n"
    script = scripted(rig, CODE + "\n", again)
    bench = Bench(rig, evaluator=script)
    try:
        result = bench.run(request(CODE + "\n", max_tokens=100))
    finally:
        script.close()
    assert result.candidates[0].text == again
    assert bench.totals.agreed > 0


def test_wrong_guesses_are_counted_and_then_no_longer_tried(rig: Rig) -> None:
    text, draft = " = x" * 20, " = x self" * 10
    script = scripted(rig, CODE, text)
    bench = Bench(rig, Priced(1.0, 0.2), script)
    bench.records.context.share = 0.0
    try:
        bench.run(request(CODE, max_tokens=70, draft=draft))
        assert bench.totals.drafted > bench.totals.agreed
        share, drafted = bench.records.expected.share, bench.totals.drafted
        assert share < 0.9
        bench.records.expected.share = 0.05
        bench.run(request(CODE, max_tokens=70, draft=draft))
        assert bench.totals.drafted == drafted
    finally:
        script.close()


@pytest.mark.parametrize(
    "how", [{"candidates": 2}, {"temperature": 0.7}, {"sampler": "infill"}], ids=["several", "chance", "infill"]
)
def test_only_the_likeliest_token_of_one_candidate_can_be_verified(bench: Bench, how: dict[str, object]) -> None:
    asked = request(CODE, max_tokens=8, **how)
    plain = bench.run(asked, guesses=False)
    guessed = bench.run(request(CODE, max_tokens=8, draft=plain.candidates[0].text, **how))
    assert bench.totals.drafted == 0
    assert len(guessed.candidates) == len(plain.candidates)
    bench.rig.check()


def test_nothing_is_guessed_where_it_does_not_pay(rig: Rig) -> None:
    bench = Bench(rig, DEAR)
    plain = bench.run(request(CODE, max_tokens=12), guesses=False)
    runs = len(rig.spy.runs)
    bench.run(request(CODE, max_tokens=12, draft=plain.candidates[0].text))
    assert bench.totals.drafted == 0
    assert all(len(run) == 1 for run in rig.spy.runs[runs + 1 :])


# ---- only batches that give the same bits ----------------------------------------------------------------------------


class Rounded(Script):
    """A machine whose batches of some sizes give other logits than single tokens do; its model wants one text.

    Args:
        rig: whose context.
        sizes: numbers of tokens.
        prompt: that the text follows.
    """

    def __init__(self, rig: Rig, sizes: Sequence[int], prompt: str = CODE) -> None:
        start, wanted = len(rig.vocabulary.encode(prompt)), rig.vocabulary.encode(MANY)
        super().__init__(rig.model, rig.capacity, start, [{token: 0.0} for token in wanted])
        self.kv, self._sizes, self._first = rig.kv, sizes, dict[tuple[int, ...], Logits]()

    def logits(self, row: int) -> Logits:
        found = super().logits(row)
        found[:] = self._first.setdefault(self.reads[-1].tokens, found.copy())  # whatever this processor rounds
        if len(self.runs[-1]) in self._sizes:
            found[0] += 1e-3
        return found


def batches(spy: Spy, since: int = 0) -> list[int]:
    """Sizes of the batches that verified guesses."""
    return [len(run) for run in spy.runs[since:] if len(run) > 1 and all(row.wanted for row in run)]


def exact(rig: Rig, evaluator: Spy) -> Bench:
    bench = Bench(rig, evaluator=evaluator)
    bench.records = Records(Proofs())
    bench.records.expected.share = 0.99
    return bench


HERE, THERE = Where.of(8, 8), Where.of(300, 300)
ASKED = request(CODE, max_tokens=60, draft=MANY, priority=Priority.IDLE)


def test_a_size_that_gives_other_bits_is_tried_once(rig: Rig) -> None:
    spy = Rounded(rig, [size + 1 for size in SIZES])
    bench = exact(rig, spy)
    plain = bench.run(ASKED, guesses=False)
    for _ in range(3):
        assert bench.run(ASKED).candidates == plain.candidates, "the likelihoods to the last bit"
        rig.check()
    assert sorted(batches(spy), reverse=True) == [size + 1 for size in SIZES]
    assert bench.totals.agreed == 0, "what was tried was not used"


def test_a_size_that_gives_the_same_bits_is_used_when_that_is_shown(rig: Rig) -> None:
    spy = Rounded(rig, [SIZES[0] + 1])
    bench = exact(rig, spy)
    plain = bench.run(ASKED, guesses=False)
    runs = len(spy.runs)
    while spy.evaluated <= 2 * rig.kv.cells:  # as many are in use as there are
        since, agreed = len(spy.runs), bench.totals.agreed
        assert bench.run(ASKED).candidates == plain.candidates
        rig.check()
    used = batches(spy, since)
    assert max(used) == SIZES[1] + 1
    assert bench.totals.agreed - agreed == sum(used) - len(used)
    assert len(spy.runs) - since < runs * 2 / 3


def test_what_is_shown_of_few_cells_is_shown_again_for_more(rig: Rig) -> None:
    wheres = []
    for prompt in (CODE[:20], CODE * 3):
        bench = exact(rig, Rounded(rig, [], prompt))
        for _ in range(2):
            bench.run(request(prompt, max_tokens=60, draft=MANY, priority=Priority.IDLE))
        proofs = bench.records.proofs
        assert proofs
        wheres.append({where for _, where in proofs._same})
    assert wheres[0]
    assert wheres[1]
    assert not wheres[0] & wheres[1]


def test_a_comparison_that_ends_early_shows_nothing() -> None:
    proofs, where, row = Proofs(), Where.of(10, 10), np.zeros(4, np.float32)
    trial = Trial(proofs, where, [1, 2, 3], [row] * 3)
    assert trial.goes_on(proofs, 1, row)
    assert not trial.goes_on(proofs, 9, row), "the guess was wrong"
    trial = Trial(proofs, where, [1, 2], [row] * 2)
    assert not trial.goes_on(Proofs(), 1, row + 1), "other threads evaluate"
    assert not proofs.proven(3, where)
    assert not proofs.proven(2, where)
    assert not proofs.refuted(2)


def test_one_row_that_differs_refutes_a_size_everywhere() -> None:
    proofs, here, there, row = Proofs(), Where.of(10, 10), Where.of(300, 300), np.zeros(4, np.float32)
    proofs.note(2, there, same=True)
    assert proofs.proven(2, there)
    assert not proofs.proven(2, here)
    trial = Trial(proofs, here, [1, 2], [row, row])
    row = row.copy()
    assert trial.goes_on(proofs, 1, row)
    row[3] = np.nextafter(np.float32(0), np.float32(1))
    assert not trial.goes_on(proofs, 2, row)
    assert proofs.refuted(2)
    assert not proofs.proven(2, there)


def test_who_types_waits_for_no_comparison(rig: Rig) -> None:
    bench = exact(rig, Rounded(rig, []))
    typed = replace(ASKED, priority=Priority.COMPLETION)
    plain = bench.run(typed, guesses=False)
    while rig.spy.evaluated + bench.evaluator.evaluated <= rig.kv.cells:
        assert bench.run(typed).candidates == plain.candidates
    assert bench.totals.drafted == 0
    assert bench.run(ASKED).candidates == plain.candidates
    agreed = bench.totals.agreed
    assert bench.run(typed).candidates == plain.candidates
    assert bench.totals.agreed > agreed, "what idle work has shown holds for it"
    rig.check()


@pytest.mark.parametrize(
    ("length", "cells", "same"),
    [(256, 256, True), (129, 130, True), (257, 300, False), (128, 256, False), (200, 257, False)],
)
def test_lengths_count_by_powers_of_two(length: int, cells: int, same: bool) -> None:
    assert (Where.of(length, cells) == Where.of(250, 250)) is same


@property_test
@given(text=prompts, kind=st.sampled_from(list(DRAFTS)), count=st.integers(1, 24))
def test_exact_guesses_change_no_bit(rig: Rig, text: str, kind: str, count: int) -> None:
    """Of the likelihoods either, on whatever this processor's kernels are."""
    rig.kv.clear()
    bench = exact(rig, rig.spy)
    asked = request(CODE + text, max_tokens=count)
    plain = bench.run(asked, guesses=False)
    draft = DRAFTS[kind](plain.candidates[0].text)
    for priority in (Priority.IDLE, Priority.IDLE, Priority.COMPLETION):
        rig.kv.clear()
        assert bench.run(replace(asked, draft=draft, priority=priority)).candidates == plain.candidates
        rig.check()


@pytest.mark.parametrize(
    ("chosen", "guesses", "compares"), [("exact", True, True), ("any", True, False), ("off", False, False)]
)
def test_what_the_setting_says(tiny: Path, chosen: str, guesses: bool, compares: bool) -> None:
    settings = replace(SETTINGS, drafts=chosen, threads=1)
    home = Residence(loader(tiny, settings, extra_buffers=True)(), settings)
    try:
        assert bool(home.records) is guesses
        assert bool(home.records and home.records.proofs) is compares
    finally:
        home.close()


def test_proofs_are_of_one_number_of_threads(tiny: Path) -> None:
    settings = replace(SETTINGS, threads=0)
    home = Residence(loader(tiny, settings, extra_buffers=True)(), settings)
    try:
        assert home.records
        seen = []
        for size in (2, 1, 2):
            home.crew = type("Hands", (), {"size": size, "look": lambda *_: True})()
            home.look_at_load()
            seen.append(home.records.proofs)
        assert seen[0] is seen[2] is not seen[1]
    finally:
        home.close()


# ---- ends in the middle of a guess -----------------------------------------------------------------------------------


@pytest.mark.parametrize("length", range(1, 40, 3))
def test_a_stop_rule_in_the_middle_of_a_right_guess(rig: Rig, length: int) -> None:
    def stop(text: str) -> int | None:
        return length if len(text) >= length else None

    script = scripted(rig, CODE, MANY)
    bench = Bench(rig, evaluator=script)
    try:
        plain = bench.run(request(CODE, max_tokens=60, stop=stop), guesses=False)
        tokens = list(own(rig).tokens)
        guessed = bench.run(request(CODE, max_tokens=60, stop=stop, draft=MANY))
        assert guessed.candidates == plain.candidates
        assert guessed.candidates[0].text == MANY[:length]
        assert own(rig).tokens == tokens, "what was verified behind the end is not kept"
    finally:
        script.close()
    rig.check()


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_an_abort_in_the_middle_leaves_the_cache_right(rig: Rig, naive: Naive, nth: int) -> None:
    bench = Bench(rig)
    plain = bench.run(request(CODE, max_tokens=24), guesses=False)
    draft = plain.candidates[0].text[:20] + "import x"
    rig.kv.clear()
    left = nth

    def before() -> None:
        nonlocal left
        if len(own(rig).tokens) >= len(rig.vocabulary.encode(CODE)):
            left -= 1
            if left == 0:
                raise Aborted

    rig.spy.before = before
    with pytest.raises(Aborted):
        bench.run(request(CODE, max_tokens=24, draft=draft))
    rig.spy.before = lambda: None
    rig.check()
    again = bench.run(request(CODE, max_tokens=24, draft=draft))
    assert texts(again.candidates) == texts(plain.candidates)
    assert again.counters.evaluated == 1
    rig.check()


def test_who_is_closed_in_the_middle_leaves_the_cache_right(rig: Rig) -> None:
    bench = Bench(rig)
    text = bench.run(request(CODE, max_tokens=24), guesses=False).candidates[0].text
    for steps in range(1, 8):
        generation = bench.start(request(CODE, max_tokens=24, draft=text[: steps * 3] + "return x")).steps()
        for _ in range(steps):
            next(generation, None)
        generation.close()
        rig.check()


def test_a_listener_that_fails_in_the_middle_leaves_the_cache_right(rig: Rig) -> None:
    script = scripted(rig, CODE, MANY)
    bench = Bench(rig, evaluator=script)
    heard: list[str] = []

    def emit(text: str) -> None:
        heard.append(text)
        if len(heard) == 4:
            raise LookupError("a listener's own mistake")

    try:
        with pytest.raises(LookupError):
            bench.run(request(CODE, max_tokens=60, draft=MANY), emit)
        rig.check()
        assert bench.run(request(CODE, max_tokens=60, draft=MANY)).candidates[0].text == MANY
    finally:
        script.close()


# ---- what is guessed, and whether ------------------------------------------------------------------------------------


def test_the_expected_text_is_guessed_first_and_then_the_prompt() -> None:
    drafter = Drafter([1, 2, 3, 4, 5], [7, 8, 9, 1, 2, 6, 6, 7, 8], trusting())
    assert drafter.propose([1], FREE) == [2, 3, 4]
    assert drafter.propose([1, 2], FREE) == [3, 4, 5]
    assert drafter.propose([9], FREE) == [1, 2, 6], "three that agree in the prompt: 7 8 9"
    assert drafter.propose([5], FREE) == []
    assert drafter.propose([11, 12, 13], FREE) == []


def test_the_newest_place_counts() -> None:
    drafter = Drafter([], [1, 2, 3, 10, 11, 12, 1, 2, 3, 20, 21, 22, 0], trusting())
    assert drafter.propose([1, 2, 3], FREE) == [20, 21, 22]


def test_guesses_are_judged_without_being_tried() -> None:
    for written, right in (([2, 3, 4, 5], True), ([9, 9, 9, 9], False)):
        records = Records()
        drafter = Drafter([1, 2, 3, 4, 5], [], records)
        before = records.expected.share
        tokens = [1]
        for token in written:
            assert drafter.propose(tokens, DEAR) == []
            drafter.judge(token)
            tokens.append(token)
        assert (records.expected.share > before) is right
        assert records.context.share == Records().context.share


def test_a_guess_is_judged_up_to_its_first_mistake() -> None:
    records = Records()
    drafter = Drafter([1, 2, 3, 4, 5], [], records)
    drafter.propose([1], FREE)
    drafter.judge(9)
    share = records.expected.share
    drafter.judge(3)
    assert records.expected.share == share
    Drafter([], [], records).judge(1)
    assert records.expected.share == share


def test_sizes_that_are_refuted_are_not_proposed() -> None:
    proofs = Proofs()
    records = Records(proofs)
    drafter = Drafter(range(1, 30), [], records)
    lengths = []
    for _ in range(len(SIZES) + 1):
        guess = drafter.propose([1], FREE, sizes=records.sizes(lambda _: HERE, tries=True))
        lengths.append(len(guess))
        proofs.note(len(guess) + 1, HERE, same=False)
    assert lengths == [*SIZES, 0]


def test_sizes_that_nothing_is_known_of_are_for_those_who_try_them() -> None:
    proofs = Proofs()
    records = Records(proofs)
    proofs.note(4, HERE, same=True)
    proofs.note(3, THERE, same=True)
    proofs.note(2, HERE, same=False)
    assert records.sizes(lambda _: HERE, tries=True) == [15, 7, 3, 2]
    assert records.sizes(lambda _: HERE, tries=False) == [3]
    assert records.sizes(lambda rows: HERE if rows > 3 else THERE, tries=False) == [3, 2]
    assert Records().sizes(lambda _: HERE, tries=False) == list(SIZES), "any"


def measured(**seconds: float) -> Pace:
    pace = Pace()
    for name, value in seconds.items():
        pace.took(int(name[1:]), value)
    return pace


@pytest.mark.parametrize(
    ("share", "length", "pace", "expected"),
    [
        pytest.param(0.9, 15, measured(_1=0.04, _4=0.05, _8=0.06, _16=0.08), 15, id="batches are nearly free"),
        pytest.param(0.9, 15, measured(_1=0.04, _4=0.05, _8=0.06, _16=0.5), 7, id="but long ones are not"),
        pytest.param(0.5, 15, measured(_1=0.04, _4=0.05, _8=0.09, _16=0.2), 3, id="half are right"),
        pytest.param(0.9, 15, measured(_1=0.04, _4=0.16, _8=0.32, _16=0.64), 0, id="each token costs the same"),
        pytest.param(0.05, 15, measured(_1=0.04, _4=0.05, _8=0.06, _16=0.08), 0, id="nearly all are wrong"),
        pytest.param(0.9, 2, measured(_1=0.04, _4=0.05), 2, id="as cheap as the next block"),
        pytest.param(0.9, 2, measured(_1=0.04, _3=0.1, _4=0.05), 0, id="three are dearer than four"),
        pytest.param(0.9, 0, measured(_1=0.04, _4=0.05), 0, id="none are of use"),
        pytest.param(0.9, 5, measured(_1=0.04, _4=0.05, _8=0.05), 3, id="a short one"),
        pytest.param(0.9, 15, measured(_4=0.05, _8=0.06), 0, id="one was never measured"),
        pytest.param(0.9, 15, measured(_1=0.04), 0, id="batches were never measured"),
        pytest.param(0.9, 15, measured(_1=0.04, _8=0.06), 7, id="only one size was measured"),
        pytest.param(1.0, 15, measured(_1=0.04, _4=0.16 / GAIN * 1.01), 0, id="it gains too little"),
        pytest.param(1.0, 15, measured(_1=0.04, _4=0.16 / GAIN * 0.99), 3, id="it gains just enough"),
    ],
)
def test_a_guess_must_pay(share: float, length: int, pace: Pace, expected: int) -> None:
    assert worthwhile(share, length, pace) == expected
