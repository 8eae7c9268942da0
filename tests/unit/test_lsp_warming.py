"""How often a document is parsed, and queries are compiled, while it is opened, changed, asked about and closed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tree_sitter
from lsprotocol import types
from scripted_engine import ScriptedEngine, settled, until
from typist import UNHURRIED, given

from tabby_lsp.completion.types import Ask, Trigger
from tabby_lsp.config import ActionSettings
from tabby_lsp.document import Position
from tabby_lsp.engine.choice import ModelFile
from tabby_lsp.engine.opening import Opened
from tabby_lsp.lsp import model, warming
from tabby_lsp.lsp.server import TabbyServer
from tabby_lsp.syntax import grammars, trees
from tabby_lsp.syntax.symbols import queries

pytestmark = pytest.mark.asyncio

FUNCTION = "def f{}(x):\n    y = x\n    return y\n\n\n"
LONG = "".join(FUNCTION.format(number) for number in range(400))
URI = "file:///a.py"
IN_A_FUNCTION = 6
QUERIES = 4
"""Of a language: one for what the cursor can meet, three for symbols."""


class Desk:
    """A server whose engine a test writes, and what its client says.

    Attributes:
        counts: parses begun, slices of them, and queries compiled.
    """

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.server = TabbyServer()
        self.server.settings = replace(self.server.settings, completion=UNHURRIED)
        self.engines: list[ScriptedEngine] = []
        server: Any = self.server
        server.protocol.client_capabilities = types.ClientCapabilities()
        server.protocol.notify = lambda *_: None
        self.features: dict[str, Callable[[Any], Any]] = server.protocol.fm.features

    def open_engine(self, *_: Any) -> Opened:
        self.engines.append(ScriptedEngine())
        return Opened(self.engines[-1], ModelFile(Path(), "m", None))

    async def bring_up(self) -> None:
        """A model comes, in place of the last one."""
        known = self.server.model.pipeline
        self.server.model.start()
        await until(lambda: self.server.model.pipeline not in (None, known), "pipeline")

    def open(self, text: str = LONG, uri: str = URI, language: str = "python") -> None:
        item = types.TextDocumentItem(uri, language, 1, text)
        self.features["textDocument/didOpen"](types.DidOpenTextDocumentParams(item))

    def type(self, text: str, version: int, line: int = IN_A_FUNCTION) -> None:
        place = types.Range(types.Position(line, 0), types.Position(line, 0))
        document = types.VersionedTextDocumentIdentifier(version, URI)
        changes = [types.TextDocumentContentChangePartial(text=text, range=place)]
        self.features["textDocument/didChange"](types.DidChangeTextDocumentParams(document, changes))

    def close(self, uri: str = URI) -> None:
        document = types.TextDocumentIdentifier(uri)
        self.features["textDocument/didClose"](types.DidCloseTextDocumentParams(document))

    def offered(self, uri: str = URI) -> list[str]:
        place = types.Position(IN_A_FUNCTION, 4)
        context = types.CodeActionContext([], trigger_kind=types.CodeActionTriggerKind.Invoked)
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), types.Range(place, place), context)
        return [offer.title for offer in self.features["textDocument/codeAction"](params)]

    async def completed(self) -> None:
        """A question is asked, and answered."""
        pipeline, snapshot = self.server.model.pipeline, self.server.documents.get(URI)
        assert pipeline is not None
        assert snapshot is not None
        asked = len(self.engines[-1].asked)
        ask = Ask(snapshot, Position(IN_A_FUNCTION, len("    y = x")), Trigger.TYPING)
        task = asyncio.get_running_loop().create_task(pipeline.complete(ask))
        await settled()
        self.engines[-1].asked[asked].end(" + 1")
        assert (await given(task)).suggestions

    async def warm(self) -> None:
        """Everything is ready that is being made ready."""
        await until(lambda: not self.server.warming._busy, "end of the warming")


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    found: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def counted(*arguments: Any) -> Any:
            found[name] += 1
            return real(*arguments)

        monkeypatch.setattr(owner, name, counted)

    count(trees._Parse, "advance")
    count(trees, "_Parse")
    count(tree_sitter, "Query")
    queries._query.cache_clear()
    grammars.query.cache_clear()
    return found


@pytest.fixture
def desk(counts: Counter[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(counts)
    monkeypatch.setattr(model, "_open_engine", desk.open_engine)
    return desk


async def test_a_document_is_parsed_once_for_completion_and_actions(desk: Desk) -> None:
    await desk.bring_up()
    desk.open()
    assert desk.counts == {}, "didOpen itself parses and compiles nothing"
    await desk.warm()
    assert (desk.counts["_Parse"], desk.counts["Query"]) == (1, QUERIES)
    assert "Explain f1" in desk.offered()
    await desk.completed()
    assert "Explain f1" in desk.offered()
    assert (desk.counts["_Parse"], desk.counts["Query"]) == (1, QUERIES)


@pytest.mark.parametrize("language", ["typescript", "go", "rust"])
async def test_the_first_list_compiles_nothing(desk: Desk, language: str) -> None:
    desk.open("function f() {\n}\n", "file:///b", language)
    await desk.warm()
    compiled = desk.counts["Query"]
    assert compiled >= QUERIES
    desk.offered("file:///b")
    assert desk.counts["Query"] == compiled
    desk.open("function g() {\n}\n", "file:///c", language)
    await desk.warm()
    assert desk.counts["Query"] == compiled, "once a session"


async def test_who_asks_at_once_waits_for_one_parse(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "SLICE_S", 0.0)
    desk.open()
    await until(lambda: desk.counts["advance"] > 2, "slices")
    assert "Explain f1" in desk.offered()
    await desk.warm()
    assert desk.counts["_Parse"] == 1


async def test_a_document_that_changes_meanwhile_is_parsed_as_it_is_then(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "SLICE_S", 0.0)
    desk.open()
    await until(lambda: desk.counts["advance"] > 2, "slices")
    desk.type("    import os\n", 2)
    desk.type("    def inner():\n        pass\n", 3)
    await desk.warm()
    assert desk.counts["_Parse"] == 2, "of the first version to its end, and from there to the last"
    snapshot = desk.server.documents.get(URI)
    assert snapshot is not None
    tree, loaded = desk.server.trees.tree(snapshot), grammars.grammar("python")
    assert tree is not None
    assert loaded is not None
    assert desk.counts["_Parse"] == 2
    assert str(tree.root_node) == str(tree_sitter.Parser(loaded).parse(snapshot.text.encode()).root_node)


async def test_a_change_is_parsed_when_it_has_come_to_rest(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    await desk.warm()
    monkeypatch.setattr(warming, "REST_S", 0.05)
    for version in range(2, 12):
        desk.type("x", version)
    assert desk.counts["_Parse"] == 1, "a key costs no parse"
    await until(lambda: desk.counts["_Parse"] > 1, "parse")
    await desk.warm()
    desk.offered()
    assert desk.counts["_Parse"] == 2


async def test_nothing_that_cannot_be_interrupted_is_done_while_somebody_types(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "REST_S", 60.0)
    desk.open()
    desk.type("    \n", 2)
    await until(lambda: desk.counts["Query"], "query for completion")
    await asyncio.sleep(5 * warming.PAUSE_S)
    assert (desk.counts["_Parse"], desk.counts["Query"]) == (1, 1)
    assert "Explain f1" in desk.offered()
    assert desk.counts["Query"] == 2, "who asks does not wait for a rest"


async def test_a_document_that_is_closed_meanwhile_is_forgotten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "SLICE_S", 0.0)
    desk.open()
    await until(lambda: desk.counts["advance"] > 2, "slices")
    desk.close()
    await desk.warm()
    slices = desk.counts["advance"]
    await settled()
    assert (desk.counts["_Parse"], desk.counts["advance"], desk.counts["Query"]) == (1, slices, 0)
    assert not desk.server.trees._documents


async def test_trees_outlive_a_pipeline_and_end_with_the_document(desk: Desk) -> None:
    await desk.bring_up()
    desk.open()
    await desk.completed()
    await desk.bring_up()
    await desk.completed()
    assert len(desk.engines) == 2
    assert desk.counts["_Parse"] == 1
    snapshot = desk.server.documents.get(URI)
    assert snapshot is not None
    await desk.warm()
    desk.close()
    assert not desk.server.trees._documents
    desk.server.trees.tree(snapshot)
    assert desk.counts["_Parse"] == 2


async def test_what_would_follow_a_suggestion_costs_the_document_no_parse(desk: Desk) -> None:
    desk.server.settings = replace(desk.server.settings, completion=replace(UNHURRIED, prefetch=True))
    await desk.bring_up()
    desk.open()
    await desk.warm()
    await desk.completed()
    await until(lambda: desk.engines[-1].ahead, "question ahead of the user")
    await until(lambda: desk.counts["_Parse"] > 1, "parse of what would follow")
    parses = desk.counts["_Parse"]
    assert "Explain f1" in desk.offered()
    assert desk.counts["_Parse"] == parses


async def test_of_many_documents_the_last_are_made_ready(desk: Desk) -> None:
    for number in range(3 * warming.MOST):
        desk.open(uri=f"file:///{number}.py")
    await desk.warm()
    assert desk.counts["_Parse"] == warming.MOST
    desk.offered(f"file:///{3 * warming.MOST - 1}.py")
    assert desk.counts["_Parse"] == warming.MOST
    desk.offered("file:///0.py")
    assert desk.counts["_Parse"] == warming.MOST + 1


async def test_nothing_is_made_ready_that_nobody_may_ask_for(desk: Desk) -> None:
    off = replace(UNHURRIED, enabled=False)
    desk.server.settings = replace(desk.server.settings, completion=off, actions=ActionSettings(enabled=False))
    desk.open()
    await desk.warm()
    assert desk.counts == {}


async def test_all_documents_that_were_changed_together_are_made_ready(
    counts: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "REST_S", 0.05)
    desk = Desk(counts)
    ready: list[str] = []
    desk.server.warming.opened = ready.append
    for uri in ("file:///a.py", "file:///b.py", "file:///c.py"):
        desk.server.warming.changed(uri)
    await until(lambda: ready, "documents at rest")
    assert ready == ["file:///a.py", "file:///b.py", "file:///c.py"]


async def test_a_document_that_cannot_be_made_ready_keeps_no_other_one_waiting(
    counts: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(counts)
    real = desk.server.trees.advance

    def advance(snapshot: Any, seconds: float) -> bool:
        if snapshot.uri == "file:///broken.py":
            raise RuntimeError("a fault")
        return real(snapshot, seconds)

    monkeypatch.setattr(desk.server.trees, "advance", advance)
    desk.open(uri="file:///good.py")
    desk.open(uri="file:///broken.py")
    await desk.warm()
    assert counts["_Parse"] == 1
