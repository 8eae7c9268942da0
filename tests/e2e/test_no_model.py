"""A folder without a model: what the user is asked, what a download looks like, and that nothing needs a restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.conftest import Launch
from e2e.wire import CAPABILITIES, NEVER, NOT_FOUND, UNHURRIED, Editor, Json, hole

pytestmark = pytest.mark.asyncio

ASK = "window/showMessageRequest"
URI = "file:///e2e/no-model.py"
TEXT, LINE, CHARACTER = hole("def add(a, b):\n    return █\n\n\nprint(add(1, 2))\n")
LOOKED_AGAIN_WITHIN_S = 30.0
"""A server without a model looks at most every 5 s whether there is one, when it is asked for a suggestion."""


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A models folder without models."""
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def config(tmp_path: Path, model_file: Path) -> Path:
    """Settings that name a model which a catalogue of the user's own brings from this machine's disk."""
    (tmp_path / "models.toml").write_text(f"""\
[[model]]
name = "from-disk"
family = "qwen2.5-coder"
parameters = 0.49
roles = ["completion"]
file = "from-disk.gguf"
license = "apache-2.0"
memory_mb = 750
training = "instruct"
fim = true
sources = [{{ kind = "file", path = "{model_file}" }}]
""")
    settings = tmp_path / "config.toml"
    settings.write_text('[model]\nname = "from-disk"\n')
    return settings


def choose(title: str | None) -> Json:
    """A user who chooses a title, or closes the question."""
    return lambda params: next((action for action in params["actions"] if action["title"] == title), None)


def questions(editor: Editor) -> list[Json]:
    """What the user was asked."""
    return [params for method, params in editor.asked if method == ASK]


async def ask_until(editor: Editor, seen: Json, what: str) -> None:
    """Ask for suggestions, as an editor does while its user types, until something is seen."""
    for _ in range(int(LOOKED_AGAIN_WITHIN_S)):
        await editor.complete(URI, LINE, CHARACTER)
        try:
            await editor.until(seen, what, within=1)
        except AssertionError:
            if editor.ended:
                raise
        else:
            return
    pytest.fail(f"no {what} within {LOOKED_AGAIN_WITHIN_S} s")


def looks(editor: Editor) -> int:
    """How often the server has looked for a model and found none, by the log that it sends."""
    return sum("There is no model in" in said["message"] for said in editor.said("window/logMessage"))


async def test_who_does_not_want_one_is_asked_once(launch: Launch, empty: Path, model_file: Path) -> None:
    editor = await launch(TABBY_LSP_MODELS=str(empty))
    editor.answers[ASK] = choose("Not now")
    await editor.initialize(UNHURRIED)
    editor.open(URI, TEXT)
    told = await editor.status_is("no-model")
    assert str(empty) in told["message"]
    assert "tabby-lsp models pull" in told["message"]
    question = await editor.was_asked(ASK)
    assert [action["title"] for action in question["actions"]] == ["Download", "Not now"]
    assert "MiB" in question["message"]

    given = await editor.complete(URI, LINE, CHARACTER)
    assert given.items == []
    assert given.trace == ["no suggestion: no-model"]
    await ask_until(editor, lambda: looks(editor) > 1, "second look")
    await editor.request("workspace/executeCommand", {"command": "tabby-lsp.statistics"})
    assert len(questions(editor)) == 1
    assert editor.said("window/showMessage") == []

    (empty / model_file.name).symlink_to(model_file)  # as a pull in a terminal does: whole, under its name, at once
    await ask_until(editor, lambda: editor.status["state"] == "ready", "ready model")
    assert (await editor.complete(URI, LINE, CHARACTER)).items


@pytest.mark.parametrize("answer", ["refuses", "closes", "never"])
async def test_a_question_without_an_answer_holds_nothing_up(
    launch: Launch, empty: Path, model_file: Path, answer: str
) -> None:
    editor = await launch(TABBY_LSP_MODELS=str(empty))
    editor.answers[ASK] = {
        "refuses": lambda _: NOT_FOUND,
        "closes": choose(None),
        "never": lambda _: NEVER,
    }[answer]
    await editor.initialize(UNHURRIED)
    editor.open(URI, TEXT)
    await editor.was_asked(ASK)
    assert (await editor.complete(URI, LINE, CHARACTER)).items == []
    (empty / model_file.name).symlink_to(model_file)
    await ask_until(editor, lambda: editor.status["state"] == "ready", "ready model")
    assert (await editor.complete(URI, LINE, CHARACTER)).items
    assert len(questions(editor)) == 1


