"""Chat beside completion on one engine: who goes first, whose cells, and what is counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rig import SETTINGS, Spy, request
from tiny import CONTEXT as TRAINED

from tabby_lsp.config import CompletionSettings, ContextSettings, Settings
from tabby_lsp.engine.chat.local import AT_ONCE, BESIDE, LocalChat, left_to_completion, needed_beside
from tabby_lsp.engine.chat.types import Conversation, Message
from tabby_lsp.engine.llama import residence
from tabby_lsp.engine.llama.evaluate import Row
from tabby_lsp.engine.llama.generate import SLICE
from tabby_lsp.engine.llama.kv import GUESTS
from tabby_lsp.engine.llama.residence import loader
from tabby_lsp.engine.llama.sampling import Logits
from tabby_lsp.engine.llama.worker import LlamaEngine
from tabby_lsp.engine.types import Cancelled, Finish, Result, Ticket
from tabby_lsp.errors import PromptTooLong

PATIENCE_S = 30
CELLS = 768
"""In which two of these completions and a chat fit."""
LONG = "x = 1\n" * 40
"""More than two slices."""
SMALL = Settings(
    completion=CompletionSettings(prefix_tokens=8, suffix_tokens=0, max_tokens=4, candidates=1),
    context=ContextSettings(enabled=False),
)

Hook = Callable[[Sequence[Row]], None]


class Hooked(Spy):
    """An evaluator whose `hook` runs on the worker thread before each evaluation; it writes `text` again and again.

    Attributes:
        text: what it wants to write; one token each character.
        batches: key of the sequence and number of tokens of each evaluation, in order.
    """

    hook: Hook = staticmethod(lambda _: None)
    text = "x"
    batches: list[int]

    def run(self, rows: Sequence[Row]) -> None:
        type(self).hook(rows)
        super().run(rows)

    def logits(self, row: int) -> Logits:
        found = super().logits(row)
        at = self.runs[-1][row].position
        found[self.model.vocabulary.encode(self.text[at % len(self.text)])[0]] = 100.0
        return found


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> type[Hooked]:
    class Mine(Hooked):
        pass

    monkeypatch.setattr(residence, "Evaluator", Mine)
    return Mine


Open = Callable[..., tuple[LlamaEngine, LocalChat]]


@pytest.fixture
def open_(tiny: Path, hooked: type[Hooked]) -> Iterator[Open]:
    """An engine and the chat on it; closed after the test."""
    made: list[LlamaEngine] = []

    def engine(settings: Settings = SMALL, *, alone: bool = False, **more: Any) -> tuple[LlamaEngine, LocalChat]:
        chosen = replace(SETTINGS, drafts="off", **more)
        made.append(LlamaEngine(loader(tiny, chosen, extra_buffers=True), chosen))
        return made[-1], LocalChat(made[-1], "tiny", settings, alone=alone)

    yield engine
    for one in made:
        one.close()
        one._thread.join(PATIENCE_S)
        assert not one._thread.is_alive()


def say(text: str, *more: str, key: str = "a", max_tokens: int = 8, **how: Any) -> Conversation:
    roles = ("user", "assistant")
    messages = tuple(Message(roles[nth % 2], said) for nth, said in enumerate((text, *more)))
    return Conversation(key=key, messages=messages, max_tokens=max_tokens, **how)


def done(ticket: Ticket) -> Result:
    return ticket.future.result(PATIENCE_S)


def ended(ticket: Ticket) -> bool:
    return isinstance(ticket.future.exception(PATIENCE_S), Cancelled)


class Nth:
    """Acts on the worker thread as the nth evaluation begins, and notes how many tokens each has."""

    def __init__(self, nth: int, act: Callable[[], object]) -> None:
        self._nth, self._act = nth, act
        self.sizes: list[tuple[int, int]] = []

    def __call__(self, rows: Sequence[Row]) -> None:
        self.sizes.append((rows[0].sequence, len(rows)))
        if len(self.sizes) == self._nth:
            self._act()


# ---- answers ---------------------------------------------------------------------------------------------------------


def test_an_answer_streams_and_is_what_the_result_says(open_: Open) -> None:
    _, chat = open_()
    heard: list[str] = []
    result = done(chat.ask(say("hello"), heard.append))
    assert result.candidates[0].text == "".join(heard) == "x" * 8
    assert result.candidates[0].finish is Finish.LENGTH
    assert len(heard) == 8


def test_pieces_are_whole_characters(open_: Open, hooked: type[Hooked]) -> None:
    hooked.text = "é"
    _, chat = open_()
    heard: list[str] = []
    text = done(chat.ask(say("hello", max_tokens=6), heard.append)).candidates[0].text
    assert "".join(heard) == text
    assert all("\ufffd" not in piece for piece in heard)


@pytest.mark.parametrize(
    ("writes", "stop", "expected"),
    [
        ("abcd", ("cd",), "ab"),
        ("abcd", ("da", "zz"), "abc"),
        ("abcd", ("cdx", "dab"), "abc"),
        ("abcd", ("a",), ""),
        ("abcd", ("cdx",), "abcdabcdabcd"),
        ("aab", ("ab",), "a"),
    ],
)
def test_nothing_of_a_stop_text_is_passed_on(
    open_: Open, hooked: type[Hooked], writes: str, stop: tuple[str, ...], expected: str
) -> None:
    hooked.text = writes
    _, chat = open_()
    begin = chat._form.prompt(say("u").messages)
    tokens, _ = chat._engine.tokenizer.encode_pieces(begin.pieces)  # type: ignore[attr-defined]
    shift = (len(tokens) - 1) % len(writes)  # the first token is chosen at the prompt's last position
    hooked.text = writes[-shift:] + writes[:-shift] if shift else writes
    heard: list[str] = []
    result = done(chat.ask(say("u", max_tokens=12, stop=stop), heard.append))
    assert "".join(heard) == result.candidates[0].text == expected
    wanted = Finish.LENGTH if len(expected) == 12 else Finish.RULE
    assert result.candidates[0].finish is wanted


def test_a_cancel_ends_within_one_token(open_: Open, hooked: type[Hooked]) -> None:
    _, chat = open_()
    heard, tickets = list[str](), list[Ticket]()
    ready = threading.Event()

    def on_text(text: str) -> None:
        heard.append(text)
        if len(heard) == 3:
            assert ready.wait(PATIENCE_S)
            tickets[0].cancel()

    tickets.append(chat.ask(say("hello", max_tokens=50), on_text))
    ready.set()
    assert ended(tickets[0])
    assert len(heard) == 3


def test_a_newer_question_with_the_same_key_supersedes_and_another_key_does_not(open_: Open) -> None:
    engine, chat = open_()
    with engine._wake:
        old, other, new = (chat.ask(say("hello", key=key)) for key in "aba")
        document = engine.submit(request("y", key="a"))
    assert ended(old)
    assert all(done(ticket).candidates[0].text == "x" * 8 for ticket in (other, new, document))


def test_a_follow_up_evaluates_what_is_new(open_: Open) -> None:
    _, chat = open_(context=CELLS)
    first = done(chat.ask(say(LONG)))
    answer = first.candidates[0].text
    follow = done(chat.ask(say(LONG, answer, "and?")))
    assert follow.counters.reused == first.counters.prompt + first.counters.generated - 1
    assert follow.counters.evaluated == follow.counters.prompt - follow.counters.reused
    assert follow.counters.evaluated < chat.count("x\n\n### Instruction:\nand?\n\n### Response:\n") + 2


# ---- beside completion -----------------------------------------------------------------------------------------------


def test_a_completion_ends_a_slice_of_the_conversation_which_is_read_again_in_smaller_ones(
    open_: Open, hooked: type[Hooked]
) -> None:
    engine, chat = open_()
    comers: list[Ticket] = []
    nth = Nth(2, lambda: comers.append(engine.submit(request("y", key="b", max_tokens=2))))
    hooked.hook = staticmethod(nth)
    result = done(chat.ask(say(LONG)))
    assert done(comers[0]).candidates[0].text == "xx"
    mine = nth.sizes[0][0]
    reading = [size for sequence, size in nth.sizes if sequence == mine][: -result.counters.generated]
    assert reading[:2] == [SLICE, SLICE], "the second one was given up"
    assert reading[2] == SLICE // 4
    assert sum(reading) - SLICE + 1 == result.counters.evaluated == result.counters.prompt - result.counters.reused
    others = [i for i, (sequence, _) in enumerate(nth.sizes) if sequence != mine]
    assert others == [2, 3], "the completion was served from beginning to end, and at once"


def test_reading_goes_on_beside_completions_without_a_pause(open_: Open, hooked: type[Hooked]) -> None:
    """Each of its evaluations meets a newer completion, and it reads a token at a time at least."""
    engine, chat = open_()
    comers: list[Ticket] = []
    mine: list[int] = []

    def hook(rows: Sequence[Row]) -> None:
        mine.append(rows[0].sequence)
        if rows[0].sequence == mine[0]:
            comers.append(engine.submit(request("y", key="b", max_tokens=1)))

    hooked.hook = staticmethod(hook)
    result = done(chat.ask(say("x = 1\n" * 20, max_tokens=2)))
    assert result.candidates[0].text == "xx"
    assert result.counters.evaluated == result.counters.prompt
    assert [done(ticket).candidates[0].text for ticket in comers] == ["x"] * len(comers)
    assert mine.count(mine[0]) == len(comers)


def test_an_answer_that_was_overtaken_in_reading_is_the_same(open_: Open, hooked: type[Hooked]) -> None:
    engine, chat = open_()
    alone = done(chat.ask(say(LONG, key="alone"))).candidates[0]
    assert engine._home
    engine._home.kv.clear()
    for moment in range(1, 6):
        nth = Nth(moment, lambda: engine.submit(request("import data\n", key="b", max_tokens=2)))
        hooked.hook = staticmethod(nth)
        overtaken = done(chat.ask(say(LONG, key=str(moment)))).candidates[0]
        hooked.hook = staticmethod(lambda _: None)
        assert overtaken.text == alone.text
        assert overtaken.logprobs == pytest.approx(alone.logprobs, abs=0.1)
        engine._home.kv.clear()


def test_guesses_of_an_answer_are_given_up_for_a_completion(open_: Open, hooked: type[Hooked], tiny: Path) -> None:
    chosen = replace(SETTINGS, drafts="any")
    engine = LlamaEngine(loader(tiny, chosen, extra_buffers=True), chosen)
    chat = LocalChat(engine, "tiny", SMALL)
    home = engine._home
    assert home
    for size in (1, 4, 8, 16):
        home.evaluator.pace.took(size, 0.01, size)  # as on a GPU: a batch costs as much as a token
    comers: list[Ticket] = []
    gave_way: list[int] = []

    def hook(rows: Sequence[Row]) -> None:
        home.evaluator.pace.took(len(rows), 0.01, len(rows))
        if len(rows) > 1 and all(row.wanted for row in rows) and not comers:
            gave_way.append(len(rows))
            comers.append(engine.submit(request("y", key="b", max_tokens=1)))

    hooked.hook = staticmethod(hook)
    result = done(chat.ask(say("x" * 40, max_tokens=30)))
    engine.close()
    assert comers, "there were guesses"
    assert done(comers[0]).candidates[0].text == "x"
    assert result.candidates[0].text == "x" * 30


# ---- cells -----------------------------------------------------------------------------------------------------------


def test_what_completion_needs_follows_from_its_settings() -> None:
    settings = Settings()
    asked, context = settings.completion, settings.context
    one = asked.prefix_tokens + asked.suffix_tokens + context.tokens + asked.max_tokens + BESIDE
    assert needed_beside(settings) == AT_ONCE * one + 2 * asked.max_tokens
    without = replace(settings, context=replace(context, enabled=False))
    assert needed_beside(settings) - needed_beside(without) == AT_ONCE * context.tokens


def test_by_default_a_chat_of_3000_tokens_and_its_answer_have_room_beside_completion() -> None:
    settings = Settings()
    assert settings.engine.context - needed_beside(settings) >= 3_000 + settings.actions.max_tokens


@pytest.mark.parametrize(
    ("context", "left"), [(8192, 3584), (7168, 3584), (4096, 2048), (3000, 1888), (2048, 1888), (1024, 1024)]
)
def test_a_small_context_is_completions_first(context: int, left: int) -> None:
    assert left_to_completion(Settings(), context) == left


def test_a_chat_is_no_longer_than_the_model_has_learnt(open_: Open) -> None:
    _, chat = open_(alone=True, context=CELLS)
    assert chat.room == TRAINED < CELLS


def test_a_completion_never_waits_for_cells_that_chat_has(open_: Open, hooked: type[Hooked]) -> None:
    """The largest chats there may be, and the largest completion: it is served between two of their tokens."""
    engine, chat = open_(context=CELLS)
    assert chat.room == CELLS - needed_beside(SMALL) == CELLS - AT_ONCE * (8 + 4 + BESIDE)
    events: list[str] = []
    comers: list[Ticket] = []
    biggest = "z" * (8 + BESIDE)

    def on_text(_: str) -> None:
        events.append("chat")
        if len(events) == 3:
            comers.extend(engine.submit(request(biggest, key=key, max_tokens=4), typing) for key in "bc")

    def typing(_: str) -> None:
        events.append("typing")

    half = (chat.room - chat.count(chat_frame(chat))) // 2
    tickets = [chat.ask(say("y", key=key, max_tokens=half - 8), on_text) for key in "ab"]
    assert all(len(done(ticket).candidates[0].text) == half - 8 for ticket in tickets)
    assert [done(ticket).candidates[0].text for ticket in comers] == ["xxxx"] * 2
    assert events[:3] == ["chat"] * 3
    assert events[3:11] == ["typing"] * 8
    assert set(events[11:]) == {"chat"}


def chat_frame(chat: LocalChat) -> str:
    return "".join(str(piece) for piece in chat._form.prompt(say("").messages).pieces)


def test_two_chats_that_do_not_fit_together_wait_for_each_other_and_not_completion(
    open_: Open, hooked: type[Hooked]
) -> None:
    engine, chat = open_(context=CELLS)
    events: list[str] = []
    most = chat.room - chat.count(chat_frame(chat)) - 2

    def first(_: str) -> None:
        events.append("first")
        if len(events) == 2:
            more.append(chat.ask(say("", key="b", max_tokens=2), lambda _: events.append("second")))
            more.append(engine.submit(request("y", key="c", max_tokens=1), lambda _: events.append("typing")))

    more: list[Ticket] = []
    one = chat.ask(say("", key="a", max_tokens=most), first)
    assert len(done(one).candidates[0].text) == most
    assert [done(ticket).candidates[0].text for ticket in more] == ["xx", "x"]
    assert events == ["first", "first", "typing", *["first"] * (most - 2), "second", "second"]


def test_a_conversation_without_room_says_so_at_once(open_: Open, hooked: type[Hooked]) -> None:
    engine, chat = open_(context=CELLS)
    nth = Nth(1, lambda: None)
    hooked.hook = staticmethod(nth)
    with pytest.raises(PromptTooLong, match=rf"{chat.room} that chat has.*engine.context: 280 of its 768"):
        done(chat.ask(say("y", max_tokens=chat.room)))
    assert nth.sizes == []
    assert done(engine.submit(request("y" * 200, key="b", max_tokens=chat.room))).counters.generated == chat.room


def test_many_chats_leave_documents_their_sequences(open_: Open) -> None:
    engine, chat = open_(context=CELLS)
    documents = [f"class {key}:\n" * 4 for key in ("add", "sub", "name", "data")]
    for text in documents:
        done(engine.submit(request(text, key=text, max_tokens=1)))
    for nth in range(2 * GUESTS + 1):
        done(chat.ask(say("hello", key=str(nth), max_tokens=1)))
    for text in documents:
        assert done(engine.submit(request(text, key=text, max_tokens=1))).counters.evaluated == 1


def test_a_chat_alone_has_all_the_context_and_closes_its_engine(open_: Open) -> None:
    engine, chat = open_(alone=True)
    assert chat.room == SETTINGS.context
    chat.close()
    engine._thread.join(PATIENCE_S)
    assert not engine._thread.is_alive()


def test_closing_ends_chats_and_leaves_completion_alone(open_: Open) -> None:
    engine, chat = open_()
    reached, opened = threading.Event(), threading.Event()

    def hold(_: str) -> None:
        reached.set()
        assert opened.wait(PATIENCE_S)

    ticket = chat.ask(say("hello", max_tokens=50), hold)
    assert reached.wait(PATIENCE_S)
    typing = engine.submit(request("y", key="b"))
    chat.close()
    opened.set()
    assert ended(ticket)
    assert done(typing).candidates[0].text == "x" * 8


def test_a_model_that_has_been_unloaded_is_counted_for_and_comes_back(open_: Open) -> None:
    engine, chat = open_(idle_unload_s=1)
    room = chat.room
    for _ in range(PATIENCE_S * 20):
        if not engine.loaded:
            break
        threading.Event().wait(0.05)
    assert not engine.loaded
    assert chat.room == room
    assert chat.count("x = 1\n" * 10) == 20
    assert done(chat.ask(say("hello"))).candidates[0].text == "x" * 8
