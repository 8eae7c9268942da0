"""The list of actions: for each recorded client and language, without a model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from e2e.actions.desk import CLIENTS, Desk
from e2e.actions.sources import SOURCES, diagnostic, head
from e2e.wire import Editor, Json

pytestmark = pytest.mark.asyncio(loop_scope="module")

TAGGED = {"visual_studio_code_v1.139.1"}
"""Clients that show which actions ask a model."""
TYPED = {"python", "typescript"}
"""Languages in which types may be added."""
PRESETS = ("Simplify", "Add types", "Handle errors", "Rename for clarity")
INVOKED, AUTOMATIC = 1, 2


@pytest.fixture(scope="module", params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    """A recorded client."""
    return request.param


@pytest.fixture(scope="module")
def no_models(server_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment without a model."""
    return server_environment | {"TABBY_LSP_MODELS": str(tmp_path_factory.mktemp("none")), "TABBY_LSP_OFFLINE": "true"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(client: str, no_models: dict[str, str], log_folder: Path) -> AsyncIterator[Desk]:
    """A session of that client."""
    editor = await Editor.start(no_models, log_folder / f"{client}.log")
    yield await Desk.sit_down(editor, client)
    await editor.stop()


def titles(offered: list[Json]) -> list[str]:
    return [one["title"] for one in offered]


def rewrites(language: str, name: str) -> list[str]:
    return [f"{preset}: {name}" for preset in PRESETS if preset != "Add types" or language in TYPED]


@pytest.mark.parametrize("language", SOURCES)
async def test_a_problem_is_offered_to_be_fixed(desk: Desk, client: str, language: str) -> None:
    uri, source = desk.open_source(language)
    problem = diagnostic(source, desk.encoding)
    cursor = {"start": problem["range"]["start"], "end": problem["range"]["start"]}
    offered = await desk.actions(uri, cursor, problem, triggerKind=INVOKED)
    assert titles(offered) == [
        f"Fix: {source.message.rstrip('.')}",
        f"Explain {source.broken}",
        "Complete here",
        f"Write tests for {source.broken}",
        *rewrites(language, source.broken),
    ]

    fix = offered[0]
    assert fix["kind"] == "quickfix"
    assert fix["diagnostics"] == [problem]
    assert {"edit", "data", "disabled"}.isdisjoint(fix)
    assert fix.get("tags") == ([1] if client in TAGGED else None)
    (argument,) = fix["command"]["arguments"]
    assert argument["range"] == problem["range"], "in the client's own units"
    assert argument["problems"] == [problem]
    assert len(json.dumps(argument)) < 1000


@pytest.mark.parametrize("language", SOURCES)
async def test_a_definition_is_offered_to_be_documented(desk: Desk, language: str) -> None:
    uri, source = desk.open_source(language)
    offered = await desk.actions(uri, head(source, desk.encoding), triggerKind=INVOKED)
    assert f"Document {source.plain}" in titles(offered)
    assert f"Explain {source.plain}" in titles(offered)
    assert not any("Fix" in title for title in titles(offered))


async def test_kinds_are_filtered(desk: Desk) -> None:
    uri, source = desk.open_source("python")
    problem = diagnostic(source, desk.encoding)
    only = {kind: await desk.actions(uri, problem["range"], problem, only=[kind]) for kind in ("quickfix", "refactor")}
    assert {one["kind"] for one in only["quickfix"]} == {"quickfix"}
    assert {one["kind"].partition(".")[0] for one in only["refactor"]} == {"refactor"}
    assert await desk.actions(uri, problem["range"], problem, only=["source.organizeImports"]) == []


async def test_a_cursor_that_moves_is_left_alone(desk: Desk) -> None:
    uri, source = desk.open_source("python")
    assert await desk.actions(uri, head(source, desk.encoding), triggerKind=AUTOMATIC) == []
    problem = diagnostic(source, desk.encoding)
    cursor = {"start": problem["range"]["start"], "end": problem["range"]["start"]}
    offered = await desk.actions(uri, cursor, problem, triggerKind=AUTOMATIC)
    assert {one["kind"] for one in offered} == {"quickfix"}
    selected = await desk.actions(uri, problem["range"], triggerKind=AUTOMATIC)
    assert "Simplify: selection" in titles(selected)


async def test_a_document_that_is_not_open_has_none(desk: Desk) -> None:
    span = head(SOURCES["python"], desk.encoding)
    assert await desk.actions("file:///e2e/nowhere.py", span) == []


async def test_without_a_model_an_action_says_so_once(desk: Desk) -> None:
    uri, source = desk.open_source("python")
    await desk.editor.status_is("no-model")
    offered = await desk.actions(uri, head(source, desk.encoding))
    before = len(desk.messages())
    assert await desk.choose(offered, "Document total") is None
    said = await desk.message(before)
    assert said.startswith("tabby-lsp: Document total: ")
    assert "model" in said
    if (token := desk.running("Document total")) is not None:
        await desk.editor.until(lambda: desk.ended(token), "end of progress")
    assert len(desk.messages()) == before + 1
    assert desk.edits == []


async def test_clients_that_know_commands_alone_get_commands(no_models: dict[str, str], tmp_path: Path) -> None:
    editor = await Editor.start(no_models, tmp_path / "old.log")
    try:
        desk = await Desk.sit_down(editor, capabilities={"textDocument": {"codeAction": {}}})
        uri, source = desk.open_source("go")
        offered = await desk.actions(uri, head(source, desk.encoding))
        assert offered
        assert all(isinstance(one["command"], str) and "kind" not in one for one in offered)
        assert await desk.choose(offered, "Document Total") is None
    finally:
        await editor.stop()


async def test_settings_turn_them_off(no_models: dict[str, str], tmp_path: Path) -> None:
    editor = await Editor.start(no_models, tmp_path / "off.log")
    try:
        ours = {"actions": {"disabled": ["explain"], "presets": ["Log: log it"]}}
        desk = await Desk.sit_down(editor, CLIENTS[0], ours)
        uri, source = desk.open_source("rust")
        offered = titles(await desk.actions(uri, head(source, desk.encoding)))
        assert "Log: total" in offered
        assert not any(title.startswith("Explain") for title in offered)
        assert any(title.startswith("Document") for title in offered)
        pushed = {"tabby-lsp": {"actions": {"enabled": False}}}
        desk.editor.notify("workspace/didChangeConfiguration", {"settings": pushed})
        assert await desk.actions(uri, head(source, desk.encoding)) == []
    finally:
        await editor.stop()
