"""Raw options, from files, the environment and the client, become one frozen `Settings`.

Nothing here raises for what a person wrote: what cannot be used is reported as a `Fault` with its place, and the
value that stood before stays. What may be set is `schema.py`; nothing here opens the network, imports a third-party
package at module level, or reads a file other than the settings' own.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import cast

from tabby_lsp.config import Settings
from tabby_lsp.schema import (
    BY_NAME,
    FAIL_CLOSED,
    LARGEST_PROJECT_FILE,
    LARGEST_USER_FILE,
    LONGEST_NAME,
    MOST_GUESSES,
    NOT_ONE_LINE,
    PARSE,
    PROJECT_FILE,
    PROJECT_MAY_SET,
    SECTIONS,
    SERVER_NAMES,
    SETTINGS,
    VARIABLES,
    VARIABLES_APART,
    WITHIN,
    Setting,
    Value,
    show,
)


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
    """

    settings: Settings
    faults: tuple[Fault, ...]
    origins: Mapping[str, str]


def config_file(environment: Mapping[str, str] | None = None) -> Path:
    """Return the user's settings file, which need not exist.

    Args:
        environment: variables to look at, the process's own where None. `TABBY_LSP_CONFIG` names another file;
            the null device stands for no file at all.
    """
    named = (os.environ if environment is None else environment).get("TABBY_LSP_CONFIG")
    if named:
        return Path(os.path.expanduser(named))
    from platformdirs import user_config_path

    return user_config_path("tabby-lsp", appauthor=False) / "config.toml"


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


def _parse_toml(raw: bytes) -> tuple[Mapping[str, object], str, str]:
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


PUSHED = "workspace settings"
"""The layer of what a client sends after its start."""


