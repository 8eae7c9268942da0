"""`tabby-lsp models`: what there is, what is here, and bringing it, checking it, removing it.

What a script may want (paths, JSON, tables) goes to stdout; progress and explanations go to stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabby_lsp.config import Settings
    from tabby_lsp.engine.catalog import Catalog, Model
    from tabby_lsp.engine.sources.transfer import Progress
    from tabby_lsp.engine.store import ModelStore


@dataclass(frozen=True, slots=True)
class Context:
    """What every action works on.

    Args:
        settings: the user's.
        catalog: the models that are known.
        store: the models folder.
        args: the command line.
    """

    settings: Settings
    catalog: Catalog
    store: ModelStore
    args: argparse.Namespace


FILLS_IN: dict[object, str] = {True: "yes", False: "no", None: "?"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their arguments to the command's parser."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="show the catalogue and what is installed")
    listing.add_argument("--json", action="store_true", help="print it as JSON")

    pulling = actions.add_parser("pull", help="fetch a model; without a name the one that suits this machine")
    pulling.add_argument("name", nargs="?", metavar="NAME")
    pulling.add_argument("--from", dest="origin", metavar="FILE_OR_FOLDER", help="take it from this machine instead")
    pulling.add_argument("--offline", action="store_true", help="use no network")

    verifying = actions.add_parser("verify", help="compare SHA-256; without a name of everything installed")
    verifying.add_argument("name", nargs="?", metavar="NAME")

    removing = actions.add_parser("remove", help="delete a model and what broken pulls left of it")
    removing.add_argument("name", metavar="NAME")
    removing.add_argument("--forget", action="store_true", help="also forget the hash it was first fetched with")

    locating = actions.add_parser("path", help="print a model's file; without a name the one that would be loaded")
    locating.add_argument("name", nargs="?", metavar="NAME")


def run(args: argparse.Namespace) -> int:
    """Run the action that the command line names.

    Returns:
        The exit code: 0 done, 1 something is wrong with a model.
    """
    from tabby_lsp import options
    from tabby_lsp.engine import catalog
    from tabby_lsp.engine.store import ModelStore

    resolved = options.resolve()
    known = catalog.load()
    for fault in (*resolved.faults, *known.faults):
        _say(f"warning: {fault}")
    context = Context(resolved.settings, known, ModelStore.of(resolved.settings), args)
    return ACTIONS[args.action](context)


def _list(context: Context) -> int:
    rows = list(_rows(context))
    if context.args.json:
        folder = str(context.store.directory)
        print(json.dumps({"directory": folder, "models": rows}, indent=2))
        return 0
    from rich.console import Console
    from rich.table import Table

    from tabby_lsp.engine.disk import format_size

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("model", "params", "size", "memory", "fills in", "licence", "state"):
        table.add_column(heading, no_wrap=heading in ("model", "size"))
    for row in rows:
        size, memory, parameters = row["size"], row["memory_mb"], row["parameters"]
        table.add_row(
            str(row["name"]),
            f"{parameters:g} B" if isinstance(parameters, float) else "?",
            format_size(size) if isinstance(size, int) else "?",
            f"{memory} MiB" if memory else "?",
            FILLS_IN[row["fim"]],
            str(row["license"] or "?"),
            str(row["state"]),
        )
    # a pipe gets whole lines, however long they are
    console = Console(highlight=False, markup=False) if sys.stdout.isatty() else Console(width=200, highlight=False)
    console.print(table)
    _say(f"Models are kept in {context.store.directory}")
    return 0


def _rows(context: Context) -> Iterator[dict[str, object]]:
    """Describe the catalogue's models, then the files that it does not know."""
    installed = context.store.installed(context.catalog)
    here = {item.name: item for item in installed if item.entry is not None}
    unfinished = context.store.unfinished()
    for model in context.catalog.models:
        item = here.get(model.name)
        state = "not installed"
        if item is not None:
            state = "installed" if item.whole else "damaged"
        elif model.file in unfinished:
            state = "unfinished"
        yield {
            "name": model.name,
            "family": model.family,
            "parameters": model.parameters,
            "roles": list(model.roles),
            "training": model.training,
            "fim": model.fim,
            "license": model.license,
            "memory_mb": model.memory_mb,
            "size": item.size if item else model.size,
            "sha256": context.store.expected_hash(model) or None,
            "state": state,
            "path": str(item.path) if item else None,
            "note": model.note,
        }
    described = ("family", "parameters", "roles", "training", "fim", "license", "memory_mb", "sha256")
    for item in installed:
        if item.entry is None:
            whole = "installed" if item.whole else "damaged"
            found: dict[str, object] = {"name": item.name, "size": item.size, "state": whole, "path": str(item.path)}
            yield {**dict.fromkeys(described), **found, "note": "put there by hand"}


