"""Who serves each of the three roles, as the settings say: completion, chat, embedding.

From the nested tables of `[model]` to what one engine or one index needs. Nothing here looks at a disk or a network:
which file a name stands for is the engine's to find.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

from tabby_lsp.config import EngineSettings, IndexSettings, LocalSettings, Settings
from tabby_lsp.rules import LIMITS

Role: TypeAlias = Literal["completion", "chat", "embedding"]


def local_settings(settings: Settings, role: Role) -> Settings:
    """Return the settings of a role's model in this process, for whom only `[model]` and `[engine]` have to be read.

    A chat about which nothing is said in `[model.chat.local]` has completion's model, with completion's engine, so that
    one model serves both; where anything is said there, what is left open is completion's model and `[engine]`.

    Args:
        settings: the user's.
        role: whose model.

    Returns:
        The same settings, with `model.name`, `model.path` and what `engine` says replaced. A context that is smaller
        than `engine.context` may be is raised to that.
    """
    own = getattr(settings.model, role).local
    completion = settings.model.completion.local
    if role == "chat" and own == LocalSettings():
        own = completion
    model = settings.model
    for named in (completion, own) if role == "chat" else (own,):
        if named.name or named.path:
            model = replace(model, name=named.name, path=named.path)
    return replace(settings, model=model, engine=_engine(settings.engine, own))


def _engine(engine: EngineSettings, local: LocalSettings) -> EngineSettings:
    """The engine with a role's numbers; the numbers that stand for "as the engine" are in `LocalSettings`."""
    return replace(
        engine,
        gpu_layers=engine.gpu_layers if local.gpu_layers == -2 else local.gpu_layers,
        threads=engine.threads if local.threads == -1 else local.threads,
        context=max(int(LIMITS["engine.context"][0]), local.context) if local.context else engine.context,
        memory_mb=engine.memory_mb if local.memory_mb == -1 else local.memory_mb,
        idle_unload_s=engine.idle_unload_s if local.idle_unload_s == -1 else local.idle_unload_s,
    )


def same_model(settings: Settings) -> bool:
    """Return whether chat uses the very model and engine of completion, so that it is loaded once.

    Two ways to name one file (a name here, its path there) count as different.
    """
    one, other = local_settings(settings, "completion"), local_settings(settings, "chat")
    return (one.model, one.engine) == (other.model, other.engine)


def index_settings(settings: Settings) -> IndexSettings:
    """Return the index's settings, with what makes its vectors taken from `[model.embedding]` where that says anything.

    A server there wins over a model there, and both over `index.embedder` with its `model`, `url` and `key_variable`.

    Returns:
        `embedder` is the kind's first half (`voyage/embedding`: `voyage`), and `http` has the server with all that is
        said of it: the key as it is written in the settings, which is looked up where it is used. For a model in this
        process `model` is a GGUF file or a name that is still to be found.
    """
    index, http, local = settings.index, settings.model.embedding.http, settings.model.embedding.local
    if http.kind:
        embedder = http.kind.partition("/")[0]
        return replace(
            index, embedder=embedder, model=http.model_name, url=http.api_endpoint, key_variable="", http=http
        )
    if local.name or local.path:
        return replace(index, embedder="llama", model=local.path or local.name, url="", key_variable="")
    return index
