"""From a new text to small edits of a document, and those edits in a document that has changed meanwhile.

An edit begins and ends where a client can point: never between a carriage return and its line feed. No model, no
protocol, no tree.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from tabby_lsp.actions.types import Edit, Span
from tabby_lsp.document import Position

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tabby_lsp.document import Snapshot

MOST_STEPS = 4_000_000
"""Most that a comparison line by line may cost, in steps of `difflib`: 0.3 s at worst. What costs more is first cut at
lines that each text has once, and what still costs too much between two of those is one edit."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_ATOM = re.compile(r"\r\n|[\s\S]")
_Hunk = tuple[int, int, int, int]


def minimal(snapshot: Snapshot, span: Span, new_text: str) -> tuple[Edit, ...]:
    """The edits that make a stretch of a document read as `new_text`, and leave alone whatever is the same.

    Args:
        snapshot: the document.
        span: the stretch.
        new_text: what is to stand there, with the document's line endings.

    Returns:
        Edits in the order of the document, which do not touch; none where nothing changes.
    """
    start = snapshot.offset(span.start)
    old = _LINE.findall(snapshot.text[start : snapshot.offset(span.end)])
    new = _LINE.findall(new_text)
    starts = _starts(old, start)
    edits = []
    for first, last, new_first, new_last in _hunks(old, new):
        for begin, before, after in _pieces(old[first:last], new[new_first:new_last], starts[first]):
            head, tail = _same_ends(before, after)
            place = Span(
                snapshot.position(begin + sum(map(len, before[:head]))),
                snapshot.position(begin + sum(map(len, before[: len(before) - tail]))),
            )
            edits.append(Edit(place, "".join(after[head : len(after) - tail])))
    return tuple(edits)


def apply(snapshot: Snapshot, edits: Sequence[Edit]) -> str:
    """The document's text after edits of it, which are sorted and do not overlap."""
    pieces, done = [], 0
    for edit in edits:
        pieces += [snapshot.text[done : snapshot.offset(edit.span.start)], edit.text]
        done = snapshot.offset(edit.span.end)
    return "".join([*pieces, snapshot.text[done:]])


def rebase(edits: Sequence[Edit], before: Snapshot, now: Snapshot, kept: Span | None = None) -> tuple[Edit, ...] | None:
    """The same edits in a document that has changed since they were made.

    Args:
        edits: of `before`.
        before: the document as the model saw it.
        now: the document as it is.
        kept: of `before`: what must not have changed either, such as the function that was shown to the model.

    Returns:
        None where a line that an edit touches, or one of `kept`, is not what it was.
    """
    if before.lines == now.lines:
        return tuple(edits)
    same = _unchanged(before.lines, now.lines)
    moved = [_moved(edit.span, same) for edit in edits]
    if any(span is None for span in moved) or (kept is not None and _moved(kept, same) is None):
        return None
    return tuple(Edit(span, edit.text) for span, edit in zip(moved, edits, strict=True) if span is not None)


def lines_of(span: Span) -> tuple[int, int]:
    """The first line that a span touches, and the line after the last; of a place that is the line it stands in."""
    whole = span.end.column == 0 and span.end.line > span.start.line
    return span.start.line, span.end.line + (not whole)


def _moved(span: Span, same: Sequence[tuple[int, int, int]]) -> Span | None:
    """A span of whole lines moved with them, if they all stand in one stretch that did not change."""
    first, last = lines_of(span)
    for old, new, size in same:
        if old <= first and last <= old + size:
            by = new - old
            return Span(_down(span.start, by), _down(span.end, by))
    return None


def _down(position: Position, by: int) -> Position:
    return Position(position.line + by, position.column)


def _unchanged(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int]]:
    """Stretches of equal lines: (first line before, first line now, how many)."""
    stretches, done, new_done = [], 0, 0
    for first, last, _, new_last in [*_hunks(old, new), (len(old), len(old), len(new), len(new))]:
        if first > done:
            stretches.append((done, new_done, first - done))
        done, new_done = last, new_last
    return stretches


