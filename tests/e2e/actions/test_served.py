"""Actions whose chat model is on a server: its faults, what it says as it is read, and changing it in the settings."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from e2e.actions.desk import CLIENTS, Desk
from e2e.actions.sources import SOURCES, head, only_added
from e2e.conftest import Launch
from e2e.providers.running import llama_server
from e2e.wire import Json
from provider_server import Behaviour, half, hangs, says, serving, slams, spoken, stalls, streams

pytestmark = pytest.mark.asyncio

TITLE = "Document total"
CREATES = {"helix_v25.07.1", "neovim_v0.11.4", "neovim_v0.12.4", "visual_studio_code_v1.139.1"}
"""Clients that make files by an operation of their own."""
DOCSTRING = "```python\nThe sum of prices.\n```"
TESTS = """```python
from prices import total


def test_total_of_nothing():
    assert total([]) == 0


def test_total():
    assert total([1, 2]) == 3
```"""


def chat(url: str, **more: Json) -> Json:
    """Options with which a server chats."""
    http = {"kind": "openai/chat", "api_endpoint": url, "model_name": "scripted", **more}
    return {"model": {"chat": {"http": http}}}


@pytest.fixture
def no_models(tmp_path: Path) -> dict[str, str]:
    """Variables without a model: nobody but the server can answer."""
    (tmp_path / "none").mkdir()
    return {"TABBY_LSP_MODELS": str(tmp_path / "none"), "TABBY_LSP_OFFLINE": "true"}


FAULTS: dict[str, tuple[Behaviour, str]] = {
    "hangs": (hangs, ""),
    "401": (says(401, '{"error": {"message": "bad key"}}'), "bad key"),
    "429": (says(429, '{"error": {"message": "slow down"}}', Retry_After="0"), "slow down"),
    "500": (says(500, "<html>oops</html>", "text/html"), "500"),
    "garbage": (streams(["\x00\x01 this is no event", "nor this"]), ""),
    "half a stream": (half(spoken("```python\nThe", finish=None)), ""),
    "closes": (slams, ""),
    "stalls": (stalls(spoken("```python\nThe", finish=None)), ""),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_server_that_fails_is_one_message(fault: str, launch: Launch, no_models: dict[str, str]) -> None:
    behaviour, words = FAULTS[fault]
    with serving(behaviour) as served:
        editor = await launch(**no_models)
        desk = await Desk.sit_down(editor, "visual_studio_code_v1.139.1", chat(served.url, timeout_s=1))
        uri, source = desk.open_source("python")
        before = len(desk.messages())
        await desk.choose(await desk.actions(uri, head(source, desk.encoding)), TITLE)
        await editor.until(lambda: [m for m in desk.messages() if TITLE in m], "message")
        assert served.asked, "it was asked"
        token = desk.running(TITLE)
        assert token is not None
        assert desk.ended(token)
        said = [message for message in desk.messages()[before:] if TITLE in message]
        assert len(said) == 1
        assert words in said[0]
        assert said[0].count("\n") == 0
        assert desk.edits == []
        assert desk.texts[uri] == source.text
        # and the server is as quick as before
        assert await desk.actions(uri, head(source, desk.encoding))
        assert "Traceback" not in await asyncio.to_thread(editor.log.read_text)


@pytest.mark.parametrize(
    ("answer", "words"),
    [("", "nothing"), ("I cannot help with that.", "code"), ("```python\ndef total(prices):\n    retu", "cut off")],
)
async def test_an_answer_of_no_use_is_named(answer: str, words: str, launch: Launch, no_models: dict[str, str]) -> None:
    with serving(streams(spoken(answer, finish="length" if "retu" in answer else "stop"))) as served:
        editor = await launch(**no_models)
        desk = await Desk.sit_down(editor, "helix_v25.07.1", chat(served.url))
        uri, source = desk.open_source("python")
        await desk.choose(await desk.actions(uri, head(source, desk.encoding)), "Simplify: total")
        said = await editor.until(lambda: [m for m in desk.messages() if "Simplify" in m], "message")
        assert len(said) == 1
        assert words in said[0]
        assert desk.edits == []


async def test_a_command_line_names_a_file_and_lines(launch: Launch, no_models: dict[str, str], tmp_path: Path) -> None:
    """As Helix' can: it knows neither URIs nor positions, and a file's name must never pass through a shell."""
    folder = tmp_path / "shop $(touch ran)"
    folder.mkdir()
    with serving(streams(spoken("```python\ndef total(prices):\n    return sum(prices)\n```"))) as served:
        editor = await launch(**no_models)
        desk = await Desk.sit_down(editor, "helix_v25.07.1", chat(served.url), [folder])
        uri, source = desk.open_source("python", folder.as_uri())
        first = source.text.splitlines().index("def total(prices):") + 1
        where = {"path": source.name, "lines": [first, first + 4], "instruction": "Use sum.", "reply": True}
        reply = await desk.command("tabby-lsp.rewrite", where)
        assert reply["applied"], reply
        assert desk.texts[uri].endswith("def total(prices):\n    return sum(prices)\n")
        missing = await desk.command("tabby-lsp.rewrite", where | {"path": "other.py"})
        assert "not open" in missing["message"]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_new_test_file_is_made(client: str, launch: Launch, no_models: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "shop ü"
    (folder / "tests").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (folder / "prices.py").write_text(SOURCES["python"].text)
    with serving(streams(spoken(TESTS))) as served:
        editor = await launch(**no_models)
        desk = await Desk.sit_down(editor, client, chat(served.url), [folder])
        uri, source = desk.open_source("python", folder.as_uri())
        await desk.choose(await desk.actions(uri, head(source, desk.encoding)), "Write tests for total")
        await editor.until(lambda: desk.edits, "edit")
        new = (folder / "tests" / "test_prices.py").as_uri()
        assert desk.texts[new].startswith("from prices import total\n")
        assert desk.texts[new].count("def test_") == 2
        assert desk.texts[uri] == source.text
        assert (desk.created == [new]) == (client in CREATES)
        shown = await editor.was_asked("window/showDocument")
        assert shown["uri"] == new
        said = [message for message in desk.messages() if "Write tests" in message]
        assert len(said) == (client not in CREATES), "who makes no file is told to save it"


async def test_a_file_on_the_disk_is_extended(launch: Launch, no_models: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / "tests").mkdir(parents=True)
    there = "from prices import total\n\n\ndef test_one():\n    assert total([1]) == 1\n"
    (folder / "tests" / "test_prices.py").write_text(there)
    (folder / "prices.py").write_text(SOURCES["python"].text)
    with serving(streams(spoken(TESTS))) as served:
        editor = await launch(**no_models)
        desk = await Desk.sit_down(editor, "neovim_v0.12.4", chat(served.url), [folder])
        uri, source = desk.open_source("python", folder.as_uri())
        await desk.choose(await desk.actions(uri, head(source, desk.encoding)), "Write tests for total")
        await editor.until(lambda: desk.edits, "edit")
        file = (folder / "tests" / "test_prices.py").as_uri()
        assert only_added(there, desk.texts[file])
        assert desk.texts[file].count("def test_") == 3
        assert desk.texts[file].count("import total") == 1
        assert desk.created == []


class Settings:
    """The user's own settings file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.chat("")

    def chat(self, url: str) -> None:
        """Write it with one line for a server that chats; an empty address: without."""
        server = f'model.chat.http = {{ kind = "openai/chat", model_name = "m", api_endpoint = "{url}" }}\n'
        self.path.write_text((server if url else "") + "[index]\nenabled = false\n")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The user's own settings, without a server."""
    return Settings(tmp_path / "config.toml")


