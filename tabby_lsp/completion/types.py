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
class Odds:
    """The tokens of a text.

    Attributes:
        ends: where each one ends, in characters from the text's start.
        logprobs: natural logarithm of each one's probability.
    """

    ends: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()

    def after(self, characters: int) -> Odds:
        """The odds of what is left when so many characters are known to be right.

        A token of which a part is known counts as right: what spoke against it did so at its beginning.
        """
        first = next((i for i, end in enumerate(self.ends) if end > characters), len(self.ends))
        left = self.logprobs[first:]
        if left and characters > (self.ends[first - 1] if first else 0):
            left = (0.0, *left[1:])
        return Odds(tuple(end - characters for end in self.ends[first:]), left)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Text for the buffer.

    Attributes:
        text: what is inserted, with the document's own line endings.
        start: where the replaced range begins; it ends at the cursor.
        end: the cursor.
        logprob: mean log-probability of its tokens.
        odds: of its tokens, one by one; empty where nothing is known of them.
    """

    text: str
    start: Position
    end: Position
    logprob: float = 0.0
    odds: Odds = Odds()


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
