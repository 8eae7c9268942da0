"""Values in the filters that LanceDB takes as SQL text. Paths and names come from anybody's repository."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPECIAL = re.compile(r"[*?\[]")


def quoted(value: str) -> str:
    """A string literal: DataFusion knows one escape, the doubled quote; a backslash is a backslash."""
    return "'" + value.replace("'", "''") + "'"


def among(column: str, values: Iterable[str]) -> str:
    """The column has one of these values; with none of them, nothing fits."""
    listed = ", ".join(quoted(value) for value in values)
    return f"`{column}` IN ({listed})" if listed else "false"


def begins(column: str, start: str) -> str:
    """The column begins with a text, as a range, which an ordered index finds; with none, anything does."""
    if not start:
        return "true"
    after = start[:-1] + chr(ord(start[-1]) + 1)
    return f"`{column}` >= {quoted(start)} AND `{column}` < {quoted(after)}"


def defines(column: str, name: str) -> str:
    """The column lists a name, be it with the container before it (`Client.fetch`) or without."""
    pattern = f"(^|[./]){re.escape(name)}($|/)"
    return f"regexp_like(array_to_string(`{column}`, '/'), {quoted(pattern)})"


def glob(column: str, pattern: str) -> str:
    """The column fits a glob: `*` within a folder, `**` across folders, `?` one character, `[ab]` a set.

    A pattern without a slash fits at any depth, and one that names a folder everything in it, as in an ignore file.
    """
    return f"regexp_like(`{column}`, {quoted(expression(pattern))})"


def expression(pattern: str) -> str:
    """A glob as a regular expression, anchored at both ends."""
    pattern = pattern.removeprefix("./")
    anchored = "/" in pattern.rstrip("/")
    pattern = pattern.lstrip("/")
    if pattern.endswith("/"):
        pattern += "**"
    inside = "".join(_translated(part) for part in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]/]+\]|.", pattern, re.DOTALL))
    below = "" if _SPECIAL.search(pattern.rsplit("/", 1)[-1]) else "(/.*)?"
    return f"^{'' if anchored else '(.*/)?'}{inside}{below}$"


def _translated(part: str) -> str:
    table = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if part in table:
        return table[part]
    if part.startswith("[") and len(part) > 2:
        inside = part[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    return re.escape(part)
