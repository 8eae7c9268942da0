"""A tiny model, written once a session, and a bench to run it on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rig import SETTINGS, Naive, Rig
from tiny import truncate, write_model, write_recurrent

from tabby_lsp.config import EngineSettings
from tabby_lsp.engine.llama.library import WAITING

# before any test loads the library: its threads must not spin beside the ones of other tests
os.environ.update(WAITING["passive"])


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all the tiny files: `tiny`, `recurrent`, `unknown`, `short` and `text`, each a `.gguf`."""
    folder = tmp_path_factory.mktemp("models")
    write_model(folder / "tiny.gguf")
    write_recurrent(folder / "recurrent.gguf")
    write_model(folder / "unknown.gguf", architecture="quokka")
    truncate(folder / "tiny.gguf", folder / "short.gguf")
    (folder / "text.gguf").write_text("no model at all\n")
    return folder


@pytest.fixture(scope="session")
def tiny(models: Path) -> Path:
    return models / "tiny.gguf"


@pytest.fixture(scope="session")
def recurrent(models: Path) -> Path:
    return models / "recurrent.gguf"


@pytest.fixture(scope="session")
def naive(tiny: Path) -> Iterator[Naive]:
    reference = Naive(tiny)
    yield reference
    reference.close()


@pytest.fixture
def make_rig(tiny: Path) -> Iterator[Callable[..., Rig]]:
    """Benches with the tiny model; closed after the test."""
    made: list[Rig] = []

    def make(settings: EngineSettings = SETTINGS) -> Rig:
        made.append(Rig(tiny, settings))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig()
