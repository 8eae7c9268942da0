"""Files that are no models, or none for this machine: a message with a remedy, and a server that goes on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import gguf
import pytest
import pytest_asyncio
from e2e.conftest import Launch
from e2e.wire import UNHURRIED, Editor, Json, hole

pytestmark = pytest.mark.asyncio(loop_scope="module")

URI = "file:///e2e/bad-models.py"
TEXT, LINE, CHARACTER = hole("def add(a, b):\n    return █\n\n\nprint(add(1, 2))\n")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(
    server_environment: dict[str, str], log_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Editor]:
    """One server for all the files, which says what it thinks of each."""
    config = tmp_path_factory.mktemp("config") / "config.toml"
    config.touch()
    environment = server_environment | {"TABBY_LSP_CONFIG": str(config)}
    editor = await Editor.start(environment, log_folder / "bad-models.log")
    editor.config = config
    await editor.initialize(UNHURRIED)
    await editor.status_is("ready")
    editor.open(URI, TEXT)
    yield editor
    await editor.stop()


def truncated(folder: Path, model: Path) -> Path:
    """The first tenth of the real model."""
    path = folder / "truncated.gguf"
    with model.open("rb") as whole:
        path.write_bytes(whole.read(50_000_000))
    return path


def no_gguf(folder: Path, _: Path) -> Path:
    """Text under a model's name."""
    path = folder / "letter.gguf"
    path.write_text("Dear model,\n" * 1000)
    return path


def empty(folder: Path, _: Path) -> Path:
    """Nothing under a model's name."""
    path = folder / "empty.gguf"
    path.touch()
    return path


def unknown_architecture(folder: Path, _: Path) -> Path:
    """A proper GGUF of a kind that llama.cpp has never heard of."""
    path = folder / "unknown.gguf"
    writer = gguf.GGUFWriter(path, "e2e-unheard-of")
    writer.add_block_count(1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def missing(folder: Path, _: Path) -> Path:
    """No file at all."""
    return folder / "missing.gguf"


def directory(folder: Path, _: Path) -> Path:
    """A folder under a model's name."""
    path = folder / "folder.gguf"
    path.mkdir()
    return path


CASES = [
    pytest.param(truncated, "error", ["truncated.gguf", "cut short", "models verify"], id="truncated"),
    pytest.param(no_gguf, "error", ["letter.gguf", "no GGUF", "models pull"], id="no-gguf"),
    pytest.param(empty, "error", ["empty.gguf", "models pull"], id="empty"),
    pytest.param(unknown_architecture, "error", ["e2e-unheard-of", "choose another model"], id="unknown-architecture"),
    pytest.param(missing, "no-model", ["model.path", "missing.gguf", "Correct it"], id="missing"),
    pytest.param(directory, "no-model", ["model.path", "folder.gguf", "Correct it"], id="directory"),
]


async def configure(editor: Editor, **settings: dict[str, object]) -> None:
    """Write the user's settings file and restart the model, as a person would."""
    assert editor.config is not None
    sections = {
        name: "".join(f"{k} = {json.dumps(v)}\n" for k, v in values.items()) for name, values in settings.items()
    }
    editor.config.write_text("".join(f"[{name}]\n{body}" for name, body in sections.items()))
    await editor.request("workspace/executeCommand", {"command": "tabby-lsp.restart"})


@pytest.mark.parametrize(("make", "state", "words"), CASES)
async def test_a_bad_file_is_explained_and_a_good_one_serves(
    editor: Editor, tmp_path: Path, model_file: Path, make: Json, state: str, words: list[str]
) -> None:
    path = make(tmp_path, model_file)
    shown = len(editor.said("window/showMessage"))
    await configure(editor, model={"path": str(path)})
    told = await editor.status_is(state)
    for word in words:
        assert word in told["message"]
    assert "Traceback" not in told["message"]
    given = await editor.complete(URI, LINE, CHARACTER)
    assert given.items == []
    assert given.trace == [f"no suggestion: {state}"]
    messages = editor.said("window/showMessage")[shown:]
    assert len(messages) == (1 if state == "error" else 0)
    assert all(told["message"] in said["message"] for said in messages)
    assert not [method for method, _ in editor.asked if method == "window/showMessageRequest"]

    await configure(editor, model={"path": str(model_file)})
    await editor.status_is("ready")
    assert (await editor.complete(URI, LINE, CHARACTER)).items


async def test_more_memory_than_is_allowed_is_refused(editor: Editor, model_file: Path) -> None:
    await configure(editor, engine={"memory_mb": 64}, model={"path": str(model_file)})
    told = await editor.status_is("error")
    assert "engine.memory_mb allows 64" in told["message"]
    await configure(editor, model={"path": str(model_file)})
    await editor.status_is("ready")


async def test_a_restart_is_a_command(editor: Editor) -> None:
    before = len(editor.statuses())
    assert await editor.request("workspace/executeCommand", {"command": "tabby-lsp.restart"}) is None
    await editor.until(lambda: editor.statuses()[before:][-1:] == ["ready"], "ready model")
    assert "loading" in editor.statuses()[before:]
    assert (await editor.complete(URI, LINE, CHARACTER)).items


async def test_a_client_may_not_push_another_file(editor: Editor) -> None:
    settings = UNHURRIED | {"model": {"path": "/from/a/cloned/repository.gguf"}}
    editor.notify("workspace/didChangeConfiguration", {"settings": {"tabby-lsp": settings}})

    def complaints() -> list[Json]:
        return [said for said in editor.said("window/showMessage") if "may not set this" in said["message"]]

    await editor.until(complaints, "complaint")
    assert (await editor.complete(URI, LINE, CHARACTER)).items


@pytest.mark.asyncio(loop_scope="function")
async def test_a_cache_that_cannot_be_written_is_done_without(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    editor = await launch(XDG_CACHE_HOME=str(tmp_path / "file" / "cache"))
    await editor.initialize(UNHURRIED)
    await editor.status_is("ready")
    editor.open(URI, TEXT)
    assert (await editor.complete(URI, LINE, CHARACTER)).items
    assert editor.said("window/showMessage") == []
