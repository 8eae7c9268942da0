"""Kinds of embedding servers: a row says where one is asked, with what, and how it answers.

Nothing here opens a connection; that is `http.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tabby_lsp.engine.http.address import Route


@dataclass(frozen=True, slots=True)
class Server:
    """A kind of server.

    Attributes:
        route: that takes texts, below the address; `{model}` in it is the model's name.
        body: model, texts, whether they are questions → what is sent, as JSON.
        rows: what is answered → a vector a text, in the order of the texts.
        key: the header that carries the key, and what stands before the key in it.
        query: what an address gets where it has no query of its own.
    """

    route: Route
    body: Callable[[str, list[str], bool], dict[str, Any]]
    rows: Callable[[Any], list[Any]]
    key: tuple[str, str] = ("Authorization", "Bearer ")
    query: str = ""


def _in_order(items: list[dict[str, Any]]) -> list[Any]:
    return [item["embedding"] for item in sorted(items, key=lambda item: item["index"])]


def _data(answer: Any) -> list[Any]:
    return _in_order(answer["data"])


_V1 = Route("/embeddings", bare="/v1")

SERVERS: dict[str, Server] = {
    "openai": Server(_V1, lambda model, texts, _: {"model": model, "input": texts, "encoding_format": "float"}, _data),
    "ollama": Server(
        Route("/api/embed"),
        lambda model, texts, _: {"model": model, "input": texts, "truncate": True},
        lambda answer: answer["embeddings"],
    ),
    "llama.cpp": Server(Route("/embedding"), lambda _, texts, __: {"content": texts}, _in_order),
    "mistral": Server(_V1, lambda model, texts, _: {"model": model, "input": texts}, _data),
    "voyage": Server(
        _V1,
        lambda model, texts, query: {"model": model, "input": texts, "input_type": "query" if query else "document"},
        _data,
    ),
    "azure": Server(
        Route("/openai/deployments/{model}/embeddings"),
        lambda _, texts, __: {"input": texts},
        _data,
        key=("api-key", ""),
        query="api-version=2024-10-21",
    ),
}
"""`index.embedder`, or the first half of `model.embedding.http.kind` → the kind. Sources: the API references of OpenAI,
Ollama, Mistral AI, Voyage AI and Azure OpenAI, llama.cpp's tools/server/README.md."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the settings of a server are called where they were made.

    Attributes:
        address: of the server.
        kind: what it speaks.
        model: the model's name.
        key: how the key is named.
    """

    address: str
    kind: str
    model: str
    key: str


OF_THE_INDEX = Names("index.url", "index.embedder", "index.model", "index.key_variable")
OF_THE_ROLE = Names(*(f"model.embedding.http.{name}" for name in ("api_endpoint", "kind", "model_name", "api_key")))
