"""`tabby-lsp bench replay` from the command line, with a real server on a tiny model."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tiny import write_model

from tabby_lsp.bench.contestants.language_server import STATISTICS, LanguageServer
from tabby_lsp.bench.contestants.programs import Program, our_program
from tabby_lsp.bench.replay.turns import SEARCHABLE_S, leave
from tabby_lsp.bench.replay.typist import Screen
from tabby_lsp.bench.results.report import load
from tabby_lsp.bench.types import Change, Hunk, Script, Shown, State
from tabby_lsp.errors import TabbyError

SECONDS = 120
BEFORE = "def f(x):\n    return x\n\n\ndef g(x):\n    return f(x)\n"
AFTER = "def f(x):\n    if not x:\n        return None\n    return x\n\n\ndef g(x):\n    return f(x) + f(x + 1)\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two files, each changed once."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for text in (BEFORE, AFTER):
        (folder / "one.py").write_text(text)
        (folder / "two.py").write_text("import os\n\n\n" + text)
        for words in (
            ["init", "-q"],
            ["add", "."],
            ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "t"],
        ):
            subprocess.run(["git", "-C", folder, *words], check=True)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TABBY_LSP_")}
    return ours | {"TABBY_LSP_CONFIG": os.devnull, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def command(model: Path, repository: Path, *more: str) -> list[str]:
    words = [sys.executable, "-m", "tabby_lsp", "bench", "replay", "--repo", str(repository), "--model", str(model)]
    return [*words, *more]


def test_a_repository_is_typed_again(
    model: Path, repository: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "run.json"
    words = command(
        model,
        repository,
        "--set",
        "completion.likely=false",
        "--variant",
        "short:completion.max_tokens=4",
        "--json",
        str(out),
    )
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    assert "keystrokes saved" in done.stdout
    run = load(out)
    assert [session.contestant for session in run.sessions] == ["tabby-lsp", "short", "short", "tabby-lsp"]
    assert {session.script for session in run.sessions} == {"one.py", "two.py"}
    for session in run.sessions:
        typed = "".join(key.typed for key in session.keys)
        assert typed == "\n    if not x:\n        return None + f(x + 1)"
        assert [key.hunk for key in session.keys] == sorted(key.hunk for key in session.keys)
        assert all(key.answer is not None and not key.late and not key.cancelled for key in session.keys)
        answers = [key.answer for key in session.keys if key.answer and key.answer.reason == "shown"]
        assert answers
        assert all(answer.generated and answer.server_ms for answer in answers)
        assert session.usage.peak_mb > 10
        assert session.usage.generated is None or session.usage.generated > 0
    figures = run.figures["tabby-lsp"]
    assert figures["late"].value == 0
    assert figures["waited_elsewhere_p50"].n + figures["waited_cold_p50"].n > 0
    assert run.comparisons["short"]["generated"].value is not None
    assert run.comparisons["short"]["generated"].value < 1


def test_typed_with_a_clock_and_load_and_interrupted(
    model: Path, repository: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """Ctrl-C ends every child, and what is there is printed and kept."""
    out = tmp_path / "run.json"
    words = command(model, repository, "--clock", "typing", "--load", "1", "--json", str(out))
    with (tmp_path / "err").open("wb") as err:
        child = subprocess.Popen(
            words,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            # who starts the tests in the background of a shell has them ignore it, and what they start as well
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        until = time.monotonic() + SECONDS
        while "1/2" not in (tmp_path / "err").read_text() and time.monotonic() < until and child.poll() is None:
            time.sleep(0.05)
        family = psutil.Process(child.pid).children(recursive=True)
        assert len(family) >= 2  # a server, and what keeps a core busy
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "keystrokes saved" in said
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    run = load(out)
    assert (run.clock, run.load, len(run.sessions)) == ("typing", 1, 1)
    assert run.figures["tabby-lsp"]["late"].value == 0
    gaps = [after.at - before.at for before, after in zip(run.sessions[0].keys, run.sessions[0].keys[1:], strict=False)]
    assert all(gap > 0.055 for gap in gaps)


async def test_an_editor_that_types_over_its_question(model: Path, tmp_path: Path) -> None:
    """The request before is cancelled by the next key, and what comes is for the last one."""
    server = LanguageServer(our_program("x", {"model": {"path": str(model)}}))
    shown: list[Shown] = []
    news = asyncio.Event()

    def show(what: Shown) -> None:
        shown.append(what)
        news.set()

    try:
        await server.start(show)
        text = "def 𝒳():\n    "
        await server.open(State("file:///x.py", "python", 1, text, 1, 4))
        for version, typed in enumerate("return", start=2):
            text += typed
            column = 2 + version
            change = Change((1, column), (1, column), typed)
            server.pressed(State("file:///x.py", "python", version, text, 1, column + 1), change, ask=True)
        async with asyncio.timeout(SECONDS):
            while not any(what.version == 7 for what in shown):
                news.clear()
                await news.wait()
        assert await server.idle() >= 0
        await server.close("file:///x.py")
        assert (await server.usage()).cpu_s >= 0
    finally:
        await server.stop()


async def test_what_is_saved_between_two_files_can_be_found(model: Path, tmp_path: Path) -> None:
    """By the contestant that writes the index and by the one that reads it; nothing but the editor tells them."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "one.py").write_text(BEFORE)
    options = {
        "model": {"path": str(model)},
        "index": {"directory": str(tmp_path / "index"), "watch": False},
    }
    servers = [LanguageServer(our_program(name, options, indexed=True), [folder]) for name in ("writes", "reads")]
    whole = AFTER + "\n\ndef dromond_portage(y):\n    return g(y)\n"
    script = Script("one.py", "s", "python", BEFORE, (Hunk(8, 0, "    pass\n"),), whole, str(folder))
    screens = [Screen(server) for server in servers]
    uri = (folder / "one.py").as_uri()
    try:
        for screen, server in zip(screens, servers, strict=True):
            await screen.start()
            await server.open(State(uri, "python", 1, BEFORE, 0, 0))
            await server.idle()
        before = [await symbols(server) for server in servers]
        await leave(script, screens, uri, SEARCHABLE_S)
        assert before == [("ready", 2), ("reading", 2)]
        assert [await symbols(server) for server in servers] == [("ready", 3), ("reading", 3)]
    finally:
        for server in servers:
            await server.stop()


async def symbols(server: LanguageServer) -> tuple[str, int]:
    """What a server's index is doing, and how many definitions are in it."""
    said = await server._wire.ask("workspace/executeCommand", {"command": STATISTICS, "arguments": []}, SECONDS)
    (index,) = said["index"]
    return index["phase"], index["symbols"]


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    no_model = LanguageServer(our_program("x", {"model": {"path": str(tmp_path / "none.gguf")}}))
    ends = LanguageServer(Program("y", (sys.executable, "-c", "raise SystemExit('no such luck')"), dict(os.environ)))
    for server, why in ((no_model, "no model"), (ends, "no such luck")):
        with pytest.raises(TabbyError, match=why):
            await server.start(lambda _: None)
        await server.stop()
