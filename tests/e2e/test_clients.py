"""Each editor's own way to a suggestion: its recorded capabilities, its position encoding, the method that it knows.

What the server offers each of them is kept in `snapshots/`; `--update-snapshots` writes it anew.
"""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from e2e.wire import COMMAND, PATIENCE_S, UNHURRIED
from lsprotocol import types
from lsprotocol.converters import get_converter
from pytest_lsp import ClientServerConfig, LanguageClient

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("error::pytest_lsp.LspSpecificationWarning"),
]

RECORDED = Path(__file__).parents[1] / "clients"
SNAPSHOTS = Path(__file__).with_name("snapshots")
CONVERTER = get_converter()

ENCODINGS = {
    "emacs_v30.2": "utf-32",
    "helix_v25.07.1": "utf-8",
    "neovim_v0.11.4": "utf-8",
    "neovim_v0.12.4": "utf-8",
    "visual_studio_code_v1.139.1": "utf-16",
}
"""What each client ends up with, as the editors' own sessions showed."""
INLINE = {"neovim_v0.11.4", "neovim_v0.12.4", "visual_studio_code_v1.139.1"}
"""Clients that ask for ghost text; Neovim 0.11 does it through our shim, without announcing it."""
UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}

SOURCE = '''\
GREETINGS = {"de": "Grüße 🌍", "el": "γειά 🏛"}


def greet(names: list[str], language: str = "de") -> list[str]:
    """Greet everybody of the list."""
    greetings = []
    for name in names: mark = "🌍🏛🎉"; greeting = f"{GREETINGS[language]}, {name}"; greetings.█
    return greetings


if __name__ == "__main__":
    print(greet(["Ada", "Grace"]))
'''
"""The characters before the cursor are of one, two, three and four bytes, so a wrong unit is a wrong place."""

BEFORE, AFTER = SOURCE.split("█")
URI = "file:///e2e/greet.py"


def units(text: str, encoding: str) -> int:
    """Units of a text in a position encoding."""
    codec, width = UNITS[encoding]
    return len(text.encode(codec)) // width


def apply(edit: types.Range, text: str, encoding: str) -> str:
    """The source after an edit, done as an editor of that encoding does it."""
    lines = (BEFORE + AFTER).split("\n")

    def offset(place: types.Position) -> int:
        line = lines[place.line]
        column = next(n for n in range(len(line) + 1) if units(line[:n], encoding) == place.character)
        return sum(len(above) + 1 for above in lines[: place.line]) + column

    whole = "\n".join(lines)
    return whole[: offset(edit.start)] + text + whole[offset(edit.end) :]


@pytest.fixture(scope="module", params=sorted(ENCODINGS))
def name(request: pytest.FixtureRequest) -> str:
    """A recorded client."""
    return request.param


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(
    name: str, server_environment: dict[str, str]
) -> AsyncIterator[tuple[LanguageClient, types.InitializeResult]]:
    """A session as that client begins it, with a ready model and the source opened."""
    recorded = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))
    config = ClientServerConfig(server_command=list(COMMAND), server_env=server_environment)
    client = await config.start()
    assert isinstance(client, LanguageClient)
    ready = asyncio.Event()

    @client.feature("tabby/status")
    def status(params: Any) -> None:
        if params.state == "ready":
            ready.set()

    result = await client.initialize_session(
        types.InitializeParams(
            capabilities=CONVERTER.structure(recorded["capabilities"], types.ClientCapabilities),
            client_info=types.ClientInfo(**recorded["clientInfo"]),
            initialization_options=UNHURRIED,
            workspace_folders=None,
        )
    )
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(URI, "python", 1, BEFORE + AFTER))
    )
    async with asyncio.timeout(PATIENCE_S):
        await ready.wait()
    yield client, result
    async with asyncio.timeout(PATIENCE_S):
        await client.shutdown_session()
        await client.stop()


Session = tuple[LanguageClient, types.InitializeResult]


