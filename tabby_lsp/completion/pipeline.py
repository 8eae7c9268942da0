"""From a question to an answer, as one line of stages, each timed.

    refuse → typed along? → in flight? → window → prompt → model → post-process → keep

It runs on the event loop and never blocks it for longer than a parse; the model works on the engine's own thread.
From `window` on it is a flight of its own, which a later question may join and which goes on when nobody waits.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial

from tabby_lsp.completion import likely, postprocess, trigger
from tabby_lsp.completion.ahead import Ahead
from tabby_lsp.completion.case import Case, case_for
from tabby_lsp.completion.context.gather import Context
from tabby_lsp.completion.context.types import Repository
from tabby_lsp.completion.flights import Flights, part_of
from tabby_lsp.completion.prefetch import Prefetch
from tabby_lsp.completion.prompts import PromptMaker
from tabby_lsp.completion.reuse import Reuse
from tabby_lsp.completion.stopwatch import Stopwatch
from tabby_lsp.completion.suggestions import accepted
from tabby_lsp.completion.tempo import Tempo
from tabby_lsp.completion.types import Answer, Ask, Suggestion, Trigger
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.types import Engine
from tabby_lsp.syntax.scope import Scope, scope_at
from tabby_lsp.syntax.trees import Trees

LONGEST_MS = 300_000
"""Milliseconds after which a longer text that was asked for is taken as it is."""


class Pipeline:
    """Answers questions about documents with one engine.

    Args:
        engine: generates the text.
        settings: asked for at each question, so that a changed setting holds from the next one on.
        on_longer: told of the document when there is more of a suggestion than what was answered with early; None:
            the client cannot be told, so that no part of a line is shown.
        repository: where documents stand, and what the prompts may show of others; None: nothing.
        trees: of the documents, where others use them too; None: trees of its own.
        far: whether the engine is on another machine; then nothing is asked about documents that hold secrets.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Callable[[], CompletionSettings],
        on_longer: Callable[[Snapshot], None] | None = None,
        repository: Repository | None = None,
        trees: Trees | None = None,
        *,
        far: bool = False,
    ) -> None:
        self._engine = engine
        self._far = far
        self._settings = settings
        self._trees = Trees() if trees is None else trees
        self._context = Context(repository, self._trees)
        self._prompts = PromptMaker(engine, self._trees, self._context)
        self._ahead = Ahead(engine, self._prompts, settings)
        self._reuse = Reuse()
        self._tempo = Tempo()
        self._flights = Flights(engine, self._prompts, self._reuse, settings, self._landed, on_longer)
        self._prefetch = Prefetch(self._flights, settings, self._case, self._along)
        self._newest: dict[str, Ask] = {}
        self._writing: set[str] = set()

    # ---- what happens to documents ----------------------------------------------------------------------------------

    def opened(self, snapshot: Snapshot) -> None:
        """A document was opened."""
        self._context.recent.moved(snapshot)
        if not trigger.never(snapshot, self._settings()):
            self._ahead.opened(snapshot)

    def changed(self, snapshot: Snapshot, position: Position | None, inserted: str) -> None:
        """A document was changed, or the cursor was moved in it.

        Args:
            snapshot: after the change.
            position: behind the change; None where nobody knows it, as when the whole text was replaced.
            inserted: the new text; empty where something was deleted or nothing changed.
        """
        if position is None:
            self._context.recent.moved(snapshot)
            return
        if inserted and (len(inserted) <= 2 or not self._reuse.suggested(inserted)):
            self._tempo.changed(inserted, time.monotonic())
        if inserted:
            self._context.recent.edited(snapshot, position.line, inserted)
        else:
            self._context.recent.viewed(snapshot, position.line)
        if trigger.never(snapshot, self._settings()):
            return
        elsewhere = self._ahead.place != (snapshot.uri, position.line)
        if not self._flights.is_up(snapshot.uri) and (elsewhere or not self._ahead.busy):
            self._ahead.touched(snapshot, position)

    def outdated(self, uris: Iterable[str] | None, gone: Collection[str] = ()) -> None:
        """Files were saved, changed or deleted: see `Context.outdated`."""
        self._context.outdated(uris, gone)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._flights.forget(uri)
        self._ahead.forget(uri)
        self._newest.pop(uri, None)
        self._trees.forget(uri)
        self._prompts.forget(uri)
        self._reuse.forget(uri)

    def stop(self) -> None:
        """No more questions will come."""
        self._ahead.stop()
        self._flights.stop()
        self._prompts.others.stop()

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
        watch = Stopwatch()
        if reason := self._refusal(ask):
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
        self._ahead.stop()
        flight = self._flights.launch(case, watch)
        started = time.monotonic()
        await flight.wait()
        answer = flight.answer or Answer((), "superseded")
        if answer.finish:
            self._tempo.answered(time.monotonic() - started)
        shown = answer.suggestions if case.invoked else self._likely(answer.suggestions)
        reason = "unlikely" if answer.suggestions and not shown else answer.reason
        timings = {**watch.timings, **answer.timings, **flight.timings}
        return replace(answer, suggestions=shown, reason=reason, timings=timings)

    async def write(
        self, ask: Ask, max_tokens: int, max_lines: int, on_part: Callable[[Suggestion], object] | None = None
    ) -> Answer:
        """Write something longer, asked for by hand: one text, whatever budgets there are for those who type.

        A question about the same document supersedes it: who types on has gone on.

        Args:
            ask: the document as it is to be seen, and the place.
            max_tokens: most tokens.
            max_lines: most lines.
            on_part: gets what there is whenever a line is whole; a later part, or the answer, may say otherwise.

        Raises:
            TabbyError: the engine cannot serve.
            asyncio.CancelledError: the caller gave up; the work ends.
        """
        settings = replace(
            self._settings(),
            max_tokens=max_tokens,
            max_lines=max_lines,
            candidates=1,
            deadline_ms=LONGEST_MS,
        )
        watch, asked = Stopwatch(), replace(ask, trigger=Trigger.INVOKED)
        if reason := self._refusal(asked):
            return Answer((), reason, timings=watch.timings)
        self._ahead.stop()
        flights = Flights(self._engine, self._prompts, Reuse(), lambda: settings, lambda *_: None, None)
        flight = flights.launch(self._case(asked, settings), watch)
        self._writing.add(ask.snapshot.uri)
        if on_part is not None:
            flight.on_lines = lambda lines: [on_part(part) for part in part_of(flight, lines)]
        try:
            await flight.wait(None)
        finally:
            self._writing.discard(ask.snapshot.uri)
            flights.stop()
        return flight.answer or Answer((), "superseded")

    def _refusal(self, ask: Ask) -> str:
        """Why nothing is asked; empty where something is."""
        reason = trigger.refusal(ask, self._settings())
        return reason or ("secret" if self._far and self._context.is_secret(ask.snapshot) else "")

    def _case(self, ask: Ask, settings: CompletionSettings | None = None) -> Case:
        @functools.cache  # a case is copied on its way, and a copy looks again
        def look() -> Scope:
            return scope_at(ask.snapshot, ask.position, self._trees.soon(ask.snapshot, case.parse_s))

        case = case_for(ask, look, settings or self._settings(), ())
        return case

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
        after, cursor = accepted(ask.snapshot, Suggestion(ask.selected, start, ask.position))
        answer = await self.complete(Ask(after, cursor, ask.trigger))
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
            idle = not self._flights.is_up(snapshot.uri) and snapshot.uri not in self._writing
            if shown and idle and not self._ahead.follows:
                self._ahead.touched(snapshot, case.position, partial(self._prefetch.follow, snapshot, shown[0]))
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

    # ---- ahead of the user ----------------------------------------------------------------------------------------

    def _landed(self, case: Case, suggestions: tuple[Suggestion, ...]) -> None:
        """Somebody's question is answered: what is next?"""
        shown = self._likely(suggestions)
        first = partial(self._prefetch.follow, case.snapshot, shown[0]) if shown else None
        self._ahead.touched(case.snapshot, case.position, first)
