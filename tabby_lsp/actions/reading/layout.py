"""Code in the shape of the place where it goes: its indentation, its unit, the blank lines and the ends of lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabby_lsp.actions.reading.regions import indent_of, unit_of
from tabby_lsp.syntax.reading import read

if TYPE_CHECKING:
    from tabby_lsp.actions.reading.regions import Region

_DOCUMENTATION = re.compile(r"""^\s*[rRuU]?(?:\"{3}|'{3})|/\*|<!--|--\[\[|\{-|\(\*|^=begin""")
"""Begins text whose indentation says nothing: a string that is a statement, and comments."""
_OPENER = re.compile(r"[(\[{:]\s*(?:(?:#|//).*)?$|\b(?:then|do)\s*$")


def in_place(region: Region, code: str) -> str:
    """Code as it stands in the place of a region: what the region's text is replaced with.

    Args:
        region: the region, which is not empty.
        code: with line feeds and any indentation.
    """
    lines = _without_blank_ends(indented(code, region, region.base).split("\n"))
    head, tail = _blank_ends(region.text)
    if region.before:
        lines[:1] = [lines[0].lstrip(" \t")] if lines else []
    text = head + "\n".join(lines) + tail
    if region.snapshot.text.startswith("\ufeff") and region.raw.startswith("\ufeff"):
        text = "\ufeff" + text.lstrip("\ufeff")
    return text.replace("\n", region.newline)


def indented(code: str, region: Region, base: str) -> str:
    """Code whose first line is indented with `base`, and the others relative to it in the document's unit."""
    lines = code.split("\n")
    first = next((line for line in lines if line.strip()), "")
    own_base = indent_of(first)
    inside = _inside_strings(region, code, lines)
    if _first_was_stripped(lines, own_base, region.unit, base):
        at = lines.index(first)
        lines[at], own_base = base + first.lstrip(" \t"), base
    own_unit = unit_of("\n".join(line for line, kept in zip(lines, inside, strict=True) if not kept))
    convert = (
        own_unit
        and region.unit
        and own_unit != region.unit
        and (own_unit == "\t" or _is_even(lines, inside, own_base, own_unit))
    )
    kept_lines = _as_they_were(region, lines, inside)
    return "\n".join(
        line if kept else _moved(line, own_base, own_unit if convert else "", base, region.unit)
        for line, kept in zip(lines, kept_lines, strict=True)
    )


def _as_they_were(region: Region, lines: list[str], inside: list[bool]) -> list[bool]:
    """Which lines of strings keep their indentation: all of literal ones, and those of which a line is as it was."""
    known = {line for line in region.text.split("\n") if line.strip()}
    kept = [False] * len(lines)
    first = 0
    for at in range(len(lines) + 1):
        if at < len(lines) and inside[at]:
            continue
        literal = first > 0 and at > first and not _DOCUMENTATION.search(lines[first - 1])
        if literal or any(line in known for line in lines[first:at]):
            kept[first:at] = [True] * (at - first)
        first = at + 1
    return kept


def _moved(line: str, own_base: str, own_unit: str, base: str, unit: str) -> str:
    if not line.strip():
        return ""
    indent, body = indent_of(line), line.lstrip(" \t")
    if indent.startswith(own_base):
        deeper = indent[len(own_base) :]
    else:
        # shallower than the first line: a continuation that hangs, or a closing bracket; as far as there is room
        missing = _width(own_base) - _width(indent)
        return _shortened(base, missing) + body
    if own_unit:
        steps, rest = 0, deeper
        while rest.startswith(own_unit):
            steps, rest = steps + 1, rest[len(own_unit) :]
        deeper = unit * steps + rest
    return base + deeper + body


def _shortened(base: str, columns: int) -> str:
    while base and columns > 0:
        columns -= _width(base[-1])
        base = base[:-1]
    return base


def _width(indent: str) -> int:
    return len(indent.expandtabs(4)) if indent != "\t" else 4


def _first_was_stripped(lines: list[str], own_base: str, unit: str, base: str) -> bool:
    """Whether an answer kept the indentation of all lines but the first, which somebody stripped."""
    coded = [line for line in lines if line.strip()]
    if not base or own_base or len(coded) < 2:
        return False
    expected = unit if _OPENER.search(coded[0]) else ""
    actual = indent_of(coded[1])
    if any(not line.startswith(base) for line in coded[1:]):
        return False
    return actual == base + expected


def _is_even(lines: list[str], inside: list[bool], own_base: str, unit: str) -> bool:
    """Whether nearly all lines are indented by whole units, so that the unit can be exchanged."""
    widths = [
        len(indent_of(line)) - len(own_base)
        for line, kept in zip(lines, inside, strict=True)
        if line.strip() and not kept
    ]
    odd = sum(width % len(unit) != 0 for width in widths)
    return odd * 5 <= len(widths)


def _inside_strings(region: Region, code: str, lines: list[str]) -> list[bool]:
    """Which lines begin inside of a string or comment of several lines."""
    literal = read(region.snapshot.language, code).literal
    inside, at = [], 0
    for line in lines:
        inside.append(at > 0 and at - 1 < len(literal) and bool(literal[at - 1]))
        at += len(line) + 1
    return inside


def _without_blank_ends(lines: list[str]) -> list[str]:
    while lines and not lines[0].strip():
        lines = lines[1:]
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def _blank_ends(text: str) -> tuple[str, str]:
    """The blank lines at both ends of a text, the line ending behind its last code included."""
    head = re.match(r"(?:[ \t]*\n)*", text)
    tail = re.search(r"(?:[ \t]*\n)*[ \t]*\Z", text)
    return (head.group() if head else ""), (tail.group() if tail and text.strip() else "")
