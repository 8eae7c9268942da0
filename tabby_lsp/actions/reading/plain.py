"""Answers that are no code: Markdown that is shown, and one line of text such as a commit message."""

from __future__ import annotations

import re

from tabby_lsp.actions.reading.answers import blocks, spoken
from tabby_lsp.actions.reading.code import CUT
from tabby_lsp.actions.reading.regions import Region, Unusable
from tabby_lsp.actions.types import Outcome
from tabby_lsp.engine.types import Finish

_FENCE = re.compile(r"^[ \t]{0,3}(`{3,}|~{3,})[ \t]*([^`\n]*)$")
_MARKDOWN = frozenset({"markdown", "md"})
_LABEL = re.compile(
    r"^(?:(?:the|a|suggested|proposed|generated|new|git)\s+)*(?:commit(?:\s+message)?|branch(?:\s+name)?|message|title"
    r"|subject|name|answer|summary)\s*(?:is\s*)?:\s*(?=\S)",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^(?:[-*•>]|\d+[.)])\s+|^#{1,6}\s+")
_QUOTES = ('"', "'", "`", "**", "*", "“", "‘", "_")
_CLOSING = {"“": "”", "‘": "’"}


def read_prose(region: Region, answer: str, finish: Finish) -> Outcome:
    """An answer as Markdown: a fence around all of it is taken off, and one that is left open closed."""
    text = spoken(answer, region.snapshot.text).strip()
    found = blocks(text)
    if len(found) == 1 and found[0].tag in _MARKDOWN and _FENCE.match(text.split("\n", 1)[0]):
        inner = found[0].text.strip()
        text = inner if inner and _ends_with(text, inner) else text
    if not text:
        raise Unusable("empty")
    open_fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and not open_fence:
            open_fence = mark.group(1)
        elif mark and not mark.group(2).strip() and mark.group(1).startswith(open_fence):
            open_fence = ""
    if open_fence:
        text = f"{text}\n{open_fence}"
    return Outcome(text=text, message="The answer was cut off before its end." if finish in CUT else "")


def read_line(region: Region, answer: str, finish: Finish) -> Outcome:
    """An answer as one line of plain text, without label, quotes and introduction."""
    del finish  # a line that is cut is still a line that a person can go on with
    text = spoken(answer, region.snapshot.text)
    found = [block.text for block in blocks(text) if block.text.strip()]
    for part in (*found, text):
        for line in part.split("\n"):
            if line := _bare(line):
                return Outcome(text=line)
    raise Unusable("empty")


def _ends_with(text: str, inner: str) -> bool:
    """Whether nothing stands behind a fenced text but its fence."""
    return not text[text.rfind(inner[-20:]) + len(inner[-20:]) :].strip("`~ \t\n")


def _bare(line: str) -> str:
    """What a line says; "" for one that only introduces the next."""
    plain = line.strip()
    if _FENCE.match(plain) or plain.endswith(":"):
        return ""
    while True:
        before = plain
        plain = _LABEL.sub("", _BULLET.sub("", plain)).strip()
        plain = re.sub(r"^\*\*([^*]+):\*\*\s*(?=\S)", "", plain)
        for quote in _QUOTES:
            close = _CLOSING.get(quote, quote)
            inner = plain[len(quote) : -len(close)]
            if len(plain) > len(quote) + len(close) and plain.startswith(quote) and plain.endswith(close):
                plain = plain if quote in inner and close == quote else inner.strip()
        if plain == before:
            return " ".join(plain.strip("`").split())
