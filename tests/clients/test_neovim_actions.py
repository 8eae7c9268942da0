"""Code actions, instructions, questions and commit messages in real Neovims: a real server, and a scripted one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pynvim = pytest.importorskip("pynvim", reason="pynvim is not installed: no Neovim can be driven")

from clients.neovim_editor import Editor, binary_of  # noqa: E402 - it imports pynvim

SERVER = [sys.executable, "-m", "tabby_lsp"]
SHORT = {"tabby-lsp": {"actions": {"max_tokens": 96}, "completion": {"enabled": False}, "index": {"enabled": False}}}
"""Settings with which an answer is short; nothing else that computes is under test here."""
ENDLESS = {"tabby-lsp": SHORT["tabby-lsp"] | {"actions": {"max_tokens": 4096}}}

CODE = """def twice(numbers):
    doubled = []
    for number in numbers:
        doubled.append(number * 2)
    return doubled


print(twice([1, 2, 3]))
"""
ANSWER = "# Where is it?\n\nIt is in [code.py:3](file://{path}#L3), and twice in [code.py:1-2](file://{path}#L1).\n"

MENU = """
local wanted = ...
Menu = nil
vim.ui.select = function(items, options, on_choice)
  Menu = vim.tbl_map(options.format_item, items)
  for index, item in ipairs(items) do
    if vim.startswith(Menu[index], wanted) then
      return on_choice(item, index)
    end
  end
  on_choice(nil)
end
vim.lsp.buf.code_action()
"""


def choose(editor: Editor, title: str) -> list[str]:
    """Choose from the menu of code actions; return all its entries."""
    editor.lua(MENU, title)
    entries: list[str] = editor.wait(lambda: editor.lua("return Menu"), "menu")
    return entries


def windows(editor: Editor) -> list[str]:
    """The names of what is visible."""
    names = "return vim.tbl_map(function(w) return vim.fn.bufname(vim.api.nvim_win_get_buf(w)) end, ...)"
    return [Path(name).name for name in editor.lua(names, editor.nvim.api.tabpage_list_wins(0))]


def running(editor: Editor) -> bool:
    """Whether the server shows progress."""
    return bool(editor.lua("local seen = vim.lsp.status(); return seen ~= '' and not seen:find('100%%')"))


# ---- with the real server and the real model -------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["0.11", "0.12"])
def editor(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server_environment: dict[str, str]
) -> Iterator[Editor]:
    """A Neovim with the real server and its model in memory."""
    editor = Editor(binary_of(request.param), tmp_path_factory.mktemp("neovim"), server_environment)
    editor.lua("vim.lsp.config('tabby_lsp', { settings = ... })", SHORT)
    editor.set_up(SERVER)
    editor.edit("first.py", "\n")
    editor.wait(lambda: editor.lua("return require('tabby_lsp').statusline()") == "tabby: ready", "model")
    yield editor
    editor.close()


@pytest.fixture
def code(editor: Editor) -> Editor:
    """The same, in the function of `CODE`, alone in its window."""
    editor.nvim.command("stopinsert | silent! only")
    editor.edit("code.py", CODE)
    editor.keys("1G")
    editor.see(lambda view: view.lines == CODE.splitlines(), "the code")
    return editor


def test_the_menu_documents_and_one_undo_takes_it_back(code: Editor) -> None:
    """Neovim's own menu shows our actions; the edit adds lines and nothing else."""
    entries = choose(code, "Document")
    assert {entry.split(" ", 1)[0] for entry in entries} >= {"Explain", "Document", "Simplify:"}
    view = code.see(lambda view: len(view.lines) > len(CODE.splitlines()), "a docstring")
    assert view.lines[0] == "def twice(numbers):"
    assert view.lines[1].strip().startswith('"""')
    added = len(view.lines) - len(CODE.splitlines())
    assert view.lines[1 + added :] == CODE.splitlines()[1:]
    code.keys("u")
    code.see(lambda view: view.lines == CODE.splitlines(), "the text before")


def test_an_explanation_has_a_window_of_its_own(code: Editor) -> None:
    """It does not take the place of the code, is no buffer for servers, and `q` closes it."""
    choose(code, "Explain")
    code.wait(lambda: len(windows(code)) == 2, "another window")
    assert "code.py" in windows(code)
    name = code.nvim.current.buffer.name
    assert name.endswith(".md")
    lines = code.nvim.current.buffer[:]
    assert lines[0].startswith("# Explain")
    assert len("".join(lines[1:])) > 20
    assert code.lua("return #vim.lsp.get_clients({ bufnr = 0 })") == 0
    code.keys("q")
    code.wait(lambda: windows(code) == ["code.py"], "the code alone")


