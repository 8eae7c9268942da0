"""Where a suggestion has to stop: at the end of the block that the cursor stands in.

Two rules decide. A closing bracket whose opener is before the cursor belongs to the suggestion only if the text
behind the cursor lacks it. And where indentation or keywords end blocks, so does the first line that is
indented less than the block. What stands in strings and comments does not count.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabby_lsp.syntax.cut import code_start
from tabby_lsp.syntax.languages import Blocks, language
from tabby_lsp.syntax.lexical import CLOSER_OF
from tabby_lsp.syntax.reading import Bracket, Reading, indentation, read, read_inserted, take

if TYPE_CHECKING:
    from tabby_lsp.document import Position, Snapshot
    from tabby_lsp.syntax.languages import Language

LINES_BEFORE = 100
LINES_AFTER = 60
"""The window around the cursor that is parsed; it bounds the cost in large files to a few milliseconds."""

REMEMBERED = 8
"""Cursors whose surroundings are kept: a suggestion is cut several times while it is written."""
_ENDS = re.compile(r"[\r\n()\[\]{}]")
_LINE_START = re.compile(r"(?:\r\n?|\n)")
_HEADER = re.compile(r"[^\W\d].*:\s*(?:#.*)?$")


@dataclass(frozen=True, slots=True)
class _Setting:
    """A completion between the windows of text before and behind the cursor.

    Args:
        row: the language.
        before: the text before the cursor.
        completion: the suggestion.
        after: the text behind the cursor.
        whole: the windows cover the document.
        reading: of the completion, between the two.
        openers: brackets before the cursor that are open at it, innermost first.
        closers: brackets behind the cursor that close something before it, in their order.
        context: the reading of what is around it; offsets in `openers` and `closers` are its.
    """

    row: Language
    before: str
    completion: str
    after: str
    whole: bool
    reading: Reading
    openers: list[Bracket]
    closers: list[Bracket]
    context: Reading

    def brackets(self) -> list[Bracket]:
        """The brackets of the completion, with offsets into it."""
        return list(self.reading.brackets(0, len(self.completion)))

    def in_literal(self, offset: int) -> bool:
        """Whether the completion's line that begins at `offset` begins inside of a string or comment."""
        return bool(self.reading.literal[offset - 1])


