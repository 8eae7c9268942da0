"""How often a server may be asked: so many times in any sixty seconds."""

from __future__ import annotations

from collections import deque

MINUTE_S = 60.0


class RateLimit:
    """A window that slides; used on one thread.

    Args:
        per_minute: requests in any sixty seconds; 0: no limit.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._taken: deque[float] = deque(maxlen=per_minute or 1)

    def wait(self, now: float) -> float:
        """Seconds until a request may be made; 0: now.

        Args:
            now: seconds of a clock that does not go back.
        """
        if not self.per_minute or len(self._taken) < self.per_minute:
            return 0.0
        return max(0.0, self._taken[0] + MINUTE_S - now)

    def take(self, now: float) -> None:
        """A request is made."""
        self._taken.append(now)
