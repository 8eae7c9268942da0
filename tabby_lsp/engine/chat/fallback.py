"""A chat server with a stand-in: a question that the server fails is put to a model in this process.

Unlike a completion, an answer is worth waiting for, so the very question that failed is asked again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from tabby_lsp.engine.chat.types import ChatModel, Conversation
from tabby_lsp.engine.types import Cancelled, Result, Ticket
from tabby_lsp.errors import ProviderError, TabbyError

logger = logging.getLogger(__name__)

PAUSE_S = 60.0
"""Seconds for which a server that failed is not asked again: a time-out before each answer is the user's time."""
OnText = Callable[[str], None]


class ChatWithFallback:
    """A chat model on a server, and one in this process (see `chat.types.ChatModel`).

    Args:
        remote: the server.
        open_local: brings up the stand-in; it may block, and is called on a thread of its own.

    Attributes:
        on_change: told once of each outage that the stand-in answers: what the server failed with, and the stand-in's
            name; on a thread of its own. To be set before the first question.
    """

    def __init__(self, remote: ChatModel, open_local: Callable[[], ChatModel]) -> None:
        self.on_change: Callable[[ProviderError, str], None] = lambda *_: None
        self._remote = remote
        self._open_local = open_local
        self._opening = threading.Lock()
        self._lock = threading.Lock()  # never held while anything is opened or closed
        self._waiting: set[_Relay] = set()
        self._local: ChatModel | None = None
        self._failed = 0.0
        self._told = False
        self._closed = False

    @property
    def _serving(self) -> ChatModel:
        """Who is asked now."""
        local = self._local
        waits = self._failed and time.monotonic() - self._failed < PAUSE_S
        return local if local is not None and waits else self._remote

    @property
    def name(self) -> str:
        """The name of the model that is asked now, for people."""
        return self._serving.name

    @property
    def room(self) -> int:
        """Tokens that a conversation and its answer may have together with whoever is asked now."""
        return self._serving.room

    def count(self, text: str) -> int:
        """Tokens in a text, as whoever is asked now counts."""
        return self._serving.count(text)

    def ask(self, conversation: Conversation, on_text: OnText | None = None) -> Ticket:
        """Begin an answer (see `chat.types.ChatModel.ask`).

        Once some of an answer was passed on, its failure is the answer's: nobody reads two beginnings.
        """
        model = self._serving
        if model is not self._remote:
            return model.ask(conversation, on_text)
        relay = _Relay(conversation, on_text)
        relay.follow(model, lambda error: self._stand_in(relay, error), self._good)
        return relay.ticket

    def _good(self) -> None:
        """The server has answered: its next failure is another outage."""
        with self._lock:
            self._failed, self._told = 0.0, False

    def _stand_in(self, relay: _Relay, error: ProviderError) -> None:
        with self._lock:
            self._failed = time.monotonic()
            closed = self._closed
            if not closed:
                self._waiting.add(relay)
        if closed:
            relay.fail(Cancelled("closing"))
            return
        threading.Thread(target=self._ask_local, args=[relay, error], name="tabby-chat-fallback", daemon=True).start()

    def _ask_local(self, relay: _Relay, error: ProviderError) -> None:
        try:
            local = self._brought(relay)
            with self._lock:
                self._waiting.discard(relay)
                tells, self._told = not self._told, True
            if tells:
                logger.warning("a model in this process answers instead: %s", error)
                self.on_change(error, local.name)
            relay.follow(local)
        except TabbyError as other:
            logger.warning("the model in this process cannot stand in: %s", other)
            relay.fail(error)
        except Exception as other:  # noqa: BLE001 - whatever it was, somebody waits for an answer
            relay.fail(other)
        finally:
            with self._lock:
                self._waiting.discard(relay)

    def _brought(self, relay: _Relay) -> ChatModel:
        """The stand-in, opened where it is not.

        Raises:
            TabbyError: there is none.
            Cancelled: nobody waits for it any more.
        """
        with self._opening:
            self._go_on(relay)
            local = self._local or self._open_local()
            with self._lock:
                if not self._closed:
                    self._local = local
            if self._closed:
                local.close()
            self._go_on(relay)
            return local

    def _go_on(self, relay: _Relay) -> None:
        if self._closed or relay.ticket.cancelled:
            raise Cancelled("nobody waits")

    def close(self) -> None:
        """End everything; what is under way raises `Cancelled`. A stand-in that is being opened is closed later."""
        with self._lock:
            self._closed = True
            local, waiting = self._local, tuple(self._waiting)
        for relay in waiting:
            relay.fail(Cancelled("closing"))
        self._remote.close()
        if local is not None:
            local.close()


class _Relay:
    """One answer, whoever gives it."""

    def __init__(self, conversation: Conversation, on_text: OnText | None) -> None:
        self._conversation = conversation
        self._on_text = on_text
        self._inner: Ticket | None = None
        self._spoken = False
        self._ticket: Ticket | None = None
        self._lock = threading.Lock()
        self._settled = False

    @property
    def ticket(self) -> Ticket:
        """What the asker holds."""
        assert self._ticket is not None, "`follow` comes first"  # noqa: S101
        return self._ticket

    def follow(
        self,
        model: ChatModel,
        otherwise: Callable[[ProviderError], None] | None = None,
        good: Callable[[], None] = lambda: None,
    ) -> None:
        """Ask a model.

        Args:
            model: whom.
            otherwise: told of a failure before it has said anything: somebody else may be asked.
            good: told of an answer.
        """

        def over(done: Future[Result]) -> None:
            error = Cancelled("cancelled") if done.cancelled() else done.exception()
            if isinstance(error, ProviderError) and otherwise and not self._spoken and not self.ticket.cancelled:
                otherwise(error)
            elif error is not None:
                self.fail(error)
            else:
                good()
                self._settle(done.result())

        inner = model.ask(self._conversation, self._heard)
        self._inner = inner
        if self._ticket is None:
            self._ticket = Ticket(inner.request, self._cancel)
        elif self._ticket.cancelled:  # while the other was being brought up
            inner.cancel()
        inner.future.add_done_callback(over)

    def fail(self, error: BaseException) -> None:
        """There is no answer."""
        self._settle(error)

    def _heard(self, text: str) -> None:
        self._spoken = True
        if self._ticket is not None:
            self._ticket.generated += 1
        if self._on_text is not None:
            self._on_text(text)

    def _cancel(self, _: Ticket, at_once: bool) -> None:
        inner = self._inner
        if inner is None:
            return
        if inner.future.done():  # nobody is asked: a stand-in is being opened
            self.fail(Cancelled("cancelled"))
        else:
            inner.cancel(at_once=at_once)

    def _settle(self, outcome: Result | BaseException) -> None:
        """Complete the future, where it is not."""
        with self._lock:
            if self._settled:
                return
            self._settled = True
        future = self.ticket.future
        if not future.set_running_or_notify_cancel():
            return  # who waited has given up on it
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
