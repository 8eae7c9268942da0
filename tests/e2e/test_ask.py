"""`tabby-lsp ask`, `commit-message` and the server's commands beside them, with the default model and a real index."""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import pytest_asyncio
from e2e.actions.desk import Desk
from e2e.wire import COMMAND, PATIENCE_S, Editor
from trees import run_git, write

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES = {
    "shop/basket.py": (
        'class Basket:\n    """Articles that a customer wants."""\n\n'
        "    def add_article(self, article):\n        self.articles.append(article)\n\n"
        "    def total(self):\n        return sum(article.price for article in self.articles)\n"
    ),
    "shop/pay.py": (
        "def charge_card(basket, card):\n    if basket.total() > card.limit:\n"
        '        raise ValueError("The limit of the card is too low.")\n    return card.charge(basket.total())\n'
    ),
    "shop/parcel.py": "def wrap_parcel(parcel):\n    return parcel.wrap()\n",
}
QUESTION = "What does `charge_card` do where the total of the basket is above the limit of the card?"
FOREIGN = "Who painted the Mona Lisa?"
CITATION = re.compile(r"\[(\d+)\]")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def file_of(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit."""
    root = tmp_path_factory.mktemp("repository") / "shop"
    root.mkdir()
    write(root, FILES)
    run_git(root, "init", "-q")
    run_git(root, "add", "-A")
    run_git(root, "commit", "-q", "-m", "Add the shop")
    return root


@pytest.fixture(scope="module")
def environment(server_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Indexes in a folder of this module's own, and short answers."""
    indexes = str(tmp_path_factory.mktemp("indexes"))
    return server_environment | {"TABBY_LSP_INDEX_DIRECTORY": indexes, "TABBY_LSP_ACTIONS_MAX_TOKENS": "48"}


@pytest.fixture(scope="module")
def run(environment: dict[str, str], folder: Path) -> Run:
    """Runs `tabby-lsp` in the repository."""

    def run(*words: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            cwd=folder,
            input=given,
            capture_output=True,
            text=True,
            env=environment | variables,
            timeout=PATIENCE_S,
            check=False,
        )

    return run


def without_a_model(folder: Path) -> dict[str, str]:
    """Variables for a place where no model is installed and nothing is indexed."""
    return {"TABBY_LSP_MODELS": str(folder / "models"), "TABBY_LSP_INDEX_DIRECTORY": str(folder / "indexes")}


async def test_an_answer_has_sources_that_exist(run: Run, folder: Path, tmp_path: Path) -> None:
    thread = tmp_path / "thread.json"
    done = run("ask", "--json", "--thread", str(thread), QUESTION)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["relevant"], told["question"], told["folder"]) == (True, QUESTION, str(folder))
    numbers = {int(number) for number in CITATION.findall(told["answer"])}
    assert {source["number"] for source in told["sources"]} == numbers
    assert "shop/pay.py" in {source["path"] for source in told["sources"]}
    for source in told["sources"]:
        assert source["place"] == "here"
        assert source["end"] <= len(FILES[source["path"]].split("\n"))
    assert [turn["question"] for turn in json.loads(thread.read_text())["turns"]] == [QUESTION]
    # a follow-up, read from a pipe, with the answer as plain text
    done = run("ask", "--no-refresh", "--thread", str(thread), given="And what does it return?\n")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    listed = re.findall(r"^- \[\d+\] `(\S+):(\d+)-(\d+)`", done.stdout, re.MULTILINE)
    assert {path for path, _, _ in listed} <= FILES.keys()
    assert len(json.loads(thread.read_text())["turns"]) == 2


async def test_no_model_is_asked_where_the_index_holds_nothing(run: Run, tmp_path: Path) -> None:
    """There is none here that could be asked, nor one for vectors: the index is one of words."""
    bare = without_a_model(tmp_path)
    done = run("ask", FOREIGN, **bare)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no model was asked" in done.stderr
    told = json.loads(run("ask", "--json", FOREIGN, **bare).stdout)
    assert (told["relevant"], told["sources"]) == (False, [])
    missing = run("ask", QUESTION, **bare)
    assert missing.returncode == 1
    assert "models pull" in missing.stderr


