"""One file as the index keeps it: read, decoded, parsed, cut. Runs in processes of their own; what comes back is plain.

Nothing of the store and nothing of LanceDB is imported here.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import tree_sitter

from tabby_lsp.index.files.left_out import by_content
from tabby_lsp.index.reading.chunks import chunks_of
from tabby_lsp.syntax.grammars import grammar
from tabby_lsp.syntax.symbols.extract import facts_of
from tabby_lsp.syntax.symbols.types import Facts

if TYPE_CHECKING:
    from tabby_lsp.index.reading.chunks import Chunk

GONE = "unreadable"
"""The reason for a file that cannot be read (any more)."""
PARSE_SECONDS = 2.0
"""CPU time of one parse: 12 ms for 120 KB of Python, half a minute for 30 KB of nothing but `/*`."""
STEPS = 16
"""Steps of a parse between two looks at the clock, each a system call: one a step was a tenth of the parse."""

_PIECE = 1 << 12
"""Bytes that are read at a time, by the parser and again for the text of each node that is asked for."""
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_local = threading.local()


@dataclass(slots=True)
class Read:
    """What was read of a file.

    Attributes:
        path: relative to the folder, with slashes.
        language: the protocol's id.
        facts: what it defines, imports and uses.
        chunks: it, cut.
        reason: why it is left out, as `left_out` names it; "" where it is not.
    """

    path: str
    language: str
    facts: Facts = field(default_factory=Facts)
    chunks: tuple[Chunk, ...] = ()
    reason: str = ""


def read_file(root: str, path: str, language: str) -> Read:
    """Read one file; whatever is wrong with it is a reason to leave it out, never an error.

    Args:
        root: the folder.
        path: relative to it, with slashes.
        language: the protocol's id.
    """
    try:
        data = Path(os.path.join(root, path)).read_bytes()  # noqa: PTH118 - half the time of joining with pathlib
    except OSError:
        return Read(path, language, reason=GONE)
    return read_bytes(path, language, data)


def read_bytes(path: str, language: str, data: bytes) -> Read:
    """Read what a file holds.

    Args:
        path: relative to the folder, with slashes.
        language: the protocol's id.
        data: its bytes.
    """
    if data[:2] in _BYTE_ORDER_MARKS:  # half of its bytes are NUL, and it is a text all the same
        data = plain(data)
    if reason := by_content(path, data):
        return Read(path, language, reason=reason)
    data = plain(data)
    tree = parse(data, language)
    facts = facts_of(tree, data, language)
    return Read(path, language, facts, chunks_of(tree, data, language, facts))


def parse(data: bytes, language: str) -> tree_sitter.Tree | None:
    """The tree of a file, or None: there is no grammar, or reading it takes longer than any file that people write.

    Args:
        data: UTF-8 whose lines end with line feeds.
        language: the protocol's id.
    """
    parser = _parser(language)
    if parser is None:
        return None
    end = time.thread_time() + PARSE_SECONDS
    steps = count(1)
    try:
        return parser.parse(
            lambda offset, _: data[offset : offset + _PIECE],
            progress_callback=lambda *_: not next(steps) % STEPS and time.thread_time() > end,
        )
    except ValueError:  # it was stopped
        parser.reset()
        return None


def plain(data: bytes) -> bytes:
    r"""The bytes of a text as UTF-8 without a mark, its lines ended by `\n`: their numbers are the protocol's.

    What is not UTF-8 is read as UTF-16 where a mark says so, else as Latin-1: names are ASCII nearly everywhere.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    if encoding := _BYTE_ORDER_MARKS.get(data[:2]):
        data = data.decode(encoding, "replace").encode()
    elif not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            data = data.decode("latin-1").encode()
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data


def _parser(language: str) -> tree_sitter.Parser | None:
    """This thread's parser for a language, or None where there is no grammar."""
    parsers: dict[str, tree_sitter.Parser | None] = _local.__dict__.setdefault("parsers", {})
    if language not in parsers:
        loaded = grammar(language)
        parsers[language] = tree_sitter.Parser(loaded) if loaded else None
    return parsers[language]
