"""`tabby-lsp index [FOLDER]`: make or renew the index of a folder, look at indexes, remove them, share one.

Figures go to stdout; progress and explanations go to stderr.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from tabby_lsp.errors import RepositoryIndexError
from tabby_lsp.index.types import Phase, Status

if TYPE_CHECKING:
    from tabby_lsp.config import Settings
    from tabby_lsp.index.places import Places

LINE_S = 2.0
"""How often progress is a line where stderr is no terminal."""
INTERRUPTED = 130


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `index`."""
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="what to index (default: where you are)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="only show what the index holds")
    what.add_argument("--rebuild", action="store_true", help="make it anew")
    what.add_argument("--remove", action="store_true", help="delete the index")
    what.add_argument("--list", action="store_true", help="show the indexes of all folders")
    what.add_argument("--publish", metavar="URI", help="bring it up to date and put it where others read it, as s3://…")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")


def run(args: argparse.Namespace) -> int:
    """Do what was asked for.

    Returns:
        The exit code: 0 done, 1 the index could not be made, 130 interrupted; what was done by then is kept.
    """
    from tabby_lsp import log, options
    from tabby_lsp.config import LogSettings
    from tabby_lsp.index.opening import nearest
    from tabby_lsp.index.places import Places

    log.configure(LogSettings(level="warning"))
    settings = options.resolve().settings
    places = Places.of(settings.index)
    if args.list:
        return _list(places, settings, as_json=args.json)
    root = Path(args.folder).absolute() if args.folder else nearest(Path.cwd(), settings.index)
    if not root.is_dir():
        raise RepositoryIndexError(f"{root} is no folder.")
    if args.remove or args.rebuild:
        freed = places.remove(root)
        if args.remove:
            from tabby_lsp.engine.disk import format_size

            _say(f"The index of {root} is removed; {format_size(freed)} are free again." if freed else "There is none.")
            return 0
    return _status(root, settings, places, args) if args.status else _make(root, settings, args)


def _make(root: Path, settings: Settings, args: argparse.Namespace) -> int:
    from tabby_lsp.index.opening import open_index
    from tabby_lsp.index.places import Places

    started = time.monotonic()
    with open_index(root, settings, _say, seeded=not args.publish) as index, _interruptible() as stop:
        if not index.try_write():
            if args.publish:  # half of an index is no index for others
                raise RepositoryIndexError(
                    f"The index of {root} is being written by another process.", "Close the editors that have it open."
                )
            _say(f"The index of {root} is kept up to date by another process.")
            status = index.status()
        else:
            with progress(root) as report:
                status = index.sync(report, stop)
        seconds = time.monotonic() - started
        show(root, status, seconds, as_json=args.json)
        if stop():
            _say("Interrupted; what is done is kept, and the next run goes on from there.")
            return INTERRUPTED
        if args.publish and status.phase is not Phase.FAILED:
            _publish(root, index.directory, settings, args.publish)
    Places.of(settings.index).enforce(settings.index.disk_mb)
    return 1 if status.phase is Phase.FAILED else 0


def _publish(root: Path, directory: Path, settings: Settings, uri: str) -> None:
    from tabby_lsp.errors import Offline
    from tabby_lsp.index.shared import Shared

    if settings.offline and "://" in uri:
        raise Offline("Publishing an index needs the network, and offline = true.", "Set offline = false for it.")
    build = Shared(uri, settings.index).publish(root, directory)
    _say(f"Published as {build.name} in {uri}: {build.files} files, {build.chunks} chunks.")


def _status(root: Path, settings: Settings, places: Places, args: argparse.Namespace) -> int:
    from tabby_lsp.index.opening import open_index

    if not places.path(root).is_dir():
        raise RepositoryIndexError(f"There is no index of {root}.", "Run `tabby-lsp index` there.")
    with open_index(root, settings) as index:
        status = index.status()
        if index.try_write():  # else another process is at work on it, and "reading" is the word for that
            status = replace(status, phase=Phase.READY)
        show(root, status, None, as_json=args.json)
    return 0


def _list(places: Places, settings: Settings, *, as_json: bool) -> int:
    found = places.all()
    if as_json:
        rows = [
            {"folder": str(p.root), "path": str(p.directory), "size": p.size, "used": p.used, "held": p.held}
            | {"gone": p.orphaned}
            for p in found
        ]
        print(json.dumps({"directory": str(places.directory), "indexes": rows}, indent=2))
        return 0
    from rich.console import Console
    from rich.table import Table

    from tabby_lsp.engine.disk import format_size

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("folder", "size", "last used", "state"):
        table.add_column(heading, no_wrap=heading != "folder")
    for place in found:
        state = "in use" if place.held else "the folder is gone" if place.orphaned else ""
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(place.used))
        table.add_row(str(place.root), format_size(place.size), used, state)
    Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False).print(table)
    total = format_size(sum(place.size for place in found))
    _say(f"{total} of at most {settings.index.disk_mb} MiB (index.disk_mb) in {places.directory}")
    return 0


def show(root: Path, status: Status, seconds: float | None, *, as_json: bool) -> None:
    """Print what an index holds.

    Args:
        root: its folder.
        status: what it says of itself.
        seconds: how long it took; None where nothing was made.
        as_json: as JSON.
    """
    if as_json:
        figures = {"folder": str(root), **asdict(status)}
        if seconds is not None:
            figures["seconds"] = round(seconds, 3)
        print(json.dumps(figures, indent=2))
        return
    from tabby_lsp.engine.disk import format_size

    took = f" in {seconds:.1f} s" if seconds is not None else ""
    print(f"{root}: {status.phase}{took}")
    if status.message:
        print(f"  {status.message}")
    of_total = f" of {status.total}" if status.total > status.files else ""
    print(f"  {status.files}{of_total} files, {status.chunks} chunks, {status.symbols} symbols")
    print(f"  {format_size(status.disk)} on the disk")
    if status.left_out:
        ranked = sorted(status.left_out.items(), key=lambda pair: -pair[1])
        print("  left out: " + ", ".join(f"{count} {reason}" for reason, count in ranked))


@contextmanager
def progress(root: Path) -> Iterator[Callable[[Status], None]]:
    """Show on stderr how far an index is: a bar where that is a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        last = time.monotonic()

        def line(status: Status) -> None:
            nonlocal last
            if time.monotonic() - last >= LINE_S:
                last = time.monotonic()
                _say(f"{root}: {status.phase}, {status.files} of {status.total} files, {status.chunks} chunks")

        yield line
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("files"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as display:
        task = display.add_task(f"{root.name}: starting", total=None)

        def bar(status: Status) -> None:
            description = f"{root.name}: {status.phase}"
            display.update(task, description=description, completed=status.files, total=status.total or None)

        yield bar


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Have the first Ctrl-C ask for an end, and the second be one."""
    asked = threading.Event()

    def interrupted(_: int, __: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
