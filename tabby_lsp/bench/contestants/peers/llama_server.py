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
from collections.abc import Sequence
from pathlib import Path

import psutil

from tabby_lsp.bench.contestants.peers import loopback
from tabby_lsp.bench.contestants.peers.loopback import Json
from tabby_lsp.bench.contestants.processes import Tree
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
        self.tree = Tree([])
        """The process, from `start` on."""

    async def start(self) -> None:
        """Start it and wait until it has loaded the model.

        Raises:
            TabbyError: there is no llama-server, or it does not start.
        """
        self.port = loopback.free_port()
        words = command(self._gguf, self.port)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process; closed in `stop`
        try:
            await self._start(words)
        except BaseException:
            await self.stop()
            self._log.close()
            raise

    async def _start(self, words: Sequence[str]) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for us; we end it
        )
        self.tree = Tree([self._process.pid])
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
        """Wait until it computes nothing and no slot is at work; returns the seconds until then, to some 20 ms.

        The slots are asked for once it rests, not all the time: a request whose sender is gone is found out by a
        thread that waits for a second without any reply, and each reply about slots would begin that second anew.
        """
        started = rested = time.perf_counter()
        while (left := within - (time.perf_counter() - started)) > 0:
            rested = time.perf_counter() + await self.tree.rest(left)
            if not await self._is_busy():
                break
        return rested - started

    async def tokens(self) -> tuple[int, int]:
        """Prompt tokens evaluated and tokens generated since its start.

        A prompt counts once it is evaluated, also for a request that is cancelled then; what is generated counts when
        the request is answered, but for its first token.
        """
        said = str(await loopback.ask(self.port, "GET", "/metrics"))
        found = dict(re.findall(r"^(llamacpp:\w+) ([\d.e+]+)$", said, re.MULTILINE))
        evaluated, generated = (int(float(found.get(name, 0))) for name in COUNTERS)
        return evaluated, generated

    async def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        process.stdin.close()  # it ends with that
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
    """What processes have cost since now.

    Args:
        trees: the processes; they are not in each other.
    """

    def __init__(self, *trees: Tree) -> None:
        self._trees = trees
        for tree in trees:
            tree.watch()
        self._before = sum(tree.cpu_s() for tree in trees)

    def spent(self) -> tuple[float, float]:
        """Processor seconds, and the sum of their peaks of memory in MiB."""
        cpu_s = sum(tree.cpu_s() for tree in self._trees)
        return cpu_s - self._before, sum(tree.peak_mb() for tree in self._trees)

    async def end(self) -> None:
        """Stop looking."""
        for tree in self._trees:
            await tree.close()


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
    child = (sys.executable, "-m", "tabby_lsp.bench.contestants.peers.serve_llama")
    if binary := os.environ.get(BINARY_VARIABLE):
        if not Path(binary).is_file():
            raise TabbyError(f"There is no llama-server at {binary}.", f"Correct or unset {BINARY_VARIABLE}.")
        more = ("--host", loopback.HOST, "--ubatch-size", str(batch), "--parallel", "1", "--metrics", "--slots")
        return (*child, "--binary", binary, *given, *more)
    if importlib.util.find_spec("xllamacpp") is None:
        raise TabbyError("llama-server, which this peer needs, is not installed.", "pip install 'tabby-lsp[bench]'")
    return (*child, *given)
