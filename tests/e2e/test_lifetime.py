"""From the start of the process to its end, however that comes about."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from e2e.conftest import Launch
from e2e.wire import COMMAND, PATIENCE_S, UNHURRIED, Editor, Json, hole

pytestmark = pytest.mark.asyncio

INITIALIZED_WITHIN_S = 1.2
"""The project's promise for a quiet machine."""
ENDED_WITHIN_S = 1.0
"""The same, for `exit` while the model is writing."""
NOTICED_WITHIN_S = 15.0
"""For an editor that died without a word: its process is looked for every 2 s."""

URI = "file:///e2e/lifetime.py"
LONG = "".join(f"def function_{i}(a, b):\n    \n    return a * {i}\n\n" for i in range(500))


async def best(attempts: int, measure: Callable[[], Json], enough: float) -> float:
    """The least of some seconds, since the machine may be busy with other things; no more attempts than are needed."""
    least = float("inf")
    for _ in range(attempts):
        least = min(least, await measure())
        if least < enough:
            break
    return least


async def test_initialize_is_answered_at_once(launch: Launch) -> None:
    async def seconds() -> float:
        started = time.monotonic()
        editor = await launch()
        await editor.initialize()
        return time.monotonic() - started

    assert await best(5, seconds, INITIALIZED_WITHIN_S) < INITIALIZED_WITHIN_S


@pytest.mark.parametrize("polite", [True, False])
async def test_exit_ends_a_server_that_is_writing(launch: Launch, *, polite: bool) -> None:
    codes: set[int] = set()

    async def seconds() -> float:
        editor = await launch()
        await editor.initialize(UNHURRIED)
        await editor.status_is("ready")
        editor.open(URI, LONG)
        under_way = editor.ask(URI, 1201, 4)  # some seconds of prefill
        with pytest.raises(AssertionError):
            await editor.reply(under_way, within=0.5)
        if polite:
            assert await editor.request("shutdown", None, within=10) is None
        started = time.monotonic()
        editor.notify("exit", None)
        codes.add(await editor.wait())
        return time.monotonic() - started

    took = await best(3, seconds, ENDED_WITHIN_S)
    assert codes == {0 if polite else 1}
    assert took < ENDED_WITHIN_S


async def test_shutdown_answers_what_is_under_way(launch: Launch) -> None:
    editor = await launch()
    await editor.initialize(UNHURRIED)
    await editor.status_is("ready")
    editor.open(URI, LONG)
    under_way = editor.ask(URI, 1201, 4)
    await editor.request("shutdown", None)
    await editor.until(lambda: editor.replies.get(under_way), "reply to the question")
    assert len(editor.replies[under_way]) == 1
    editor.notify("exit", None)
    assert await editor.wait() == 0


async def test_exit_right_after_the_start(launch: Launch) -> None:
    editor = await launch()
    await editor.initialize()  # the model is on its way now: a preflight, or a file that is being read
    await editor.request("shutdown", None)
    editor.notify("exit", None)
    assert await editor.wait(within=10) == 0


async def test_the_end_of_stdin_ends_it(launch: Launch) -> None:
    editor = await launch()
    await editor.initialize()
    assert editor.process.stdin is not None
    editor.process.stdin.close()
    await editor.wait(within=NOTICED_WITHIN_S)


CLIENT = """\
import json, os, subprocess, sys, time
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
params = {"processId": os.getpid(), "rootUri": None, "capabilities": {}}
for message in (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params},
    {"jsonrpc": "2.0", "method": "initialized", "params": {}},
):
    body = json.dumps(message).encode()
    server.stdin.write(b"Content-Length: %d\\r\\n\\r\\n%b" % (len(body), body))
    server.stdin.flush()
server.stdout.readline()
if sys.argv[1] == "pipe-stays-open":
    subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL, stdout=server.stdin, stderr=subprocess.DEVNULL)
print(server.pid, flush=True)
time.sleep(60)
"""
"""An editor as a process of its own, which says the server's id and can be killed."""


@pytest.mark.parametrize("how", ["pipe-closes", "pipe-stays-open"])
async def test_a_killed_editor_leaves_no_server(server_environment: dict[str, str], how: str) -> None:
    command = [sys.executable, "-c", CLIENT, how, *COMMAND]
    client = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, env=server_environment, start_new_session=True
    )
    try:
        assert client.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            server = psutil.Process(int(await client.stdout.readline()))
        assert server.is_running()
        os.kill(client.pid, signal.SIGKILL)
        await client.wait()
        gone, _ = await asyncio.to_thread(psutil.wait_procs, [server], NOTICED_WITHIN_S)
        assert gone == [server]
    finally:
        for process in session_of(client.pid):
            process.kill()


