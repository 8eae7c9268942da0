"""Plots as SVG text, by small functions: a frame with axes, points with intervals, cumulative curves, a timeline.

Colours are written out and hold on white and on GitHub's dark background (a test measures their contrast), so that a
plot can stand alone in a README; classes let a page override them. Contestants differ by shape and dash as well as by
colour. All text goes through `element`, which escapes it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

INK, FAINT = "#768390", "#8b949e"
COLOURS = ("#2f81d7", "#c2700a", "#1a9162", "#b455a0", "#cf4a45", "#8a7a12")
DASHES = ("", "7 3", "2 3", "8 3 2 3", "12 4", "4 2 1 2")
SHAPES = (
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "M-4.5 -4.5h9v9h-9z",
    "M0 -5.5L5.5 4.5H-5.5z",
    "M0 -6.5L6.5 0L0 6.5L-6.5 0z",
    "M-2 -6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
    "M0 5.5L5.5 -4.5H-5.5z",
)
"""Outlines around the origin, in pixels: circle, square, triangle, diamond, cross, triangle on its tip."""
LABEL_HEIGHT = 14.0
"""Pixels between two labels, so that they do not lie on each other."""

LEGEND_ROW = 18
WIDE = 6.8
"""Pixels of a letter at 12 pixels, rounded up: nothing here knows the reader's fonts."""


def element(tag: str, *children: str, text: object = None, **attributes: object) -> str:
    """One SVG or HTML element.

    Args:
        tag: its name.
        children: markup, taken as it is.
        text: escaped, before the children.
        attributes: `_` stands for `-`, and one at the end is dropped (`class_`); floats get one decimal.
    """
    shown = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_number(value))}"' for name, value in attributes.items()
    )
    inside = (escape(_clean(str(text))) if text is not None else "") + "".join(children)
    return f"<{tag}{shown}>{inside}</{tag}>"  # HTML reads no `/>`


