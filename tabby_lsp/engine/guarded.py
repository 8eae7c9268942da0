"""A server with a net: one that fails is left alone for a while, and the model in this process may serve meanwhile.

    remote ──fails──▶ silent, or local ──pause over──▶ remote again

Who types must not wait for a time-out at every key, and must not be told at every key.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import fields
from functools import partial

from tabby_lsp.engine.types import Cancelled, Engine, ModelInfo, Request, Result, Ticket, Tokenizer, Totals
from tabby_lsp.errors import ProviderBusy, ProviderError, TabbyError

logger = logging.getLogger(__name__)

PAUSES_S = (5.0, 15.0, 60.0)
"""Seconds for which a server is left alone after its first failure, its second in a row, and each one after that."""


class GuardedEngine:
    """An engine on a server (see `engine.types.Engine`).

    Args:
        remote: the server.
        open_local: brings up what serves while the server fails; it may block. None: nothing does.
        on_change: told of a failure that ends the server's service for a while, and with None that it is back, on
            whatever thread finds out.
    """

    def __init__(
        self,
        remote: Engine,
        open_local: Callable[[], Engine] | None = None,
        on_change: Callable[[ProviderError | None], None] = lambda _: None,
    ) -> None:
        self._remote = remote
        self._open_local = open_local
        self._on_change = on_change
        self._lock = threading.Lock()
        self._local: Engine | None = None
        self._opening = False
        self._closed = False
        self._error: ProviderError | None = None
        self._failures = 0
        self._until = 0.0

    @property
    def _serving(self) -> Engine | None:
        """Who is asked now; None: nobody, the server is left alone."""
        with self._lock:
            if self._error is None or time.monotonic() >= self._until:
                return self._remote
            return self._local

    @property
    def tokenizer(self) -> Tokenizer:
        """The vocabulary of whoever is asked now."""
        return (self._serving or self._remote).tokenizer

    @property
    def info(self) -> ModelInfo:
        """What the model that is asked now says of itself."""
        return (self._serving or self._remote).info

    @property
    def prefill_rate(self) -> float:
        """Prompt tokens a second of whoever is asked now."""
        return (self._serving or self._remote).prefill_rate

    @property
    def totals(self) -> Totals:
        """What both have done."""
        both = [engine.totals for engine in (self._remote, self._local) if engine is not None]
        return Totals(**{field.name: sum(getattr(one, field.name) for one in both) for field in fields(Totals)})

    def ready(self) -> Future[ModelInfo]:
        """A model that can be asked; at once for a server."""
        return (self._serving or self._remote).ready()

    def submit(self, request: Request, on_text: Callable[[str], None] | None = None) -> Ticket:
        """See `engine.types.Engine`. While nobody serves, the future raises what the server failed with."""
        engine, error = self._serving, self._error
        if engine is None:
            ticket = Ticket(request, lambda *_: None)
            ticket.future.set_exception(error or Cancelled("nobody serves"))
            return ticket
        ticket = engine.submit(request, on_text)
        if engine is self._remote and request.max_tokens:  # what is only evaluated never leaves the machine
            ticket.future.add_done_callback(self._seen)
        return ticket

    def _seen(self, done: Future[Result]) -> None:
        error = None if done.cancelled() else done.exception()
        if isinstance(error, ProviderBusy) or (error is not None and not isinstance(error, ProviderError)):
            return  # patience, or a request that was given up: the server itself is well
        with self._lock:
            was, self._error = self._error, error
            self._failures = self._failures + 1 if error else 0
            pause = PAUSES_S[min(self._failures, len(PAUSES_S)) - 1] if error else 0.0
            self._until = time.monotonic() + pause
            opens = error is not None and self._open_local is not None and self._local is None and not self._opening
            self._opening = self._opening or opens
        if opens:
            threading.Thread(target=self._bring, args=[self._open_local], name="tabby-fallback", daemon=True).start()
        if (was is None) != (error is None) or (was and str(was) != str(error)):
            self._on_change(error)

    def _bring(self, open_local: Callable[[], Engine]) -> None:
        try:
            engine = open_local()
        except TabbyError as error:
            logger.warning("the model in this process cannot stand in: %s", error)
            return  # `_opening` stays: what cannot be opened once is not tried at each failure
        except Exception:
            logger.exception("the model in this process cannot stand in")
            return
        engine.ready().add_done_callback(partial(self._take, engine))

    def _take(self, engine: Engine, ready: Future[ModelInfo]) -> None:
        with self._lock:
            fine = not self._closed and not ready.cancelled() and ready.exception() is None
            self._local = engine if fine else None
        if not fine:
            engine.close()

    def close(self) -> None:
        """End both."""
        with self._lock:
            self._closed, local = True, self._local
        self._remote.close()
        if local is not None:
            local.close()
