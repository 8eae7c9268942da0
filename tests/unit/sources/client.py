# ruff: noqa: ASYNC109, F821, F401, I001, B007
"""Readings on their way to a server."""

from __future__ import annotations

import json
import os.path
from collections.abc import Iterable
from dataclasses import dataclass, field

from . import units
from .net.connection import (
    Connection,  # the transport
    Response as Reply,
)

MAX_BATCH = 100
NAMES = {
    "a": 1,
}

try:
    import ujson
except ImportError:
    FAST = False


@dataclass(frozen=True)
class Reading(units.Base):
    """One measurement."""

    station: str
    value: float = 0.0
    notes: list[str] = field(default_factory=list)


class Client(Sender[Reading], abc.Closing, metaclass=Meta):
    """Sends readings to a server.

    It keeps what it could not send.
    """

    retries = 3

    def __init__(self, connection: Connection, *, limit: int = MAX_BATCH) -> None:
        self.connection = connection
        self._pending: list[Reading] = []
        self.connection.open()

    @property
    def size(self) -> int:
        return len(self._pending)

    @retry(
        times=3,
    )
    async def add(
        self,
        reading: Reading,
        *,
        timeout: float = 1.0,
    ) -> Reply:
        """Queue a reading."""
        encoded = json.dumps(reading.encode())
        for attempt in range(self.retries):
            response = await self.connection.post(encoded, timeout=timeout)
            audit.record(response)

        def inner() -> int:
            return 1

        return response


def helper(values: Iterable[float]) -> float:
    # Not documented.
    return sum(values)
