"""The command line: one module a command, imported only when that command runs.

A command module offers `configure(parser)` for its arguments and `run(args) -> int` for the exit code. Without
a command the language server is served on stdio.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from tabby_lsp import __version__
from tabby_lsp.errors import TabbyError

COMMANDS = {
    "serve": "serve the language server (the default)",
    "complete": "print the suggestion at FILE:LINE:COLUMN",
    "index": "make, show, remove or share the index of a folder",
    "search": "search the index of a folder",
    "ask": "answer a question about a folder from its code, with sources",
    "commit-message": "write a commit's subject or a branch's name",
    "models": "list, fetch, verify and remove models",
    "doctor": "check this machine, the model and the settings",
    "config": "show, check or create the settings",
    "bench": "measure completion quality and speed",
}


def main(argv: list[str] | None = None) -> int:
    """Run `tabby-lsp`.

    Args:
        argv: the arguments after the program's name; the process's own where None.

    Returns:
        The exit code: 0 done, 1 a failure that was explained on stderr, 2 wrong usage, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help", "--version")):
        words.insert(0, "serve")
    parser = argparse.ArgumentParser(
        prog="tabby-lsp",
        description="Code completion from a local model, as a language server.",
    )
    parser.add_argument("--version", action="version", version=f"tabby-lsp {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = words[0] if words[0] in COMMANDS else None
    module = None
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:
            module = importlib.import_module(f"tabby_lsp.cli.{name.replace('-', '_')}")
            module.configure(command)
    args = parser.parse_args(words)
    if module is None:  # only --help and --version come here, and argparse has left by then
        return 2
    try:
        return int(module.run(args))
    except TabbyError as error:
        print(f"tabby-lsp: {error.message}", file=sys.stderr)
        if error.remedy:
            print(f"  → {error.remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
