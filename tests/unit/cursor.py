"""Dedented source with a `█` where the cursor is, as the unit tests write it."""

from __future__ import annotations

from textwrap import dedent

from tabby_lsp.document import Position, Snapshot

MARK = "█"


def at_cursor(language: str, source: str) -> tuple[Snapshot, Position]:
    """The document without the mark, and the position where it stood."""
    before, _, after = dedent(source).partition(MARK)
    snapshot = Snapshot.of(f"file:///{language}", language, 1, before + after)
    return snapshot, snapshot.position(len(before))