async def test_a_download_ends_in_suggestions(launch: Launch, empty: Path, config: Path) -> None:
    editor = await launch(TABBY_LSP_MODELS=str(empty), TABBY_LSP_CONFIG=str(config))
    editor.answers[ASK] = choose("Download")
    await editor.initialize(UNHURRIED)
    editor.open(URI, TEXT)
    question = await editor.was_asked(ASK)
    assert "from-disk" in question["message"]
    await editor.status_is("ready")
    assert editor.status["model"] == "from-disk"
    assert (await editor.complete(URI, LINE, CHARACTER)).items

    states = editor.statuses()
    assert list(dict.fromkeys(states)) == ["loading", "no-model", "downloading", "ready"]
    percents = [said["percent"] for said in editor.said("tabby/status") if said["state"] == "downloading"]
    assert max(percents) == 100
    assert len(set(percents)) > 3

    created = [params["token"] for method, params in editor.asked if method == "window/workDoneProgress/create"]
    assert len(set(created)) == len(created)
    reports: dict[str, list[Json]] = {}
    for said in editor.said("$/progress"):
        reports.setdefault(said["token"], []).append(said["value"])
    assert set(reports) == set(created)
    for values in reports.values():
        kinds = [value["kind"] for value in values]
        assert (kinds[0], kinds[-1]) == ("begin", "end")
        assert set(kinds[1:-1]) <= {"report"}
    downloads = [values for values in reports.values() if "Downloading" in values[0]["title"]]
    assert len(downloads) == 1
    assert downloads[0][0]["cancellable"] is True
    assert [value["percentage"] for value in downloads[0][1:-1]]


async def test_a_download_can_be_cancelled_and_asked_for_again(launch: Launch, empty: Path, config: Path) -> None:
    editor = await launch(TABBY_LSP_MODELS=str(empty), TABBY_LSP_CONFIG=str(config))
    editor.answers[ASK] = choose("Download")
    await editor.initialize(UNHURRIED)
    editor.open(URI, TEXT)

    def begun() -> list[str]:
        return [said["token"] for said in editor.said("$/progress") if said["value"].get("cancellable")]

    token = (await editor.until(begun, "download"))[0]
    editor.notify("window/workDoneProgress/cancel", {"token": token})
    await editor.until(lambda: "downloading" in editor.statuses(), "download")
    assert "cancelled" in (await editor.status_is("no-model"))["message"]
    assert editor.said("window/showMessage") == [], "whoever cancels knows it"
    assert not (empty / "from-disk.gguf").exists()
    assert (await editor.complete(URI, LINE, CHARACTER)).items == []

    assert await editor.request("workspace/executeCommand", {"command": "tabby-lsp.downloadModel"}) is None
    await editor.status_is("ready")
    assert (await editor.complete(URI, LINE, CHARACTER)).items
    assert len(questions(editor)) == 1


async def test_a_client_that_shows_no_progress_gets_none(launch: Launch, empty: Path, config: Path) -> None:
    editor = await launch(TABBY_LSP_MODELS=str(empty), TABBY_LSP_CONFIG=str(config))
    editor.answers[ASK] = choose("Download")
    await editor.initialize(UNHURRIED, capabilities={**CAPABILITIES, "window": {}})
    await editor.status_is("ready")
    assert editor.said("$/progress") == []
    assert [method for method, _ in editor.asked] == [ASK]


async def test_a_download_that_fails_says_why(launch: Launch, empty: Path, config: Path) -> None:
    catalogue = config.with_name("models.toml")
    catalogue.write_text(catalogue.read_text().replace('path = "', 'path = "/nowhere'))
    editor = await launch(TABBY_LSP_MODELS=str(empty), TABBY_LSP_CONFIG=str(config))
    editor.answers[ASK] = choose("Download")
    await editor.initialize(UNHURRIED)
    editor.open(URI, TEXT)
    said = (await editor.until(lambda: editor.said("window/showMessage"), "message"))[0]
    assert said["type"] == 1
    assert "/nowhere" in said["message"]
    await editor.status_is("no-model")
    assert (await editor.complete(URI, LINE, CHARACTER)).items == []
    await ask_until(editor, lambda: looks(editor) > 1, "second look")
    assert len(questions(editor)) == 1


async def test_offline_says_what_wanted_the_network(launch: Launch, empty: Path) -> None:
    editor = await launch(TABBY_LSP_MODELS=str(empty))
    await editor.initialize(UNHURRIED | {"offline": True})
    editor.open(URI, TEXT)
    said = (await editor.until(lambda: editor.said("window/showMessage"), "message"))[0]
    assert said["type"] == 2
    assert "offline = true" in said["message"]
    assert "tabby-lsp models pull" in said["message"]
    assert (await editor.complete(URI, LINE, CHARACTER)).items == []

    await editor.request("workspace/executeCommand", {"command": "tabby-lsp.downloadModel"})
    said = (await editor.until(lambda: editor.said("window/showMessage")[1:], "second message"))[0]
    assert said["type"] == 1
    assert "the language server's download" in said["message"].lower()
    assert "offline = true" in said["message"]
    await editor.status_is("no-model")
    assert questions(editor) == []


async def test_a_model_that_nobody_knows_is_named(launch: Launch, empty: Path) -> None:
    editor = await launch(TABBY_LSP_MODELS=str(empty))
    await editor.initialize(UNHURRIED | {"model": {"name": "qwen2.5-coder-0.5b-instrukt"}})
    editor.open(URI, TEXT)
    said = (await editor.until(lambda: editor.said("window/showMessage"), "message"))[0]
    assert "qwen2.5-coder-0.5b-instrukt" in said["message"]
    assert "Did you mean qwen2.5-coder-0.5b-instruct" in said["message"]
    assert (await editor.complete(URI, LINE, CHARACTER)).items == []
