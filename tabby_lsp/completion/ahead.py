"""Work for questions that have not been asked yet, in idle time; whoever asks goes first and loses nothing by it.

- A suggestion is shown: what would follow it is generated, as if it had been accepted.
- A document is changed: its prompt is evaluated around the change.
- One is opened: what it shows of other files is evaluated, and a short one's text, with which any prompt in it begins.
- The anchor is far behind: the window is laid out anew and evaluated, then swapped in.
- The cursor needs other files than the prompt shows: where they cost little more, because what they say is in the cache
  and the rest is to be read anyway, it shows them from the start; else they are evaluated beside it, then swapped in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from tabby_lsp.completion.context.types import Block
from tabby_lsp.completion.prompts import PromptMaker, Prompts
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.types import Cancelled, Engine, ModelInfo, Priority, Prompt, Request, Result
from tabby_lsp.errors import TabbyError

logger = logging.getLogger(__name__)

REST_S = 0.06
"""Seconds without a question after which it is idle time."""
QUIET_S = 0.7
"""Seconds after all else is ready until a prompt is read anew for the sake of other files."""
A_WHILE = 4
"""Times that the whole prompt must be longer to read than the quick one for the quick one to be read first."""
LITTLE_MORE = 128
"""Tokens more that a prompt with other files may cost to be read in place of the one without."""
LOOK_S = 0.3
"""Seconds that reading waits for an index that is busy; what it says later is evaluated beside."""
Work = Callable[[], Coroutine[Any, Any, None]]
RENEWED, BESIDE = "\0renewed", "\0beside"
"""What a key has at its end for the sequence of a window that is not in use yet, and of one with other files."""


class Ahead:
    """One piece of idle work at a time: the one for what the user did last.

    Args:
        engine: evaluates at `Priority.IDLE`.
        prompts: says what will be needed.
        settings: of completion.
    """

    def __init__(self, engine: Engine, prompts: PromptMaker, settings: Callable[[], CompletionSettings]) -> None:
        self._engine = engine
        self._prompts = prompts
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self._at_leisure = self._has_first = False
        self.place: tuple[str, int] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being done that the next keys will need."""
        return self._task is not None and not self._task.done() and not self._at_leisure

    @property
    def follows(self) -> bool:
        """Whether it began with what comes before the prompt: what follows a suggestion is being written, or was."""
        return self.busy and self._has_first

    def stop(self) -> None:
        """Somebody asks."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def forget(self, uri: str) -> None:
        """A document was closed."""
        if self.place and self.place[0] == uri:
            self.stop()

    def opened(self, snapshot: Snapshot) -> None:
        """A document was opened, and nobody knows where the cursor is."""
        if self._settings().prepare:
            self._begin(snapshot.uri, -1, partial(self._beginning, snapshot))

    def touched(self, snapshot: Snapshot, position: Position, first: Work | None = None) -> None:
        """The cursor is somewhere, after a change or an answer.

        Args:
            snapshot: the document.
            position: the cursor.
            first: what is done before the prompt is prepared.
        """
        self._begin(snapshot.uri, position.line, partial(self._around, snapshot, position, first))
        self._has_first = first is not None

    def _begin(self, uri: str, line: int, work: Work) -> None:
        self.stop()
        self._at_leisure = self._has_first = False
        self.place = uri, line
        self._task = asyncio.get_running_loop().create_task(_quietly(work))

    async def _around(self, snapshot: Snapshot, position: Position, first: Work | None) -> None:
        if first is not None:
            await first()
        settings = self._settings()
        if not settings.prepare or not self._loaded():
            return
        await asyncio.sleep(REST_S)
        uri, info = snapshot.uri, self._engine.info
        with _going_on():
            await self._own(snapshot, position, settings, info)
        await self._quiet()
        if block := await self._prompts.fresh(snapshot, position, settings, info):
            own, beside = (self._prompts.stable(snapshot, position, settings, info, of) for of in (None, block))
            await self._beside(uri, own, beside)
            self._prompts.others.show(uri, block)

    async def _own(self, snapshot: Snapshot, position: Position, settings: CompletionSettings, info: ModelInfo) -> None:
        """Evaluate a document around a place, with what is shown of other files by now."""
        uri, made = snapshot.uri, self._prompts.stable(snapshot, position, settings, info)
        # the quick one first, where the whole one will take a while: the user may be back before that
        done = await self._evaluate(uri, made.whole, made.quick, made.patience * A_WHILE)
        if done.quick:
            await self._whole(snapshot, position, settings, info, made, done.missing)
        if renewed := self._prompts.renewed(snapshot, position, settings, info):
            prompt, window = renewed
            await self._evaluate(uri + RENEWED, prompt)
            self._prompts.adopt(uri, window)

    async def _beside(self, uri: str, own: Prompts, beside: Prompts) -> None:
        """Evaluate a prompt with other files, where it is long only after a rest that is as long as reading it.

        Who has rested that long may well rest that long again; in shorter pauses it would be begun each time, and
        hardly ever be of use. The document's own prompt is in the cache: read in place of a long one, it costs nothing.
        """
        instead = own.whole if beside.quick else None
        done = await self._evaluate(uri + BESIDE, beside.whole, instead, beside.patience)
        if done.quick:
            await asyncio.sleep(self._prompts.reading_s(done.missing))
            await self._evaluate(uri + BESIDE, beside.whole)

    async def _beginning(self, snapshot: Snapshot) -> None:
        await asyncio.sleep(REST_S)
        if not self._loaded():
            return
        info, settings = self._engine.info, self._settings()
        block = await self._look(snapshot, None, settings, info)
        if prompt := self._prompts.beginning(snapshot, settings, info, block):
            with _going_on():
                await self._evaluate(snapshot.uri, prompt)
        if block:  # not before: whoever types meanwhile needs the document first
            self._prompts.others.show(snapshot.uri, block)

    async def _whole(
        self,
        snapshot: Snapshot,
        position: Position,
        settings: CompletionSettings,
        info: ModelInfo,
        made: Prompts,
        missing: int,
    ) -> None:
        """Evaluate the whole prompt, of which so many tokens are missing; with other files where they cost little more.

        The engine knows what they cost: it reads them, or else the quick prompt, which has just been read.
        """
        uri = snapshot.uri
        if block := await self._look(snapshot, position, settings, info):
            beside = self._prompts.stable(snapshot, position, settings, info, block).whole
            if not (await self._evaluate(uri, beside, made.quick, missing + LITTLE_MORE)).quick:
                self._prompts.others.show(uri, block)
                return
        await self._evaluate(uri, made.whole)

    async def _look(
        self, snapshot: Snapshot, position: Position | None, settings: CompletionSettings, info: ModelInfo
    ) -> Block | None:
        """What other files say beyond what is shown of them, where that is soon known."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                return await self._prompts.fresh(snapshot, position, settings, info)
        return None

    async def _quiet(self) -> None:
        """What comes now gives way to everything else."""
        self._at_leisure = True
        await asyncio.sleep(QUIET_S)

    async def _evaluate(self, key: str, prompt: Prompt, quick: Prompt | None = None, patience: int = 0) -> Result:
        request = Request(key=key, prompt=prompt, quick=quick, patience=patience, max_tokens=0, priority=Priority.IDLE)
        ticket = self._engine.submit(request)
        try:
            return await asyncio.wrap_future(ticket.future)
        except asyncio.CancelledError:
            ticket.cancel()
            raise

    def _loaded(self) -> bool:
        """Idle work does not bring a model back that has been unloaded for being idle."""
        try:
            return bool(self._engine.info)
        except TabbyError:
            return False


@contextmanager
def _going_on() -> Iterator[None]:
    """What cannot be evaluated does not keep what comes after it from being done: a smaller block may mend it."""
    try:
        yield
    except TabbyError as error:
        logger.debug("a prompt was not prepared: %s", error)


async def _quietly(work: Work) -> None:
    """Nobody waits for idle work, so nobody is told of its end."""
    try:
        await work()
    except (Cancelled, TabbyError) as end:
        logger.debug("idle work ended: %s", end)
    except Exception:
        logger.exception("idle work failed")