def test_an_instruction_rewrites_the_function(code: Editor) -> None:
    """Nothing outside of it changes, and one `u` takes it back."""
    code.nvim.command("TabbyRewrite Rename the variable doubled to result.")
    view = code.see(lambda view: view.lines != CODE.splitlines(), "a rewritten function")
    assert view.lines[0] == "def twice(numbers):"
    assert view.lines[-1] == CODE.splitlines()[-1]
    code.keys("u")
    code.see(lambda view: view.lines == CODE.splitlines(), "the text before")


def test_what_is_written_can_be_cancelled(tmp_path: Path, server_environment: dict[str, str]) -> None:
    """Nothing of it arrives, and the server goes on serving."""
    editor = Editor(binary_of("0.11"), tmp_path, server_environment)
    try:
        editor.lua("vim.lsp.config('tabby_lsp', { settings = ... })", ENDLESS)
        editor.set_up(SERVER)
        editor.edit("code.py", CODE)
        editor.wait(lambda: editor.lua("return require('tabby_lsp').statusline()") == "tabby: ready", "model")
        for kind in ("end", "report"):
            editor.nvim.command(f"autocmd LspProgress {kind} let g:{kind[0]} = 1")
        editor.nvim.command("let [g:e, g:r] = [0, 0]")
        editor.nvim.command("TabbyRewrite Write this function out for each of the numbers from 1 to 500.")
        editor.wait(lambda: editor.nvim.eval("g:r") == 1, "progress")
        assert editor.nvim.eval("g:e") == 0
        editor.nvim.command("TabbyCancel")
        editor.wait(lambda: editor.nvim.eval("g:e") == 1, "the end of the progress")
        assert choose(editor, "nothing of these")
        assert editor.view().lines == CODE.splitlines()
        assert editor.command("tabby-lsp.statistics")["engine"]["generated"] < 4096
    finally:
        editor.close()


# ---- with a scripted server ------------------------------------------------------------------------------------------


@pytest.fixture(params=["0.11", "0.12"])
def scripted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Editor]:
    """A Neovim with a server that answers as told."""
    editor = Editor(binary_of(request.param), tmp_path, os.environ)
    editor.set_up_scripted("utf-16")
    yield editor
    editor.close()


def executed(editor: Editor, count: int = 1) -> list[Any]:
    """What commands the server has been told to run, once there are so many."""
    return editor.wait(lambda: seen if len(seen := editor.script()["executed"]) >= count else None, "a command")


def test_a_rewrite_says_which_lines(scripted: Editor) -> None:
    """A range is its whole lines in the server's encoding; without one it is the cursor."""
    path = scripted.edit("code.py", "a = 'ä😀'\nb = 'ö'\n")
    scripted.nvim.command("1,2TabbyRewrite  shorter ")
    scripted.keys("j$")
    scripted.see(lambda view: view.cursor[0] == 1, "the second line")
    scripted.nvim.command("TabbyRewrite shorter")
    whole, here = executed(scripted, 2)
    assert whole["command"] == "tabby-lsp.rewrite"
    assert whole["argument"] == {
        "uri": path.as_uri(),
        "range": {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 7}},
        "instruction": "shorter",
    }
    assert here["argument"]["range"] == {"start": {"line": 1, "character": 6}, "end": {"line": 1, "character": 6}}


def test_an_instruction_is_asked_for(scripted: Editor) -> None:
    """An empty one, or none, asks for nothing."""
    scripted.edit("code.py", "a\n")
    scripted.lua("Given = {}; vim.ui.input = function(_, go_on) go_on(Given[1]) end")
    for given in ([], [" "], ["shorter"]):
        scripted.lua("Given = ...", given)
        scripted.nvim.command("TabbyRewrite")
    assert [one["argument"]["instruction"] for one in executed(scripted)] == ["shorter"]


def test_questions_stand_in_threads(scripted: Editor) -> None:
    """A question begins a thread; one with a bang goes on in the last one."""
    scripted.edit("code.py", "a\n")
    scripted.nvim.command("cd " + str(scripted.folder))
    for command in ("TabbyAsk! Where?", "TabbyAsk! And who?", "TabbyAsk Why?"):
        scripted.nvim.command(command)
    seen = executed(scripted, 3)
    assert [one["command"] for one in seen] == ["tabby.ask"] * 3
    assert [one["argument"]["question"] for one in seen] == ["Where?", "And who?", "Why?"]
    assert {one["argument"]["uri"] for one in seen} == {scripted.folder.as_uri()}
    threads = [one["argument"]["thread"] for one in seen]
    assert threads[0] == threads[1] != threads[2]


