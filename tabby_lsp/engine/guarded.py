"""A server with a net: one that fails is left alone for a while, and the model in this process may serve meanwhile.

    remote ──fails──▶ silent, or local ──pause over──▶ one question as a probe ──answered──▶ remote again

Who types must not wait for a time-out at every key, and must not be told at every key. A server that hangs never gets
as far as a time-out while somebody types, because each key gives up the question of the last: there it is the row of
unanswered questions that counts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import fields
from functools import partial

from tabby_lsp.engine.types import (
    Cancelled,
    Engine,
    Marker,
    ModelInfo,
    Priority,
    Prompt,
    Request,
    Result,
    Ticket,
    Tokenizer,
    Totals,
)
from tabby_lsp.errors import EngineError, PromptTooLong, ProviderBusy, ProviderDown, ProviderError, TabbyError

logger = logging.getLogger(__name__)

PAUSES_S = (5.0, 15.0, 60.0)
"""Seconds for which a server is left alone after its first failure, its second in a row, and each one after that."""
LONGEST_PAUSE_S = 600.0
"""The same where the server says for how long it wants to be left alone: one that asks for a day is probed earlier."""
UNANSWERED_S = 5.0
"""Seconds of questions, each given up for the next, after which a server that has said nothing counts as down."""
APART_S = 1.0
"""Seconds without a question that end a row of them: ten that were given up in an hour say nothing of the server."""


class GuardedEngine:
    """An engine on a server (see `engine.types.Engine`).

    Args:
        remote: the server.
        open_local: brings up what serves while the server fails; it may block. None: nothing does.
        on_change: told of a failure that ends the server's service for a while, and with None that it is back, on
            whatever thread finds out. Behind one, an error that is no `ProviderError` says that nobody can stand in.
    """

    def __init__(
        self,
        remote: Engine,
        open_local: Callable[[], Engine] | None = None,
        on_change: Callable[[TabbyError | None], None] = lambda _: None,
    ) -> None:
        self._remote = remote
        self._open_local = open_local
        self._on_change = on_change
        self._lock = threading.Lock()
        self._local: Engine | None = None
        self._opening = False
        self._unable: TabbyError | None = None
        self._closed = False
        self._error: ProviderError | None = None
        self._failures = 0
        self._until = 0.0
        self._probing = False
        self._asked = 0  # questions that the server has not answered yet
        self._since = 0.0  # when the row of unanswered ones began; 0: there is none
        self._left = 0.0  # when the last of them was given up

    @property
    def _serving(self) -> Engine | None:
        """Who is asked now; None: nobody, the server is left alone."""
        with self._lock:
            if self._error is None or (time.monotonic() >= self._until and not self._probing):
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
        """See `engine.types.Engine`. While nobody serves, the future raises what the server failed with.

        A prompt that was made for the other engine, which served until a moment ago, ends as `Cancelled`: the next key
        asks anew.
        """
        self._look_at_silence()
        engine, probe = self._choose(request)
        if engine is None:
            return _ended(request, self._error or Cancelled("nobody serves"))
        if not _reads(engine, request.prompt):
            self._give_back(probe)
            return _ended(request, Cancelled("another engine serves by now"))
        if engine is not self._remote or not request.max_tokens:  # what is only evaluated never leaves the machine
            return engine.submit(request, on_text)

        def heard(text: str) -> None:
            self._alive()
            if on_text is not None:
                on_text(text)

        with self._lock:
            now = time.monotonic()
            if not self._since or (not self._asked and now - self._left > APART_S):
                self._since = now
            self._asked += 1
        ticket = engine.submit(request, heard)
        ticket.future.add_done_callback(partial(self._seen, probe))
        return ticket

    def _choose(self, request: Request) -> tuple[Engine | None, bool]:
        """Who gets a question, and whether it is the one that finds out how the server is."""
        with self._lock:
            if self._error is None:
                return self._remote, False
            if time.monotonic() < self._until or self._probing:
                return self._local, False
            if not request.max_tokens:
                return self._remote, False
            if request.priority is Priority.IDLE:  # it would be given up as soon as somebody asks
                return self._local, False
            self._probing = True
            return self._remote, True

    def _give_back(self, probe: bool) -> None:
        with self._lock:
            self._probing = self._probing and not probe

    # ---- what is seen of the server -----------------------------------------------------------------------------

    def _alive(self) -> None:
        """It has said something."""
        with self._lock:
            self._since = time.monotonic() if self._asked else 0.0

    def _look_at_silence(self) -> None:
        with self._lock:
            now = time.monotonic()
            waits = self._asked or now - self._left <= APART_S
            silent = bool(self._since and waits and now - self._since >= UNANSWERED_S)
            if silent:
                self._since, self._probing = 0.0, False
        if silent:
            text = f"The completion server has not answered for {UNANSWERED_S:.0f} seconds."
            self._hear(ProviderDown(text, "Start it, or check `model.completion.http.api_endpoint`."))

    def _seen(self, probe: bool, done: Future[Result]) -> None:
        error = Cancelled("cancelled") if done.cancelled() else done.exception()
        with self._lock:
            self._asked -= 1
            self._probing = self._probing and not probe
            if not self._asked:
                self._left = time.monotonic()
        if isinstance(error, ProviderError):
            self._alive()  # in so far as something has come of the question
            self._hear(error)
        elif error is None or isinstance(error, PromptTooLong):
            self._alive()
            self._hear(None)
        # else it was given up, or it is a fault of ours: both say nothing of the server

    def _hear(self, error: ProviderError | None) -> None:
        """It has failed, or serves."""
        with self._lock:
            was, now = self._error, time.monotonic()
            if error is not None and was is not None and now < self._until:
                return  # asked before the failure that is known
            self._error = error
            if error is None:
                self._failures, self._unable = 0, None
            else:
                self._until = now + self._pause(error)
            wanted = error is not None and self._local is None and not self._opening and self._unable is None
            opens = self._open_local if wanted and not self._closed else None
            self._opening = self._opening or opens is not None
            unable = self._unable
        if _sort(was) != _sort(error):
            self._on_change(error)
            if unable is not None:
                self._on_change(unable)
        if opens is not None:  # not before: it may tell of a failure that comes behind this one
            threading.Thread(target=self._bring, args=[opens], name="tabby-fallback", daemon=True).start()

    def _pause(self, error: ProviderError) -> float:
        """Seconds for which it is left alone; one that asks for patience has not failed."""
        if isinstance(error, ProviderBusy):
            return min(error.retry_after_s or PAUSES_S[0], LONGEST_PAUSE_S)
        self._failures += 1
        return PAUSES_S[min(self._failures, len(PAUSES_S)) - 1]

    # ---- who stands in ------------------------------------------------------------------------------------------

    def _bring(self, open_local: Callable[[], Engine]) -> None:
        if self._closed:
            return
        try:
            engine = open_local()
        except Exception as error:  # noqa: BLE001 - whatever it was, it is told
            self._cannot(error)
            return
        if self._closed:  # before `ready`, which would load the model
            engine.close()
            return
        engine.ready().add_done_callback(partial(self._take, engine))

    def _take(self, engine: Engine, ready: Future[ModelInfo]) -> None:
        error = Cancelled("closing") if ready.cancelled() else ready.exception()
        with self._lock:
            fine = error is None and not self._closed
            self._local = engine if fine else None
            self._opening = self._opening and not fine
        if not fine:
            engine.close()
        if error is not None:
            self._cannot(error)

    def _cannot(self, error: BaseException) -> None:
        """Nobody stands in for as long as this failure of the server lasts; at its next one it is tried again."""
        if not isinstance(error, TabbyError | Cancelled):
            logger.error("the model in this process cannot stand in", exc_info=error)
        why, remedy = (error.message, error.remedy) if isinstance(error, TabbyError) else (f"{error!r}.", "")
        unable = EngineError(f"The model in this process cannot stand in for the server: {why}", remedy)
        with self._lock:
            self._opening = False
            tells = self._error is not None and not self._closed
            self._unable = unable if tells else None
        if tells:
            self._on_change(unable)

    def close(self) -> None:
        """End both."""
        with self._lock:
            self._closed, local = True, self._local
        self._remote.close()
        if local is not None:
            local.close()


def _ended(request: Request, error: BaseException) -> Ticket:
    ticket = Ticket(request, lambda *_: None)
    ticket.future.set_exception(error)
    return ticket


def _sort(error: TabbyError | None) -> tuple[type[TabbyError], str] | None:
    """What makes two failures the same for a person: their texts may have numbers that change each time."""
    return None if error is None else (type(error), error.remedy)


def _reads(engine: Engine, prompt: Prompt) -> bool:
    """Whether an engine knows all markers of a prompt."""
    markers = {piece.text for piece in prompt.pieces if isinstance(piece, Marker)}
    if not markers:
        return True
    try:
        known, vocabulary = engine.info.markers.values(), engine.tokenizer
    except TabbyError:  # it has left memory; the next question waits for it
        return False
    return all(text in known or vocabulary.has_marker(text) for text in markers)
