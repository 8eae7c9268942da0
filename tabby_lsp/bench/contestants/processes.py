"""What a tree of processes costs, and when it rests."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

SAMPLE_S = 0.5
"""Seconds between two looks at the memory."""
LOOK_S = 0.02
QUIET_S = 0.1
"""Seconds with at most one tick of the processor's clock that count as rest."""
TICK_S = 0.011
"""Processor seconds of one tick on most systems (10 ms), and a little more."""
MEBI = 1 << 20


class Tree:
    """Processes and all that they start; they are looked at from the moment of `watch` on.

    Args:
        pids: the roots.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._roots: list[psutil.Process] = []
        for pid in pids:
            with suppress(psutil.Error):
                self._roots.append(psutil.Process(pid))
        self._known = list(self._roots)
        self._used: dict[int, float] = {}
        self._peak = 0.0
        self._task: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Begin to look at the memory now and then."""
        self._task = asyncio.create_task(self._sample())

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def cpu_s(self) -> float:
        """Processor seconds of all of them up to now, ended ones that were seen before included."""
        self._look()
        return self._cpu_s()

    def peak_mb(self) -> float:
        """The most memory that was resident at once, MiB: what was seen, and what the system says of each process."""
        resident, highest = 0.0, 0.0
        self._look()
        for process in self._known:
            with suppress(psutil.Error):
                resident += process.memory_info().rss
                highest = max(highest, _high_water(process.pid))
        self._peak = max(self._peak, resident / MEBI, highest / MEBI)
        return self._peak

    async def rest(self, within: float = 30.0) -> float:
        """Wait until they compute nothing.

        Args:
            within: seconds after which it is given up.

        Returns:
            The seconds until rest began, to some 20 ms.
        """
        started = quiet_since = time.perf_counter()
        used = self.cpu_s()  # later only the processes that are known now: finding children reads all of /proc
        while (now := time.perf_counter()) - quiet_since < QUIET_S and now - started < within:
            await asyncio.sleep(LOOK_S)
            latest = self._cpu_s()
            if latest - used > TICK_S:
                used, quiet_since = latest, time.perf_counter()
        return min(quiet_since - started, within)

    def _cpu_s(self) -> float:
        for process in self._known:
            with suppress(psutil.Error):
                times = process.cpu_times()
                self._used[process.pid] = times.user + times.system
        return sum(self._used.values())

    def _look(self) -> None:
        self._known = list(self._roots)
        for root in self._roots:
            with suppress(psutil.Error):
                self._known += root.children(recursive=True)

    async def _sample(self) -> None:
        while True:
            self.peak_mb()
            self._cpu_s()
            await asyncio.sleep(SAMPLE_S)


def _high_water(pid: int) -> float:
    """Bytes that Linux saw resident at most; 0 elsewhere."""
    with suppress(OSError):
        found = re.search(
            r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii", "replace"), re.MULTILINE
        )
        return float(found[1]) * 1024 if found else 0.0
    return 0.0
