"""The shared library: its threads, what it can do, and what a model is asked for in each case."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from rig import SETTINGS, Rig

from tabby_lsp.engine.llama import library
from tabby_lsp.engine.llama.model import REMEDIES, LoadedModel, threads_for
from tabby_lsp.engine.llama.vocabulary import Vocabulary
from tabby_lsp.errors import ModelUnusable

VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment that says nothing of threads; what a test sets in it is gone after it."""
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    monkeypatch.setattr(library.os, "environ", clean)
    return clean


@pytest.mark.parametrize("policy", ["active", "passive", "auto"])
def test_threads_wait_as_the_setting_says(environment: dict[str, str], policy: Any) -> None:
    library.prepare_threads(policy)
    assert {name: environment[name] for name in VARIABLES if name in environment} == library.WAITING[policy]


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("policy", ["active", "passive", "auto"])
def test_the_users_own_environment_wins(environment: dict[str, str], policy: Any, name: str) -> None:
    environment[name] = "7"
    before = dict(environment)
    library.prepare_threads(policy)
    assert environment == before


@pytest.mark.parametrize(
    ("info", "expected"), [("AVX512 = 1 | AMX_INT8 = 1 |", True), ("AMX_INT8 = 0", False), ("", False)]
)
def test_amx_is_what_the_library_says(monkeypatch: pytest.MonkeyPatch, info: str, expected: bool) -> None:
    monkeypatch.setattr(library, "system_info", lambda: info)
    assert library.has_amx() is expected


@pytest.mark.parametrize("answer", [True, False])
def test_offloading_is_what_the_library_says(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr(library.load(), "llama_supports_gpu_offload", lambda: answer)
    assert library.can_offload() is answer


@pytest.mark.parametrize(
    ("can", "setting", "layers"), [(True, -1, 10_000), (True, 7, 7), (True, 0, 0), (False, -1, 0), (False, 7, 0)]
)
def test_layers_go_to_a_gpu_only_where_there_can_be_one(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, can: bool, setting: int, layers: int
) -> None:
    asked: list[int] = []

    def loading(path: bytes, params: Any) -> None:
        assert path == os.fsencode(tiny)
        asked.append(params.n_gpu_layers)

    monkeypatch.setattr(library, "can_offload", lambda: can)
    monkeypatch.setattr(library.load(), "llama_model_load_from_file", loading)
    with pytest.raises(ModelUnusable, match="it says no reason"):
        LoadedModel(tiny, replace(SETTINGS, gpu_layers=setting), extra_buffers=True)
    assert asked == [layers]


@pytest.mark.parametrize(("gpu_layers", "offloaded"), [(-1, 3), (1, 1), (0, 0)])
def test_offloaded_layers_are_no_more_than_there_are(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, gpu_layers: int, offloaded: int
) -> None:
    monkeypatch.setattr(library, "can_offload", lambda: True)
    model = LoadedModel(tiny, replace(SETTINGS, gpu_layers=gpu_layers), extra_buffers=True)
    assert model.info.offloaded == offloaded
    model.close()


@pytest.mark.parametrize(
    ("setting", "allowed", "physical", "expected"),
    [(3, 8, 8, 3), (0, 2, 2, 2), (0, 4, 8, 4), (0, 16, 8, 7), (0, 8, None, 7), (0, 1, 1, 1), (0, 5, 5, 4)],
)
def test_one_core_is_left_to_the_editor_where_there_are_many(
    monkeypatch: pytest.MonkeyPatch, setting: int, allowed: int, physical: int | None, expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)), raising=False)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: physical)
    assert threads_for(replace(SETTINGS, threads=setting)) == expected


def test_the_first_error_is_the_reason(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    def loading(*_: object) -> None:
        library.faults.append("llama_model_load_impl: error loading model: out of memory on device")
        library.faults.append("llama_model_load: failed to load model")

    monkeypatch.setattr(library.load(), "llama_model_load_from_file", loading)
    with pytest.raises(ModelUnusable, match=r"tiny\.gguf: out of memory on device") as caught:
        LoadedModel(tiny, SETTINGS, extra_buffers=True)
    assert caught.value.remedy == REMEDIES["out of memory"]


def test_a_context_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    freed: list[object] = []
    lib = library.load()
    free = lib.llama_model_free
    monkeypatch.setattr(lib, "llama_init_from_model", lambda *_: None)
    monkeypatch.setattr(lib, "llama_model_free", lambda model: (freed.append(model), free(model)))
    with pytest.raises(ModelUnusable, match="context"):
        LoadedModel(tiny, SETTINGS, extra_buffers=True)
    assert len(freed) == 1


def test_progress_is_reported_and_can_end_the_loading(tiny: Path) -> None:
    seen: list[float] = []
    LoadedModel(tiny, SETTINGS, extra_buffers=True, on_progress=lambda part: seen.append(part) is None).close()
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    with pytest.raises(ModelUnusable):
        LoadedModel(tiny, SETTINGS, extra_buffers=True, on_progress=lambda _: False)


def test_cancelling_waits_where_there_is_no_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> None:
        raise OSError("no such library")

    monkeypatch.setattr(library.ctypes, "CDLL", missing)
    flag = library.AbortFlag()
    assert flag.install(library.load(), None) is False
    flag.set(True)


def test_the_build_has_a_name() -> None:
    name = library.build_name()
    assert name.startswith("llama-cpp-python ")
    assert "unknown" not in name


def test_what_a_model_says_of_itself(rig: Rig) -> None:
    info = rig.model.info
    assert info.markers == {
        "prefix": "<|fim_prefix|>",
        "suffix": "<|fim_suffix|>",
        "middle": "<|fim_middle|>",
        "repository": "<|repo_name|>",
        "separator": "<|file_sep|>",
    }
    assert info.metadata["general.name"] == "tiny"
    assert "tokenizer.ggml.tokens" not in info.metadata
    assert info.size == rig.model.footprint.weights
    assert info.parameters * 4 == info.size
    assert info.offloaded == 0


def test_a_piece_longer_than_the_buffer_is_read_whole() -> None:
    """llama.cpp says how long it is as a negative number."""
    text = b"x" * 100

    def to_piece(_: object, token: int, buffer: Any, size: int, *__: object) -> int:
        if size < len(text):
            return -len(text)
        buffer.raw = text + b"\0" * (size - len(text))
        return len(text)

    lib = SimpleNamespace(
        llama_model_get_vocab=lambda _: None,
        llama_vocab_n_tokens=lambda _: 1,
        llama_vocab_get_add_bos=lambda _: True,
        llama_vocab_bos=lambda _: 0,
        llama_token_to_piece=to_piece,
    )
    vocabulary = Vocabulary(lib, None)
    assert vocabulary.piece(0) == text
    assert vocabulary.bos == 0
