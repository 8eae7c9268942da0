"""The measures: one table, each row with the numbers that a part of a session adds to it.

What never happened is infinitely late: leaving it out would make a slow contestant look fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tabby_lsp.bench.edited import edits
from tabby_lsp.bench.replay.typist import FEWEST_CHARACTERS
from tabby_lsp.bench.types import Key, Phase, Session

QUANTILES = (50, 75, 90, 95)
PHASES: tuple[Phase, ...] = ("cold", "elsewhere", "warm")


@dataclass(frozen=True, slots=True)
class Part:
    """What is resampled as a whole: the keys of one hunk, or all of a session."""

    keys: Sequence[Key]
    session: Session


@dataclass(frozen=True, slots=True)
class Measure:
    """One or several figures from the same numbers.

    Attributes:
        name: of the figure; quantiles add `_p50` and so on.
        title: for people.
        unit: `%` for shares, which are kept as fractions.
        better: which direction is better; empty: neither.
        kind: `ratio`: `of` gives numerator and denominator of a part; `total`: it gives the number to add up;
            `quantile`: it gives all values of a part.
        of: the numbers of a part.
        whole: whether parts are sessions instead of hunks.
    """

    name: str
    title: str
    unit: str
    better: Literal["more", "less", ""]
    kind: Literal["ratio", "total", "quantile"]
    of: Callable[[Part], Sequence[float]]
    whole: bool = False
    quantiles: tuple[int, ...] = QUANTILES

    @property
    def compare(self) -> Literal["ratio", "difference"]:
        """How two contestants are compared: shares and counts by their difference, times and costs by their ratio."""
        return "difference" if self.unit == "%" or self.kind == "total" or "100 keys" in self.unit else "ratio"

    @property
    def names(self) -> list[str]:
        """The names of its figures."""
        return [f"{self.name}_p{q}" for q in self.quantiles] if self.kind == "quantile" else [self.name]


# ---- the numbers of a part ------------------------------------------------------------------------------------------


def wrong(key: Key) -> bool:
    """Whether what stood on the screen was not what came; a right beginning of under 4 characters is not wrong."""
    return bool(key.shown) and not key.right and not key.remaining.startswith(key.shown)


def _saved(part: Part) -> tuple[float, float]:
    without = sum(len(edits.keys(key.typed)) for key in part.keys)
    return without - len(part.keys), without


def _characters(part: Part) -> int:
    return sum(len(key.typed) for key in part.keys)


def _accepted(part: Part) -> tuple[float, float]:
    return sum(len(key.typed) for key in part.keys if key.accepted), _characters(part)


def _by_words(part: Part) -> tuple[float, float]:
    """As if each suggestion had been accepted word by word as far as it was right."""
    here = covered_to = covered = 0
    for key in part.keys:
        after = here + len(key.typed)
        covered += len(key.typed) if key.accepted else max(0, min(after, covered_to) - here)
        here = after
        if here >= covered_to and key.right_words >= FEWEST_CHARACTERS:
            covered_to = here + key.right_words
    return covered, here


def _next_lines(part: Part) -> tuple[float, float]:
    """Lines begun by a line break: how many were suggested in full right then, or came whole with a suggestion."""
    exact = lines = 0
    for key in part.keys:
        whole = key.typed + key.remaining
        for at in (i for i, c in enumerate(key.typed) if c == "\n"):
            end = whole.find("\n", at + 1)
            end = len(whole) if end < 0 else end
            if not whole[at:end].strip():
                continue
            lines += 1
            begun = not key.typed[at + 1 :].strip(" \t")
            exact += bool(key.line_exact) if begun else end <= len(key.typed)
    return exact, lines


def _waited(phase: Phase | None) -> Callable[[Part], list[float]]:
    def values(part: Part) -> list[float]:
        return [key.waited_ms for key in part.keys if key.waited_ms is not None and phase in (None, key.phase)]

    return values


def _until_seen(phase: Phase | None) -> Callable[[Part], list[float]]:
    def values(part: Part) -> list[float]:
        hoped = (key for key in part.keys if len(key.remaining) >= FEWEST_CHARACTERS and phase in (None, key.phase))
        return [math.inf if key.until_seen_ms is None else key.until_seen_ms for key in hoped]

    return values


def _tokens(name: str) -> Callable[[Part], tuple[float, float]]:
    def ratio(part: Part) -> tuple[float, float]:
        said = [getattr(key.answer, name) for key in part.keys if key.answer is not None]
        known = [count for count in said if count is not None]
        return sum(known), len(known)

    return ratio


def _spent(name: str, scale: float = 1.0) -> Callable[[Part], tuple[float, float]]:
    def ratio(part: Part) -> tuple[float, float]:
        total = getattr(part.session.usage, name)
        return (0, 0) if total is None else (total * scale, len(part.keys))

    return ratio


def _spent_a(what: Literal["requests", "shown"]) -> Callable[[Part], tuple[float, float]]:
    """Prompt tokens evaluated, idle work included, over requests to the model, or over keys with a suggestion."""

    def ratio(part: Part) -> tuple[float, float]:
        usage = part.session.usage
        count = usage.requests if what == "requests" else sum(bool(key.shown) for key in part.keys)
        return (0, 0) if usage.evaluated is None or count is None else (usage.evaluated, count)

    return ratio


def _wasted(part: Part) -> tuple[float, float]:
    """Tokens that were generated and never stood on the screen."""
    total = part.session.usage.generated
    if total is None:
        return 0, 0
    answers = (key.answer for key in part.keys if key.answer is not None and key.waited_ms is not None)
    return max(0, total - sum(answer.generated or 0 for answer in answers)), len(part.keys)


def _server(name: str) -> Callable[[Part], list[float]]:
    def values(part: Part) -> list[float]:
        said = (getattr(key.answer, name) for key in part.keys if key.answer is not None)
        return [ms for ms in said if ms is not None]

    return values


def _count(test: Callable[[Key], object], scale: float = 1.0) -> Callable[[Part], tuple[float, float]]:
    return lambda part: (scale * sum(bool(test(key)) for key in part.keys), len(part.keys))


def _times(name: str, title: str, of: Callable[[Phase | None], Callable[[Part], list[float]]]) -> list[Measure]:
    phases: tuple[Phase | None, ...] = (None, *PHASES)
    return [
        Measure(f"{name}_{phase or 'all'}", f"{title}, {phase or 'all'}", "ms", "less", "quantile", of(phase))
        for phase in phases
    ]


MEASURES: tuple[Measure, ...] = (
    Measure("saved", "keystrokes saved", "%", "more", "ratio", _saved),
    Measure("accepted", "characters accepted", "%", "more", "ratio", _accepted),
    Measure("by_words", "right word by word", "%", "more", "ratio", _by_words),
    Measure("next_line", "next line exact", "%", "more", "ratio", _next_lines),
    Measure("shown", "shown", "/100 keys", "", "ratio", _count(lambda key: key.shown, 100)),
    Measure("wrong", "shown and wrong", "/100 keys", "less", "ratio", _count(wrong, 100)),
    # from a key until something was shown for it, of the keys for which something was, before the next one
    *_times("waited", "time to suggestion", _waited),
    # from a key until anything was shown for it or a later one of the hunk
    *_times("seen", "until seen", _until_seen),
    Measure("server", "server's time", "ms", "less", "quantile", _server("server_ms"), quantiles=(50, 95)),
    Measure("outside", "outside the model", "ms", "less", "quantile", _server("outside_ms"), quantiles=(50, 95)),
    Measure("evaluated", "prompt tokens evaluated", "/answer", "less", "ratio", _tokens("evaluated")),
    Measure("reused", "prompt tokens reused", "/answer", "", "ratio", _tokens("reused")),
    Measure("generated", "tokens generated", "/answer", "less", "ratio", _tokens("generated")),
    # the same tokens over what was pressed, over what the model was asked for, and over what came of it: a contestant
    # that asks for few keys looks cheap a key, one that asks for many looks cheap a request
    Measure("evaluated_all", "evaluated in all", "/key", "less", "ratio", _spent("evaluated"), whole=True),
    Measure("evaluated_request", "evaluated in all", "/request", "less", "ratio", _spent_a("requests"), whole=True),
    Measure("evaluated_shown", "evaluated in all", "/suggestion", "less", "ratio", _spent_a("shown"), whole=True),
    Measure("requests", "requests to the model", "/100 keys", "", "ratio", _spent("requests", 100), whole=True),
    Measure("generated_all", "generated in all", "/key", "less", "ratio", _spent("generated"), whole=True),
    Measure("wasted", "generated and never seen", "/key", "less", "ratio", _wasted, whole=True),
    Measure("cancelled", "requests cancelled", "%", "", "ratio", _count(lambda key: key.cancelled)),
    Measure("late", "stale shown (must be 0)", "", "less", "total", lambda part: [sum(k.late for k in part.keys)]),
    # at the end of a session; what the server computes in idle time by itself is part of it
    Measure(
        "idle",
        "from cancel to rest",
        "ms",
        "less",
        "quantile",
        lambda part: part.session.cancel_to_idle_ms,
        whole=True,
        quantiles=(50, 95),
    ),
    Measure(
        "cpu_character",
        "CPU an accepted character",
        "s",
        "less",
        "ratio",
        lambda part: (part.session.usage.cpu_s, _accepted(part)[0]),
        whole=True,
    ),
    Measure("cpu_key", "CPU a key", "s", "less", "ratio", _spent("cpu_s"), whole=True),
    Measure(
        "peak",
        "peak memory",
        "MiB",
        "less",
        "quantile",
        lambda part: [part.session.usage.peak_mb],
        whole=True,
        quantiles=(100,),
    ),
)

FIGURES: Mapping[str, Measure] = {name: measure for measure in MEASURES for name in measure.names}
"""Every figure's measure, by the figure's name, in the order in which they are reported."""
