"""Layers of raw options laid over each other: how each is read, checked and complained about.

Nothing here raises for what a person wrote: what cannot be used is reported as a `Fault` with its place, and the
value that stood before stays, unless `rules.FAIL_CLOSED` knows better. Which layers there are is `options.py`.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar, cast

from tabby_lsp.config import Settings
from tabby_lsp.rules import FAIL_CLOSED, PROJECT_MAY_SET, Value
from tabby_lsp.schema import (
    LARGEST_PROJECT_FILE,
    LARGEST_USER_FILE,
    LONGEST_NAME,
    MOST_GUESSES,
    MOST_MEANT,
    NOT_ONE_LINE,
    PARSE,
    SECTIONS,
    SERVER_NAMES,
    SETTINGS,
    VARIABLES,
    VARIABLES_APART,
    WITHIN,
    Setting,
    candidates,
    parts,
    show,
    show_setting,
)

Table = TypeVar("Table")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the options that could not be used.

    Args:
        place: the layer and the key in it, such as `~/.config/tabby-lsp/config.toml: completion.max_tokens`.
        message: what is wrong and what is used instead, safe to print.
    """

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings with their history.

    Args:
        settings: what the program uses.
        faults: everything that was not used, in the order in which the layers were read.
        origins: for every dotted key the layer that set it: `default`, a file, `environment` or `client`.
        unread: why nothing of the user's file is used, where it is there and cannot be read; empty: it was, or is not.
    """

    settings: Settings
    faults: tuple[Fault, ...]
    origins: Mapping[str, str]
    unread: str = ""


def _place_of(path: Path) -> str:
    home, text = os.path.expanduser("~").rstrip(os.sep) + os.sep, str(path)
    return NOT_ONE_LINE.sub("\ufffd", f"~{os.sep}{text.removeprefix(home)}" if text.startswith(home) else text)


def _name(key: str) -> str:
    return key if re.fullmatch(r"[\w.-]{1,80}", key, re.ASCII) else show(key)


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()


def _parse_text(setting: Setting, text: str) -> object:
    """Read a variable in its setting's type; the text itself where that fails, to be refused with its name."""
    try:
        return PARSE[setting.type](text)
    except (KeyError, ValueError):
        return text


def parse_toml(raw: bytes) -> tuple[Mapping[str, object], str, str]:
    """Return the table, or an empty one with line and column (where they are known) and a message."""
    import tomllib

    def end(text: str) -> str:
        return f"line {text.count(chr(10)) + 1}, column {len(text) - text.rfind(chr(10))}"

    raw = raw.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return {}, end(raw[: error.start].decode()), "not valid TOML: the bytes are not UTF-8"
    try:
        return tomllib.loads(text), "", ""
    except RecursionError:
        return {}, "", "not usable: lists or tables nested too deeply"
    except ValueError as error:
        message, _, at = str(error).partition(" (at ")
        at = end(text) if at.startswith("end") else at.removesuffix(")")
        return {}, at, f"not valid TOML: {NOT_ONE_LINE.sub(' ', message)}"


NOTHING = "; nothing in it is used"
PUSHED = "editor settings"
"""The layer of what a client sends after its start."""


def _filled(owner: Table, values: Mapping[str, Value], above: str = "") -> Table:
    """One of the classes of `config.py`, and what is nested in it, with these values."""
    found: dict[str, object] = {}
    for part in parts(owner):
        key, inner = above + part.name, getattr(owner, part.name)
        found[part.name] = _filled(inner, values, f"{key}.") if is_dataclass(inner) else values[key]
    return replace(owner, **found)  # type: ignore[type-var]


