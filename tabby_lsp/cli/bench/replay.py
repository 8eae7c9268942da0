"""`tabby-lsp bench replay`: real edits typed again, key by key, through a real server process."""

from __future__ import annotations

import argparse
import asyncio
import functools
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tabby_lsp.errors import TabbyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tabby_lsp.bench.edited.workspaces import FilesOf
    from tabby_lsp.bench.replay.turns import Plan
    from tabby_lsp.bench.results.report import Run
    from tabby_lsp.bench.types import Contestant, Script, Session


ANY = 500
"""Files of a language in which lines are looked for that use what another file defines."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `bench replay`."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--repo", type=Path, metavar="PATH", help="edits from this git repository's history")
    source.add_argument(
        "--corpus", metavar="NAME", help="edits between pinned releases, or one package's (default: all)"
    )
    parser.add_argument("--model", action="append", metavar="M", help="a model's name, or a GGUF file; repeatable")
    parser.add_argument("--peer", action="append", metavar="NAME", help="another program to compare with; repeatable")
    parser.add_argument("--set", action="append", metavar="KEY=VALUE", help="a setting of our server; repeatable")
    parser.add_argument(
        "--variant", action="append", metavar="NAME:KEY=VALUE,…", help="our server again, with settings; repeatable"
    )
    parser.add_argument("--clock", choices=("patient", "typing"), default="patient", help="when keys come")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the typing clock and of what is picked")
    parser.add_argument("--load", type=_count, default=0, metavar="N", help="processes that keep cores busy meanwhile")
    parser.add_argument("--limit", type=_count, default=20, metavar="EDITS", help="edits in all (default: 20)")
    parser.add_argument("--files", type=_count, default=5, metavar="N", help="most files of a language (default: 5)")
    parser.add_argument("--keys", type=_count, default=150, metavar="N", help="most keys of a file (default: 150)")
    parser.add_argument(
        "--across", action="store_true", help="type only lines that use what another file defines; apply the rest"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the run there")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def run(args: argparse.Namespace) -> int:
    """Replay, print tables and write the run."""
    from tabby_lsp.bench.edited import workspaces
    from tabby_lsp.cli.bench.contestants import contestants_of

    corpus, scripts, files_of = _scripts(args)
    with workspaces.unpacked(scripts, files_of) as (scripts, folders), tempfile.TemporaryDirectory() as indexes:
        settings = [f"index.directory={indexes}", *(args.set or [])]
        contestants = contestants_of(args.model or [], settings, args.variant or [], args.peer or [], folders)
        return _replay(args, contestants, corpus, scripts)


def _replay(args: argparse.Namespace, contestants: list[Contestant], corpus: str, scripts: list[Script]) -> int:
    from rich.console import Console

    from tabby_lsp.bench.replay import turns
    from tabby_lsp.bench.replay.clock import Clock
    from tabby_lsp.bench.results import report

    plan = turns.Plan(Clock(args.clock, args.seed), args.keys, args.load)
    hunks = sum(len(script.hunks) for script in scripts)
    minutes = turns.expected_s(scripts, plan, len(contestants)) / 60
    _say(f"{hunks} edits in {len(scripts)} files, {len(contestants)} contestants: some {minutes:.0f} min")
    sessions: list[Session] = []
    code = 0
    try:
        asyncio.run(turns.run(contestants, scripts, plan, sessions, _say))
    except KeyboardInterrupt:
        _say("interrupted; this is what there is")
        code = 130
    except TabbyError as error:
        if not sessions:
            raise
        _say(f"{error}; this is what there is")
        code = 1
    if sessions:
        found = _found(sessions, [c.name for c in contestants], plan, corpus)
        report.print_tables(found, Console())
        if args.json:
            report.save(found, args.json)
    return code


def _found(sessions: Sequence[Session], names: Sequence[str], plan: Plan, corpus: str) -> Run:
    import datetime as dt

    from tabby_lsp.bench.results import figures, machine
    from tabby_lsp.bench.results.report import Run

    by_name = {name: [s for s in sessions if s.contestant == name] for name in names}
    first = by_name[names[0]]
    return Run(
        sessions=tuple(sessions),
        figures={name: figures.figures_of(own) for name, own in by_name.items()},
        comparisons={name: figures.compare(first, by_name[name]) for name in names[1:]},
        machine=machine.facts(),
        arguments=sys.argv[1:],
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        corpus=corpus,
        revision=machine.revision(),
        clock=plan.clock.name,
        load=plan.load,
    )


def _scripts(args: argparse.Namespace) -> tuple[str, list[Script], FilesOf]:
    """Where the edits are from, the edits, and what their repositories held before them."""
    from tabby_lsp import options
    from tabby_lsp.bench.edited import across, corpus, history
    from tabby_lsp.bench.edited.scripts import scripts_of

    most = ANY if args.across else args.files
    if args.repo:
        source, files = f"history of {args.repo.resolve().name}", history.from_repository(args.repo, most)
        files_of: FilesOf = functools.partial(history.files_of, args.repo)
    else:
        offline = options.resolve().settings.offline
        source, files = corpus.edited_files(args.corpus, most, _say, offline=offline)
        files_of = functools.partial(corpus.files_of, offline=offline)
    if args.across:
        files = corpus.in_turn(across.across_files(files, files_of), args.files)
        source = f"{source}, lines across files"
    return source, scripts_of(files, args.limit, args.keys, args.seed), files_of


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