def end_of_scope(snapshot: Snapshot, position: Position, completion: str, seconds: float = math.inf) -> int:
    """How much of a completion stays within the block in which the cursor stands.

    Args:
        snapshot: the document, without the completion.
        position: the cursor.
        completion: the model's text.
        seconds: of parsing it, after which the lexical table says what in it is code.

    Returns:
        Characters of `completion` to keep.
    """
    if not _ENDS.search(completion):
        return len(completion)  # on one line, and without a bracket
    setting = _setting(snapshot, snapshot.clamp(position), completion, seconds)
    keep = _end_by_brackets(setting)
    if setting.row.shape is not Blocks.BRACES:
        keep = min(keep, _end_by_indentation(setting))
    if keep < len(completion) and not _first_line(setting.after).strip():
        return len(completion[:keep].rstrip())  # the text behind the cursor begins with its own line ending
    if keep < len(completion) and setting.after[:1].isspace():
        return len(completion[:keep].rstrip(" \t"))
    return keep


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What stands around a cursor, whatever is suggested there; the names are those of `_Setting`."""

    before: str
    after: str
    whole: bool
    openers: list[Bracket]
    closers: list[Bracket]
    context: Reading


@functools.lru_cache(maxsize=REMEMBERED)
def _surroundings(snapshot: Snapshot, position: Position) -> _Surroundings:
    first = code_start(snapshot, None, max(position.line - LINES_BEFORE, 0), position.line)
    last = min(position.line + LINES_AFTER, len(snapshot.lines) - 1)
    current = snapshot.lines[position.line]
    before = "".join(snapshot.lines[first : position.line]) + current[: position.column]
    after = current[position.column :] + "".join(snapshot.lines[position.line + 1 : last + 1])
    cursor = len(before)
    context = read(snapshot.language, before + after)
    closers, _ = context.unmatched(cursor, len(context.text))
    _, openers = context.unmatched(0, cursor)
    openers.reverse()
    if language(snapshot.language).indented:
        openers = _without_strays(context, openers, cursor)
    whole = first == 0 and last == len(snapshot.lines) - 1
    return _Surroundings(before, after, whole, openers, closers, context)


def look_around(snapshot: Snapshot, position: Position) -> None:
    """Read what stands around a cursor now, so that `end_of_scope` has it at hand later."""
    _surroundings(snapshot, snapshot.clamp(position))


def _setting(snapshot: Snapshot, position: Position, completion: str, seconds: float) -> _Setting:
    found = _surroundings(snapshot, position)
    reading = read_inserted(snapshot.language, found.context, len(found.before), completion, seconds)
    row = language(snapshot.language)
    openers, closers = found.openers, found.closers
    return _Setting(
        row, found.before, completion, found.after, found.whole, reading, list(openers), list(closers), found.context
    )


def _without_strays(context: Reading, openers: list[Bracket], cursor: int) -> list[Bracket]:
    """Leave out the openers that later lines show to be forgotten, and those outside of them."""
    kept: list[Bracket] = []
    for opener in openers:
        lines = _LINE_START.split(context.text[opener.offset : cursor])[1:-1]
        own = indentation(_line_at(context.text, opener.offset))
        if any(_forgets(line, own) for line in lines):
            break
        kept.append(opener)
    return kept


def _forgets(line: str, own: int) -> bool:
    """Whether a line shows that a bracket opened above it, in a line of width `own`, was forgotten."""
    code, width = line.strip(), indentation(line)
    if not code or code[0] in ")]}":
        return False
    return width < own or (width == own and bool(_HEADER.match(code)))


def _supplied(setting: _Setting) -> list[bool]:
    """For each opener before the cursor: whether the text behind it holds its closer.

    Indentation tells which opener lacks its closer if there are fewer of these. Where the windows show the whole
    document, pairs are made from the outside: what is still to be typed is at the cursor. In a part of a document
    nobody knows the outermost bracket, and they are made from the inside.
    """
    openers, closers = setting.openers, setting.closers
    if setting.whole and [CLOSER_OF[opener.character] for opener in openers] == [one.character for one in closers]:
        return [True] * len(openers)
    supplied = [False] * len(openers)
    indices = list(range(_lacking_in_line(setting), len(openers)))
    waiting = list(closers)
    if not setting.whole:
        indices.reverse()
        waiting.reverse()
    while indices and waiting:
        index = indices.pop()
        if _are_partners(setting, openers[index], waiting[-1]):
            supplied[index] = True
            waiting.pop()
    return supplied


def _lacking_in_line(setting: _Setting) -> int:
    """How many of the openers in the cursor's line lack a closer if some of the closers stand in that line too."""
    line_start = len(setting.before) - len(_line_at(setting.before, len(setting.before)))
    line_end = len(setting.before) + len(_first_line(setting.after))
    opened = sum(opener.offset >= line_start for opener in setting.openers)
    closed = sum(closer.offset < line_end for closer in setting.closers)
    return max(opened - closed, 0) if closed else 0


def _are_partners(setting: _Setting, opener: Bracket, closer: Bracket) -> bool:
    if CLOSER_OF[opener.character] != closer.character:
        return False
    line = _line_at(setting.context.text, closer.offset)
    if not line.strip().startswith(closer.character):
        return True
    own, width = indentation(_line_at(setting.context.text, opener.offset)), indentation(line)
    return width <= own if setting.whole else width >= own


