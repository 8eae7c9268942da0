"""What ends an answer from this side, how its pieces are put together, and what is told to nobody."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

import pytest
from provider_server import (
    PATIENCE_S,
    Handler,
    chatting,
    completing,
    engine_on,
    event,
    hangs,
    prompt,
    request,
    says,
    serving,
    slams,
    stalls,
    streams,
    wait_for,
    written,
)

from tabby_lsp.engine.chat.types import Conversation, Message
from tabby_lsp.engine.http import client
from tabby_lsp.engine.http.opening import open_remote_chat
from tabby_lsp.engine.types import Finish
from tabby_lsp.errors import EngineFault, ProviderDown

HELLO = Conversation(key="c", messages=(Message("user", "Hello?"),), max_tokens=64)


# ---- what ends an answer from our side -------------------------------------------------------------------------------


def endless(handler: Handler) -> None:
    """Writes lines until the client has gone."""
    handler.begin()
    for number in range(100_000):
        handler.piece(event({"choices": [{"index": 0, "text": f"line {number}\n", "finish_reason": None}]}) + "\n")


def test_a_stop_rule_ends_the_answer_and_closes_the_connection() -> None:
    def two_lines(text: str) -> int | None:
        return text.index("\n", text.index("\n") + 1) if text.count("\n") > 2 else None

    with engine_on(endless) as (engine, served):
        result = engine.submit(request(stop=two_lines, max_tokens=1000)).future.result(PATIENCE_S)
        assert (result.candidates[0].text, result.candidates[0].finish) == ("line 0\nline 1", Finish.RULE)
        assert served.gone.wait(PATIENCE_S)


def test_an_answer_of_chat_that_is_enough_closes_the_connection() -> None:
    def talks(handler: Handler) -> None:
        handler.begin()
        for number in range(100_000):
            choice = {"index": 0, "delta": {"content": f"line {number}\n"}, "finish_reason": None}
            handler.piece(event({"choices": [choice]}) + "\n")

    enough = replace(HELLO, enough=lambda text: text.find("\n") if "\n" in text else None)
    with serving(talks) as served:
        chat = open_remote_chat(chatting(served.url))
        assert chat is not None
        candidate = chat.ask(enough).future.result(PATIENCE_S).candidates[0]
        assert (candidate.text, candidate.finish) == ("line 0", Finish.RULE)
        assert served.gone.wait(PATIENCE_S)
        chat.close()


def test_a_server_that_never_ends_is_ended() -> None:
    with engine_on(endless) as (engine, served):
        result = engine.submit(request(max_tokens=4)).future.result(PATIENCE_S)
        assert result.candidates[0].finish is Finish.LENGTH
        assert served.gone.wait(PATIENCE_S)


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("a + b", "<|fim_middle|>", "more"), "a + b"),
        (("a + b<|end", "oftext|>"), "a + b"),
        (("a + b <EO", "T>"), "a + b "),
        (("if a <", "| b"), "if a <| b"),  # what only looks like the beginning of one is shown in the end
        (("a <|", ""), "a <|"),
    ],
)
def test_special_tokens_that_come_as_text_end_it(pieces: tuple[str, ...], text: str) -> None:
    with engine_on(streams(written(*pieces))) as (engine, _):
        heard: list[str] = []
        candidate = engine.submit(request(), heard.append).future.result(PATIENCE_S).candidates[0]
        assert (candidate.text, "".join(heard)) == (text, text)


@pytest.mark.parametrize(
    ("tail", "pieces", "text"),
    [
        ("    return ", (" a", " + b"), "a + b"),
        ("    return ", (" ", "a + b"), "a + b"),
        ("    return ", ("  a", " + b"), " a + b"),
        ("    ", (" return a",), " return a"),  # an indentation is sent as it is
        ("    retu", ("rn a",), "rn a"),
    ],
)
def test_a_space_before_the_cursor_is_not_written_twice(tail: str, pieces: tuple[str, ...], text: str) -> None:
    with engine_on(streams(written(*pieces))) as (engine, _):
        heard: list[str] = []
        candidate = (
            engine.submit(request(prompt=prompt(tail=tail)), heard.append).future.result(PATIENCE_S).candidates[0]
        )
        assert (candidate.text, "".join(heard)) == (text, text)


@pytest.mark.parametrize(
    ("tail", "pieces"),
    [
        ("if x = ", ("= 5:\n        pass\n",)),  # `if x == 5:` would fit what was sent; `if x = = 5:` is nonsense
        ("if x = ", ("=", " 5:", "\n        pass\n")),
        ("if x = ", ("", "=", " 5:")),
        ("    return ", ("ed", " = 1")),
        ("    return ", ("\n",)),
    ],
)
@pytest.mark.parametrize("finish", ["stop", None])
def test_an_answer_without_the_space_before_the_cursor_is_none(
    tail: str, pieces: tuple[str, ...], finish: str | None
) -> None:
    lines = written(*pieces, finish=finish)
    with engine_on(streams(lines) if finish else stalls(lines)) as (engine, _):
        heard: list[str] = []
        candidate = (
            engine.submit(request(prompt=prompt(tail=tail)), heard.append).future.result(PATIENCE_S).candidates[0]
        )
        assert (candidate.text, candidate.logprobs, heard) == ("", (), [])


def test_one_candidate_without_the_space_leaves_the_others() -> None:
    pieces = [("= 5", 0, None), (" 5", 1, None), (":", 0, "stop"), (":", 1, "stop")]
    lines = [event({"choices": [{"index": i, "text": text, "finish_reason": why}]}) for text, i, why in pieces]
    with engine_on(streams([*lines, "data: [DONE]\n"]), kind="vllm/completion") as (engine, _):
        result = engine.submit(request(prompt=prompt(tail="if x = "), candidates=2)).future.result(PATIENCE_S)
        assert [candidate.text for candidate in result.candidates] == ["", "5:"]


def test_words_of_the_settings_end_it() -> None:
    with engine_on(streams(written("a\n", "E", "ND", " b")), additional_stop_words=("END",)) as (engine, served):
        candidate = engine.submit(request()).future.result(PATIENCE_S).candidates[0]
        assert (candidate.text, candidate.finish) == ("a\n", Finish.RULE)
        assert served.asked[0].body["stop"] == ["END"]


def test_what_is_there_at_the_deadline_is_the_answer() -> None:
    with engine_on(stalls(written("a = 1\nb", finish=None))) as (engine, served):
        candidate = engine.submit(request(deadline=time.monotonic() + 0.5)).future.result(PATIENCE_S).candidates[0]
        assert (candidate.text, candidate.finish) == ("a = 1\nb", Finish.DEADLINE)
        assert served.gone.wait(PATIENCE_S)
        served.behaviours[:] = [hangs]
        error = engine.submit(request(deadline=time.monotonic() + 0.2)).future.exception(PATIENCE_S)
        assert isinstance(error, ProviderDown)
        assert "in time" in error.message


def test_a_rule_that_fails_is_told_and_the_engine_serves_on(caplog: pytest.LogCaptureFixture) -> None:
    def bad(_: str) -> int | None:
        raise ZeroDivisionError

    with engine_on(streams(written("a"))) as (engine, _):
        assert isinstance(engine.submit(request(stop=bad)).future.exception(PATIENCE_S), EngineFault)
        assert "could not be used" in caplog.text
        assert engine.submit(request()).future.result(PATIENCE_S).candidates[0].text == "a"


def test_lines_end_at_line_feeds_alone() -> None:
    """U+2028 and a form feed stand in JSON as they are; other ways of splitting lines would cut the event there."""
    odd = "data: " + '{"choices": [{"index": 0, "text": "a\u2028b\u0085c", "finish_reason": "stop"}]}' + "\n"
    with engine_on(streams([odd])) as (engine, _):
        assert engine.submit(request()).future.result(PATIENCE_S).candidates[0].text == "a\u2028b\u0085c"


@pytest.mark.parametrize("size", [1, 2, 7])
def test_pieces_may_be_cut_anywhere(size: int) -> None:
    raw = "".join(line + "\r\n" for line in (": ping", "event: x", *written("ä + ", "日本"))).encode()

    def behave(handler: Handler) -> None:
        handler.begin()
        for at in range(0, len(raw), size):
            handler.piece(raw[at : at + size])
        handler.finish_answer()

    with engine_on(behave) as (engine, _):
        assert engine.submit(request()).future.result(PATIENCE_S).candidates[0].text == "ä + 日本"


# ---- what is told to nobody ------------------------------------------------------------------------------------------


def test_the_key_is_in_no_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-secret-98765"
    monkeypatch.setenv("PROVIDER_KEY", key)
    caplog.set_level(logging.DEBUG)
    with caplog.at_level(logging.DEBUG):
        refusal = says(401, f'{{"error": {{"message": "bad key {key}"}}}}')
        with engine_on(streams(written("a")), refusal, slams, api_key="${PROVIDER_KEY}") as (engine, served):
            engine.submit(request()).future.result(PATIENCE_S)
            assert served.asked[0].headers["authorization"] == f"Bearer {key}"
            told = [str(engine.submit(request()).future.exception(PATIENCE_S)) for _ in range(2)]
            told += [repr(engine), repr(engine.server), repr(vars(engine)), repr(engine.server.place)]
        logging.getLogger("test").debug("%r", completing("http://localhost", api_key=key))
    assert len(caplog.records) > 5  # the HTTP library's own are among them
    assert key not in caplog.text
    assert not [text for text in told if key in text]


def test_a_finished_request_leaves_nothing_behind() -> None:
    with engine_on(streams(written("a"))) as (engine, _):
        for nth in range(5):
            engine.submit(request(f"file:///{nth}")).future.result(PATIENCE_S)
        assert wait_for(lambda: not engine._runs._runs)
        assert engine.totals.requests == 5
    assert client._borrowers == 0


def test_a_prompt_with_nothing_behind_the_cursor_has_no_empty_field() -> None:
    from tabby_lsp.engine.http.shapes import OURS

    with engine_on(streams(written("a")), kind="openai/legacy_completion") as (engine, served):
        asked = prompt(suffix="", markers=tuple(OURS.values()))
        engine.submit(request(prompt=asked)).future.result(PATIENCE_S)
        assert "suffix" not in served.asked[0].body
        assert "stop" not in served.asked[0].body
