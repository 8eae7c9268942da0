"""From settings to an engine that can be asked: which file, whether it can be trusted, and the engine around it.

The one way in for the server and the command line. It blocks (a preflight takes seconds), so the server calls it
on a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tabby_lsp.config import Settings
from tabby_lsp.engine import catalog
from tabby_lsp.engine.choice import ModelFile, resolve_model
from tabby_lsp.engine.store import ModelStore
from tabby_lsp.engine.types import Engine
from tabby_lsp.errors import TabbyError
from tabby_lsp.roles import local_settings


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine, and what it serves.

    Attributes:
        engine: nothing is loaded yet: `Engine.ready` does that.
        model: the file it will load; one without a path for a server's model.
        far: whether it is on another machine.
    """

    engine: Engine
    model: ModelFile
    far: bool = False


def verdict_cache() -> Path:
    """Where preflight's verdicts are kept."""
    import platformdirs

    return platformdirs.user_cache_path("tabby-lsp") / "preflight"


def find_model(settings: Settings) -> ModelFile:
    """The file that the settings mean.

    Raises:
        ModelMissing: there is none.
    """
    return resolve_model(settings, ModelStore.of(settings), catalog.load())


def open_completion(
    settings: Settings,
    on_unload: Callable[[], None] | None = None,
    on_change: Callable[[TabbyError | None], None] = lambda _: None,
) -> Opened:
    """Who completes, as the settings say: a server, or a model in this process.

    Args:
        settings: of all roles.
        on_unload: see `open_engine`.
        on_change: told when the server does not serve for a while, and with None when it does again; on any thread. An
            error that is no `ProviderError` says that nobody can stand in (see `engine.guarded`).

    Raises:
        ConfigError: a server is named without what is needed to reach it.
        TabbyError: what `open_engine` raises, and a key that cannot be had.
    """
    http, mine = settings.model.completion.http, local_settings(settings, "completion")
    if not http.kind:
        return open_engine(mine, on_unload)
    from tabby_lsp.engine.guarded import GuardedEngine
    from tabby_lsp.engine.http.opening import open_remote_engine

    remote = open_remote_engine(settings)
    assert remote is not None  # noqa: S101 - a kind is set
    local = (lambda: open_engine(mine).engine) if http.fallback == "local" else None
    model = ModelFile(Path(), http.model_name or http.kind, None)
    return Opened(GuardedEngine(remote, local, on_change), model, far=not remote.server.near)


def open_engine(settings: Settings, on_unload: Callable[[], None] | None = None) -> Opened:
    """Find the model, put it through preflight and make an engine for it.

    Args:
        settings: model and engine.
        on_unload: called on the engine's thread when an idle model has left memory.

    Raises:
        ModelMissing: there is no model file.
        ModelUnusable: preflight failed.
    """
    model = find_model(settings)
    from tabby_lsp.engine.llama import library
    from tabby_lsp.engine.llama.preflight import preflight

    verdict = preflight(model.path, settings.engine, cache=verdict_cache()).require()
    library.prepare_threads(settings.engine.openmp_wait)
    from tabby_lsp.engine.llama.residence import loader
    from tabby_lsp.engine.llama.worker import LlamaEngine

    load = loader(model.path, settings.engine, extra_buffers=verdict.extra_buffers)
    return Opened(LlamaEngine(load, settings.engine, on_unload), model)
