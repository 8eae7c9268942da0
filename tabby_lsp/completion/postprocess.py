"""From what the model wrote to what is shown: small named transforms, one after the other.

A transform gets the text (lines end in a line feed) and the case, and returns the text that is left; it raises
`Rejected` with a reason where nothing can be shown. The order is the table's at the end. All of them are pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tabby_lsp.completion.case import OPENERS, Case, space_before
from tabby_lsp.completion.overlap import (
    DISTINCT,
    before_lines_below,
    before_rest_of_line,
    up_to_closer,
    without_surplus_closers,
)
from tabby_lsp.engine.types import Finish
from tabby_lsp.syntax.truncate import end_of_scope

STATEMENT_ENDS = (")", "]", "}", '"', "'", ";")
"""Ends of lines that do not go on, beside letters and digits."""
LOOP = re.compile(r"(.{1,24}?)\1{7,}", re.DOTALL)
"""The same few characters eight times: a loop, in code as in prose; runs of one separator are excepted below."""
TEMPLATE_MARKER = re.compile(r"<\|[a-z_▁]+\|>|<｜[^｜\n]{1,30}｜>|<(?:fim|file|repo)_[a-z]+>")
"""Marker texts of the known families, written out letter by letter by a model that was confused."""


class Rejected(Exception):
    """Nothing can be shown; the argument is the reason's name."""


def without_markers(text: str, case: Case) -> str:
    """Ends at the first marker text, of this family or another."""
    ends = [at for marker in case.markers if (at := text.find(marker)) >= 0]
    if found := TEMPLATE_MARKER.search(text):
        ends.append(found.start())
    return text[: min(ends)] if ends else text


def without_carriage_returns(text: str, case: Case) -> str:
    """Lines end in a line feed until the file's own ending is put back."""
    del case
    return text.replace("\r\n", "\n").replace("\r", "\n")


def without_typed_again(text: str, case: Case) -> str:
    """The model began the line anew: what is typed already goes."""
    typed = case.line_before.strip()
    if len(typed) < DISTINCT:
        return text
    body = text.lstrip(" \t")
    return body[len(typed) :] if body.startswith(typed) and len(body) > len(typed) else text


def without_blank_start(text: str, case: Case) -> str:
    """On a blank line no further blank lines come first: the code begins where the cursor is."""
    if case.line_before.strip():
        return text
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    # the first line is written after the cursor, a later one from the margin on
    begun = first > 0 and lines[first].startswith(case.line_before)
    if begun and case.lead and not lines[first].startswith(case.line_before + case.lead):
        raise Rejected("outside-block")
    return "\n".join([lines[first][len(case.line_before) :], *lines[first + 1 :]]) if begun else text


def not_too_deep(text: str, case: Case) -> str:
    """The first line of a block is one step in, and the next one in it no deeper than the one above."""
    above = case.above.rstrip()
    if (
        case.line_before.strip()
        or case.scope.in_string
        or not above
        or not (above.endswith((*OPENERS, *STATEMENT_ENDS)) or above[-1].isalnum())
    ):
        return text
    allowed = space_before(above) + (case.indent_unit if above.endswith(OPENERS) else "")
    first, *others = text.split("\n")
    surplus = len(space_before(case.line_before + first)) - max(len(allowed), len(case.line_before))
    if surplus <= 0 or not first.strip():
        return text
    return "\n".join([first[surplus:], *(line[surplus:] if not line[:surplus].strip() else line for line in others)])


def within_lines(text: str, case: Case) -> str:
    """One line, or the allowed number of them."""
    if case.multiline:
        return "\n".join(text.split("\n")[: case.max_lines])
    if case.line_before.strip():
        return text.split("\n", 1)[0]
    lead = len(text) - len(text.lstrip("\n"))
    return text[:lead] + text[lead:].split("\n", 1)[0]


def within_scope(text: str, case: Case) -> str:
    """Ends where the block around the cursor ends."""
    return text[: end_of_scope(case.snapshot, case.position, text, case.parse_s)]


