"""Who takes part in a replay, from the words of the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tabby_lsp import options, schema
from tabby_lsp.bench.contestants.language_server import LanguageServer
from tabby_lsp.bench.contestants.programs import our_program
from tabby_lsp.bench.types import Contestant
from tabby_lsp.engine.choice import ModelFile
from tabby_lsp.engine.opening import find_model
from tabby_lsp.errors import TabbyError

STAYS = {"engine": {"idle_unload_s": 0}}
"""However long the others take, the model stays in memory."""


def contestants_of(
    models: Sequence[str],
    settings: Sequence[str],
    variants: Sequence[str],
    peers: Sequence[str],
    folders: Sequence[Path] = (),
) -> list[Contestant]:
    """Our server with each model, plain and in each variant, then the peers.

    Args:
        models: names or GGUF files; empty: the one that the user's settings mean.
        settings: `KEY=VALUE`, for all of ours.
        variants: `NAME:KEY=VALUE,KEY=VALUE`.
        peers: names of `bench.peers.PEERS`; they get the first model.
        folders: the workspace of all of ours, which are ready when it is indexed.

    Raises:
        TabbyError: a model is not here, or one of the words is wrong.
    """
    files = [model_file(model) for model in models or [""]]
    shared = _merge(STAYS, settings_of(settings))
    found: list[Contestant] = []
    for file in files:
        several = f"{file.name} " if len(files) > 1 else ""
        chosen = _merge(shared, {"model": {"path": str(file.path.absolute())}})
        entries = [(several.strip() or "tabby-lsp", chosen)]
        for variant in variants:
            label, changes = _variant(variant)
            entries.append((several + label, _merge(chosen, changes)))
        for name, options_ in entries:
            indexed = bool(folders) and options_.get("index", {}).get("enabled", True)
            found.append(LanguageServer(our_program(name, options_, indexed=indexed), folders))
    found += [_peer(name, files[0].path) for name in peers]
    names = [contestant.name for contestant in found]
    if len(set(names)) < len(names):
        raise TabbyError(f"Two contestants have one name: {', '.join(names)}.", "Name variants differently.")
    return found


def model_file(model: str) -> ModelFile:
    """The file of a model.

    Args:
        model: a name, a GGUF file, or nothing for the one that the user's settings mean.

    Raises:
        TabbyError: it is not here.
    """
    settings = options.resolve().settings
    if model:
        named = {"path": model, "name": ""} if model.endswith(".gguf") else {"path": "", "name": model}
        settings = dataclasses.replace(settings, model=dataclasses.replace(settings.model, **named))
    file = find_model(settings)
    if file.note:
        raise TabbyError(file.note)
    return file


def settings_of(words: Sequence[str]) -> dict[str, Any]:
    """Settings in the form in which a client sends them.

    Args:
        words: such as `completion.max_tokens=48`.

    Raises:
        TabbyError: there is no such setting, or it cannot have this value.
    """
    found: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        setting = schema.SETTINGS.get(key)
        if not equals or setting is None:
            raise TabbyError(f"{word!r} is no setting.", "Write KEY=VALUE; `tabby-lsp config` lists the keys.")
        try:
            value = schema.PARSE[setting.type](text)
        except (KeyError, ValueError):
            value = None
        if setting.accept(value) is None:
            raise TabbyError(f"{key} must be {setting.expected}, not {text!r}.")
        section, _, name = key.rpartition(".")
        (found.setdefault(section, {}) if section else found)[name] = value
    return found


def _variant(word: str) -> tuple[str, dict[str, Any]]:
    label, colon, changes = word.partition(":")
    if not colon or not label:
        raise TabbyError(f"{word!r} is no variant.", "Write --variant NAME:KEY=VALUE,KEY=VALUE.")
    return label, settings_of(changes.split(","))


def _merge(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(one)
    for key, value in other.items():
        found[key] = {**found.get(key, {}), **value} if isinstance(value, Mapping) else value
    return found


def _peer(name: str, model: Path) -> Contestant:
    from tabby_lsp.bench.contestants.peers import PEERS

    if name not in PEERS:
        raise TabbyError(f"{name!r} is no peer.", f"There are: {', '.join(PEERS)}.")
    return PEERS[name](model)
