"""The flights under way, one a document: begun, shown in part, landed, superseded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from tabby_lsp.completion import likely, prompt, stop
from tabby_lsp.completion.case import PROSE, Case, Looking
from tabby_lsp.completion.flight import Budgets, Flight
from tabby_lsp.completion.prompts import PromptMaker
from tabby_lsp.completion.reuse import Reuse
from tabby_lsp.completion.stopwatch import Stopwatch
from tabby_lsp.completion.suggestions import suggestions_from
from tabby_lsp.completion.types import Answer, Odds, Suggestion
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Snapshot
from tabby_lsp.engine.types import Cancelled, Candidate, Engine, Finish, Preference, Priority, Request, StopRule, Ticket
from tabby_lsp.errors import TabbyError
from tabby_lsp.syntax.truncate import look_around

logger = logging.getLogger(__name__)

ONE_LINE_TOKENS = 48
"""Most tokens where one line is wanted: 120 columns of code are some 40 tokens."""
LOOK_S, BESIDE_S = 0.003, 0.01
"""Seconds after which an engine that has begun a request mostly, and surely, evaluates and leaves the interpreter to
others."""

Landed = Callable[[Case, tuple[Suggestion, ...]], None]


class Flights:
    """Begins flights, and keeps what they bring.

    Args:
        engine: generates the text.
        prompts: says what it reads.
        reuse: gets what it wrote.
        settings: of completion.
        on_landed: told when a flight that somebody asked for has landed and is still the newest of its document.
        on_longer: see `Pipeline`.
    """

    def __init__(
        self,
        engine: Engine,
        prompts: PromptMaker,
        reuse: Reuse,
        settings: Callable[[], CompletionSettings],
        on_landed: Landed,
        on_longer: Callable[[Snapshot], None] | None,
    ) -> None:
        self._engine = engine
        self._prompts = prompts
        self._reuse = reuse
        self._settings = settings
        self._on_landed = on_landed
        self._on_longer = on_longer
        self.current: dict[str, Flight] = {}

    def get(self, uri: str) -> Flight | None:
        """The newest flight of a document, landed or not."""
        return self.current.get(uri)

    def is_up(self, uri: str) -> bool:
        """Whether one is under way."""
        flight = self.current.get(uri)
        return flight is not None and not flight.over

    def forget(self, uri: str) -> None:
        """A document was closed."""
        if flight := self.current.pop(uri, None):
            flight.end()

    def stop(self) -> None:
        """End them all."""
        for flight in self.current.values():
            flight.end()

    def launch(self, case: Case, watch: Stopwatch, priority: Priority = Priority.COMPLETION) -> Flight:
        """Begin a flight; an earlier one of the document is superseded."""
        settings, uri = self._settings(), case.snapshot.uri
        earlier = self.current.get(uri)
        if earlier and not earlier.over:
            earlier.superseded = True
            if earlier.ticket and earlier.ticket.generated:  # the next token of a text that nobody wants any more
                earlier.ticket.cancel()
        draft = earlier.accepted + earlier.written if earlier else ""
        streams = settings.word_budget_ms if self._on_longer else 0
        budgets = Budgets(settings.line_budget_ms / 1e3, streams / 1e3 if streams else None, settings.likely)
        flight = Flight(case, budgets, None if case.invoked else self._show_early)
        task = asyncio.get_running_loop().create_task(self._fly(flight, watch, draft, priority))
        task.add_done_callback(lambda _: flight.over or flight.land(Answer((), "cancelled")))
        flight.end = task.cancel
        self.current[uri] = flight
        return flight

    async def _fly(self, flight: Flight, watch: Stopwatch, draft: str, priority: Priority) -> None:
        try:
            whole, early = await self._generate(flight, watch, draft, priority), flight.answer
            flight.land(whole)
            self._tell_longer(flight, early)
        except Cancelled:
            flight.land(flight.answer or Answer((), "superseded"))
        except asyncio.CancelledError:
            flight.land(flight.answer or Answer((), "cancelled"))
        except Exception as error:
            if not isinstance(error, TabbyError):
                logger.exception("a question could not be answered")
            flight.fail(error)

    async def _generate(self, flight: Flight, watch: Stopwatch, draft: str, priority: Priority) -> Answer:
        settings, loop = self._settings(), asyncio.get_running_loop()
        with watch.stage("load"):
            info = await asyncio.wrap_future(self._engine.ready())
        if self.current.get(flight.case.snapshot.uri) is not flight:
            raise Cancelled("superseded")
        if flight.case.invoked:  # then there is nobody's next key to be slow for, and all of the tree counts
            with watch.stage("syntax"):
                _ = flight.case.scope
        if self._prompts.waits_for_context(flight.case, settings, info):
            with watch.stage("context"):
                await self._prompts.gathered(flight.case, settings, info)
        with watch.stage("window"):
            made = self._prompts.at(flight.case, settings, info)
            case = flight.case = replace(flight.case, markers=made.family.markers)
        looking = Looking(case)
        request = Request(
            key=case.snapshot.uri,
            prompt=made.whole,
            quick=made.quick,
            patience=made.patience,
            draft=draft,
            max_tokens=settings.max_tokens,
            candidates=settings.candidates if case.invoked else 1,
            temperature=settings.temperature,
            sampler=settings.sampler,
            preference=self._preference(looking.beside, settings),
            stop=self._stop_rule(flight, looking.beside),
            stop_markers=made.family.stop,
            deadline=time.monotonic() + settings.deadline_ms / 1e3,
            priority=priority,
        )
        flight.submitted = time.monotonic()
        ticket = flight.ticket = self._engine.submit(request, partial(_tell, loop, flight))
        _beside(loop, ticket, LOOK_S, looking.look)
        _beside(loop, ticket, BESIDE_S, partial(look_around, case.snapshot, case.position))
        try:
            with watch.stage("model"):
                result = await asyncio.wrap_future(ticket.future)
        except asyncio.CancelledError:
            if not flight.superseded:  # the newer one has ended it, and may need what is being evaluated
                ticket.cancel()
            raise
        finally:
            looking.look()  # nobody is left waiting, however soon it ended
        with watch.stage("postprocess"):
            suggestions, reason = suggestions_from(result.candidates, case)
        self._keep(case, suggestions)
        if priority is Priority.COMPLETION and not case.invoked and self.current.get(case.snapshot.uri) is flight:
            self._on_landed(case, suggestions)
        return Answer(
            suggestions,
            reason,
            counters=result.counters,
            timings={**watch.timings, **result.timings},
            finish=result.candidates[0].finish,
            raw=tuple(candidate.text for candidate in result.candidates),
            prompt=prompt.show(made.quick if result.quick and made.quick else made.whole),
        )

    def _preference(self, case: Case, settings: CompletionSettings) -> Preference | None:
        """Names that exist, outside of strings and comments."""
        if not settings.known_names or case.snapshot.language in PROSE:
            return None
        names = self._prompts.others.names(case.snapshot, case.position)
        if names is None:
            return None
        return lambda written: () if case.scope.in_string or case.scope.in_comment else names(written)

    def _stop_rule(self, flight: Flight, case: Case) -> StopRule:
        """The rules of `stop`, the most tokens of one line, and an end where nothing likely can follow any more."""
        rule, cautious = stop.rule_for(case), self._settings().likely and not case.invoked

        def enough(text: str) -> int | None:
            logprobs, ends = flight.tokens
            if cautious and likely.hopeless(Odds(ends, logprobs)):
                return len(text)
            return len(text) if len(ends) >= ONE_LINE_TOKENS and not case.multiline else rule(text)

        return enough

    def _show_early(self, flight: Flight, part: str) -> None:
        """Make a part of what is written the answer, while the model goes on."""
        suggestions, early = part_of(flight, part), flight.answer
        if suggestions:
            self._keep(flight.case, suggestions)
            raw = (part[len(flight.case.lead) :],)
            flight.answer = Answer(suggestions, "shown", counters=flight.counters, finish="early", raw=raw)
            self._tell_longer(flight, early)

    def _tell_longer(self, flight: Flight, early: Answer | None) -> None:
        """Tell of more, where something has been shown."""
        shown, now = (a.suggestions[0].text if a and a.suggestions else "" for a in (early, flight.answer))
        if self._on_longer and shown and now != shown and now.startswith(shown):
            self._on_longer(flight.latest)

    def _keep(self, case: Case, suggestions: tuple[Suggestion, ...]) -> None:
        if suggestions:
            self._reuse.keep(case.snapshot, case.position, suggestions)


def part_of(flight: Flight, part: str) -> tuple[Suggestion, ...]:
    """What a part of what is being written would be as a suggestion; none where nothing of it can be shown."""
    logprobs, ends = flight.tokens
    candidate = Candidate(part[len(flight.case.lead) :], Finish.RULE, logprobs, ends)
    return suggestions_from((candidate,), flight.case)[0]


def _beside(loop: asyncio.AbstractEventLoop, ticket: Ticket, after_s: float, work: Callable[[], None]) -> None:
    """Do some work on the event loop when the engine has been at a request for so long: beside it, not after it.

    Sooner they would take the interpreter from each other; an engine that is still at something else is waited for.
    """
    if ticket.future.done():
        return
    left = ticket.started + after_s - time.monotonic() if ticket.started else after_s
    if left > 0:
        loop.call_later(left, _beside, loop, ticket, after_s, work)
    else:
        work()


def _tell(loop: asyncio.AbstractEventLoop, flight: Flight, text: str) -> None:
    """Bring text from the engine's thread to the event loop, where it has a use for it."""
    if flight.heard(text):
        with suppress(RuntimeError):  # the loop has ended, and nobody is left to hear it
            loop.call_soon_threadsafe(flight.look)