def without_repetition(text: str, case: Case) -> str:
    """Ends where lines, blocks of lines or a few characters begin to repeat."""
    found = LOOP.search(text)
    if found and found[1].strip(" \t\n-=#*_./~"):
        text = text[: found.start() + len(found[1])]
    lines = text.split("\n")
    for size in range(1, len(lines) // 2 + 1):
        needed = 3 if size == 1 else 2
        for start in range(len(lines) - size * needed + 1):
            block = lines[start : start + size]
            if not "".join(block).strip():
                continue
            if all(lines[start + size * n : start + size * (n + 1)] == block for n in range(1, needed)):
                return "\n".join(lines[: start + size])
    if len(lines) > 1 and _repeats_above(lines, case):
        raise Rejected("repetition")
    return text


def _repeats_above(lines: list[str], case: Case) -> bool:
    """Whether all of it is a copy of the lines directly above the cursor."""
    wanted = [line.strip() for line in lines if line.strip()]
    above = [line.strip() for line in case.preceding if line.strip()]
    return len(wanted) > 1 and above[-len(wanted) :] == wanted


def trimmed(text: str, case: Case) -> str:
    """No white space at the end; a line break only where code follows on the cursor's own line."""
    if case.rest.strip() and not case.line_before.strip() and text.strip():
        return text.rstrip() + "\n" + case.line_before
    return text.rstrip()


def worth_showing(text: str, case: Case) -> str:
    """Something must be left, and it must be new."""
    if not text.strip():
        raise Rejected("blank")
    if not case.invoked and len(text.strip()) < 2 and text.strip().isalnum():
        raise Rejected("too-short")
    if text.strip() == case.rest.strip():
        raise Rejected("already-there")
    below = [line.strip() for line in case.following if line.strip()]
    new = [line.strip() for line in (case.line_before + text).split("\n") if line.strip()]
    if len("".join(new)) >= DISTINCT and new == below[: len(new)]:
        raise Rejected("already-there")
    return text


def indented_like_file(text: str, case: Case) -> str:
    """Lines after the first are indented with what the file indents with."""
    lines = text.split("\n")
    unit = case.indent_unit if len(lines) > 1 else ""
    if not unit:
        return text
    return "\n".join([lines[0], *(_reindented(line, unit) for line in lines[1:])])


def _reindented(line: str, unit: str) -> str:
    body = line.lstrip(" \t")
    indent = line[: len(line) - len(body)]
    if unit == "\t":
        return indent.replace("    ", "\t") + body if " " in indent else line
    return indent.replace("\t", unit) + body if "\t" in indent else line


def with_file_endings(text: str, case: Case) -> str:
    """Line breaks as the file has them."""
    return text.replace("\n", case.snapshot.newline) if case.snapshot.newline != "\n" else text


Transform = Callable[[str, Case], str]

TRANSFORMS: tuple[Transform, ...] = (
    without_carriage_returns,
    without_markers,
    without_typed_again,
    without_blank_start,
    not_too_deep,
    within_lines,
    before_lines_below,
    before_rest_of_line,
    up_to_closer,
    without_repetition,
    within_scope,
    without_surplus_closers,
    trimmed,
    worth_showing,
    indented_like_file,
    with_file_endings,
)
"""Applied in this order."""

TYPED_ALONG: tuple[Transform, ...] = (
    without_carriage_returns,
    without_surplus_closers,
    worth_showing,
    with_file_endings,
)
"""What a suggestion needs again when it is shown at a later cursor: brackets may have been closed meanwhile."""


def whole_lines(text: str, finish: Finish) -> str:
    """What was not written to its end is cut after its last whole line.

    Raises:
        Rejected: time ran out within the first line; half an expression is of no use seconds later.
    """
    if finish not in (Finish.DEADLINE, Finish.LENGTH):
        return text
    whole = text.rpartition("\n")[0]
    if whole.strip():
        return whole
    if finish is Finish.DEADLINE:
        raise Rejected("deadline")
    return text


def postprocess(text: str, case: Case, transforms: tuple[Transform, ...] = TRANSFORMS) -> str:
    """Apply transforms in order.

    Raises:
        Rejected: with the reason's name.
    """
    for transform in transforms:
        text = transform(text, case)
    return text
