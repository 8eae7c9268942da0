"""The worker: every request gets exactly one reply, and who goes first is decided between two tokens."""

from __future__ import annotations

import contextlib
import gc
import random
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from pathlib import Path

import pytest
from rig import SETTINGS, Spy, request, texts

from tabby_lsp.config import EngineSettings
from tabby_lsp.engine.llama import residence, worker
from tabby_lsp.engine.llama.evaluate import Row
from tabby_lsp.engine.llama.model import LoadedModel
from tabby_lsp.engine.llama.residence import Load, loader
from tabby_lsp.engine.llama.sampling import Logits
from tabby_lsp.engine.llama.vocabulary import Vocabulary
from tabby_lsp.engine.llama.worker import LlamaEngine
from tabby_lsp.engine.types import Cancelled, Marker, ModelInfo, Priority, Prompt, Result, Ticket
from tabby_lsp.errors import EngineError, EngineFault, ModelUnusable, PromptTooLong

PATIENCE_S = 30
"""The longest that any test waits for the worker; a healthy one answers in milliseconds."""

TEXT = "class name:\n    def add(self, a, b):\n        return a + b\n\n    def sub(self, a, b):\n        return a - b\n"


class Hooked(Spy):
    """An evaluator whose `hook` runs on the worker thread before each evaluation."""

    hook: Callable[[Sequence[Row]], None] = staticmethod(lambda _: None)

    def run(self, rows: Sequence[Row]) -> None:
        type(self).hook(rows)
        super().run(rows)


class Writer(Hooked):
    """Writes an `x` after anything, so that each token is a piece of text."""

    def logits(self, row: int) -> Logits:
        found = super().logits(row)
        found[self.model.vocabulary.encode("x")[0]] = 100.0
        return found


