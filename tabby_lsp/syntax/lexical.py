"""Which stretches of a text are strings and comments, from a table of literal forms and one regular expression.

This is the view of a line without a tree, and of code that is too broken for one: it needs no grammar, never
fails, and reads about ten million characters a second. It knows a language only through `Language.literals`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabby_lsp.syntax.languages import Language

BRACKETS = re.compile(r"[()\[\]{}]")
CLOSER_OF = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which a language writes text that is not code.

    Args:
        pattern: from the opening to the closing mark, or to where an unclosed one ends.
        comment: a comment, not a string.
        spans: it may go over line ends.
    """

    pattern: str
    comment: bool = False
    spans: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A string or comment: the code points [start, end) of the text that was read."""

    start: int
    end: int
    form: Form


_PREFIX_LETTERS = 3
"""Letters that may precede a quote: Python's `rb`, C++'s `u8R`."""

_LINE_BODY = r"(?:\\(?:\r\n|[\s\S])|[^%s\\\r\n])*(?:%s|(?=[\r\n])|\Z)"
_LONG_BODY = r"(?:\\[\s\S]|[^%s\\])*(?:%s|\Z)"

FORMS: dict[str, Form] = {
    "// comment": Form(r"//[^\r\n]*", comment=True),
    "# comment": Form(r"#[^\r\n]*", comment=True),
    "# comment after a space": Form(r"(?<![^\s;(])#[^\r\n]*", comment=True),
    "# comment but #[": Form(r"#(?!\[)[^\r\n]*", comment=True),
    "-- comment": Form(r"--[^\r\n]*", comment=True),
    "/* comment */": Form(r"/\*[\s\S]*?(?:\*/|\Z)", comment=True, spans=True),
    "--[[ comment ]]": Form(r"--\[(?P<dashes>=*)\[[\s\S]*?(?:\](?P=dashes)\]|\Z)", comment=True, spans=True),
    "=begin comment =end": Form(r"^=begin\b[\s\S]*?(?:^=end\b|\Z)", comment=True, spans=True),
    "<!-- comment -->": Form(r"<!--[\s\S]*?(?:-->|\Z)", comment=True, spans=True),
    '"': Form('"' + _LINE_BODY % ('"', '"')),
    "'": Form("'" + _LINE_BODY % ("'", "'")),
    "'c'": Form(r"'(?:\\[^\r\n']{1,10}|\\'|[^'\\\r\n])'"),
    '" over lines': Form('"' + _LONG_BODY % ('"', '"'), spans=True),
    "' over lines": Form("'" + _LONG_BODY % ("'", "'"), spans=True),
    "' without escapes": Form(r"'[^']*(?:'|\Z)", spans=True),
    '"""': Form(r'"""(?:\\[\s\S]|[^\\])*?(?:"""|\Z)', spans=True),
    "'''": Form(r"'''(?:\\[\s\S]|[^\\])*?(?:'''|\Z)", spans=True),
    "`": Form("`" + _LONG_BODY % ("`", "`"), spans=True),
    "` without escapes": Form(r"`[^`]*(?:`|\Z)", spans=True),
    '@"': Form(r'\$?@\$?"(?:""|[^"])*(?:"|\Z)', spans=True),
    'r#"': Form(r'\bb?r(?P<hashes>#*)"[\s\S]*?(?:"(?P=hashes)|\Z)', spans=True),
    'R"(': Form(r'\bR"(?P<mark>[^()\\\s]{0,16})\([\s\S]*?(?:\)(?P=mark)"|\Z)', spans=True),
    "[[": Form(r"\[(?P<equals>=*)\[[\s\S]*?(?:\](?P=equals)\]|\Z)", spans=True),
}
"""Every literal form, by the name that rows of the language table use."""


def stretches(language: Language, text: str) -> list[Stretch]:
    """The strings and comments of a text that begins in code, in their order; they do not overlap."""
    pattern = _pattern(language.literals)
    if pattern is None:
        return []
    return [Stretch(match.start(), match.end(), _form(language, match)) for match in pattern.finditer(text)]


def form_at(language: Language, text: str, offset: int) -> Form | None:
    """The form of the string or comment that begins at an offset, letters before its quote included; None if none."""
    pattern = _pattern(language.literals)
    if pattern is None:
        return None
    for start in range(offset, offset + _PREFIX_LETTERS + 1):
        match = pattern.match(text, start)
        if match:
            return _form(language, match)
        if not text[start : start + 1].isalpha():
            break
    return None


def stretch_at_end(language: Language, text: str) -> Stretch | None:
    """The string or comment that is still open where a text ends, or None."""
    # A character that no form closes with: an open stretch takes it in, a closed one leaves it.
    found = stretches(language, text + "\0")
    return found[-1] if found and found[-1].end == len(text) + 1 else None


def _form(language: Language, match: re.Match[str]) -> Form:
    """The form whose group matched; it is the last one to close, groups of its own included."""
    return FORMS[language.literals[int((match.lastgroup or "f0")[1:])]]


@lru_cache(maxsize=64)
def _pattern(literals: tuple[str, ...]) -> re.Pattern[str] | None:
    if not literals:
        return None
    groups = (f"(?P<f{index}>{FORMS[name].pattern})" for index, name in enumerate(literals))
    return re.compile("|".join(groups), re.MULTILINE)
