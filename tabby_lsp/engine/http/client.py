"""The one thread on which all servers are talked to, and the pools of connections on it.

Everybody who opens a server borrows it; with the last one that gives it back it ends. Connections are kept alive
(HTTP/1.1), because a new one to a far server costs a suggestion a tenth of a second.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tabby_lsp import __version__

if TYPE_CHECKING:
    import ssl

    import httpx

logger = logging.getLogger(__name__)

CONNECT_S = 5.0
"""Seconds for a connection: who has not answered by then is not there."""
KEEP_S = 90.0
"""Seconds that an unused connection is kept; most servers close it sooner."""
CONNECTIONS, KEPT = 32, 8
"""Most connections at once, and most that are kept unused."""
END_S = 2.0
"""Seconds, at most, that the end of the thread is waited for."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is reached; servers that are reached alike share a pool.

    Attributes:
        proxy: its address; empty: what the environment says.
        certificates: a file with authorities to trust beside the system's; empty: none.
        near: whether it is this machine, to which no proxy leads.
    """

    proxy: str = ""
    certificates: str = ""
    near: bool = False


class Client:
    """A thread with an event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._pools: dict[Way, httpx.AsyncClient] = {}
        self._thread = threading.Thread(target=self._run, name="tabby-http", daemon=True)
        self._thread.start()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Do something on the thread; cancelling the future cancels it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def pool(self, way: Way) -> httpx.AsyncClient:
        """The connections of a way; only on the thread."""
        if way not in self._pools:
            import httpx

            self._pools[way] = httpx.AsyncClient(
                headers={"User-Agent": f"tabby-lsp/{__version__}"},
                proxy=way.proxy or None,
                trust_env=not way.near,
                verify=trusted(way.certificates),
                limits=httpx.Limits(
                    max_connections=CONNECTIONS, max_keepalive_connections=KEPT, keepalive_expiry=KEEP_S
                ),
                follow_redirects=False,  # a key is for the address that was set, and for no other
            )
        return self._pools[way]

    def close(self) -> None:
        """End all work and all connections."""
        with suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join(END_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._end())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        except Exception:
            logger.exception("the thread for servers failed")
        finally:
            self._loop.close()

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.wait([asyncio.gather(*others, return_exceptions=True)], timeout=END_S / 2) if others else None
        for pool in self._pools.values():
            await pool.aclose()


def trusted(certificates: str) -> ssl.SSLContext:
    """Whom to trust: the authorities that come with the HTTP library, the system's, and those of a file.

    Args:
        certificates: a file with authorities in PEM; empty: none.

    Raises:
        OSError: the file cannot be read, or holds none (`ssl.SSLError`).
    """
    import httpx

    context = httpx.create_ssl_context()
    context.load_default_certs()
    if certificates:
        context.load_verify_locations(certificates)
    return context


_lock = threading.Lock()
_client: Client | None = None
_borrowers = 0


def borrow() -> Client:
    """The thread; begun where it is not there."""
    global _client, _borrowers  # noqa: PLW0603 - one for the whole process is what it is for
    with _lock:
        _client = _client or Client()
        _borrowers += 1
        return _client


def give_back() -> None:
    """Somebody has no more use for it."""
    global _client, _borrowers  # noqa: PLW0603
    with _lock:
        _borrowers -= 1
        last, _client = (_client, None) if not _borrowers else (None, _client)
    if last is not None:
        last.close()
