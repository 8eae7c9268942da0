"""How many threads evaluate: what the machine has to give at this moment, at most what the settings say.

Two threads that meet at a barrier wait for the slower one. Beside two busy processes on two cores a token took 96 to
172 ms on average with two threads (p95 209 to 409) and 37 to 48 ms with one (p95 53 to 80); alone two are faster.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

LOOK_AGAIN_S = 0.2
"""Seconds over which the load is measured: the kernel counts in hundredths."""
HALF = 0.5
"""Of a core that must be free for one more thread to help."""


class Load(NamedTuple):
    """Processor seconds since some moment: of the whole machine, and of this process."""

    machine: float
    own: float


def machine_load() -> Load:
    """Read the counters; work that runs at low priority gives way, so it does not count."""
    import psutil

    times, own = psutil.cpu_times(), os.times()
    busy = times.user + times.system + getattr(times, "irq", 0.0) + getattr(times, "softirq", 0.0)
    return Load(busy, own.user + own.system)


class Crew:
    """The number of threads for the next evaluations.

    Args:
        most: threads at most.
        cores: processors that this process may use.
        load: reads the counters.
    """

    def __init__(self, most: int, cores: int, load: Callable[[], Load] = machine_load) -> None:
        self._most = most
        self._cores = cores
        self._load = load
        self._last: tuple[float, Load] | None = None
        self.size = most

    def look(self, now: float) -> bool:
        """Look at the load, where the last look is old enough.

        Args:
            now: `time.monotonic()`.

        Returns:
            Whether the number has changed.
        """
        if self._most == 1 or (self._last and now - self._last[0] < LOOK_AGAIN_S):
            return False
        try:
            load, last = self._load(), self._last
        except OSError:  # a sandbox that hides its counters
            return False
        self._last = now, load
        if last is None:
            return False
        others = max(0.0, (load.machine - last[1].machine) - (load.own - last[1].own)) / (now - last[0])
        size = max(1, min(self._most, int(self._cores - others + HALF)))
        changed, self.size = size != self.size, size
        return changed
