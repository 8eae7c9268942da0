"""`tabby-lsp search QUERY`: what the index of a folder finds, as a completion would find it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tabby_lsp.errors import RepositoryIndexError, TabbyError
from tabby_lsp.index.types import Query, Snippet

if TYPE_CHECKING:
    from rich.console import Console

    from tabby_lsp.config import Settings

LINES = 6
"""First lines of a hit that are shown."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `search`."""
    parser.add_argument("query", nargs="*", metavar="QUERY", help="words, code, or a question (default: the symbol)")
    parser.add_argument("--folder", metavar="FOLDER", help="what to search (default: the project you are in)")
    parser.add_argument("--lang", action="append", default=[], metavar="LANG", help="only this language; repeatable")
    parser.add_argument("--path", default="", metavar="GLOB", help="only files whose path matches, as 'src/**/*.py'")
    parser.add_argument("--symbol", default="", metavar="NAME", help="only what defines this name")
    parser.add_argument("--limit", type=int, default=10, metavar="N", help="most hits (default: 10)")
    parser.add_argument("--explain", action="store_true", help="show what each score was made of")
    parser.add_argument("--no-refresh", action="store_true", help="search what is indexed, without looking for changes")
    parser.add_argument("--json", action="store_true", help="the hits as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the hits.

    Returns:
        The exit code: 0 something was found, 1 nothing was.
    """
    from tabby_lsp import log, options
    from tabby_lsp.config import LogSettings
    from tabby_lsp.index.opening import nearest

    log.configure(LogSettings(level="warning"))
    settings = options.resolve().settings
    root = Path(args.folder).absolute() if args.folder else nearest(Path.cwd(), settings.index)
    if not root.is_dir():
        raise RepositoryIndexError(f"{root} is no folder.")
    text = " ".join(args.query) or args.symbol
    if not text:
        raise TabbyError("There is nothing to search for.", "Give some words, or --symbol.")
    query = Query(text, tuple(args.lang), args.path, args.symbol, limit=max(1, args.limit))
    hits = _search(root, settings, query, refresh=not args.no_refresh)
    if args.json:
        print(json.dumps({"folder": str(root), "hits": [asdict(hit) for hit in hits]}, indent=2))
    else:
        _show(root, hits, explain=args.explain)
    return 0 if hits else 1


def _search(root: Path, settings: Settings, query: Query, *, refresh: bool) -> tuple[Snippet, ...]:
    from tabby_lsp.cli.index import progress
    from tabby_lsp.index.opening import open_index
    from tabby_lsp.index.places import Places

    is_there = Places.of(settings.index).path(root).is_dir()
    with open_index(root, settings, lambda text: print(text, file=sys.stderr), seeded=refresh) as index:
        if refresh or not is_there:
            if not is_there:
                print(f"tabby-lsp: {root} has no index yet; it is made now.", file=sys.stderr)
            if index.try_write():  # else an editor keeps it up to date
                with progress(root) as report:
                    index.sync(report)
        return index.search(query)


def _show(root: Path, hits: Sequence[Snippet], *, explain: bool) -> None:
    from rich.console import Console

    # a pipe gets whole lines, however long they are
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for hit in hits:
        _show_hit(console, root, hit, explain=explain)
    if not hits:
        print("tabby-lsp: nothing was found.", file=sys.stderr)


def _show_hit(console: Console, root: Path, hit: Snippet, *, explain: bool) -> None:
    from rich.style import Style
    from rich.syntax import Syntax
    from rich.text import Text

    link = Style(bold=True, link=(root / hit.path).as_uri() if console.is_terminal else None)
    place = Text(f"{hit.path}:{hit.start + 1}-{hit.end}", link)
    console.print(Text.assemble(place, "  ", (", ".join(hit.symbols), "cyan")))
    if explain:
        parts = ", ".join(f"{name} {value:.4g}" for name, value in sorted(hit.parts.items()))
        console.print(Text(f"  {hit.score:.4f} = {parts}" if parts else f"  {hit.score:.4f}", "dim"))
    lines = hit.text.rstrip("\n").splitlines()
    shown = "\n".join(f"  {line}" for line in lines[:LINES])
    if console.is_terminal:
        lexer = Syntax.guess_lexer(hit.path, shown)
        console.print(Syntax(shown, lexer, theme="ansi_dark", background_color="default"))
    else:
        console.print(shown)
    if len(lines) > LINES:
        console.print(Text(f"  … {len(lines) - LINES} more lines", "dim"))
