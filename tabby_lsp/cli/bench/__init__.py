"""`tabby-lsp bench KIND`: what the server gives and what it costs, one module a kind.

A kind's module offers `configure(parser)` and `run(args) -> int`, as a command's does.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util

KINDS = {
    "fim": "single holes: exact match of the first line, and edit similarity",
    "replay": "real edits typed again, key by key, through a real server process",
    "models": "the installed models through edits of your own repository, and which one to use",
    "page": "a run as one HTML page, and as a small SVG",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `bench`."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for name, summary in KINDS.items():
        module = f"{__name__}.{name}"
        if importlib.util.find_spec(module) is None:
            continue
        importlib.import_module(module).configure(kinds.add_parser(name, help=summary, description=summary))


def run(args: argparse.Namespace) -> int:
    """Measure, as the kind's module does."""
    return int(importlib.import_module(f"{__name__}.{args.kind}").run(args))
