"""Text and code to words: what full text is searched by, and what vectors are summed over.

The index and the question go through the same function, so that `parseKnownArgs`, `parse_known_args` and "parse known
args" meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

_IDENTIFIER = re.compile(r"\w+")
_APART = {code: " " for code in range(128) if not _IDENTIFIER.match(chr(code))}
_SIGNS = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Chinese, Japanese and Korean are written without blanks: each sign is a word."""
_ASCII = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
"""`HTTPServer` → HTTP, Server; `utf8` → utf, 8."""
_OTHER = re.compile(rf"[{_SIGNS}]|[^\W\d_{_SIGNS}]+|\d+")
"""Where letters of other alphabets stand, case does not split."""

LONGEST = 64
"""Characters of a word; what is longer is data (hashes, base64), and only its beginning is kept."""
REMEMBERED = 200_000
"""Identifiers whose words are remembered: names repeat, so most text is split by looking up (about 50 MB)."""


class _Parts(dict[str, tuple[str, ...]]):
    """Identifier → its parts."""

    def __missing__(self, identifier: str) -> tuple[str, ...]:
        if len(self) >= REMEMBERED:
            self.clear()
        pattern = _ASCII if identifier.isascii() else _OTHER
        found = self[identifier] = tuple(part.lower()[:LONGEST] for part in pattern.findall(identifier))
        return found


class _Words(dict[str, str]):
    """Identifier → its parts, and the whole of it where it has several, joined by blanks."""

    def __missing__(self, identifier: str) -> str:
        if len(self) >= REMEMBERED:
            self.clear()
        parts = _parts[identifier]
        words = (*parts, identifier.lower()[:LONGEST]) if len(parts) > 1 else parts
        found = self[identifier] = " ".join(words)
        return found


_parts = _Parts()
_words = _Words()


def _identifiers(text: str) -> list[str]:
    r"""What `\w+` finds; in ASCII by blanking everything else, in two thirds of the time."""
    return text.translate(_APART).split() if text.isascii() else _IDENTIFIER.findall(text)


def parts_of(text: str) -> list[str]:
    """Parts of the identifiers in code or prose, lower-cased, in the order of the text.

    Args:
        text: any text.
    """
    return list(chain.from_iterable(map(_parts.__getitem__, _identifiers(text))))


def words_of(text: str) -> list[str]:
    """Words that full text is searched by, in the order of the text.

    Identifiers are split where their case, an underscore or a digit tells, and lower-cased; one that was split is
    followed by the whole of it, so that who asks for a name finds that very name first.

    Args:
        text: any text.
    """
    return column(text).split()


def column(text: str) -> str:
    """The words joined by blanks: the full-text column of the index, and what it is asked with."""
    return " ".join(filter(None, map(_words.__getitem__, _identifiers(text))))


TITLE = 3
"""How often the names of what a chunk defines stand before its text. On CoSQA dev: full text alone .370 without, .377
with 1, .379 with 2; static vectors alone .404 without, .417, .422, .422, .427 with 1 to 4; both fused best with 3.
On Go's documentation, fused: .451 without, .468 with 1, .482 with 3, .484 with 6."""


def titled(text: str, symbols: Iterable[str], path: str = "") -> str:
    """What a chunk is found by: its text, and before it where it stands and what it defines.

    A name says more of a definition than any one of its lines; so the names are repeated. For the full-text column and
    for embedders alike.

    Args:
        text: the chunk's lines.
        symbols: names that it defines, with their container: `Client.fetch`.
        path: of the file, relative; empty: left out.
    """
    names = " ".join(symbols)
    title = " ".join(part for part in (path, *[names] * TITLE) if part)
    return f"{title}\n{text}" if title else text
