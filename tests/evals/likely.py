"""How much of a suggestion is to be shown unasked: rules, over what the model would write at each key of real edits.

    python tests/evals/likely.py write ROWS.jsonl [--across] [--files N] [--limit N] [--keys N] [--seed N]
    python tests/evals/likely.py count ROWS.jsonl

The edits are those of `bench replay`'s corpus. `write` asks at each key, as if nothing had been suggested before, for
a text with its tokens' probabilities; names of other files are known, the files themselves are in no prompt, as it is
on a machine that has no time to read them. `count` types the edits again with each rule: what is kept is typed along,
what is right is taken, and nothing is asked while there is something to type along.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from tabby_lsp import options
from tabby_lsp.bench.edited import across, corpus, edits, scripts
from tabby_lsp.bench.fim.holes import Hole
from tabby_lsp.bench.fim.repositories import Repositories
from tabby_lsp.bench.replay.typist import is_right
from tabby_lsp.bench.types import Hunk, Script
from tabby_lsp.completion import likely, trigger
from tabby_lsp.completion.case import case_for
from tabby_lsp.completion.context.gather import Context
from tabby_lsp.completion.flights import Flights
from tabby_lsp.completion.prompts import PromptMaker
from tabby_lsp.completion.reuse import Reuse
from tabby_lsp.completion.stopwatch import Stopwatch
from tabby_lsp.completion.types import Ask, Odds, Suggestion, Trigger
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.opening import open_engine
from tabby_lsp.engine.types import Engine
from tabby_lsp.syntax.scope import scope_at
from tabby_lsp.syntax.trees import Trees

ANY = 500
"""Files of a language in which lines are looked for that use what another file defines."""
ALONE = {"candidates": 1, "deadline_ms": 600_000, "patience_ms": 0, "likely": False, "max_tokens": 20}
"""What a key is asked with: all of the prompt, and no rule that cuts what is written."""
RULES = [(caution, gain) for caution in (1.5, 2.0, 2.5, 3.0, 3.5) for gain in (0.5, 1.0, 1.5, 2.0, 2.5)]
HERE = Position(0, 0)


# ---- asking at each key ----------------------------------------------------------------------------------------------


async def write(out: Path, picked: Sequence[Script]) -> None:
    """Write a row for each key."""
    settings = options.resolve().settings
    settings = replace(settings, completion=replace(settings.completion, **ALONE))
    opened = open_engine(settings)
    with contextlib.ExitStack() as stack:
        stack.callback(opened.engine.close)
        repositories = stack.enter_context(contextlib.closing(Repositories(settings, opened.model.path)))
        stream = stack.enter_context(out.open("w", encoding="utf-8"))
        for number, script in enumerate(picked, 1):
            texts = ((path, edits.readable(data)) for path, data in corpus.files_of(script.source).items())
            files = tuple((path, text) for path, text in texts if text is not None)
            hole = Hole(f"{script.source}:{script.name}", "", "", "", script.language, path=script.name, files=files)
            repository = await repositories.of(hole, settings.context)
            trees = Trees()
            prompts = PromptMaker(opened.engine, trees, Context(repository, trees))
            async for row in _rows(script, prompts, opened.engine, trees):
                stream.write(json.dumps({"script": number, **row}) + "\n")
            print(f"{number}/{len(picked)} {script.name}", flush=True)


async def _rows(script: Script, prompts: PromptMaker, engine: Engine, trees: Trees) -> AsyncIterator[dict[str, object]]:
    settings = replace(options.resolve().settings.completion, **ALONE)
    uri, text, version = f"file:///edited/{script.name}", script.base, 0
    for number, hunk in enumerate(script.hunks):
        before, behind = text[: hunk.start], text[hunk.start + hunk.removed :]
        text, typed = before + hunk.typed + behind, ""
        if not edits.worth_typing(hunk):
            continue
        for key in edits.keys(hunk.typed):
            typed, version = typed + key, version + 1
            snapshot = Snapshot.of(uri, script.language, version, before + typed + behind)
            position = snapshot.position(hunk.start + len(typed))
            if typed == key:
                await prompts.fresh(snapshot, position, settings, await asyncio.wrap_future(engine.ready()))
            left = hunk.typed[len(typed) :]
            found = await _asked(Ask(snapshot, position, Trigger.TYPING), prompts, engine, trees) if left else None
            odds = found.odds if found else Odds()
            suggested = found.text if found else ""
            yield {"edit": number, "typed": typed, "text": suggested, "ends": odds.ends, "logprobs": odds.logprobs}


async def _asked(ask: Ask, prompts: PromptMaker, engine: Engine, trees: Trees) -> Suggestion | None:
    settings = replace(options.resolve().settings.completion, **ALONE)
    if trigger.refusal(ask, settings):
        return None
    look = functools.cache(lambda: scope_at(ask.snapshot, ask.position, trees.tree(ask.snapshot)))
    flights = Flights(engine, prompts, Reuse(), lambda: settings, lambda *_: None, None)
    flight = flights.launch(case_for(ask, look, settings, ()), Stopwatch())
    await flight.wait(None)
    return flight.answer.suggestions[0] if flight.answer and flight.answer.suggestions else None


def picked_scripts(args: argparse.Namespace) -> list[Script]:
    """The edits that are typed."""
    _, files = corpus.edited_files(None, ANY if args.across else args.files, print)
    if args.across:
        files = corpus.in_turn(across.across_files(files, corpus.files_of), args.files)
    return [_cut(script, args.keys) for script in scripts.scripts_of(files, args.limit, args.keys, args.seed)]


def _cut(script: Script, most: int) -> Script:
    """The script without the edits that come after so many keys."""
    hunks: list[Hunk] = []
    for hunk in script.hunks:
        if most <= 0:
            break
        hunks.append(hunk)
        most -= len(edits.keys(hunk.typed)) if edits.worth_typing(hunk) else 0
    return replace(script, hunks=tuple(hunks))


# ---- counting --------------------------------------------------------------------------------------------------------


def count(rows: Path) -> None:
    """Print what each rule saves and shows."""
    read = [json.loads(line) for line in rows.read_text("utf-8").splitlines()]
    by_edit = [list(group) for _, group in groupby(read, key=lambda row: (row["script"], row["edit"]))]
    print(f"{len(by_edit)} edits, {len(read)} keys")
    print("caution  least gain  saved  shown  wrong  asked   (all of 100 keys, but for what is saved)")
    for caution, gain in RULES:
        likely.CAUTION, likely.LEAST_GAIN = caution, gain
        characters, keys, shown, wrong, asked = (sum(column) for column in zip(*map(_typed, by_edit), strict=True))
        shares = "".join(f"{number * 100 / keys:7.1f}" for number in (shown, wrong, asked))
        print(f"{caution:7} {gain:11} {1 - keys / characters:6.1%}{shares}")


def _typed(rows: list[dict[str, Any]]) -> tuple[int, int, int, int, int]:
    """Characters, keys, keys at which something was shown, and something wrong, and at which the model was asked."""
    by_typed = {row["typed"]: row for row in rows}
    whole: str = rows[-1]["typed"]
    keys, shown, wrong, asked = 0, 0, 0, 0
    at, kept, since = "", Suggestion("", HERE, HERE), ""
    while len(at) < len(whole):
        found = _along(kept, since, at) if at else None
        row = by_typed.get(at)
        if at and found is None and row is not None:
            asked += 1
            kept = Suggestion(row["text"], HERE, HERE, 0.0, Odds(tuple(row["ends"]), tuple(row["logprobs"])))
            since, found = at, kept
        part = likely.likely(found) if found is not None and found.odds.ends else None
        left = whole[len(at) :]
        shown += part is not None
        wrong += part is not None and not left.startswith(part.text)
        at += part.text if part is not None and is_right(part.text, left) else edits.keys(left)[0]
        keys += 1
    return len(whole), keys, shown, wrong, asked


def _along(kept: Suggestion, since: str, at: str) -> Suggestion | None:
    """What is left of a suggestion that was made further up, where it was typed along."""
    done = at[len(since) :]
    if len(kept.text) <= len(done) or not kept.text.startswith(done):
        return None
    return Suggestion(kept.text[len(done) :], HERE, HERE, 0.0, kept.odds.after(len(done)))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    actions = parser.add_subparsers(dest="action", required=True)
    for action in ("write", "count"):
        actions.add_parser(action).add_argument("rows", type=Path, metavar="ROWS.jsonl")
    writing = actions.choices["write"]
    writing.add_argument("--across", action="store_true", help="only lines that use what another file defines")
    for name, default in {"files": 5, "limit": 20, "keys": 40, "seed": 1}.items():
        writing.add_argument(f"--{name}", type=int, default=default, metavar="N")
    args = parser.parse_args()
    if args.action == "count":
        count(args.rows)
    else:
        asyncio.run(write(args.rows, picked_scripts(args)))


if __name__ == "__main__":
    main()
