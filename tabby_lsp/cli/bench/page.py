"""`tabby-lsp bench page RUN.json`: a run as one HTML page, and as a small SVG for a README."""

from __future__ import annotations

import argparse
from pathlib import Path

from tabby_lsp.errors import TabbyError


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `bench page`."""
    parser.add_argument("run", type=Path, metavar="RUN.json", help="what `bench replay --json` or `bench models` wrote")
    parser.add_argument("--html", type=Path, metavar="OUT.html", help="the page (default: beside the run)")
    parser.add_argument("--svg", type=Path, metavar="OUT.svg", help="two plots, 800 by 360 pixels, for a README")


def run(args: argparse.Namespace) -> int:
    """Write what was asked for; the page, where nothing was."""
    from tabby_lsp.bench.results import page, report

    found = report.load(args.run)
    wanted = {args.svg: page.picture} if args.svg else {}
    if args.html or not args.svg:
        wanted[args.html or args.run.with_suffix(".html")] = page.render
    for path, write in wanted.items():
        try:
            path.write_text(write(found), "utf-8")
        except OSError as error:
            raise TabbyError(f"{path} cannot be written: {error.strerror}.") from error
        print(path)
    return 0
