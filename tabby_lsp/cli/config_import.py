"""`tabby-lsp config import`: take over what a file of Tabby's says; without `--write` only tell.

What means what is `tabby_config.py`; here files are read, shown and written. Nothing of a file that was not taken over
is printed but its keys, and no secret at all.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tabby_lsp import options, schema
from tabby_lsp.errors import ConfigError
from tabby_lsp.layers import parse_toml
from tabby_lsp.rules import Value
from tabby_lsp.tabby_config import TakenOver, take_over

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

PLACES = (Path("~/.tabby/config.toml"), Path("~/.tabby-client/agent/config.toml"))
"""Where Tabby's server and its agent keep their settings."""
LARGEST = 1 << 20
"""Bytes of a file that is read."""


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
        values |= found.values
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
    """Merge values into the user's settings file, comments and all.

    Returns:
        Where the file is kept as it was; None where there was none.

    Raises:
        ConfigError: it cannot be read or written, or has something else in place of a table.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    if str(target) == os.devnull:
        raise ConfigError("TABBY_LSP_CONFIG says that there is no settings file.", "Unset it.")
    target = target.resolve()  # dotfiles are often links into a repository, which stay links
    try:
        before = target.read_bytes() if target.exists() else None
        document = tomlkit.parse((before or b"").decode("utf-8-sig"))
        for key, value in values.items():
            _put(document, key, value)
        target.parent.mkdir(parents=True, exist_ok=True)
        kept = None
        if before is not None:
            kept = next(path for n in range(1, 10_000) if not (path := target.with_name(f"{target.name}.{n}")).exists())
            _replace(kept, before)
        _replace(target, tomlkit.dumps(document).encode())
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise ConfigError(f"{target} is not valid TOML: {error}.", "`tabby-lsp config check` says where.") from None
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror}.") from error
    return kept


def _put(document: TOMLDocument, key: str, value: Value) -> None:
    import tomlkit

    *sections, name = key.split(".")
    table = cast("MutableMapping[str, object]", document)
    for depth, section in enumerate(sections, 1):
        if section not in table:
            table[section] = tomlkit.table(is_super_table=depth < len(sections))
        inner = table[section]
        if not isinstance(inner, MutableMapping):
            raise ConfigError(f"{'.'.join(sections[:depth])} in your settings file is no table.", "Correct it there.")
        table = cast("MutableMapping[str, object]", inner)
    table[name] = list(value) if isinstance(value, tuple) else value


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
