"""`tabby-lsp config`: show the settings with their origins, check them, create a commented file, print the reference.

What is written about settings is `reference.py`, and the file of another program is read in `config_import.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType

from tabby_lsp import options, schema
from tabby_lsp.cli import config_import
from tabby_lsp.cli.reference import render_markdown, render_toml
from tabby_lsp.errors import ConfigError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tabby-lsp config`.

    Args:
        parser: the command's own.
    """
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    parsers = {name: actions.add_parser(name, help=help_, description=help_) for name, (help_, _) in ACTIONS.items()}
    for name in ("show", "check"):
        parsers[name].add_argument(
            "--project",
            type=Path,
            default=Path(),
            metavar="DIR",
            help=f"folder whose {schema.PROJECT_FILE} is read too (default: the current one)",
        )
    config_import.configure(parsers["import"])
    parsers["show"].add_argument("--json", action="store_true", help="print JSON")
    parsers["init"].add_argument("--force", action="store_true", help="replace a file that exists")
    parsers["init"].add_argument("--print", action="store_true", help="write to stdout instead of the file")


def run(args: argparse.Namespace) -> int:
    """Run the chosen action.

    Args:
        args: what `configure` declared.

    Returns:
        0, or 1 where `check` found faults.

    Raises:
        ConfigError: `init` cannot write the file, or would replace one; what `config_import.run` raises.
    """
    return ACTIONS[args.action][1](args)


def _show(args: argparse.Namespace) -> int:
    resolved = options.resolve(args.project)
    if args.json:
        faults = [{"place": fault.place, "message": fault.message} for fault in resolved.faults]
        whole = {"settings": _plain(resolved.settings), "origins": dict(resolved.origins), "faults": faults}
        print(json.dumps(whole, indent=2))
        return 0
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for key, origin in resolved.origins.items():
        value = attrgetter(key)(resolved.settings)
        style = "dim" if origin == "default" else "bold"
        table.add_row(*(Text(cell, style) for cell in (key, schema.show_setting(key, value, schema.WHOLE), origin)))
    Console().print(table)
    for fault in resolved.faults:
        print(fault, file=sys.stderr)
    return 0


def _plain(settings: object, above: str = "") -> dict[str, object]:
    """The settings as JSON has them, without what must not be seen."""
    shown: dict[str, object] = {}
    for name in schema.WITHIN[above]:
        key, value = above + name, getattr(settings, name)
        shown[name] = schema.veil(key, value) if key in schema.SETTINGS else _plain(value, f"{key}.")
    return shown


def _check(args: argparse.Namespace) -> int:
    faults = options.resolve(args.project).faults
    for fault in faults:
        print(fault)
    if not faults:
        print("No faults.")
    return 1 if faults else 0


def _init(args: argparse.Namespace) -> int:
    if args.print:
        print(render_toml(), end="")
        return 0
    path = options.config_file()
    if path.exists() and not args.force:
        raise ConfigError(f"{path} exists already.", "Use --force to replace it, or --print to see the text.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if args.force else "x", encoding="utf-8") as file:
            file.write(render_toml())
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}.", "Name another with TABBY_LSP_CONFIG."
        ) from error
    print(path)
    return 0


def _path(_args: argparse.Namespace) -> int:
    print(options.config_file())
    return 0


def _reference(_args: argparse.Namespace) -> int:
    print(render_markdown(), end="")
    return 0


ACTIONS: Mapping[str, tuple[str, Callable[[argparse.Namespace], int]]] = MappingProxyType(
    {
        "show": ("print every setting, its value and the layer it came from", _show),
        "check": ("list everything in the settings that cannot be used; exit code 1 if there is any", _check),
        "init": ("create the user's settings file, with every setting commented out", _init),
        "import": ("take over a settings file of Tabby's", config_import.run),
        "path": ("print where the user's settings file is", _path),
        "reference": ("print the reference of all settings as Markdown", _reference),
    },
)
