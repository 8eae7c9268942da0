"""`tabby-lsp bench models`: the installed models through edits of one's own repository, and which one to use."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tabby_lsp.cli.bench import overrides

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tabby_lsp.bench.results.report import Run
    from tabby_lsp.errors import TabbyError

SHOWN = ("saved", "accepted", "wrong", "next_line", "waited_all_p50", "waited_all_p95", "cpu_key", "peak_p100")
"""The figures that a model is chosen by; the page has more."""
FILES = 5
"""Most files of one language."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `bench models`."""
    parser.add_argument(
        "--repo", type=Path, default=Path(), metavar="PATH", help="edits from this git repository (default: here)"
    )
    parser.add_argument("--model", action="append", metavar="M", help="a model's name, or a GGUF file (default: all)")
    parser.add_argument("--clock", choices=("patient", "typing"), default="patient", help="when keys come")
    parser.add_argument("--limit", type=_some, default=8, metavar="EDITS", help="edits in all (default: 8)")
    parser.add_argument("--keys", type=_some, default=150, metavar="N", help="most keys of a file (default: 150)")
    overrides.add_argument(parser)
    parser.add_argument("--html", type=Path, default=Path("tabby-lsp-bench.html"), metavar="OUT", help="the page")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the run there")


def _some(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def run(args: argparse.Namespace) -> int:
    """Measure each model, print a table and the choice, write the page."""
    from tabby_lsp import options
    from tabby_lsp.bench import models
    from tabby_lsp.bench.edited import history
    from tabby_lsp.bench.edited.scripts import scripts_of
    from tabby_lsp.bench.replay import turns
    from tabby_lsp.bench.replay.clock import Clock
    from tabby_lsp.engine import catalog
    from tabby_lsp.engine.store import ModelStore

    store = ModelStore.of(options.resolve().settings)
    found = models.candidates(store, catalog.load(), args.model or ())
    settings = overrides.initialization_options(args.set)
    overrides.resolve(settings)  # what cannot be used is said before an hour has passed, not in a server's log
    scripts = scripts_of(history.from_repository(args.repo, FILES), args.limit, args.keys)
    plan = turns.Plan(Clock(args.clock), args.keys)
    minutes = turns.expected_s(scripts, plan, len(found)) / 60
    _say(f"{len(found)} model(s) through {len(scripts)} file(s): some {max(1, round(minutes))} min")
    sessions = []
    failed: dict[str, TabbyError] = {}
    interrupted = False
    contestants = [models.contestant(candidate, settings) for candidate in found]
    try:
        failed = asyncio.run(models.measure(contestants, scripts, plan, _say, sessions))
    except KeyboardInterrupt:
        interrupted = True
        _say("interrupted; this is what there is")
    corpus = f"history of {args.repo.resolve().name}"
    _finish(models.run_of(sessions, plan, corpus, sys.argv[1:]), failed, args)
    return 130 if interrupted else 0 if sessions else 1


def _finish(found: Run, failed: Mapping[str, TabbyError], args: argparse.Namespace) -> None:
    """Print and write what there is."""
    from rich.console import Console

    from tabby_lsp.bench import models
    from tabby_lsp.bench.results import report

    if found.figures:
        Console().print(_table(found))
        if args.json:
            report.save(found, args.json)
        write_page(found, args.html)
    for name, error in failed.items():
        _say(f"{name} could not be measured: {error.message}{f' {error.remedy}' if error.remedy else ''}")
    print(models.choose(found.figures)[1])


def _table(found: Run) -> object:
    from rich.table import Table

    from tabby_lsp.bench.results import tables
    from tabby_lsp.bench.results.measures import FIGURES

    table = Table("", title=f"{found.corpus}, {found.clock} clock, with 95 % intervals")
    for model in found.figures:
        table.add_column(model, justify="right")
    for name in SHOWN:
        shown = (tables.show(figures.get(name), FIGURES[name]) for figures in found.figures.values())
        table.add_row(tables.title(name), *shown)
    return table


def write_page(found: Run, path: Path) -> None:
    """Write the page and say where it is."""
    from tabby_lsp.bench.results import page

    path.write_text(page.render(found), "utf-8")
    _say(f"The page is {path.resolve()}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
