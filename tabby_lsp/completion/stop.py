"""When enough has been written, asked after each token while the model writes.

Each rule looks at the text so far and says how much of it to keep, or None to go on. The rules only save time:
what is right is decided by post-processing, on the whole text.
"""

from __future__ import annotations

from collections.abc import Callable

from tabby_lsp.completion.case import Case, indentation

DISTINCT = 4
"""Characters that a line must have to be recognised as one of the lines below the cursor: `}` is everywhere."""
REPEATS = 3
"""Equal lines in a row that say the model is looping."""
BLOCKS = range(2, 9)
"""Lines of a block that says so when it comes a second time; post-processing would cut it there."""
ROUNDS, ROUND = 4, range(12, 81)
"""Times that the same characters come in a row, and how many characters, until a line is taken to have no end."""
LEAST_CIRCLE = 160
"""Characters that they must be in all: rows of equal values or types, such as `ctypes.c_void_p, `, have an end."""

Rule = Callable[[list[str], Case], int | None]
"""Complete lines of the text (the last element is still being written) → lines to keep, None to go on."""


def _one_line(lines: list[str], case: Case) -> int | None:
    if case.multiline or len(lines) < 2:
        return None
    if case.line_before.strip():
        return 1
    return next((i + 1 for i, line in enumerate(lines[:-1]) if line.strip()), None)


def _enough_lines(lines: list[str], case: Case) -> int | None:
    return case.max_lines if len(lines) > case.max_lines else None


def _met_suffix(lines: list[str], case: Case) -> int | None:
    below = case.next_line.strip()
    if len(below) < DISTINCT or len(lines) < 3:
        return None
    return len(lines) - 2 if lines[-2].strip() == below else None


def _fell_back(lines: list[str], case: Case) -> int | None:
    """A whole line indented less than the cursor's: the block is over."""
    if len(lines) < 3 or not case.indent:
        return None
    last = lines[-2]
    if not last.strip() or indentation(last) >= case.indent:
        return None
    closes = last.strip()[0] in ")]}" or last.strip().split()[0] in ("end", "fi", "done", "esac")
    return len(lines) - 1 if closes else len(lines) - 2


def _loops(lines: list[str], case: Case) -> int | None:
    del case
    whole = [line for line in lines[:-1] if line.strip()]
    if len(whole) >= REPEATS and len(set(whole[-REPEATS:])) == 1:
        return len(lines) - REPEATS
    written = lines[:-1]
    for size in BLOCKS:
        block = written[-size:]
        if len(written) >= 2 * size and block == written[-2 * size : -size] and "".join(block).strip():
            return len(written) - size
    return None


def _turns_in_circles(lines: list[str], case: Case) -> int | None:
    """The line that is being written says the same again and again: the ones before it are kept."""
    del case
    line = lines[-1]
    for size in ROUND:
        again, rounds = line[-size:], max(ROUNDS, -(-LEAST_CIRCLE // size))
        if line.endswith(again * rounds) and any(character.isalpha() for character in again):
            return len(lines) - 1
    return None


RULES: tuple[Rule, ...] = (_one_line, _enough_lines, _met_suffix, _fell_back, _loops, _turns_in_circles)


def rule_for(case: Case) -> Callable[[str], int | None]:
    """The stop rule of one question, for `engine.types.Request.stop`; its texts come after `case.lead`."""

    def enough(text: str) -> int | None:
        if "\n" not in text and len(text) < LEAST_CIRCLE:
            return None
        lines = (case.lead + text).split("\n")
        keep = next((k for rule in RULES if (k := rule(lines, case)) is not None), None)
        return None if keep is None else max(0, len("\n".join(lines[:keep])) - len(case.lead))

    return enough
