"""Syntax trees of documents, kept and re-parsed incrementally.

A tree belongs to one snapshot and is never changed: the next one is made from a copy. Parsing an edited file
of 12,000 lines anew takes 65 ms, with the old tree a tenth of that. A parse may be done a few milliseconds at a time,
since a thread would be no help: tree-sitter's binding keeps the interpreter's lock while it parses (its issue 111; the
longest wait of another thread was 253 of 277 ms).
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import tree_sitter

from tabby_lsp.difference import difference
from tabby_lsp.syntax.grammars import grammar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tabby_lsp.document import Snapshot

CHUNK = 1 << 10
"""Bytes that a parser is given at a time. A node's text is read in such pieces too, for each node anew: with 64 KiB the
imports of a file of 80 KB took six times as long to find."""
KEPT_TREES = 16
"""Documents whose trees stay in memory; a tree takes some ten times the size of its text."""
KEPT_VERSIONS = 3
"""Trees of one document: as it is, and as it would be with a suggestion accepted and a line begun behind it, for which
the completion prepares itself. They share most of their nodes."""
SIZE_LIMIT = 2_000_000
"""Bytes; a larger document (generated, minified) has no tree, since even one parse of it would be felt."""


@dataclass(frozen=True, slots=True)
class _Parsed:
    snapshot: Snapshot
    data: bytes
    tree: tree_sitter.Tree


@dataclass(slots=True)
class _Document:
    """What is kept of one document.

    Attributes:
        versions: the one that was asked for last comes first.
        unfinished: the parse that has been begun.
    """

    versions: list[_Parsed] = field(default_factory=list[_Parsed])
    unfinished: _Parse | None = None


class Trees:
    """The trees of recently used documents. One instance belongs to one thread; its trees may be read by any."""

    def __init__(self, kept: int = KEPT_TREES, size_limit: int = SIZE_LIMIT) -> None:
        self._kept = kept
        self._size_limit = size_limit
        self._documents: OrderedDict[str, _Document] = OrderedDict()

    def tree(self, snapshot: Snapshot) -> tree_sitter.Tree | None:
        """The tree of a snapshot, or None: no grammar for its language, or too large a document.

        A parse that `advance` has begun is finished.
        """
        while not self.advance(snapshot, math.inf):
            pass
        known = self._documents.get(snapshot.uri)
        return None if known is None else known.versions[0].tree

    def soon(self, snapshot: Snapshot, seconds: float) -> tree_sitter.Tree | None:
        """`tree`, where some time is enough for it; what was begun is gone on with when somebody asks again.

        Args:
            snapshot: the document.
            seconds: of parsing.
        """
        end = time.perf_counter() + seconds
        while not self.advance(snapshot, end - time.perf_counter()):
            if time.perf_counter() >= end:
                return None
        return self.tree(snapshot)

    def advance(self, snapshot: Snapshot, seconds: float) -> bool:
        """Parse for some time, to be asked again until it is done.

        What was begun for another version of the document is finished first: the rest is made of it sooner than anew.

        Args:
            snapshot: the document as it is by now.
            seconds: of parsing; a millisecond or two come before it in a document of 13,000 lines.

        Returns:
            Whether nothing is left to do.
        """
        loaded = grammar(snapshot.language)
        if loaded is None or len(snapshot.text) > self._size_limit:
            self.forget(snapshot.uri)
            return True
        known = self._documents.setdefault(snapshot.uri, _Document())
        self._documents.move_to_end(snapshot.uri)
        if len(self._documents) > self._kept:
            self._documents.popitem(last=False)
        at = next((at for at, one in enumerate(known.versions) if one.snapshot is snapshot), None)
        if at is not None:
            known.versions.insert(0, known.versions.pop(at))
            return True
        if known.unfinished is None or known.unfinished.language != snapshot.language:
            last = known.versions[0] if known.versions else None
            same = last is not None and last.snapshot.language == snapshot.language
            known.unfinished = _Parse(loaded, snapshot, last if same else None)
        unfinished, known.unfinished = known.unfinished, None
        parsed = unfinished.advance(seconds)
        if parsed is not None:
            known.versions[:] = [parsed, *known.versions[: KEPT_VERSIONS - 1]]
        else:
            known.unfinished = unfinished
        return parsed is not None and parsed.snapshot is snapshot

    def forget(self, uri: str) -> None:
        """Drop what is kept of a document; one that is not known is no fault."""
        self._documents.pop(uri, None)


def encoded(text: str) -> bytes:
    """A text as the grammars read it; lone surrogates keep their three bytes."""
    return text.encode("utf-8", "surrogatepass")


def parsed_within(
    seconds: float, parser: tree_sitter.Parser, data: bytes, old: tree_sitter.Tree | None
) -> tree_sitter.Tree | None:
    """Parse for some time, or go on with what the parser was interrupted in.

    Args:
        seconds: of parsing.
        parser: of the language.
        data: the text.
        old: the tree of an earlier version, moved to where its parts stand now; None: there is none.

    Returns:
        None where it is not done.
    """
    end, interrupted = time.perf_counter() + seconds, False

    def read(offset: int, _: object) -> bytes:  # the tree keeps it
        return data[offset : offset + CHUNK]

    def is_over(*_: object) -> bool:
        nonlocal interrupted
        interrupted = time.perf_counter() > end
        return interrupted

    try:
        if old is None:
            return parser.parse(read, progress_callback=is_over)
        return parser.parse(read, old, progress_callback=is_over)
    except ValueError:
        if not interrupted:
            raise
        return None


class _Parse:
    """One parse, which may be interrupted.

    Args:
        loaded: the grammar.
        snapshot: the document.
        last: what there is of an earlier version, in the same language; None: nothing.
    """

    def __init__(self, loaded: tree_sitter.Language, snapshot: Snapshot, last: _Parsed | None) -> None:
        self._parser = tree_sitter.Parser(loaded)  # of its own: an interrupted one goes on where it was
        self._snapshot = snapshot
        self._data = encoded(snapshot.text)
        self._old = None if last is None else _edited(last, snapshot, self._data)
        self._unchanged = last is not None and self._old is last.tree
        self.language = snapshot.language

    def advance(self, seconds: float) -> _Parsed | None:
        """Go on for some time; None: it is not done."""
        tree = self._old if self._unchanged else parsed_within(seconds, self._parser, self._data, self._old)
        return None if tree is None else _Parsed(self._snapshot, self._data, tree)


def _edited(last: _Parsed, snapshot: Snapshot, data: bytes) -> tree_sitter.Tree:
    """The last tree, moved to where its parts stand in a new version; the tree itself where the text is the same."""
    start, old_end, new_end = _difference(last.snapshot.lines, snapshot.lines, len(last.data), len(data))
    if start == old_end == new_end:
        return last.tree
    tree = last.tree.copy()  # whoever still holds the old one sees it unchanged
    tree.edit(start, old_end, new_end, point(data, start), point(last.data, old_end), point(data, new_end))
    return tree


def _difference(old: Sequence[str], new: Sequence[str], old_size: int, new_size: int) -> tuple[int, int, int]:
    """The one stretch of lines in which two versions differ, in bytes: its start, its old end, its new end."""
    first, _, after = difference(old, new)
    behind = _size(new[after:])
    return _size(new[:first]), old_size - behind, new_size - behind


def _size(lines: Sequence[str]) -> int:
    return len(encoded("".join(lines)))


def point(data: bytes, offset: int) -> tuple[int, int]:
    """A byte offset as tree-sitter counts places: rows end at line feeds only, columns are bytes."""
    return data.count(b"\n", 0, offset), offset - (data.rfind(b"\n", 0, offset) + 1)
