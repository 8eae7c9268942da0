"""`tabby-lsp bench fim FILE`: a fill-in-the-middle set through the pipeline that serves editors."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import functools
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tabby_lsp.cli.bench import overrides
from tabby_lsp.errors import TabbyError

if TYPE_CHECKING:
    from tabby_lsp.bench.fim.holes import Hole, Score
    from tabby_lsp.completion.context.types import Repository
    from tabby_lsp.config import Settings

MODES = ("pipeline", "plain")
ALONE = ("completion.candidates=1", "completion.deadline_ms=600000")
"""One candidate is compared, and none is cut off by the clock; `--set` may say otherwise."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `bench fim`."""
    parser.add_argument("file", type=Path, help="JSON lines, gzipped or not (see docs/measurements.md)")
    parser.add_argument("--mode", choices=MODES, action="append", help="how to ask (default: both)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N holes")
    parser.add_argument(
        "--model", metavar="NAME", action="append", help="a model's name, or a GGUF file; may be repeated"
    )
    parser.add_argument(
        "--context",
        metavar="VARIANT",
        action="append",
        help="for holes that bring files of their repository, the others are left out: which sources of context are "
        "asked (none, symbols, siblings, search or all; may be repeated; default: none)",
    )
    parser.add_argument("--sampler", metavar="NAME", help="the same as --set completion.sampler=NAME")
    overrides.add_argument(parser)
    parser.add_argument(
        "--cold", action="store_true", help="load the model anew for each hole: its answer depends on no other one"
    )
    parser.add_argument(
        "--execute", action="store_true", help="run the tests of the rows (pass@1): runs code that the model wrote"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write each hole's result there, by model and mode")


def run(args: argparse.Namespace) -> int:
    """Ask for each hole and print a table."""
    from rich.console import Console
    from rich.table import Table

    from tabby_lsp.bench.fim import execution

    rows = _rows(args)
    table = Table(title=f"{args.file.name}: {len(rows)} holes")
    for heading in ("asked", "exact match\n(95 %)", "similarity", "evaluated", "generated", "median\nms"):
        table.add_column(heading, justify="left" if heading == "asked" else "right")
    if args.execute:
        table.add_column("pass@1\n(95 %)", justify="right")
        print(execution.notice(execution.fence()))
    results: dict[str, dict[str, list[Score]]] = {}
    for model in args.model or [None]:
        name, by_mode = _measure(args, model, rows)
        results[name] = by_mode
        for mode, scores in by_mode.items():
            table.add_row(f"{name}\n{mode}", *_cells(scores), *([_pass_cell(scores)] if args.execute else []))
    Console().print(table)
    if args.json:
        plain = {name: {m: [dataclasses.asdict(s) for s in r] for m, r in by.items()} for name, by in results.items()}
        args.json.write_text(json.dumps(plain, indent=1))
    return 0


def _rows(args: argparse.Namespace) -> list[Hole]:
    """The holes that are asked for.

    Raises:
        TabbyError: the set cannot be read, or none of its holes brings files where context is measured.
    """
    from tabby_lsp.bench.fim import holes

    rows = list(holes.read(args.file))
    if args.context:
        bring = [row for row in rows if row.files]
        if not bring:
            raise TabbyError(f"No hole of {args.file} brings files of its repository.", "Leave --context out.")
        if left := len(rows) - len(bring):
            print(f"{left} of {len(rows)} holes bring no files of their repository and are left out.")
        rows = bring
    return rows[: args.limit]


def _measure(args: argparse.Namespace, model: str | None, rows: list[Hole]) -> tuple[str, dict[str, list[Score]]]:
    """Ask one model; give its name and the scores by mode."""
    sampler = (f"completion.sampler={args.sampler}",) if args.sampler else ()
    settings = overrides.resolve(overrides.initialization_options((*ALONE, *sampler, *args.set), model))
    name = ""
    found: dict[str, list[Score]] = {}
    for group in [[row] for row in rows] if args.cold else [rows]:
        name, scores = _ask(args, settings, model, group)
        for mode, some in scores.items():
            found.setdefault(mode, []).extend(some)
    return name, found


def _ask(
    args: argparse.Namespace, settings: Settings, model: str | None, rows: list[Hole]
) -> tuple[str, dict[str, list[Score]]]:
    """Ask one model for some holes in turn, the first one with nothing in its cache."""
    from tabby_lsp.bench.fim import holes
    from tabby_lsp.engine.opening import open_engine

    opened = open_engine(settings)
    resources = contextlib.ExitStack()
    found: dict[str, list[Score]] = {}
    try:
        if model and opened.model.note:  # another model's figures under this one's name would be worse than none
            raise TabbyError(f"{model} is not installed.", f"Run `tabby-lsp models pull {model}`.")
        for mode in args.mode or MODES:
            for name, repository in _contexts(args, settings, opened.model.path, mode, resources):
                asked = f"{mode}, {name}" if name else mode
                found[asked] = asyncio.run(holes.run(opened.engine, settings.completion, mode, rows, repository))
                if args.execute:
                    found[asked] = holes.judge(found[asked], rows)
    finally:
        resources.close()
        opened.engine.close()
    return opened.model.name, found


def _contexts(
    args: argparse.Namespace, settings: Settings, model: Path, mode: str, resources: contextlib.ExitStack
) -> Iterator[tuple[str, Callable[[Hole], Awaitable[Repository]] | None]]:
    """The variants that are asked for, by name; the plain template has none."""
    if not args.context or mode != "pipeline":
        yield "", None
        return
    from tabby_lsp.bench.fim.repositories import VARIANTS, Repositories, variant

    repositories = resources.enter_context(contextlib.closing(Repositories(settings, model)))
    for name in args.context:
        if name not in VARIANTS:
            raise TabbyError(f"--context {name} is not known.", f"There are {', '.join(VARIANTS)}.")
        yield name, functools.partial(repositories.of, context=variant(name, settings.context))


def _cells(scores: list[Score]) -> list[str]:
    from tabby_lsp.bench.fim.holes import interval

    mean, low, high = interval([float(s.exact) for s in scores])
    n = max(1, len(scores))
    times = sorted(s.milliseconds for s in scores)
    return [
        f"{mean:.1%}\n({low:.0%}–{high:.0%})",
        f"{sum(s.similarity for s in scores) / n:.3f}",
        f"{sum(s.evaluated for s in scores) / n:.0f}",
        f"{sum(s.generated for s in scores) / n:.1f}",
        f"{times[len(times) // 2]:.0f}" if times else "",
    ]


def _pass_cell(scores: list[Score]) -> str:
    from tabby_lsp.bench.fim.holes import interval

    run_ones = [float(s.verdict == "passed") for s in scores if s.verdict]
    if not run_ones:
        return "no tests in this set"
    mean, low, high = interval(run_ones)
    of = "" if len(run_ones) == len(scores) else f"\n{len(run_ones)} have tests"
    return f"{mean:.1%}\n({low:.0%}–{high:.0%}){of}"
