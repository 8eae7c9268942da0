"""An edit that comes piece by piece (`tabby/step`) into real Neovims, from a scripted server and from the real one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pynvim = pytest.importorskip("pynvim", reason="pynvim is not installed: no Neovim can be driven")

from clients.neovim_editor import Editor, binary_of  # noqa: E402 - it imports pynvim
from clients.neovim_writer import (  # noqa: E402 - as above
    BEGUN,
    LINES,
    PIECES,
    TEXT,
    VERSION,
    WRITTEN,
    Writer,
    insertion,
    lines,
    opened,
    press,
)

QUIET_S = 0.4
"""Longer than whatever the plugin waits for: what has not happened by then does not happen."""


@pytest.fixture(params=["0.11", "0.12"])
def scripted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Editor]:
    """A Neovim with a server that answers as told."""
    editor = Editor(binary_of(request.param), tmp_path, os.environ)
    editor.set_up_scripted("utf-16")
    yield editor
    editor.close()


@pytest.mark.parametrize("keys", ["gg", "jA", "GA", "ggi"], ids=["normal", "at the place", "below", "above"])
def test_one_undo_takes_all_pieces_back(scripted: Editor, keys: str) -> None:
    """And nothing else: what is typed next is a step of its own."""
    opened(scripted, keys).all()
    assert lines(scripted) == WRITTEN
    press(scripted, "x" if keys == "gg" else "Z<Esc>")
    after = lines(scripted)
    assert after != WRITTEN
    press(scripted, "u")
    assert lines(scripted) == WRITTEN
    press(scripted, "u")
    assert lines(scripted) == LINES
    press(scripted, "<C-r>")
    assert lines(scripted) == WRITTEN
    press(scripted, "<C-r>")
    assert lines(scripted) == after


def test_what_was_typed_before_stays(scripted: Editor) -> None:
    """It is an undo step of its own, although it was typed in the same insert mode."""
    opened(scripted, "GA # hm").all()
    assert lines(scripted) == [*WRITTEN[:-1], "über() # hm"]
    press(scripted, "<Esc>u")
    assert lines(scripted) == [*LINES[:-1], "über() # hm"]
    press(scripted, "u")
    assert lines(scripted) == LINES


def test_the_last_piece_may_have_text_and_replace_some(scripted: Editor) -> None:
    """Also if it is the first one."""
    writer = opened(scripted)
    edit = {"range": {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 8}}, "newText": "below"}
    call = {"range": {"start": {"line": 3, "character": 0}, "end": {"line": 3, "character": 4}}, "newText": "below"}
    assert writer.edits([edit, call], last=True)
    assert lines(scripted) == ["def below():", "    ", "", "below()"]
    assert not writer.piece(0, 0, "more"), "it has ended"
    press(scripted, "u")
    assert lines(scripted) == LINES


@pytest.mark.parametrize("last", [True, False])
def test_a_key_between_two_pieces_ends_it(scripted: Editor, last: bool) -> None:
    """What was typed is an undo step of its own; later pieces are refused."""
    writer = opened(scripted, "GA")
    writer.pieces(2)
    press(scripted, "k")
    assert not writer.piece(*PIECES[2], last=last)
    assert not writer.edits([], last=True)
    assert lines(scripted) == [*WRITTEN[:3], "", "über()k"]
    press(scripted, "<Esc>u")
    assert lines(scripted) == [*WRITTEN[:3], "", "über()"]
    press(scripted, "u")
    assert lines(scripted) == LINES


def test_a_key_at_the_end_of_a_piece_ends_it(scripted: Editor) -> None:
    """As above, in the very line that was written."""
    writer = opened(scripted, "jA")
    writer.pieces(2)
    press(scripted, "<Down><End>k")
    assert not writer.piece(*PIECES[2])
    assert lines(scripted) == ["def über():", "    größe = 1", "    😀 = 2k", "", "über()"]
    press(scripted, "<Esc>u")
    assert lines(scripted) == [*WRITTEN[:3], "", "über()"]
    press(scripted, "u")
    assert lines(scripted) == LINES


def test_an_undo_between_two_pieces_ends_it(scripted: Editor) -> None:
    """The pieces so far are gone, and stay so; also if they are brought back by a redo."""
    writer = opened(scripted)
    writer.pieces(2)
    press(scripted, "u")
    assert lines(scripted) == LINES
    assert not writer.piece(*PIECES[2])
    press(scripted, "<C-r>")
    assert lines(scripted) == [*WRITTEN[:3], "", "über()"]
    assert not writer.piece(*PIECES[2])


@pytest.mark.parametrize("commands", ["edit!", "bdelete!", "write | {} | set autoread | checktime"])
def test_another_text_ends_it(scripted: Editor, commands: str) -> None:
    """The file is read anew, is closed, or was changed by another program."""
    writer = opened(scripted)
    writer.pieces(2)
    other = scripted.folder / "other.py"
    other.write_text("x\n" * 5)
    change = f"call system('cp {other} {scripted.folder}/a.py && touch -d tomorrow {scripted.folder}/a.py')"
    scripted.nvim.command(commands.format(change))
    left = lines(scripted)
    assert left != [*WRITTEN[:3], *WRITTEN[4:]]
    assert not writer.piece(*PIECES[2])
    assert lines(scripted) == left


def test_a_save_between_two_pieces_does_not(scripted: Editor) -> None:
    """There are plugins that save after every change."""
    writer = opened(scripted)
    writer.pieces(2)
    scripted.nvim.command("write")
    assert writer.piece(*PIECES[2], last=True)
    assert lines(scripted) == WRITTEN
    press(scripted, "u")
    assert lines(scripted) == LINES


def test_it_is_for_one_version(scripted: Editor) -> None:
    """Also where the server cannot have heard of the change yet; null is for any."""
    path = scripted.edit("a.py", TEXT)
    known = scripted.lua(VERSION, "a.py")
    assert not Writer(scripted, path, known + 1).piece(*PIECES[0])
    scripted.nvim.command("call setline(1, 'def other():')")  # Neovim tells of it after 150 ms
    writer = Writer(scripted, path, known)
    assert not writer.piece(*PIECES[0])
    assert not writer.piece(*PIECES[0]), "after a refusal nothing comes as a piece"
    assert lines(scripted) == ["def other():", *LINES[1:]]
    Writer(scripted, path, None).all()
    assert lines(scripted) == ["def other():", *WRITTEN[1:]]
    press(scripted, "u")
    assert lines(scripted) == ["def other():", *LINES[1:]]


def test_what_cannot_be_changed_is_not(scripted: Editor) -> None:
    """Nor what no client of ours is attached to."""
    writer = opened(scripted)
    scripted.nvim.command("set nomodifiable")
    assert not writer.piece(*PIECES[0])
    scripted.nvim.command("set modifiable")
    assert not writer.piece(*PIECES[0])
    other = scripted.folder / "b.py"
    other.write_text(TEXT)
    assert not Writer(scripted, other, None).piece(*PIECES[0])
    assert lines(scripted) == LINES


@pytest.mark.parametrize("visible", [True, False])
def test_another_buffer_is_the_current_one(scripted: Editor, visible: bool) -> None:
    """What is typed there meanwhile is neither in the way, nor undone with the pieces."""
    writer = opened(scripted)
    scripted.nvim.command("set hidden | new" if visible else "set hidden | enew")
    press(scripted, "iother")
    writer.pieces(2)
    press(scripted, " text")
    assert writer.piece(*PIECES[2], last=True)
    press(scripted, "!<Esc>")
    assert lines(scripted) == ["other text!"]
    press(scripted, "u")
    assert lines(scripted) == [""]
    scripted.nvim.command("buffer a.py")
    assert lines(scripted) == WRITTEN
    press(scripted, "u")
    assert lines(scripted) == LINES


@pytest.mark.parametrize(
    ("keys", "cursor"),
    [("jA", (1, 4)), ("j$", (1, 3)), ("gg0", (0, 0)), ("GA", (5, 7))],
    ids=["insert mode at the place", "normal mode at the place", "above", "below"],
)
def test_the_cursor_stays_where_it_was(scripted: Editor, keys: str, cursor: tuple[int, int]) -> None:
    """As with one edit: text that comes at the cursor stands behind it, and what is below it stays below it."""
    opened(scripted, keys).all()
    assert scripted.view().cursor == cursor
    press(scripted, "<Esc>")
    other = scripted.edit("b.py", TEXT)
    press(scripted, keys)
    edit = {"changes": {other.as_uri(): [insertion(1, 4, "".join(text for _, _, text in PIECES))]}}
    assert scripted.lua("return Scripted.request('workspace/applyEdit', ...)", {"edit": edit})["applied"]
    assert lines(scripted) == WRITTEN
    assert scripted.view().cursor == cursor


def test_ghost_text_asks_for_nothing_meanwhile(scripted: Editor) -> None:
    """It would end what is being written; what is typed afterwards asks again."""
    scripted.script(items=[{"insertText": "ghost"}])
    writer = opened(scripted, "jA")
    scripted.see(lambda view: view.ghost == "ghost", "ghost text")
    asked = len(scripted.script()["requests"])
    for piece in PIECES:
        assert writer.piece(*piece)
        time.sleep(QUIET_S / 4)
        assert scripted.view().ghost == ""
    press(scripted, "<Esc>i")
    time.sleep(QUIET_S)
    assert len(scripted.script()["requests"]) == asked, "the pieces, or another insert mode, have asked"
    assert writer.edits([], last=True)
    time.sleep(QUIET_S)
    assert len(scripted.script()["requests"]) == asked
    press(scripted, "k")
    scripted.see(lambda view: view.ghost == "ghost", "ghost text")
    assert len(scripted.script()["requests"]) == asked + 1


def test_ghost_text_is_not_asked_for_what_was_written(scripted: Editor) -> None:
    """The last piece has text, and the cursor is behind it; going into insert mode asks as ever."""
    scripted.script(items=[{"insertText": "ghost"}])
    writer = opened(scripted, "jA")
    scripted.see(lambda view: view.ghost == "ghost", "ghost text")
    asked = len(scripted.script()["requests"])
    assert writer.piece(*PIECES[0], last=True)
    time.sleep(QUIET_S)
    assert len(scripted.script()["requests"]) == asked
    press(scripted, "<Esc>A")
    scripted.see(lambda view: view.ghost == "ghost", "ghost text")
    assert len(scripted.script()["requests"]) == asked + 1


def test_it_is_announced(scripted: Editor) -> None:
    """Beside what was announced before."""
    scripted.edit("a.py", TEXT)
    assert scripted.lua("return Scripted.experimental.tabby") == {"longer": True, "steps": True}


# ---- with the real server and the real model -------------------------------------------------------------------------

SETTINGS = {"tabby-lsp": {"index": {"enabled": False}}}
COUNT = """
Changes, Done = 0, false
vim.api.nvim_buf_attach(0, false, { on_lines = function() Changes = Changes + 1 end })
vim.api.nvim_create_autocmd('LspProgress', { pattern = 'end', callback = function() Done = true end })
vim.ui.select = function(items, options, on_choice)
  for index, item in ipairs(items) do
    if vim.startswith(options.format_item(item), 'Complete here') then
      return on_choice(item, index)
    end
  end
  on_choice(nil)
