"""What the text around a cursor tells about types: what stands before the dot, and what names were given.

Read off lines with regular expressions, since the statement at the cursor is not written yet and its tree is broken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabby_lsp.syntax.symbols.types import Use

if TYPE_CHECKING:
    from tabby_lsp.document import Position, Snapshot

LONGEST_RECEIVER = 200
"""Characters before the cursor in which what stands before the dot is looked for: the pattern's time grows with the
square of what it reads, and lines of data can be long."""
LINES_BEFORE = 80
"""Lines in which a name may have been given what it is: as far as names near the cursor are looked for."""

_DOT = re.compile(r"([^\W\d][\w$]*)\s*(?:\([^()]*\)|\[[^\[\]]*\])?\s*(?:\?\.|!\.|\.|::|->)\s*#?\w*$")
_PATH = r"((?:[^\W\d][\w$]*(?:\.|::|->|\?\.))*[^\W\d][\w$]*)"
_GIVEN = (
    re.compile(rf"\b([^\W\d][\w$]*)\s*(?::=|=)\s*(?:await\s+|new\s+|&|\*)*{_PATH}\s*(?:<[^<>()]*>)?[({{]"),
    re.compile(rf"\b([^\W\d][\w$]*)[?!]?\s*:\s*(?:readonly\s+|&|\*|\"|')*{_PATH}"),
)
_AS = re.compile(rf"(?:\b(?:with|except)\b|,)\s*(?:await\s+)?{_PATH}\s*(?:\([^()]*\))?\s+as\s+([^\W\d]\w*)")
_DECLARED = re.compile(r"\b([A-Z]\w*)(?:<[^<>=]*>)?\s*[*&]*\s+([a-z_]\w*)\s*[=;,)]")
_INSTANCE = re.compile(r"\bisinstance\(\s*(?:\w+\.)*(\w+),\s*\(?([A-Z]\w*)|\b(\w+)\s+instanceof\s+([A-Z]\w*)")
_SEPARATOR = re.compile(r"[.:>?-]+")


def dotted_at(snapshot: Snapshot, position: Position) -> Use | None:
    """What stands before the dot at a position, as the receiver of a name that is not written yet; None without a dot.

    Of `client.fetch(url).st` it is `fetch`.
    """
    text = snapshot.line_text(position.line)[max(0, position.column - LONGEST_RECEIVER) : position.column]
    found = _DOT.search(text)
    return Use("", found.group(1)) if found else None


def given_near(snapshot: Snapshot, position: Position) -> tuple[tuple[str, str], ...]:
    """Names that were given something in the lines before a position, the last gift first.

    Returns:
        Pairs of a name and of what says its type, a class or what is called, with what stands before its last dot:
        `client`, `net.Client` for `client = net.Client(` and for `client: net.Client`.
    """
    found: dict[tuple[str, str], None] = {}
    for line in range(position.line, max(position.line - LINES_BEFORE, -1), -1):
        text = snapshot.line_text(line)[: position.column if line == position.line else None]
        if "=" not in text and ":" not in text and " " not in text:
            continue
        pairs = [match.groups() for pattern in _GIVEN for match in pattern.finditer(text)]
        pairs += [(name, path) for path, name in _AS.findall(text)]
        pairs += [(name, kind) for kind, name in _DECLARED.findall(text)]
        pairs += [(a or c, b or d) for a, b, c, d in _INSTANCE.findall(text)]
        found.update(((name, ".".join(_SEPARATOR.split(path)[-2:])), None) for name, path in pairs)
    return tuple(found)
