"""What may be set: every setting with its type, default, choices and limits, read off `config.py`, and who may set it.

Tables, and how one value is checked and written. Where values come from is `options.py`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, cast, get_args, get_origin, get_type_hints

from tabby_lsp.config import Settings

Value: TypeAlias = bool | int | float | str | tuple[str, ...]

LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "engine.gpu_layers": (-1, 1024),
        "engine.threads": (0, 1024),
        "engine.context": (256, 1_048_576),
        "engine.batch": (1, 16_384),
        "engine.memory_mb": (0, 16_777_216),
        "engine.idle_unload_s": (0, 2_592_000),
        "completion.max_tokens": (1, 4096),
        "completion.max_lines": (1, 1000),
        "completion.prefix_tokens": (0, 1_048_576),
        "completion.suffix_tokens": (0, 1_048_576),
        "completion.temperature": (0, 2),
        "completion.candidates": (1, 8),
        "completion.patience_ms": (0, 600_000),
        "completion.line_budget_ms": (0, 600_000),
        "completion.word_budget_ms": (0, 600_000),
        "completion.deadline_ms": (1, 600_000),
        "completion.max_document_lines": (0, 10_000_000),
        "context.tokens": (0, 1_048_576),
        "index.max_file_kb": (1, 1_048_576),
        "index.max_files": (1, 10_000_000),
        "index.disk_mb": (1, 16_777_216),
    },
)
"""Least and greatest value of every number, both allowed."""

PROJECT_MAY_SET: Mapping[str, tuple[Value, ...] | None] = MappingProxyType(
    {
        "offline": (True,),
        "completion.enabled": None,
        "completion.max_tokens": None,
        "completion.max_lines": None,
        "completion.prefix_tokens": None,
        "completion.suffix_tokens": None,
        "completion.temperature": None,
        "completion.sampler": None,
        "completion.candidates": None,
        "completion.patience_ms": None,
        "completion.line_budget_ms": None,
        "completion.word_budget_ms": None,
        "completion.likely": None,
        "completion.prefetch": None,
        "completion.prepare": None,
        "completion.deadline_ms": None,
        "completion.max_document_lines": None,
        "completion.disabled_languages": None,
        "context.enabled": None,
        "context.tokens": None,
        "context.symbols": None,
        "context.recent": None,
        "context.siblings": None,
        "context.search": None,
        "index.enabled": (False,),
        "index.watch": (False,),
    },
)
"""What a cloned repository may decide, with the values it may choose (None: any). Each key is listed by hand, so that a
new setting stays closed to projects until someone has asked what a stranger could do with it: nothing that makes the
program run, load, write or contact anything belongs here."""

FAIL_CLOSED: Mapping[str, Value] = MappingProxyType({"offline": True})
"""What a setting becomes where somebody set it to something that is not valid: whoever wrote `offline = "yes"` did not
want the network."""

FILE_PATHS = frozenset({"model.path", "model.directory", "index.directory", "log.file"})
"""Settings in which a leading `~` stands for the home folder."""

VARIABLES_APART = frozenset({"TABBY_LSP_CONFIG", "TABBY_LSP_MODELS"})
"""Environment variables with our prefix that are not settings."""

PROJECT_FILE = ".tabby-lsp.toml"
SERVER_NAMES = ("tabby-lsp", "tabby_lsp")

LARGEST_USER_FILE = 1 << 20
LARGEST_PROJECT_FILE = 16 << 10
"""Bytes. tomllib's time grows with the square of a dotted key's parts: 8,000 parts (16 kB) take 0.6 s, 16,000 4."""

MOST_GUESSES = 100
"""Faults after which no spelling is suggested any more, so that a file of nonsense cannot hold up the start."""

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
        return _NAMES[self.type]

    def accept(self, value: object) -> Value | None:
        """Return the value in the field's own type, or None where it may not stand here."""
        accepted = _ACCEPT[self.type](value)
        if accepted is None or (self.choices and accepted not in self.choices):
            return None
        if self.limits and isinstance(accepted, int | float):
            in_range = self.limits[0] <= accepted <= self.limits[1]
            return (float(accepted) if self.type is float else accepted) if in_range else None
        return os.path.expanduser(accepted) if self.key in FILE_PATHS and isinstance(accepted, str) else accepted


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


def _settings_of(owner: object, above: str = "") -> Iterator[tuple[str, Setting]]:
    hints = get_type_hints(type(owner))
    for field in fields(cast("Settings", owner)):
        key, value, hint = above + field.name, getattr(owner, field.name), hints[field.name]
        if is_dataclass(value):
            yield from _settings_of(value, f"{key}.")
        else:
            choices = get_args(hint) if get_origin(hint) is Literal else ()
            limits = LIMITS.get(key, (0, 2**31 - 1)) if type(value) in (int, float) else None
            yield key, Setting(key, type(value), value, choices, limits)


SETTINGS: Mapping[str, Setting] = MappingProxyType(dict(_settings_of(Settings())))
"""Every setting by its dotted key, in the order of `config.py`."""

SECTIONS: tuple[str, ...] = tuple(field.name for field in fields(Settings) if field.name not in SETTINGS)
"""Names of the tables."""

VARIABLES: Mapping[str, str] = MappingProxyType(
    {"TABBY_LSP_" + key.replace(".", "_").upper(): key for key in SETTINGS},
)
"""Environment variables and the dotted keys that they set."""

BY_NAME = {key.rpartition(".")[2]: key for key in SETTINGS} | {key: key for key in SETTINGS}
WITHIN: Mapping[str, tuple[str, ...]] = {"": tuple(field.name for field in fields(Settings))} | {
    f"{name}.": tuple(key.removeprefix(f"{name}.") for key in SETTINGS if key.startswith(f"{name}."))
    for name in SECTIONS
}


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