async def explained(desk: Desk) -> Json:
    """Ask for an explanation and wait for it."""
    uri, source = desk.open_source("python")
    argument = {"action": "explain", "uri": uri, "range": head(source, desk.encoding), "reply": True}
    return await desk.command("tabby-lsp.action", argument)


async def test_another_model_is_a_line_of_settings(
    launch: Launch, no_models: dict[str, str], settings: Settings
) -> None:
    """From nobody to one server, to another, and back, while the editor runs."""
    editor = await launch(TABBY_LSP_CONFIG=str(settings.path), **no_models)
    desk = await Desk.sit_down(editor, "emacs_v30.2")
    await editor.status_is("no-model")
    with serving(streams(spoken("The first explains."))) as one, serving(streams(spoken("The second."))) as other:
        for number, (url, answer) in enumerate(
            ((one.url, "The first explains."), (other.url, "The second."), ("", ""))
        ):
            settings.chat(url)
            await editor.until(lambda n=number: len(reads(desk)) > n, "the settings read again")
            reply = await explained(desk)
            assert reply["text"] == answer
            assert bool(reply["message"]) == (not url)
        assert (len(one.asked), len(other.asked)) == (1, 1)
    assert editor.statuses()[-1] == "no-model"


def reads(desk: Desk) -> list[str]:
    """Messages that say that the settings were read again."""
    return [said["message"] for said in desk.editor.said("window/logMessage") if "read again" in said["message"]]


async def test_from_the_local_model_to_a_running_llama_server(
    launch: Launch, settings: Settings, model_file: Path, tmp_path: Path
) -> None:
    editor = await launch(TABBY_LSP_CONFIG=str(settings.path))
    desk = await Desk.sit_down(editor, "neovim_v0.11.4", {"actions": {"max_tokens": 48}})
    await editor.status_is("ready")
    assert (await explained(desk))["text"]
    generated = (await desk.command("tabby-lsp.statistics"))["engine"]["generated"]
    assert generated > 0
    with llama_server(model_file, tmp_path / "llama.log") as url:
        settings.chat(url)
        await editor.until(lambda: reads(desk), "the settings read again")
        served = await explained(desk)
    assert served["text"], served
    statistics = await desk.command("tabby-lsp.statistics")
    assert statistics["engine"]["generated"] == generated, "the local model was neither asked nor loaded anew"
    assert "loading" not in editor.statuses()[editor.statuses().index("ready") :]
