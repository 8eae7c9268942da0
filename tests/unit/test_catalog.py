"""The catalogue: our own entries are sound, and a user's faults are told without losing the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tabby_lsp.engine.catalog import load
from tabby_lsp.engine.choice import recommend
from tabby_lsp.engine.sources.pypi import PypiSource
from tabby_lsp.errors import ModelMissing

GB = 1_000_000_000

GOOD = """
[[model]]
name = "mine"
family = "starcoder"
parameters = 3
roles = ["completion"]
file = "mine.gguf"
license = "apache-2.0"
memory_mb = 3000
training = "base"
fim = true
sources = [{ kind = "url", url = "https://models.example/mine.gguf" }]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "models.toml"
    path.write_text(text, "utf-8")
    return path


def test_our_entries_are_sound(tmp_path: Path) -> None:
    catalog = load(tmp_path / "none.toml")
    assert catalog.faults == ()
    assert catalog.default.name == "qwen2.5-coder-0.5b-instruct"
    assert [type(source).__name__ for source in catalog.default.sources] == ["HubSource", "PypiSource"]
    assert catalog.default.size == 491_400_064
    assert len({model.file for model in catalog.models}) == len(catalog.models)
    assert sum(model.default for model in catalog.models) == 1


def test_bytes_of_unknown_publishers_are_always_held_to_a_hash(tmp_path: Path) -> None:
    for model in load(tmp_path / "none.toml").models:
        if any(isinstance(source, PypiSource) for source in model.sources):
            assert re.fullmatch("[0-9a-f]{64}", model.sha256), model.name


def test_a_users_entry_is_added(tmp_path: Path) -> None:
    catalog = load(write(tmp_path, GOOD))
    mine = catalog.find("mine")
    assert catalog.faults == ()
    assert (mine.parameters, mine.sources[0].label) == (3.0, "url https://models.example/mine.gguf")
    assert catalog.holder("mine.gguf") is mine


def test_a_users_entry_takes_the_place_of_ours(tmp_path: Path) -> None:
    name, file = "smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf"
    text = GOOD.replace('"mine"', f'"{name}"').replace('"mine.gguf"', f'"{file}"')
    catalog = load(write(tmp_path, text))
    assert catalog.find(name).family == "starcoder"
    assert [model.name for model in catalog.models].count(name) == 1


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "mine"', 'name = "../mine"', "name: must be"),
        ('name = "mine"\n', "", "name: is missing"),
        ('file = "mine.gguf"', 'file = "../../mine.gguf"', "file: must be"),
        ('file = "mine.gguf"', 'file = ".gguf"', "file: must be"),
        ("parameters = 3", 'parameters = "3"', "parameters: must be a number"),
        ("memory_mb = 3000", "memory_mb = true", "memory_mb: must be a whole number"),
        ("memory_mb = 3000", "memory_mb = -1", "memory_mb: must be greater than 0"),
        ('training = "base"', 'training = "chat"', "training: "),
        ("fim = true", 'fim = "yes"', "fim: must be true or false"),
        ("fim = true", "fim = true\nfime = 1", "unknown keys: fime"),
        ("fim = true", 'fim = true\nsha256 = "ABC"', "sha256: must be 64"),
        ('["completion"]', '["complete"]', "roles[0]: "),
        ('kind = "url"', 'kind = "ftp"', "sources[0]: kind must be one of hub, pypi, file, url"),
        ("https://models.example/", "ftp://models.example/", "sources[0]: url must start"),
        ('kind = "url", url', 'kind = "url", link', "sources[0].url: is missing"),
        (
            'kind = "url", url = "https://models.example/mine.gguf"',
            'kind = "file", path = "mine"',
            "path must be absolute",
        ),
        (
            'kind = "url", url = "https://models.example/mine.gguf"',
            'kind = "pypi", wheels = [{ package = "--index-url=x", version = "1", member = "m" }]',
            "sources[0].wheels[0]: package must be",
        ),
        ('[{ kind = "url", url = "https://models.example/mine.gguf" }]', "[]", "sources: must name at least one"),
    ],
)
def test_a_fault_is_told_with_its_place_and_the_rest_is_used(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    bad = GOOD.replace(old, new)
    other = GOOD.replace('"mine"', '"other"').replace('"mine.gguf"', '"other.gguf"')
    path = write(tmp_path, bad + other)
    catalog = load(path)
    place = f"{path}: model 1"
    assert any(fault.startswith(place) and told in fault for fault in catalog.faults), catalog.faults
    assert catalog.find("other").file == "other.gguf"
    with pytest.raises(ModelMissing):
        catalog.find("mine")


def test_every_fault_of_an_entry_is_told(tmp_path: Path) -> None:
    text = GOOD.replace("fim = true", "fim = 1").replace("memory_mb = 3000", 'memory_mb = "much"')
    faults = load(write(tmp_path, text)).faults
    assert len(faults) == 2
    assert all("model 1 (mine)" in fault for fault in faults)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[model]\n", "not valid TOML"),
        ("model = 3\n", "must be a list of tables"),
        ("models = []\n", "unknown key 'models'"),
        ("model = [3]\n", "model 1"),
        (GOOD + GOOD, "is taken by an earlier entry"),
        (GOOD.replace('"mine.gguf"', '"qwen2.5-coder-7b-q8_0.gguf"'), "is qwen2.5-coder-7b's already"),
    ],
)
def test_a_broken_file_leaves_our_entries(tmp_path: Path, text: str, told: str) -> None:
    catalog = load(write(tmp_path, text))
    assert any(told in fault for fault in catalog.faults), catalog.faults
    assert catalog.default.name == "qwen2.5-coder-0.5b-instruct"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "models.toml"
    folder.mkdir()
    assert "cannot be read" in load(folder).faults[0]


def test_an_unknown_name_gets_near_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"qwen2\.5-coder-7b"):
        load(tmp_path / "none.toml").find("qwen2.5-coder-7")


@pytest.mark.parametrize(
    ("memory", "gpu", "name", "why"),
    [
        (16 * GB, 0, "qwen2.5-coder-0.5b-instruct", "there is no GPU"),
        (512 * GB, 0, "qwen2.5-coder-0.5b-instruct", "there is no GPU"),
        (16 * GB, 1 * GB, "qwen2.5-coder-0.5b-instruct", "too small"),
        (16 * GB, 4 * GB, "qwen2.5-coder-1.5b", "1900 MiB"),
        (16 * GB, 8 * GB, "qwen2.5-coder-1.5b", "80%"),  # the 3b would fit; its licence forbids recommending it
        (16 * GB, 24 * GB, "qwen2.5-coder-7b", "24 GB"),
        (1 * GB, 0, "smollm2-135m-instruct", "1.0 GB"),
        (GB // 4, 0, "smollm2-135m-instruct", "smallest"),
    ],
)
def test_recommendations_fit_the_machine(tmp_path: Path, memory: int, gpu: int, name: str, why: str) -> None:
    model, reason = recommend(load(tmp_path / "none.toml"), memory, gpu)
    assert model.name == name
    assert why in reason
