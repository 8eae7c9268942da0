"""What a completion is asked with and what comes back."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.types import Counters


class Trigger(enum.StrEnum):
    """Who asked."""

    TYPING = "typing"
    INVOKED = "invoked"


@dataclass(frozen=True, slots=True)
class Ask:
    """A question for suggestions.

    Attributes:
        snapshot: the document as it was when the question arrived.
        position: the cursor.
        trigger: whether the user typed or asked by hand.
        selected: the text of the entry that is selected in the editor's own completion menu, which a suggestion
            must begin with; empty: none.
        selected_start: where that entry's text would begin.
    """

    snapshot: Snapshot
    position: Position
    trigger: Trigger = Trigger.TYPING
    selected: str = ""
    selected_start: Position | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Text for the buffer.

    Attributes:
        text: what is inserted, with the document's own line endings.
        start: where the replaced range begins; it ends at the cursor.
        end: the cursor.
        logprob: mean log-probability of its tokens, 0 where it came from the cache.
    """

    text: str
    start: Position
    end: Position
    logprob: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an `Ask`: suggestions, or the reason why there are none.

    Attributes:
        suggestions: best first; empty where there is nothing to show.
        reason: `shown`, `typed-along`, or the name of what said no.
        counters: tokens evaluated, reused and generated; all 0 where the model was not asked.
        timings: milliseconds by stage.
        finish: why the first candidate ended; empty where the model was not asked.
        raw: what the model wrote, before post-processing, best candidate first.
        prompt: what the model read, with its markers as text.
    """

    suggestions: tuple[Suggestion, ...]
    reason: str
    counters: Counters = field(default_factory=Counters)
    timings: dict[str, float] = field(default_factory=dict)
    finish: str = ""
    raw: tuple[str, ...] = ()
    prompt: str = ""
