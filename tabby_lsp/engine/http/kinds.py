"""What servers speak: a kind is a row that says where it is asked, with what, and how its answer is read.

All of them are asked to stream. Sources, as read in November 2026: the API references of OpenAI (completions, chat),
Mistral (FIM, chat), DeepSeek (FIM, beta), Azure OpenAI (data plane 2024-10-21 and v1) and Ollama (`/api/generate`),
llama.cpp's tools/server/README.md (`/completion`), and vLLM's page on its OpenAI-compatible server, which takes no
`suffix`. Which kind sends a template and which two fields is as in Tabby, whose settings are taken over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from tabby_lsp.engine.http.address import Route
from tabby_lsp.engine.http.answers import Chunk, llama_chunks, ollama_chunks, openai_chunks

DIVERSE = 0.6
"""The temperature at which several candidates are asked for: at 0 they would be equal, and vLLM refuses it."""
_THINKS = re.compile(r"(?i)^(o[1-9]|gpt-[5-9])")
"""OpenAI's models that take `max_completion_tokens`, and no temperature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked, whatever the kind.

    Attributes:
        model: its name; empty: the server's only one.
        prompt: what stands before the cursor, or all of a rendered template.
        suffix: what stands behind the cursor, for the kinds that take it by itself.
        messages: of a conversation, each with `role` and `content`.
        max_tokens: most tokens of the answer.
        temperature: 0 for the most probable token each time.
        seed: for temperatures above 0.
        stop: texts that end the answer.
        candidates: how many answers, where the kind can give several.
    """

    model: str
    prompt: str = ""
    suffix: str = ""
    messages: tuple[Mapping[str, Any], ...] = ()
    max_tokens: int
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    candidates: int = 1


Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of server.

    Attributes:
        route: what is asked below the address.
        body: what is sent, as JSON.
        chunks: reads one event of the answer.
        prompt: `template`: one text with the model's own markers; `suffix`: two fields; `messages`.
        framing: `sse`: server-sent events, up to `[DONE]`; `ndjson`: an object a line.
        key_header: the header that carries the key, as it is or behind `Bearer`.
        stops: most texts that end an answer; what goes beyond is only looked for on this side.
        several: whether it gives several candidates for one prompt.
        named: whether a model's name is needed: `elsewhere`: where the server is not on this machine.
        address: where it is, where the settings say nothing.
        query: added to the address where it has none of that name; left out where the path holds `plain`.
        plain: see `query`.
    """

    route: Route
    body: Callable[[Ask], Body]
    chunks: Callable[[Mapping[str, Any]], list[Chunk]]
    prompt: Literal["template", "suffix", "messages"]
    framing: Literal["sse", "ndjson"] = "sse"
    key_header: str = "Authorization"
    stops: int = 16
    several: bool = False
    named: Literal["no", "elsewhere", "always"] = "elsewhere"
    address: str = ""
    query: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    plain: str = "\0"


def _sampling(ask: Ask, seed: str) -> Body:
    warm = DIVERSE if ask.candidates > 1 and not ask.temperature else ask.temperature
    return {"temperature": warm, **({seed: ask.seed} if warm and ask.seed else {})}


def _openai(ask: Ask) -> Body:
    body: Body = {"model": ask.model, "prompt": ask.prompt, "suffix": ask.suffix, "max_tokens": ask.max_tokens}
    body |= {**_sampling(ask, "seed"), "stop": list(ask.stop), "stream": True}
    if ask.candidates > 1:
        body["n"] = ask.candidates
    return _without_empty(body)


def _with_logprobs(ask: Ask) -> Body:
    return {**_openai(ask), "logprobs": 1}


def _llama(ask: Ask) -> Body:
    body: Body = {"model": ask.model, "prompt": ask.prompt, "n_predict": ask.max_tokens, "n_probs": 1}
    body |= {**_sampling(ask, "seed"), "stop": list(ask.stop), "cache_prompt": True, "stream": True}
    return _without_empty(body)


def _ollama(ask: Ask) -> Body:
    options = _without_empty({"num_predict": ask.max_tokens, **_sampling(ask, "seed"), "stop": list(ask.stop)})
    return {"model": ask.model, "prompt": ask.prompt, "raw": True, "options": options, "stream": True}


def _mistral(ask: Ask) -> Body:
    body: Body = {"model": ask.model, "prompt": ask.prompt, "suffix": ask.suffix, "max_tokens": ask.max_tokens}
    return _without_empty({**body, **_sampling(ask, "random_seed"), "stop": list(ask.stop), "stream": True})


def _chat(ask: Ask) -> Body:
    body: Body = {"model": ask.model, "messages": list(ask.messages), "stop": list(ask.stop), "stream": True}
    if _THINKS.match(ask.model):
        return _without_empty({**body, "max_completion_tokens": ask.max_tokens})
    return _without_empty({**body, "max_tokens": ask.max_tokens, **_sampling(ask, "seed")})


def _mistral_chat(ask: Ask) -> Body:
    body = {**_chat(ask), "max_tokens": ask.max_tokens, **_sampling(ask, "random_seed")}
    *before, last = ask.messages
    if last["role"] == "assistant":  # a beginning that is to be continued is marked as one
        body["messages"] = [*before, {**last, "prefix": True}]
    return body


def _without_empty(body: Body) -> Body:
    """What is empty is left out: servers take an empty suffix, model or list for one that is meant."""
    return {name: value for name, value in body.items() if value not in ("", [], None) or name == "prompt"}


_COMPLETIONS, _CHAT = Route("/completions", "/v1"), Route("/chat/completions", "/v1")

COMPLETION: Mapping[str, Kind] = MappingProxyType(
    {
        "openai/completion": Kind(_COMPLETIONS, _openai, openai_chunks, "suffix", stops=4, several=True),
        "openai/legacy_completion": Kind(_COMPLETIONS, _openai, openai_chunks, "suffix", stops=4, several=True),
        "openai/legacy_completion_no_fim": Kind(
            _COMPLETIONS, _openai, openai_chunks, "template", stops=4, several=True
        ),
        "llama.cpp/completion": Kind(Route("/completion"), _llama, llama_chunks, "template", named="no"),
        "ollama/completion": Kind(
            Route("/api/generate"), _ollama, ollama_chunks, "template", framing="ndjson", named="always"
        ),
        "vllm/completion": Kind(_COMPLETIONS, _with_logprobs, openai_chunks, "template", several=True),
        "mistral/completion": Kind(
            Route("/v1/fim/completions"), _mistral, openai_chunks, "suffix", address="https://api.mistral.ai"
        ),
        "deepseek/completion": Kind(
            Route("/completions", "/beta"),
            _with_logprobs,
            openai_chunks,
            "suffix",
            address="https://api.deepseek.com/beta",
        ),
    }
)
"""`model.completion.http.kind` → what it speaks."""

CHAT: Mapping[str, Kind] = MappingProxyType(
    {
        "openai/chat": Kind(_CHAT, _chat, openai_chunks, "messages", stops=4),
        "mistral/chat": Kind(_CHAT, _mistral_chat, openai_chunks, "messages", address="https://api.mistral.ai/v1"),
        "azure/chat": Kind(
            Route("/chat/completions", "/openai/deployments/{model}"),
            _chat,
            openai_chunks,
            "messages",
            key_header="api-key",
            stops=4,
            named="always",
            query=MappingProxyType({"api-version": "2024-10-21"}),
            plain="/openai/v1",
        ),
    }
)
"""`model.chat.http.kind` → what it speaks."""
