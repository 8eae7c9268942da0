"""Tabby's API and agent against a scripted llama-server, and what is said of what is missing."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from scripted_llama import SOON_S, TEXT, URI, Editor, Scripted, until

from tabby_lsp.bench.contestants.peers import PEERS, llama_server, loopback, tabby_agent
from tabby_lsp.bench.contestants.peers.llama_server import LlamaServer
from tabby_lsp.bench.contestants.peers.tabby_adapter import TabbyAdapter, prompt, stop_words
from tabby_lsp.bench.contestants.peers.tabby_agent import TabbyAgent, ghost_text
from tabby_lsp.bench.types import State
from tabby_lsp.errors import TabbyError

# ---- HTTP, Tabby's API ----------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def tabby() -> AsyncIterator[Callable[..., Any]]:
    servers: list[Scripted] = []
    adapters: list[TabbyAdapter] = []

    async def start(*says: str) -> tuple[TabbyAdapter, Scripted, int]:
        servers.append(Scripted(*says))
        await servers[-1].start()
        adapters.append(TabbyAdapter(servers[-1].port))
        return adapters[-1], servers[-1], await adapters[-1].start()

    yield start
    for adapter, server in zip(adapters, servers, strict=True):
        await adapter.stop()
        await server.stop()


ASK = {"language": "python", "segments": {"prefix": "def f():\n    ret", "suffix": "\n"}}


async def test_the_adapter_asks_as_tabby_does(tabby: Callable[..., Any]) -> None:
    adapter, server, port = await tabby("urn| 1|\n\n|more")
    said = await loopback.ask(port, "POST", "/v1/completions", ASK)
    assert said == {"id": "cmpl-1", "choices": [{"index": 0, "text": "urn 1"}]}
    body = server.asked[0]
    assert body["prompt"] == "<|fim_prefix|>def f():\n    ret<|fim_suffix|>\n<|fim_middle|>"
    assert (body["n_predict"], body["temperature"], body["stream"]) == (64, 0.1, True)
    cost = adapter.costs["cmpl-1"]
    assert (cost.evaluated, cost.reused, cost.generated, cost.server_ms) == (7, 5, 2, 4.0)
    assert (adapter.total.evaluated, adapter.total.generated) == (7, 2)


async def test_the_adapter_knows_what_the_agent_needs_at_its_start(tabby: Callable[..., Any]) -> None:
    _, _, port = await tabby()
    health = await loopback.ask(port, "GET", "/v1/health")
    assert {"model", "device", "version"} <= set(health)
    assert (await loopback.ask(port, "GET", "/v1beta/server_setting"))["disable_client_side_telemetry"]
    with pytest.raises(TabbyError, match="404"):
        await loopback.ask(port, "GET", "/elsewhere")
    with pytest.raises(TabbyError, match="500"):
        await loopback.ask(port, "POST", "/v1/completions", {})


async def test_giving_up_closes_the_connections(tabby: Callable[..., Any]) -> None:
    adapter, server, port = await tabby("never")
    server.busy.clear()
    asking = asyncio.create_task(loopback.ask(port, "POST", "/v1/completions", ASK))
    await until(lambda: server.asked)
    asking.cancel()
    await until(lambda: server.gone)
    await asyncio.wait_for(adapter.idle(), SOON_S)
    assert not adapter.costs


def test_prompt_and_stop_words() -> None:
    assert prompt({"prefix": "{a}", "suffix": ""}) == "<|fim_prefix|>{a}<|fim_suffix|>\n<|fim_middle|>"
    assert {"\ndef", "\n#", "\n\n\t"} <= set(stop_words("python"))
    assert stop_words("python")[0] == "<|file_separator|>"
    assert "\n" in stop_words("brainfuck")
    assert "\n" not in stop_words("html")


async def test_a_broken_reply_is_an_error() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await loopback.read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort")
        writer.close()

    async with await asyncio.start_server(serve, loopback.HOST, 0) as listener:
        with pytest.raises(ConnectionResetError):
            await loopback.ask(listener.sockets[0].getsockname()[1], "GET", "/")


# ---- Tabby's agent --------------------------------------------------------------------------------------------------


def test_ghost_text_in_utf16() -> None:
    state = State(URI, "python", 1, "😀f(x)\n", 0, 3)
    at = len("😀f(x)") - 2 + 1
    assert ghost_text({"text": "f(a, b)", "replaceRange": {"start": at - 2, "end": at + 2}}, state, at) == "a, b)"
    state = State(URI, "python", 1, "😀f()\n", 0, 3)
    choice = {"text": "a)", "replaceRange": {"start": 4, "end": 5}}
    assert ghost_text(choice, state, 4) == "a"


def agent_script() -> Path:
    """The agent that the benchmark has installed; tests fetch nothing."""
    from platformdirs import user_cache_path

    folder = user_cache_path("tabby-lsp", appauthor=False) / "bench" / f"tabby-agent-{tabby_agent.AGENT_VERSION}"
    script = folder / "node_modules" / "tabby-agent" / "dist" / "cli.js"
    if shutil.which("node") is None or not script.is_file():
        pytest.skip("needs node, and the agent that `tabby-lsp bench replay` installs")
    return script


async def test_the_agent_asks_shows_and_cancels() -> None:
    server = Scripted("urn width * height")
    agent = TabbyAgent(server, agent_script())
    editor = Editor(agent, TEXT, 3, 4)
    try:
        await editor.start()
        editor.type("ret")
        await until(lambda: editor.shown)
        assert (editor.shown[0].version, editor.shown[0].text) == (editor.state.version, "urn width * height")
        assert (editor.shown[0].reason, editor.shown[0].evaluated) == ("answer", 7)
        editor.type("urn")
        await until(lambda: len(editor.shown) == 2)
        assert (editor.shown[1].text, editor.shown[1].reason) == (" width * height", "cached")
        server.busy.clear()
        editor.type(" x")
        await until(lambda: len(server.asked) == 2)
        asyncio.get_running_loop().call_later(0.1, server.busy.set)
        await agent.idle()
        assert server.gone == 1
        assert len(editor.shown) == 2
        usage = await agent.usage()
        assert (usage.evaluated, usage.generated, usage.requests) == (12, 3, 2)
        assert usage.cpu_s > 0
    finally:
        await agent.stop()


FAKE_SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b"[]")

HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""

# ---- what is not there ----------------------------------------------------------------------------------------------


async def test_what_is_missing_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gguf = tmp_path / "a.gguf"
    gguf.write_bytes(b"")
    monkeypatch.delenv(llama_server.BINARY_VARIABLE, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TabbyError, match="pip install"):
        await PEERS["llama-vim"](gguf).start(lambda shown: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(TabbyError, match=r"Node\.js"):
        await PEERS["tabby-agent"](gguf).start(lambda shown: None)
    monkeypatch.setenv(llama_server.BINARY_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(TabbyError, match="nowhere"):
        await PEERS["llama-vim"](gguf).start(lambda shown: None)


def test_a_llama_server_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (gguf := tmp_path / "a.gguf").write_bytes(b"")
    (binary := tmp_path / "llama-server").write_bytes(b"")
    monkeypatch.setenv(llama_server.BINARY_VARIABLE, str(binary))
    line = llama_server.command(gguf, 1234)
    assert line[line.index("--binary") + 1] == str(binary)
    assert line[line.index("--batch-size") + 1] == line[line.index("--ubatch-size") + 1] == "1024"
    assert line[line.index("--cache-reuse") + 1] == "256"


async def test_a_model_that_cannot_be_loaded_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp, of the extra `bench`")
    monkeypatch.delenv(llama_server.BINARY_VARIABLE, raising=False)
    (gguf := tmp_path / "broken.gguf").write_bytes(b"no model")
    server = LlamaServer(gguf)
    try:
        with pytest.raises(TabbyError, match="llama-server ended"):
            await server.start()
    finally:
        await server.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script")
async def test_a_llama_server_ends_with_its_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (gguf := tmp_path / "a.gguf").write_bytes(b"")
    (script := tmp_path / "serve.py").write_text(FAKE_SERVER)
    (binary := tmp_path / "llama-server").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    binary.chmod(0o755)
    monkeypatch.setenv(llama_server.BINARY_VARIABLE, str(binary))
    server = LlamaServer(gguf)
    await server.start()
    try:
        assert await server.idle(SOON_S) < SOON_S
    finally:
        await server.stop()
    with pytest.raises(ConnectionRefusedError):
        await loopback.ask(server.port, "GET", "/health")