end
vim.lsp.buf.code_action()
"""
COMING = "return require('tabby_lsp.steps').coming(vim.api.nvim_get_current_buf())"


@pytest.mark.parametrize("version", ["0.11", "0.12"])
def test_a_text_comes_line_by_line(version: str, tmp_path: Path, server_environment: dict[str, str]) -> None:
    """In several changes, and one `u` takes all of them back."""
    editor = Editor(binary_of(version), tmp_path, server_environment)
    try:
        editor.lua("vim.lsp.config('tabby_lsp', { settings = ... })", SETTINGS)
        editor.set_up([sys.executable, "-m", "tabby_lsp"])
        editor.edit("crew.py", BEGUN)
        editor.wait(lambda: editor.lua("return require('tabby_lsp').statusline()") == "tabby: ready", "model")
        press(editor, "9G$")
        editor.lua(COUNT)
        editor.wait(lambda: editor.lua("return Done and Changes > 0"), "the end of the text", 120)
        editor.wait(lambda: not editor.lua(COMING), "the last piece")
        assert editor.lua("return Changes") > 1, "this model writes some lines here"
        before, written = BEGUN.splitlines(), lines(editor)
        assert written[:8] == before[:8]
        assert written[-3:] == before[-3:]
        assert len(written) > len(before)
        press(editor, "u")
        assert lines(editor) == before
    finally:
        editor.close()


def test_a_piece_of_another_edit_is_refused(scripted: Editor) -> None:
    first = opened(scripted)
    first.pieces(1)
    second = Writer(scripted, first.path, number=2)
    assert second.piece(*PIECES[1])
    assert not first.piece(*PIECES[1]), "its places are not those of the buffer any more"
    assert second.piece(*PIECES[2], last=True)
    assert lines(scripted) == WRITTEN
