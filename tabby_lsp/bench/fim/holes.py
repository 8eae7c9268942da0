"""Single-hole sets: the first line that is suggested against the one that stood there, and the tests of the rows.

Two ways to ask: `pipeline`, what an editor gets, and `plain`, the family's template around the whole prefix and
suffix with no anchor, no healing and no post-processing, as most clients prompt.
"""

from __future__ import annotations

import asyncio
import difflib
import gzip
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tabby_lsp.bench.fim.execution import execute, program_of
from tabby_lsp.completion.context.types import Repository
from tabby_lsp.completion.families import Family, family_of
from tabby_lsp.completion.pipeline import Pipeline
from tabby_lsp.completion.types import Ask, Trigger
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Snapshot
from tabby_lsp.engine.types import Engine, Marker, Prompt, Request
from tabby_lsp.errors import TabbyError
from tabby_lsp.syntax.languages import language_of

RESAMPLES = 2_000
"""Bootstrap resamples for a 95 % interval."""
PLAIN_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Hole:
    """One row of a set.

    Attributes:
        name: the row's own name, else its number.
        prefix: before the hole.
        suffix: after it.
        middle: what stood in it.
        language: LSP language identifier.
        test: Python that defines `check(candidate)`; empty where the set has none.
        entry_point: the function that the test is for.
        path: of the file, relative to its repository; empty where the set names none.
        files: (path, text) of fragments of other files of the repository.
    """

    name: str
    prefix: str
    suffix: str
    middle: str
    language: str
    test: str = ""
    entry_point: str = ""
    path: str = ""
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """What came of one hole.

    Attributes:
        hole: its name.
        exact: whether the first line is the one that stood there.
        similarity: of the first lines, 0 to 1 (difflib's ratio).
        reason: the answer's reason.
        evaluated: prompt tokens evaluated.
        generated: tokens generated.
        milliseconds: from question to answer.
        text: the suggestion.
        language: the hole's.
        verdict: what came of the row's tests (`execution.Verdict.reason`); empty where they were not run.
    """

    hole: str
    exact: bool
    similarity: float
    reason: str
    evaluated: int
    generated: int
    milliseconds: float
    text: str
    language: str = ""
    verdict: str = ""


NAMES = {
    "prefix": ("prompt", "prefix"),
    "suffix": ("suffix", "right_context"),
    "middle": ("canonical_solution", "groundtruth", "middle"),
}
"""Under which keys sets keep their parts; the first one that is there is taken."""


def read(path: Path) -> Iterator[Hole]:
    """Read a set: JSON lines, gzipped or not, with the keys of `NAMES`.

    Raises:
        TabbyError: the file cannot be read, or a row lacks a part.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield _hole(json.loads(line), f"{path}:{number}")
    except (OSError, ValueError) as error:
        raise TabbyError(f"{path} cannot be read: {error}.", "It must be JSON lines, gzipped or not.") from error


def _hole(row: dict[str, Any], place: str) -> Hole:
    parts = {part: next((row[key] for key in keys if key in row), None) for part, keys in NAMES.items()}
    if missing := next((part for part, value in parts.items() if value is None), None):
        raise TabbyError(f"{place} has no {missing}.", f"Keys that count: {', '.join(NAMES[missing])}.")
    language = str(row.get("language") or row.get("lang") or language_of(str(row.get("path", "hole.py"))))
    metadata = row.get("metadata")
    name = str(row.get("task_id") or (metadata.get("task_id") if isinstance(metadata, dict) else "") or place)
    test = str(row.get("test") or "") if language == "python" else ""
    entry_point = str(row.get("entry_point") or "")
    path, files = _repository(row)
    return Hole(
        name, str(parts["prefix"]), str(parts["suffix"]), str(parts["middle"]), language, test, entry_point, path, files
    )


def _repository(row: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A row's own path and the fragments of other files, as CrossCodeEval keeps them."""
    metadata, context = row.get("metadata"), row.get("crossfile_context")
    path = str(metadata.get("file", "")) if isinstance(metadata, dict) else ""
    fragments = context.get("list", ()) if isinstance(context, dict) else ()
    return path, tuple((str(found["filename"]), str(found["retrieved_chunk"])) for found in fragments)


def first_line(text: str) -> str:
    """The first line that is not blank, without white space at its end."""
    return next((line.rstrip() for line in text.split("\n") if line.strip()), "")


