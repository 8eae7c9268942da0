"""What a person at an editor sees of servers that fail, and of a role that is switched while the editor is open."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from e2e.conftest import Launch
from e2e.wire import UNHURRIED, Editor, Json, hole
from unit.provider_server import (
    Behaviour,
    Served,
    half,
    hangs,
    says,
    serving,
    slams,
    spoken,
    streams,
    written,
)

pytestmark = pytest.mark.asyncio

URI = "file:///e2e/served.py"
TEXT, LINE, CHARACTER = hole("def add(a, b):\n    return █\n\n\nprint(add(1, 2))\n")
KEYS = 4
REWRITE = {
    "uri": URI,
    "instruction": "Name the sum.",
    "range": {"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 0}},
}
BETTER = "def add(a, b):\n    total = a + b\n    return total\n"

FAULTS: dict[str, tuple[Behaviour, str]] = {
    "hangs": (hangs, "silent"),
    "401": (says(401, '{"error": {"message": "bad key"}}'), "api_key"),
    "429": (says(429, "{}", Retry_After="3600"), "request_per_minute"),
    "500": (says(500, '{"error": {"message": "kaboom"}}'), "kaboom"),
    "garbage": (streams(["<html>", "not a stream at all"]), "127.0.0.1"),
    "closes": (slams, "127.0.0.1"),
}
"""Name → how a server fails, and a word that the one message about it has."""


def settings(tmp_path: Path, role: str, served: Served, kind: str, **more: Json) -> Path:
    """The user's file with a server for a role."""
    http = {"kind": kind, "model_name": "m", "api_endpoint": served.url, "timeout_s": 1, **more}
    lines = [f"{name} = {json.dumps(value)}" for name, value in http.items()]
    path = tmp_path / "config.toml"
    path.write_text(f"[model.{role}.http]\n" + "\n".join(lines) + "\n")
    return path


async def type_keys(editor: Editor, count: int = KEYS) -> list[int]:
    """Ask at some keys; how many suggestions each had."""
    shown = []
    for number in range(count):
        editor.edit(URI, 2 + number, (LINE, CHARACTER + number), (LINE, CHARACTER + number), "a")
        given = await editor.complete(URI, LINE, CHARACTER + number + 1)
        shown.append(len(given.items))
    return shown


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_server_that_fails_is_one_message_and_no_key_waits(launch: Launch, tmp_path: Path, fault: str) -> None:
    behaviour, word = FAULTS[fault]
    with serving(behaviour) as served:
        path = settings(tmp_path, "completion", served, "openai/legacy_completion_no_fim")
        editor = await launch(TABBY_LSP_CONFIG=str(path))
        await editor.initialize(UNHURRIED)
        await editor.status_is("ready")
        editor.open(URI, TEXT)
        assert await type_keys(editor) == [0] * KEYS
        (said,) = editor.said("window/showMessage")
        assert word in said["message"]
        assert "Traceback" not in said["message"]
        assert len(served.asked) <= 2 * KEYS


async def test_a_server_that_hangs_is_noticed_while_somebody_types(launch: Launch, tmp_path: Path) -> None:
    """Each key gives up the question of the last, so that none of them is ever late."""
    with serving(hangs) as served:
        path = settings(tmp_path, "completion", served, "openai/legacy_completion_no_fim", timeout_s=60)
        editor = await launch(TABBY_LSP_CONFIG=str(path))
        await editor.initialize(UNHURRIED)
        await editor.status_is("ready")
        editor.open(URI, TEXT)
        asked = []
        for number in range(60):
            editor.edit(URI, 2 + number, (LINE, CHARACTER + number), (LINE, CHARACTER + number), "a")
            asked.append(asyncio.create_task(editor.complete(URI, LINE, CHARACTER + number + 1)))
            await asyncio.sleep(0.25)
            if editor.said("window/showMessage"):
                break
        (said,) = editor.said("window/showMessage")
        assert "has not answered" in said["message"]
        await editor.status_is("error")
        before = len(served.asked)
        assert await type_keys(editor) == [0] * KEYS
        assert len(served.asked) <= before + 1, "it is left alone"
        for one in asked:  # the last one hangs until its own deadline
            one.cancel()


