"""What sessions amount to: each measure with a 95 % bootstrap interval, and contestants compared.

Keys of one edit depend on each other, so whole hunks are resampled, and whole sessions for what is only known of a
session. Two contestants are compared on the hunks that both have, resampled together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tabby_lsp.bench.results.measures import FEWEST_CHARACTERS, FIGURES, MEASURES, Measure, Part
from tabby_lsp.bench.results.report import Estimate, Figures
from tabby_lsp.bench.types import Session

__all__ = ["FEWEST_CHARACTERS", "FIGURES", "MEASURES", "compare", "figures_of"]

RESAMPLES = 1_000
SEED = 7

Rows: TypeAlias = npt.NDArray[np.float64]
Place: TypeAlias = tuple[str, str, int]
"""Source, script, and the hunk's number; -1 for the whole session."""


def parts_of(sessions: Iterable[Session], *, whole: bool) -> dict[Place, Part]:
    """What is resampled: hunks, or sessions; by where they stand in the edits."""
    found: dict[Place, Part] = {}
    for session in sessions:
        if whole:
            found[session.source, session.script, -1] = Part(session.keys, session)
            continue
        for hunk in dict.fromkeys(key.hunk for key in session.keys):
            keys = [key for key in session.keys if key.hunk == hunk]
            found[session.source, session.script, hunk] = Part(keys, session)
    return found


def weights_for(count: int, resamples: int = RESAMPLES) -> Rows:
    """How often each part is taken: once each in the first row, by chance in the others."""
    chance = np.random.default_rng(SEED).multinomial(count, [1 / count] * count, size=resamples)
    return np.vstack([np.ones((1, count)), chance.astype(float)])


def estimate_rows(measure: Measure, parts: Sequence[Part], weights: Rows) -> tuple[dict[str, Rows], int]:
    """Each figure of a measure, once a row of weights, and from how many cases it is; NaN where it cannot be said."""
    numbers = [measure.of(part) for part in parts]
    if measure.kind == "quantile":
        return _quantile_rows(measure, numbers, weights)
    table = np.array(numbers, dtype=float).reshape(len(parts), -1)
    sums = weights @ table
    if measure.kind == "total":
        return {measure.name: sums[:, 0]}, sum(len(part.keys) for part in parts)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {measure.name: sums[:, 0] / sums[:, 1]}, round(float(table[:, 1].sum()))


def _quantile_rows(measure: Measure, numbers: Sequence[Sequence[float]], weights: Rows) -> tuple[dict[str, Rows], int]:
    """The smallest value that at least so many per cent do not exceed; infinite ones stand last."""
    owners = np.repeat(np.arange(len(numbers)), [len(values) for values in numbers])
    values = np.array([value for part in numbers for value in part], dtype=float)
    if not len(values):
        return {name: np.full(len(weights), np.nan) for name in measure.names}, 0
    order = np.argsort(values, kind="stable")
    values, reached = values[order], np.cumsum(weights[:, owners[order]], axis=1)
    totals = reached[:, -1:]
    found: dict[str, Rows] = {}
    for name, q in zip(measure.names, measure.quantiles, strict=True):
        at = (reached >= totals * q / 100 - 1e-9).argmax(axis=1)
        found[name] = np.where(totals[:, 0] > 0, values[at], np.nan)
    return found, len(values)


def _estimate(rows: Rows, n: int) -> Estimate:
    drawn = rows[1:][~np.isnan(rows[1:])]
    low, high = np.quantile(drawn, (0.025, 0.975), method="inverted_cdf") if len(drawn) else (math.nan, math.nan)
    return Estimate(_finite(rows[0]), _finite(low), _finite(high), n)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def figures_of(sessions: Sequence[Session]) -> Figures:
    """All figures of one contestant."""
    found: dict[str, Estimate] = {}
    split = {whole: list(parts_of(sessions, whole=whole).values()) for whole in (False, True)}
    for measure in MEASURES if sessions else ():
        parts = split[measure.whole]
        if parts:
            rows, n = estimate_rows(measure, parts, weights_for(len(parts)))
            found |= {name: _estimate(row, n) for name, row in rows.items()}
    return found


def compare(first: Sequence[Session], other: Sequence[Session]) -> Figures:
    """All figures of one contestant against another's, on the parts that both have.

    Args:
        first: what is compared against.
        other: a ratio of 2 means that this one has twice as much.
    """
    found: dict[str, Estimate] = {}
    for measure in MEASURES:
        ours, theirs = (parts_of(sessions, whole=measure.whole) for sessions in (first, other))
        common = [place for place in ours if place in theirs]
        if not common:
            continue
        weights = weights_for(len(common))
        before, _ = estimate_rows(measure, [ours[place] for place in common], weights)
        after, n = estimate_rows(measure, [theirs[place] for place in common], weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            for name in measure.names:
                ratio = measure.compare == "ratio"
                found[name] = _estimate(after[name] / before[name] if ratio else after[name] - before[name], n)
    return found
