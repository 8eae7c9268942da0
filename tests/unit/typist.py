"""An editor with one pipeline: it types, asks and gives up, and the scripted engine writes what a test says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from scripted_engine import PATIENCE_S, ScriptedEngine, settled

from tabby_lsp.completion.pipeline import Pipeline
from tabby_lsp.completion.types import Answer, Ask, Trigger
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Change, Position, PositionEncoding, Snapshot

UNHURRIED = CompletionSettings(line_budget_ms=60_000, word_budget_ms=0, prefetch=False, prepare=False)
"""No early answers and no idle work: each test turns on what it is about."""

BEFORE = "import os\n\n\ndef area(width, height):\n    if width:\n        return 0\n    "
AFTER = "\n\n\nprint(area(2, 3))\n"


class Document:
    """One buffer with a cursor."""

    def __init__(self, pipeline: Pipeline, uri: str, language: str, before: str, after: str) -> None:
        self._pipeline = pipeline
        self.snapshot = Snapshot.of(uri, language, 1, before + after)
        self.at = len(before)

    @property
    def position(self) -> Position:
        return self.snapshot.position(self.at)

    @property
    def uri(self) -> str:
        return self.snapshot.uri

    def replace(self, start: int, end: int, text: str) -> None:
        """Put text between two offsets, as a client tells it; the cursor is behind it."""
        a, b = self.snapshot.position(start), self.snapshot.position(end)
        change = Change(text, (a.line, a.column), (b.line, b.column))
        self.snapshot = self.snapshot.apply([change], self.snapshot.version + 1, PositionEncoding.UTF32)
        self.at = start + len(text)
        self._pipeline.changed(self.snapshot, self.position, text)

    def type(self, text: str) -> None:
        self.replace(self.at, self.at, text)

    def backspace(self, count: int = 1) -> None:
        self.replace(self.at - count, self.at, "")

    def ask(self, trigger: Trigger = Trigger.TYPING) -> asyncio.Task[Answer]:
        """Ask and do not wait."""
        return asyncio.get_running_loop().create_task(
            self._pipeline.complete(Ask(self.snapshot, self.position, trigger))
        )


class Typist:
    """A pipeline on a scripted engine.

    Attributes:
        longer: what `on_longer` was told.
    """

    def __init__(self, **settings: Any) -> None:
        self.engine = ScriptedEngine()
        self.settings = replace(UNHURRIED, **settings)
        self.longer: list[Snapshot] = []
        self.pipeline = Pipeline(self.engine, lambda: self.settings, self.longer.append)

    def open(
        self, before: str = BEFORE, after: str = AFTER, uri: str = "file:///a.py", language: str = "python"
    ) -> Document:
        return Document(self.pipeline, uri, language, before, after)


async def texts(task: asyncio.Task[Answer]) -> list[str]:
    """What an answer shows."""
    return [suggestion.text for suggestion in (await given(task)).suggestions]


async def given(task: asyncio.Task[Answer]) -> Answer:
    """The answer, which must come."""
    async with asyncio.timeout(PATIENCE_S):
        return await task


async def leave(task: asyncio.Task[Answer]) -> None:
    """Give up, as an editor does with `$/cancelRequest`."""
    task.cancel()
    await settled()
    assert task.cancelled()
