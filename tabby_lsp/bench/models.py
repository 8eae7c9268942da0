"""Which of several models to use: each one through the same edits of the user's own repository, and a rule to choose.

The models are measured one after another, and only one of them is in memory at a time: people try models that fill
their machine, and a second one beside it would be measured while the first is swapped out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabby_lsp.bench.contestants.language_server import LanguageServer
from tabby_lsp.bench.contestants.programs import our_program
from tabby_lsp.bench.replay import turns
from tabby_lsp.bench.results import figures, machine
from tabby_lsp.bench.results.report import Estimate, Figures, Run
from tabby_lsp.bench.types import Contestant, Script, Session
from tabby_lsp.engine.catalog import Catalog
from tabby_lsp.engine.store import ModelStore
from tabby_lsp.errors import ModelMissing, TabbyError

WITHIN_MS = 300.0
"""Milliseconds to a suggestion, at the median, up to which the better model is preferred to the faster one. Above it a
person at 60 words a minute (a key each 200 ms, longer at a line's end) has mostly typed on before anything is there."""
QUALITY, LATENCY = "saved", "waited_all_p50"
NOTHING = Estimate(None, None, None, 0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model to measure.

    Attributes:
        name: the catalogue's, else the file's own without its ending.
        path: the GGUF file.
    """

    name: str
    path: Path


def candidates(store: ModelStore, catalog: Catalog, named: Sequence[str] = ()) -> list[Candidate]:
    """The models to measure.

    Args:
        store: the models folder.
        catalog: what is known of models.
        named: catalogue names or GGUF files; empty: everything installed that is not for chat alone.

    Raises:
        ModelMissing: one is not there, or there is none at all.
    """
    here = [item for item in store.installed(catalog) if item.whole]
    if not named:
        found = [
            Candidate(item.name, item.path.resolve())
            for item in here
            if item.entry is None or "completion" in item.entry.roles
        ]
        if not found:
            raise ModelMissing(f"There is no model in {store.directory}.", "Run `tabby-lsp models pull`.")
        return found
    paths = {item.name: item.path for item in here}
    chosen: dict[str, Candidate] = {}
    for name in named:
        path = Path(name).expanduser() if name.endswith(".gguf") else paths.get(name)
        if path is None or not path.is_file():
            pull = f"Run `tabby-lsp models pull {name}`; " if not name.endswith(".gguf") else ""
            raise ModelMissing(f"{name} is not there.", f"{pull}`tabby-lsp models list` shows what is installed.")
        short = path.stem if name.endswith(".gguf") else name
        if chosen.setdefault(short, Candidate(short, path.resolve())).path != path.resolve():
            raise TabbyError(f"Two models have one name: {short}.", "Rename one of the files.")
    return list(chosen.values())


def contestant(candidate: Candidate, settings: Mapping[str, Any]) -> Contestant:
    """Our server with a model.

    Args:
        candidate: the model.
        settings: more settings, as a client sends them.
    """
    model = {"path": str(candidate.path)}
    engine = {"idle_unload_s": 0, **settings.get("engine", {})}
    return LanguageServer(our_program(candidate.name, {**settings, "model": model, "engine": engine}))


async def measure(
    contestants: Sequence[Contestant],
    scripts: Sequence[Script],
    plan: turns.Plan,
    report: Callable[[str], None],
    sessions: list[Session],
) -> dict[str, TabbyError]:
    """Replay all scripts with one contestant after another.

    Args:
        contestants: not started.
        scripts: the edits.
        plan: how.
        report: told of the progress, a line at a time.
        sessions: takes each finished session, so that an interrupted run has what there is.

    Returns:
        Those that failed: a model that does not load must not cost the figures of the others.
    """
    failed: dict[str, TabbyError] = {}
    for one in contestants:
        try:
            await turns.run([one], scripts, plan, sessions, report)
        except TabbyError as error:
            failed[one.name] = error
            report(f"{one.name} failed")
    return failed


def run_of(sessions: Sequence[Session], plan: turns.Plan, corpus: str, arguments: Sequence[str]) -> Run:
    """Figures of what was measured, each model against the first one.

    Args:
        sessions: of all models.
        plan: how it was measured.
        corpus: where the edits are from.
        arguments: of the command line.
    """
    by_name: dict[str, list[Session]] = {}
    for session in sessions:
        by_name.setdefault(session.contestant, []).append(session)
    first, *others = by_name or [""]
    return Run(
        sessions=tuple(sessions),
        figures={name: figures.figures_of(own) for name, own in by_name.items()},
        comparisons={name: figures.compare(by_name[first], by_name[name]) for name in others},
        machine=machine.facts(),
        arguments=tuple(arguments),
        date=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        corpus=corpus,
        revision=machine.revision(),
        clock=plan.clock.name,
        load=plan.load,
    )


def choose(found: Mapping[str, Figures]) -> tuple[str, str]:
    """The model to use, and why, in a sentence.

    The most keystrokes saved, of those whose median time to a suggestion is at most `WITHIN_MS`; where there is none,
    the fastest.

    Args:
        found: figures by model.

    Returns:
        Its name (empty where no model suggested anything) and the sentence.
    """
    times = {name: value for name, of in found.items() if (value := of.get(LATENCY, NOTHING).value) is not None}
    if not times:
        return "", "No model suggested anything, so there is none to choose."
    fast = [name for name in times if times[name] <= WITHIN_MS]
    if not fast:
        name = min(times, key=lambda name: times[name])
        return name, (
            f"{name} would be my choice: no model's median suggestion comes within {WITHIN_MS:.0f} ms, and it is the "
            f"fastest with {times[name]:.0f} ms; it saves {_saved(found[name])}."
        )
    name = max(fast, key=lambda name: (found[name].get(QUALITY, NOTHING).value or 0.0, -times[name]))
    after = f"its suggestions come after {times[name]:.0f} ms (median)"
    if len(found) == 1:
        return name, f"{name} is the only model that was measured: it saves {_saved(found[name])}; {after}."
    within = f"whose median suggestion comes within {WITHIN_MS:.0f} ms"
    if len(fast) == 1:
        reason = f"of {len(found)} models it is the only one {within}, and it saves {_saved(found[name])}"
    else:
        reason = f"of the {len(fast)} (of {len(found)}) models {within} it saves the most, {_saved(found[name])}"
    return name, f"{name} would be my choice: {reason}; {after}{_doubt(name, fast, found)}."


def _saved(of: Figures) -> str:
    saved = of.get(QUALITY, NOTHING)
    if saved.value is None:
        return "nothing that could be counted"
    bounds = f" ({saved.low:.1%} to {saved.high:.1%})" if saved.low is not None and saved.high is not None else ""
    return f"{saved.value:.1%} of the keystrokes{bounds}"


def _doubt(name: str, fast: Sequence[str], found: Mapping[str, Figures]) -> str:
    """Say so where the next one's interval reaches the figure of the chosen one."""
    best = found[name].get(QUALITY, NOTHING).value or 0.0
    close = [other for other in fast if other != name and (found[other].get(QUALITY, NOTHING).high or 0.0) >= best]
    return f", but so few edits do not tell it from {' and '.join(close)} for certain" if close else ""
