"""A question on its way through the model, detached from who asked it.

Who types along while the model writes asks again at each key: as long as what has been typed is how the text begins,
the later question waits for the same flight, and nothing is begun anew. A part is shown as soon as it is worth it: some
words where the client will be told of more, else a whole line. The flight goes on, and what it brings is kept.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from tabby_lsp.completion import likely
from tabby_lsp.completion.case import Case
from tabby_lsp.completion.stopwatch import Stopwatch
from tabby_lsp.completion.types import Answer, Odds
from tabby_lsp.completion.window import visible_suffix
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.types import Counters, Ticket

GRACE_S = 0.05
"""Seconds for which nobody waits before a flight is ended: editors cancel the old question a moment before they ask
the next, which is about the same text more often than not."""
WORDS = 4
"""Visible characters that a part of a line must have to be shown."""
_UNFINISHED = re.compile(r"\w+$")


@dataclass(frozen=True, slots=True)
class Budgets:
    """Seconds after which a part of the text is enough to answer with.

    Attributes:
        line: whole lines.
        words: what is written of a line, up to a whole word; None: never.
        likely: whether a part must be likely enough to be shown.
    """

    line: float
    words: float | None
    likely: bool = False


@dataclass(slots=True, eq=False)
class _Waiter:
    typed: str | None  # None: for all of it
    future: asyncio.Future[None]


class Flight:
    """One generation for one cursor; all of it but `heard` happens on the event loop.

    Args:
        case: the cursor that it is for.
        budgets: when a part is enough.
        early: turns a part into an answer, and keeps it; None: only the whole is an answer.
    """

    def __init__(self, case: Case, budgets: Budgets, early: Callable[[Flight, str], None] | None) -> None:
        self.case = case
        self.latest = case.snapshot
        self.accepted = ""  # the suggestion behind which it writes, where nobody has accepted that yet
        self.written = case.lead
        self.ticket: Ticket | None = None
        self.submitted = 0.0
        self.answer: Answer | None = None
        self.over = False
        self.superseded = False
        self._error: BaseException | None = None
        self._budgets = budgets
        self._early = early
        self._waiters: list[_Waiter] = []
        self._grace: asyncio.TimerHandle | None = None
        self._offset = case.snapshot.offset(case.position)
        self._suffix = visible_suffix(case.snapshot, case.position)
        self._cut = ""  # the part of a line that was shown, while the line is not whole
        self._told = 0  # characters of whole lines that `on_lines` knows
        self._began = time.monotonic()
        self._watch = Stopwatch()
        self.end: Callable[[], object] = lambda: None
        self.on_lines: Callable[[str], object] | None = None  # told of the whole lines so far, at each that is new

    # ---- who waits ------------------------------------------------------------------------------------------------

    def typed(self, snapshot: Snapshot, position: Position) -> str | None:
        """What has been typed at this flight's cursor since it began; None where anything else has changed."""
        text, own = snapshot.text, self.case.snapshot.text
        offset = snapshot.offset(position)
        same = snapshot.uri == self.case.snapshot.uri and offset >= self._offset
        if not same or text[: self._offset] != own[: self._offset]:
            return None
        return text[self._offset : offset] if visible_suffix(snapshot, position) == self._suffix else None

    def leads_past(self, typed: str) -> bool:
        """Whether what was typed is how its text begins, so that waiting for the rest is worth it."""
        if self.over or self._early is None:
            return False
        return self.written.startswith(typed.replace("\r\n", "\n"))

    async def wait(self, typed: str | None = "") -> None:
        """Wait until something beyond `typed` can be shown, or nothing more will come.

        Args:
            typed: what has been typed at this flight's cursor; None: wait for its end.

        Raises:
            TabbyError: the engine cannot serve.
            asyncio.CancelledError: the one who waits has given up; where nobody else waits, the flight ends.
        """
        waiter = _Waiter(typed, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            self.look()
            if not self._satisfied(waiter):
                await waiter.future
        finally:
            self._waiters.remove(waiter)
            if not self._waiters and not self.over and self.answer is None:
                if self._grace is not None:
                    self._grace.cancel()
                self._grace = asyncio.get_running_loop().call_later(GRACE_S, self._drop)
        if self._error is not None:
            raise self._error

    def _satisfied(self, waiter: _Waiter) -> bool:
        shown = self.answer.suggestions if self.answer and waiter.typed is not None else ()
        return self.over or any(len(s.text) > len(waiter.typed or "") for s in shown)

    def _drop(self) -> None:
        if not self._waiters and self.answer is None and not self.over:
            self.land(Answer((), "cancelled"))  # at once: nobody may join it any more
            self.end()

    # ---- what comes -----------------------------------------------------------------------------------------------

    def heard(self, text: str) -> bool:
        """The model has written more: told on the engine's thread, the only one on which `written` grows.

        Returns:
            Whether the event loop is to `look`. Waking it for each token costs the next one more than the token's own
            choice: the interpreter changes hands, mostly for nothing.
        """
        self.written += text
        if self.over:
            return False
        return (self.on_lines is not None and "\n" in text) or self._part() is not None

    def look(self) -> None:
        """Answer those for whom there is something, once this flight has taken long enough."""
        if self.over:
            return
        if self._early is not None and (found := self._part()):
            part, self._cut = found
            with self._watch.stage("early"):
                self._early(self, part)
            self._wake()
        lines = self.written.rpartition("\n")[0]
        if self.on_lines is not None and len(lines) > self._told:
            self._told = len(lines)
            self.on_lines(lines)

    def _part(self) -> tuple[str, str] | None:
        """What is worth an answer by now, and how much of that is of a line that is not whole; None: nothing yet.

        It changes nothing, so that the engine's thread may ask, too.
        """
        line, words = self._budgets.line, self._budgets.words
        elapsed = time.monotonic() - self._began
        if self._early is None or elapsed < min(line, words or line):
            return None
        told = [w.typed for w in self._waiters if w.typed is not None and not self._satisfied(w)]
        waiting = [len(typed.replace("\r\n", "\n")) for typed in told]
        whole = self.written.rpartition("\n")[0]
        if any(self._worth(whole, typed, 1) for typed in waiting) or (self._cut and len(whole) > len(self._cut)):
            return whole, ""
        if waiting and words is not None and elapsed >= words:
            part = _UNFINISHED.sub("", self.written)
            if any(self._worth(part, typed, WORDS) for typed in waiting):
                return part, part
        return None

    def _worth(self, part: str, typed: int, least: int) -> bool:
        """Whether a part would be shown to somebody who has typed so many characters of it."""
        left = part[typed:]
        if len(left.strip()) < least:
            return False
        logprobs, ends = self.tokens
        if not self._budgets.likely or not ends:
            return True
        lead = len(self.case.lead)
        return likely.worth(left, Odds(tuple(end + lead for end in ends), logprobs).after(typed)) > 0

    def land(self, answer: Answer) -> None:
        """It is over, with this answer."""
        self.answer, self.over = answer, True
        self._wake()

    def fail(self, error: BaseException) -> None:
        """It is over, and this is what those who wait are told."""
        self._error, self.over = error, True
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.future.done() and self._satisfied(waiter):
                waiter.future.set_result(None)

    # ---- what it has cost -----------------------------------------------------------------------------------------

    @property
    def tokens(self) -> tuple[tuple[float, ...], tuple[int, ...]]:
        """Log-probabilities and ends of the tokens so far; may be read on the engine's thread, too."""
        ticket = self.ticket
        if ticket is None:
            return (), ()
        count = min(len(ticket.logprobs), len(ticket.ends))
        return tuple(ticket.logprobs[:count]), tuple(ticket.ends[:count])

    @property
    def counters(self) -> Counters:
        """Tokens so far."""
        ticket = self.ticket
        return Counters(ticket.prompt, ticket.reused, ticket.evaluated, ticket.generated) if ticket else Counters()

    @property
    def timings(self) -> dict[str, float]:
        """Milliseconds so far: making answers of parts, in the engine's queue, and inside the model's evaluation."""
        ticket, early = self.ticket, self._watch.timings
        if ticket is None or not ticket.started:
            return early
        return {**early, "queue": (ticket.started - self.submitted) * 1e3, "inside": ticket.inside_s * 1e3}
