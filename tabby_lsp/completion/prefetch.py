"""What would follow if the suggestion that is shown were accepted: asked in idle time, and found when it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tabby_lsp.completion import prompt, trigger
from tabby_lsp.completion.case import OPENERS, Case, space_before
from tabby_lsp.completion.flights import Flights
from tabby_lsp.completion.stopwatch import Stopwatch
from tabby_lsp.completion.suggestions import accepted
from tabby_lsp.completion.types import Ask, Suggestion
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.types import Priority

UNTIL_SENT = 4
"""Turns of the event loop in which an answer reaches the client: its task wakes, ends, and its end is told. What is
prepared behind it is some milliseconds of reading, for which the answer must not wait."""


class Prefetch:
    """Asks ahead of the user.

    Args:
        flights: begins what is asked.
        settings: of completion.
        case_of: what is known of a cursor.
        along: suggestions that are known for it already.
    """

    def __init__(
        self,
        flights: Flights,
        settings: Callable[[], CompletionSettings],
        case_of: Callable[[Ask], Case],
        along: Callable[[Case], tuple[Suggestion, ...]],
    ) -> None:
        self._flights = flights
        self._settings = settings
        self._case_of = case_of
        self._along = along

    async def follow(self, snapshot: Snapshot, suggestion: Suggestion) -> None:
        """Ask what comes behind a suggestion, and behind the end of its line where nothing comes in that.

        Args:
            snapshot: the document for which it is shown.
            suggestion: what is shown.
        """
        for _ in range(UNTIL_SENT):
            await asyncio.sleep(0)
        if not self._settings().prefetch or self._flights.is_up(snapshot.uri):
            return
        after, cursor = accepted(snapshot, suggestion)
        followed = await self._ask(after, cursor, suggestion.text)
        if not followed and not after.line_text(cursor.line)[cursor.column :].strip():
            # a line is whole: the next key is its end, and the editor indents
            line = after.line_text(cursor.line)
            step = self._case_of(Ask(after, cursor)).indent_unit if line.rstrip().endswith(OPENERS) else ""
            broken = after.newline + space_before(line) + step
            await self._ask(*accepted(after, Suggestion(broken, cursor, cursor)), suggestion.text + broken)

    async def _ask(self, snapshot: Snapshot, cursor: Position, beyond: str) -> bool:
        """Write what follows at a place where the user is not yet.

        Args:
            snapshot: the document as it would be.
            cursor: where the user would be.
            beyond: what is in it beyond the document as it is.

        Returns:
            Whether there is something to suggest.
        """
        ask = Ask(snapshot, cursor)
        case = self._case_of(ask)
        if trigger.refusal(ask, self._settings()):
            return False
        if self._along(case):
            return True
        launched = self._flights.launch(case, Stopwatch(), Priority.IDLE)
        launched.accepted = prompt.unix(beyond)
        await launched.wait(None)
        return bool(launched.answer and launched.answer.suggestions)
