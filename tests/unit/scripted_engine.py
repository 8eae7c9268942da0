"""An engine that writes what a test says, when it says so; it keeps the contract of `engine.types.Engine`.

Requests for nothing but a prefill are answered at once, unless they are held. All of it runs on the event loop.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from concurrent.futures import Future

from tabby_lsp.engine.types import (
    Cancelled,
    Candidate,
    Counters,
    Finish,
    ModelInfo,
    Priority,
    Request,
    Result,
    Ticket,
    Totals,
)

INFO = ModelInfo(
    metadata={"general.name": "scripted"},
    markers={},
    size=0,
    parameters=0,
    context=4096,
    trained_context=4096,
    offloaded=0,
    can_shift=True,
)


class Words:
    """A tokenizer that anybody can count with; its markers are those of the default model's family."""

    def count(self, text: str) -> int:
        return len(re.findall(r"\w+|\s+|[^\w\s]", text))

    def has_marker(self, text: str) -> bool:
        return text.startswith("<|") and text.endswith("|>")


class Run:
    """One request on its way, as the test sees it.

    Attributes:
        request: what was asked.
        ticket: what the asker holds.
        text: what has been written so far.
    """

    def __init__(self, request: Request, on_text: Callable[[str], None] | None) -> None:
        self.request = request
        self.text = ""
        self.ticket = Ticket(request, self._cancelled)
        self.ticket.prompt = self.ticket.evaluated = 10
        self._on_text = on_text

    def __repr__(self) -> str:
        return f"<{self.request.priority.name} {self.request.key} wrote {self.text!r}, over: {self.over}>"

    @property
    def over(self) -> bool:
        """Whether its future is done."""
        return self.ticket.future.done()

    @property
    def ended(self) -> bool:
        """Whether it was cancelled or superseded: not only its future, which would leave an engine at work."""
        return self.over and self.ticket.cancelled

    @property
    def tail(self) -> str:
        """The last text of its prompt: what stands before the cursor, from the anchor on."""
        return str(self.request.prompt.pieces[-1])

    def write(self, text: str) -> None:
        """Write some more; the stop rule may end it, as in any engine."""
        assert not self.over
        self.text += text
        self.ticket.generated += 1
        if self._on_text is not None:
            self._on_text(text)
        keep = self.request.stop(self.text)
        if keep is not None:
            self._finish(self.text[:keep], Finish.RULE)

    def end(self, text: str = "", finish: Finish = Finish.END) -> None:
        """Write some more, and that is all."""
        if text:
            self.write(text)
        if not self.over:
            self._finish(self.text, finish)

    def prefilled(self, missing: int = 0) -> None:
        """The prompt is in the cache; or the quick one is, and so many tokens of the other are missing."""
        quick = missing > 0
        self.ticket.future.set_result(Result((), Counters(10, 0, 10, 0), quick=quick, missing=missing))

    def fail(self, error: Exception) -> None:
        """The engine cannot serve."""
        self.ticket.future.set_exception(error)

    def _finish(self, text: str, finish: Finish) -> None:
        candidates = tuple(
            Candidate(text + "'" * nth, finish, (-0.1,)) for nth in range(max(1, self.request.candidates))
        )
        self.ticket.future.set_result(Result(candidates, Counters(10, 0, 10, self.ticket.generated)))

    def _cancelled(self, ticket: Ticket, at_once: bool) -> None:
        if not ticket.future.done():
            ticket.future.set_exception(Cancelled("cancelled"))


class ScriptedEngine:
    """See the module.

    Attributes:
        runs: everything that was submitted, in order.
        hold_prefill: whether requests for a prefill wait for the test as well.
        queues: whether requests wait behind others, so that it does not begin with them.
        loading: where set, what `ready` returns instead of an answer at once.
    """

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.hold_prefill = self.queues = False
        self.loading: Future[ModelInfo] | None = None
        self.tokenizer = Words()
        self.info = INFO
        self.prefill_rate = 0.0
        self.totals = Totals()

    @property
    def asked(self) -> list[Run]:
        """What somebody asked for, in order."""
        return [run for run in self.written if run.request.priority is Priority.COMPLETION]

    @property
    def ahead(self) -> list[Run]:
        """What was generated before anybody asked, in order."""
        return [run for run in self.written if run.request.priority is Priority.IDLE]

    @property
    def written(self) -> list[Run]:
        """What text was asked of, in order."""
        return [run for run in self.runs if run.request.max_tokens]

    @property
    def prefills(self) -> list[Run]:
        """What was only to be evaluated, in order."""
        return [run for run in self.runs if not run.request.max_tokens]

    def ready(self) -> Future[ModelInfo]:
        if self.loading is not None:
            return self.loading
        future: Future[ModelInfo] = Future()
        future.set_result(self.info)
        return future

    def submit(self, request: Request, on_text: Callable[[str], None] | None = None) -> Ticket:
        for earlier in self.runs:
            if earlier.request.key == request.key and not earlier.over:
                earlier.ticket.cancel(at_once=not request.prompt.goes_on_from(earlier.request.prompt))
        run = Run(request, on_text)
        run.ticket.started = 0.0 if self.queues else time.monotonic()
        self.runs.append(run)
        if not request.max_tokens and not self.hold_prefill:
            run.prefilled()
        return run.ticket

    def close(self) -> None:
        for run in self.runs:
            run.ticket.cancel()


async def settled() -> None:
    """Everything that can happen without time passing has happened."""
    for _ in range(25):
        await asyncio.sleep(0)


PATIENCE_S = 10
"""The longest wait for one thing."""


async def until(seen: Callable[[], object], what: str) -> None:
    """Wait for something that takes its time, such as the end of a grace."""
    for _ in range(PATIENCE_S * 200):
        if seen():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"no {what} within {PATIENCE_S} s")