async def test_there_is_no_question(run: Run) -> None:
    done = run("ask")
    assert done.returncode == 1
    assert "There is no question" in done.stderr


def in_a_terminal(environment: dict[str, str], folder: Path, typed: str, *words: str) -> tuple[int, str]:
    """Run `tabby-lsp ask` in a terminal of 100 columns; return its exit code and all that was shown."""
    controller, terminal = os.openpty()
    try:
        child = subprocess.Popen(
            [*COMMAND, "ask", *words],
            cwd=folder,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=environment | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
        )
        os.close(terminal)
        os.write(controller, typed.encode())
        shown = b""
        try:
            while select.select([controller], [], [], PATIENCE_S)[0] and (piece := os.read(controller, 4096)):
                shown += piece
        except OSError:  # the terminal is closed when its last process ends
            pass
        finally:
            child.kill()
        return child.wait(PATIENCE_S), shown.decode("utf-8", "replace")
    finally:
        os.close(controller)


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
async def test_a_dialogue_ends_with_an_empty_line(environment: dict[str, str], folder: Path, tmp_path: Path) -> None:
    code, shown = in_a_terminal(environment | without_a_model(tmp_path), folder, f"{FOREIGN}\nWhy?\n\n")
    assert code == 0
    assert shown.count("no model was asked") == 2


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
async def test_in_a_terminal_sources_are_links(environment: dict[str, str], folder: Path) -> None:
    code, shown = in_a_terminal(environment, folder, "", "--no-refresh", QUESTION)
    assert code == 0
    assert "reading" in shown
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown)
    assert f"{(folder / 'shop' / 'pay.py').as_uri()}\x1b\\shop/pay.py:1-4\x1b]8;;" in plain, plain[-500:]


# ---- commits --------------------------------------------------------------------------------------------------------


@pytest.fixture
def changed(folder: Path, tmp_path: Path) -> Path:
    """A copy of the repository in which something is staged."""
    root = tmp_path / "changed"
    run_git(folder, "clone", "-q", str(folder), str(root))
    write(root, {"shop/parcel.py": "def wrap_parcel(parcel, paper):\n    return parcel.wrap(paper)\n"})
    run_git(root, "add", "-A")
    return root


async def test_a_subject_and_a_branch(run: Run, changed: Path) -> None:
    done = run("commit-message", "--folder", str(changed))
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"[A-Z].{0,71}\n", done.stdout)
    done = run("commit-message", "--folder", str(changed), "--branch-name")
    assert re.fullmatch(r"[a-z0-9/-]{1,60}\n", done.stdout)


async def test_there_is_nothing_to_commit(run: Run, tmp_path: Path) -> None:
    done = run("commit-message")
    assert done.returncode == 1
    assert "Nothing has changed" in done.stderr
    done = run("commit-message", "--folder", str(tmp_path))
    assert done.returncode == 1
    assert "not a git repository" in done.stderr


async def test_a_hook_writes_the_message_and_never_stops_a_commit(
    environment: dict[str, str], changed: Path, tmp_path: Path
) -> None:
    hook = changed / ".git" / "hooks" / "prepare-commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} commit-message --hook "$1"\n')
    hook.chmod(0o755)
    own = {"HOME": str(tmp_path), "GIT_EDITOR": "true"}

    def commit(*words: str, **variables: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *identity, "commit", "-q", *words],
            cwd=changed,
            env=environment | own | variables,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        log = subprocess.check_output(["git", "log", "-1", "--format=%B"], cwd=changed, text=True).strip()
        return f"{done.returncode} {log}" if done.returncode else log

    assert re.fullmatch(r"[A-Z].{0,71}", written := commit())
    assert written != "Add the shop"
    write(changed, {"shop/parcel.py": "def wrap_parcel():\n    return 1\n"})
    run_git(changed, "add", "-A")
    assert commit("-m", "My own words") == "My own words"
    write(changed, {"shop/parcel.py": "def wrap_parcel():\n    return 2\n"})
    run_git(changed, "add", "-A")
    # without a model git has no message, and it is git that says so: the hook did not fail
    stopped = commit(TABBY_LSP_MODELS=str(tmp_path / "none"))
    assert stopped == "1 My own words"
    assert commit("-m", "Words", TABBY_LSP_MODELS=str(tmp_path / "none")) == "Words"
    # what is not staged is no part of an empty commit
    write(changed, {"shop/parcel.py": "def wrap_parcel():\n    return 3\n"})
    assert commit("--allow-empty", "--allow-empty-message") == ""


