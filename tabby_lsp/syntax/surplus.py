"""Closing brackets and quotes that a suggestion repeats although the text behind the cursor has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabby_lsp.syntax.languages import language
from tabby_lsp.syntax.lexical import stretches
from tabby_lsp.syntax.reading import Reading

if TYPE_CHECKING:
    from tabby_lsp.syntax.languages import Language

_TRAILING = re.compile(r"[)\]}\"'`;,>]*$")
_QUOTES = ('"', "'", "`")


def surplus_closers(before: str, completion: str, after: str, language_id: str) -> int:
    """How many characters at the end of a completion the text behind the cursor already has.

    Closing brackets, quotes and punctuation that end the completion and also begin `after` (editors insert pairs)
    are surplus if leaving them out of the completion balances the text.

    Args:
        before: text before the cursor, its line at least.
        completion: the model's text.
        after: text behind the cursor, the rest of its line at least.
        language_id: the protocol's id.
    """
    present = after.lstrip(" \t")
    trailing = _TRAILING.search(completion)
    longest = min(len(trailing.group()) if trailing else 0, len(present))
    sizes = [0, *(size for size in range(1, longest + 1) if completion.endswith(present[:size]))]
    if len(sizes) == 1:
        return 0
    row = language(language_id)
    return min(sizes, key=lambda size: (_imbalance(row, before + completion[: len(completion) - size] + after), size))


def _imbalance(row: Language, text: str) -> int:
    """How many brackets and quotes of a text have no partner."""
    literals = stretches(row, text)
    flags = bytearray(len(text))
    open_quotes = 0
    for stretch in literals:
        flags[stretch.start : stretch.end] = b"\1" * (stretch.end - stretch.start)
        body = text[stretch.start : stretch.end]
        open_quotes += not stretch.form.comment and (len(body) < 2 or not body.endswith(_QUOTES))
    closers, openers = Reading(text, bytes(flags), "()[]{}").unmatched(0, len(text))
    return len(closers) + len(openers) + open_quotes
