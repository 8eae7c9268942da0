"""What the pipeline is told of documents and files, through the server's own handlers."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from desk import AFTER, BEFORE, FAR, URI, Desk
from lsprotocol import types

from tabby_lsp.completion.context import gather
from tabby_lsp.completion.types import Ask, Trigger
from tabby_lsp.lsp.server import TabbyServer

OTHER = "file:///repo/pkg/helper.py"
HELPER = FAR + "def helper(a):\n    return \n" + FAR
RETURNS = HELPER[: HELPER.index("return ")].count("\n")


class Client:
    """A client of a server whose pipeline is a desk's; notifications go straight to the server's handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._server = TabbyServer()
        self._server.model.pipeline = desk.pipeline
        self._versions: dict[str, int] = {}

    def tell(self, method: str, params: Any) -> None:
        self._server.protocol.fm.features[method](params)

    def open(self, uri: str, text: str) -> None:
        self.tell(
            types.TEXT_DOCUMENT_DID_OPEN,
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "python", 1, text)),
        )

    def change(self, uri: str, *changes: types.TextDocumentContentChangeEvent) -> None:
        version = self._versions[uri] = self._versions.get(uri, 1) + 1
        document = types.VersionedTextDocumentIdentifier(version, uri)
        self.tell(types.TEXT_DOCUMENT_DID_CHANGE, types.DidChangeTextDocumentParams(document, list(changes)))

    async def prompt(self) -> str:
        """What a question by hand in the main document reads."""
        snapshot = self._server.documents.get(URI)
        assert snapshot is not None
        ask = Ask(snapshot, snapshot.position(len(BEFORE)), Trigger.INVOKED)
        return await self._desk.asked_of(ask)


def at(line: int, column: int, last: int, end: int, text: str) -> types.TextDocumentContentChangePartial:
    return types.TextDocumentContentChangePartial(
        types.Range(types.Position(line, column), types.Position(last, end)), text
    )


@pytest_asyncio.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(gather, "AGAIN_S", 0.0)
    client = Client(Desk(symbols=False, search=False))
    client.open(URI, BEFORE + AFTER)
    client.open(OTHER, HELPER)
    client.change(OTHER, at(RETURNS, 11, RETURNS, 11, "a + 1"))
    return client


async def test_an_edit_is_shown_elsewhere(client: Client) -> None:
    assert "#     return a + 1\n" in await client.prompt()


@pytest.mark.parametrize("how", ["the whole text", "a deletion", "the whole text, then a part"])
async def test_lines_that_are_gone_are_shown_no_more(client: Client, how: str) -> None:
    assert "def helper" in await client.prompt()
    whole = types.TextDocumentContentChangeWholeDocument("import os\n" * 500)
    changes = {
        "the whole text": [whole],
        "a deletion": [at(RETURNS - 3, 0, RETURNS + 20, 0, "")],
        "the whole text, then a part": [whole, at(0, 0, 0, 0, "import re\n")],
    }
    client.change(OTHER, *changes[how])
    assert "def helper" not in await client.prompt()


async def test_lines_follow_a_whole_text_that_moves_them(client: Client) -> None:
    before = await client.prompt()
    moved = "import os\n" * 30 + HELPER.replace("return ", "return a + 1")
    client.change(OTHER, types.TextDocumentContentChangeWholeDocument(moved))
    assert await client.prompt() == before


@pytest.mark.parametrize("how", ["saved", "changed"])
async def test_a_definition_that_is_renamed_goes_when_the_server_hears_of_its_file(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "AGAIN_S", 0.0)
    desk = Desk()
    client = Client(desk)
    client.open(URI, BEFORE + AFTER)
    assert "class Shape:" in await client.prompt()
    desk.rename("Shape", "Figure")
    assert "class Shape:" in await client.prompt()
    uri = "file:///repo/pkg/shapes.py"
    if how == "saved":
        client.tell(types.TEXT_DOCUMENT_DID_SAVE, types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))
    else:
        event = types.FileEvent(uri, types.FileChangeType.Changed)
        client.tell(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, types.DidChangeWatchedFilesParams([event]))
    assert "class Shape:" not in await client.prompt()


async def test_what_was_edited_in_a_closed_document_goes_with_its_file(client: Client) -> None:
    client.tell(types.TEXT_DOCUMENT_DID_CLOSE, types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(OTHER)))
    assert "return a + 1" in await client.prompt()
    event = types.FileEvent(OTHER, types.FileChangeType.Deleted)
    client.tell(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, types.DidChangeWatchedFilesParams([event]))
    assert "return a + 1" not in await client.prompt()