class Gate:
    """A place on the worker thread where a test can hold it."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def pass_through(self, *_: object) -> None:
        self.reached.set()
        assert self.opened.wait(PATIENCE_S)

    def open_(self) -> None:
        self.opened.set()

    def await_(self) -> None:
        assert self.reached.wait(PATIENCE_S)


Make = Callable[..., LlamaEngine]


@pytest.fixture
def make(tiny: Path) -> Iterator[Make]:
    """Engines with the tiny model, closed after the test."""
    made: list[LlamaEngine] = []

    def engine(
        *, load: Load | None = None, settings: EngineSettings = SETTINGS, on_unload: Callable[[], None] | None = None
    ) -> LlamaEngine:
        made.append(LlamaEngine(load or loader(tiny, settings, extra_buffers=True), settings, on_unload))
        return made[-1]

    yield engine
    for one in made:
        one.close()
        one._thread.join(PATIENCE_S)
        assert not one._thread.is_alive()


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> type[Hooked]:
    """Engines made in this test have a hook before each evaluation."""

    class Mine(Hooked):
        pass

    monkeypatch.setattr(residence, "Evaluator", Mine)
    return Mine


@pytest.fixture
def writing(monkeypatch: pytest.MonkeyPatch) -> type[Hooked]:
    """Engines made in this test write `xxx`, and have a hook before each evaluation."""

    class Mine(Writer):
        pass

    monkeypatch.setattr(residence, "Evaluator", Mine)
    return Mine


def done(ticket: Ticket) -> Result:
    return ticket.future.result(PATIENCE_S)


def ended(ticket: Ticket) -> bool:
    """Whether it was cancelled; waits for its reply."""
    return isinstance(ticket.future.exception(PATIENCE_S), Cancelled)


def text_of(ticket: Ticket) -> str:
    return done(ticket).candidates[0].text


# ---- exactly one reply -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_each_request_of_a_storm_gets_one_reply(make: Make, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    replies: Counter[int] = Counter()
    settle = worker.settle

    def count(future: Future[object], outcome: object) -> None:
        replies[id(future)] += 1
        settle(future, outcome)

    monkeypatch.setattr(worker, "settle", count)
    engine = make(settings=replace(SETTINGS, context=256))
    alone = done(engine.submit(request(TEXT)))
    replies.clear()
    tickets: list[list[Ticket]] = [[] for _ in range(4)]

    def storm(nth: int) -> None:
        chance = random.Random(seed * 10 + nth)
        for _ in range(50):
            text = TEXT[: chance.randrange(1, len(TEXT))]
            asked = request(
                text,
                key=chance.choice("abcdef"),
                heal=chance.randrange(4),
                candidates=chance.choice([1, 1, 3]),
                max_tokens=chance.randrange(1, 8),
                priority=chance.choice(list(Priority)),
            )
            tickets[nth].append(engine.submit(asked))
            if chance.random() < 0.3:
                chance.choice(tickets[nth]).cancel()
            if chance.random() < 0.05:
                chance.choice(tickets[nth]).future.cancel()  # who waited has gone away
            if chance.random() < 0.2:
                wait([chance.choice(tickets[nth]).future], PATIENCE_S)

    threads = [threading.Thread(target=storm, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    futures = [ticket.future for some in tickets for ticket in some]
    assert len(futures) == 200
    assert not wait(futures, PATIENCE_S).not_done
    kept = [future for future in futures if not future.cancelled()]
    # a reply may be counted a moment after the future is done: the next one comes after it
    assert done(engine.submit(request(TEXT))).candidates[0].text == alone.candidates[0].text
    assert set(replies.values()) == {1}
    assert len(replies) == 201
    outcomes = Counter(type(future.exception() or future.result()) for future in kept)
    assert set(outcomes) <= {Result, Cancelled}
    assert outcomes[Result] >= 1, "the newest of each key at least, unless it was cancelled"
    assert not engine.busy
    home = engine._home
    assert home
    for slot in home.kv.slots:
        assert slot.held == 0
        assert home.model.lib.llama_memory_seq_pos_max(home.model.memory, slot.sequence) == len(slot.tokens) - 1


def test_the_newest_of_a_key_wins(make: Make, writing: type[Hooked]) -> None:
    engine, gate = make(), Gate()
    first = engine.submit(request(TEXT), gate.pass_through)
    other = engine.submit(request("y", key="b"))
    gate.await_()
    queued = engine.submit(request(TEXT))
    newest = engine.submit(request(TEXT))
    assert first.cancelled
    assert queued.cancelled
    gate.open_()
    assert ended(first)
    assert ended(queued)
    assert text_of(newest) == text_of(other) == "x" * 8


def test_a_ticket_may_be_cancelled_at_any_time_and_twice(make: Make, writing: type[Hooked]) -> None:
    engine, gate = make(), Gate()
    running = engine.submit(request(TEXT), gate.pass_through)
    gate.await_()
    waiting = engine.submit(request("y", key="b"))
    for _ in range(2):
        waiting.cancel()
        running.cancel()
    gate.open_()
    assert ended(running)
    assert ended(waiting)
    last = engine.submit(request("z"))
    assert text_of(last) == "x" * 8
    last.cancel()
    assert done(last).candidates
    assert text_of(engine.submit(request("z"))) == "x" * 8


def test_a_reply_says_what_it_cost(make: Make) -> None:
    ticket = make().submit(request(TEXT, candidates=2))
    result = done(ticket)
    assert set(result.timings) == {"queue", "prefill", "decode", "inside"}
    assert ticket.evaluated == result.counters.evaluated == result.counters.prompt


# ---- who goes first ----------------------------------------------------------------------------------------------


def test_priorities_overtake_between_two_tokens(make: Make, writing: type[Hooked]) -> None:
    engine, gate, events = make(), Gate(), list[str]()

    def chat(_: str) -> None:
        events.append("chat")
        if len(events) == 2:
            gate.pass_through()

    tickets = [engine.submit(request(TEXT, key="chat", max_tokens=4, priority=Priority.CHAT), chat)]
    gate.await_()
    for name, priority in (("idle", Priority.IDLE), ("completion", Priority.COMPLETION)):
        asked = request("y", key=name, max_tokens=3, priority=priority)
        tickets.append(engine.submit(asked, lambda _, name=name: events.append(name)))
    gate.open_()
    assert [text_of(ticket) for ticket in tickets] == ["xxxx", "xxx", "xxx"]
    assert events == ["chat"] * 2 + ["completion"] * 3 + ["chat"] * 2 + ["idle"] * 3


def test_among_equals_the_newer_goes_first(make: Make, writing: type[Hooked]) -> None:
    engine, gate, events = make(), Gate(), list[str]()
    first = engine.submit(request("a", max_tokens=1), gate.pass_through)
    gate.await_()
    tickets = [
        engine.submit(request(key, key=key, max_tokens=2), lambda _, key=key: events.append(key)) for key in "bcd"
    ]
    gate.open_()
    for ticket in (first, *tickets):
        done(ticket)
    assert events == ["d", "d", "c", "c", "b", "b"]


@pytest.mark.parametrize("moment", range(6))
def test_being_overtaken_changes_nothing(make: Make, hooked: type[Hooked], moment: int) -> None:
    """Whichever evaluation another request arrives in: the overtaken one reads its own logits."""
    engine = make()
    asked = request(TEXT + TEXT + "    retu", key="chat", heal=3, candidates=2, max_tokens=4, priority=Priority.CHAT)
    alone = done(engine.submit(asked))
    home = engine._home
    assert home
    home.kv.clear()
    count, overtaking = 0, list[Ticket]()

    def hook(_: Sequence[Row]) -> None:
        nonlocal count
        count += 1
        if count == moment + 1:
            overtaking.append(engine.submit(request("import data as x\n" * 3, key="b", max_tokens=3)))

    hooked.hook = staticmethod(hook)
    overtaken = done(engine.submit(asked))
    assert count > moment, "it was still under way"
    assert done(overtaking[0]).counters.generated <= 3
    assert texts(overtaken.candidates) == texts(alone.candidates)
    for mine, its in zip(overtaken.candidates, alone.candidates, strict=True):
        assert mine.logprobs == pytest.approx(its.logprobs, abs=0.1)
    assert overtaken.counters == alone.counters


def test_whoever_does_not_fit_beside_what_is_under_way_waits(make: Make, writing: type[Hooked]) -> None:
    engine, gate, events = make(settings=replace(SETTINGS, context=256)), Gate(), list[str]()

    def chat(_: str) -> None:
        gate.pass_through()
        events.append("chat")

    long = engine.submit(request("y", key="chat", max_tokens=200, priority=Priority.CHAT), chat)
    gate.await_()
    big = engine.submit(request("z" * 90, key="big", max_tokens=1), lambda _: events.append("big"))
    small = engine.submit(request("z", key="small", max_tokens=1), lambda _: events.append("small"))
    gate.open_()
    assert [len(text_of(ticket)) for ticket in (long, big, small)] == [200, 1, 1]
    assert events == ["chat", "small", *["chat"] * 199, "big"]


def test_more_under_way_than_there_are_sequences(make: Make, writing: type[Hooked]) -> None:
    """Each one overtakes the last; those without a sequence wait for one, and all are answered."""
    engine = make()
    tickets: list[Ticket] = []

    def overtake(_: str) -> None:
        if len(tickets) < 9:
            key = str(len(tickets))
            tickets.append(engine.submit(request(key, key=key, max_tokens=3), overtake))

    tickets.append(engine.submit(request("0", key="0", max_tokens=3), overtake))
    assert text_of(tickets[0]) == "xxx"
    assert len(tickets) == 9
    assert [text_of(ticket) for ticket in tickets] == ["xxx"] * 9


def test_one_that_waits_can_be_cancelled(make: Make, writing: type[Hooked]) -> None:
    engine, gate = make(settings=replace(SETTINGS, context=256)), Gate()
    tickets: list[Ticket] = []

    def chat(text: str) -> None:
        if not tickets:
            tickets.append(engine.submit(request("z" * 90, key="big", max_tokens=1)))
        elif not gate.reached.is_set():
            gate.pass_through()

    long = engine.submit(request("y", key="chat", max_tokens=200, priority=Priority.CHAT), chat)
    gate.await_()
    tickets[0].cancel()
    gate.open_()
    assert ended(tickets[0])
    assert len(text_of(long)) == 200


# ---- cancelling --------------------------------------------------------------------------------------------------


def test_cancelling_while_a_prompt_is_read_keeps_what_was_read(make: Make, hooked: type[Hooked]) -> None:
    """The abort flag ends the evaluation that is under way; the slices before it are used again."""
    engine = make()
    tickets: list[Ticket] = []
    runs: list[int] = []

    def hook(rows: Sequence[Row]) -> None:
        runs.append(len(rows))
        if len(runs) == 3:
            tickets[0].cancel()

    engine.ready().result(PATIENCE_S)
    text = "x = 1\n" * 60
    alone = done(make().submit(request(text, key="b")))
    with engine._wake:  # the worker must not begin before the ticket is here
        hooked.hook = staticmethod(hook)
        tickets.append(engine.submit(request(text)))
    assert ended(tickets[0])
    assert runs == [64, 64, 64]
    assert tickets[0].evaluated == 128
    again = done(engine.submit(request(text)))
    assert again.counters.reused == 128
    assert again.counters.evaluated == again.counters.prompt - 128
    assert texts(again.candidates) == texts(alone.candidates)


@pytest.mark.parametrize("moment", [1, 2, 4])
def test_cancelling_while_text_is_written_keeps_what_was_written(make: Make, hooked: type[Hooked], moment: int) -> None:
    engine = make()
    alone = done(engine.submit(request(TEXT, candidates=2)))
    home = engine._home
    assert home
    home.kv.clear()
    tickets: list[Ticket] = []
    written = 0

    def hook(rows: Sequence[Row]) -> None:
        nonlocal written
        written += len(rows) == 2
        if written == moment:
            tickets[0].cancel()

    with engine._wake:
        hooked.hook = staticmethod(hook)
        tickets.append(engine.submit(request(TEXT, candidates=2)))
    assert ended(tickets[0])
    written = -100
    again = done(engine.submit(request(TEXT, candidates=2)))
    assert again.counters.evaluated == 1
    assert texts(again.candidates) == texts(alone.candidates)


def test_cancelling_one_does_not_abort_another(make: Make, writing: type[Hooked]) -> None:
    engine, gate, overtaken = make(), Gate(), list[Ticket]()

    def hook(rows: Sequence[Row]) -> None:
        if rows[0].sequence == 1:  # the one that overtakes
            overtaken[0].cancel()

    first = engine.submit(request(TEXT, key="chat", priority=Priority.CHAT), gate.pass_through)
    overtaken.append(first)
    gate.await_()
    writing.hook = staticmethod(hook)
    second = engine.submit(request("y", key="b"))
    gate.open_()
    assert text_of(second) == "x" * 8
    assert ended(first)


def test_cancelling_from_another_thread_at_any_moment(make: Make) -> None:
    engine = make()
    text = "x = 1\n" * 60
    expected = text_of(engine.submit(request(text)))
    for n in range(30):
        ticket = engine.submit(request(str(n) + text, key="b"))
        threading.Timer(n / 3000, ticket.cancel).start()
        with contextlib.suppress(Cancelled):
            done(ticket)
    assert text_of(engine.submit(request(text, key="b"))) == expected
    assert done(engine.submit(request(text, key="b"))).counters.evaluated == 1


# ---- loading and unloading ---------------------------------------------------------------------------------------


class Loads:
    """A `Load` that counts, and fails where a failure is left in `failures`."""

    def __init__(self, path: Path, *failures: Exception) -> None:
        self.failures, self.count = list(failures), 0
        self.last: LoadedModel | None = None
        self._load = loader(path, SETTINGS, extra_buffers=True)

    def __call__(self) -> LoadedModel:
        self.count += 1
        if self.failures:
            raise self.failures.pop(0)
        self.last = self._load()
        return self.last


def test_the_model_is_loaded_on_demand_and_once(make: Make, tiny: Path) -> None:
    load = Loads(tiny)
    engine = make(load=load)
    assert not engine.loaded
    with pytest.raises(EngineError, match="No model is loaded"):
        _ = engine.tokenizer
    with pytest.raises(EngineError, match="No model is loaded"):
        _ = engine.info
    infos = [engine.ready().result(PATIENCE_S) for _ in range(2)]
    done(engine.submit(request("x")))
    assert load.count == 1
    assert engine.loaded
    assert infos[0] is infos[1] is engine.info
    assert isinstance(infos[0], ModelInfo)
    assert infos[0].markers["prefix"] == "<|fim_prefix|>"
    assert (infos[0].context, infos[0].trained_context, infos[0].can_shift) == (512, 512, True)
    assert engine.tokenizer.count("return self") == 2


def test_an_idle_model_leaves_memory_and_comes_back(make: Make, tiny: Path) -> None:
    load, unloaded = Loads(tiny), threading.Semaphore(0)
    engine = make(load=load, settings=replace(SETTINGS, idle_unload_s=1), on_unload=unloaded.release)
    first = text_of(engine.submit(request(TEXT)))
    assert load.last
    tokenizer = load.last.vocabulary
    assert unloaded.acquire(timeout=PATIENCE_S)
    assert not engine.loaded
    with pytest.raises(EngineError):
        _ = engine.tokenizer
    with pytest.raises(EngineFault, match="unloaded"):
        tokenizer.encode("return")
    with pytest.raises(EngineFault, match="unloaded"):
        tokenizer.count("never counted before")
    with pytest.raises(EngineFault, match="unloaded"):
        tokenizer.has_marker("<|never asked before|>")
    again = done(engine.submit(request(TEXT)))
    assert load.count == 2
    assert again.counters.reused == 0
    assert again.candidates[0].text == first
    assert unloaded.acquire(timeout=PATIENCE_S)
    assert engine.ready().result(PATIENCE_S).context == 512
    assert load.count == 3


def test_an_unloaded_vocabulary_is_forgotten(make: Make) -> None:
    """A cache that outlives its model would keep every vocabulary that was ever loaded."""
    engine = make()
    engine.ready().result(PATIENCE_S)
    engine.tokenizer.has_marker("<|fim_prefix|>")
    engine.tokenizer.count("x")
    watched = weakref.ref(engine.tokenizer)
    engine.close()
    engine._thread.join(PATIENCE_S)
    gc.collect()
    assert watched() is None


def test_a_listener_for_unloading_may_fail(make: Make, tiny: Path) -> None:
    load, called = Loads(tiny), threading.Event()

    def on_unload() -> None:
        called.set()
        raise LookupError("a listener's own mistake")

    engine = make(load=load, settings=replace(SETTINGS, idle_unload_s=1), on_unload=on_unload)
    engine.ready().result(PATIENCE_S)
    assert called.wait(PATIENCE_S)
    assert done(engine.submit(request("x"))).candidates
    assert load.count == 2


def test_a_failure_to_load_is_told_to_everybody_and_a_later_load_works(make: Make, tiny: Path) -> None:
    gate = Gate()
    load = Loads(tiny, ModelUnusable("It is broken.", "Mend it."))

    def slow() -> LoadedModel:
        gate.pass_through()
        return load()

    engine = make(load=slow)
    futures: list[Future[ModelInfo] | Future[Result]] = [engine.ready()]
    gate.await_()
    futures += [engine.submit(request("x", key=key)).future for key in "abc"]
    futures.append(engine.ready())
    gate.open_()
    for future in futures:
        with pytest.raises(ModelUnusable, match="Mend it"):
            future.result(PATIENCE_S)
    assert not engine.loaded
    assert done(engine.submit(request("x"))).candidates
    assert load.count == 2


def test_any_failure_to_load_is_an_error_of_ours(make: Make, tiny: Path) -> None:
    engine = make(load=Loads(tiny, RuntimeError("no such driver")))
    with pytest.raises(EngineFault, match="no such driver"):
        done(engine.submit(request("x")))
    assert done(engine.submit(request("x"))).candidates


@pytest.mark.parametrize("name", ["short", "unknown", "text", "missing"])
def test_a_bad_file_does_not_end_the_worker(make: Make, models: Path, name: str) -> None:
    engine = make(load=loader(models / f"{name}.gguf", SETTINGS, extra_buffers=True))
    for _ in range(2):
        with pytest.raises(ModelUnusable, match=name):
            engine.ready().result(PATIENCE_S)


def test_tokenizing_while_the_model_goes_is_safe(tiny: Path) -> None:
    for _ in range(10):
        model = LoadedModel(tiny, SETTINGS, extra_buffers=True)
        counted = threading.Event()
        outcome: list[Exception] = []

        def count(vocabulary: Vocabulary, counted: threading.Event, outcome: list[Exception]) -> None:
            try:
                for n in range(10**7):
                    vocabulary.encode(f"return {n}")
                    vocabulary.has_marker(f"<|{n}|>")
                    counted.set()
            except EngineFault as error:
                outcome.append(error)

        thread = threading.Thread(target=count, args=(model.vocabulary, counted, outcome))
        thread.start()
        assert counted.wait(PATIENCE_S)
        model.close()
        thread.join(PATIENCE_S)
        assert len(outcome) == 1


# ---- closing -----------------------------------------------------------------------------------------------------


def close_while_held(engine: LlamaEngine, gate: Gate) -> None:
    """Close an engine whose thread stands at a gate, and open it once the closing has been noticed."""
    closing = threading.Thread(target=engine.close)
    closing.start()
    closed = engine.ready()
    while not closed.done() or closed.exception() is None:
        assert closing.is_alive()
        closed = engine.ready()
    gate.open_()
    closing.join(PATIENCE_S)
    assert not closing.is_alive()


def test_closing_while_text_is_written(make: Make, writing: type[Hooked]) -> None:
    """What is under way is cancelled, its copies with it, before the model's memory is freed."""
    for candidates in (1, 3):
        engine, gate = make(), Gate()
        running = engine.submit(request(TEXT, max_tokens=100, candidates=candidates), gate.pass_through)
        gate.await_()
        overtaken = engine.submit(request(TEXT, key="b", candidates=candidates, priority=Priority.CHAT))
        close_while_held(engine, gate)
        assert ended(running)
        assert ended(overtaken)
        engine._thread.join(PATIENCE_S)
        assert not engine._thread.is_alive()
        assert not engine.loaded
        gc.collect()


