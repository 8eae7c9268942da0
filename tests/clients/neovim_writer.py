"""The server's side of an edit that comes into a Neovim piece by piece, and the text that it is tried on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from clients.neovim_editor import Editor

TEXT = "def über():\n    \n\nüber()\n"
LINES = TEXT.splitlines()
PIECES = [(1, 4, "größe = 1"), (1, 13, "\n    😀 = 2"), (2, 10, "\n    return größe")]
"""Line, UTF-16 units and text of each: a body that grows, each one where the piece before it ended."""
WRITTEN = ["def über():", "    größe = 1", "    😀 = 2", "    return größe", "", "über()"]
BEGUN = '''CREW = ["Ada", "Grace", "Barbara"]


def greetings() -> str:
    """A greeting for each of the crew, in lines that are numbered from one."""
    lines = []
    number = 1
    for name in CREW:
        <hole>


print(greetings())
'''.replace("<hole>", "")
"""What the real model is to go on with."""
VERSION = "return vim.lsp.util.buf_versions[vim.fn.bufnr(...)]"


Json = dict[str, Any]


def insertion(line: int, character: int, text: str) -> Json:
    """A text edit that takes nothing away."""
    place = {"line": line, "character": character}
    return {"range": {"start": place, "end": place}, "newText": text}


class Writer:
    """The server's side of one edit.

    Args:
        editor: with the document open.
        path: of the document.
        version: what the first piece is for; -1: the buffer's own.
        number: of the edit.
    """

    def __init__(self, editor: Editor, path: Path, version: int | None = -1, number: int = 1) -> None:
        self.editor = editor
        self.path, self.number = path, number
        if version == -1:
            version = editor.lua(VERSION, str(path))
        self.document = {"uri": path.as_uri(), "version": version}
        self.sent = 0

    def edits(self, edits: list[Json], *, last: bool = False) -> bool:
        """Send a piece; whether it was applied."""
        answered = len(self.editor.script()["steps"])
        step = {
            "id": self.number,
            "textDocument": self.document,
            "edits": edits,
            "first": self.sent == 0,
            "last": last,
        }
        self.sent += 1
        self.editor.lua("Scripted.step(vim.json.decode(...))", json.dumps(step))
        replies = self.editor.wait(
            lambda: seen if len(seen := self.editor.script()["steps"]) > answered else None, "a reply"
        )
        applied: bool = replies[-1]["applied"]
        return applied

    def piece(self, line: int, character: int, text: str, *, last: bool = False) -> bool:
        """Send an insertion; whether it was applied."""
        return self.edits([insertion(line, character, text)], last=last)

    def pieces(self, count: int = 3) -> None:
        """Send the first of `PIECES`, none of them the last one."""
        assert [self.piece(*piece) for piece in PIECES[:count]] == [True] * count

    def all(self) -> None:
        """Send all of `PIECES`, and an end without text."""
        self.pieces()
        assert self.edits([], last=True)


def opened(editor: Editor, keys: str = "") -> Writer:
    """A writer for a file that has just been opened, and then been brought where `keys` lead."""
    path = editor.edit("a.py", TEXT)
    press(editor, keys)
    return Writer(editor, path)


def press(editor: Editor, keys: str) -> None:
    """Type, and wait until it has been worked off."""
    editor.lua("Pressed = false")
    editor.keys(keys + "<Cmd>lua Pressed = true<CR>")
    editor.wait(lambda: editor.lua("return Pressed"), "the keys")


def lines(editor: Editor) -> list[str]:
    """What the buffer says."""
    return editor.view().lines
