"""llama-server with one model, as a child of the benchmark's: both peers ask it over HTTP.

It is set up as its users are told to for a processor without a GPU (llama.vscode's README: `--ctx-size 0
--cache-reuse 256`, and a batch of 1024 for a 0.5B model or 512 for a 1.5B model), with one slot and a thread for
each core.

Prebuilt it comes with xllamacpp, whose wheel for Linux uses AVX2 at most. On a processor that can do more, one that
was built on this very machine is faster; the environment variable `TABBY_BENCH_LLAMA_SERVER` says where it is.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tabby_lsp.bench.peers import loopback
from tabby_lsp.bench.peers.loopback import Json
from tabby_lsp.bench.processes import Tree
from tabby_lsp.errors import TabbyError

BINARY_VARIABLE = "TABBY_BENCH_LLAMA_SERVER"
CACHE_REUSE = 256
"""Tokens; the shortest run that is moved in the KV cache instead of evaluated again."""
BATCH_SMALL, BATCH_LARGE = 1024, 512
SMALL_MODEL_BYTES = 700_000_000
"""Models of half a billion weights are smaller, those of one and a half are not."""
START_S = 180.0
REPLY_S = 120.0
ASK_S = 0.05
LOOK_S = 0.01
STOP_S = 10.0
COUNTERS = ("llamacpp:prompt_tokens_total", "llamacpp:tokens_predicted_total")


class LlamaServer:
    """One llama-server.

    Args:
        gguf: the model.
    """

    def __init__(self, gguf: Path) -> None:
        self._gguf = gguf
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None  # noqa: S101 - only asked after `start`
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it has loaded the model.

        Raises:
            TabbyError: there is no llama-server, or it does not start.
        """
        self.port = loopback.free_port()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process; closed in `stop`
        self._process = await asyncio.create_subprocess_exec(
            *command(self._gguf, self.port),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for us; we end it
        )
        try:
            async with asyncio.timeout(START_S):
                while not await self._is_healthy():  # noqa: ASYNC110 - another process
                    await asyncio.sleep(ASK_S)
        except TimeoutError as error:
            raise TabbyError(f"llama-server did not start within {START_S:.0f} s.", self._last_words()) from error

    async def complete(self, path: str, body: Json) -> Json:
        """One request for a completion; cancelling it ends its work in the server."""
        async with asyncio.timeout(REPLY_S):
            return await loopback.ask(self.port, "POST", path, body)

    async def idle(self, within: float = 30.0) -> float:
        """Wait until no slot is at work, at most some seconds; returns the seconds that it took."""
        started = time.perf_counter()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while await self._is_busy():  # noqa: ASYNC110 - another process
                    await asyncio.sleep(LOOK_S)
        return time.perf_counter() - started

    async def tokens(self) -> tuple[int, int]:
        """Prompt tokens evaluated and tokens generated since its start, of requests that were not cancelled."""
        said = str(await loopback.ask(self.port, "GET", "/metrics"))
        found = dict(re.findall(r"^(llamacpp:\w+) ([\d.e+]+)$", said, re.MULTILINE))
        evaluated, generated = (int(float(found.get(name, 0))) for name in COUNTERS)
        return evaluated, generated

    async def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()
        self._log.close()

    async def _is_healthy(self) -> bool:
        assert self._process is not None  # noqa: S101 - `start` made it
        if (code := self._process.returncode) is not None:
            raise TabbyError(f"llama-server ended with code {code}.", self._last_words())
        try:
            await loopback.ask(self.port, "GET", "/health")
        except (OSError, TabbyError):
            return False
        return True

    async def _is_busy(self) -> bool:
        return any(slot["is_processing"] for slot in await loopback.ask(self.port, "GET", "/slots"))

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return f"Its log ends with: {lines[-1]}" if lines else ""


class Meter:
    """What a tree of processes and the tokens of a llama-server have come to since `begin`.

    Args:
        pids: the processes.
    """

    def __init__(self, *pids: int) -> None:
        self._tree = Tree(pids)
        self._before = 0.0

    def begin(self) -> None:
        """Count from now on."""
        self._tree.watch()
        self._before = self._tree.cpu_s()

    def spent(self) -> tuple[float, float]:
        """Processor seconds, and the peak of the memory in MiB."""
        return self._tree.cpu_s() - self._before, self._tree.peak_mb()

    async def end(self) -> None:
        """Stop looking."""
        await self._tree.close()


def cores() -> int:
    """Physical cores that this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def command(gguf: Path, port: int) -> tuple[str, ...]:
    """How llama-server is started.

    Raises:
        TabbyError: there is none.
    """
    batch = BATCH_SMALL if gguf.stat().st_size < SMALL_MODEL_BYTES else BATCH_LARGE
    settings = {
        "model": gguf,
        "port": port,
        "ctx-size": 0,
        "batch-size": batch,
        "threads": cores(),
        "cache-reuse": CACHE_REUSE,
    }
    given = tuple(str(part) for name, value in settings.items() for part in (f"--{name}", value))
    if binary := os.environ.get(BINARY_VARIABLE):
        if not Path(binary).is_file():
            raise TabbyError(f"There is no llama-server at {binary}.", f"Correct or unset {BINARY_VARIABLE}.")
        more = ("--host", loopback.HOST, "--ubatch-size", str(batch), "--parallel", "1", "--metrics", "--slots")
        return (binary, *given, *more)
    if importlib.util.find_spec("xllamacpp") is None:
        raise TabbyError("llama-server, which this peer needs, is not installed.", "pip install 'tabby-lsp[bench]'")
    return (sys.executable, "-m", "tabby_lsp.bench.peers.serve_llama", *given)
