"""What may be set: every setting with its type, default, choices and limits, read off `config.py`.

Tables, and how one value is checked and written. What is decided by hand, such as who may set what, is `rules.py`;
where values come from is `options.py`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, fields, is_dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from tabby_lsp.config import DERIVED, Settings
from tabby_lsp.rules import FILE_PATHS, LIMITS, MANY_LINES, SECRETS, Value

_REFERENCE = re.compile(r"\$\{\w+\}", re.ASCII)
_QUERY = re.compile(r"(?<=\?).+", re.DOTALL)
_LOGIN = re.compile(r"(?<=://)[^/@\s\"]*@")

VARIABLES_APART = frozenset({"TABBY_LSP_CONFIG", "TABBY_LSP_MODELS"})
"""Environment variables with our prefix that are not settings."""

PROJECT_FILE = ".tabby-lsp.toml"
SERVER_NAMES = ("tabby-lsp", "tabby_lsp")

LARGEST_USER_FILE = 1 << 20
LARGEST_PROJECT_FILE = 16 << 10
"""Bytes. tomllib's time grows with the square of a dotted key's parts: 8,000 parts (16 kB) take 0.6 s, 16,000 4."""

MOST_GUESSES = 100
"""Faults after which no spelling is suggested any more, so that a file of nonsense cannot hold up the start."""

MOST_MEANT = 3
"""Keys that are named where one name may stand for several."""

LONGEST_NAME = 80
NOT_ONE_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_TRUTH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_KINDS: Mapping[type, str] = {dict: "a table", list: "a list", type(None): "nothing"}
_NAMES: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text on one line",
    tuple: "a list of texts",
}
_BREAKS = str.maketrans("", "", "\n\r\t")


@dataclass(frozen=True, slots=True)
class Setting:
    """What may stand under one key, read off a field in `config.py`.

    Args:
        key: section and field with a dot between them, or the field alone at the top.
        type: the class of its values.
        default: the built-in value.
        choices: the only texts allowed; empty where any text is.
        limits: least and greatest number; None where the values are no numbers.
    """

    key: str
    type: type[Value]
    default: Value
    choices: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None

    @property
    def expected(self) -> str:
        """The allowed values in words, such as "a whole number from 1 to 8"."""
        if self.choices:
            return "one of " + ", ".join(f'"{choice}"' for choice in self.choices)
        if self.limits:
            return f"{_NAMES[self.type]} from {self.limits[0]:.0f} to {self.limits[1]:.0f}"
        return "text" if self.type is str and self.key in MANY_LINES else _NAMES[self.type]

    def accept(self, value: object) -> Value | None:
        """Return the value in the field's own type, or None where it may not stand here."""
        accepted = _ACCEPT[self.type](value)
        if self.key in MANY_LINES and _ACCEPT[self.type](_without_breaks(value)) is not None:
            accepted = cast("str | tuple[str, ...]", tuple(value) if isinstance(value, list) else value)
        if accepted is None or (self.choices and accepted not in self.choices):
            return None
        if self.limits and isinstance(accepted, int | float):
            in_range = self.limits[0] <= accepted <= self.limits[1]
            return (float(accepted) if self.type is float else accepted) if in_range else None
        return os.path.expanduser(accepted) if self.key in FILE_PATHS and isinstance(accepted, str) else accepted


def _without_breaks(value: object) -> object:
    """A text, or a list of texts, without its line breaks; anything else as it is."""
    if isinstance(value, list | tuple):
        return [_without_breaks(item) for item in cast("Sequence[object]", value)]
    return value.translate(_BREAKS) if isinstance(value, str) else value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and not NOT_ONE_LINE.search(value) else None


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple):
        return None
    items = tuple(_text(item) for item in cast("Sequence[object]", value))
    return None if None in items else cast("tuple[str, ...]", items)


_ACCEPT = {
    bool: lambda value: value if isinstance(value, bool) else None,
    int: lambda value: value if isinstance(value, int) and not isinstance(value, bool) else None,
    float: lambda value: value if isinstance(value, int | float) and not isinstance(value, bool) else None,
    str: _text,
    tuple: _texts,
}

PARSE = {
    bool: lambda text: _TRUTH[text.strip().lower()],
    int: int,
    float: float,
    str: str,
    tuple: lambda text: tuple(part.strip() for part in text.split(",") if part.strip()),
}


def parts(owner: object) -> list[Field[Any]]:
    """Return what may be set in one of the classes of `config.py`: what it adds to its base first."""
    own = type(owner).__annotations__
    found = [field for field in fields(cast("Settings", owner)) if DERIVED not in field.metadata]
    return sorted(found, key=lambda field: field.name not in own)