# ---- the server -----------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(environment: dict[str, str], folder: Path, log_folder: Path, run: Run) -> AsyncIterator[Desk]:
    """An editor that shows documents, with an index that is ready."""
    assert run("index").returncode == 0
    editor = await Editor.start(environment, log_folder / "ask.log")
    options = {"index": {"enabled": True}, "actions": {"max_tokens": 48}}
    desk = await Desk.sit_down(editor, "neovim_v0.12.4", options, [folder])
    await editor.status_is("ready")
    await editor.until(lambda: editor.status.get("index") == "ready", "index")
    yield desk
    await editor.stop()


async def test_the_command_replies_with_the_answer_and_its_sources(desk: Desk, folder: Path) -> None:
    reply = await desk.command(
        "tabby.ask", {"question": QUESTION, "uri": folder.as_uri(), "thread": "t", "reply": True}
    )
    assert (reply["message"], reply["applied"]) == ("", False)
    assert re.search(r"^- \[\d+\] `shop/pay\.py:1-\d", reply["text"], re.MULTILINE)
    again = await desk.command("tabby.ask", {"question": "Why is that?", "thread": "t", "reply": True})
    assert (again["message"], bool(again["text"])) == ("", True)
    other = await desk.command("tabby.ask", {"question": "Why is that?", "thread": "u", "reply": True})
    assert "Nothing in the index" in other["message"]
    assert desk.messages() == []


async def test_without_a_reply_the_answer_is_a_document_whose_links_open(desk: Desk) -> None:
    assert await desk.command("tabby.ask", {"question": QUESTION}) is None
    shown = await desk.editor.was_asked("window/showDocument")
    text = file_of(shown["uri"]).read_text("utf-8")
    assert text.startswith(f"# {QUESTION}\n")
    links = re.findall(r"\[`shop/pay\.py:1-\d`\]\((file:\S+)#L1\)", text)
    assert links
    assert file_of(links[0]).is_file()


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"question": FOREIGN}, "Nothing in the index"),
        ({"question": "  "}, "There is no question"),
        ({}, "There is no question"),
        (None, "There is no question"),
        ({"question": 7, "uri": 8, "limit": "x"}, "There is no question"),
    ],
)
async def test_what_cannot_be_answered_is_said(desk: Desk, argument: object, message: str) -> None:
    before = len(desk.messages())
    assert await desk.command("tabby.ask", *([] if argument is None else [argument])) is None
    assert message in await desk.message(before)


async def test_the_server_writes_subjects_and_branches(desk: Desk, changed: Path, folder: Path) -> None:
    of = {"uri": changed.as_uri(), "reply": True}
    reply = await desk.command("tabby-lsp.commitMessage", of)
    assert re.fullmatch(r"[A-Z].{0,71}", reply["text"]), reply
    reply = await desk.command("tabby-lsp.branchName", of)
    assert re.fullmatch(r"[a-z0-9/-]{1,60}", reply["text"]), reply
    reply = await desk.command("tabby-lsp.commitMessage", {"uri": folder.as_uri(), "reply": True})
    assert "Nothing has changed" in reply["message"]
    before = len(desk.messages())
    assert await desk.command("tabby-lsp.branchName", {"uri": changed.as_uri()}) is None
    assert "Branch name: " in await desk.message(before)
