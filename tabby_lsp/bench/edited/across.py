"""Of real edits only the lines that use what another file defines: there, knowing the repository can be of use.

Most edits are local, and in them other files can do no more than mislead. The rest of an edit is applied in one change,
before and after such a line, as if somebody had typed it a moment ago.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from tabby_lsp.bench.edited import edits, order
from tabby_lsp.bench.edited.history import Edited
from tabby_lsp.bench.edited.workspaces import FilesOf
from tabby_lsp.bench.types import Hunk
from tabby_lsp.index.reading.reader import parse
from tabby_lsp.syntax.languages import language_of
from tabby_lsp.syntax.symbols import queries

ABOVE, BELOW = 2_500, 700
"""Characters before a line and behind its edit that anybody reads: some 700 and 200 tokens. A name that stands there is
known without the file that defines it."""
SHORTEST = 4
"""Characters of a name; a shorter one is as soon typed as taken."""

_WORD = re.compile(r"\w+")
Defined = Mapping[str, set[str]]
"""A name → the files that define it."""


def across_files(files: Iterable[Edited], files_of: FilesOf) -> list[Edited]:
    """The edits with nothing typed but lines that name what another file of their repository defines.

    Args:
        files: with their edits.
        files_of: gives the files of each source before the edits.

    Returns:
        In their order; files with no such line are left out.
    """
    known: dict[str, Defined] = {}
    found: list[Edited] = []
    for file in files:
        if file.source not in known:
            known[file.source] = defined(files_of(file.source))
        hunks = tuple(_narrowed(file, known[file.source]))
        if any(map(edits.worth_typing, hunks)):
            found.append(replace(file, hunks=hunks))
    return found


def defined(files: Mapping[str, bytes]) -> Defined:
    """What files define, by name; nothing of those that nobody typed."""
    found: dict[str, set[str]] = {}
    for path, data in files.items():
        for one in order.definitions(edits.readable(data) or "", language_of(path)):
            found.setdefault(one.name, set()).add(path)
    return found


def _narrowed(file: Edited, known: Defined) -> Iterator[Hunk]:
    """The same edits in more pieces, of which only the lines that count are typed."""
    after = edits.apply(file.base, file.hunks)
    own = {one.name for one in order.definitions(after, file.language)}
    names = [
        (at, name)
        for at, name in _names(after, file.language)
        if len(name) >= SHORTEST and name not in own and known.get(name, set()) - {file.name}
    ]
    text = file.base
    for hunk in file.hunks:
        behind = text[hunk.start + hunk.removed :]
        text = text[: hunk.start] + hunk.typed + behind
        near = set(_WORD.findall(behind[:BELOW]))
        wanted: list[tuple[int, int]] = []
        for start, end in _lines(hunk.typed) if edits.worth_typing(hunk) else ():
            here = hunk.start + start
            there = {name for at, name in names if here <= at < hunk.start + end} - near
            if there and there - set(_WORD.findall(text[max(0, here - ABOVE) : here])):
                wanted.append((start, end))
        yield from _pieces(hunk, wanted)


def _names(text: str, language: str) -> list[tuple[int, str]]:
    """The names in a text with where they stand, in code points; none in strings and comments."""
    data = text.encode()
    tree = parse(data, language)
    if tree is None:
        return []
    nodes = [node for some in queries.names(tree, language, 0, len(data)).values() for node in some]
    return sorted((len(data[: node.start_byte].decode()), (node.text or b"").decode()) for node in nodes)


def _lines(typed: str) -> Iterator[tuple[int, int]]:
    """Where lines begin and end that are not blank; one that a line break begins has it in front."""
    at = 0
    for line in typed.split("\n"):
        if line.strip():
            yield max(0, at - 1), at + len(line)
        at += len(line) + 1


def _pieces(hunk: Hunk, wanted: Sequence[tuple[int, int]]) -> Iterator[Hunk]:
    borders = sorted({0, len(hunk.typed), *(end for start, end in wanted), *(start for start, end in wanted)})
    removed = hunk.removed
    for start, end in pairwise(borders):
        yield Hunk(hunk.start + start, removed, hunk.typed[start:end], pasted=(start, end) not in wanted)
        removed = 0
    if len(borders) == 1:  # nothing but removed
        yield replace(hunk, pasted=True)