def test_an_edit_is_undone_apart_from_what_is_typed(scripted: Editor) -> None:
    """It comes while somebody types elsewhere: each of the three things is one step."""
    path = scripted.edit("code.py", "a\nb\nc\n")
    place = {"line": 0, "character": 1}
    edit = {"changes": {path.as_uri(): [{"range": {"start": place, "end": place}, "newText": "\nnew"}]}}
    scripted.keys("GAxy")
    scripted.see(lambda view: view.lines[2] == "cxy", "typed text")
    assert scripted.lua("return Scripted.request('workspace/applyEdit', ...)", {"edit": edit})["applied"] is True
    scripted.keys("z<Esc>")
    scripted.see(lambda view: view.lines == ["a", "new", "b", "cxyz"], "the edit, and more text")
    for expected in (["a", "new", "b", "cxy"], ["a", "b", "cxy"], ["a", "b", "c"]):
        scripted.keys("u")
        scripted.see(lambda view, expected=expected: view.lines == expected, "the step before")


def test_a_message_goes_where_the_cursor_was(scripted: Editor) -> None:
    """It moves along with what is typed meanwhile, is one undo step, and what is wrong is said."""
    scripted.edit("code.py", "a\n")
    scripted.script(replies={"tabby-lsp.commitMessage": {"text": "Add it\n\nSo.", "message": "", "applied": False}})
    scripted.nvim.command("new | set filetype=gitcommit | call setline(1, ['', '# What is staged']) | 1")
    scripted.nvim.command("TabbyCommitMessage")
    assert executed(scripted)[0]["argument"]["reply"] is True
    scripted.see(lambda view: view.lines == ["Add it", "", "So.", "# What is staged"], "the message")
    scripted.keys("u")
    scripted.see(lambda view: view.lines == ["", "# What is staged"], "no message")

    scripted.script(
        replies={"tabby-lsp.commitMessage": {"text": "", "message": "Nothing has changed.", "applied": False}}
    )
    scripted.nvim.command("TabbyCommitMessage")
    scripted.wait(
        lambda: "Nothing has changed." in scripted.nvim.command_output("messages"), "the message of the server"
    )
    assert scripted.view().lines == ["", "# What is staged"]


def test_a_name_of_a_branch_is_in_the_register(scripted: Editor) -> None:
    """For `git switch -c`."""
    scripted.edit("code.py", "a\n")
    scripted.script(replies={"tabby-lsp.branchName": {"text": "add-it", "message": "", "applied": False}})
    scripted.nvim.command("TabbyBranchName")
    scripted.wait(lambda: scripted.nvim.eval("@@") == "add-it", "the name")


def test_cancel_ends_what_may_be_cancelled(scripted: Editor) -> None:
    """Neither what has ended, nor what the server does not let go of."""
    scripted.edit("code.py", "a\n")
    for token, kind, cancellable in (
        ("a", "begin", True),
        ("b", "begin", False),
        ("c", "begin", True),
        ("c", "end", None),
    ):
        value = {"kind": kind, "title": "Work", "cancellable": cancellable}
        value = {name: content for name, content in value.items() if content is not None}
        scripted.lua("Scripted.notify('$/progress', ...)", {"token": token, "value": value})
    scripted.nvim.command("TabbyCancel")
    assert scripted.script()["ended"] == ["a"]


def test_an_answer_is_shown_beside_the_code(scripted: Editor) -> None:
    """Its links open the code in the window it was asked from; the next answer takes the same window."""
    path = scripted.edit("code.py", "a\nb\nc\n")
    answers = scripted.folder / "tabby-lsp" / "answers"
    answers.mkdir(parents=True)

    def show(name: str) -> Any:
        (answers / name).write_text(ANSWER.replace("{path}", str(path)))
        return scripted.lua(
            "return Scripted.request('window/showDocument', ...)", {"uri": (answers / name).as_uri(), "takeFocus": True}
        )

    assert show("first.md") == {"success": True}
    assert windows(scripted) == ["code.py", "first.md"]
    assert scripted.nvim.current.buffer.name.endswith("first.md")
    assert scripted.nvim.current.buffer.options["modifiable"] is False
    assert scripted.nvim.current.buffer.options["filetype"] == "markdown"
    scripted.keys("3G0<CR>")
    scripted.wait(lambda: scripted.nvim.current.buffer.name == str(path), "the code")
    assert scripted.view().cursor == (2, 0)
    scripted.keys("<C-w>p3G$F[gf")
    scripted.see(lambda view: view.cursor == (0, 0) and view.lines == ["a", "b", "c"], "the other place")
    assert windows(scripted) == ["code.py", "first.md"]

    scripted.keys("A")
    scripted.wait(lambda: scripted.lua("return vim.api.nvim_get_mode().mode") == "i", "insert mode")
    show("second.md")
    assert windows(scripted) == ["code.py", "second.md"]
    assert scripted.nvim.current.buffer.name == str(path)
