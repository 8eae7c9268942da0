"""A pipeline in a repository of two files, on a scripted engine: what tests of context sit at."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from memory_index import MemoryIndex
from scripted_engine import Run, ScriptedEngine, until
from typist import UNHURRIED, Document, given

from tabby_lsp.completion import prompt as prompts
from tabby_lsp.completion.context.types import Place, Repository
from tabby_lsp.completion.pipeline import Pipeline
from tabby_lsp.completion.types import Ask, Trigger
from tabby_lsp.config import ContextSettings

SHAPES = '''class Shape:
    """Something with an area."""

    def area(self, precision: int) -> float:
        return 0.0

    def scaled(self, factor: float) -> "Shape":
        return self
'''
PAINT = '''def fill(shape, colour):
    """Paint all of it."""
    return colour
'''
FILES = {"pkg/shapes.py": SHAPES, "pkg/paint.py": PAINT}
BEFORE = "from pkg.shapes import Shape\n\n\ndef measure(shape: Shape) -> float:\n    first = shape."
AFTER = "\n    return first\n"
URI = "file:///repo/pkg/main.py"
FAR = "".join(f"line_{n} = {n}\n" for n in range(200))


class Desk:
    """A pipeline in a repository, on a scripted engine."""

    def __init__(
        self,
        files: dict[str, str] = FILES,
        prepare: bool = False,
        patience_ms: int = 400,
        **context: Any,
    ) -> None:
        self.engine = ScriptedEngine()
        self.index = MemoryIndex(files)
        self.settings = replace(ContextSettings(), **context)
        self.completion = replace(UNHURRIED, prepare=prepare, patience_ms=patience_ms)
        repository = Repository(lambda: self.settings, self.place)
        self.pipeline = Pipeline(self.engine, lambda: self.completion, repository=repository)

    def place(self, uri: str) -> Place | None:
        return Place(uri.removeprefix("file:///repo/"), self.index) if uri.startswith("file:///repo/") else None

    def open(self, before: str = BEFORE, after: str = AFTER, uri: str = URI) -> Document:
        return Document(self.pipeline, uri, "python", before, after)

    def rename(self, old: str, new: str) -> None:
        """A definition has another name, and the index knows that."""
        self.index = MemoryIndex({path: text.replace(old, new) for path, text in FILES.items()})

    async def asked(self, document: Document, trigger: Trigger = Trigger.INVOKED) -> str:
        """The prompt of a question."""
        return await self.asked_of(Ask(document.snapshot, document.position, trigger))

    async def asked_of(self, ask: Ask) -> str:
        """The same, for any question."""
        count = len(self.engine.asked)
        task = asyncio.get_running_loop().create_task(self.pipeline.complete(ask))
        await until(lambda: len(self.engine.asked) > count, "question")
        run = self.engine.asked[-1]
        run.end("x")
        await given(task)
        return shown(run)


def shown(run: Run) -> str:
    return prompts.show(run.request.prompt)