Asked = Callable[[Engine, CompletionSettings, Hole, Repository | None], Awaitable[tuple[str, str, int, int]]]


async def through_pipeline(
    engine: Engine, settings: CompletionSettings, hole: Hole, repository: Repository | None = None
) -> tuple[str, str, int, int]:
    """What an editor would get: text, reason, evaluated and generated tokens."""
    pipeline = Pipeline(engine, lambda: settings, repository=repository)
    text = hole.prefix + hole.suffix
    snapshot = Snapshot.of(f"bench:{hole.name}", hole.language, 0, text)
    answer = await pipeline.complete(Ask(snapshot, snapshot.position(len(hole.prefix)), Trigger.INVOKED))
    suggested = answer.suggestions[0].text if answer.suggestions else ""
    return suggested, answer.reason, answer.counters.evaluated, answer.counters.generated


async def through_plain(
    engine: Engine, settings: CompletionSettings, hole: Hole, repository: Repository | None = None
) -> tuple[str, str, int, int]:
    """What the bare template would give."""
    del settings, repository
    info = await asyncio.wrap_future(engine.ready())
    prompt = plain_prompt(family_of(info, engine.tokenizer), hole)

    def one_line(text: str) -> int | None:
        body = text.lstrip("\n")
        at = body.find("\n")
        return len(text) - len(body) + at if at >= 0 and body.strip() else None

    request = Request(key=f"bench:{hole.name}", prompt=prompt, max_tokens=PLAIN_TOKENS, stop=one_line)
    result = await asyncio.wrap_future(engine.submit(request).future)
    return result.candidates[0].text, "shown", result.counters.evaluated, result.counters.generated


def plain_prompt(family: Family, hole: Hole) -> Prompt:
    """The family's template around the whole prefix and suffix."""
    if not family.fills:
        return Prompt((hole.prefix,))
    before, after = (Marker(family.prefix), hole.prefix), (Marker(family.suffix), hole.suffix)
    middle = (Marker(family.middle),) if family.middle else ()
    ordered = (*after, *before) if family.order == "suffix-prefix" else (*before, *after)
    return Prompt((*ordered, *middle))


MODES: Mapping[str, Asked] = {"pipeline": through_pipeline, "plain": through_plain}


async def run(
    engine: Engine,
    settings: CompletionSettings,
    mode: str,
    rows: Iterable[Hole],
    repository: Callable[[Hole], Awaitable[Repository]] | None = None,
) -> list[Score]:
    """Ask for each hole in turn.

    Args:
        engine: with a model.
        settings: of completion; one candidate is asked for.
        mode: a key of `MODES`.
        rows: the holes.
        repository: gives what a hole may know of other files; None: nothing.
    """
    scores: list[Score] = []
    await asyncio.wrap_future(engine.ready())
    for hole in rows:
        known = await repository(hole) if repository else None
        started = time.perf_counter()
        text, reason, evaluated, generated = await MODES[mode](engine, settings, hole, known)
        elapsed = (time.perf_counter() - started) * 1e3
        got, wanted = first_line(text), first_line(hole.middle)
        similarity = difflib.SequenceMatcher(None, got, wanted, autojunk=False).ratio()
        scores.append(
            Score(hole.name, got == wanted, similarity, reason, evaluated, generated, elapsed, text, hole.language)
        )
    return scores


def judge(scores: Iterable[Score], rows: Iterable[Hole]) -> list[Score]:
    """Run the tests of all rows that have some, with the whole suggestion in the hole and not its first line alone.

    Args:
        scores: what `run` gave.
        rows: their holes, in the same order.
    """
    judged: list[Score] = []
    for score, hole in zip(scores, rows, strict=True):
        if hole.test:
            program = program_of(hole.prefix, score.text, hole.suffix, hole.middle, hole.test, hole.entry_point)
            score = replace(score, verdict=execute(program).reason)  # noqa: PLW2901 - the same score, judged
        judged.append(score)
    return judged


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """The mean with its 95 % bootstrap interval.

    Returns:
        Mean, lower and upper bound.
    """
    if not values:
        return 0.0, 0.0, 0.0
    draw = random.Random(seed)  # noqa: S311 - resampling, not secrets
    n = len(values)
    means = sorted(sum(draw.choices(values, k=n)) / n for _ in range(RESAMPLES))
    return sum(values) / n, means[int(RESAMPLES * 0.025)], means[int(RESAMPLES * 0.975)]
