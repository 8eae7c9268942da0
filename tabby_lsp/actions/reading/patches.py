"""An answer that is a patch: its hunks are looked for in the region, and applied where they fit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabby_lsp.actions.reading.regions import Region, Unusable, indent_of, with_line_feeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tabby_lsp.actions.reading.answers import Block

_TAGS = frozenset({"diff", "patch", "udiff"})
_HEADER = re.compile(r"^(?:diff --git |index [0-9a-f]+\.\.|--- |\+\+\+ |\\ No newline)")
_AT = re.compile(r"^@@.*@@")
_CHANGED = re.compile(r"^[-+](?![-+])")
_SEARCH = re.compile(r"<{5,9} ?SEARCH\n([\s\S]*?)\n?={5,9}\n([\s\S]*?)\n?>{5,9} ?REPLACE")
_Hunk = list[tuple[str, str]]


def is_patch(block: Block) -> bool:
    """Whether a block is a unified diff, with or without its headers, or a block of search and replace."""
    lines = [line for line in block.text.split("\n") if line.strip()]
    changed = sum(bool(_CHANGED.match(line)) for line in lines)
    if block.tag in _TAGS:
        return changed > 0
    if any(_AT.match(line) for line in lines) or _SEARCH.search(block.text):
        return True
    return changed > 0 and all(line[0] in "+- \\" for line in lines)


def patched(region: Region, block: Block) -> str:
    """The region's text after a patch, in its own indentation.

    Raises:
        Unusable: a hunk is not found in the region, or found elsewhere in the document.
    """
    lines = region.text.split("\n")
    for hunk in _hunks(block.text):
        lines = _with_hunk(region, lines, hunk)
    return "\n".join(lines)


def _hunks(text: str) -> list[_Hunk]:
    if searched := _SEARCH.findall(text):
        return [
            [("-", line) for line in old.split("\n")] + [("+", line) for line in new.split("\n") if new]
            for old, new in searched
        ]
    hunks: list[_Hunk] = [[]]
    for line in text.strip("\n").split("\n"):
        if _AT.match(line):
            hunks.append([])
        elif not _HEADER.match(line):
            hunks[-1].append((line[0], line[1:]) if line[:1] in ("+", "-", " ") else (" ", line))
    return [hunk for hunk in hunks if any(mark != " " for mark, _ in hunk)]


def _with_hunk(region: Region, lines: list[str], hunk: _Hunk) -> list[str]:
    head = next(at for at, (mark, _) in enumerate(hunk) if mark != " ")
    tail = next(at for at, (mark, _) in enumerate(reversed(hunk)) if mark != " ")
    # context may reach out of the region: with less and less of it, from the side where there is more
    for less in range(head + tail + 1):
        first, last = min(less, head), max(less - head, 0)
        part = hunk[first : len(hunk) - last]
        old = [text for mark, text in part if mark != "+"]
        at = _place(lines, old)
        if at is not None:
            return [*lines[:at], *_written(lines[at : at + len(old)], part), *lines[at + len(old) :]]
    old = [text for mark, text in hunk if mark == "-" and text.strip()]
    if old and _place(with_line_feeds(region.snapshot.text).split("\n"), old) is not None:
        raise Unusable("outside")
    raise Unusable("no-code", "The answer is a patch that does not fit the code.")


def _place(lines: Sequence[str], old: Sequence[str]) -> int | None:
    """Where lines stand in others, indentation aside."""
    wanted = [line.strip() for line in old]
    if not any(wanted):
        return None
    stripped = [line.strip() for line in lines]
    return next((at for at in range(len(lines) - len(old) + 1) if stripped[at : at + len(old)] == wanted), None)


def _written(there: Sequence[str], part: _Hunk) -> list[str]:
    """The lines of a hunk after it is applied, indented as those that are there."""
    rest = iter(there)
    texts = [text for mark, text in part if mark != "+"]
    coded = [(own, text) for own, text in zip(there, texts, strict=True) if text.strip()]
    own, said = (indent_of(coded[0][0]), indent_of(coded[0][1])) if coded else ("", "")
    written = []
    for mark, text in part:
        if mark == "+":
            written.append(own + text[len(said) :] if text.startswith(said) and text.strip() else text.rstrip())
            continue
        line = next(rest)
        if mark == " ":
            written.append(line)
    return written