async def test_a_server_that_comes_back_is_asked_again(launch: Launch, tmp_path: Path) -> None:
    good = streams(written(" + b"))
    with serving(says(500, "kaboom"), good) as served:
        path = settings(tmp_path, "completion", served, "openai/legacy_completion_no_fim")
        editor = await launch(TABBY_LSP_CONFIG=str(path))
        await editor.initialize(UNHURRIED)
        await editor.status_is("ready")
        editor.open(URI, TEXT)
        assert await type_keys(editor, 1) == [0]
        await editor.status_is("error")
        for version in range(3, 90):  # it is left alone for 5 s
            editor.edit(URI, version, (0, 0), (0, 0), "")
            given = await editor.complete(URI, LINE, CHARACTER + 1, invoked=True)
            if given.items:
                break
            await editor.request("workspace/executeCommand", {"command": "tabby-lsp.statistics"})
            await asyncio.sleep(0.25)
        else:
            pytest.fail("it was never asked again")
        await editor.status_is("ready")
        assert len(editor.said("window/showMessage")) == 1


async def test_the_local_model_stands_in(launch: Launch, tmp_path: Path) -> None:
    with serving(says(500, "kaboom")) as served:
        path = settings(tmp_path, "completion", served, "openai/legacy_completion_no_fim", fallback="local")
        editor = await launch(TABBY_LSP_CONFIG=str(path))
        await editor.initialize(UNHURRIED)
        await editor.status_is("ready")
        editor.open(URI, TEXT)
        for _ in range(120):
            given = await editor.complete(URI, LINE, CHARACTER, invoked=True)
            if given.items:
                break
            await asyncio.sleep(0.25)
        else:
            pytest.fail("nobody stood in")
        (said,) = editor.said("window/showMessage")
        assert "kaboom" in said["message"]
        assert "meanwhile" in said["message"]


@pytest.mark.parametrize("fault", [*FAULTS, "half"])
async def test_a_chat_that_fails_is_one_message_and_no_edit(launch: Launch, tmp_path: Path, fault: str) -> None:
    behaviour, word = {**FAULTS, "half": (half(spoken("```python\ndef add(", finish=None)), "middle")}[fault]
    with serving(behaviour) as served:
        path = settings(tmp_path, "chat", served, "openai/chat")
        editor = await launch(TABBY_LSP_CONFIG=str(path), TABBY_LSP_MODELS=str(tmp_path))  # no local model
        await editor.initialize()
        editor.open(URI, TEXT)
        await editor.status_is("no-model")
        before = len(editor.said("window/showMessage"))
        command = {"command": "tabby-lsp.rewrite", "arguments": [REWRITE]}
        assert await editor.request("workspace/executeCommand", command) is None
        await editor.until(lambda: len(editor.said("window/showMessage")) > before, "message", within=40)
        said = editor.said("window/showMessage")[before:]
        assert len(said) == 1
        assert word in said[0]["message"]
        assert [method for method, _ in editor.asked if method == "workspace/applyEdit"] == []


async def test_chat_moves_to_a_server_by_one_line_and_back(launch: Launch, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[actions]\nmax_tokens = 48\n")
    with serving(streams(spoken(f"```python\n{BETTER}```\n"))) as served:
        editor = await launch(TABBY_LSP_CONFIG=str(path))
        editor.answers["workspace/applyEdit"] = lambda _: {"applied": True}
        await editor.initialize()
        await editor.status_is("ready")
        editor.open(URI, TEXT)
        assert served.asked == []
        local = path.read_text()
        http = f'{{kind = "openai/chat", api_endpoint = "{served.url}", model_name = "m"}}'
        path.write_text(f"{local}[model.chat]\nhttp = {http}\n")
        await editor.until(
            lambda: any("is read again" in said["message"] for said in editor.said("window/logMessage")),
            "look at the file",
        )
        command = {"command": "tabby-lsp.rewrite", "arguments": [{**REWRITE, "reply": True}]}
        answered = await editor.request("workspace/executeCommand", command)
        assert answered["applied"], answered
        assert len(served.asked) == 1
        assert "Name the sum." in served.asked[0].body["messages"][-1]["content"]
        # the model that completes was not touched
        assert editor.statuses().count("loading") == 1
        assert (await editor.complete(URI, LINE, CHARACTER, invoked=True)).items
