"""Servers that are started for tests, with the default model; a test that cannot have one is skipped, and says why."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tabby_lsp.bench.contestants.peers import loopback
from tabby_lsp.bench.contestants.peers.llama_server import command
from tabby_lsp.errors import TabbyError

START_S = 180.0
PATIENCE_S = 180.0
"""Seconds for an answer: the machine may be busy, and nothing here is about time."""


@contextmanager
def running(words: Sequence[str], port: int, path: str, log: Path, *, ends_with_stdin: bool = False) -> Iterator[str]:
    """A process that serves on a port of this machine, from when it answers; its address.

    Args:
        words: how it is started.
        port: where it listens.
        path: what it answers when it is ready.
        log: a file for what it says.
        ends_with_stdin: whether it ends, with a child of its own, when its standard input does.
    """
    with log.open("wb") as written:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=written, stderr=written, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(int(START_S / 0.2)):
                if process.poll() is not None:
                    pytest.fail(f"{words[0]} ended with code {process.returncode}: {log.read_text('utf-8', 'replace')}")
                try:
                    if httpx.get(url + path, timeout=2, trust_env=False).is_success:
                        break
                except httpx.HTTPError:
                    pass
                time.sleep(0.2)
            else:
                pytest.fail(f"{words[0]} did not answer within {START_S:.0f} s: {log.read_text('utf-8', 'replace')}")
            yield url
        finally:
            assert process.stdin is not None
            process.stdin.close()
            if not ends_with_stdin:
                process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def llama_server(model: Path, log: Path) -> Iterator[str]:
    """llama-server: of the package `xllamacpp`, or a program that `TABBY_BENCH_LLAMA_SERVER` names."""
    port = loopback.free_port()
    try:
        words = command(model, port)
    except TabbyError as error:
        pytest.skip(str(error))
    with running(words, port, "/health", log, ends_with_stdin=True) as url:
        yield url


@contextmanager
def llama_cpp_python(model: Path, log: Path) -> Iterator[str]:
    """The server of llama-cpp-python, which speaks as OpenAI's does."""
    missing = [name for name in ("fastapi", "uvicorn", "sse_starlette", "starlette_context", "yaml") if not have(name)]
    if missing:
        pytest.skip(f"llama-cpp-python[server] is not installed: {', '.join(missing)} is missing")
    port = loopback.free_port()
    words = (sys.executable, "-m", "llama_cpp.server", "--model", str(model), "--n_ctx", "2048", "--n_threads", "2")
    with running((*words, "--host", "127.0.0.1", "--port", str(port)), port, "/v1/models", log) as url:
        yield url


def have(name: str) -> bool:
    """Whether a package is installed."""
    return importlib.util.find_spec(name) is not None
