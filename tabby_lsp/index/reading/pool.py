"""Files read by a pool of processes: in order, in bounded memory, and past files that end a process.

The processes are spawned, never forked: this one has LanceDB's threads.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Self

from tabby_lsp.index.files.walk import Found
from tabby_lsp.index.reading.batches import CRASHED, Batch, left_out, read_batch, sliced

FEW = 200
"""Fewer files are read in this process: a pool takes a second to start, in which one process reads about as many."""
AHEAD = 3
"""Batches for each process that are under way or wait to be written."""

Hashes = Mapping[str, str]


def read_all(
    root: str,
    found: Sequence[Found],
    hashes: Hashes,
    processes: int,
    stop: Callable[[], bool],
    read: Callable[[str, Sequence[Found], Hashes], Batch] = read_batch,
) -> Generator[Batch]:
    """Read files in batches; closed, the processes that read end.

    Args:
        root: the folder that the paths are relative to.
        found: the files.
        hashes: of what is stored, by path.
        processes: how many read; 0: this one.
        stop: asked between batches; ends the reading.
        read: what reads a batch; sent to the processes by name.
    """
    if not processes or len(found) < FEW:
        for some in sliced(found):
            if stop():
                return
            yield read(root, some, _known(some, hashes))
        return
    with _Pool(root, hashes, processes, read) as pool:
        waiting: deque[tuple[list[Found], Future[Batch]]] = deque()
        batches = sliced(found)
        while True:
            while len(waiting) < processes * AHEAD and (some := next(batches, None)) is not None:
                waiting.append((some, pool.read(some)))
            if not waiting or stop():
                return
            some, reading = waiting.popleft()
            try:
                yield reading.result()
            except BrokenProcessPool:
                suspects = [some, *(others for others, _ in waiting)]
                waiting.clear()
                yield from pool.read_singly([one for others in suspects for one in others], stop)


def _known(some: Sequence[Found], hashes: Hashes) -> dict[str, str]:
    return {one.path: hashes[one.path] for one in some if one.path in hashes}


class _Pool:
    """Processes that read; started anew when one of them died."""

    def __init__(
        self, root: str, hashes: Hashes, processes: int, read: Callable[[str, Sequence[Found], Hashes], Batch]
    ) -> None:
        self._root = root
        self._hashes = hashes
        self._processes = processes
        self._read = read
        self._executor = self._started(processes)

    def _started(self, processes: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _prepare)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def read(self, some: list[Found]) -> Future[Batch]:
        try:
            return self._executor.submit(self._read, self._root, some, _known(some, self._hashes))
        except BrokenProcessPool as error:
            failed: Future[Batch] = Future()
            failed.set_exception(error)
            return failed

    def read_singly(self, found: list[Found], stop: Callable[[], bool]) -> Generator[Batch]:
        """Read files one by one after a process died: whichever ends its process again is left out."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._started(1)
        for one in found:
            if stop():
                return
            try:
                yield self.read([one]).result()
            except BrokenProcessPool:
                yield left_out(self._root, one, CRASHED)
                self._executor = self._started(1)
        self._executor.shutdown(wait=False)
        self._executor = self._started(self._processes)


def _prepare() -> None:
    """Make a process of the pool ready: it ends with its parent, and never writes where the parent's protocol is."""
    with suppress(OSError):
        os.dup2(2, 1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A killed parent cannot say goodbye, and the executor's own pipes stay open in its siblings.
        threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
    from tabby_lsp.index.reading import reader  # noqa: F401  the grammars are loaded before the first batch arrives
