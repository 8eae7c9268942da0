"""A run as one HTML page that needs nothing else, and as one small SVG for a README.

Whatever comes from a file (names, suggestions, typed text) goes through `plots.element`, which escapes it. Figures are
taken from the run, where they are stored with their intervals; the curves are drawn from its keys.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tabby_lsp.bench.replay.typist import FEWEST_CHARACTERS
from tabby_lsp.bench.results import plots, timeline
from tabby_lsp.bench.results.measures import FIGURES
from tabby_lsp.bench.results.plots import Axis, Interval, element
from tabby_lsp.bench.results.report import Estimate, Run
from tabby_lsp.bench.types import Key, Session

TEMPLATE = Path(__file__).with_name("page.html")
ROWS: Mapping[str, str] = {
    "saved": "keystrokes saved",
    "accepted": "characters accepted",
    "wrong": "noise: shown and wrong, per 100 keys",
    "next_line": "next line exact",
    "waited_all_p50": "time to suggestion, p50",
    "waited_all_p95": "time to suggestion, p95",
    "seen_all_p50": "until something is seen, p50",
    "evaluated_all": "prompt tokens evaluated a key",
    "evaluated_request": "the same a request to the model",
    "evaluated_shown": "the same a suggestion shown",
    "generated_all": "tokens generated a key",
    "cpu_character": "CPU an accepted character",
    "peak_p100": "peak memory",
}
"""The figures of the table, and what they are called."""
QUALITY, LATENCY = "saved", "waited_all_p50"
NOTHING = Estimate(None, None, None, 0)
WIDTH = 868
"""Pixels of the page without its margins."""
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 30, 46
"""Pixels around a plot."""

Times = Callable[[Sequence[Session]], list[float | None]]


def render(run: Run) -> str:
    """The page."""
    names = list(run.figures)
    summary = f"{run.date}, clock: {run.clock}" + (f", load: {run.load}" if run.load else "")
    against = f" Below it: against {names[0]} on the same hunks." if run.comparisons else ""
    body = [
        element("h2", text="What it gives and what it costs"),
        _note(f"Each figure with its 95 % interval: whole hunks are resampled.{against}"),
        table(run),
    ]
    body += [
        element("h2", text="Quality against latency"),
        _picture(WIDTH, 380, run, quality(run, WIDTH, 380)),
        *_left(run),
    ]
    body += [element("h2", text="How long one waits"), _note(WAITING), _pair(run), *_session(run)]
    body += [element("h2", text="How it was measured"), _facts(run)]
    page = string.Template(TEMPLATE.read_text("utf-8"))
    escaped = {name: element("i", text=text)[3:-4] for name, text in (("title", _title(run)), ("summary", summary))}
    return page.substitute(escaped, body="\n".join(body))


WAITING = (
    "The share of all keys after which a suggestion was there within so many milliseconds, and the share of those "
    f"with {FEWEST_CHARACTERS} or more characters left to type after which anything was seen, for that key or a later "
    "one. A curve ends below 100 % where nothing came. (The table's percentiles are of the suggestions that did come.)"
)


def picture(run: Run) -> str:
    """The two most telling plots side by side: an SVG of 800 by 360 pixels for a README, without scripts or styles."""
    curves = latency(run, 400, 320, seen, "until something is seen, ms")
    return plots.svg(
        800,
        360,
        quality(run, 400, 320),
        element("g", curves, transform="translate(400 0)"),
        plots.legend(list(run.figures), LEFT, 344, 740),
        title=f"{_title(run)}: quality against latency, and time to suggestion",
    )


def _title(run: Run) -> str:
    return f"Replay: {run.corpus}"


def _note(text: str) -> str:
    return element("p", text=text, class_="soft")


def _picture(width: int, height: int, run: Run, *parts: str) -> str:
    return element("div", plots.svg(width, height, *parts, title=_title(run)), class_="plot")


# ---- tables ---------------------------------------------------------------------------------------------------------


def table(run: Run) -> str:
    """Figures down, contestants across; a figure that no contestant has is left out."""
    rows = [element("tr", element("th"), *(element("th", text=who) for who in run.figures))]
    for name, title in ROWS.items():
        found = [figures.get(name, NOTHING) for figures in run.figures.values()]
        if all(estimate.value is None for estimate in found):
            continue
        less = "\u00a0↓" if FIGURES[name].better == "less" else "\u00a0↑"
        others = [run.comparisons.get(who, {}).get(name, NOTHING) for who in run.figures]
        cells = (_cell(name, *pair) for pair in zip(found, others, strict=True))
        rows.append(element("tr", element("th", text=title + less), *cells))
    head, *body = rows
    return element("div", element("table", element("thead", head), element("tbody", *body)), class_="scroll")


def _cell(name: str, estimate: Estimate, against: Estimate) -> str:
    if estimate.value is None:
        return element("td", text="never" if estimate.n and FIGURES[name].unit == "ms" else "–")
    parts = [element("b", text=_value(name, estimate.value)), element("small", text=_bounds(name, estimate, _value))]
    if against.value is not None:
        shown = f"{_against(name, against.value)} ({_bounds(name, against, _against)})"
        parts.append(element("small", text=shown))
    return element("td", *parts)


def _bounds(name: str, estimate: Estimate, show: Callable[[str, float], str]) -> str:
    return " to ".join("∞" if bound is None else show(name, bound) for bound in (estimate.low, estimate.high))


def _value(name: str, value: float) -> str:
    unit = FIGURES[name].unit
    if unit == "%":
        return f"{value:.1%}"
    shown = f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}"
    return f"{shown} {unit}" if unit in ("ms", "s", "MiB") else shown


def _against(name: str, value: float) -> str:
    if FIGURES[name].compare == "ratio":
        return f"×{value:.2f}"
    return f"{value * 100:+.1f}" if FIGURES[name].unit == "%" else f"{value:+.1f}"


# ---- plots ----------------------------------------------------------------------------------------------------------


def quality(run: Run, width: int, height: int) -> str:
    """Keystrokes saved against the median time to a suggestion."""
    points: list[tuple[int, str, Interval, Interval]] = []
    for i, (who, figures) in enumerate(run.figures.items()):
        across, up = (_interval(figures.get(name, NOTHING)) for name in (LATENCY, QUALITY))
        if across and up:
            points.append((i, who, across, up))
    x_low, x_high = plots.extent([value for _, _, across, _ in points for value in across], log=True)
    y_low, y_high = plots.extent([value for _, _, _, up in points for value in up])
    x = Axis(x_low, x_high, LEFT, width - RIGHT, "time to suggestion p50, ms", log=True)
    y = Axis(y_low, y_high, height - BOTTOM, TOP, "keystrokes saved", percent=True)
    return plots.scatter(points, x, y)


def _interval(estimate: Estimate) -> Interval | None:
    value = estimate.value
    if value is None:
        return None
    return value, value if estimate.low is None else estimate.low, value if estimate.high is None else estimate.high


def latency(run: Run, width: int, height: int, times: Times, title: str) -> str:
    """Cumulative shares of keys over time, a curve a contestant."""
    series = [(who, times([s for s in run.sessions if s.contestant == who])) for who in run.figures]
    x_low, x_high = plots.extent([value for _, values in series for value in values if value], log=True)
    x = Axis(max(x_low, 1.0), x_high, LEFT, width - RIGHT, title, log=True)
    y = Axis(0.0, 1.0, height - BOTTOM, TOP, "share of keys", percent=True)
    return plots.curves(series, x, y)


def waited(sessions: Sequence[Session]) -> list[float | None]:
    """Time to suggestion of every key, in milliseconds."""
    return [key.waited_ms for key in _keys(sessions)]


def seen(sessions: Sequence[Session]) -> list[float | None]:
    """Time until something was seen, of every key with enough left to type, in milliseconds."""
    return [key.until_seen_ms for key in _keys(sessions) if len(key.remaining) >= FEWEST_CHARACTERS]


def _keys(sessions: Sequence[Session]) -> Iterable[Key]:
    return (key for session in sessions for key in session.keys)


def _pair(run: Run) -> str:
    first = latency(run, 425, 320, waited, "time to suggestion, ms")
    second = latency(run, 425, 320, seen, "until something is seen, ms")
    both = element("div", *(_picture(425, 320, run, plot) for plot in (first, second)), class_="pair")
    names = list(run.figures)
    return both + _picture(WIDTH, plots.legend_height(names, 840) + 8, run, plots.legend(names, LEFT, 16, 840 - LEFT))


def _left(run: Run) -> list[str]:
    lost = [who for who, figures in run.figures.items() if figures.get(LATENCY, NOTHING).value is None]
    return [_note(f"Not drawn, because it showed nothing: {', '.join(lost)}.")] if lost else []


def _session(run: Run) -> list[str]:
    """The session with the most suggestions, along time."""
    by_script: dict[tuple[str, str], list[Session]] = {}
    for session in run.sessions:
        by_script.setdefault((session.source, session.script), []).append(session)
    if not by_script:
        return []
    sessions = max(by_script.values(), key=lambda found: sum(bool(key.shown) for key in _keys(found)))
    width, height, drawn = timeline.picture(sessions)
    further = "; scroll to the right" if width > WIDTH else ""
    wide = plots.svg(width, height, drawn, title=sessions[0].script, scale=False)
    return [
        element("h2", text="One session"),
        _note(f"{sessions[0].script} ({sessions[0].source}). Point at a bar or a key to read it{further}."),
        _picture(WIDTH, 32, run, timeline.key_to_bars(12, 22)),
        element("div", wide, class_="scroll", tabindex=0),
    ]


def _facts(run: Run) -> str:
    facts = {
        **run.machine,
        "edits": run.corpus,
        "revision": run.revision or "unknown",
        "command": "tabby-lsp " + " ".join(run.arguments),
        "sessions": f"{len(run.sessions)}, {sum(len(s.keys) for s in run.sessions)} keys",
    }
    return element("dl", *(element("dt", text=name) + element("dd", text=value) for name, value in facts.items()))
