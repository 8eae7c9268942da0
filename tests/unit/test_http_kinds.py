"""What each kind is asked and how its answer is read, against the shapes that its documentation shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from provider_server import PATIENCE_S, chatting, completing, event, prompt, request, serving, streams

from tabby_lsp.engine.chat.types import Conversation, Message
from tabby_lsp.engine.http.kinds import CHAT, COMPLETION
from tabby_lsp.engine.http.opening import open_remote_chat, open_remote_engine
from tabby_lsp.engine.http.shapes import OURS
from tabby_lsp.engine.types import Finish, Marker, Prompt

RENDERED = "<|fim_prefix|>def add(a, b):\n<|fim_suffix|>\n<|fim_middle|>    return ("
BEFORE, BEHIND = "def add(a, b):\n    return (", "\n"
STOP = ["\n\n\n"]

OPENAI = [
    event({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": [
        {"text": "a", "index": 0, "logprobs": None, "finish_reason": None}]}),
    event({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": [
        {"text": " + b", "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 23}}),
    "data: [DONE]\n",
]  # fmt: skip
VLLM = [
    event({"id": "cmpl-2", "object": "text_completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "text": "a", "logprobs": {"text_offset": [0], "token_logprobs": [-0.25], "tokens": ["a"],
         "top_logprobs": [{"a": -0.25}]}, "finish_reason": None, "stop_reason": None}], "usage": None}),
    event({"id": "cmpl-2", "object": "text_completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "text": " + b", "logprobs": {"text_offset": [1, 3], "token_logprobs": [-0.5, -0.125],
         "tokens": [" +", " b"], "top_logprobs": [{}, {}]}, "finish_reason": "stop", "stop_reason": None}]}),
    "data: [DONE]\n",
]  # fmt: skip
LLAMA = [
    event({"index": 0, "content": "a", "tokens": [64], "stop": False, "id_slot": -1, "tokens_predicted": 1,
           "tokens_evaluated": 20, "completion_probabilities": [{"id": 64, "token": "a", "bytes": [97],
           "logprob": -0.25, "top_logprobs": []}]}),
    event({"index": 0, "content": " + b", "tokens": [488, 293], "stop": False, "completion_probabilities": [
           {"id": 488, "token": " +", "logprob": -0.5}, {"id": 293, "token": " b", "logprob": -0.125}]}),
    event({"index": 0, "content": "", "tokens": [], "stop": True, "stop_type": "eos", "stopping_word": "",
           "tokens_predicted": 3, "tokens_evaluated": 20, "tokens_cached": 22, "prompt": "...",
           "timings": {"cache_n": 12, "prompt_n": 8}}),
]  # fmt: skip
OLLAMA = [
    json.dumps({"model": "m", "created_at": "2026-01-01T00:00:00Z", "response": "a", "done": False}),
    json.dumps({"model": "m", "created_at": "2026-01-01T00:00:00Z", "response": " + b", "done": False}),
    json.dumps({"model": "m", "created_at": "2026-01-01T00:00:00Z", "response": "", "done": True, "done_reason": "stop",
                "context": [1, 2], "total_duration": 5, "prompt_eval_count": 20, "eval_count": 3}),
]  # fmt: skip
MISTRAL = [
    event({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "codestral-latest", "choices": [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}),
    event({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "codestral-latest", "choices": [
        {"index": 0, "delta": {"content": "a + b"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 20, "total_tokens": 23, "completion_tokens": 3}}),
    "data: [DONE]\n",
]  # fmt: skip
AZURE = [
    event({"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [
        {"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]}),
    event({"choices": [{"content_filter_results": {}, "delta": {"content": "", "refusal": None, "role": "assistant"},
           "finish_reason": None, "index": 0, "logprobs": None}], "id": "c", "object": "chat.completion.chunk"}),
    event({"choices": [{"content_filter_results": {}, "delta": {"content": "a + b"}, "finish_reason": None,
           "index": 0}]}),
    event({"choices": [{"content_filter_results": {}, "delta": {}, "finish_reason": "stop", "index": 0}],
           "usage": None}),
    "data: [DONE]\n",
]  # fmt: skip

CODE = {"model": "qwen2.5-coder", "max_tokens": 16, "temperature": 0.0, "stop": STOP, "stream": True}
COMPLETIONS: dict[str, tuple[str, dict[str, Any], Sequence[str], int]] = {
    "openai/completion": ("/v1/completions", {**CODE, "prompt": BEFORE, "suffix": BEHIND}, OPENAI, 0),
    "openai/legacy_completion": ("/v1/completions", {**CODE, "prompt": BEFORE, "suffix": BEHIND}, OPENAI, 0),
    "openai/legacy_completion_no_fim": ("/v1/completions", {**CODE, "prompt": RENDERED}, OPENAI, 0),
    "llama.cpp/completion": (
        "/completion",
        {"model": "qwen2.5-coder", "prompt": RENDERED, "n_predict": 16, "n_probs": 1, "temperature": 0.0, "stop": STOP,
         "cache_prompt": True, "stream": True},
        LLAMA, 3,
    ),
    "ollama/completion": (
        "/api/generate",
        {"model": "qwen2.5-coder", "prompt": RENDERED, "raw": True, "stream": True,
         "options": {"num_predict": 16, "temperature": 0.0, "stop": STOP}},
        OLLAMA, 0,
    ),
    "vllm/completion": ("/v1/completions", {**CODE, "prompt": RENDERED, "logprobs": 1}, VLLM, 3),
    "mistral/completion": ("/v1/fim/completions", {**CODE, "prompt": BEFORE, "suffix": BEHIND}, MISTRAL, 0),
    "deepseek/completion": (
        "/beta/completions", {**CODE, "prompt": BEFORE, "suffix": BEHIND, "logprobs": 1}, VLLM, 3,
    ),
}  # fmt: skip
"""Kind → its path, what is sent, a recorded answer, and how many of its tokens have probabilities."""


def test_every_kind_has_a_recorded_shape() -> None:
    assert set(COMPLETIONS) == set(COMPLETION)
    assert set(CHATS) == set(CHAT)


@pytest.mark.parametrize("kind", COMPLETIONS)
def test_completion(kind: str) -> None:
    path, body, answer, likely = COMPLETIONS[kind]
    framing = "application/x-ndjson" if COMPLETION[kind].framing == "ndjson" else "text/event-stream; charset=utf-8"
    with serving(streams(answer, framing)) as served:
        settings = completing(served.url, kind, api_key="k-123", additional_stop_words=tuple(STOP))
        engine = open_remote_engine(settings)
        assert engine is not None
        heard: list[str] = []
        fields = COMPLETION[kind].prompt == "suffix"
        asked = prompt(markers=tuple(OURS.values())) if fields else prompt()
        ticket = engine.submit(request(prompt=asked), heard.append)
        result = ticket.future.result(PATIENCE_S)
        engine.close()
    assert [(found.path, found.body) for found in served.asked] == [(path, body)]
    assert served.asked[0].headers["authorization"] == "Bearer k-123"
    candidate = result.candidates[0]
    assert (candidate.text, candidate.finish, "".join(heard)) == ("a + b", Finish.END, "a + b")
    assert (result.counters.generated, len(candidate.logprobs)) == (3, likely)
    if likely:
        assert (candidate.logprobs, candidate.ends) == ((-0.25, -0.5, -0.125), (1, 3, 5))
    elif kind != "openai/legacy_completion_no_fim":
        assert candidate.ends == ()
    if kind == "llama.cpp/completion":
        assert (result.counters.prompt, result.counters.reused, result.counters.evaluated) == (20, 12, 8)


SPOKEN = {"model": "qwen", "max_tokens": 64, "temperature": 0.0, "stop": STOP, "stream": True}
TURNS = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Add."}]
CHATS: dict[str, tuple[str, str, str, Sequence[str]]] = {
    "openai/chat": ("/v1/chat/completions", "authorization", "Bearer k-123", MISTRAL),
    "mistral/chat": ("/v1/chat/completions", "authorization", "Bearer k-123", MISTRAL),
    "azure/chat": ("/openai/deployments/qwen/chat/completions?api-version=2024-10-21", "api-key", "k-123", AZURE),
}
"""Kind → its path, the header of the key and its value, a recorded answer."""
ASKED = Conversation(
    key="c",
    messages=(Message("system", "Be short."), Message("user", "Add.")),
    max_tokens=64,
    stop=tuple(STOP),
)


@pytest.mark.parametrize("kind", CHATS)
def test_chat(kind: str) -> None:
    path, header, value, answer = CHATS[kind]
    with serving(streams(answer)) as served:
        chat = open_remote_chat(chatting(served.url, kind, api_key="k-123"))
        assert chat is not None
        heard: list[str] = []
        result = chat.ask(ASKED, heard.append).future.result(PATIENCE_S)
        chat.close()
    assert [(found.path, found.body) for found in served.asked] == [(path, {**SPOKEN, "messages": TURNS})]
    assert served.asked[0].headers[header] == value
    assert (len([name for name in served.asked[0].headers if name in ("authorization", "api-key")])) == 1
    assert (result.candidates[0].text, result.candidates[0].finish, "".join(heard)) == ("a + b", Finish.END, "a + b")


def chat_body(kind: str, settings: dict[str, Any], conversation: Conversation, *answer: str) -> tuple[Any, str]:
    with serving(streams(answer or MISTRAL)) as served:
        chat = open_remote_chat(chatting(served.url, kind, **settings))
        assert chat is not None
        heard: list[str] = []
        text = chat.ask(conversation, heard.append).future.result(PATIENCE_S).candidates[0].text
        chat.close()
    assert "".join(heard) == text
    return served.asked[0].body, text


def test_models_that_think_have_a_limit_of_another_name_and_no_temperature() -> None:
    body, _ = chat_body("openai/chat", {"model_name": "o4-mini"}, ASKED)
    assert body["max_completion_tokens"] == 64
    assert not {"max_tokens", "temperature"} & set(body)


def test_what_a_model_thinks_is_not_its_answer() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Four."}]
    answer = event({"choices": [{"index": 0, "delta": {"content": parts}, "finish_reason": "stop"}]})
    assert chat_body("mistral/chat", {}, ASKED, answer)[1] == "Four."


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("Sure", "! 4"), "! 4"),  # Mistral's server repeats what it was given
        (("S", "u", "re! 4"), "! 4"),
        (("! 4",), "! 4"),  # llama-server goes on behind it
        (("Su", "m: 4"), "Sum: 4"),
        (("Sure",), ""),
        (("Su",), "Su"),
    ],
)
def test_an_answer_that_is_begun_is_continued_and_not_repeated(pieces: tuple[str, ...], text: str) -> None:
    conversation = replace(ASKED, messages=(*ASKED.messages, Message("assistant", "Sure")))
    lines = [event({"choices": [{"index": 0, "delta": {"content": p}, "finish_reason": None}]}) for p in pieces]
    ending = event({"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}]})
    body, answer = chat_body("mistral/chat", {}, conversation, *lines, ending)
    assert answer == text
    assert body["messages"][-1] == {"role": "assistant", "content": "Sure", "prefix": True}


def test_several_candidates_in_one_request() -> None:
    pieces = [("a", 0, None), ("x", 1, None), (" + b", 0, None), (" - y", 1, "stop"), ("", 0, "length")]
    lines = [event({"choices": [{"index": i, "text": text, "finish_reason": why}]}) for text, i, why in pieces]
    with serving(streams([*lines, "data: [DONE]\n"])) as served:
        engine = open_remote_engine(completing(served.url, "vllm/completion"))
        assert engine is not None
        heard: list[str] = []
        result = engine.submit(request(candidates=2), heard.append).future.result(PATIENCE_S)
        engine.close()
    assert [(c.text, c.finish) for c in result.candidates] == [("a + b", Finish.LENGTH), ("x - y", Finish.END)]
    assert heard == ["a", " + b"]
    assert (served.asked[0].body["n"], served.asked[0].body["temperature"]) == (2, 0.6)


def test_an_answer_that_does_not_stream() -> None:
    whole = json.dumps({"choices": [{"index": 0, "message": {"content": "Four."}, "finish_reason": "stop"}]})
    with serving(streams([whole], "application/json")) as served:
        chat = open_remote_chat(chatting(served.url))
        assert chat is not None
        assert chat.ask(ASKED).future.result(PATIENCE_S).candidates[0].text == "Four."
        chat.close()


def test_the_family_of_a_server_that_takes_two_fields_gets_both_sides_of_the_cursor() -> None:
    pieces = (
        Marker(OURS["prefix"]),
        "# other file\nx = 1\n",
        Marker(OURS["suffix"]),
        "z",
        Marker(OURS["middle"]),
        "y = ",
    )
    with serving(streams(MISTRAL)) as served:
        engine = open_remote_engine(completing(served.url, "mistral/completion"))
        assert engine is not None
        engine.submit(request(prompt=Prompt(pieces, 1))).future.result(PATIENCE_S)
        engine.close()
    body = served.asked[0].body
    assert (body["prompt"], body["suffix"]) == ("# other file\nx = 1\ny =", "z")
