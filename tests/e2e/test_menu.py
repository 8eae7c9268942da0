"""textDocument/completion for clients without ghost text: a menu that stays open while the user types on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from e2e.wire import CAPABILITIES, UNHURRIED, Editor, Json, hole

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOLE = '''def mean(values):
    """Return the arithmetic mean of a non-empty list."""
    total = 0.0
    for value in values:
        █
    return total / len(values)
'''


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(server_environment: dict[str, str], log_folder: Path) -> AsyncIterator[Editor]:
    """A client that announces no inline completion."""
    editor = await Editor.start(server_environment, log_folder / "menu.log")
    plain = {key: value for key, value in CAPABILITIES.items() if key != "textDocument"}
    await editor.initialize(UNHURRIED, capabilities=plain)
    await editor.status_is("ready")
    yield editor
    await editor.stop()


def ask(editor: Editor, uri: str, line: int, character: int) -> int:
    place = {"line": line, "character": character}
    return editor.send("textDocument/completion", {"textDocument": {"uri": uri}, "position": place})


async def texts(editor: Editor, number: int) -> list[str]:
    reply: Json = await editor.reply(number)
    assert reply["isIncomplete"] is True
    return [item["textEdit"]["newText"] for item in reply["items"]]


async def test_what_is_typed_along_meanwhile_keeps_the_entry(editor: Editor) -> None:
    text, line, character = hole(HOLE)
    editor.open("file:///e2e/first.py", text)
    (shown,) = await texts(editor, ask(editor, "file:///e2e/first.py", line, character))

    uri = "file:///e2e/along.py"
    editor.open(uri, text)
    number = ask(editor, uri, line, character)
    editor.edit(uri, 2, (line, character), (line, character), shown[:2])
    assert await texts(editor, number) == [shown]


async def test_what_is_typed_apart_meanwhile_ends_it(editor: Editor) -> None:
    text, line, character = hole(HOLE)
    uri = "file:///e2e/apart.py"
    editor.open(uri, text)
    number = ask(editor, uri, line, character)
    editor.edit(uri, 2, (line, character), (line, character), "§")
    assert await texts(editor, number) == []


async def test_an_edit_elsewhere_meanwhile_ends_it(editor: Editor) -> None:
    text, line, character = hole(HOLE)
    uri = "file:///e2e/elsewhere.py"
    editor.open(uri, text)
    number = ask(editor, uri, line, character)
    editor.edit(uri, 2, (0, 0), (0, 0), "import os\n")
    assert await texts(editor, number) == []


async def test_an_unknown_language_is_known_by_the_name_of_its_file(editor: Editor) -> None:
    """eglot says "prog" for what it does not know: without a language the block's end would not be seen."""
    text, line, character = hole(HOLE)
    uri = "file:///e2e/prog.py"
    editor.open(uri, text, language="prog")
    (shown,) = await texts(editor, ask(editor, uri, line, character))
    assert "return total" not in shown
