"""A finished run: kept as JSON, read again for the page, printed as tables.

The JSON is small on purpose, so that runs can be kept with the measurements: of what was shown only the beginning is
kept, and what remained after a key is put together again from the keys that followed. The figures are stored, because
they were computed from all of it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tabby_lsp.bench.types import Key, Session, Shown, Usage
from tabby_lsp.errors import TabbyError

if TYPE_CHECKING:
    from rich.console import Console

FORMAT = 1
LONGEST_TEXT = 200
"""Characters of a text that are kept in the JSON."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % bootstrap interval.

    Attributes:
        value: None where it cannot be said; for times: where the event did not happen in so many cases.
        low: lower bound; None as above.
        high: upper bound; None as above.
        n: how many cases (keys, requests or sessions) it is from.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


Figures = Mapping[str, Estimate]
"""By the figure's name; see `measures.FIGURES` for titles and units."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that one `bench replay` found.

    Attributes:
        sessions: all of them, each contestant's in the order of the scripts.
        figures: by contestant, then by name.
        comparisons: by contestant, against the first one on the same hunks: a ratio where the figure is a time or
            a cost, a difference where it is a share (`measures.Measure.compare`).
        machine: CPU, cores, memory, versions.
        arguments: of the command line.
        date: of the start, ISO 8601, UTC.
        corpus: where the edits are from.
        revision: of this program; empty where it is not known.
        clock: `patient` or `typing`.
        load: how many processes kept cores busy meanwhile.
    """

    sessions: Sequence[Session]
    figures: Mapping[str, Figures]
    comparisons: Mapping[str, Figures]
    machine: Mapping[str, str]
    arguments: Sequence[str]
    date: str
    corpus: str
    revision: str = ""
    clock: str = "patient"
    load: int = 0
    format: int = field(default=FORMAT)


def save(run: Run, path: Path) -> None:
    """Write a run as JSON."""
    plain = {f.name: getattr(run, f.name) for f in dataclasses.fields(run)}
    plain["sessions"] = [_session_out(session) for session in run.sessions]
    for name in ("figures", "comparisons"):
        plain[name] = {who: _figures_out(figures) for who, figures in plain[name].items()}
    path.write_text(json.dumps(plain, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")


def load(path: Path) -> Run:
    """Read a run.

    Raises:
        TabbyError: it is not one, or one of another version.
    """
    try:
        plain = json.loads(path.read_text("utf-8"))
        if plain["format"] != FORMAT:
            raise ValueError(f"its format is {plain['format']}, and {FORMAT} is read here")
        plain["sessions"] = tuple(_session_in(session) for session in plain["sessions"])
        for name in ("figures", "comparisons"):
            plain[name] = {who: _figures_in(figures) for who, figures in plain[name].items()}
        return Run(**plain)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TabbyError(f"{path} cannot be read: {error}.", "It must be what `bench replay --json` wrote.") from error


def _figures_out(figures: Figures) -> dict[str, list[float | int | None]]:
    return {name: [*map(_short, (e.value, e.low, e.high)), e.n] for name, e in figures.items()}


def _figures_in(figures: dict[str, list[float | None]]) -> dict[str, Estimate]:
    return {name: Estimate(v[0], v[1], v[2], int(v[3] or 0)) for name, v in figures.items()}


def _short(value: float | None) -> float | None:
    """Six digits; JSON knows no infinity."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


# Keys of a session in the file: one or two letters each, because there are thousands of them.
_KEY_NAMES = {
    "at": "t",
    "hunk": "h",
    "phase": "p",
    "typed": "k",
    "accepted": "ac",
    "remaining": "rm",
    "shown": "s",
    "waited_ms": "w",
    "until_seen_ms": "u",
    "right": "r",
    "right_words": "rw",
    "line_exact": "x",
    "cancelled": "c",
    "late": "l",
    "answer": "a",
}
_DEFAULTS = {f.name: f.default for f in dataclasses.fields(Key)} | {"accepted": False}
_ANSWER_DEFAULTS = {f.name: f.default for f in dataclasses.fields(Shown)}


def _session_out(session: Session) -> dict[str, object]:
    plain = {name: getattr(session, name) for name in ("contestant", "script", "source", "language")}
    idle = [_short(ms) for ms in session.cancel_to_idle_ms]
    keys = [_key_out(key, then) for key, then in zip_longest(session.keys, session.keys[1:])]
    return plain | {"keys": keys, "cancel_to_idle_ms": idle, "usage": dataclasses.asdict(session.usage)}


def _session_in(plain: dict[str, object]) -> Session:
    keys: list[Key] = []
    for key in reversed(cast("list[dict[str, object]]", plain["keys"])):
        keys.insert(0, _key_in(key, keys[0] if keys else None))
    usage = Usage(**cast("dict[str, float]", plain["usage"]))  # pyright: ignore[reportArgumentType]  checked by eye
    return Session(**(plain | {"keys": keys, "usage": usage}))  # pyright: ignore[reportArgumentType]


def _key_out(key: Key, then: Key | None) -> dict[str, object]:
    found: dict[str, object] = {}
    if then is not None and then.hunk == key.hunk:
        key = replace(key, remaining="")
    for name, letters in _KEY_NAMES.items():
        value = getattr(key, name)
        if value not in (_DEFAULTS[name], ""):
            found[letters] = _answer_out(value, key.shown) if isinstance(value, Shown) else _clip(value, name)
    return found


def _key_in(plain: dict[str, object], then: Key | None) -> Key:
    names = {letters: name for name, letters in _KEY_NAMES.items()}
    found = {"typed": "", "accepted": False} | {names[letters]: value for letters, value in plain.items()}
    if "answer" in found:
        answer = cast("dict[str, object]", found["answer"])
        found["answer"] = Shown(**({"text": found.get("shown", "")} | answer))  # pyright: ignore[reportArgumentType]
    key = Key(**({"remaining": ""} | found))  # pyright: ignore[reportArgumentType]
    return replace(key, remaining=then.typed + then.remaining) if then and then.hunk == key.hunk else key


def _answer_out(answer: Shown, shown: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, default in _ANSWER_DEFAULTS.items():
        value = getattr(answer, name)
        if value != default and not (name == "text" and value == shown):
            found[name] = _clip(value, name)
    if not answer.text and shown:
        found["text"] = ""
    return found


def _clip(value: object, name: str) -> object:
    """Shorten what is only looked at; what was typed is counted and stays whole."""
    if isinstance(value, float):
        return _short(value)
    return value[:LONGEST_TEXT] if isinstance(value, str) and name != "typed" else value


def print_tables(run: Run, console: Console) -> None:
    """Print what was found, one column a contestant, and each one against the first."""
    from tabby_lsp.bench.results import tables

    tables.print_run(run, console)
