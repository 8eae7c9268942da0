"""A session drawn along time: keys as ticks, suggestions as bars, a lane a contestant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tabby_lsp.bench.results.plots import FAINT, INK, Axis, element, label
from tabby_lsp.bench.types import Session

Kind = Literal["right", "wrong", "accepted"]
FILLS: dict[Kind, str] = {"right": "#1a9162", "wrong": "none", "accepted": "#2f81d7"}
STROKES: dict[Kind, str] = {"right": "#1a9162", "wrong": "#cf4a45", "accepted": "#2f81d7"}
HEIGHTS: dict[Kind, int] = {"right": 12, "wrong": 12, "accepted": 22}
"""Pixels: right is filled, wrong an outline, accepted filled and taller, so that no colour is needed to tell them."""
MEANINGS: dict[Kind, str] = {
    "accepted": "accepted",
    "right": "right, and typed past",
    "wrong": "wrong",
}
LANE = 54
"""Pixels for one contestant."""
LEFT = 12
SECOND = 45.0
"""Pixels for one second: a key every 200 ms is 9 pixels from the next."""
WIDEST = 12_000
"""Pixels; a longer session is squeezed."""
LAST_S = 0.3
"""How long the suggestion after the last key is drawn, in seconds: nobody knows how long it stood."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One suggestion on the screen.

    Attributes:
        start: seconds since the session's start when it was shown.
        end: when the next key came.
        kind: what became of it.
        text: what was shown.
        waited_ms: from its key until it was shown; None: it stood there from an earlier key.
    """

    start: float
    end: float
    kind: Kind
    text: str
    waited_ms: float | None


def bars(session: Session) -> Iterator[Bar]:
    """The suggestions of a session, in order."""
    for i, key in enumerate(session.keys):
        if not key.shown:
            continue
        following = session.keys[i + 1] if i + 1 < len(session.keys) else None
        start = key.at + (key.waited_ms or 0.0) / 1e3
        end = max(following.at, start) if following else start + LAST_S
        kind: Kind = "accepted" if following and following.accepted else "right" if key.right else "wrong"
        yield Bar(start, end, kind, key.shown, key.waited_ms)


def picture(sessions: Sequence[Session]) -> tuple[int, int, str]:
    """Draw one script's sessions below each other, on one scale.

    Args:
        sessions: of the same script, one a contestant.

    Returns:
        Width and height in pixels, and the markup.
    """
    ends = [max((bar.end for bar in bars(s)), default=0.0) for s in sessions]
    seconds = max([*ends, *(key.at for s in sessions for key in s.keys), 1.0])
    width = round(min(WIDEST, max(840.0, seconds * SECOND)))
    bottom = 8 + LANE * len(sessions)
    x = Axis(0.0, seconds, LEFT, width - 12.0, "s")
    parts = [_scale(x, seconds, bottom)]
    parts += [_lane(session, x, 8 + LANE * i) for i, session in enumerate(sessions)]
    return width, bottom + 24, element("g", *parts)


def _scale(x: Axis, seconds: float, bottom: int) -> str:
    step = next((s for s in (1, 2, 5, 10, 30, 60) if s * (x.end - x.start) / seconds >= 60), 300)
    parts: list[str] = []
    for second in range(0, int(seconds) + 1, step):
        at = x.at(second)
        parts.append(element("line", x1=at, y1=8, x2=at, y2=bottom, stroke=FAINT, opacity=0.3))
        parts.append(label(at, bottom + 16, f"{second} s", anchor="middle" if second else "start"))
    return element("g", *parts)


def _lane(session: Session, x: Axis, top: int) -> str:
    base = top + LANE - 8
    parts = [label(LEFT, top + 10, session.contestant)]
    for bar in bars(session):
        height = HEIGHTS[bar.kind]
        when = "" if bar.waited_ms is None else f" after {bar.waited_ms:.0f} ms"
        parts.append(
            element(
                "rect",
                element("title", text=f"{MEANINGS[bar.kind]}{when}:\n{bar.text}"),
                x=x.at(bar.start),
                y=base - 10 - height,
                width=max(1.0, x.at(bar.end) - x.at(bar.start)),
                height=height,
                fill=FILLS[bar.kind],
                stroke=STROKES[bar.kind],
                pointer_events="all",
                class_=f"bar {bar.kind}",
            )
        )
    for key in session.keys:
        at, tall = x.at(key.at), 8 if not key.accepted else 10
        parts.append(
            element(
                "line",
                element("title", text=f"{key.at:.2f} s: {'accepted' if key.accepted else 'typed'} {key.typed!r}"),
                x1=at,
                y1=base - tall,
                x2=at,
                y2=base,
                stroke=INK,
                stroke_width=2.5 if key.accepted else 1,
                class_="key accepted" if key.accepted else "key",
            )
        )
    parts.append(element("line", x1=x.start, y1=base, x2=x.end, y2=base, stroke=FAINT, opacity=0.5))
    return element("g", *parts, class_="lane")


def key_to_bars(x: float, y: float) -> str:
    """What the bars mean, in a row."""
    parts: list[str] = []
    for kind, meaning in MEANINGS.items():
        height = HEIGHTS[kind]
        colours = {"fill": FILLS[kind], "stroke": STROKES[kind], "class_": f"bar {kind}"}
        parts.append(element("rect", x=x, y=y - height / 2 - 4, width=24, height=height, **colours))
        parts.append(label(x + 31, y, meaning))
        x += 60 + 7.0 * len(meaning)
    parts.append(element("line", x1=x, y1=y - 8, x2=x, y2=y, stroke=INK))
    parts.append(label(x + 8, y, "a key"))
    return element("g", *parts, class_="legend")
