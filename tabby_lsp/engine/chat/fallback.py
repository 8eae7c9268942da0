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
    """

    def __init__(self, remote: ChatModel, open_local: Callable[[], ChatModel]) -> None:
        self._remote = remote
        self._open_local = open_local
        self._opening = threading.Lock()
        self._local: ChatModel | None = None
        self._failed = 0.0
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
        relay.follow(model, lambda error: self._stand_in(relay, error))
        return relay.ticket

    def _stand_in(self, relay: _Relay, error: ProviderError) -> None:
        if not self._failed:
            logger.warning("a model in this process answers instead: %s", error)
        self._failed = time.monotonic()
        threading.Thread(target=self._ask_local, args=[relay, error], name="tabby-chat-fallback", daemon=True).start()

    def _ask_local(self, relay: _Relay, error: ProviderError) -> None:
        try:
            with self._opening:
                if self._closed:
                    raise Cancelled("closing")
                self._local = self._local or self._open_local()
            relay.follow(self._local)
        except TabbyError as other:
            logger.warning("the model in this process cannot stand in: %s", other)
            relay.fail(error)
        except Exception as other:  # noqa: BLE001 - whatever it was, somebody waits for an answer
            relay.fail(other)

    def close(self) -> None:
        """End everything; what is under way raises `Cancelled`."""
        self._closed = True
        self._remote.close()
        with self._opening:
            if self._local is not None:
                self._local.close()


class _Relay:
    """One answer, whoever gives it."""

    def __init__(self, conversation: Conversation, on_text: OnText | None) -> None:
        self._conversation = conversation
        self._on_text = on_text
        self._inner: Ticket | None = None
        self._spoken = False
        self._ticket: Ticket | None = None

    @property
    def ticket(self) -> Ticket:
        """What the asker holds."""
        assert self._ticket is not None, "`follow` comes first"  # noqa: S101
        return self._ticket

    def follow(self, model: ChatModel, otherwise: Callable[[ProviderError], None] | None = None) -> None:
        """Ask a model; where it fails before it has said anything, somebody else may be asked."""

        def over(done: Future[Result]) -> None:
            error = Cancelled("cancelled") if done.cancelled() else done.exception()
            if isinstance(error, ProviderError) and otherwise and not self._spoken and not self.ticket.cancelled:
                otherwise(error)
            elif error is not None:
                self.fail(error)
            else:
                _settle(self.ticket.future, done.result())

        inner = model.ask(self._conversation, self._heard)
        self._inner = inner
        if self._ticket is None:
            self._ticket = Ticket(inner.request, self._cancel)
        elif self._ticket.cancelled:  # while the other was being brought up
            inner.cancel()
        inner.future.add_done_callback(over)

    def fail(self, error: BaseException) -> None:
        """There is no answer."""
        _settle(self.ticket.future, error)

    def _heard(self, text: str) -> None:
        self._spoken = True
        if self._ticket is not None:
            self._ticket.generated += 1
        if self._on_text is not None:
            self._on_text(text)

    def _cancel(self, _: Ticket, at_once: bool) -> None:
        if self._inner is not None:
            self._inner.cancel(at_once=at_once)


def _settle(future: Future[Result], outcome: Result | BaseException) -> None:
    if not future.set_running_or_notify_cancel():
        return  # who waited has given up on it
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
