"""Plots: numbers at their places, and contestants that differ without their colour."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from sessions import key, session

from tabby_lsp.bench.results import page, plots, timeline
from tabby_lsp.bench.results.plots import Axis
from tabby_lsp.bench.types import Session

SVG = "{http://www.w3.org/2000/svg}"


def shapes(markup: str, tag: str) -> list[dict[str, str]]:
    return [dict(found.attrib) for found in ET.fromstring(plots.svg(9, 9, markup)).iter(SVG + tag)]


# ---- axes -----------------------------------------------------------------------------------------------------------


def test_values_become_pixels() -> None:
    linear, log = Axis(0, 10, 100, 200, "x"), Axis(10, 1000, 0, 100, "ms", log=True)
    assert [linear.at(v) for v in (0, 5, 10, 11, -1)] == [100, 150, 200, 200, 100]
    assert [log.at(v) for v in (10, 100, 1000, 0)] == pytest.approx([0, 50, 100, 0])
    assert Axis(0, 1, 300, 100, "up").at(0.25) == 250


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis(0, 1, 0, 1, "", percent=True), [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (Axis(0, 7, 0, 1, ""), [0, 2, 4, 6]),
        (Axis(-0.1, 0.3, 0, 1, ""), [-0.1, 0, 0.1, 0.2, 0.3]),
        (Axis(8, 300, 0, 1, "", log=True), [10, 20, 50, 100, 200]),
        (Axis(1, 1e6, 0, 1, "", log=True), [1, 10, 100, 1000, 1e4, 1e5, 1e6]),
    ],
)
def test_ticks(axis: Axis, ticks: list[float]) -> None:
    assert axis.ticks() == pytest.approx(ticks)


@pytest.mark.parametrize("values", [[], [0.0], [5.0], [5.0, 5.0], [0.001], [1e-9, 1e9], [-1.0]])
def test_an_axis_always_has_a_length_and_ticks(values: list[float]) -> None:
    for log in (False, True):
        low, high = plots.extent(values, log=log)
        assert low < high
        assert Axis(low, high, 0, 100, "", log=log).ticks()
        assert all(low <= v <= high for v in values if not log or v >= 0.1)


# ---- plots ----------------------------------------------------------------------------------------------------------


def test_points_and_their_intervals_stand_where_they_belong() -> None:
    x, y = Axis(10, 1000, 0, 200, "ms", log=True), Axis(0, 1, 100, 0, "saved")
    drawn = plots.scatter([(2, "mine", (100, 10, 1000), (0.5, 0.25, 0.75))], x, y)
    (mark,) = shapes(drawn, "path")
    assert mark["transform"] == "translate(100.0 50.0)"
    assert mark["d"] == plots.SHAPES[2]
    bars = [line for line in shapes(drawn, "line") if line.get("class") == "s2"]
    assert [(b["x1"], b["y1"], b["x2"], b["y2"]) for b in bars] == [
        ("0", "50", "200", "50"),
        ("100", "75", "100", "25"),
    ]


def test_labels_do_not_lie_on_each_other() -> None:
    x, y = Axis(10, 1000, 0, 200, "ms", log=True), Axis(0, 1, 100, 0, "saved")
    drawn = plots.scatter([(i, f"n{i}", (100, 90, 110), (0.5, 0.4, 0.6)) for i in range(4)], x, y)
    heights = sorted(float(t["y"]) for t in shapes(drawn, "text") if t["class"].startswith("f"))
    assert len(heights) == 4
    assert all(b - a >= plots.LABEL_HEIGHT for a, b in pairwise(heights))


def test_a_label_does_not_lie_on_a_mark() -> None:
    x, y = Axis(10, 1000, 0, 200, "ms", log=True), Axis(0, 1, 100, 0, "saved")
    right, left = (20, 20, 20), (10, 10, 10)
    drawn = plots.scatter([(0, "right", right, (0.55, 0.5, 0.6)), (1, "a long name", left, (0.45, 0.4, 0.5))], x, y)
    beside = next(float(t["y"]) for t in shapes(drawn, "text") if t["class"] == "f1")
    assert abs(beside - (y.at(0.55) + 4)) >= plots.LABEL_HEIGHT
    assert beside - y.at(0.45) >= plots.LABEL_HEIGHT


def test_labels_do_not_lie_on_the_ticks() -> None:
    x, y = Axis(10, 1000, 0, 200, "ms", log=True), Axis(0, 1, 100, 0, "saved")
    drawn = plots.scatter([(i, "a name", (100, 100, 100), (0.0, 0.0, 0.0)) for i in range(3)], x, y)
    heights = sorted(float(t["y"]) for t in shapes(drawn, "text") if t["class"].startswith("f"))
    assert heights == [63, 77, 91]


def test_labels_stay_in_the_picture() -> None:
    x, y = Axis(10, 1000, 0, 200, "ms", log=True), Axis(0, 1, 100, 0, "saved")
    points = [(i, "a name", (ms, ms, ms), (0.5, 0.5, 0.5)) for i, ms in enumerate((10, 1000))]
    drawn = [t for t in shapes(plots.scatter(points, x, y), "text") if t["class"].startswith("f")]
    assert [(t["x"], t["text-anchor"]) for t in drawn] == [("9", "start"), ("191", "end")]


def test_what_never_came_keeps_a_curve_below_the_top() -> None:
    assert plots.cumulative([30.0, None, 10.0, None]) == [(10.0, 0.25), (30.0, 0.5)]
    x, y = Axis(1, 100, 0, 200, "ms", log=True), Axis(0, 1, 100, 0, "share")
    drawn = plots.curves([("a", [None, 10.0, 100.0, None]), ("b", [None]), ("c", [])], x, y)
    (curve,) = shapes(drawn, "path")
    assert curve["d"] == "M0.0 100.0H100.0V75.0H200.0V50.0H200.0"


def test_contestants_differ_without_their_colour() -> None:
    drawn = plots.legend([f"n{i}" for i in range(12)], 0, 0, 800)
    looks = [(mark["d"], mark["fill"]) for mark in shapes(drawn, "path")]
    lines = [(line["stroke-dasharray"], line["stroke"]) for line in shapes(drawn, "line")]
    assert len(set(looks)) == len(set(lines)) == 12
    assert len({d for d, _ in looks[:6]}) == len({dash for dash, _ in lines[:6]}) == 6


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("paper", ["#ffffff", "#0d1117"])
def test_colours_hold_on_white_and_on_dark(paper: str) -> None:
    shades = {*plots.COLOURS, plots.INK, *timeline.STROKES.values()}
    assert {shade: round(contrast(shade, paper), 1) for shade in shades if contrast(shade, paper) < 3} == {}


def test_the_pages_own_colours_hold_on_its_papers() -> None:
    style = page.TEMPLATE.read_text("utf-8")
    schemes = [dict(re.findall(r"--(\w+): (#\w+)", part)) for part in style.split("prefers-color-scheme: dark")]
    assert [len(scheme) for scheme in schemes] == [11, 11]
    for scheme in schemes:
        paper = scheme["paper"] if len(scheme["paper"]) == 7 else "#ffffff"
        for name in ("ink", "soft", *(f"c{i}" for i in range(6))):
            assert contrast(scheme[name], paper) >= 4.5, (name, paper)


# ---- the timeline ---------------------------------------------------------------------------------------------------


def test_bars_go_from_shown_to_the_next_key() -> None:
    wrong, right, accepted = timeline.bars(session())
    assert (wrong.start, wrong.end, wrong.kind, wrong.text) == (0.1, 1.0, "wrong", "rest")
    assert (right.start, right.end, right.kind) == (1.4, 2.0, "right")
    assert (accepted.start, accepted.end, accepted.kind) == (2.01, 3.0, "accepted")


def test_the_timeline_has_a_lane_for_each_and_one_scale() -> None:
    width, height, drawn = timeline.picture([session("ours"), session("theirs")])
    assert width == 840
    assert height > 2 * timeline.LANE
    bars, x = shapes(drawn, "rect"), Axis(0, 3, timeline.LEFT, 828, "")
    assert [float(bar["x"]) for bar in bars] == pytest.approx([x.at(t) for t in (0.1, 1.4, 2.01)] * 2, abs=0.06)
    assert [float(bar["width"]) for bar in bars[:3]] == pytest.approx([0.9 * 272, 0.6 * 272, 0.99 * 272], abs=0.06)
    assert [bar["class"] for bar in bars[:3]] == ["bar wrong", "bar right", "bar accepted"]
    assert len({bar["y"] for bar in (bars[0], bars[3])}) == 2
    assert len([line for line in shapes(drawn, "line") if line.get("class", "").startswith("key")]) == 8


def test_a_long_session_is_squeezed_and_an_empty_one_is_drawn() -> None:
    long = Session("ours", "a", "", "python", [key(float(i), "a", shown="x", waited_ms=1.0) for i in range(2_000)])
    assert timeline.picture([long])[0] == timeline.WIDEST
    assert timeline.picture([Session("ours", "a", "", "python")])[0] == 840


# ---- markup ---------------------------------------------------------------------------------------------------------


def test_text_and_attributes_are_escaped() -> None:
    made = plots.element("g", text="a<b>&\x00", class_='"><script>', stroke_width=1.25)
    assert made == '<g class="&quot;&gt;&lt;script&gt;" stroke-width="1.2">a&lt;b&gt;&amp;\ufffd</g>'
    assert plots.element("td") == "<td></td>"  # HTML would leave `<td/>` open
