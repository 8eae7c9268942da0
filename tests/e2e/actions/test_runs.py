"""What happens to an action while the model writes: cancelled, overtaken, its document edited or closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from e2e.actions.desk import Desk
from e2e.actions.sources import head, only_added
from e2e.conftest import Launch
from e2e.wire import CAPABILITIES, Editor, Json

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACTION = "tabby-lsp.action"
TITLE = "Document total"
PLAIN: Json = {"textDocument": {"codeAction": {}}, "workspace": {"applyEdit": True}}
"""A client that shows neither progress nor documents, and takes edits in their oldest form."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(server_environment: dict[str, str], log_folder: Path) -> AsyncIterator[Desk]:
    """Neovim with a ready model."""
    editor = await Editor.start(server_environment, log_folder / "runs.log")
    desk = await Desk.sit_down(editor, "neovim_v0.12.4")
    await editor.status_is("ready")
    yield desk
    await editor.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(server: Desk) -> Desk:
    """The same, with nothing under way, nothing said and nothing edited."""
    for uri in tuple(server.texts):
        server.close(uri)
    begun = {one["token"] for one in server.progress()}
    await server.editor.until(lambda: all(map(server.ended, begun)), "end of all that was begun")
    await generated(server)  # whatever was said of it has been read by now
    server.edits.clear()
    server.editor.notifications.clear()
    server.refuses = ""
    return server


async def begin(desk: Desk, title: str = TITLE) -> tuple[str, str]:
    """Begin an action on a fresh document; return the document and the token of the progress."""
    uri, source = desk.open_source("python")
    assert await desk.choose(await desk.actions(uri, head(source, desk.encoding)), title) is None
    return uri, await desk.began(title)


async def generated(desk: Desk) -> int:
    statistics = await desk.command("tabby-lsp.statistics")
    return statistics["engine"]["generated"]


async def test_progress_is_told_and_can_be_cancelled(desk: Desk) -> None:
    before = await generated(desk)
    _, token = await begin(desk)
    first = next(one for one in desk.progress() if one["token"] == token)
    assert (first["kind"], first["title"], first["cancellable"]) == ("begin", TITLE, True)
    desk.editor.notify("window/workDoneProgress/cancel", {"token": token})
    await desk.editor.until(lambda: desk.ended(token), "end of progress")
    assert desk.messages() == []
    assert desk.edits == []
    assert await generated(desk) - before < 320, "the model has stopped too"


async def test_a_command_ends_what_is_under_way(desk: Desk) -> None:
    before = await generated(desk)
    _, token = await begin(desk)
    assert await desk.command("tabby-lsp.cancel") is None
    await desk.editor.until(lambda: desk.ended(token), "end of progress")
    assert desk.messages() == []
    assert desk.edits == []
    assert await generated(desk) - before < 320, "the model has stopped too"


async def test_progress_counts(desk: Desk) -> None:
    _, token = await begin(desk, "Explain total")
    await desk.editor.until(lambda: desk.ended(token), "end of progress")
    told = [one["message"] for one in desk.progress() if one["token"] == token and one["kind"] == "report"]
    assert any(message.endswith((" lines", " line", " tokens", " token")) for message in told)
    assert len(told) < 100, "never each token"
    assert desk.messages() == []


async def test_an_edit_elsewhere_moves_the_edit(desk: Desk) -> None:
    uri, _ = await begin(desk)
    desk.type(uri, 0, "# typed meanwhile\n\n")
    before = desk.texts[uri]
    assert await desk.outcome(0, 0) == ""
    (params,) = desk.edits
    assert params["edit"]["documentChanges"][0]["textDocument"]["version"] == 2
    assert only_added(before, desk.texts[uri])
    assert '"""' in desk.texts[uri][desk.texts[uri].index("def total") :]


async def test_an_edit_inside_drops_it(desk: Desk) -> None:
    uri, token = await begin(desk)
    desk.type(uri, desk.texts[uri].index("result = 0") + len("result = 0"), ".5")
    said = await desk.outcome(0, 0)
    assert said.startswith(f"tabby-lsp: {TITLE}: The document has changed")
    assert desk.ended(token)
    assert desk.edits == []


async def test_a_document_that_closes_ends_it(desk: Desk) -> None:
    uri, token = await begin(desk)
    desk.close(uri)
    assert await desk.message(0) == f"tabby-lsp: {TITLE}: The document was closed."
    assert desk.ended(token)
    assert desk.edits == []


async def test_a_second_action_of_a_document_ends_the_first(desk: Desk) -> None:
    uri, source = desk.open_source("python")
    offered = await desk.actions(uri, head(source, desk.encoding))
    await desk.choose(offered, "Simplify: total")
    first = await desk.began("Simplify: total")
    await desk.choose(offered, TITLE)
    assert await desk.outcome(0, 0) == ""
    assert desk.ended(first)
    assert [params["label"] for params in desk.edits] == [TITLE]


async def test_actions_of_two_documents_are_both_done(desk: Desk) -> None:
    for language in ("python", "go"):
        uri, source = desk.open_source(language)
        await desk.choose(await desk.actions(uri, head(source, desk.encoding)), f"Document {source.plain}")
    await desk.editor.until(lambda: len(desk.edits) == 2, "two edits")
    assert {params["label"] for params in desk.edits} == {TITLE, "Document Total"}
    assert desk.messages() == []


async def test_an_editor_that_refuses_is_heard(desk: Desk) -> None:
    desk.refuses = "the buffer is read-only"
    await begin(desk)
    said = await desk.message(0)
    assert said == f"tabby-lsp: {TITLE}: The editor did not apply the edit: the buffer is read-only."
    assert len(desk.edits) == 1


