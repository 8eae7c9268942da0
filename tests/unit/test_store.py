"""The models folder: what is there, whether it is right, and what a missing or read-only one says."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tabby_lsp.config import ModelSettings, Settings
from tabby_lsp.engine.catalog import Catalog, Model
from tabby_lsp.engine.choice import resolve_model
from tabby_lsp.engine.sources.file import FileSource
from tabby_lsp.engine.store import STALE_DAYS, ModelStore, default_directory
from tabby_lsp.errors import ModelCorrupt, ModelMissing, NotWritable

CONTENT = b"GGUF" + bytes(range(256)) * 64


def make(name: str = "tiny", *, sha256: str = "", size: int | None = None, parameters: float = 1.0) -> Model:
    return Model(
        name=name,
        family="qwen2.5-coder",
        parameters=parameters,
        roles=("completion",),
        file=f"{name}.gguf",
        license="apache-2.0",
        memory_mb=10,
        training="base",
        fim=True,
        sources=(FileSource("/nowhere"),),
        size=size,
        sha256=sha256,
    )


PINNED = make(sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    store = ModelStore(tmp_path / "models")
    store.prepare()
    return store


def test_the_environment_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(model=ModelSettings(directory=str(tmp_path / "set")))
    monkeypatch.delenv("TABBY_LSP_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_directory().parts[-2:] == ("tabby-lsp", "models")
    assert ModelStore.of(Settings()).directory == default_directory()
    assert ModelStore.of(settings).directory == tmp_path / "set"
    monkeypatch.setenv("TABBY_LSP_MODELS", str(tmp_path / "named"))
    assert ModelStore.of(settings).directory == tmp_path / "named"


def test_a_missing_folder_has_no_models_and_is_not_made_by_looking(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "none")
    assert store.installed(Catalog((PINNED,))) == ()
    assert dict(store.unfinished()) == {}
    assert not store.is_intact(PINNED)
    assert not store.directory.exists()


def test_installed_files_come_best_first_and_damage_shows(store: ModelStore) -> None:
    large = make("large", parameters=7.0)
    store.path(PINNED).write_bytes(CONTENT[:-1])
    store.path(large).write_bytes(CONTENT)
    (store.directory / "own.gguf").write_bytes(CONTENT)
    (store.directory / "notes.txt").write_bytes(CONTENT)
    found = store.installed(Catalog((PINNED, large)))
    assert [(item.name, item.whole) for item in found] == [("large", True), ("tiny", False), ("own", True)]


def test_verifying_tells_right_from_wrong(store: ModelStore) -> None:
    store.path(PINNED).write_bytes(CONTENT)
    seen: list[int] = []
    assert store.verify(PINNED, lambda progress: seen.append(progress.done)) == PINNED.sha256
    assert seen[-1] == len(CONTENT)
    assert store.is_intact(PINNED)
    store.path(PINNED).write_bytes(CONTENT[::-1])
    assert not store.is_intact(PINNED)
    with pytest.raises(ModelCorrupt, match=PINNED.sha256):
        store.verify(PINNED)
    assert store.path(PINNED).exists()


def test_verifying_what_is_not_there(store: ModelStore) -> None:
    with pytest.raises(ModelMissing, match="models pull tiny"):
        store.verify(PINNED)


def test_an_unpinned_model_is_held_to_its_first_hash_even_after_removal(store: ModelStore) -> None:
    model = make("loose")
    store.path(model).write_bytes(CONTENT)
    first = store.verify(model)
    assert store.remove(model) == len(CONTENT)
    store.path(model).write_bytes(CONTENT[::-1])
    with pytest.raises(ModelCorrupt):
        store.verify(model)
    store.remove(model, forget=True)
    store.path(model).write_bytes(CONTENT[::-1])
    assert store.verify(model) != first


@pytest.mark.parametrize("text", ["", "[]", "{", '{"tiny.gguf": 3}', '{"tiny.gguf": {"hash": ""}}', "\x00"])
def test_nonsense_in_the_records_is_as_good_as_none(store: ModelStore, text: str) -> None:
    (store.directory / "hashes.json").write_text(text)
    store.path(PINNED).write_bytes(CONTENT)
    assert store.record(PINNED.file) is None
    store.verify(PINNED)
    assert json.loads((store.directory / "hashes.json").read_text())["tiny.gguf"]["sha256"] == PINNED.sha256


def test_removing_takes_unfinished_bytes_too(store: ModelStore) -> None:
    store.path(PINNED).write_bytes(CONTENT)
    store.parts(PINNED).mkdir()
    (store.parts(PINNED) / "abc.part").write_bytes(b"12345")
    assert dict(store.unfinished()) == {PINNED.file: 5}
    assert store.remove(PINNED) == len(CONTENT) + 5
    assert dict(store.unfinished()) == {}
    with pytest.raises(ModelMissing):
        store.remove(PINNED)


def test_only_old_parts_that_nobody_works_on_are_dropped(store: ModelStore) -> None:
    models = {name: make(name) for name in ("old", "new", "busy")}
    for model in models.values():
        store.parts(model).mkdir()
        (store.parts(model) / "a.part").write_bytes(b"1")
    long_ago = time.time() - (STALE_DAYS + 1) * 86_400
    for name in ("old", "busy"):
        os.utime(store.parts(models[name]) / "a.part", (long_ago, long_ago))
        os.utime(store.parts(models[name]), (long_ago, long_ago))
    with store.lock(models["busy"]):
        store.drop_stale()
    assert set(store.unfinished()) == {"new.gguf", "busy.gguf"}


def test_a_folder_that_cannot_be_made_is_told_with_a_remedy(tmp_path: Path) -> None:
    """A path below a regular file refuses root as well."""
    (tmp_path / "file").write_bytes(b"")
    store = ModelStore(tmp_path / "file" / "models")
    assert store.installed(Catalog((PINNED,))) == ()
    with pytest.raises(NotWritable, match="TABBY_LSP_MODELS") as caught:
        store.prepare()
    assert str(store.directory) in caught.value.message


@pytest.fixture
def read_only(store: ModelStore) -> Iterator[ModelStore]:
    """A store whose folder is mounted read-only, which holds for root too."""
    store.path(PINNED).write_bytes(CONTENT)
    folder = str(store.directory)
    if subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False).returncode:
        pytest.skip("only root may mount, and permission bits do not hold for everyone")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield store
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_read_only_folder_can_be_used_but_not_changed(read_only: ModelStore) -> None:
    assert [item.name for item in read_only.installed(Catalog((PINNED,)))] == ["tiny"]
    assert read_only.verify(PINNED) == PINNED.sha256
    with pytest.raises(NotWritable, match="Read-only file system"):
        read_only.remove(PINNED)
    assert read_only.path(PINNED).read_bytes() == CONTENT


def test_the_engine_gets_what_the_settings_name(store: ModelStore, tmp_path: Path) -> None:
    large = make("large", parameters=7.0)
    catalog = Catalog((PINNED, large))
    own = tmp_path / "own.gguf"
    named, unset = Settings(model=ModelSettings(name="tiny")), Settings()
    with pytest.raises(ModelMissing, match="`tabby-lsp models pull`"):
        resolve_model(unset, store, catalog)
    with pytest.raises(ModelMissing, match="`tabby-lsp models pull tiny`"):
        resolve_model(named, store, catalog)
    for settings, remedy in ((named, "`tabby-lsp models pull tiny`"), (replace(named, offline=True), "--from FILE")):
        with pytest.raises(ModelMissing) as raised:
            resolve_model(settings, store, catalog)
        assert remedy in raised.value.remedy
    store.path(large).write_bytes(CONTENT)
    other = resolve_model(named, store, catalog)
    assert (other.name, other.entry) == ("large", large)
    assert "tiny is not installed" in other.note
    store.path(PINNED).write_bytes(CONTENT)
    assert resolve_model(named, store, catalog).name == "tiny"
    assert resolve_model(unset, store, catalog).name == "large"
    at_path = Settings(model=ModelSettings(name="tiny", path=str(own)))
    with pytest.raises(ModelMissing, match=r"own\.gguf"):
        resolve_model(at_path, store, catalog)
    own.write_bytes(CONTENT)
    assert resolve_model(at_path, store, catalog).path == own


def test_a_damaged_file_is_not_loaded(store: ModelStore) -> None:
    store.path(PINNED).write_bytes(CONTENT[:-1])
    with pytest.raises(ModelMissing):
        resolve_model(Settings(), store, Catalog((PINNED,)))
