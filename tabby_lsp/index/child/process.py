"""The index's child process as an operating system sees it: its command, its variables, its three pipes.

Nothing heavy may be imported: this runs in the editor's server.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO, cast

from tabby_lsp.index.child.messages import Message, Order, encode, receive
from tabby_lsp.processors import processors

child_logger = logging.getLogger("tabby_lsp.index.child.worker")

COMMAND = (sys.executable, "-P", "-m", "tabby_lsp.index.child.worker")
"""-P: an editor starts us in the user's project, and a `json.py` in there is not the one we mean."""
THREADS = ("LANCE_CPU_THREADS", "TOKIO_WORKER_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables that say how many threads LanceDB and numpy have."""
END_S = 3.0
"""Seconds for the child to end by itself when its pipe is closed; it does so within milliseconds, or hangs."""


class Child:
    """One child process, started.

    Args:
        command: what is started.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment())
        process = self._process
        stdin, stdout, stderr = (cast("IO[bytes]", end) for end in (process.stdin, process.stdout, process.stderr))
        self._stdout = stdout
        self._outbox: SimpleQueue[Order | None] = SimpleQueue()
        threading.Thread(target=_send, args=(self._outbox, stdin), name="tabby-index-send", daemon=True).start()
        threading.Thread(target=_log, args=(stderr,), name="tabby-index-log", daemon=True).start()

    @property
    def process_id(self) -> int | None:
        """Of the process, while it lives."""
        return self._process.pid if self._process.poll() is None else None

    def put(self, order: Order | None) -> None:
        """Have an order sent; None: it was the last one, and the child is to end. Returns at once."""
        self._outbox.put(order)

    def receive(self) -> Message | None:
        """Wait for what the child says; see `messages.receive`."""
        return receive(self._stdout)

    def end(self) -> str:
        """Wait for its end, which was asked for or has come; kill one that hangs.

        Returns:
            How it ended, in two words.
        """
        self.put(None)
        try:
            code = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._stdout.close()
        return f"signal {-code}" if code < 0 else f"code {code}"


def environment() -> dict[str, str]:
    """The child's variables: this very package, a quiet LanceDB, and few threads, so that typing is not disturbed."""
    paths = [os.environ.get("PYTHONPATH", ""), str(Path(__file__).parents[3])]
    threads = str(max(1, processors() // 2))
    return {
        **dict.fromkeys(THREADS, threads),
        "LANCEDB_LOG": "error",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }


def _send(outbox: SimpleQueue[Order | None], pipe: IO[bytes]) -> None:
    """Write what is in the queue until None comes out of it, then close the pipe, which ends the child."""
    with suppress(OSError, ValueError), pipe:  # a child that is gone is noticed where it is read from
        while (order := outbox.get()) is not None:
            pipe.write(encode(order))
            if outbox.empty():
                pipe.flush()


def _log(pipe: IO[bytes]) -> None:
    """What the child says on stderr goes into the log of this process; its lines begin with their level."""
    with suppress(OSError, ValueError), pipe:
        for line in pipe:
            text = line.decode("utf-8", "replace").rstrip()
            level, _, rest = text.partition(" ")
            known = logging.getLevelNamesMapping().get(level)
            if text:
                child_logger.log(known or logging.INFO, "%s", rest if known else text)