def _end_by_brackets(setting: _Setting) -> int:
    """Where the first closer stands that is not the completion's to write, or where its block has been closed."""
    completion = setting.completion
    supplied = _supplied(setting)
    opened: list[Bracket] = []
    outer = 0
    closed_at: int | None = None
    for bracket in setting.brackets():
        if closed_at is not None and not opened and (line_end := _line_end(completion, closed_at)) < bracket.offset:
            return line_end
        if closed_at is not None:
            closed_at = bracket.offset
        if bracket.character in CLOSER_OF:
            opened.append(bracket)
            continue
        if take(opened, bracket):
            continue
        if outer >= len(setting.openers) and not setting.row.literals:
            continue  # prose: a smiley closes nothing
        fits = outer < len(setting.openers) and CLOSER_OF[setting.openers[outer].character] == bracket.character
        if not fits or supplied[outer]:
            return bracket.offset
        outer += 1
        if bracket.character == "}" and setting.row.shape is Blocks.BRACES:
            closed_at = bracket.offset
    if closed_at is not None and not opened:
        return _line_end(completion, closed_at)
    return len(completion)


def _end_by_indentation(setting: _Setting) -> int:
    """Where the first line begins that is indented less than the cursor's block."""
    starts = [match.end() for match in _LINE_START.finditer(setting.completion)]
    if not starts:
        return len(setting.completion)
    depths = _depths(setting, [*starts, len(setting.completion)])
    block, header = _block_indentation(setting, starts, depths)
    for start, depth in zip(starts, depths, strict=False):
        line = setting.completion[start : _line_end(setting.completion, start)]
        width, code = indentation(line), line.strip()
        if not code or depth > 0 or setting.in_literal(start) or width > block or (width == block and not header):
            continue
        if header and width == block and re.match(setting.row.middle, code):
            continue
        if re.match(setting.row.closer, code) and not _closed_behind(setting, width):
            return start + len(line)
        return start
    return len(setting.completion)


def _depths(setting: _Setting, offsets: list[int]) -> list[int]:
    """How many brackets are open at each of some ascending offsets of the completion."""
    events = [(bracket.offset, 1 if bracket.character in CLOSER_OF else -1) for bracket in setting.brackets()]
    return [len(setting.openers) + sum(step for place, step in events if place < offset) for offset in offsets]


def _block_indentation(setting: _Setting, starts: list[int], depths: list[int]) -> tuple[int, bool]:
    """The width at which the cursor's block is indented, or (with True) the width of the header that opens it."""
    current = _line_at(setting.before, len(setting.before))
    first = _first_line(setting.completion)
    if setting.openers and not current.strip():
        return indentation(_line_at(setting.before, setting.openers[-1].offset)), False
    if not current.strip() and first.strip():
        return indentation(current + first), False
    if not current.strip():
        return indentation(current), False
    origin = setting.openers[-1].offset if setting.openers else len(setting.before)
    own = indentation(_line_at(setting.before, origin))
    settled = next((index for index, depth in enumerate(depths) if depth <= 0), None)
    if settled is None:
        return own, False
    end = starts[settled] if settled < len(starts) else len(setting.completion)
    text = (setting.before + setting.completion[:end]).rstrip("\r\n")
    return own, bool(re.search(setting.row.opener, _line_at(text, len(text))))


def _closed_behind(setting: _Setting, width: int) -> bool:
    """Whether the text behind the cursor closes the keyword block whose closer is indented by `width`."""
    for line in _LINE_START.split(setting.after)[1:]:
        if line.strip() and indentation(line) <= width:
            pattern = f"(?:{setting.row.closer})|(?:{setting.row.middle})"
            return indentation(line) == width and bool(re.match(pattern, line.strip()))
    return False


def _line_at(text: str, offset: int) -> str:
    """The line of a text in which an offset stands, without its ending."""
    start = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
    return text[start : _line_end(text, offset)]


def _line_end(text: str, offset: int) -> int:
    match = _LINE_START.search(text, offset)
    return match.start() if match else len(text)


def _first_line(text: str) -> str:
    return text[: _line_end(text, 0)]
