"""From a question to an answer, as one line of stages, each timed.

    refuse → typed along? → window → prompt → model → post-process → keep

It runs on the event loop and never blocks it for longer than a parse; the model works on the engine's own thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from tabby_lsp.completion import postprocess, prompt, stop, trigger
from tabby_lsp.completion.case import Case, case_for
from tabby_lsp.completion.families import Family, family_of
from tabby_lsp.completion.reuse import Reuse
from tabby_lsp.completion.types import Answer, Ask, Suggestion, Trigger
from tabby_lsp.completion.window import Budget, Windows
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Change, PositionEncoding
from tabby_lsp.engine.types import Cancelled, Candidate, Engine, ModelInfo, Request, Result, mean_logprob
from tabby_lsp.syntax.scope import scope_at
from tabby_lsp.syntax.trees import Trees

ONE_LINE_TOKENS = 48
"""Most tokens where one line is wanted: 120 columns of code are some 40 tokens."""


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
    """

    def __init__(self, engine: Engine, settings: Callable[[], CompletionSettings]) -> None:
        self._engine = engine
        self._settings = settings
        self._trees = Trees()
        self._windows = Windows(self._trees)
        self._reuse = Reuse()
        self._family: tuple[ModelInfo, Family] | None = None

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._trees.forget(uri)
        self._windows.forget(uri)
        self._reuse.forget(uri)

    async def complete(self, ask: Ask) -> Answer:
        """Answer a question.

        Args:
            ask: the document, the cursor, and who asked.

        Raises:
            TabbyError: the engine cannot serve; its message is for a person.
            asyncio.CancelledError: the caller gave up; the engine has been told.
        """
        if ask.selected:
            return await self._complete_selected(ask)
        watch, settings = Stopwatch(), self._settings()
        with watch.stage("syntax"):
            scope = scope_at(ask.snapshot, ask.position, self._trees.tree(ask.snapshot))
        if reason := trigger.refusal(ask, scope, settings):
            return Answer((), reason, timings=watch.timings)
        with watch.stage("reuse"):
            case = case_for(ask, scope, settings, ())
            if ask.trigger is Trigger.TYPING and (along := self._along(case)):
                return Answer(along, "typed-along", timings=watch.timings)
        with watch.stage("load"):
            info = await asyncio.wrap_future(self._engine.ready())
            family = self._family_of(info)
        with watch.stage("window"):
            budget = _budget(settings, family, info.context)
            window = self._windows.around(ask.snapshot, ask.position, budget, self._engine.tokenizer)
            case = case_for(ask, scope, settings, family.markers)
            built = prompt.build(window, family, case.lead)
        with watch.stage("model"):
            request = Request(
                key=ask.snapshot.uri,
                prompt=built,
                max_tokens=settings.max_tokens if case.multiline else min(settings.max_tokens, ONE_LINE_TOKENS),
                candidates=settings.candidates if case.invoked else 1,
                temperature=settings.temperature,
                sampler=settings.sampler,
                stop=stop.rule_for(case),
                stop_markers=family.stop,
                deadline=time.monotonic() + settings.deadline_ms / 1e3,
            )
            try:
                result = await self._generate(request)
            except Cancelled:
                return Answer((), "superseded", timings=watch.timings, prompt=prompt.show(built))
        with watch.stage("postprocess"):
            suggestions, reason = _suggestions(result.candidates, case)
        if suggestions:
            self._reuse.keep(ask.snapshot, ask.position, suggestions)
        return Answer(
            suggestions,
            reason,
            counters=result.counters,
            timings={**watch.timings, **result.timings},
            finish=result.candidates[0].finish,
            raw=tuple(candidate.text for candidate in result.candidates),
            prompt=prompt.show(built),
        )

    async def _complete_selected(self, ask: Ask) -> Answer:
        """Answer as if the entry that is selected in the editor's menu had been accepted."""
        start = ask.selected_start or ask.position
        utf32 = PositionEncoding.UTF32
        change = Change(ask.selected, (start.line, start.column), (ask.position.line, ask.position.column))
        accepted = ask.snapshot.apply([change], ask.snapshot.version, utf32)
        cursor = accepted.position(ask.snapshot.offset(start) + len(ask.selected))
        answer = await self.complete(Ask(accepted, cursor, ask.trigger))
        extended = tuple(
            replace(s, text=ask.selected + s.text, start=start, end=ask.position) for s in answer.suggestions
        )
        return replace(answer, suggestions=extended)

    async def _generate(self, request: Request) -> Result:
        ticket = self._engine.submit(request)
        try:
            return await asyncio.wrap_future(ticket.future)
        except asyncio.CancelledError:
            ticket.cancel()
            raise

    def _along(self, case: Case) -> tuple[Suggestion, ...]:
        kept: list[Suggestion] = []
        for suggestion in self._reuse.along(case.snapshot, case.position):
            try:
                text = postprocess.postprocess(suggestion.text, case, postprocess.TYPED_ALONG)
            except postprocess.Rejected:
                continue
            kept.append(replace(suggestion, text=text))
        return tuple(kept)

    def _family_of(self, info: ModelInfo) -> Family:
        if self._family is None or self._family[0] is not info:
            self._family = info, family_of(info, self._engine.tokenizer)
        return self._family[1]


def _budget(settings: CompletionSettings, family: Family, context: int) -> Budget:
    """The configured budgets, cut to what the context holds beside what is generated."""
    room = context - settings.max_tokens * settings.candidates - 64
    prefix = max(16, min(settings.prefix_tokens, room * 3 // 4))
    suffix = max(0, min(settings.suffix_tokens, room - prefix)) if family.fills else 0
    return Budget(prefix, suffix, family.tail)


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
        shown.setdefault(text, Suggestion(text, case.position, case.position, mean_logprob(candidate.logprobs)))
    return tuple(shown.values()), "shown" if shown else reasons[0]