async def test_who_dismisses_an_edit_is_not_told_of_it(desk: Desk) -> None:
    desk.refuses = "it was dismissed"  # as our part of VS Code says it
    _, token = await begin(desk)
    await desk.editor.until(lambda: desk.edits, "edit")
    assert desk.ended(token)
    assert await generated(desk) > 0, "a reply behind whatever would be said"
    assert desk.messages() == []


async def test_a_list_of_another_version_is_refused(desk: Desk) -> None:
    uri, source = desk.open_source("python")
    offered = await desk.actions(uri, head(source, desk.encoding))
    desk.type(uri, 0, "\n")
    await desk.choose(offered, TITLE)
    assert "changed since" in await desk.message(0)
    assert desk.edits == []


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        (None, "There is no action ''"),
        ({"action": "explode", "uri": "file:///e2e/shop/prices.py"}, "There is no action 'explode'"),
        ({"action": "document", "uri": "file:///e2e/none.py", "range": None}, "The document is not open."),
        ({"action": "rewrite", "uri": "file:///e2e/shop/prices.py", "range": {"start": 1}}, "There is no instruction"),
        ({"action": "fix", "uri": "file:///e2e/shop/prices.py", "problems": [1, {"range": 2}]}, "no problem"),
        ({"action": ["fix"], "uri": 7, "title": {}, "version": "1"}, "There is no action ''"),
        ([1, 2], "There is no action ''"),
    ],
)
async def test_an_argument_that_makes_no_sense_gets_one_message(desk: Desk, argument: Json, said: str) -> None:
    desk.open_source("python")
    assert await desk.command(ACTION, argument) is None
    assert said in await desk.message(0)
    reply = await desk.command(ACTION, (argument if isinstance(argument, dict) else {}) | {"reply": True})
    assert said in reply["message"] or not isinstance(argument, dict)
    assert len(desk.messages()) == 1, "who waits for the reply is not shown a message too"


@pytest.mark.parametrize(
    ("command", "said"),
    [(ACTION, ["There is no action ''"]), ("tabby-lsp.rewrite", ["is not open"]), ("tabby-lsp.accepted", [])],
)
async def test_a_command_without_an_argument_is_answered(desk: Desk, command: str, said: list[str]) -> None:
    assert await desk.command(command) is None
    await generated(desk)  # whatever is said of it has been
    assert len(desk.messages()) == len(said)
    assert all(part in message for part, message in zip(said, desk.messages(), strict=True))


async def test_a_waiting_client_may_give_up(desk: Desk) -> None:
    uri, source = desk.open_source("python")
    offered = await desk.actions(uri, head(source, desk.encoding))
    (chosen,) = [one for one in offered if one["title"] == TITLE]
    argument = chosen["command"]["arguments"][0] | {"reply": True}
    number = desk.editor.send("workspace/executeCommand", {"command": ACTION, "arguments": [argument]})
    token = await desk.began(TITLE)
    desk.editor.notify("$/cancelRequest", {"id": number})
    await desk.editor.until(lambda: desk.editor.replies.get(number), "reply")
    await desk.editor.until(lambda: desk.ended(token), "end of progress")
    assert len(desk.editor.replies[number]) == 1
    assert desk.edits == []


@pytest.mark.asyncio(loop_scope="function")
async def test_the_oldest_form_of_edits(launch: Launch) -> None:
    editor = await launch()
    desk = await Desk.sit_down(editor, capabilities=PLAIN)
    uri, source = desk.open_source("python")
    # before the model is there: it is waited for
    await desk.choose(await desk.actions(uri, head(source, desk.encoding)), TITLE)
    await editor.until(lambda: desk.edits, "edit")
    (params,) = desk.edits
    assert set(params["edit"]) == {"changes"}
    assert only_added(source.text, desk.texts[uri])
    assert [said for said in desk.messages() if "when the model is loaded" not in said] == []

    # and no documents are shown, so the text is
    await desk.choose(await desk.actions(uri, head(source, desk.encoding)), "Explain total")
    said = await editor.until(lambda: [m for m in desk.messages() if m.startswith("Explain total\n\n")], "message")
    assert len(said[0]) > 30


@pytest.mark.asyncio(loop_scope="function")
async def test_a_text_that_was_cut_off_says_so(launch: Launch) -> None:
    editor = await launch()
    desk = await Desk.sit_down(editor, capabilities=PLAIN, options={"actions": {"max_tokens": 16}})
    await editor.status_is("ready")
    uri, source = desk.open_source("python")
    offered = await desk.actions(uri, head(source, desk.encoding))
    await desk.choose(offered, "Explain total")
    assert (await desk.message(0)).endswith("\n\n*The answer was cut off before its end.*")
    (argument,) = next(one["arguments"] for one in offered if one["title"] == "Explain total")
    reply = await desk.command(ACTION, argument | {"reply": True})
    assert (bool(reply["text"]), reply["message"]) == (True, "The answer was cut off before its end.")
    assert len(desk.messages()) == 1


@pytest.mark.asyncio(loop_scope="function")
async def test_shutdown_ends_it_without_a_word(launch: Launch) -> None:
    editor = await launch()
    desk = await Desk.sit_down(editor, capabilities=CAPABILITIES)
    await editor.status_is("ready")
    await begin(desk, "Explain total")
    await editor.request("shutdown", None)
    editor.notify("exit", None)
    assert await editor.wait() == 0
    assert desk.messages() == []
    assert "Traceback" not in editor.log.read_text()
