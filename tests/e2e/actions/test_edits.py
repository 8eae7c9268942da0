"""Each action over the wire with the default model, and each recorded client's form of an edit.

What the model is worth is measured elsewhere (`tests/evals`): here an edit must apply, leave a file that parses, and
change nothing outside of the function; and where an answer is of no use, one message says so.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import pytest_asyncio
import tree_sitter
from e2e.actions.desk import CLIENTS, Desk
from e2e.actions.sources import SOURCES, Source, diagnostic, head, only_added
from e2e.wire import Editor, Json

from tabby_lsp.document import Snapshot
from tabby_lsp.syntax.trees import Trees

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANNOTATED = {"neovim_v0.12.4", "visual_studio_code_v1.139.1"}
"""Clients that can show an edit before it is made."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(server_environment: dict[str, str], log_folder: Path) -> AsyncIterator[Desk]:
    """VS Code with a ready model."""
    editor = await Editor.start(server_environment, log_folder / "edits.log")
    desk = await Desk.sit_down(editor, "visual_studio_code_v1.139.1")
    await editor.status_is("ready")
    yield desk
    await editor.stop()


def errors(language: str, text: str) -> int:
    """Nodes of a tree that are errors or missing."""
    tree = Trees().tree(Snapshot.of("file:///e2e/tree", language, 1, text))
    assert tree is not None

    def count(node: tree_sitter.Node) -> int:
        return (node.is_error or node.is_missing) + sum(map(count, node.children))

    return count(tree.root_node)


def around(source: Source, name: str) -> tuple[str, str]:
    """The text in front of a function's lines with its comments, and behind them."""
    text = source.text
    ends = [found.end() for found in re.finditer(r"^(?:\}|    return .*)\n", text, re.MULTILINE)]
    at = re.search(rf"\b{name}\(", text)
    assert at is not None
    behind = next(end for end in ends if end > at.start())
    before = max([end for end in ends if end <= at.start()], default=0)
    if not before:  # the first function: what stands above it is set off by an empty line
        before = text.rfind("\n\n", 0, at.start()) + 2
        before = 0 if before == 1 else before
    return text[:before], text[behind:]


@pytest.mark.parametrize("language", SOURCES)
@pytest.mark.parametrize("title", ["Fix", "Document", "Simplify"])
async def test_an_action_edits_its_function_and_nothing_else(desk: Desk, language: str, title: str) -> None:
    uri, source = desk.open_source(language)
    problem = diagnostic(source, desk.encoding)
    name = source.broken if title == "Fix" else source.plain
    edits, messages = len(desk.edits), len(desk.messages())
    if title == "Fix":
        offered = await desk.actions(uri, problem["range"], problem)
    else:
        offered = await desk.actions(uri, head(source, desk.encoding))
    assert await desk.choose(offered, title) is None
    said = await desk.outcome(edits, messages)
    token = desk.running(title)
    assert token is not None
    await desk.editor.until(lambda: desk.ended(token), "end of progress")
    if said:
        assert len(desk.edits) == edits, "a message or an edit, not both"
        assert said.startswith(f"tabby-lsp: {title}")
        assert desk.texts[uri] == source.text
        assert title == "Simplify", f"this model can do that: {said}"
        return
    assert len(desk.edits) == edits + 1, "one step to undo"
    after = desk.texts[uri]
    assert after != source.text
    assert errors(language, after) <= errors(language, source.text)
    before, behind = around(source, name)
    assert after.startswith(before)
    assert after.endswith(behind)
    if title == "Document":
        assert only_added(source.text, after), "the code is as it was"


async def test_an_explanation_is_a_document(desk: Desk) -> None:
    uri, source = desk.open_source("python")
    offered = await desk.actions(uri, head(source, desk.encoding))
    shown = len([1 for method, _ in desk.editor.asked if method == "window/showDocument"])
    assert await desk.choose(offered, "Explain total") is None
    params: Json = (
        await desk.editor.until(
            lambda: [p for method, p in desk.editor.asked if method == "window/showDocument"][shown:], "document"
        )
    )[0]
    path = Path(unquote(urlsplit(params["uri"]).path))
    text = await asyncio.to_thread(path.read_text, "utf-8")
    assert path.suffix == ".md"
    assert path.parent.name == "answers"
    assert text.startswith("# Explain total\n\n")
    assert len(text) > 40
    assert desk.edits == [] or desk.texts[uri] == source.text


async def test_a_client_that_waits_gets_the_explanation_itself(desk: Desk) -> None:
    uri, source = desk.open_source("python")
    (offer,) = [one for one in await desk.actions(uri, head(source, desk.encoding)) if one["title"] == "Explain total"]
    messages, asked = len(desk.messages()), len(desk.editor.asked)
    reply = await desk.command("tabby-lsp.action", offer["command"]["arguments"][0] | {"reply": True})
    assert len(reply["text"]) > 20
    assert reply["message"] == ""
    assert "window/showDocument" not in [method for method, _ in desk.editor.asked[asked:]]
    assert len(desk.messages()) == messages


async def test_a_rewrite_by_instruction(desk: Desk) -> None:
    uri, source = desk.open_source("python")
    argument = {
        "uri": uri,
        "range": head(source, desk.encoding),
        "instruction": "Rename the variable result to amount.",
        "reply": True,
    }
    reply = await desk.command("tabby-lsp.rewrite", argument)
    assert reply["applied"], reply
    assert "amount" in desk.texts[uri]
    before, behind = around(source, source.plain)
    assert desk.texts[uri].startswith(before)
    assert desk.texts[uri].endswith(behind)


async def test_a_body_is_written_by_the_model_that_completes(desk: Desk) -> None:
    uri = "file:///e2e/body.py"
    text = 'def add(a, b):\n    """Return the sum of two numbers."""\n    pass\n\n\nprint(add(1, 2))\n'
    desk.open(uri, text, "python")
    place = {"line": 2, "character": 4}
    offered = await desk.actions(uri, {"start": place, "end": place})
    edits, messages = len(desk.edits), len(desk.messages())
    assert await desk.choose(offered, "Write the body of add") is None
    assert await desk.outcome(edits, messages) == ""
    before, behind = text.split("    pass\n")
    assert desk.texts[uri].startswith(before)
    assert desk.texts[uri].endswith(behind)
    assert "return a + b" in desk.texts[uri]
    assert "pass" not in desk.texts[uri]


@pytest.mark.parametrize("client", CLIENTS)
async def test_each_client_gets_edits_in_its_own_form(
    client: str, server_environment: dict[str, str], log_folder: Path
) -> None:
    editor = await Editor.start(server_environment, log_folder / f"{client}.log")
    try:
        desk = await Desk.sit_down(editor, client)
        await editor.status_is("ready")
        uri, source = desk.open_source("python")
        offered = await desk.actions(uri, head(source, desk.encoding))
        assert await desk.choose(offered, "Document total") is None
        assert await desk.outcome(0, 0) == ""
        (params,) = desk.edits
        assert params["label"] == "Document total"
        edit = params["edit"]
        (change,) = edit["documentChanges"]
        assert change["textDocument"] == {"uri": uri, "version": 1}
        assert "changes" not in edit
        labels = edit.get("changeAnnotations")
        if client in ANNOTATED:
            assert [(one["label"], one["needsConfirmation"]) for one in labels.values()] == [("Document total", True)]
            assert {one["annotationId"] for one in change["edits"]} == set(labels)
        else:
            assert labels is None
            assert all("annotationId" not in one for one in change["edits"])
        assert only_added(source.text, desk.texts[uri])
    finally:
        await editor.stop()