def session_of(leader: int) -> list[psutil.Process]:
    """What is left of the processes that the client started."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue
    return found


async def test_a_server_whose_editor_is_dead_from_the_start_ends(launch: Launch) -> None:
    dead = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await dead.wait()
    editor = await launch()
    await editor.initialize(processId=dead.pid)
    assert await editor.wait(within=NOTICED_WITHIN_S) == 1


async def test_without_a_process_id_it_stays(launch: Launch) -> None:
    editor = await launch()
    await editor.initialize(UNHURRIED, processId=None)
    await editor.status_is("ready")
    text, line, character = hole("def add(a, b):\n    return █\n\n\nprint(add(1, 2))\n")
    editor.open(URI, text)
    assert (await editor.complete(URI, line, character)).items


async def test_tcp_serves_this_machine_alone(launch: Launch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    editor = await launch("--tcp", str(port), listen=False)
    editor.attach(*await connect(editor, port))
    await editor.initialize(UNHURRIED)
    bound = [c for c in psutil.Process(editor.process.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert [(c.laddr.ip, c.laddr.port) for c in bound] == [("127.0.0.1", port)]
    await editor.status_is("ready")
    text, line, character = hole("def add(a, b):\n    return █\n\n\nprint(add(1, 2))\n")
    editor.open(URI, text)
    assert (await editor.complete(URI, line, character)).items
    await editor.request("shutdown", None)
    editor.notify("exit", None)
    assert await editor.wait(within=NOTICED_WITHIN_S) == 0


async def connect(editor: Editor, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as soon as the server listens: it says nothing that could be waited for."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            assert editor.process.returncode is None, editor.log.read_text()
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)


async def test_stdout_is_the_protocols_alone(launch: Launch) -> None:
    editor = await launch(listen=False)
    reader, writer = editor.process.stdout, editor.process.stdin
    assert reader is not None
    assert writer is not None
    heard: list[bytes] = []
    copy = asyncio.StreamReader(limit=1 << 24)

    async def tee() -> None:
        while chunk := await reader.read(1 << 16):
            heard.append(chunk)
            copy.feed_data(chunk)
        copy.feed_eof()

    teeing = asyncio.create_task(tee())
    editor.attach(copy, writer)
    await editor.initialize(UNHURRIED)
    await editor.status_is("ready")  # llama.cpp has said all that it says while it loads
    text, line, character = hole("def add(a, b):\n    return █\n\n\nprint(add(1, 2))\n")
    editor.open(URI, text)
    assert (await editor.complete(URI, line, character, invoked=True)).items
    editor.write_body(b"no json")
    await editor.request("shutdown", None)
    editor.notify("exit", None)
    await editor.wait()
    async with asyncio.timeout(PATIENCE_S):
        await teeing
    rest, messages = b"".join(heard), 0
    while rest:
        header, _, rest = rest.partition(b"\r\n\r\n")
        names = dict(line.split(b": ", 1) for line in header.split(b"\r\n"))
        assert set(names) <= {b"Content-Length", b"Content-Type"}
        length = int(names[b"Content-Length"])
        assert json.loads(rest[:length])["jsonrpc"] == "2.0"
        rest = rest[length:]
        messages += 1
    assert messages > 3


async def test_an_idle_model_leaves_memory_and_comes_back(launch: Launch, model_file: Path, tmp_path: Path) -> None:
    """And where its file is gone meanwhile, that is said, and over as soon as it is back."""
    folder = tmp_path / "models"
    folder.mkdir()
    link = folder / model_file.name
    link.symlink_to(model_file)
    editor = await launch(TABBY_LSP_MODELS=str(folder))
    await editor.initialize(UNHURRIED | {"engine": {"idle_unload_s": 1}})
    await editor.status_is("ready")
    await editor.status_is("unloaded")
    text, line, character = hole("def add(a, b):\n    return █\n\n\nprint(add(1, 2))\n")
    editor.open(URI, text)
    assert (await editor.complete(URI, line, character)).items
    await editor.status_is("ready")

    await editor.status_is("unloaded")
    link.unlink()
    editor.edit(URI, 2, (0, 0), (0, 0), "import os\n\n\n")
    assert (await editor.complete(URI, line + 3, character, invoked=True)).items == []
    assert (await editor.status_is("error"))["message"]
    link.symlink_to(model_file)
    assert (await editor.complete(URI, line + 3, character, invoked=True)).items
    await editor.status_is("ready")