def _pull(context: Context) -> int:
    from tabby_lsp.engine.choice import recommend
    from tabby_lsp.engine.download import pull
    from tabby_lsp.engine.hardware import gpu_bytes, memory_bytes
    from tabby_lsp.errors import SourceFailed

    args, catalog, store = context.args, context.catalog, context.store
    name = args.name or context.settings.model.name
    if name:
        model = catalog.find(name)
    else:
        model, why = recommend(catalog, memory_bytes(), gpu_bytes())
        _say(f"{model.name}: {why}")
    if model.note and not store.is_intact(model):
        _say(f"{model.name}: {model.note}.")
    if args.origin:
        model = _from_here(model, args.origin)
    offline = bool(args.offline or context.settings.offline)
    try:
        with _progress_bar(model.name) as progress:
            path = pull(model, store, offline=offline, asker="`tabby-lsp models pull`", progress=progress)
    except SourceFailed as error:
        if not name and model != catalog.default:
            hint = f"The default model has more sources: `tabby-lsp models pull {catalog.default.name}`."
            raise SourceFailed(error.message, f"{hint} {error.remedy}") from error
        raise
    print(path)
    return 0


def _from_here(model: Model, origin: str) -> Model:
    from tabby_lsp.engine.sources.file import FileSource

    source = FileSource(str(Path(origin).expanduser().absolute()), model.file)
    return replace(model, sources=(source,))


def _verify(context: Context) -> int:
    from tabby_lsp.errors import ModelError

    name = context.args.name
    models = [context.catalog.find(name)] if name else [
        item.entry for item in context.store.installed(context.catalog) if item.entry is not None
    ]  # fmt: skip
    if not models:
        _say(f"There is no model of the catalogue in {context.store.directory}.")
    wrong = 0
    for model in models:
        held = context.store.expected_hash(model)
        try:
            with _progress_bar(model.name) as progress:
                found = context.store.verify(model, progress)
        except ModelError as error:
            wrong += 1
            _say(f"{model.name}: {error}")
        else:
            print(f"{model.name}: {'ok' if held else 'recorded; nothing to compare it with was known'} {found}")
    return 1 if wrong else 0


def _remove(context: Context) -> int:
    from tabby_lsp.engine.disk import format_size

    model = context.catalog.find(context.args.name)
    freed = context.store.remove(model, forget=context.args.forget)
    _say(f"{model.name} is removed; {format_size(freed)} are free again.")
    return 0


def _path(context: Context) -> int:
    from tabby_lsp.engine.choice import resolve_model
    from tabby_lsp.engine.disk import is_there
    from tabby_lsp.errors import ModelMissing

    if not context.args.name:
        chosen = resolve_model(context.settings, context.store, context.catalog)
        if chosen.note:
            _say(f"warning: {chosen.note}")
        print(chosen.path)
        return 0
    model = context.catalog.find(context.args.name)
    path = context.store.path(model)
    if not is_there(path):
        raise ModelMissing(f"{model.name} is not installed.", f"Run `tabby-lsp models pull {model.name}`.")
    print(path)
    return 0


ACTIONS: dict[str, Callable[[Context], int]] = {
    "list": _list,
    "pull": _pull,
    "verify": _verify,
    "remove": _remove,
    "path": _path,
}


@contextmanager
def _progress_bar(name: str) -> Iterator[Callable[[Progress], None]]:
    """Say on stderr what is being done from where, and show a bar below it where that is a terminal."""
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    with bars.Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as display:
        task = display.add_task("", total=None)
        told = ("", "")

        def show(seen: Progress) -> None:
            nonlocal told
            phase = "downloading" if seen.phase == "unpacking" else seen.phase
            if told != (phase, seen.source):
                told = (phase, seen.source)
                display.reset(task, description=phase)
                console.print(f"{name}: {phase} ({seen.source})")
            display.update(task, completed=seen.done, total=seen.total)

        yield show


def _say(text: str) -> None:
    print(text, file=sys.stderr)