def _settings_of(owner: object, above: str = "") -> Iterator[tuple[str, Setting | None]]:
    """Yield the settings under their keys, and tables, before what is in them, as None."""
    hints = get_type_hints(type(owner))
    for field in parts(owner):
        key, value, hint = above + field.name, getattr(owner, field.name), hints[field.name]
        if is_dataclass(value):
            yield key, None
            yield from _settings_of(value, f"{key}.")
        else:
            choices = get_args(hint) if get_origin(hint) is Literal else ()
            limits = LIMITS.get(key, (0, 2**31 - 1)) if type(value) in (int, float) else None
            yield key, Setting(key, type(value), value, choices, limits)


_ALL = dict(_settings_of(Settings()))

SETTINGS: Mapping[str, Setting] = MappingProxyType({key: setting for key, setting in _ALL.items() if setting})
"""Every setting by its dotted key, in the order of `config.py`."""

SECTIONS: tuple[str, ...] = tuple(key for key, setting in _ALL.items() if setting is None)
"""Dotted names of the tables, each before those within it."""

VARIABLES: Mapping[str, str] = MappingProxyType(
    {"TABBY_LSP_" + key.replace(".", "_").upper(): key for key in SETTINGS},
)
"""Environment variables and the dotted keys that they set."""

WITHIN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        above: tuple(key.removeprefix(above) for key in _ALL if key.rpartition(".")[0] == above[:-1])
        for above in ("", *(f"{section}." for section in SECTIONS))
    }
)
"""What each table holds, settings and tables; the table is written with a dot at its end, the top as nothing."""


@cache
def candidates(above: str) -> Mapping[str, tuple[str, ...]]:
    """Return what somebody may have meant who wrote a name that is unknown in a table.

    Args:
        above: the table, with a dot at its end; empty: the top.

    Returns:
        Names and whole keys, each with the keys it may stand for: those in the table itself, else those that have most
        of its path in common, of these the ones that lie highest. Several where nothing tells them apart.
    """
    path = above.split(".")[:-1]

    def far(key: str) -> tuple[bool, int, int]:
        table = key.split(".")[:-1]
        shared = sum(path[:depth] == table[:depth] for depth in range(1, len(path) + 1))
        return table != path, -shared, len(table)

    found: dict[str, tuple[str, ...]] = {}
    for key in sorted(_ALL, key=far):
        name = key.rpartition(".")[2]
        before = found.setdefault(name, ())
        if not before or far(before[0]) == far(key):
            found[name] = (*before, key)
    return found | {key: (key,) for key in _ALL if "." in key}


ADDRESSES = frozenset(key for key in SETTINGS if key.endswith((".api_endpoint", ".proxy")) or key == "index.url")
"""Settings whose values are addresses, in whose queries some servers want a key."""

WHOLE = 1 << 20
"""Characters of a text that is shown as a whole."""


def show(value: object, length: int = 60) -> str:
    """Write a value in one line, as TOML would where TOML can.

    Args:
        value: an accepted value, or anything that was found in its place.
        length: characters of a text after which it is cut.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if abs(value) < 10**20 else "a huge number"  # Python refuses to print the largest ones
    if isinstance(value, str):
        quoted = json.dumps(value[:length] + "…" * (len(value) > length), ensure_ascii=False)
        return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in quoted)
    if isinstance(value, tuple):
        return f"[{', '.join(show(item, length) for item in cast('tuple[object, ...]', value))}]"
    return str(value) if isinstance(value, float) else _KINDS.get(type(value), f"a {type(value).__name__}")


def veil(key: str, value: Value) -> Value:
    """Return a setting's value without what must not be seen: keys, and what is in addresses beside host and path.

    A `${NAME}` may be seen.
    """
    if isinstance(value, tuple):
        return tuple(text.partition("=")[0] + "=…" for text in value) if key in SECRETS else value
    if not isinstance(value, str) or not value:
        return value
    if key in SECRETS:
        return value if _REFERENCE.fullmatch(value) else "…"
    return _LOGIN.sub("…@", _QUERY.sub("…", value) if key in ADDRESSES else value)


def show_setting(key: str, value: object, length: int = 60) -> str:
    """Write a setting's value, or what was found in its place, as `show` does, without what must not be seen."""
    if isinstance(value, str | tuple):
        return show(veil(key, cast("Value", value)), length)
    return _KINDS.get(type(value), "something else") if key in SECRETS else show(value, length)
