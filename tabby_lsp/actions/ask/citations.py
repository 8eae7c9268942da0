"""Citations in an answer: those that name no source are removed, statements without one get theirs, each is checked.

A small model often cites nothing, or anything. So a sentence without a citation gets the source that holds the names in
it, or most of its telling words, where there is one. Code blocks stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from tabby_lsp.actions.ask.relevance import covered, roots, telling
from tabby_lsp.actions.ask.retrieve import names_in, own_lines
from tabby_lsp.actions.outcome import read
from tabby_lsp.actions.types import Brief, Form, Source, Span
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.types import Finish
from tabby_lsp.errors import ActionError

ENOUGH = 0.6
"""Share of a sentence's telling words, by weight, that a source must hold to be cited for it."""
WORDS = 3
"""Telling words that a sentence needs to be judged by them: shorter ones stand in every file."""
SHOWN = 3
"""Names of what a source defines that are listed with it."""
LARGEST = 2_000_000
"""Bytes of a file that is looked at again; the index has none that is larger."""
_CITATION = re.compile(r"[ \t]*(?:\[(\^?\d{1,3}(?:\s*[,;]\s*\^?\d{1,3})*)\](?![(\[:])|【(\d{1,3})[^】\n]{0,20}】)")
_NUMBER = re.compile(r"\d+")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_CODE = re.compile(r"(`+)(?:(?!\1).)+\1")
_END = re.compile(r"(?<=[.!?])(?:[\"')\]*_`]*)(?:\s*\[\d+\])*\s+(?=[A-Z`*\"'(\[0-9])")
_OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SILENT = re.compile(r"^\s*(?:#|\||>?\s*$|[-=*_]{3,}\s*$)")
"""Headings, tables and rules make no statements."""


class Place(StrEnum):
    """What has become of a source on the disk since it was indexed."""

    HERE = "here"
    MOVED = "moved"  # the lines stand elsewhere in the file, and that is where the source points to now
    CHANGED = "changed"  # the file is there, these lines are not
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Cited:
    """A source that an answer rests on.

    Attributes:
        source: with the lines where it is now.
        place: what has become of it.
    """

    source: Source
    place: Place


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question came to.

    Attributes:
        text: Markdown; each `[n]` in it is one of the sources.
        sources: that are cited, in the order of their numbers.
        relevant: whether the index holds anything about it; where not, no model was asked, and the text says so.
    """

    text: str
    sources: tuple[Cited, ...]
    relevant: bool


NOTHING = Answer(
    "Nothing in the index is about this, so no model was asked. Use words or names that stand in the code.", (), False
)
"""The answer to a question that the index holds nothing about."""


def answered(said: str, finish: Finish, sources: Sequence[Source], root: Path) -> Answer:
    """Make an answer of what a model said. It reads the files of the sources.

    Args:
        said: all of it.
        finish: why it ended.
        sources: as they were shown.
        root: the folder that their paths are relative to.

    Raises:
        ActionError: it said nothing.
    """
    place = Span(Position(0, 0), Position(0, 0))
    outcome = read(Brief((), Form.PROSE, Snapshot.of("", "markdown", 0, ""), place), said, finish)
    if not outcome.text.strip():
        raise ActionError(outcome.message or "The model answered nothing.", "Ask again, or in other words.")
    text, numbers = cite(outcome.text, sources)
    return Answer(text, tuple(checked(source, root) for source in sources if source.number in numbers), True)


def cite(text: str, sources: Sequence[Source]) -> tuple[str, set[int]]:
    """Put an answer's citations right.

    Args:
        text: Markdown.
        sources: that may be cited.

    Returns:
        The text with citations of these sources alone, each as `[n]`, and the numbers in it.
    """
    judge = _Judge(sources)
    numbers: set[int] = set()
    lines, fence, before = text.split("\n"), "", frozenset[int]()
    for place, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence or mark:
            fence = ("" if mark and mark[1].startswith(fence) else fence) if fence else mark[1] if mark else ""
            before = frozenset()
            continue
        if _SILENT.match(line):
            before = frozenset()
            lines[place] = _normal(line, judge.known)
        else:
            lines[place], before = _cited(line, judge, before)
        numbers |= _numbers(lines[place]) & judge.known
    return "\n".join(lines).strip(), numbers


def _cited(line: str, judge: _Judge, before: frozenset[int]) -> tuple[str, frozenset[int]]:
    """A line whose sentences have their citations; one that goes on about the source before it needs no other."""
    sentences = _sentences(_normal(line, judge.known))
    for place, sentence in enumerate(sentences):
        given = frozenset(_numbers(sentence) & judge.known)
        if not given and (best := judge.source_of(sentence)):
            given = frozenset((best,))
            if given != before:
                sentences[place] = _with(sentence, best)
        before = given or before
    return "".join(sentences), before


def _normal(line: str, known: set[int]) -> str:
    """`[1, 9]`, `[^1]` and `【1】` as ` [1]`, without numbers that there are not; code in backticks stays."""

    def put_right(begin: int, end: int) -> str:
        def one(found: re.Match[str]) -> str:
            numbers = [int(number) for number in _NUMBER.findall(found[1] or found[2])]
            if not any(numbers):  # sources count from 1, so this is an element of something
                return found[0]
            kept = "".join(f"[{number}]" for number in dict.fromkeys(numbers) if number in known)
            return f" {kept}" if kept and begin + found.start() else kept

        return _CITATION.sub(one, line[begin:end])

    parts, at = [], 0
    for code in _CODE.finditer(line):
        parts += [put_right(at, code.start()), code[0]]
        at = code.end()
    return "".join([*parts, put_right(at, len(line))])


def _numbers(text: str) -> set[int]:
    bare = _CODE.sub("", text)
    return {int(number) for found in re.finditer(r"\[(\d{1,3})\](?![(\[:])", bare) for number in found.groups()}


def _sentences(line: str) -> list[str]:
    """The pieces of a line; joined they are the line. A point in backticks ends nothing."""
    hidden = _CODE.sub(lambda found: "x" * len(found[0]), line)
    ends = [0, *(found.end() for found in _END.finditer(hidden)), len(line)]
    return [line[start:end] for start, end in pairwise(ends) if start < end]


def _with(sentence: str, number: int) -> str:
    """The citation goes in front of the sentence's end."""
    body = sentence.rstrip()
    end = re.search(r"[.!?:;,]*[*_]*$", body)
    at = end.start() if end else len(body)
    return f"{body[:at].rstrip()} [{number}]{body[at:]}{sentence[len(body) :]}"


