"""Which names a file uses, counted without its tree: one pass that blanks strings and comments, one that counts.

Best effort by intention: ten megabytes a second, where a visit to every node of the tree costs ten times as much.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from tabby_lsp.syntax.languages import language
from tabby_lsp.syntax.symbols.vocabulary import reserved

if TYPE_CHECKING:
    from collections.abc import Collection

MOST_REFERENCES = 512
"""Names that are kept of one file; a longer list is a dictionary or generated."""
LONGEST_NAME = 80
"""Bytes; what is longer is data."""

_NAME = re.compile(rb"[A-Za-z_\x80-\xff][\w\x80-\xff]{1,%d}" % (LONGEST_NAME - 1))
_LINE_COMMENTS = {"#": rb"#[^\n]*", "//": rb"//[^\n]*", "--": rb"--[^\n]*"}
_STRINGS = rb"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
_LONG_STRINGS = rb"\"\"\"[\s\S]*?(?:\"\"\"|\Z)|'''[\s\S]*?(?:'''|\Z)"
_BLOCK_COMMENT = rb"/\*[\s\S]*?(?:\*/|\Z)"  # what is not closed goes to the end, once


def references(data: bytes, language_id: str, defined: Collection[str]) -> tuple[str, ...]:
    """Names that are used and not defined in a file, each once, most used first and then in the order of the file.

    Args:
        data: the file.
        language_id: the protocol's id.
        defined: names that the file defines.
    """
    counts = Counter(_NAME.findall(_literals(language_id).sub(b" ", data)))
    left_out = reserved(language_id)
    found: list[str] = []
    for name, _ in counts.most_common():
        text = name.decode("utf-8", "replace")
        if text not in left_out and text not in defined:
            found.append(text)
            if len(found) == MOST_REFERENCES:
                break
    return tuple(found)


@lru_cache(maxsize=64)
def _literals(language_id: str) -> re.Pattern[bytes]:
    """Strings and comments, roughly."""
    row = language(language_id)
    parts = [_LONG_STRINGS] if row.name == "python" else []
    parts.append(_STRINGS if row.name != "rust" else rb"\"(?:[^\"\\]|\\[\s\S])*\"")
    parts += [_BLOCK_COMMENT] if row.comment == "//" else []
    parts += [_LINE_COMMENTS[row.comment]] if row.comment in _LINE_COMMENTS else []
    return re.compile(b"|".join(parts))
