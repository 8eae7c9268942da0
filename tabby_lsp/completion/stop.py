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
    if len(whole) < REPEATS or len(set(whole[-REPEATS:])) > 1:
        return None
    return len(lines) - REPEATS


RULES: tuple[Rule, ...] = (_one_line, _enough_lines, _met_suffix, _fell_back, _loops)


def rule_for(case: Case) -> Callable[[str], int | None]:
    """The stop rule of one question, for `engine.types.Request.stop`; its texts come after `case.lead`."""

    def enough(text: str) -> int | None:
        if "\n" not in text:
            return None
        lines = (case.lead + text).split("\n")
        keep = next((k for rule in RULES if (k := rule(lines, case)) is not None), None)
        return None if keep is None else max(0, len("\n".join(lines[:keep])) - len(case.lead))

    return enough