def test_closing_while_others_were_overtaken(make: Make, writing: type[Hooked]) -> None:
    engine, gate = make(), Gate()
    tickets: list[Ticket] = []

    def overtake(_: str) -> None:
        if len(tickets) < 3:
            key = str(len(tickets))
            tickets.append(engine.submit(request(key, key=key, max_tokens=50, candidates=3), overtake))
        else:
            gate.pass_through()

    tickets.append(engine.submit(request("0", key="0", max_tokens=50, candidates=3), overtake))
    gate.await_()
    close_while_held(engine, gate)
    assert [ended(ticket) for ticket in tickets] == [True] * 3
    engine._thread.join(PATIENCE_S)
    gc.collect()


def test_a_closed_engine_answers_at_once(make: Make) -> None:
    engine = make()
    done(engine.submit(request("x")))
    engine.close()
    engine.close()
    assert ended(engine.submit(request("x")))
    with pytest.raises(Cancelled):
        engine.ready().result(PATIENCE_S)


def test_an_engine_may_be_closed_on_its_own_thread(make: Make, writing: type[Hooked]) -> None:
    engine = make()
    assert ended(engine.submit(request("y"), lambda _: engine.close()))
    engine._thread.join(PATIENCE_S)
    assert not engine._thread.is_alive()


