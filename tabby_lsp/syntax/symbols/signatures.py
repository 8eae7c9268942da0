"""How a definition looks without its body, and the line that its author wrote about it.

What a model reads of other files is made here, so it is short and looks like code of its language.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from tabby_lsp.syntax.languages import Blocks, language
from tabby_lsp.syntax.symbols.types import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tabby_lsp.syntax.languages import Language

MOST_LINES = 6
"""Lines of a parameter list that is kept as its author laid it out; a longer one is joined."""
MOST_CHARACTERS = 480
"""Characters of a signature; some 120 tokens. What goes beyond is left out."""
MOST_TYPE = 320
"""Characters of a type or prototype that is kept whole."""
MOST_DOC = 120
"""Characters of the documentation's first line."""

_CLOSING = {"{": "}", "[": "]", "(": ")"}
_DOCSTRING = re.compile(rb'[rRuUbB]?("""|\'\'\'|"|\')([\s\S]{0,400})')
_MARKS = re.compile(r"^(?:/\*\*?|\*/|///?!?|\*|#+|--+\[*|;+|<!--)\s?|\s*(?:\*/|\]\]|-->)$")
_NO_DOC = re.compile(
    r"^(?:[@\\:]|eslint|tslint|prettier|noqa|type:|pylint|pragma|go:|nolint|clang-|NOLINT|!|-\*-|region|istanbul|rubocop"
    r"|[-=*#~_/+\s]*$)"
)
_COMMENTS_ABOVE = {"#": r"#", "--": r"--"}
_SLASHES_ABOVE = r"//|/\*|\*(?:[\s/*]|$)"
_ATTRIBUTES_ABOVE = {
    "python": "@",
    "javascript": "@",
    "typescript": "@",
    "tsx": "@",
    "java": "@",
    "rust": r"#!?\[",
    "php": r"#\[",
    "csharp": r"\[",
}
"""What begins a line directly above a definition that belongs to it, beside comments."""
_ANNOTATION = re.compile(r"@(?!interface\b)[\w.$]+\b(?!\s*=)\s*|#?\[")
_BRACKET_OR_STRING = re.compile(r"[()\[\]{}]|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`")
_TAG = re.compile(r"</?[a-zA-Z][^>]*>")


def first_line_above(lines: Sequence[str], row: int, language_id: str) -> int:
    """The first line of the comments and attributes directly above a line.

    Args:
        lines: of the file.
        row: the definition's first line, 0-based.
        language_id: the protocol's id.
    """
    belongs = _above(language_id)
    while row > 0 and belongs.match(lines[row - 1]):
        row -= 1
    return row


@lru_cache(maxsize=64)
def _above(language_id: str) -> re.Pattern[str]:
    row = language(language_id)
    kinds = [_COMMENTS_ABOVE.get(row.comment, _SLASHES_ABOVE), _ATTRIBUTES_ABOVE.get(row.name, "")]
    return re.compile(rf"\s*(?:{'|'.join(kind for kind in kinds if kind)})")


def doc_above(lines: Sequence[str], first: int, row: int) -> str:
    """What the comment in the lines [first, row) says first; "" where it says nothing to a person."""
    for line in lines[first:row]:
        text = line.strip()
        if text.startswith(("@", "[", "#[")):
            continue  # an attribute
        text = _TAG.sub("", _MARKS.sub("", _MARKS.sub("", text))).strip()
        if text and not _NO_DOC.match(text):
            return text[:MOST_DOC]
    return ""


def doc_inside(data: bytes, start: int) -> str:
    """The first line of a string at a place, where a body begins: Python's documentation; "" where there is none."""
    found = _DOCSTRING.match(data, start)
    if found is None:
        return ""
    text = found.group(2).split(found.group(1))[0].decode("utf-8", "replace").strip()
    return text.split("\n", 1)[0].strip().replace("\\", "")[:MOST_DOC]


def signature(text: str, kind: Kind, column: int, doc: str, language_id: str, *, whole: bool) -> str:
    """Lay a signature out.

    Args:
        text: the source of a definition up to its body, or of all of it.
        kind: of the definition.
        column: where its first line begins, in bytes: by so much the others are dedented.
        doc: the first line of its documentation; "" for none.
        language_id: the protocol's id.
        whole: the text has no body that was cut off; what is no signature either is told by its first line.
    """
    row = language(language_id)
    text = _without_annotations(text)
    text = (
        _first_line(text)
        if whole and not _is_a_signature(text, kind)
        else _laid_out(text.rstrip().removesuffix("{").rstrip(), column, row)
    )
    if len(text) > MOST_CHARACTERS:
        text = f"{text[:MOST_CHARACTERS].rstrip()} ..."
    if not doc:
        return text
    if row.shape is Blocks.INDENTATION:
        return f'{text}\n    """{doc}"""' if text.endswith(":") else text
    return f"{row.comment} {doc}\n{text}"


def _is_a_signature(text: str, kind: Kind) -> bool:
    """Whether a definition without a body is worth reading to its end: a prototype, a type, a field's type."""
    if kind is Kind.CONSTANT or (kind is Kind.FUNCTION and "=>" in text):
        return False
    return len(text) <= MOST_TYPE and text.count("\n") < MOST_LINES


def _laid_out(text: str, column: int, row: Language) -> str:
    lines = [_without_comment(line, row).rstrip() for line in text.split("\n")]
    if len(lines) == 1:
        return lines[0]
    lines = [lines[0], *(line for line in lines[1:] if line.strip())]
    if len(lines) > MOST_LINES:
        joined = re.sub(
            r"([(\[<{]) | (?=[)\]>}])", lambda found: found.group(1) or "", " ".join(" ".join(lines).split())
        )
        return re.sub(r",([)\]>])", r"\1", joined)
    rest = [line.expandtabs(4) if line.startswith("\t") and column == 0 else line for line in lines[1:]]
    if column:
        rest = [line[min(column, len(line) - len(line.lstrip())) :] for line in rest]
    return "\n".join([lines[0], *rest])


def _without_comment(line: str, row: Language) -> str:
    """A line up to a comment at its end; left as it is where a quote stands before that."""
    place = line.find(f"{row.comment} ") if row.comment else -1
    return line if place < 0 or '"' in line[:place] or "'" in line[:place] else line[:place]


def _first_line(text: str) -> str:
    """What stands for a definition that is told by its value: its first line, with open brackets closed."""
    first, more, _ = text.strip().partition("\n")
    first = first.rstrip()
    if len(first) > MOST_DOC:
        return f"{first[:MOST_DOC].rstrip()} ..."
    if not more:
        return first
    return f"{first}...{_CLOSING[first[-1]]}" if first[-1:] in _CLOSING else f"{first} ..."


def _without_annotations(text: str) -> str:
    """Leave out decorators and attributes that stand before a definition."""
    while found := _ANNOTATION.match(text):
        end = found.end()
        if found.group().endswith("["):
            end = _balanced(text, end - 1)
        elif text[end : end + 1] == "(":
            end = _balanced(text, end)
        if end >= len(text):
            return text
        text = text[end:].lstrip()
    return text


def _balanced(text: str, start: int) -> int:
    """The place behind the bracket that closes the one at `start`; the text's end where none does."""
    depth = 0
    for found in _BRACKET_OR_STRING.finditer(text, start):
        if found.group() in "([{":
            depth += 1
        elif found.group() in ")]}":
            depth -= 1
            if depth == 0:
                return found.end()
    return len(text)
