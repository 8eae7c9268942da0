"""Two states of a text become places to edit, and what is typed at a place becomes keys.

Offsets are code points. Lines end at the line feed alone: files with other line ends are left out before they get here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from tabby_lsp.bench.types import Hunk

FEWEST_CHARACTERS = 4
"""Non-blank characters below which a hunk is applied instead of typed: no suggestion could be accepted in it."""
MOST_CHARACTERS = 4_000
"""Characters above which a hunk is applied instead of typed: it was pasted or generated."""
LONGEST_LINE = 400
"""Characters; a file with a longer line is minified or data."""
LONGEST_FILE = 300_000
"""Characters; finding the edits of a longer file takes too long."""

_KEYS = re.compile(r"\A[^\S\n]+|\n[^\S\n]*|.", re.DOTALL)
_WORD = re.compile(r"\w+")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")


def keys(typed: str) -> list[str]:
    """The keys that type a text: one a character; a line break brings its indentation, which the editor types."""
    return _KEYS.findall(typed)


def place(text: str, offset: int) -> tuple[int, int]:
    """The line and the column of an offset, from 0."""
    return text.count("\n", 0, offset), offset - (text.rfind("\n", 0, offset) + 1)


def agreeing(one: str, other: str) -> int:
    """How many characters two texts have in common at their start."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def worth_typing(hunk: Hunk) -> bool:
    """Whether a hunk is typed; others are applied in one change."""
    solid = len("".join(hunk.typed.split()))
    return not hunk.pasted and solid >= FEWEST_CHARACTERS and len(hunk.typed) <= MOST_CHARACTERS


def readable(data: bytes) -> str | None:
    """A file's text; None where nobody typed it, or where its line ends are more than one character."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if len(text) > LONGEST_FILE or "\r" in text or "\0" in text:
        return None
    return text if all(len(line) <= LONGEST_LINE for line in text.split("\n")) else None


def apply(text: str, hunks: Sequence[Hunk]) -> str:
    """The text after all hunks."""
    for hunk in hunks:
        text = text[: hunk.start] + hunk.typed + text[hunk.start + hunk.removed :]
    return text


def hunks(base: str, new: str) -> list[Hunk]:
    """The places in which two texts differ, in order.

    Args:
        base: the text before.
        new: the text after.

    Returns:
        Hunks whose offsets count with the earlier ones done; done in order they make `new` of `base`.
    """
    found: list[Hunk] = []
    moved = 0
    for start, removed, typed in _blocks(base, new):
        hunk = _trim(base, start, removed, typed)
        found.append(Hunk(hunk.start + moved, hunk.removed, hunk.typed))
        moved += len(hunk.typed) - hunk.removed
    return found


def _blocks(base: str, new: str) -> Iterator[tuple[int, str, str]]:
    """Runs of whole lines that were replaced: where in `base`, what stood there, what stands there now."""
    old_lines, new_lines = _LINES.findall(base), _LINES.findall(new)
    starts = list(accumulate(map(len, old_lines), initial=0))
    matcher = difflib.SequenceMatcher(None, old_lines, new_lines, autojunk=False)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind != "equal":
            yield starts[old_from], "".join(old_lines[old_from:old_to]), "".join(new_lines[new_from:new_to])


def _trim(base: str, start: int, removed: str, typed: str) -> Hunk:
    """Leave out what both begin and end with, so that a changed line is edited inside the line."""
    ahead = agreeing(removed, typed)
    removed, typed, start = removed[ahead:], typed[ahead:], start + ahead
    behind = agreeing(removed[::-1], typed[::-1])
    if behind < len(removed):  # something is replaced: nobody stops in a word because the old one ended alike
        behind -= _of_split_word(removed, typed, behind)
    removed, typed = removed[: len(removed) - behind], typed[: len(typed) - behind]
    if not removed and len(typed) > 1 and typed.endswith("\n") and start and base[start - 1] == "\n":
        # people add lines by a line break at the end of the line above
        return Hunk(start - 1, 0, "\n" + typed[:-1])
    return Hunk(start, len(removed), typed)


def _of_split_word(removed: str, typed: str, behind: int) -> int:
    """How many of the last `behind` characters, common to both, are the end of a word that begins before them."""
    tail = _WORD.match(removed, len(removed) - behind)
    goes_on = any(_WORD.match(text[: len(text) - behind][-1:]) for text in (removed, typed))
    return len(tail[0]) if tail and goes_on else 0


def excerpt(base: str, all_hunks: Sequence[Hunk], first: int, count: int) -> tuple[str, tuple[Hunk, ...]]:
    """Some consecutive edits of a file: the ones before are done, the ones after are never reached.

    Args:
        base: the text before all of them.
        all_hunks: of the file.
        first: index of the first one that is wanted.
        count: how many that are worth typing.

    Returns:
        The text to start from and the hunks, those not worth typing in between included.
    """
    chosen: list[Hunk] = []
    for hunk in all_hunks[first:]:
        if count <= 0:
            break
        chosen.append(hunk)
        count -= worth_typing(hunk)
    return apply(base, all_hunks[:first]), tuple(chosen)