def test_closing_before_anything_is_loaded(make: Make, tiny: Path) -> None:
    load = Loads(tiny)
    engine = make(load=load)
    engine.close()
    engine._thread.join(PATIENCE_S)
    assert load.count == 0


# ---- faults ------------------------------------------------------------------------------------------------------


def test_a_listener_that_fails_ends_only_its_own_request(make: Make, writing: type[Hooked]) -> None:
    def emit(_: str) -> None:
        raise LookupError("a listener's own mistake")

    engine = make()
    with pytest.raises(EngineFault, match="own mistake"):
        done(engine.submit(request("y", candidates=2), emit))
    assert text_of(engine.submit(request("y"))) == "x" * 8


def test_a_stop_rule_that_fails_ends_only_its_own_request(make: Make, writing: type[Hooked]) -> None:
    """Another one that it overtook goes on, and the cache is kept."""

    def stop(text: str) -> int | None:
        raise LookupError("a stop rule's own mistake")

    engine, gate = make(), Gate()
    chat = engine.submit(request(TEXT, key="chat", candidates=2, priority=Priority.CHAT), gate.pass_through)
    gate.await_()
    failing = engine.submit(request("y", key="b", stop=stop, candidates=2))
    gate.open_()
    with pytest.raises(EngineFault, match="own mistake"):
        done(failing)
    assert texts(done(chat).candidates)[0] == "x" * 8
    assert done(engine.submit(request(TEXT, key="chat"))).counters.evaluated == 1


