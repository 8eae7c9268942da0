"""`tabby-lsp config`: show the settings with their origins, check them, create a commented file, print the reference.

What is written about a setting is taken from `config.py` (the docstring under its field) and from the tables of
`options.py`, so that file, reference and program cannot say different things. Nothing is decided here.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from types import MappingProxyType

from tabby_lsp import config, options, schema
from tabby_lsp.errors import ConfigError

_WHOLE = 1 << 20
_WIDTH = 100


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
        ConfigError: `init` cannot write the file, or would replace one.
    """
    return ACTIONS[args.action][1](args)


@cache
def meanings() -> Mapping[str, str]:
    """Return what `config.py` says about each section and setting, by dotted key, each in one line."""
    tree = ast.parse(inspect.getsource(config))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    sections = {name: type(getattr(config.Settings(), name)).__name__ for name in schema.SECTIONS}
    found: dict[str, str] = {}
    for section, class_name in {"": config.Settings.__name__, **sections}.items():
        node = classes[class_name]
        found[section] = " ".join((ast.get_docstring(node) or "").split())
        for field, after in zip(node.body, node.body[1:], strict=False):
            match field, after:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[f"{section}.{name}".lstrip(".")] = " ".join(text.split())
                case _:
                    pass
    return MappingProxyType(found)


def render_toml() -> str:
    """Return a settings file in which every setting stands with its default, commented out (`#key = value`)."""
    lines = [
        "# Settings of tabby-lsp. Remove the # before a setting to change it; what is shown is the default.",
        "# A project's .tabby-lsp.toml, environment variables and the editor's own settings win over this file.",
    ]
    for section, settings in _by_section():
        lines += ["", *_comment(meanings()[section]), f"[{section}]"] if section else []
        for setting in settings:
            text = f"{meanings().get(setting.key, '')} Allowed: {setting.expected}."
            name = setting.key.rpartition(".")[2]
            lines += ["", *_comment(text), f"#{name} = {schema.show(setting.default, _WHOLE)}"]
    return "\n".join(lines) + "\n"


def render_markdown() -> str:
    """Return the reference of all settings, the text of `docs/settings.md`."""
    lines = ["# Settings", "", *_INTRODUCTION.strip().splitlines()]
    for section, settings in _by_section():
        lines += ["", f"## `[{section}]`" if section else "## At the top", ""]
        lines += [meanings()[section], ""] if section else []
        lines += ["| key | default | allowed | meaning | in a project |", "|---|---|---|---|---|"]
        for setting in settings:
            allowed = schema.PROJECT_MAY_SET.get(setting.key, ())
            project = "yes" if allowed is None else ", ".join(f"only `{schema.show(one)}`" for one in allowed) or "no"
            cells = (
                f"`{setting.key}`",
                f"`{schema.show(setting.default, _WHOLE)}`",
                setting.expected,
                meanings().get(setting.key, ""),
                project,
            )
            lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


_INTRODUCTION = f"""
<!-- Written by `tabby-lsp config reference > docs/settings.md` from `tabby_lsp/config.py`; do not edit. -->

Each layer wins over the ones above it:

1. the defaults below;
2. the user's file: `tabby-lsp config path` prints where it is, `tabby-lsp config init` creates it, the environment
   variable `TABBY_LSP_CONFIG` names another one (the null device: none);
3. `{schema.PROJECT_FILE}` in each project folder that the editor opens, for the keys marked below alone: a cloned
   repository may say how much is suggested, but not what is run, loaded, written or contacted;
4. environment variables: `TABBY_LSP_OFFLINE`, and for a key in a section `TABBY_LSP_COMPLETION_MAX_TOKENS`; lists are
   separated by commas, truth is `true`/`false`, `yes`/`no`, `on`/`off` or `1`/`0`;
5. the client's `initializationOptions` and `workspace/didChangeConfiguration`, bare or under `"tabby-lsp"`, with
   `max_tokens` or `maxTokens` spelt either way; `null` means "not set".

A wrong value or an unknown key never stops the server: it is reported with its place, and what stood before is used.
`tabby-lsp config check` lists all faults, `tabby-lsp config show` each value with the layer it came from. A leading `~`
in a path is the home folder.
"""


def _by_section() -> Iterator[tuple[str, list[schema.Setting]]]:
    for section in ("", *schema.SECTIONS):
        settings = schema.SETTINGS.values()
        yield section, [setting for setting in settings if setting.key.rpartition(".")[0] == section]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _show(args: argparse.Namespace) -> int:
    resolved = options.resolve(args.project)
    if args.json:
        faults = [{"place": fault.place, "message": fault.message} for fault in resolved.faults]
        whole = {"settings": asdict(resolved.settings), "origins": dict(resolved.origins), "faults": faults}
        print(json.dumps(whole, indent=2))
        return 0
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for key, origin in resolved.origins.items():
        section, _, name = key.rpartition(".")
        value = getattr(getattr(resolved.settings, section) if section else resolved.settings, name)
        style = "dim" if origin == "default" else "bold"
        table.add_row(*(Text(cell, style) for cell in (key, schema.show(value, _WHOLE), origin)))
    Console().print(table)
    for fault in resolved.faults:
        print(fault, file=sys.stderr)
    return 0


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
        "path": ("print where the user's settings file is", _path),
        "reference": ("print the reference of all settings as Markdown", _reference),
    },
)
