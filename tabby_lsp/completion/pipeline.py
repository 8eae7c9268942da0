"""From a question to an answer, as one line of stages, each timed.

    refuse → typed along? → in flight? → window → prompt → model → post-process → keep

It runs on the event loop and never blocks it for longer than a parse; the model works on the engine's own thread.
From `window` on it is a flight of its own, which a later question may join and which goes on when nobody waits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

from tabby_lsp.completion import likely, postprocess, prompt, stop, trigger
from tabby_lsp.completion.ahead import Ahead
from tabby_lsp.completion.case import OPENERS, Case, case_for, space_before
from tabby_lsp.completion.flight import Budgets, Flight
from tabby_lsp.completion.prompts import PromptMaker
from tabby_lsp.completion.reuse import Reuse
from tabby_lsp.completion.tempo import Tempo
from tabby_lsp.completion.types import Answer, Ask, Odds, Suggestion, Trigger
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Change, Position, PositionEncoding, Snapshot
from tabby_lsp.engine.types import Cancelled, Candidate, Engine, Finish, Priority, Request, StopRule, mean_logprob
from tabby_lsp.errors import TabbyError
from tabby_lsp.syntax.scope import Scope, scope_at
from tabby_lsp.syntax.trees import Trees
from tabby_lsp.syntax.truncate import look_around

logger = logging.getLogger(__name__)

ONE_LINE_TOKENS = 48
"""Most tokens where one line is wanted: 120 columns of code are some 40 tokens."""


BESIDE_S = 0.01
"""Seconds until the model surely evaluates, and leaves the interpreter to others."""


class Stopwatch:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self.timings: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage, however it ends."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.timings[name] = (time.perf_counter() - started) * 1e3


class Pipeline:
    """Answers questions about documents with one engine.

    Args:
        engine: generates the text.
        settings: asked for at each question, so that a changed setting holds from the next one on.
        on_longer: told of the document when there is more of a suggestion than what was answered with early; None:
            the client cannot be told, so that no part of a line is shown.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Callable[[], CompletionSettings],
        on_longer: Callable[[Snapshot], None] | None = None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._on_longer = on_longer
        self._trees = Trees()
        self._prompts = PromptMaker(engine, self._trees)
        self._ahead = Ahead(engine, self._prompts, settings)
        self._reuse = Reuse()
        self._tempo = Tempo()
        self._flights: dict[str, Flight] = {}
        self._newest: dict[str, Ask] = {}

    # ---- what happens to documents ----------------------------------------------------------------------------------

    def opened(self, snapshot: Snapshot) -> None:
        """A document was opened."""
        self._ahead.opened(snapshot)

    def changed(self, snapshot: Snapshot, position: Position, inserted: str) -> None:
        """A document was changed, or the cursor was moved in it.

        Args:
            snapshot: after the change.
            position: behind the change.
            inserted: the new text; empty where something was deleted or nothing changed.
        """
        if inserted and (len(inserted) <= 2 or not self._reuse.suggested(inserted)):
            self._tempo.changed(inserted, time.monotonic())
        flight = self._flights.get(snapshot.uri)
        elsewhere = self._ahead.place != (snapshot.uri, position.line)
        if (flight is None or flight.over) and (elsewhere or not self._ahead.busy):
            self._ahead.touched(snapshot, position)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        if flight := self._flights.pop(uri, None):
            flight.end()
        if self._ahead.place and self._ahead.place[0] == uri:
            self._ahead.stop()
        self._newest.pop(uri, None)
        self._trees.forget(uri)
        self._prompts.forget(uri)
        self._reuse.forget(uri)

    def stop(self) -> None:
        """No more questions will come."""
        self._ahead.stop()
        for flight in self._flights.values():
            flight.end()

    # ---- questions ------------------------------------------------------------------------------------------------

    async def complete(self, ask: Ask) -> Answer:
        """Answer a question.

        Args:
            ask: the document, the cursor, and who asked.

        Raises:
            TabbyError: the engine cannot serve; its message is for a person.
            asyncio.CancelledError: the caller gave up; what was under way ends unless somebody else waits for it.
        """
        if ask.selected:
            return await self._complete_selected(ask)
        watch, settings = Stopwatch(), self._settings()
        if reason := trigger.refusal(ask, settings):
            return Answer((), reason, timings=watch.timings)
        case = self._case(ask)
        self._newest[ask.snapshot.uri] = ask
        if ask.trigger is Trigger.TYPING:
            if answer := await self._known(case, watch):
                return answer
            if self._tempo.in_bulk(time.monotonic()):
                return Answer((), "bulk-change", timings=watch.timings)
            if pause := self._tempo.debounce():
                with watch.stage("debounce"):
                    await asyncio.sleep(pause)
                if self._overtaken(ask):
                    return Answer((), "superseded", timings=watch.timings)
                if answer := await self._known(case, watch):
                    return answer
        with watch.stage("syntax"):
            _ = case.scope
        flight = self._launch(case, watch)
        started = time.monotonic()
        await flight.wait()
        answer = flight.answer or Answer((), "superseded")
        if answer.finish:
            self._tempo.answered(time.monotonic() - started)
        shown = answer.suggestions if case.invoked else self._likely(answer.suggestions)
        reason = "unlikely" if answer.suggestions and not shown else answer.reason
        timings = {**watch.timings, **answer.timings, **flight.timings}
        return replace(answer, suggestions=shown, reason=reason, timings=timings)

    def _case(self, ask: Ask) -> Case:
        def look() -> Scope:
            return scope_at(ask.snapshot, ask.position, self._trees.tree(ask.snapshot))

        return case_for(ask, look, self._settings(), ())

    def _overtaken(self, ask: Ask) -> bool:
        """Whether something else has been asked about the document since; the same question twice is one flight."""
        newest = self._newest.get(ask.snapshot.uri)
        return newest is None or (newest.snapshot, newest.position, newest.trigger) != (
            ask.snapshot,
            ask.position,
            ask.trigger,
        )

    async def _complete_selected(self, ask: Ask) -> Answer:
        """Answer as if the entry that is selected in the editor's menu had been accepted."""
        start = ask.selected_start or ask.position
        accepted, cursor = _accepted(ask.snapshot, Suggestion(ask.selected, start, ask.position))
        answer = await self.complete(Ask(accepted, cursor, ask.trigger))
        extended = tuple(
            replace(s, text=ask.selected + s.text, start=start, end=ask.position) for s in answer.suggestions
        )
        return replace(answer, suggestions=extended)

    async def _known(self, case: Case, watch: Stopwatch) -> Answer | None:
        """An answer from what was suggested before, or is being written; None where the model is to be asked."""
        with watch.stage("reuse"):
            along, snapshot = self._along(case), case.snapshot
        flight = self._flights.get(snapshot.uri)
        typed = flight.typed(snapshot, case.position) if flight else None
        if flight and typed is not None:
            flight.latest = snapshot
        if along:
            shown = self._likely(along)
            if shown and (flight is None or flight.over) and not self._ahead.busy:
                self._ahead.touched(snapshot, case.position, partial(self._prefetch, snapshot, shown[0]))
            return Answer(shown, "typed-along" if shown else "unlikely", timings=watch.timings)
        if flight is None or typed is None or not flight.leads_past(typed):
            return None
        with watch.stage("joined"):
            await flight.wait(typed)
        if along := self._along(case):
            shown = self._likely(along)
            return Answer(shown, "in-flight" if shown else "unlikely", timings=watch.timings)
        answer = flight.answer
        return Answer((), answer.reason, timings=watch.timings) if answer and not answer.suggestions else None

    def _along(self, case: Case) -> tuple[Suggestion, ...]:
        kept: list[Suggestion] = []
        for suggestion in self._reuse.along(case.snapshot, case.position):
            try:
                text = postprocess.postprocess(suggestion.text, case, postprocess.TYPED_ALONG)
            except postprocess.Rejected:
                continue
            kept.append(replace(suggestion, text=text))
        return tuple(kept)

    def _likely(self, suggestions: tuple[Suggestion, ...]) -> tuple[Suggestion, ...]:
        """What is worth showing of suggestions that nobody has asked for."""
        if not self._settings().likely:
            return suggestions
        return tuple(part for s in suggestions if (part := likely.likely(s)) is not None)

    # ---- flights --------------------------------------------------------------------------------------------------

    def _launch(self, case: Case, watch: Stopwatch, priority: Priority = Priority.COMPLETION) -> Flight:
        """Begin a flight; an earlier one of the document is superseded."""
        settings, uri = self._settings(), case.snapshot.uri
        if priority is Priority.COMPLETION:
            self._ahead.stop()
        earlier = self._flights.get(uri)
        if earlier and not earlier.over:
            earlier.superseded = True
        draft = earlier.accepted + earlier.written if earlier else ""
        streams = settings.word_budget_ms if self._on_longer else 0
        budgets = Budgets(settings.line_budget_ms / 1e3, streams / 1e3 if streams else None)
        flight = Flight(case, budgets, None if case.invoked else self._show_early)
        task = asyncio.get_running_loop().create_task(self._fly(flight, watch, draft, priority))
        task.add_done_callback(lambda _: flight.over or flight.land(Answer((), "cancelled")))
        flight.end = task.cancel
        self._flights[uri] = flight
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
        if self._flights.get(flight.case.snapshot.uri) is not flight:
            raise Cancelled("superseded")
        with watch.stage("window"):
            made = self._prompts.at(flight.case, settings, info)
            case = flight.case = replace(flight.case, markers=made.family.markers)
        request = Request(
            key=case.snapshot.uri,
            prompt=made.whole,
            quick=made.quick,
            patience=made.patience,
            draft=draft,
            max_tokens=settings.max_tokens if case.multiline else min(settings.max_tokens, ONE_LINE_TOKENS),
            candidates=settings.candidates if case.invoked else 1,
            temperature=settings.temperature,
            sampler=settings.sampler,
            stop=self._stop_rule(flight),
            stop_markers=made.family.stop,
            deadline=time.monotonic() + settings.deadline_ms / 1e3,
            priority=priority,
        )
        flight.submitted = time.monotonic()
        ticket = flight.ticket = self._engine.submit(request, partial(_tell, loop, flight))
        loop.call_later(BESIDE_S, look_around, case.snapshot, case.position)  # beside the model, not after it
        try:
            with watch.stage("model"):
                result = await asyncio.wrap_future(ticket.future)
        except asyncio.CancelledError:
            if not flight.superseded:  # the newer one has ended it, and may need what is being evaluated
                ticket.cancel()
            raise
        with watch.stage("postprocess"):
            suggestions, reason = _suggestions(result.candidates, case)
        self._keep(case, suggestions)
        if priority is Priority.COMPLETION and not case.invoked and self._flights.get(case.snapshot.uri) is flight:
            shown = self._likely(suggestions)
            first = partial(self._prefetch, case.snapshot, shown[0]) if shown else None
            self._ahead.touched(case.snapshot, case.position, first)
        return Answer(
            suggestions,
            reason,
            counters=result.counters,
            timings={**watch.timings, **result.timings},
            finish=result.candidates[0].finish,
            raw=tuple(candidate.text for candidate in result.candidates),
            prompt=prompt.show(made.quick if result.quick and made.quick else made.whole),
        )

    def _stop_rule(self, flight: Flight) -> StopRule:
        """The rules of `stop`, and an end where nothing likely can follow any more."""
        rule = stop.rule_for(flight.case)
        if flight.case.invoked or not self._settings().likely:
            return rule

        def enough(text: str) -> int | None:
            logprobs, ends = flight.tokens
            return len(text) if likely.hopeless(Odds(ends, logprobs)) else rule(text)

        return enough

    def _show_early(self, flight: Flight, part: str) -> None:
        """Make a part of what is written the answer, while the model goes on."""
        text, early = part[len(flight.case.lead) :], flight.answer
        logprobs, ends = flight.tokens
        suggestions, reason = _suggestions((Candidate(text, Finish.RULE, logprobs, ends),), flight.case)
        if suggestions:
            self._keep(flight.case, suggestions)
            flight.answer = Answer(suggestions, reason, counters=flight.counters, finish="early", raw=(text,))
            self._tell_longer(flight, early)

    def _tell_longer(self, flight: Flight, early: Answer | None) -> None:
        """Tell of more, where something has been shown."""
        shown, now = (a.suggestions[0].text if a and a.suggestions else "" for a in (early, flight.answer))
        if self._on_longer and shown and len(now) > len(shown):
            self._on_longer(flight.latest)

    def _keep(self, case: Case, suggestions: tuple[Suggestion, ...]) -> None:
        if suggestions:
            self._reuse.keep(case.snapshot, case.position, suggestions)

    async def _prefetch(self, snapshot: Snapshot, suggestion: Suggestion) -> None:
        """Ask what would follow if a suggestion were accepted; the answer is found when it is."""
        settings = self._settings()
        flight = self._flights.get(snapshot.uri)
        if not settings.prefetch or (flight and not flight.over):
            return
        accepted, cursor = _accepted(snapshot, suggestion)
        followed = await self._launch_ahead(accepted, cursor, suggestion.text)
        if not followed and not accepted.line_text(cursor.line)[cursor.column :].strip():
            # a line is whole: the next key is its end, and the editor indents
            line = accepted.line_text(cursor.line)
            opens = line.rstrip().endswith(OPENERS)
            broken = accepted.newline + space_before(line) + (self._case(Ask(accepted, cursor)).indent_unit * opens)
            await self._launch_ahead(*_accepted(accepted, Suggestion(broken, cursor, cursor)), suggestion.text + broken)

    async def _launch_ahead(self, snapshot: Snapshot, cursor: Position, accepted: str) -> bool:
        """Write what follows at a place where the user is not yet.

        Args:
            snapshot: the document as it would be.
            cursor: where the user would be.
            accepted: what is in it beyond the document as it is.

        Returns:
            Whether there is something to suggest.
        """
        ask = Ask(snapshot, cursor)
        case = self._case(ask)
        if trigger.refusal(ask, self._settings()):
            return False
        if self._along(case):
            return True
        launched = self._launch(case, Stopwatch(), Priority.IDLE)
        launched.accepted = prompt.unix(accepted)
        await launched.wait(None)
        return bool(launched.answer and launched.answer.suggestions)