def test_a_prompt_that_is_too_long_ends_only_itself(make: Make) -> None:
    engine = make()
    done(engine.submit(request(TEXT)))
    with pytest.raises(PromptTooLong):
        done(engine.submit(request("x\n" * 400, key="b")))
    unknown = replace(request(""), prompt=Prompt((Marker("<|nothing|>"),)), key="b")
    with pytest.raises(EngineError, match="nothing"):
        done(engine.submit(unknown))
    assert done(engine.submit(request(TEXT))).counters.evaluated == 1


def test_a_fault_of_the_library_forgets_the_cache_and_ends_all_that_stood_on_it(
    make: Make, writing: type[Hooked]
) -> None:
    engine, gate = make(), Gate()
    chat = engine.submit(request(TEXT, key="chat", candidates=2, priority=Priority.CHAT), gate.pass_through)
    waiting = engine.submit(request(TEXT, key="idle", priority=Priority.IDLE))
    gate.await_()

    def hook(_: Sequence[Row]) -> None:
        writing.hook = staticmethod(lambda _: None)
        raise EngineFault("llama.cpp could not evaluate.", "See the log.")

    writing.hook = staticmethod(hook)
    failing = engine.submit(request("y", key="b"))
    gate.open_()
    for ticket in (failing, chat):
        with pytest.raises(EngineFault, match="could not evaluate"):
            done(ticket)
    assert text_of(waiting) == "x" * 8
    again = done(engine.submit(request(TEXT, key="chat", candidates=9)))
    assert len(again.candidates) == 9


def test_a_thread_that_died_answers_all_the_same(make: Make) -> None:
    """Nobody waits for a worker that is gone."""

    class Gone(BaseException):
        pass

    def load() -> LoadedModel:
        raise Gone

    threading.excepthook, kept = (lambda _: None), threading.excepthook
    try:
        engine = make(load=load)
        assert ended(engine.submit(request("x")))
        engine._thread.join(PATIENCE_S)
    finally:
        threading.excepthook = kept
    assert ended(engine.submit(request("x")))
    with pytest.raises(Cancelled):
        engine.ready().result(PATIENCE_S)