class _Judge:
    """Which source a sentence is from."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.known = {source.number for source in sources}
        self._sources = [
            (source.number, f"{source.path}\n{source.text}", roots((source.path, *source.symbols, source.text)), source)
            for source in sources
        ]

    def source_of(self, sentence: str) -> int:
        """The number of the source that holds what is said; 0 where none does."""
        names = names_in(sentence)
        wanted = telling(sentence)
        best, worth = 0, (0, 0.0)
        for number, text, there, source in self._sources:
            defined = {part for symbol in source.symbols for part in symbol.split(".")}
            named = sum(2 if name.rpartition(".")[2] in defined else _holds(text, name) for name in names)
            share = covered(wanted, there)
            enough = named or (len(wanted) >= WORDS and share >= ENOUGH)
            if enough and (named, share) > worth:
                best, worth = number, (named, share)
        return best


def _holds(text: str, name: str) -> int:
    last = re.split(r"\.|::|#", name)[-1]
    return int(re.search(rf"(?<!\w){re.escape(last)}(?!\w)", text) is not None)


# ---- on the disk -------------------------------------------------------------------------------------------------


def checked(source: Source, root: Path) -> Cited:
    """Look whether a source still is where the index says, and where else it is now.

    Args:
        source: as it was indexed.
        root: the folder that its path is relative to.
    """
    file = root / source.path
    try:
        if not file.resolve().is_relative_to(root.resolve()):  # a shared index is not of this machine's making
            return Cited(source, Place.GONE)
        if file.stat().st_size > LARGEST:
            return Cited(source, Place.CHANGED)
        text = file.read_bytes().decode("utf-8", "replace")
    except (OSError, ValueError):
        return Cited(source, Place.GONE)
    there, wanted = _lines(text), _lines("\n".join(own_lines(source.text, source.start, source.end)))
    while wanted and not wanted[-1]:
        wanted.pop()
    length = len(wanted)
    if wanted and there[source.start : source.start + length] == wanted:
        return Cited(source, Place.HERE)
    starts = [at for at in range(len(there) - length + 1) if there[at : at + length] == wanted] if wanted else []
    if not starts:
        return Cited(source, Place.CHANGED)
    start = min(starts, key=lambda at: abs(at - source.start))
    return Cited(replace(source, start=start, end=start + source.end - source.start), Place.MOVED)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]


def listed(sources: Sequence[Cited]) -> str:
    """Sources as Markdown, a line each: ``[1] `path:start-end` ``, counted from 1 as editors do."""
    return "\n".join(f"- [{cited.source.number}] {_code(where(cited))}{told(cited)}" for cited in sources)


def _code(text: str) -> str:
    """A text as code, whatever it is: a file may be called so that Markdown makes an image of it."""
    marks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{marks} {text} {marks}" if len(marks) > 1 else f"`{text}`"


def where(cited: Cited) -> str:
    """`path:start-end`, counted from 1; characters that a terminal or an editor would obey are shown as unknown."""
    path = _OBEYED.sub("\ufffd", cited.source.path)
    return f"{path}:{cited.source.start + 1}-{cited.source.end}"


def told(cited: Cited) -> str:
    """What else is known of a source: what it defines, and whether it is not there any more; empty: nothing."""
    names = _OBEYED.sub("\ufffd", ", ".join(cited.source.symbols[:SHOWN]))
    said = {Place.CHANGED: "these lines have changed since", Place.GONE: "the file is gone"}.get(cited.place, "")
    return "".join(f" – {part}" for part in (names, said) if part)