def _number(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else _clean(str(value))


def _clean(text: str) -> str:
    """Without what XML forbids: control characters and lone surrogates."""
    return "".join(c if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff" and c < "\ufffe") or c > "\uffff"
                   else "\ufffd" for c in text)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to pixels.

    Attributes:
        low: value at the start.
        high: value at the end.
        start: pixel of `low`.
        end: pixel of `high`; smaller than `start` on an axis that goes up.
        label: what it shows, with its unit.
        log: whether powers of ten are evenly apart.
        percent: whether ticks are written as percentages.
    """

    low: float
    high: float
    start: float
    end: float
    label: str
    log: bool = False
    percent: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value; values outside are put at the nearer end."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Values to mark: 1-2-5 steps, for a logarithm of the powers of ten (1 alone where there are many)."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = (1, 2, 5) if len(powers) <= 4 else (1, 3) if len(powers) <= 5 else (1,)
            values = [step * 10.0**power for power in powers for step in steps]
        else:
            rough = (self.high - self.low) / 5
            power = 10.0 ** math.floor(math.log10(rough))
            step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough * 0.999)
            values = [
                i * step for i in range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)
            ]
        slack = 1e-9 * (self.high - self.low)
        return [value for value in values if self.low - slack <= value <= self.high + slack]

    def tick_label(self, value: float) -> str:
        """A tick in words."""
        return f"{value:.0%}" if self.percent else f"{value:g}"


def extent(values: Sequence[float], *, log: bool = False) -> tuple[float, float]:
    """Ends of an axis that holds all values with some air; on a linear axis 0 belongs to it."""
    if log:
        positive = [value for value in values if value > 0] or [1.0, 1000.0]
        return max(0.1, min(positive) / 1.6), max(*positive, min(positive) * 4, 1.0) * 1.6
    top = max((*values, 0.0)) or 0.1
    low = min((*values, 0.0))
    return low * 1.15, top * 1.15


def axes(x: Axis, y: Axis) -> str:
    """Grid, ticks and labels."""
    parts: list[str] = []
    for value in x.ticks():
        at = x.at(value)
        parts.append(_line(at, y.start, at, y.end, FAINT, opacity=0.3))
        parts.append(label(at, y.start + 16, x.tick_label(value), anchor="middle"))
    for value in y.ticks():
        at = y.at(value)
        parts.append(_line(x.start, at, x.end, at, FAINT, opacity=0.3))
        parts.append(label(x.start - 7, at + 4, y.tick_label(value), anchor="end"))
    parts.append(_line(x.start, y.start, x.end, y.start, INK))
    parts.append(_line(x.start, y.start, x.start, y.end, INK))
    parts.append(label((x.start + x.end) / 2, y.start + 34, x.label, anchor="middle"))
    parts.append(label(x.start - 36, y.end - 10, y.label))
    return element("g", *parts, class_="axes")


def label(x: float, y: float, text: str, *, anchor: str = "start", colour: str = INK, class_: str = "ink") -> str:
    """Text at a place, its base line at `y`."""
    return element("text", text=text, x=x, y=y, text_anchor=anchor, fill=colour, font_size=12, class_=class_)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, **more: object) -> str:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour, **more)


def _other(index: int, count: int) -> int:
    """A shape or dash that differs from the earlier ones of the same colour."""
    return (index + index // len(COLOURS)) % count


def mark(index: int, x: float, y: float, title: str = "") -> str:
    """A contestant's shape at a place."""
    return element(
        "path",
        *([element("title", text=title)] if title else []),
        d=SHAPES[_other(index, len(SHAPES))],
        transform=f"translate({x:.1f} {y:.1f})",
        fill=COLOURS[index % len(COLOURS)],
        class_=f"f{index % len(COLOURS)}",
    )


Interval = tuple[float, float, float]
"""A figure with the lower and upper bound of its interval."""


def scatter(points: Sequence[tuple[int, str, Interval, Interval]], x: Axis, y: Axis) -> str:
    """One labelled point a contestant, with bars for both intervals.

    Args:
        points: number (for colour and shape), name, figure on `x`, figure on `y`.
        x: across.
        y: up.
    """
    parts = [axes(x, y)]
    taken: list[float] = []
    for i, name, (fx, x_low, x_high), (fy, y_low, y_high) in sorted(points, key=lambda point: -point[3][0]):
        px, py, style = x.at(fx), y.at(fy), {"class_": f"s{i % len(COLOURS)}", "stroke_width": 1.5}
        colour = COLOURS[i % len(COLOURS)]
        parts.append(_line(x.at(x_low), py, x.at(x_high), py, colour, **style))
        parts.append(_line(px, y.at(y_low), px, y.at(y_high), colour, **style))
        parts.append(mark(i, px, py, f"{name}: {x.label} {fx:.4g} ({x_low:.4g} to {x_high:.4g})"))
        fits = px + 9 + WIDE * len(name) <= x.end
        beside, anchor = (px + 9, "start") if fits else (px - 9, "end")
        left = beside if fits else beside - WIDE * len(name)
        under = [y.at(v) + 4 for _, _, (u, *_), (v, *_) in points if left - 6 < x.at(u) < left + WIDE * len(name) + 6]
        below = itertools.takewhile(lambda at: at < y.start, itertools.count(py + 17, 2))  # there, ticks have theirs
        places = itertools.chain((py - 9,), below, itertools.count(py - 11, -2))
        at = next(at for at in places if all(abs(at - other) >= LABEL_HEIGHT for other in (*taken, *under)))
        taken.append(at)
        parts.append(label(beside, at, name, anchor=anchor, colour=colour, class_=f"f{i % len(COLOURS)}"))
    return element("g", *parts)


def curves(series: Sequence[tuple[str, Sequence[float | None]]], x: Axis, y: Axis) -> str:
    """Cumulative shares: at each value, how much of all is not above it.

    Args:
        series: name and values; None never came, so its curve ends below the top.
        x: values.
        y: shares, 0 to 1.
    """
    parts = [axes(x, y)]
    for i, (name, values) in enumerate(series):
        points = [f"{x.at(at):.1f} {y.at(share):.1f}" for at, share in cumulative(values)]
        if not points:
            continue
        first = f"M{x.start:.1f} {y.at(0):.1f}H"
        steps = "".join(f"H{point.partition(' ')[0]}V{point.partition(' ')[2]}" for point in points)
        parts.append(
            element(
                "path",
                element("title", text=f"{name}: {len(points)} of {len(values)}"),
                d=f"{first[:-1]}{steps}H{x.end:.1f}",
                fill="none",
                stroke=COLOURS[i % len(COLOURS)],
                stroke_width=2,
                stroke_dasharray=DASHES[_other(i, len(DASHES))] or "none",
                class_=f"s{i % len(COLOURS)}",
            )
        )
    return element("g", *parts)


def cumulative(values: Sequence[float | None]) -> list[tuple[float, float]]:
    """Each value that came, with the share of all values that are not above it."""
    there = sorted(value for value in values if value is not None)
    return [(value, (i + 1) / len(values)) for i, value in enumerate(there)]


def legend(names: Sequence[str], x: float, y: float, width: float) -> str:
    """Names with their dash and shape, in rows of at most `width` pixels."""
    parts: list[str] = []
    for i, (name, (right, down)) in enumerate(zip(names, _places(names, width), strict=True)):
        left, top, shade = x + right, y + down, f"s{i % len(COLOURS)}"
        dash, colour = DASHES[_other(i, len(DASHES))] or "none", COLOURS[i % len(COLOURS)]
        style = {"stroke_width": 2, "stroke_dasharray": dash, "class_": shade}
        parts.append(_line(left, top - 4, left + 26, top - 4, colour, **style))
        parts.append(mark(i, left + 13, top - 4))
        parts.append(label(left + 32, top, name))
    return element("g", *parts, class_="legend")


def legend_height(names: Sequence[str], width: float) -> int:
    """Pixels that `legend` takes."""
    return max((round(down) for _, down in _places(names, width)), default=0) + LEGEND_ROW


def _places(names: Sequence[str], width: float) -> list[tuple[float, float]]:
    """Where each name of a legend begins."""
    places: list[tuple[float, float]] = []
    left = top = 0.0
    for name in names:
        room = 50 + WIDE * len(name)
        if left and left + room > width:
            left, top = 0.0, top + LEGEND_ROW
        places.append((left, top))
        left += room
    return places


def svg(width: int, height: int, *parts: str, title: str = "", scale: bool = True) -> str:
    """A whole picture, complete by itself.

    Args:
        width: pixels.
        height: pixels.
        parts: markup.
        title: what it shows, for those who do not see it.
        scale: whether it becomes narrower with its page.
    """
    more = {"style": "max-width:100%;height:auto"} if scale else {}
    return element(
        "svg",
        *([element("title", text=title)] if title else []),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        font_family="system-ui, -apple-system, 'Segoe UI', sans-serif",
        **more,
    )
