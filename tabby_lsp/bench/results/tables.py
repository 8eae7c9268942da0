"""A run as tables for a terminal: one column a contestant, and each one against the first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tabby_lsp.bench.results.measures import FIGURES, Measure
from tabby_lsp.bench.results.report import Estimate, Figures, Run


def print_run(run: Run, console: Console) -> None:
    """Print what was found."""
    names = list(run.figures)
    keys = sum(len(session.keys) for session in run.sessions)
    load = f", {run.load} busy processes beside" if run.load else ""
    console.print(f"{run.corpus}: {len(run.sessions)} sessions, {keys} keys, {run.clock} clock{load}")
    console.print(_figures(run, names))
    if len(names) > 1:
        console.print(_comparisons(run, names))


def _figures(run: Run, names: Sequence[str]) -> Table:
    table = _table("with 95 % intervals; ∞: not in so many cases", names)
    for figure in _rows([run.figures[name] for name in names]):
        found = [run.figures[name].get(figure) for name in names]
        table.add_row(title(figure), *(show(estimate, FIGURES[figure]) for estimate in found))
    return table


def _comparisons(run: Run, names: Sequence[str]) -> Table:
    others = names[1:]
    table = _table(f"against {names[0]} on the same hunks (× ratio, ± difference)", others)
    for figure in _rows([run.comparisons[name] for name in others]):
        found = [run.comparisons[name].get(figure) for name in others]
        table.add_row(title(figure), *(show_comparison(estimate, FIGURES[figure]) for estimate in found))
    return table


def _table(caption: str, names: Sequence[str]) -> Table:
    table = Table(title=caption)
    table.add_column("", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _rows(figures: Sequence[Figures]) -> list[str]:
    """The figures that anybody has a case of."""
    there = {name for found in figures for name, estimate in found.items() if estimate.n}
    return [name for name in FIGURES if name in there]


def title(figure: str) -> str:
    """A figure's title, with its quantile and its unit."""
    measure = FIGURES[figure]
    _, _, quantile = figure.removeprefix(measure.name).rpartition("_")
    unit = f" ({measure.unit})" if measure.unit and measure.unit != "%" else ""
    return f"{measure.title}{f' {quantile}' if quantile and quantile != 'p100' else ''}{unit}"


def show(estimate: Estimate | None, measure: Measure) -> str:
    """A figure with its interval; ∞ where the event did not happen in so many cases."""
    if estimate is None or not estimate.n:
        return "–"
    if measure.kind == "total":
        return f"{estimate.value or 0:.0f}"
    value = _number(estimate.value, measure)
    return f"{value} ({_number(estimate.low, measure)}–{_number(estimate.high, measure)})"


def show_comparison(estimate: Estimate | None, measure: Measure) -> str:
    """A ratio or a difference with its interval; marked where the interval leaves out "no difference"."""
    if estimate is None or estimate.value is None:
        return "–"
    ratio = measure.compare == "ratio"
    same, scale = (1.0, 1.0) if ratio else (0.0, 100.0 if measure.unit == "%" else 1.0)
    digits, sign = (2, "×") if ratio else (1, "")
    bounds = [f"{bound * scale:.{digits}f}" if bound is not None else "?" for bound in (estimate.low, estimate.high)]
    text = f"{sign}{estimate.value * scale:{'' if ratio else '+'}.{digits}f} ({bounds[0]} to {bounds[1]})"
    clear = estimate.low is not None and estimate.high is not None and not estimate.low <= same <= estimate.high
    if not clear or not measure.better:
        return text
    good = (estimate.value > same) == (measure.better == "more")
    return f"[{'green' if good else 'red'}]{text}[/]"


def _number(value: float | None, measure: Measure) -> str:
    if value is None:
        return "∞"
    if measure.unit == "%":
        return f"{value:.1%}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"
