"""Both roles on servers that people run, with the default model: the answers come in pieces, and ending one ends it."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from e2e.providers.running import PATIENCE_S, llama_cpp_python, llama_server

from tabby_lsp.completion.pipeline import Pipeline
from tabby_lsp.completion.types import Ask, Trigger
from tabby_lsp.config import (
    ChatHttpSettings,
    ChatRole,
    CompletionHttpSettings,
    CompletionRole,
    CompletionSettings,
    ModelSettings,
    Settings,
)
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.chat.types import Conversation, Message
from tabby_lsp.engine.http.chat import RemoteChat
from tabby_lsp.engine.http.opening import open_remote_chat, open_remote_engine
from tabby_lsp.engine.http.remote import RemoteEngine
from tabby_lsp.engine.types import Cancelled, Finish, Marker, Prompt, Request
from tabby_lsp.errors import PromptTooLong

NAME = "qwen2.5-coder-0.5b-instruct"
TEXT = "def add(a, b):\n    return \n\n\ndef subtract(a, b):\n    return a - b\n"
QUESTION = Conversation(
    key="question", messages=(Message("user", "Count from one to ten, in digits, with commas."),), max_tokens=48
)


@pytest.fixture(scope="module")
def llama(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running llama-server."""
    with llama_server(model_file, tmp_path_factory.mktemp("llama") / "log") as url:
        yield url


@pytest.fixture(scope="module")
def python(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of llama-cpp-python's own server."""
    with llama_cpp_python(model_file, tmp_path_factory.mktemp("python") / "log") as url:
        yield url


def engine_on(url: str, kind: Any, **more: Any) -> RemoteEngine:
    http = CompletionHttpSettings(**{"kind": kind, "api_endpoint": url, "model_name": NAME, **more})
    engine = open_remote_engine(Settings(model=ModelSettings(completion=CompletionRole(http=http))))
    assert engine is not None
    return engine


def chat_on(url: str) -> RemoteChat:
    http = ChatHttpSettings(kind="openai/chat", api_endpoint=url, model_name=NAME)
    chat = open_remote_chat(Settings(model=ModelSettings(chat=ChatRole(http=http))))
    assert chat is not None
    return chat


async def completes(engine: RemoteEngine) -> None:
    """The pipeline drives it as it drives the engine in this process."""
    try:
        pipeline = Pipeline(engine, lambda: CompletionSettings(deadline_ms=int(PATIENCE_S * 1e3), likely=False))
        snapshot = Snapshot.of("file:///add.py", "python", 0, TEXT)
        ask = Ask(snapshot, Position(1, len("    return ")), Trigger.TYPING)
        answer = await pipeline.complete(ask)
        pipeline.stop()
        assert answer.suggestions, answer
        assert answer.suggestions[0].text == "a + b"
        assert answer.counters.generated >= 3
    finally:
        engine.close()


def answers(chat: RemoteChat) -> None:
    try:
        heard: list[str] = []
        result = chat.ask(QUESTION, heard.append).future.result(PATIENCE_S)
        candidate = result.candidates[0]
        assert "".join(heard) == candidate.text
        assert len(heard) > 3
        assert all(digit in candidate.text for digit in "123")
        assert candidate.finish in (Finish.END, Finish.LENGTH)
    finally:
        chat.close()


@pytest.mark.parametrize("kind", ["llama.cpp/completion", "vllm/completion", "openai/legacy_completion_no_fim"])
async def test_llama_server_completes(llama: str, kind: str) -> None:
    await completes(engine_on(llama, kind))


async def test_llama_server_completes_with_a_template(llama: str) -> None:
    template = "<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>"
    await completes(engine_on(llama, "llama.cpp/completion", model_name="", prompt_template=template))


def test_llama_server_chats(llama: str) -> None:
    answers(chat_on(llama))


def test_llama_server_tells_how_likely_its_tokens_are(llama: str) -> None:
    engine = engine_on(llama, "llama.cpp/completion")
    ticket = engine.submit(fim(TEXT, 8))
    candidate = ticket.future.result(PATIENCE_S).candidates[0]
    engine.close()
    assert candidate.text.startswith("a ")
    assert len(candidate.logprobs) == len(candidate.ends) >= 3
    assert all(logprob <= 0 for logprob in candidate.logprobs)
    assert candidate.ends[0] == 1  # the space behind `return` is not the candidate's
    assert sorted(set(candidate.ends)) == list(candidate.ends)
    assert candidate.ends[-1] == len(candidate.text)


def fim(text: str, max_tokens: int) -> Request:
    head, _, rest = text.partition("    return ")
    prefix, suffix, middle = map(Marker, ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"))
    return Request(
        key="a", prompt=Prompt((prefix, head, suffix, rest, middle, "    return "), heal=1), max_tokens=max_tokens
    )


def test_what_is_cancelled_costs_llama_server_nothing_more(llama: str) -> None:
    chat, heard = chat_on(llama), threading.Event()
    ticket = chat.ask(dataclasses.replace(QUESTION, max_tokens=4000), lambda _: heard.set())
    assert heard.wait(PATIENCE_S)
    ticket.cancel()
    with pytest.raises(Cancelled):
        ticket.future.result(0)
    chat.close()
    for _ in range(int(PATIENCE_S / 0.2)):
        slots = httpx.get(llama + "/slots", timeout=PATIENCE_S, trust_env=False).json()
        if not any(slot["is_processing"] for slot in slots):
            break
        time.sleep(0.2)
    else:
        pytest.fail("llama-server went on with what was cancelled")


def test_llama_server_says_what_is_too_long(llama: str) -> None:
    engine = engine_on(llama, "llama.cpp/completion")
    error = engine.submit(fim("x = 1\n" * 40_000 + TEXT, 4)).future.exception(PATIENCE_S)
    engine.close()
    assert isinstance(error, PromptTooLong)
    assert "`completion.prefix_tokens`" in error.remedy


async def test_llama_cpp_python_completes(python: str) -> None:
    await completes(engine_on(python, "openai/legacy_completion_no_fim"))


def test_llama_cpp_python_chats(python: str) -> None:
    answers(chat_on(python))
