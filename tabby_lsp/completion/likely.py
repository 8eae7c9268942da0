"""How much of a suggestion is worth showing: as much as is likely to be what the user is about to write.

A suggestion is of use only if all of it is right, so of each part the expected gain is its length times the probability
of all its tokens, as the model itself gives them; the part with the greatest gain is shown. What follows is kept, and
shown when the user has typed or accepted that far: then it is likelier.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace

from tabby_lsp.completion.types import Odds, Suggestion

COST = 1
"""Characters that taking a suggestion costs: the key that takes it."""
LEAST_GAIN = 2.0
"""Characters that a suggestion must be expected to save, or it is noise."""
CAUTION = 3.0
"""What log-probabilities are multiplied by: a model is surer of its text than it is right. Decision 0009
has the rows that both numbers were chosen by: more is saved than before, with about as much that is wrong."""
FURTHER = 80
"""Characters that may still follow, where it is decided whether going on can pay: a line."""
_WORD_END = re.compile(r"\w$")
_WORD_START = re.compile(r"^\w")


def gains(odds: Odds) -> list[float]:
    """The expected gain of the text up to each token's end, in characters."""
    total, found = 0.0, []
    for end, logprob in zip(odds.ends, odds.logprobs, strict=True):
        total += logprob * CAUTION
        found.append((end - COST) * math.exp(total))
    return found


def likely(suggestion: Suggestion) -> Suggestion | None:
    """The part of a suggestion that is worth showing, cut between words; None: none of it is.

    A suggestion without odds is shown whole: nothing is known of it.
    """
    odds, text = suggestion.odds, suggestion.text
    if not odds.ends:
        return suggestion
    best = worth(text, odds)
    return replace(suggestion, text=text[:best].rstrip()) if best else None


def worth(text: str, odds: Odds) -> int:
    """How many characters of a text are worth showing; 0: none. Tokens may go on beyond its end."""
    within = replace(odds, ends=tuple(min(end, len(text)) for end in odds.ends))
    best, most = 0, LEAST_GAIN
    for end, gain in zip(within.ends, gains(within), strict=True):
        between = end >= len(text) or not (_WORD_END.search(text[:end]) and _WORD_START.search(text[end:]))
        if gain >= most and between and text[:end].strip():
            best, most = end, gain
    return best


def hopeless(odds: Odds) -> bool:
    """Whether writing on cannot pay: even with a whole line more, the gain would be less than what there is."""
    found = gains(odds)
    if not found:
        return False
    total = math.exp(sum(odds.logprobs) * CAUTION)
    return (odds.ends[-1] + FURTHER) * total < max(LEAST_GAIN, *found)
