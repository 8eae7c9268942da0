"""How text is cut to the room that a prompt has: by whole lines, and what is left out is said."""

from __future__ import annotations

from collections.abc import Callable

from tabby_lsp.syntax.languages import language

Count = Callable[[str], int]
"""Tokens in a text."""

TAIL_SHARE = 3
"""Of the lines that are kept of a long text, one in so many is from its end."""


def whole_lines(text: str, tokens: int, count: Count) -> str:
    """The first lines of a text that have room; "" where not even the first has."""
    if count(text) <= tokens:
        return text
    lines = text.split("\n")
    return "\n".join(lines[: _most(len(lines), lambda number: count("\n".join(lines[:number])) <= tokens)])


def ends(text: str, tokens: int, count: Count, language_id: str) -> str:
    """The beginning and the end of a text, with a comment for what is left out between; "" where nothing has room.

    Args:
        text: lines of code.
        tokens: that it may have.
        count: how they are counted.
        language_id: of the comment.
    """
    if count(text) <= tokens:
        return text
    lines = text.split("\n")

    def shown(number: int) -> str:
        tail = number // TAIL_SHARE
        mark = f"{language(language_id).comment or '#'} ... {len(lines) - number} lines left out"
        return "\n".join([*lines[: number - tail], mark, *(lines[-tail:] if tail else [])])

    number = _most(len(lines) - 1, lambda number: count(shown(number)) <= tokens)
    return shown(number) if number else ""


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to a limit that fits, where a larger one never fits better; 0 where none does."""
    least, most = 0, limit
    while least < most:
        middle = (least + most + 1) // 2
        if fits(middle):
            least = middle
        else:
            most = middle - 1
    return least
