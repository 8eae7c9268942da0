"""Where a suggestion meets the code that is there already: each transform ends it before it repeats something.

The rest of the cursor's line, the lines below, and brackets and quotes that are closed behind the cursor. Like all
transforms these are pure; their order is `postprocess.TRANSFORMS`.
"""

from __future__ import annotations

import difflib
import re

from tabby_lsp.completion.case import Case
from tabby_lsp.syntax.cut import window_start
from tabby_lsp.syntax.surplus import surplus_closers

DISTINCT = 4
"""Characters that a single line must have to count as a repetition of existing code: `}` and `else` are everywhere."""
ALIKE = 0.9
"""Similarity (difflib's ratio on squeezed text) from which on two lines are the same line."""
ALIKE_LENGTH = 12
"""Characters below which similarity says little: `x = 1` and `y = 1` are 80 % alike."""
LINES_ABOVE = 100
"""Lines in which the partner of a bracket behind the cursor is looked for. Above line 1,770 of a file all of them cost
12 ms at each key, and twice that while the model had both cores; these cost 1 ms."""
PAIRS = {")": "(", "]": "[", "}": "{"}
QUOTES = ("'", '"', "`")


def before_rest_of_line(text: str, case: Case) -> str:
    """Does not repeat what stands after the cursor on its line."""
    rest = case.rest.strip()
    if not rest or not case.line_before:
        return text
    first, newline, others = text.partition("\n")
    at = first.find(rest) if len(rest) >= DISTINCT else -1
    if at >= 0:
        return first[:at].rstrip() if case.rest[0].isspace() else first[:at]
    for size in range(min(len(rest), len(first)), DISTINCT - 1, -1):
        if first.endswith(rest[:size]):
            return first[:-size]
    return first + newline + others


def up_to_closer(text: str, case: Case) -> str:
    """Ends before the bracket or quote that stands after the cursor already, where the first line would close it too.

    What closes after that would stand before it: `${name} and more}` for `${█}`.
    """
    closer = _first_closer(case.rest) if case.line_before else ""
    first = text.split("\n", 1)[0]
    if closer in QUOTES and closer:
        return text[: first.find(closer)] if case.scope.in_string and closer in first else text
    opener = PAIRS.get(closer)
    depth = 0
    for at, character in enumerate(first if opener else ""):
        depth += (character == opener) - (character == closer)
        if depth < 0:
            return text[:at]
    return text


def _first_closer(rest: str) -> str:
    """The first bracket of a rest of line that closes what was opened before it, or the quote that it begins with."""
    depth = 0
    for at, character in enumerate(rest.lstrip()):
        if character in PAIRS.values():
            depth += 1
        elif character in PAIRS:
            depth -= 1
        if depth < 0 or (at == 0 and character in QUOTES):
            return character
    return ""


def before_lines_below(text: str, case: Case) -> str:
    """Ends before the first line that is, exactly or nearly, the next line below the cursor."""
    below = [line.strip() for line in case.following if line.strip()]
    if not below:
        return text
    lines = text.split("\n")
    for i, line in enumerate(lines):
        whole = (case.line_before + line if i == 0 else line).strip()
        if not whole or (i == 0 and case.line_before.strip()):
            continue
        if _same(whole, below[0]) and _goes_on(lines[i:], below):
            return "\n".join(lines[:i])
    return text


def _goes_on(lines: list[str], below: list[str]) -> bool:
    """Whether lines are really the ones below: a line that could be anywhere needs its neighbour to agree."""
    if len(below[0]) >= DISTINCT and below[0].rstrip(":{").strip() not in ("else", "try", "finally", "do"):
        return True
    rest = [line.strip() for line in lines if line.strip()]
    return rest == below[: len(rest)]


def _same(a: str, b: str) -> bool:
    a, b = re.sub(r"\s+", "", a), re.sub(r"\s+", "", b)
    if a == b:
        return True
    if min(len(a), len(b)) < ALIKE_LENGTH or abs(len(a) - len(b)) > max(len(a), len(b)) * (1 - ALIKE) * 2:
        return False
    if re.findall(r"\d+", a) != re.findall(r"\d+", b):  # `x1 = f(1)` after `x2 = f(2)` is new code
        return False
    return difflib.SequenceMatcher(None, a, b, autojunk=False).ratio() > ALIKE


def without_surplus_closers(text: str, case: Case) -> str:
    """The brackets and quotes that stand after the cursor already are not written twice."""
    if not case.rest.strip():
        return text
    line = case.position.line
    first = window_start(case.snapshot, None, line - LINES_ABOVE, line)
    before = "".join(case.snapshot.lines[first:line]) + case.line_before
    surplus = surplus_closers(before, text, case.rest, case.snapshot.language)
    return text[: len(text) - surplus] if surplus else text
