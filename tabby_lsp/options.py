"""Raw options, from files, the environment and the client, become one frozen `Settings`.

Nothing here raises for what a person wrote: what cannot be used is reported as a `Fault` with its place, and the
value that stood before stays. The shape and the defaults belong to `config.py`; nothing here opens the network,
imports a third-party package at module level, or reads a file other than the settings' own.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
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
        "completion.deadline_ms": (1, 600_000),
        "completion.max_document_lines": (0, 10_000_000),
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
        "completion.deadline_ms": None,
        "completion.max_document_lines": None,
        "completion.disabled_languages": None,
    },
)
"""What a cloned repository may decide, with the values it may choose (None: any). Each key is listed by hand, so that a
new setting stays closed to projects until someone has asked what a stranger could do with it: nothing that makes the
program run, load, write or contact anything belongs here."""

FILE_PATHS = frozenset({"model.path", "model.directory", "log.file"})
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

_LONGEST_NAME = 80
_NOT_ONE_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
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


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and not _NOT_ONE_LINE.search(value) else None


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

_PARSE = {
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

_BY_NAME = {key.rpartition(".")[2]: key for key in SETTINGS} | {key: key for key in SETTINGS}
_WITHIN: Mapping[str, tuple[str, ...]] = {"": tuple(field.name for field in fields(Settings))} | {
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
    return _NOT_ONE_LINE.sub("\ufffd", f"~{os.sep}{text.removeprefix(home)}" if text.startswith(home) else text)


def _name(key: str) -> str:
    return key if re.fullmatch(r"[\w.-]{1,80}", key, re.ASCII) else show(key)


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()


def _parse_text(setting: Setting, text: str) -> object:
    """Read a variable in its setting's type; the text itself where that fails, to be refused with its name."""
    try:
        return _PARSE[setting.type](text)
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
        return {}, at, f"not valid TOML: {_NOT_ONE_LINE.sub(' ', message)}"


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

            matches = [known[match] for match in get_close_matches(name[:_LONGEST_NAME], known, n=1)]
        hints = [f"; did you mean {match}?" if match != name else "; it belongs into a table" for match in matches]
        self.complain(place, "unknown setting, ignored" + "".join(hints))

    def offer(self, layer: str, place: str, key: str, value: object, allowed: tuple[Value, ...] | None = None) -> None:
        accepted = SETTINGS[key].accept(value)
        if accepted is None:
            self.complain(place, f"expected {SETTINGS[key].expected}, got {show(value)}", key)
        elif allowed is not None and accepted not in allowed:
            only = f"only set this to {show(allowed[0])}" if allowed else "not set this"
            self.complain(place, f"a project may {only}", key)
        else:
            self.values[key], self.origins[key] = accepted, layer

    def lay(self, layer: str, table: Mapping[str, object], *, project: bool = False, above: str = "") -> None:
        for name, value in table.items():
            key, place = above + name, f"{layer}: {above}{_name(name)}"
            if key in SETTINGS and name in _WITHIN[above]:
                self.offer(layer, place, key, value, PROJECT_MAY_SET.get(key, ()) if project else None)
            elif name not in _WITHIN[above]:
                known = _BY_NAME | {near: above + near for near in _WITHIN[above]}
                self.unknown(place, _snake(name[:_LONGEST_NAME]), known)
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

    def lay_client(self, options: object) -> None:
        if not options and not isinstance(options, bool | int | str):  # null, or Lua's empty table, which is a list
            return
        if not isinstance(options, Mapping):
            self.complain("client", f"expected an object, got {show(options)}; nothing in it is used")
            return
        table = {str(name): value for name, value in cast("Mapping[object, object]", options).items()}
        ours = next((name for name in SERVER_NAMES if name in table), None)
        if ours is None:
            self.lay("client", self.from_json(table))
            return
        for name in table:
            if name != ours and (name in SERVER_NAMES or _snake(name) in _WITHIN[""]):
                self.complain(f"client: {_name(name)}", f'ignored beside "{ours}"; move it inside')
        inner = table[ours]
        if isinstance(inner, Mapping):
            self.lay("client", self.from_json(cast("Mapping[str, object]", inner)))
        elif inner is not None and inner != []:
            self.complain(f"client: {ours}", f"expected an object, got {show(inner)}; nothing in it is used")

    def from_json(self, table: Mapping[str, object], above: str = "") -> dict[str, object]:
        """Bring what JavaScript and Lua clients send into the shape that a TOML file would have."""
        plain: dict[str, object] = {}
        for written in sorted(map(str, table), key=lambda name: name != _snake(name)):  # the exact spelling comes first
            name = _snake(written) if _snake(written) in _WITHIN[above] else written
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
) -> Resolved:
    """Lay all layers over the built-in defaults: the user's file, the projects', the environment, the client.

    Args:
        project: the root folder or folders, the later ones winning; only what `PROJECT_MAY_SET` lists is read there.
        initialization_options: `initializationOptions` or the settings of `workspace/didChangeConfiguration`, bare or
            under the server's name, in snake_case or camelCase; null anywhere means "not set".
        environment: variables, the process's own where None.

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
    return layers.close()
