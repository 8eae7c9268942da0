"""What a keystroke costs beside a streaming chat: `python tests/e2e/measure_chat_beside.py`, for docs/measurements.md.

One engine with the default model, one person who types lines of real code with and without a chat, in turns, each in
a document that shares nothing with the others. No test: times are of one machine and one moment. Who goes first, and
whose cells, is held by tests/engine/test_chat_local.py.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

from tabby_lsp.completion.pipeline import Pipeline
from tabby_lsp.completion.types import Answer, Ask, Trigger
from tabby_lsp.config import Settings
from tabby_lsp.document import Change, PositionEncoding, Snapshot
from tabby_lsp.engine.chat.local import LocalChat
from tabby_lsp.engine.chat.types import Conversation, Message
from tabby_lsp.engine.opening import open_engine
from tabby_lsp.engine.types import Engine

PACKAGE = Path(__file__).parents[2] / "tabby_lsp"
TYPED_IN, ASKED_ABOUT = PACKAGE / "document.py", PACKAGE / "index" / "files" / "listing.py"
LINES = 12
LONG_LINE = 30
"""Characters that a line which is typed has at least."""
KEY_S = 0.2
"""Seconds between two keys: 60 words a minute."""
LOOK_S = 2.0
"""Seconds for which somebody looks at a place before typing there."""
PIECE = 3_000
"""Characters of the file that each question is about: some 800 tokens, so that mostly an answer is written."""


@dataclass
class Run:
    """What typing brought, with chat or without."""

    keys: list[float] = field(default_factory=list[float])
    asked: list[float] = field(default_factory=list[float])
    evaluated: list[int] = field(default_factory=list[int])
    quick: int = 0
    late: int = 0

    def add(self, answer: Answer | None, seconds: float) -> None:
        """Count a key; one whose answer had not come before the next key counts with the time until then."""
        self.keys.append(seconds * 1e3)
        self.late += answer is None
        if answer is not None and not answer.counters.prompt:
            return
        self.asked.append(seconds * 1e3)
        if answer is not None:
            self.evaluated.append(answer.counters.evaluated)

    def figures(self) -> dict[str, float]:
        """Milliseconds and tokens, rounded."""
        return {
            "keys": len(self.keys),
            "p50": round(statistics.median(self.keys), 1),
            "p95": round(statistics.quantiles(self.keys, n=20)[-1], 1),
            "asked": len(self.asked),
            "asked p50": round(statistics.median(self.asked), 1),
            "asked p95": round(statistics.quantiles(self.asked, n=20)[-1], 1),
            "evaluated": round(statistics.mean(self.evaluated), 1),
            "late": self.late,
        }


class Talk:
    """A chat that never ends: question after question, each about another part of a file."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._chat = LocalChat(engine, "default", settings)
        text = ASKED_ABOUT.read_text() * 20
        self._questions = (f"Explain this code:\n\n{text[at : at + PIECE]}" for at in itertools.count(0, PIECE // 3))
        self.read = self.written = 0
        self.streams = asyncio.Event()

    async def go_on(self) -> None:
        """Ask until cancelled."""
        loop = asyncio.get_running_loop()

        def streams(_: str) -> None:
            loop.call_soon_threadsafe(self.streams.set)

        for question in self._questions:
            asked = Conversation(key="talk", messages=(Message("user", question),), max_tokens=400)
            ticket = self._chat.ask(asked, streams)
            try:
                await asyncio.wrap_future(ticket.future)
            finally:
                ticket.cancel()
                self.read += ticket.evaluated
                self.written += ticket.generated


def holes() -> Iterator[tuple[str, str, str]]:
    """Lines to be typed, each with what stands before and after it."""
    lines = TYPED_IN.read_text().splitlines(keepends=True)
    at = [i for i, line in enumerate(lines) if i > 60 and len(line.strip()) >= LONG_LINE and line[0] == " "]
    for i in at[:: len(at) // LINES][:LINES]:
        indent = lines[i][: len(lines[i]) - len(lines[i].lstrip())]
        yield "".join(lines[:i]) + indent, lines[i].strip(), "\n" + "".join(lines[i + 1 :])


async def type_line(pipeline: Pipeline, uri: str, before: str, line: str, after: str, run: Run) -> None:
    """Look at a place, then type a line there, asking at each key and giving up at the next one."""
    shot = Snapshot.of(uri, "python", 1, f"# {uri}\n{before}{after}")
    offset = len(shot.text) - len(after)
    pipeline.opened(shot)
    pipeline.changed(shot, shot.position(offset), "")
    await asyncio.sleep(LOOK_S)
    for key in line:
        place = shot.position(offset)
        where = place.line, place.column
        shot = shot.apply([Change(key, where, where)], shot.version + 1, PositionEncoding.UTF32)
        offset += 1
        began = perf_counter()
        pipeline.changed(shot, shot.position(offset), key)
        answer: Answer | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(KEY_S):
                answer = await pipeline.complete(Ask(shot, shot.position(offset), Trigger.TYPING))
        spent = perf_counter() - began
        run.add(answer, spent)
        await asyncio.sleep(max(0.0, KEY_S - spent))
    pipeline.forget(uri)


async def main() -> None:
    """Type each line twice, and print both."""
    settings = Settings()
    engine = open_engine(settings).engine
    await asyncio.wrap_future(engine.ready())
    pipeline = Pipeline(engine, lambda: replace(settings.completion, deadline_ms=10_000), lambda _: None)
    talk, runs = await asyncio.to_thread(Talk, engine, settings), {"alone": Run(), "beside": Run()}
    talked, beside = 0.0, 0
    for nth, hole in enumerate(holes()):
        for which in ("alone", "beside") if nth % 2 else ("beside", "alone"):
            talk.streams.clear()
            talking = asyncio.create_task(talk.go_on()) if which == "beside" else None
            if talking is not None:
                await talk.streams.wait()
            began, before = perf_counter(), talk.written
            await type_line(pipeline, f"file:///{which}{nth}.py", *hole, runs[which])
            if talking is not None:
                talking.cancel()
                with suppress(asyncio.CancelledError):
                    await talking
                talked += perf_counter() - began
                beside += talk.written - before
            await asyncio.sleep(0.3)
    figures = {which: run.figures() for which, run in runs.items()}
    for which, said in figures.items():
        print(f"{which}: {json.dumps(said)}")
    ratios = {name: round(figures["beside"][name] / figures["alone"][name], 2) for name in ("p50", "p95", "asked p50")}
    print(f"ratio: {json.dumps(ratios)}; chat wrote {beside / talked:.1f} tokens a second")
    pipeline.stop()
    engine.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