def _tell(loop: asyncio.AbstractEventLoop, flight: Flight, text: str) -> None:
    """Bring text from the engine's thread to the event loop."""
    with suppress(RuntimeError):  # the loop has ended, and nobody is left to hear it
        loop.call_soon_threadsafe(flight.heard, text)


def _accepted(snapshot: Snapshot, suggestion: Suggestion) -> tuple[Snapshot, Position]:
    """The document and the cursor as they would be with a suggestion accepted."""
    start, end = suggestion.start, suggestion.end
    change = Change(suggestion.text, (start.line, start.column), (end.line, end.column))
    accepted = snapshot.apply([change], snapshot.version, PositionEncoding.UTF32)
    return accepted, accepted.position(snapshot.offset(start) + len(suggestion.text))


def _suggestions(candidates: tuple[Candidate, ...], case: Case) -> tuple[tuple[Suggestion, ...], str]:
    """What is left of the candidates, without doubles; where nothing is, the first one's reason."""
    shown: dict[str, Suggestion] = {}
    reasons: list[str] = []
    for candidate in candidates:
        try:
            written = postprocess.whole_lines(candidate.text, candidate.finish)
            text = postprocess.postprocess(case.lead + written, case)
        except postprocess.Rejected as rejected:
            reasons.append(str(rejected))
            continue
        logprob, odds = mean_logprob(candidate.logprobs), _odds(candidate, case, text)
        shown.setdefault(text, Suggestion(text, case.position, case.position, logprob, odds))
    return tuple(shown.values()), "shown" if shown else reasons[0]


def _odds(candidate: Candidate, case: Case, text: str) -> Odds:
    """The odds of a suggestion, where it is what was written, from its start on."""
    if not (case.lead + candidate.text).startswith(prompt.unix(text)) or "\r" in text:
        return Odds()
    count = min(len(candidate.ends), len(candidate.logprobs))
    ends = tuple(min(end + len(case.lead), len(text)) for end in candidate.ends[:count])
    return Odds(ends, candidate.logprobs[:count])
