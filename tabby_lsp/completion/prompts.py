"""The prompts for one cursor: the whole one, and a quick one for as long as the whole one is not in the cache.

A cold prompt of 700 tokens is 3 s on two cores. The quick one is as long as the engine can read in the time that a
user may be made to wait; the whole one is evaluated in idle time, and takes over by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from tabby_lsp.completion import prompt
from tabby_lsp.completion.case import Case
from tabby_lsp.completion.context.forms import Beside, cost_of
from tabby_lsp.completion.context.gather import Context
from tabby_lsp.completion.context.shown import Shown
from tabby_lsp.completion.context.types import Block, Room
from tabby_lsp.completion.families import Family, family_of
from tabby_lsp.completion.window import FIRST_FILL, Budget, Window, Windows
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.types import Engine, Marker, ModelInfo, Prompt
from tabby_lsp.syntax.trees import Trees

FIRST_RATE = 200.0
"""Prompt tokens a second that are assumed before anything has been measured: two cores without a GPU."""
LEAST_QUICK, QUICK_STEP = 96, 32
"""Tokens of the shortest quick prompt, and the step in which it grows with the measured speed: it must not change with
each measurement, or nothing of it could be reused."""
AT_START = 8_000
"""Characters of a document that count as seen while nobody knows where the cursor is."""
QUICK_SUFFIX = 0.25
"""Part of a quick prompt that stands after the cursor."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """What the model may read for one cursor.

    Attributes:
        whole: everything that the budgets allow.
        quick: something shorter; None where the whole one is quick enough in any case.
        patience: tokens that may be evaluated before the quick one is read instead.
        family: their template.
    """

    whole: Prompt
    quick: Prompt | None
    patience: int
    family: Family


class PromptMaker:
    """Makes prompts, and keeps their windows where they are while the user types.

    Args:
        engine: its tokenizer counts, its measured speed decides how long a quick prompt is.
        trees: for the windows' borders.
        context: gathers what is shown of other files; None: nothing is.
    """

    def __init__(self, engine: Engine, trees: Trees, context: Context | None = None) -> None:
        self._engine = engine
        self.others = Shown(context or Context(None, trees))
        """What the prompts show of other files."""
        self._windows, self._quick = Windows(trees), Windows(trees)
        self._known: tuple[ModelInfo, Family] | None = None

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._windows.forget(uri)
        self._quick.forget(uri)
        self.others.forget(uri)

    def family(self, info: ModelInfo) -> Family:
        """The loaded model's template."""
        if self._known is not None and self._known[0] is info:
            return self._known[1]
        before, tokenizer, after = self._engine.info, self._engine.tokenizer, self._engine.info
        family = family_of(info, tokenizer)
        if before is info is after:  # else the vocabulary may be that of a model that serves in its place by now
            self._known = info, family
        return family

    # ---- other files -----------------------------------------------------------------------------------------------

    async def fresh(
        self, snapshot: Snapshot, position: Position | None, settings: CompletionSettings, info: ModelInfo
    ) -> Block | None:
        """What the prompts of a document should show of others; None where they do.

        Args:
            snapshot: the document.
            position: the cursor; None where nobody knows it.
            settings: of completion.
            info: of the model.
        """
        return await self.others.fresh(snapshot, position, partial(self._around, snapshot, position, settings, info))

    def waits_for_context(self, case: Case, settings: CompletionSettings, info: ModelInfo) -> bool:
        """Whether a question is held up until its context is gathered.

        Who asks by hand can wait for it, where nothing of other files is shown yet, or where nobody gathers it in idle
        time; and nobody waits for what is read in no time.
        """
        if case.invoked:
            return not settings.prepare or not self.others.block(case.snapshot.uri).snippets
        budget, patience = _budget(settings, self.family(info), info.context), self.patience(settings)
        return not patience or patience >= budget.prefix + budget.suffix + self.others.tokens

    async def gathered(self, case: Case, settings: CompletionSettings, info: ModelInfo) -> None:
        """Show a question what its context is by now; who types waits for a moment, and goes on with what there was."""
        around = partial(self._around, case.snapshot, case.position, settings, info)
        await self.others.gathered(case.snapshot, case.position, around, waits=case.invoked)

    def _around(
        self, snapshot: Snapshot, position: Position | None, settings: CompletionSettings, info: ModelInfo
    ) -> Room:
        """The room for other files, and what the window of a cursor shows already."""
        text = snapshot.text[:AT_START]
        if position is not None:
            budget = _budget(settings, self.family(info), info.context)
            window = self._windows.around(snapshot, position, budget, self._engine.tokenizer)
            text = window.head + window.tail + window.suffix
        return self._room(snapshot, settings, info, text)

    def _room(self, snapshot: Snapshot, settings: CompletionSettings, info: ModelInfo, window: str = "") -> Room:
        """What the context holds beside the document's own window."""
        family, tokenizer = self.family(info), self._engine.tokenizer
        budget = _budget(settings, family, info.context)
        tokens = min(self.others.tokens, _capacity(settings, info.context) - budget.prefix - budget.suffix)
        cost = partial(cost_of, language_id=snapshot.language, family=family, tokenizer=tokenizer)
        return Room(window, tokens, cost)

    def _beside(
        self, snapshot: Snapshot, settings: CompletionSettings, info: ModelInfo, block: Block | None = None
    ) -> Beside:
        """What the prompts of a document show of others: as much as the settings of this moment leave room for."""
        room = self._room(snapshot, settings, info)
        return self.others.beside(snapshot.uri, room, self.family(info), block)

    # ---- for a question --------------------------------------------------------------------------------------------

    def at(self, case: Case, settings: CompletionSettings, info: ModelInfo) -> Prompts:
        """The prompts for a cursor."""
        return self._made(case.snapshot, case.position, settings, info, case.lead, whole_only=case.invoked)

    def _made(
        self,
        snapshot: Snapshot,
        position: Position,
        settings: CompletionSettings,
        info: ModelInfo,
        lead: str = "",
        *,
        whole_only: bool = False,
        block: Block | None = None,
    ) -> Prompts:
        family, tokenizer = self.family(info), self._engine.tokenizer
        whole = _budget(settings, family, info.context)
        window = self._windows.around(snapshot, position, whole, tokenizer)
        built = prompt.build(window, family, lead, self._beside(snapshot, settings, info, block))
        patience = self.patience(settings)
        if whole_only or not patience or patience >= whole.prefix + whole.suffix:
            return Prompts(built, None, 0, family)
        suffix = int(patience * QUICK_SUFFIX) if family.fills else 0
        budget = Budget(
            min(whole.prefix, patience - suffix), min(whole.suffix, suffix), min(family.tail, patience // 2)
        )
        near = self._quick.around(snapshot, position, budget, tokenizer)
        return Prompts(built, prompt.build(near, family, lead), patience, family)

    def reading_s(self, tokens: int) -> float:
        """Seconds that evaluating so many tokens takes."""
        return tokens / (self._engine.prefill_rate or FIRST_RATE)

    def patience(self, settings: CompletionSettings) -> int:
        """Tokens that can be evaluated while a user waits for the first suggestion; 0: there is no limit."""
        tokens = int((self._engine.prefill_rate or FIRST_RATE) * settings.patience_ms / 1e3)
        return max(LEAST_QUICK, tokens // QUICK_STEP * QUICK_STEP) if settings.patience_ms else 0

    # ---- for idle time ----------------------------------------------------------------------------------------------

    def stable(
        self,
        snapshot: Snapshot,
        position: Position,
        settings: CompletionSettings,
        info: ModelInfo,
        block: Block | None = None,
    ) -> Prompts:
        """What the next questions about this place will begin with.

        Args:
            snapshot: the document.
            position: the cursor.
            settings: of completion.
            info: of the model.
            block: what it is to show of others, in place of what it does; None: that.
        """
        return self._made(snapshot, position, settings, info, block=block)

    def renewed(
        self, snapshot: Snapshot, position: Position, settings: CompletionSettings, info: ModelInfo
    ) -> tuple[Prompt, Window] | None:
        """The same with the anchor moved up to the cursor, where the old one will soon be too far behind."""
        family = self.family(info)
        budget = _budget(settings, family, info.context)
        window = self._windows.renewed(snapshot, position, budget, self._engine.tokenizer)
        if window is None:
            return None
        return prompt.build(window, family, beside=self._beside(snapshot, settings, info)), window

    def adopt(self, uri: str, window: Window) -> None:
        """A renewed window is in the cache: from now on it is the one that is continued."""
        self._windows.adopt(uri, window)

    def beginning(
        self, snapshot: Snapshot, settings: CompletionSettings, info: ModelInfo, block: Block | None = None
    ) -> Prompt | None:
        """What a prompt anywhere in a document begins with: what is shown of others, and all of it where it is short.

        Args:
            snapshot: the document.
            settings: of completion.
            info: of the model.
            block: what it is to show of others, in place of what it does; None: that.

        Returns:
            None where that is nothing.
        """
        family = self.family(info)
        if not family.tail or family.order != "prefix-suffix":
            return None
        shown, text = self._beside(snapshot, settings, info, block), ""
        if len(snapshot.text) <= settings.prefix_tokens * 8:
            is_short = self._engine.tokenizer.count(snapshot.text) <= settings.prefix_tokens * FIRST_FILL
            text = prompt.unix(snapshot.text) if is_short else ""
        pieces = (*shown.ahead, Marker(family.prefix), shown.above + text)
        return Prompt(pieces) if shown.above or shown.ahead or text else None


def _budget(settings: CompletionSettings, family: Family, context: int) -> Budget:
    """The configured budgets, cut to what the context holds beside what is generated."""
    room = _capacity(settings, context)
    prefix = max(16, min(settings.prefix_tokens, room * 3 // 4))
    suffix = max(0, min(settings.suffix_tokens, room - prefix)) if family.fills else 0
    return Budget(prefix, suffix, family.tail)


def _capacity(settings: CompletionSettings, context: int) -> int:
    """Tokens that the context holds beside what is generated."""
    return context - settings.max_tokens * settings.candidates - 64