class Layers:
    """Values as the layers are laid over each other; faults are worded last, when it is known what is used."""

    def __init__(self) -> None:
        self.values = {key: setting.default for key, setting in SETTINGS.items()}
        self.origins = dict.fromkeys(SETTINGS, "default")
        self.closed: dict[str, str] = {}
        self.complaints: list[tuple[str, str, str]] = []
        self.unread = ""

    def _complain(self, place: str, text: str, key: str = "") -> None:
        self.complaints.append((place, text, key))

    def _unknown(self, place: str, name: str, known: Mapping[str, tuple[str, ...]]) -> None:
        hint = ""
        if len(self.complaints) < MOST_GUESSES:
            from difflib import get_close_matches

            for match in get_close_matches(name[:LONGEST_NAME], known, n=1):
                meant = " or ".join(known[match][:MOST_MEANT])
                hint = f"; did you mean {meant}?" if known[match] != (name,) else "; it belongs into a table"
        self._complain(place, "unknown setting, ignored" + hint)

    def _offer(self, layer: str, place: str, key: str, value: object, allowed: tuple[Value, ...] | None = None) -> None:
        accepted = SETTINGS[key].accept(value)
        if allowed is not None and accepted not in allowed and (accepted is not None or not allowed):
            if layer == PUSHED and accepted == self.values[key]:  # clients push what they said at their start again
                return
            only = f"only set this to {show(allowed[0])}" if allowed else "not set this"
            self._complain(place, f"a project may {only}", key)
        elif accepted is None:
            self._complain(place, f"expected {SETTINGS[key].expected}, got {show_setting(key, value)}", key)
            if key in FAIL_CLOSED and value != "":  # an empty variable is one that was meant to be unset
                self.closed[key] = layer
        else:
            self.values[key], self.origins[key] = accepted, layer
            self.closed.pop(key, None)

    def _lay(self, layer: str, table: Mapping[str, object], *, project: bool = False, above: str = "") -> None:
        for name, value in table.items():
            key, place = above + name, f"{layer}: {above}{_name(name)}"
            if name not in WITHIN[above]:
                self._unknown(place, _snake(name[:LONGEST_NAME]), candidates(above))
            elif key in SETTINGS:
                self._offer(layer, place, key, value, PROJECT_MAY_SET.get(key, ()) if project else None)
            elif isinstance(value, Mapping):
                self._lay(layer, cast("Mapping[str, object]", value), project=project, above=f"{key}.")
            else:
                got = "text" if isinstance(value, str) else show(value)  # it may be a key that somebody put here
                self._complain(place, f"expected a table, got {got}{NOTHING}")

    def _unusable(self, layer: str, place: str, text: str, *, project: bool) -> None:
        """A whole file cannot be used. The user's may have said `offline = true`, so that is what counts then."""
        if project:
            self._complain(place, text + NOTHING)
            return
        self._complain(place, text + NOTHING, "offline")
        self.closed["offline"], self.unread = layer, f"{place}: {text}"

    def lay_file(self, path: Path, *, project: bool = False, required: bool = False) -> None:
        """Lay a TOML file over what there is; one that does not exist is a fault only where it is required."""
        layer, largest = _place_of(path), LARGEST_PROJECT_FILE if project else LARGEST_USER_FILE
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its writer
                self._unusable(layer, layer, "not a regular file", project=project)
                return
            with path.open("rb") as file:
                raw = file.read(largest + 1)
        except (FileNotFoundError, NotADirectoryError):
            if required:
                self._complain(layer, "there is no such file, though TABBY_LSP_CONFIG names it")
        except (OSError, ValueError) as error:
            text = f"cannot be read ({getattr(error, 'strerror', None) or error})"
            self._unusable(layer, layer, text, project=project)
        else:
            if len(raw) > largest:
                self._unusable(layer, layer, f"larger than {largest} bytes", project=project)
            else:
                table, at, message = parse_toml(raw)
                if message:
                    self._unusable(layer, f"{layer}: {at}" if at else layer, message, project=project)
                self._lay(layer, table, project=project)

    def lay_environment(self, environment: Mapping[str, str]) -> None:
        """Lay variables over it."""
        for name in sorted(environment):
            place = f"environment: {_name(name)}"
            if name in VARIABLES:
                key, text = VARIABLES[name], environment[name]
                self._offer("environment", place, key, _parse_text(SETTINGS[key], text))
            elif name.startswith("TABBY_LSP_") and name not in VARIABLES_APART:
                self._unknown(place, name, {variable: (variable,) for variable in VARIABLES})

    def lay_client(self, options: object, layer: str = "client", *, project: bool = False) -> None:
        """Lay what a client sent over it, bare or under the server's name."""
        if not options and not isinstance(options, bool | int | str):  # null, or Lua's empty table, which is a list
            return
        if not isinstance(options, Mapping):
            self._complain(layer, f"expected an object, got {show(options)}{NOTHING}")
            return
        table = {str(name): value for name, value in cast("Mapping[object, object]", options).items()}
        ours = next((name for name in SERVER_NAMES if name in table), None)
        if ours is None:
            self._lay(layer, self._from_json(table), project=project)
            return
        for name in table:
            if name != ours and (name in SERVER_NAMES or _snake(name) in WITHIN[""]):
                self._complain(f"{layer}: {_name(name)}", f'ignored beside "{ours}"; move it inside')
        inner = table[ours]
        if isinstance(inner, Mapping):
            self._lay(layer, self._from_json(cast("Mapping[str, object]", inner)), project=project)
        elif inner is not None and inner != []:
            self._complain(f"{layer}: {ours}", f"expected an object, got {show(inner)}{NOTHING}")

    def _from_json(self, table: Mapping[str, object], above: str = "") -> dict[str, object]:
        """Bring what JavaScript and Lua clients send into the shape that a TOML file would have."""
        plain: dict[str, object] = {}
        for written in sorted(map(str, table), key=lambda name: name != _snake(name)):  # the exact spelling comes first
            name = _snake(written) if _snake(written) in WITHIN[above] else written
            value = table.get(written)
            if name in plain:
                self._complain(f"client: {above}{written}", f"given twice; {name} is used")
            elif value is not None:  # null: not set
                plain[name] = self._from_json_value(above + name, value)
        return plain

    def _from_json_value(self, key: str, value: object) -> object:
        """Bring one value over: JSON has one kind of number, and Lua one empty table."""
        if key in SECTIONS:
            value = {} if value == [] else value
            return (
                self._from_json(cast("Mapping[str, object]", value), f"{key}.") if isinstance(value, Mapping) else value
            )
        kind = SETTINGS[key].type if key in SETTINGS else None
        if kind is int and isinstance(value, float) and value.is_integer():
            return int(value)
        return [] if kind is tuple and value == {} else value

    def close(self) -> Resolved:
        """Return what has come of it all."""
        for key, layer in self.closed.items():
            changed, value = FAIL_CLOSED[key]
            self.values[changed], self.origins[changed] = value, layer
        faults = tuple(Fault(place, text + self._used(key, text)) for place, text, key in self.complaints)
        return Resolved(_filled(Settings(), self.values), faults, MappingProxyType(self.origins), self.unread)

    def _used(self, key: str, text: str) -> str:
        """What stands now: under the key, or where that key fails closed, what has changed instead."""
        if not key:
            return ""
        stands = FAIL_CLOSED[key][0] if key in self.closed else key
        name = f"{stands} = " if stands != key or text.endswith(NOTHING) else ""
        return f"; using {name}{show_setting(stands, self.values[stands])} ({self.origins[stands]})"
