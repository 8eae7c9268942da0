"""Two editors on one model server, as docs/teams.md has it: the model is there once, and neither editor loads it."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.conftest import Launch
from e2e.wire import UNHURRIED, Editor

KEY = "the-key-of-the-team-0123456789abcdef"
START_S = 60.0
CODE = '''\
def mean_{who}(values: list[float]) -> float:
    """The mean of some values."""
    


def largest_{who}(values: list[float]) -> float:
    """The largest value."""
    return max(values)
'''  # noqa: W293 - the cursor stands there


@pytest.fixture(scope="module")
def model_server(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """llama-server with four slots and a key; its address."""
    binary = os.environ.get("TABBY_BENCH_LLAMA_SERVER")
    if not binary:
        pytest.skip("TABBY_BENCH_LLAMA_SERVER does not name a llama-server")
    folder = tmp_path_factory.mktemp("llama")
    (folder / "keys").write_text(f"{KEY}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ("--parallel", "4", "--ctx-size", "8192", "--threads", "2", "--metrics", "--no-webui")
    where = ("--host", "127.0.0.1", "--port", str(port), "--api-key-file", str(folder / "keys"))
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen((binary, "--model", str(model_file), *where, *options), stdout=log, stderr=log)
    try:
        asyncio.run(_answers(f"http://127.0.0.1:{port}/health", child))
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(10)


async def _answers(url: str, child: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(START_S):
        while child.poll() is None:
            try:
                await asyncio.to_thread(_get, url)
            except OSError:
                await asyncio.sleep(0.2)
            else:
                return
    pytest.fail("llama-server ended")


def _get(url: str) -> str:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as reply:
        return reply.read().decode()


def tokens_predicted(address: str) -> float:
    """Tokens that the server has written since it was started."""
    lines = _get(f"{address}/metrics").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("llamacpp:tokens_predicted_total "))


def has_llama(editor: Editor) -> bool:
    """Whether the server's process has llama.cpp in memory; told by Linux alone."""
    return sys.platform == "linux" and "libllama" in Path(f"/proc/{editor.process.pid}/maps").read_text()


def settings(address: str) -> dict[str, object]:
    """One line says who completes, the others how to get there."""
    http = {"kind": "vllm/completion", "model_name": "qwen2.5-coder-0.5b-instruct", "api_endpoint": f"{address}/v1"}
    role = {"completion": {"http": {**http, "api_key": "${TEAM_KEY}"}}}
    return {**UNHURRIED, "model": role, "index": {"enabled": False}}


async def test_a_key_that_is_not_the_teams_completes_nothing_and_says_so(launch: Launch, model_server: str) -> None:
    editor = await launch(TEAM_KEY="somebody-elses")
    await editor.initialize(settings(model_server))
    editor.open("file:///team/eve.py", CODE.format(who="eve"))
    assert (await editor.complete("file:///team/eve.py", 2, 4)).texts == []
    assert tokens_predicted(model_server) == 0  # it is the first to ask
    assert "somebody-elses" not in editor.log.read_text()


async def test_two_editors_complete_on_one_server(launch: Launch, model_server: str) -> None:
    editors = {who: await launch(TEAM_KEY=KEY) for who in ("ada", "ben")}
    for editor in editors.values():
        await editor.initialize(settings(model_server))
        await editor.status_is("ready")

    async def complete(who: str, editor: Editor) -> list[str]:
        editor.open(f"file:///team/{who}.py", CODE.format(who=who))
        return (await editor.complete(f"file:///team/{who}.py", 2, 4, invoked=True)).texts

    answers = await asyncio.gather(*(complete(*one) for one in editors.items()))
    assert all(text.strip() for texts in answers for text in texts)
    assert all(answers)
    assert tokens_predicted(model_server) > 0
    assert not any(map(has_llama, editors.values()))
