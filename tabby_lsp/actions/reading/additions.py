"""New code at a place: a file of its own, or definitions between others, with their imports among the file's."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tabby_lsp.actions.edits import apply
from tabby_lsp.actions.reading import answers, imports
from tabby_lsp.actions.reading.code import CUT, Check, candidates, is_other, with_imports
from tabby_lsp.actions.reading.layout import indented
from tabby_lsp.actions.reading.parts import Addition, added
from tabby_lsp.actions.reading.regions import DEFAULT_UNIT, Region, Unusable, indent_of
from tabby_lsp.actions.reading.repeats import without_repeats
from tabby_lsp.actions.types import Edit, Outcome, Span
from tabby_lsp.document import Snapshot
from tabby_lsp.syntax.languages import Blocks

if TYPE_CHECKING:
    from tabby_lsp.actions.reading.answers import Block
    from tabby_lsp.engine.types import Finish

_OPENS = re.compile(r"[{(\[:]\s*(?:(?:#|//).*)?$|\b(?:do|then|begin)\s*(?:\|[^|]*\|)?\s*$")
_BESIDE = frozenset({"echo", "other-language"})
"""What may stand in front of the code that was asked for, in a block of its own."""
_CLOSES = re.compile(r"^\s*(?:[)}\]]|end\b)")


def read_new(region: Region, answer: str, finish: Finish, check: Check) -> Outcome:
    """An answer as an insertion at a region, which is empty.

    Args:
        region: the place.
        answer: what the model wrote.
        finish: why it ended.
        check: raises `Unusable` where edits may not be made.
    """
    failed: Unusable | None = None
    for block in candidates(region, answer, finish):
        try:
            return _from_block(region, block, finish, check)
        except Unusable as error:
            failed = failed or error
            if error.reason not in _BESIDE:
                break
    raise failed or Unusable("no-code")


def _from_block(region: Region, block: Block, finish: Finish, check: Check) -> Outcome:
    if finish in CUT and not (block.closed and block.fenced):
        raise Unusable("cut-off")
    if answers.has_placeholder(block.text, region.snapshot.text):
        raise Unusable("cut-off", "The answer leaves out a part of the code.")
    code, needed = without_repeats(region, block.text)
    if region.brief.create or not region.snapshot.text.strip():
        return _as_file(region, replace(block, text=_with_lines(region, code, needed)), check)
    what = added(region, code)
    if not what.code.strip():
        raise Unusable("unchanged", "The file has all of that already.")
    edits = (Edit(region.brief.region, _at(region, what.code).replace("\n", region.newline)),)
    edits, message = with_imports(region, edits, replace(what, imports=(*what.imports, *needed)))
    _checked(region, block, edits, check)
    return Outcome(edits, message=message or _renamed(what))


def _with_lines(region: Region, code: str, statements: tuple[str, ...]) -> str:
    """The text of a new file with more import statements, where such a file has them."""
    if not statements:
        return code
    there = Snapshot.of(region.snapshot.uri, region.snapshot.language, 0, code)
    brief = replace(region.brief, snapshot=there, region=Span(there.end, there.end), allowed=(0, len(there.lines)))
    file = Region(brief)
    insertion = imports.inserted(file, imports.missing(file, statements, code))
    return code if insertion is None else apply(there, (Edit(Span(insertion[0], insertion[0]), insertion[1]),))


def _as_file(region: Region, block: Block, check: Check) -> Outcome:
    edits = (Edit(region.brief.region, (block.text.strip("\n") + "\n").replace("\n", region.newline)),)
    _checked(region, block, edits, check)
    return Outcome(edits)


def _checked(region: Region, block: Block, edits: tuple[Edit, ...], check: Check) -> None:
    try:
        check(region, edits)
    except Unusable as error:
        if error.reason == "breaks-syntax" and is_other(region, block, block.text):
            raise Unusable("other-language") from error
        if error.reason == "breaks-syntax" and not block.closed:
            raise Unusable("cut-off") from error
        raise


def _renamed(what: Addition) -> str:
    pairs = ", ".join(f"{old} as {new}" for old, new in what.renamed)
    return f"Renamed, since the file has them already: {pairs}" if pairs else ""


def _at(region: Region, code: str) -> str:
    """Code with the blank lines and the line ends that it needs at its place."""
    start = region.brief.region.start
    above = [region.snapshot.line_text(line) for line in range(start.line)]
    below = [region.snapshot.line_text(line) for line in range(start.line + 1, len(region.snapshot.lines))]
    behind = region.snapshot.line_text(start.line)[start.column :]
    base = _base(region)
    text = indented(code.strip("\n"), region, base)
    if region.before.strip():
        head = "\n" + "\n" * _missing(region, [*above, region.before], base)
    elif region.before:
        text, head = text.lstrip(" \t"), ""
    else:
        head = "\n" * _missing(region, above, base)
    if not behind.strip():
        rest = [line for line in below if line.strip()]
        last = start.line == len(region.snapshot.lines) - 1
        if last:
            return f"{head}{text}\n"
        if region.before or (rest and _CLOSES.match(rest[0])):
            return f"{head}{text}" if region.before else f"{head}{text}\n"
        blank = next((at for at, line in enumerate([behind, *below]) if line.strip()), 0)
        return f"{head}{text}\n" + "\n" * max(_between(region, base) - blank, 0) * bool(rest)
    return f"{head}{text}\n" + ("" if _CLOSES.match(behind) else "\n" * _between(region, base))


def _base(region: Region) -> str:
    """The indentation of new code: that of the line it goes to, or of the body that holds it."""
    if region.before and not region.before.strip():
        return region.before
    if not region.around:
        return ""
    holder = region.around[-1]
    head = region.snapshot.byte_position(holder.start).line
    return indent_of(region.snapshot.line_text(head)) + (region.unit or DEFAULT_UNIT)


def _missing(region: Region, above: list[str], base: str) -> int:
    """Blank lines to be put in front."""
    blank = 0
    while blank < len(above) and not above[-1 - blank].strip():
        blank += 1
    if blank == len(above) or _OPENS.search(above[-1 - blank]):
        return 0
    return max(_between(region, base) - blank, 0)


def _between(region: Region, base: str) -> int:
    """Blank lines between definitions: two at the top of a Python file, else one."""
    return 2 if region.language.shape is Blocks.INDENTATION and not base else 1
