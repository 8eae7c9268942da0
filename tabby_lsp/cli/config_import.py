"""`tabby-lsp config import`: take over what a file of Tabby's says; without `--write` only tell.

What means what is `tabby_config.py`; here files are read, shown and written. Nothing of a file that was not taken over
is printed but its keys, and no secret at all.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, MutableMapping
from copy import deepcopy
from pathlib import Path
from typing import TypeAlias, cast

from tabby_lsp import options, schema
from tabby_lsp.errors import ConfigError
from tabby_lsp.layers import parse_toml
from tabby_lsp.rules import Value
from tabby_lsp.tabby_config import TakenOver, merged, servers_in, take_over

PLACES = (Path("~/.tabby/config.toml"), Path("~/.tabby-client/agent/config.toml"))
"""Where Tabby's server and its agent keep their settings."""
LARGEST = 1 << 20
"""Bytes of a file that is read."""


_New: TypeAlias = Callable[[bool], MutableMapping[str, object]]
"""Makes an empty table; whether it has nothing but tables in it."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments.

    Args:
        parser: the action's own.
    """
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help=f"Tabby's files (default: {' and '.join(map(str, PLACES))}, where they exist)",
    )
    parser.add_argument("--write", action="store_true", help="change your settings file, and keep it as it was beside")


def run(args: argparse.Namespace) -> int:
    """Tell what can be taken over, and take it over where that was asked for.

    Returns:
        0, or 1 where nothing could be taken over.

    Raises:
        ConfigError: a file cannot be read, or the settings file cannot be changed.
    """
    from tabby_lsp.engine import catalog

    files = args.files or [path for place in PLACES if (path := place.expanduser()).is_file()]
    if not files:
        raise ConfigError(f"There is no {' and no '.join(map(str, PLACES))}.", "Name the file.")
    known = {model.name for model in catalog.load().models}
    values: dict[str, Value] = {}
    for path in files:
        found = take_over(_read(path), known)
        _tell(path, found)
        values = merged(values, found.values)
    if not values:
        print("There is nothing to take over.")
        return 1
    target = options.config_file()
    if not args.write:
        print(f"Nothing was written. With --write it goes into {target}.")
        return 0
    kept = _write(target, values)
    print(f"Written to {target}, which only you can read." + (f" What it was is in {kept}." if kept else ""))
    return 0


def _read(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    if len(raw) > LARGEST:
        raise ConfigError(f"{path} is larger than {LARGEST} bytes.", "Name Tabby's settings file.")
    table, at, message = parse_toml(raw)
    if message:
        raise ConfigError(f"{path}: {f'{at}: ' if at else ''}{message}.", "Correct it there.")
    return table


def _tell(path: Path, found: TakenOver) -> None:
    print(path)
    for key, value in found.values.items():
        print(f"  {key} = {schema.show_setting(key, value, schema.WHOLE)}")
    for title, lines in (
        ("Mind", found.notes),
        ("Not taken over", [f"{key if key.isprintable() else '?'}: {why}" for key, why in found.left.items()]),
    ):
        if lines:
            print(f"  {title}:")
        for line in lines:
            print(f"    {line}")


def _write(target: Path, values: Mapping[str, Value]) -> Path | None:
    """Merge values into the user's settings file, comments and all; a server's take the place of the former server's.

    Returns:
        Where the file is kept as it was; None where there was none.

    Raises:
        ConfigError: it cannot be read or written, or changed without harm to the rest of it.
    """
    if str(target) == os.devnull:
        raise ConfigError("TABBY_LSP_CONFIG says that there is no settings file.", "Unset it.")
    target = target.resolve()  # dotfiles are often links into a repository, which stay links
    try:
        before = target.read_bytes() if target.exists() else None
        after = _changed(target, before or b"", values)
        target.parent.mkdir(parents=True, exist_ok=True)
        kept = None
        if before is not None:
            kept = next(path for n in range(1, 10_000) if not (path := target.with_name(f"{target.name}.{n}")).exists())
            _replace(kept, before)
        _replace(target, after)
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror}.") from error
    return kept


def _changed(target: Path, before: bytes, values: Mapping[str, Value]) -> bytes:
    """The file with these values.

    Raises:
        ConfigError: it is no TOML, or has something else in place of a table, or would come out wrong.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    old, at, message = parse_toml(before)
    if message:
        raise ConfigError(f"{target}: {f'{at}: ' if at else ''}{message}.", "Correct it there.")
    wanted = cast("MutableMapping[str, object]", deepcopy(old))
    _put_all(wanted, values, lambda _: {})
    try:
        document = tomlkit.parse(before.decode("utf-8-sig"))
        _put_all(document, values, tomlkit.table)
        after = tomlkit.dumps(document).encode()
    except (TOMLKitError, ValueError, LookupError, TypeError, AttributeError):
        after = None
    # the library writes some files wrong: dotted keys beside tables, and tables within inline ones
    if after is None or parse_toml(after)[0] != wanted:
        raise ConfigError(
            f"{target} cannot be changed without harm to the rest of it.",
            "Write its dotted keys and inline tables as tables, such as [model.chat.http], and try again.",
        )
    return after


def _put_all(document: MutableMapping[str, object], values: Mapping[str, Value], new: _New) -> None:
    """Set values by their dotted keys; of a server that is set, what was said of the former one is taken out.

    Args:
        document: what is changed.
        values: dotted keys and values.
        new: makes an empty table.

    Raises:
        ConfigError: it has something else in place of a table.
    """
    for server in servers_in(values):
        _take_out(_table(document, server, None), f"{server}.", values)
    for key, value in values.items():
        above, _, name = key.rpartition(".")
        table = _table(document, above, new)
        if table is not None:
            table[name] = list(value) if isinstance(value, tuple) else value


def _table(document: MutableMapping[str, object], path: str, new: _New | None) -> MutableMapping[str, object] | None:
    """The table at a dotted path; where there is none, a new one, or None."""
    table, sections = document, path.split(".")
    for depth, section in enumerate(sections, 1):
        if section not in table:
            if new is None:
                return None
            table[section] = new(depth < len(sections))
        inner = table[section]
        if not isinstance(inner, MutableMapping):
            raise ConfigError(f"{'.'.join(sections[:depth])} in your settings file is no table.", "Correct it there.")
        table = cast("MutableMapping[str, object]", inner)
    return table


def _take_out(table: MutableMapping[str, object] | None, above: str, values: Mapping[str, Value]) -> None:
    for name in list(table or ()):
        inner = cast("MutableMapping[str, object]", table)[name]
        if isinstance(inner, MutableMapping):
            _take_out(cast("MutableMapping[str, object]", inner), f"{above}{name}.", values)
        elif above + name not in values:
            del cast("MutableMapping[str, object]", table)[name]


def _replace(path: Path, data: bytes) -> None:
    """Put a whole file in place at once, readable by its owner alone: it may hold keys."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
