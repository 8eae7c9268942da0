"""Requests under way to a server: who supersedes whom, and that every future is completed exactly once.

A newer request with the same key supersedes the older one; work ahead of the user ends when somebody asks. Cancelling
completes the future at once, and closes the connection on the thread that has it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

from tabby_lsp.engine.http.client import Client
from tabby_lsp.engine.types import Cancelled, Priority, Request, Result, Ticket
from tabby_lsp.errors import EngineFault, TabbyError

logger = logging.getLogger(__name__)


class Run:
    """A request under way; all of it may be called from any thread.

    Args:
        ticket: what the asker holds.
    """

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self.work: Future[None] | None = None
        self._lock = threading.Lock()
        self._settled = False

    def settle(self, outcome: Result | BaseException) -> None:
        """Complete the future, where it is not."""
        future = self.ticket.future
        with self._lock:
            if self._settled:
                return
            self._settled = True
        # without the lock: whoever listens may cancel something else
        if not future.set_running_or_notify_cancel():
            return
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


Serve = Callable[[Run], Awaitable[None]]
"""Serves a request on the client's thread: settles the run, or raises a `TabbyError`."""


class Runs:
    """All requests under way to one server.

    Args:
        client: the thread on which they are served.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.RLock()
        self._runs: dict[Ticket, Run] = {}
        self._closed = False

    def begin(self, request: Request, serve: Serve) -> Ticket:
        """Begin a request; what it supersedes ends.

        Args:
            request: what is asked.
            serve: serves it.
        """
        ticket = Ticket(request, self._on_cancel)
        with self._lock:
            if self._closed:
                ticket.future.set_exception(Cancelled("closing"))
                return ticket
            older = [run for run in self._runs.values() if _gives_way(run.ticket.request, request)]
            run = self._runs[ticket] = Run(ticket)
            run.work = self._client.begin(self._work(run, serve))
        for superseded in older:
            superseded.ticket.cancel()
        return ticket

    def close(self) -> None:
        """End everything."""
        with self._lock:
            self._closed = True
            runs = list(self._runs.values())
        for run in runs:
            run.ticket.cancel()

    def _on_cancel(self, ticket: Ticket, at_once: bool) -> None:
        del at_once  # nothing of an answer that nobody waits for is of use to the next
        with self._lock:
            run = self._runs.pop(ticket, None)
        if run is not None:
            if run.work is not None:
                run.work.cancel()
            run.settle(Cancelled("cancelled"))

    async def _work(self, run: Run, serve: Serve) -> None:
        outcome: BaseException = Cancelled("cancelled")
        try:
            await serve(run)
        except (TabbyError, Cancelled) as error:
            outcome = error
        except Exception as error:  # a stop rule's or a listener's
            logger.exception("a server's answer could not be used")
            outcome = EngineFault(f"The answer of the server could not be used: {error}", "The log says more.")
        finally:
            with self._lock:
                self._runs.pop(run.ticket, None)
            run.settle(outcome)


def _gives_way(older: Request, newer: Request) -> bool:
    """Whether a request ends because another one comes."""
    return older.key == newer.key or (older.priority is Priority.IDLE and newer.priority is Priority.COMPLETION)


def answered(request: Request, outcome: Result | BaseException) -> Ticket:
    """A ticket for what needs no server."""
    ticket = Ticket(request, lambda *_: None)
    Run(ticket).settle(outcome)
    return ticket
