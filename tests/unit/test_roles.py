"""Who serves each role: what a role's own table changes, and what stays as `[model]` and `[engine]` say."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tabby_lsp.cli.bench import overrides
from tabby_lsp.config import EmbeddingHttpSettings, IndexSettings, Settings
from tabby_lsp.index.opening import of_the_index
from tabby_lsp.options import resolve
from tabby_lsp.roles import index_settings, local_settings, same_model

NO_FILE = {"TABBY_LSP_CONFIG": os.devnull}
BASE: dict[str, object] = {"name": "a", "directory": "/models"}


def settings(model: dict[str, object], **others: object) -> Settings:
    """What a client's options come to."""
    resolved = resolve(None, {"model": BASE | model, **others}, NO_FILE)
    assert resolved.faults == ()
    return resolved.settings


@pytest.mark.parametrize(
    ("model", "role", "name", "path"),
    [
        ({}, "completion", "a", ""),
        ({}, "chat", "a", ""),
        ({"completion": {"local": {"name": "b"}}}, "completion", "b", ""),
        ({"completion": {"local": {"name": "b"}}}, "chat", "b", ""),
        ({"completion": {"local": {"name": "b"}}, "chat": {"local": {"context": 512}}}, "chat", "b", ""),
        ({"completion": {"local": {"name": "b"}}, "chat": {"local": {"name": "c"}}}, "chat", "c", ""),
        ({"chat": {"local": {"name": "c"}}}, "completion", "a", ""),
        ({"path": "/a.gguf", "chat": {"local": {"name": "c"}}}, "chat", "c", ""),
        ({"chat": {"local": {"path": "/c.gguf"}}}, "chat", "", "/c.gguf"),
        ({"completion": {"local": {"path": "/b.gguf"}}, "chat": {"local": {"name": "c"}}}, "chat", "c", ""),
        ({"completion": {"local": {"name": "b"}}}, "embedding", "a", ""),
        ({"embedding": {"local": {"path": "/e.gguf"}}}, "embedding", "", "/e.gguf"),
    ],
)
def test_which_model(model: dict[str, object], role: str, name: str, path: str) -> None:
    found = local_settings(settings(model), role).model  # type: ignore[arg-type]
    assert (found.name, found.path, found.directory) == (name, path, "/models")


def test_every_number_of_a_role_wins_over_the_engines() -> None:
    own = {"gpu_layers": 3, "threads": 2, "context": 16384, "memory_mb": 99, "idle_unload_s": 5}
    given = settings({"chat": {"local": own}}, engine={"threads": 7, "batch": 64, "memory_mb": 1})
    assert local_settings(given, "chat").engine == replace(given.engine, **own)
    assert local_settings(given, "completion").engine == given.engine


def test_numbers_that_mean_as_the_engine() -> None:
    engine = {"gpu_layers": 5, "threads": 7, "context": 1024, "memory_mb": 9, "idle_unload_s": 3}
    given = settings({"chat": {"local": {"name": "c"}}}, engine=engine)
    assert local_settings(given, "chat").engine == given.engine
    zero = {"gpu_layers": -1, "threads": 0, "memory_mb": 0, "idle_unload_s": 0}
    other = settings({"chat": {"local": zero}}, engine=engine)
    assert local_settings(other, "chat").engine == replace(other.engine, **zero)


def test_a_context_is_never_too_small_for_the_engine() -> None:
    assert local_settings(settings({"chat": {"local": {"context": 5}}}), "chat").engine.context == 256


@pytest.mark.parametrize(
    ("model", "same"),
    [
        ({}, True),
        ({"completion": {"local": {"name": "b", "context": 16384}}}, True),
        ({"chat": {"local": {"name": "a"}}}, True),
        ({"chat": {"local": {"name": "b"}}}, False),
        ({"chat": {"local": {"context": 16384}}}, False),
        ({"completion": {"local": {"context": 16384}}, "chat": {"local": {"context": 16384}}}, True),
        ({"chat": {"http": {"kind": "openai/chat"}}}, True),
    ],
)
def test_one_model_is_loaded_once(model: dict[str, object], same: bool) -> None:
    assert same_model(settings(model)) is same


def test_the_index_is_what_it_was_where_the_role_says_nothing() -> None:
    given = settings({}, index={"embedder": "ollama", "url": "http://localhost:1", "key_variable": "K"})
    assert index_settings(given) is given.index


def test_a_server_for_the_index() -> None:
    http = {"kind": "voyage/embedding", "model_name": "v", "api_endpoint": "https://v.example/v1", "api_key": "${V}"}
    index = {"embedder": "ollama", "url": "http://localhost:1", "key_variable": "K", "max_files": 7}
    found = index_settings(settings({"embedding": {"http": http, "local": {"name": "e"}}}, index=index))
    said = EmbeddingHttpSettings(**http)  # type: ignore[arg-type]
    assert found == IndexSettings(embedder="voyage", model="v", url="https://v.example/v1", max_files=7, http=said)


@pytest.mark.parametrize(("local", "model"), [({"name": "e"}, "e"), ({"name": "e", "path": "/e.gguf"}, "/e.gguf")])
def test_a_model_in_process_for_the_index(local: dict[str, str], model: str) -> None:
    found = index_settings(settings({"embedding": {"local": local}}, index={"embedder": "ollama", "url": "http://x"}))
    assert found == IndexSettings(embedder="llama", model=model)


def test_whoever_opens_an_index_gets_the_roles_model_and_engine() -> None:
    plain = settings({})
    assert of_the_index(plain) is plain
    file = of_the_index(settings({"embedding": {"local": {"path": "/e.gguf", "threads": 3}}}))
    assert (file.index.embedder, file.index.model, file.engine.threads) == ("llama", "/e.gguf", 3)
    missing = of_the_index(settings({"embedding": {"local": {"name": "no-such-model"}}}))
    assert (missing.index.embedder, missing.index.model) == ("llama", "no-such-model")
    server = of_the_index(settings({"embedding": {"http": {"kind": "ollama/embedding", "model_name": "m"}}}))
    assert (server.index.embedder, server.index.model, of_the_index(server)) == ("ollama", "m", server)


def test_a_name_in_the_catalogue_becomes_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TABBY_LSP_MODELS", raising=False)
    (tmp_path / "mine.gguf").write_bytes(b"GGUF")
    model = {"directory": str(tmp_path), "embedding": {"local": {"name": "mine"}}}
    assert of_the_index(settings(model)).index.model == str(tmp_path / "mine.gguf")


def test_a_measurements_settings_reach_the_depth() -> None:
    pairs = ["model.chat.http.rate_limit.request_per_minute=5", "model.chat.local.name=c", "offline=true"]
    sent = overrides.initialization_options(pairs, "x.gguf")
    local, http = {"name": "c"}, {"rate_limit": {"request_per_minute": 5}}
    assert sent == {"model": {"path": "x.gguf", "chat": {"http": http, "local": local}}, "offline": True}
    assert resolve(None, sent, NO_FILE).faults == ()