class _Layers:
    """Values as the layers are laid over each other; faults are worded last, when it is known what is used."""

    def __init__(self) -> None:
        self.values = {key: setting.default for key, setting in SETTINGS.items()}
        self.origins = dict.fromkeys(SETTINGS, "default")
        self.complaints: list[tuple[str, str, str]] = []

    def complain(self, place: str, text: str, key: str = "") -> None:
        self.complaints.append((place, text, key))

    def unknown(self, place: str, name: str, known: Mapping[str, str]) -> None:
        matches: list[str] = []
        if len(self.complaints) < MOST_GUESSES:
            from difflib import get_close_matches

            matches = [known[match] for match in get_close_matches(name[:LONGEST_NAME], known, n=1)]
        hints = [f"; did you mean {match}?" if match != name else "; it belongs into a table" for match in matches]
        self.complain(place, "unknown setting, ignored" + "".join(hints))

    def offer(self, layer: str, place: str, key: str, value: object, allowed: tuple[Value, ...] | None = None) -> None:
        accepted = SETTINGS[key].accept(value)
        if accepted is None:
            self.complain(place, f"expected {SETTINGS[key].expected}, got {show(value)}", key)
            if key in FAIL_CLOSED and value != "":  # an empty variable is one that was meant to be unset
                self.values[key], self.origins[key] = FAIL_CLOSED[key], layer
        elif allowed is not None and accepted not in allowed:
            if layer == PUSHED and accepted == self.values[key]:  # clients push what they said at their start again
                return
            only = f"only set this to {show(allowed[0])}" if allowed else "not set this"
            self.complain(place, f"a project may {only}", key)
        else:
            self.values[key], self.origins[key] = accepted, layer

    def lay(self, layer: str, table: Mapping[str, object], *, project: bool = False, above: str = "") -> None:
        for name, value in table.items():
            key, place = above + name, f"{layer}: {above}{_name(name)}"
            if key in SETTINGS and name in WITHIN[above]:
                self.offer(layer, place, key, value, PROJECT_MAY_SET.get(key, ()) if project else None)
            elif name not in WITHIN[above]:
                known = BY_NAME | {near: above + near for near in WITHIN[above]}
                self.unknown(place, _snake(name[:LONGEST_NAME]), known)
            elif isinstance(value, Mapping):
                self.lay(layer, cast("Mapping[str, object]", value), project=project, above=f"{name}.")
            else:
                self.complain(place, f"expected a table, got {show(value)}; nothing in it is used")

    def lay_file(self, path: Path, *, project: bool = False, required: bool = False) -> None:
        layer, largest = _place_of(path), LARGEST_PROJECT_FILE if project else LARGEST_USER_FILE
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its writer
                self.complain(layer, "not a regular file; nothing in it is used")
                return
            with path.open("rb") as file:
                raw = file.read(largest + 1)
        except (FileNotFoundError, NotADirectoryError):
            if required:
                self.complain(layer, "there is no such file, though TABBY_LSP_CONFIG names it")
        except (OSError, ValueError) as error:
            self.complain(layer, f"cannot be read ({getattr(error, 'strerror', None) or error}); nothing in it is used")
        else:
            if len(raw) > largest:
                self.complain(layer, f"larger than {largest} bytes; nothing in it is used")
            else:
                table, at, message = _parse_toml(raw)
                if message:
                    self.complain(f"{layer}: {at}" if at else layer, f"{message}; nothing in it is used")
                self.lay(layer, table, project=project)

    def lay_environment(self, environment: Mapping[str, str]) -> None:
        for name in sorted(environment):
            place = f"environment: {_name(name)}"
            if name in VARIABLES:
                key, text = VARIABLES[name], environment[name]
                self.offer("environment", place, key, _parse_text(SETTINGS[key], text))
            elif name.startswith("TABBY_LSP_") and name not in VARIABLES_APART:
                self.unknown(place, name, {variable: variable for variable in VARIABLES})

    def lay_client(self, options: object, layer: str = "client", *, project: bool = False) -> None:
        if not options and not isinstance(options, bool | int | str):  # null, or Lua's empty table, which is a list
            return
        if not isinstance(options, Mapping):
            self.complain(layer, f"expected an object, got {show(options)}; nothing in it is used")
            return
        table = {str(name): value for name, value in cast("Mapping[object, object]", options).items()}
        ours = next((name for name in SERVER_NAMES if name in table), None)
        if ours is None:
            self.lay(layer, self.from_json(table), project=project)
            return
        for name in table:
            if name != ours and (name in SERVER_NAMES or _snake(name) in WITHIN[""]):
                self.complain(f"{layer}: {_name(name)}", f'ignored beside "{ours}"; move it inside')
        inner = table[ours]
        if isinstance(inner, Mapping):
            self.lay(layer, self.from_json(cast("Mapping[str, object]", inner)), project=project)
        elif inner is not None and inner != []:
            self.complain(f"{layer}: {ours}", f"expected an object, got {show(inner)}; nothing in it is used")

    def from_json(self, table: Mapping[str, object], above: str = "") -> dict[str, object]:
        """Bring what JavaScript and Lua clients send into the shape that a TOML file would have."""
        plain: dict[str, object] = {}
        for written in sorted(map(str, table), key=lambda name: name != _snake(name)):  # the exact spelling comes first
            name = _snake(written) if _snake(written) in WITHIN[above] else written
            value = table.get(written)
            if name in plain:
                self.complain(f"client: {above}{written}", f"given twice; {name} is used")
            elif value is not None:  # null: not set
                plain[name] = self.from_json_value(above + name, value)
        return plain

    def from_json_value(self, key: str, value: object) -> object:
        """Bring one value over: JSON has one kind of number, and Lua one empty table."""
        if key in SECTIONS:
            value = {} if value == [] else value
            return (
                self.from_json(cast("Mapping[str, object]", value), f"{key}.") if isinstance(value, Mapping) else value
            )
        kind = SETTINGS[key].type if key in SETTINGS else None
        if kind is int and isinstance(value, float) and value.is_integer():
            return int(value)
        return [] if kind is tuple and value == {} else value

    def close(self) -> Resolved:
        changed: dict[str, dict[str, Value]] = {name: {} for name in ("", *SECTIONS)}
        for key, value in self.values.items():
            section, _, name = key.rpartition(".")
            changed[section][name] = value
        plain, top = Settings(), changed.pop("")
        sections = {name: replace(getattr(plain, name), **values) for name, values in changed.items()}
        faults = tuple(Fault(place, text + self.used(key)) for place, text, key in self.complaints)
        return Resolved(replace(plain, **top, **sections), faults, MappingProxyType(self.origins))

    def used(self, key: str) -> str:
        return f"; using {show(self.values[key])} ({self.origins[key]})" if key else ""


def resolve(
    project: Path | Sequence[Path] | None = None,
    initialization_options: object | None = None,
    environment: Mapping[str, str] | None = None,
    pushed_options: object | None = None,
) -> Resolved:
    """Lay all layers over the built-in defaults: the user's file, the projects', the environment, the client.

    Args:
        project: the root folder or folders, the later ones winning; only what `PROJECT_MAY_SET` lists is read there.
        initialization_options: `initializationOptions`, bare or under the server's name, in snake_case or camelCase;
            null anywhere means "not set".
        environment: variables, the process's own where None.
        pushed_options: the settings of `workspace/didChangeConfiguration`, in the same form. Editors take them from the
            workspace too (`.dir-locals.el`), so only what `PROJECT_MAY_SET` lists is changed by them.

    Returns:
        The settings, every fault, and where each value came from. Wrong options never raise.
    """
    variables = os.environ if environment is None else environment
    layers = _Layers()
    user_file = config_file(variables)
    if str(user_file) != os.devnull:
        layers.lay_file(user_file, required=bool(variables.get("TABBY_LSP_CONFIG")))
    for root in (project,) if isinstance(project, Path) else project or ():
        layers.lay_file(root / PROJECT_FILE, project=True)
    layers.lay_environment(variables)
    layers.lay_client(initialization_options)
    layers.lay_client(pushed_options, PUSHED, project=True)
    return layers.close()
