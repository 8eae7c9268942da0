"""`tabby-lsp complete FILE:LINE:COLUMN`: one suggestion in the terminal, by the same path as in an editor."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tabby_lsp.errors import TabbyError

if TYPE_CHECKING:
    from tabby_lsp.completion.context.types import Repository
    from tabby_lsp.completion.types import Answer
    from tabby_lsp.config import Settings
    from tabby_lsp.document import Position, Snapshot

INDEX_S = 10.0
"""Seconds for an index that is there to come up; without an answer the suggestion is made without it."""
AROUND = 6
"""Lines shown above and below the suggestion."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `complete`."""
    parser.add_argument("place", metavar="FILE:LINE:COLUMN", help="where the cursor is, counted from 1")
    parser.add_argument("--json", action="store_true", help="text, range, reason, timings and token counts as JSON")
    parser.add_argument("--show-prompt", action="store_true", help="also print what the model read")
    parser.add_argument("--candidates", type=int, metavar="N", help="how many suggestions (default: 1)", default=1)
    parser.add_argument("--language", help="LSP language identifier (default: by the file's name)")
    parser.add_argument("--model", metavar="NAME", help="a model's name, or a GGUF file")
    parser.add_argument(
        "--no-context", action="store_true", help="show the model nothing of other files, even where there is an index"
    )


def run(args: argparse.Namespace) -> int:
    """Print the suggestion; 1 where there is none."""
    import dataclasses

    from tabby_lsp import log, options
    from tabby_lsp.config import LogSettings

    name, line, column = _place(args.place)
    text = _read(Path(name))
    log.configure(LogSettings(level="warning"))
    resolved = options.resolve(Path(name).resolve().parent)
    for fault in resolved.faults:
        print(f"tabby-lsp: {fault}", file=sys.stderr)
    settings = dataclasses.replace(
        resolved.settings,
        completion=dataclasses.replace(resolved.settings.completion, candidates=max(1, args.candidates), enabled=True),
    )
    if args.model:
        key = "path" if args.model.endswith(".gguf") else "name"
        settings = dataclasses.replace(settings, model=dataclasses.replace(settings.model, **{key: args.model}))

    from tabby_lsp.completion.pipeline import Pipeline
    from tabby_lsp.completion.types import Ask, Trigger
    from tabby_lsp.document import Position, Snapshot
    from tabby_lsp.engine.opening import open_completion
    from tabby_lsp.syntax.languages import language_of

    snapshot = Snapshot.of(Path(name).absolute().as_uri(), args.language or language_of(name), 0, text)
    position = snapshot.clamp(Position(line - 1, column - 1))
    with contextlib.ExitStack() as resources:
        repository = None if args.no_context else _repository(settings, Path(name).absolute(), resources)
        opened = open_completion(settings)
        resources.callback(opened.engine.close)
        pipeline = Pipeline(opened.engine, lambda: settings.completion, repository=repository, far=opened.far)
        answer = asyncio.run(pipeline.complete(Ask(snapshot, position, Trigger.INVOKED)))
    if args.json:
        print(json.dumps(_as_json(answer, opened.model.name, show_prompt=args.show_prompt), indent=2))
    else:
        if args.show_prompt:
            print(answer.prompt, end="\n\n")
        _show(answer, snapshot, position)
    return 0 if answer.suggestions else 1


def _repository(settings: Settings, path: Path, resources: contextlib.ExitStack) -> Repository | None:
    """The index that the file's folder has already; None where it has none: nobody waits for one here."""
    from tabby_lsp.completion.context.types import Place, Repository
    from tabby_lsp.index.child.client import IndexClient
    from tabby_lsp.index.child.messages import Configure
    from tabby_lsp.index.opening import model_of, nearest, of_the_index
    from tabby_lsp.index.places import Places
    from tabby_lsp.index.types import Phase

    root = nearest(path.parent, settings.index)
    if not (settings.context.enabled and settings.index.enabled and Places.of(settings.index).path(root).is_dir()):
        return None
    given = of_the_index(settings)
    order = Configure(given.index, model_of(given), given.offline, watch=False, engine=given.engine, level="WARNING")
    client = resources.enter_context(contextlib.closing(IndexClient(order)))
    client.start()
    place = Place(path.relative_to(root).as_posix(), client.folder(root))
    end = time.monotonic() + INDEX_S
    while (status := client.status(root)) and status.phase is Phase.STARTING and time.monotonic() < end:
        time.sleep(0.02)
    return Repository(lambda: settings.context, lambda _: place, INDEX_S)


def _place(place: str) -> tuple[str, int, int]:
    name, _, rest = place.rpartition(":")
    name, _, line = name.rpartition(":")
    if not name or not line.isdigit() or not rest.isdigit() or int(line) < 1 or int(rest) < 1:
        raise TabbyError(f"{place!r} is no place.", "Write FILE:LINE:COLUMN, counted from 1, as in `app.py:12:5`.")
    return name, int(line), int(rest)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise TabbyError(f"{path} cannot be read: {error.strerror}.") from error


def _as_json(answer: Answer, model: str, *, show_prompt: bool) -> dict[str, object]:
    c = answer.counters
    found: dict[str, object] = {
        "reason": answer.reason,
        "finish": answer.finish,
        "model": model,
        "suggestions": [
            {
                "text": s.text,
                "range": {
                    "start": {"line": s.start.line + 1, "column": s.start.column + 1},
                    "end": {"line": s.end.line + 1, "column": s.end.column + 1},
                },
                "logprob": round(s.logprob, 4),
            }
            for s in answer.suggestions
        ],
        "timings_ms": {stage: round(ms, 2) for stage, ms in answer.timings.items()},
        "tokens": {
            "prompt": c.prompt,
            "reused": c.reused,
            "evaluated": c.evaluated,
            "generated": c.generated,
        },
    }
    if show_prompt:
        found["prompt"] = answer.prompt
        found["raw"] = list(answer.raw)
    return found


def _show(answer: Answer, snapshot: Snapshot, position: Position) -> None:
    """The lines around the cursor with the first suggestion in place, and how it came about."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    first = max(0, position.line - AROUND)
    last = min(len(snapshot.lines), position.line + 1 + AROUND)
    before = "".join(snapshot.lines[first : position.line]) + snapshot.line_text(position.line)[: position.column]
    after = snapshot.lines[position.line][position.column :] + "".join(snapshot.lines[position.line + 1 : last])
    ghost = answer.suggestions[0].text if answer.suggestions else ""
    console.print(Text.assemble((before, "dim"), (ghost, "bold green"), (after.rstrip("\r\n"), "dim")))
    for other in answer.suggestions[1:]:
        console.print(Text.assemble(("\nor: ", "dim"), (other.text, "green")))
    c, ms = answer.counters, answer.timings.get("model", 0.0)
    console.print(
        Text(
            f"\n{answer.reason}: {c.generated} tokens in {ms:.0f} ms ({c.evaluated} prompt tokens evaluated)",
            style="dim",
        ),
        style="dim",
    )
