"""`tabby-lsp bench fim FILE`: a fill-in-the-middle set through the pipeline that serves editors."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabby_lsp.bench.fim import Score

MODES = ("pipeline", "plain")


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `bench`."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    fim = kinds.add_parser("fim", help="single holes: exact match of the first line, and edit similarity")
    fim.add_argument("file", type=Path, help="JSON lines, gzipped or not (see docs/measurements.md)")
    fim.add_argument("--mode", choices=MODES, action="append", help="how to ask (default: both)")
    fim.add_argument("--limit", type=int, metavar="N", help="only the first N holes")
    fim.add_argument("--model", metavar="NAME", help="a model's name, or a GGUF file")
    fim.add_argument("--json", type=Path, metavar="OUT", help="write each hole's result there")


def run(args: argparse.Namespace) -> int:
    """Ask for each hole and print a table."""
    from rich.console import Console
    from rich.table import Table

    from tabby_lsp import options
    from tabby_lsp.bench import fim
    from tabby_lsp.engine.opening import open_engine

    settings = options.resolve().settings
    if args.model:
        key = "path" if args.model.endswith(".gguf") else "name"
        settings = dataclasses.replace(settings, model=dataclasses.replace(settings.model, **{key: args.model}))
    asked = dataclasses.replace(settings.completion, candidates=1, deadline_ms=600_000)
    rows = list(itertools.islice(fim.holes(args.file), args.limit))
    opened = open_engine(settings)
    table = Table(title=f"{args.file.name}: {len(rows)} holes, {opened.model.name}")
    for heading in ("asked", "exact match (95 %)", "similarity", "evaluated", "generated", "median ms"):
        table.add_column(heading, justify="right")
    results: dict[str, list[Score]] = {}
    try:
        for mode in args.mode or MODES:
            scores = results[mode] = asyncio.run(fim.run(opened.engine, asked, mode, rows))
            mean, low, high = fim.interval([float(s.exact) for s in scores])
            n = max(1, len(scores))
            table.add_row(
                mode,
                f"{mean:.1%} ({low:.1%} to {high:.1%})",
                f"{sum(s.similarity for s in scores) / n:.3f}",
                f"{sum(s.evaluated for s in scores) / n:.0f}",
                f"{sum(s.generated for s in scores) / n:.1f}",
                f"{sorted(s.milliseconds for s in scores)[n // 2]:.0f}",
            )
    finally:
        opened.engine.close()
    Console().print(table)
    if args.json:
        args.json.write_text(json.dumps({m: [dataclasses.asdict(s) for s in r] for m, r in results.items()}, indent=1))
    return 0
