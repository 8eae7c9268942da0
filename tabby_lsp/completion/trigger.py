"""Whether to ask the model at all; each "no" has a name.

What the user asks for by hand is answered wherever there is a document.
"""

from __future__ import annotations

from collections.abc import Callable

from tabby_lsp.completion.types import Ask, Trigger
from tabby_lsp.completion.window import CLOSERS
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.syntax.scope import word_follows

LONG_LINE = 1_000
"""Characters: a longer line is data or minified, and nothing useful is suggested in it."""
REST_OF_LINE = 8
"""Characters after the cursor, beyond closing ones, past which a suggestion in mid-line is mostly noise
(llama.vim's `max_line_suffix`)."""

Rule = Callable[[Ask, CompletionSettings], bool]


def _in_word(ask: Ask, settings: CompletionSettings) -> bool:
    del settings
    return word_follows(ask.snapshot, ask.position)


def _line_goes_on(ask: Ask, settings: CompletionSettings) -> bool:
    del settings
    rest = ask.snapshot.line_text(ask.position.line)[ask.position.column :]
    return len(rest.strip(CLOSERS)) > REST_OF_LINE


def _long_line(ask: Ask, settings: CompletionSettings) -> bool:
    del settings
    return len(ask.snapshot.line_text(ask.position.line)) > LONG_LINE


ALWAYS: dict[str, Rule] = {
    "disabled": lambda ask, settings: not settings.enabled,
    "language-disabled": lambda ask, settings: ask.snapshot.language in settings.disabled_languages,
    "long-document": lambda ask, settings: len(ask.snapshot.lines) > settings.max_document_lines,
}
"""Rules that hold for every question: name → whether it says no."""

TYPING: dict[str, Rule] = {
    "long-line": _long_line,
    "line-goes-on": _line_goes_on,
    "in-word": _in_word,
}
"""Rules that hold while the user types; by hand the same places are answered.

The last one is stricter than llama.vim's, and named only where that would ask: in front of a word, ghost text reads as
a part of it. A suggestion shown in part ends with a word and would grow together with the one behind the cursor,
and three letters or fewer of that are too little to find them repeated at its end.
"""


def refusal(ask: Ask, settings: CompletionSettings) -> str:
    """The name of the rule that says no; empty where the model is to be asked."""
    rules = {**ALWAYS, **(TYPING if ask.trigger is Trigger.TYPING else {})}
    return next((name for name, says_no in rules.items() if says_no(ask, settings)), "")


def never(snapshot: Snapshot, settings: CompletionSettings) -> bool:
    """Whether nothing is ever answered in a document, so that nothing needs to be prepared for it."""
    nowhere = Ask(snapshot, Position(0, 0))
    return any(says_no(nowhere, settings) for says_no in ALWAYS.values())
