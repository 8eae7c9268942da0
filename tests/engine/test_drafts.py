"""Guesses change how many evaluations a text takes, and nothing of the text or of what the cache holds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from rig import TOLERANCE, Naive, Rig, Script, finish, request, texts

from tabby_lsp.engine.llama.drafts import GAIN, SIZES, Drafter, Records, worthwhile
from tabby_lsp.engine.llama.evaluate import Aborted, Evaluator
from tabby_lsp.engine.llama.generate import Generation
from tabby_lsp.engine.llama.kv import Slot
from tabby_lsp.engine.llama.pace import Pace
from tabby_lsp.engine.llama.writing import Emit
from tabby_lsp.engine.types import Finish, Request, Result, Ticket, Totals

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
        pytest.param(0.9, 2, measured(_1=0.04, _4=0.05), 0, id="too short"),
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