async def test_the_server_offers_what_it_did(name: str, session: Session, request: pytest.FixtureRequest) -> None:
    _, result = session
    offered = json.dumps(CONVERTER.unstructure(result.capabilities), indent=2, sort_keys=True) + "\n"
    snapshot = SNAPSHOTS / f"{name}.json"
    if request.config.getoption("--update-snapshots"):
        snapshot.write_text(offered, "utf-8")
    assert offered == snapshot.read_text("utf-8"), "if that is meant: pytest --update-snapshots tests/e2e"


async def test_the_server_says_who_it_is(session: Session) -> None:
    from tabby_lsp import __version__

    _, result = session
    assert result.server_info == types.ServerInfo("tabby-lsp", __version__)


async def test_positions_are_in_the_clients_units(name: str, session: Session) -> None:
    _, result = session
    assert result.capabilities.position_encoding == ENCODINGS[name]


async def test_a_suggestion_fits_into_the_buffer(name: str, session: Session) -> None:
    client, result = session
    encoding = ENCODINGS[name]
    line = BEFORE.count("\n")
    cursor = types.Position(line, units(BEFORE.rpartition("\n")[2], encoding))
    statistics = types.ExecuteCommandParams("tabby-lsp.statistics")
    async with asyncio.timeout(PATIENCE_S):
        before = counts(await client.workspace_execute_command_async(statistics))
        if name in INLINE:
            assert result.capabilities.inline_completion_provider
            edit, text, command = await ask_inline(client, cursor)
        else:
            assert result.capabilities.completion_provider
            edit, text, command = await ask_list(client, cursor, encoding)
    assert edit.end == cursor
    written = apply(edit, text, encoding)
    assert written.startswith(BEFORE), "what was there before the cursor is still there"
    assert written.endswith(AFTER), "and what was there after it"
    ast.parse(written)
    assert "return greetings" not in text, "the code after the cursor is not written again"

    async with asyncio.timeout(PATIENCE_S):
        accepted = types.ExecuteCommandParams(command.command, command.arguments)
        assert await client.workspace_execute_command_async(accepted) is None
        after = counts(await client.workspace_execute_command_async(statistics))
    inserted = len(written) - len(BEFORE) - len(AFTER)
    assert after["accepted_suggestions"] == before["accepted_suggestions"] + 1
    assert after["accepted_characters"] == before["accepted_characters"] + inserted
    assert after["shown_suggestions"] == before["shown_suggestions"] + 1


def counts(reply: Any) -> dict[str, int]:
    """The reply to tabby-lsp.statistics."""
    assert isinstance(reply, dict)
    return reply


async def ask_inline(client: LanguageClient, cursor: types.Position) -> tuple[types.Range, str, types.Command]:
    """The first of the inline completions."""
    given = await client.text_document_inline_completion_async(
        types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(URI),
            position=cursor,
            context=types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
        )
    )
    assert isinstance(given, types.InlineCompletionList)
    assert len(given.items) == 1
    item = given.items[0]
    assert isinstance(item.insert_text, str)
    assert item.range is not None
    assert item.command is not None
    return item.range, item.insert_text, item.command


async def ask_list(
    client: LanguageClient, cursor: types.Position, encoding: str
) -> tuple[types.Range, str, types.Command]:
    """The completion item, in the form that worked in all editors."""
    given = await client.text_document_completion_async(
        types.CompletionParams(text_document=types.TextDocumentIdentifier(URI), position=cursor)
    )
    assert isinstance(given, types.CompletionList)
    assert given.is_incomplete
    assert len(given.items) == 1
    item = given.items[0]
    assert item.kind == types.CompletionItemKind.Text
    assert item.insert_text_format in {None, types.InsertTextFormat.PlainText}
    assert isinstance(item.text_edit, types.TextEdit)
    edit = item.text_edit.range
    assert edit.start.line == edit.end.line
    row = BEFORE.rpartition("\n")[2]
    replaced = next(n for n in range(len(row) + 1) if units(row[:n], encoding) == edit.start.character)
    assert item.filter_text == item.text_edit.new_text
    assert item.filter_text.startswith(row[replaced:])
    assert item.command is not None
    return edit, item.text_edit.new_text, item.command
