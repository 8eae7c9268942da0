"""A window and a family make a prompt: a row of markers and texts.

The markers are pieces of their own, so no clipping of text can lose one and no text can forge one.
"""

from __future__ import annotations

from tabby_lsp.completion.context.forms import NOTHING, Beside
from tabby_lsp.completion.families import Family
from tabby_lsp.completion.window import Window
from tabby_lsp.engine.types import Marker, Piece, Prompt


def build(window: Window, family: Family, lead: str = "", beside: Beside = NOTHING) -> Prompt:
    """The prompt for a window, and what of other files stands beside it.

    With an anchor it reads `PRE head SUF suffix MID tail`: the tail is the part of the middle that is known
    already, so each typed character only appends. Without one (`family.tail` 0) head and tail stand together.
    """
    head, tail, suffix = (unix(text) for text in (window.head, window.tail + lead, window.suffix))
    head = beside.above + head
    if not family.fills:
        return Prompt((head + tail,), family.heal)
    before = (Marker(family.prefix), head)
    after = (Marker(family.suffix), suffix)
    middle: tuple[Piece, ...] = (Marker(family.middle),) if family.middle else ()
    pieces: tuple[Piece, ...]
    if family.order == "suffix-prefix":
        pieces = (*after, *before[:1], head + tail, *middle)
    elif family.tail:
        pieces = (*before, *after, *middle, tail)
    else:
        pieces = (*before[:1], head + tail, *after, *middle)
    pieces = (*beside.ahead, *pieces)
    ends_in_text = not isinstance(pieces[-1], Marker)
    return Prompt(pieces, family.heal if ends_in_text else 0)


def unix(text: str) -> str:
    """Line feeds alone, as models are trained on; post-processing gives the file's own line endings back."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def show(prompt: Prompt) -> str:
    """The prompt as text, with its markers, for a person."""
    return "".join(piece.text if isinstance(piece, Marker) else piece for piece in prompt.pieces)