def _hunks(old: Sequence[str], new: Sequence[str]) -> Iterator[_Hunk]:
    """What differs: (first, behind the last) of the old lines and of the new ones."""
    head, tail = _same_ends(old, new)
    whole = (head, len(old) - tail, head, len(new) - tail)
    left = MOST_STEPS
    gaps = [whole] if _steps(old, new, whole) <= left else _gaps(old, new, whole)
    for gap in gaps:
        left -= (cost := _steps(old, new, gap))
        if left < 0:
            left += cost
            yield gap
            continue
        first, last, new_first, new_last = gap
        matcher = SequenceMatcher(None, old[first:last], new[new_first:new_last], autojunk=False)
        for kind, *ends in matcher.get_opcodes():
            if kind != "equal":
                yield ends[0] + first, ends[1] + first, ends[2] + new_first, ends[3] + new_first


def _steps(old: Sequence[str], new: Sequence[str], gap: _Hunk) -> int:
    """What `difflib` costs at most: for each equal stretch that it may find, all lines and all pairs of equal ones."""
    first, last, new_first, new_last = gap
    there, here = Counter(old[first:last]), Counter(new[new_first:new_last])
    pairs = sum(count * here[line] for line, count in there.items())
    stretches = 1 + sum(min(count, here[line]) for line, count in there.items())
    return stretches * (last - first + pairs)


def _gaps(old: Sequence[str], new: Sequence[str], whole: _Hunk) -> Iterator[_Hunk]:
    """What stands between the lines that both have once and in the same order (patience diff, Bram Cohen)."""
    first, last, new_first, new_last = whole
    here = _once(new, new_first, new_last)
    pairs = [(at, here[line]) for line, at in _once(old, first, last).items() if line in here]
    for at, new_at in [*_rising(pairs), (last, new_last)]:
        if at > first or new_at > new_first:
            yield first, at, new_first, new_at
        first, new_first = at + 1, new_at + 1


def _once(lines: Sequence[str], first: int, last: int) -> dict[str, int]:
    """Where each line stands that is there once, in their order."""
    counts = Counter(lines[first:last])
    return {lines[at]: at for at in range(first, last) if counts[lines[at]] == 1}


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most of some pairs, which rise in their first number, that rise in the second too."""
    ends: list[int] = []  # by length, the least second number that a row of pairs ends with
    places: list[int] = []
    before: list[int] = []
    for place, (_, number) in enumerate(pairs):
        length = bisect_left(ends, number)
        before.append(places[length - 1] if length else -1)
        ends[length : length + 1], places[length : length + 1] = [number], [place]
    found: list[tuple[int, int]] = []
    place = places[-1] if places else -1
    while place >= 0:
        found.append(pairs[place])
        place = before[place]
    return found[::-1]


def _pieces(old: Sequence[str], new: Sequence[str], begin: int) -> Iterator[tuple[int, Sequence[str], Sequence[str]]]:
    """A hunk in the units in which its ends are trimmed: line by line where as many lines come as go."""
    if len(old) != len(new) or [_ending(line) for line in old] != [_ending(line) for line in new]:
        yield begin, _ATOM.findall("".join(old)), _ATOM.findall("".join(new))
        return
    for before, after in zip(old, new, strict=True):
        if before != after:
            yield begin, _ATOM.findall(before), _ATOM.findall(after)
        begin += len(before)


def _ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _same_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many elements two rows have in common at their start, and behind that at their end."""
    shorter = min(len(old), len(new))
    head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    tail = next((at for at in range(shorter - head) if old[-1 - at] != new[-1 - at]), shorter - head)
    return head, tail


def _starts(lines: Sequence[str], start: int) -> list[int]:
    starts = [start]
    for line in lines:
        starts.append(starts[-1] + len(line))
    return starts
