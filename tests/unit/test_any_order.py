"""Typing, asking, giving up and text, in any order: each question is answered once, and rightly or not at all."""

from __future__ import annotations

import asyncio
import random
import zlib

import pytest
from scripted_engine import settled, until
from typist import Typist

from tabby_lsp.completion import ahead, flight
from tabby_lsp.completion.types import Answer, Trigger

PLACE = "start = "
LETTERS = "bcdfghjklmnpqrstvwxz"


def whole_text(typed: str) -> str:
    """What the model writes after some text: the same each time, never twice the same for other texts."""
    chance = random.Random(zlib.crc32(typed.encode()))
    words = ["".join(chance.choices(LETTERS, k=3)) for _ in range(12)]
    return "".join(word + chance.choice([" ", " ", " = ", "\n  "]) for word in words)


def typed_of(text: str) -> str:
    return text.replace("\r\n", "\n").rpartition(PLACE)[2]


@pytest.mark.parametrize("seed", range(12))
async def test_any_order_of_things(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question is answered once, with a continuation of its own cursor or with nothing."""
    chance = random.Random(seed)
    monkeypatch.setattr(ahead, "REST_S", 0.0)
    monkeypatch.setattr(flight, "GRACE_S", chance.choice([0.0, 0.001, 0.02]))
    typist = Typist(
        candidates=1,
        line_budget_ms=chance.choice([0, 60_000]),
        word_budget_ms=chance.choice([0, 1]),
        prefetch=chance.random() < 0.7,
        prepare=chance.random() < 0.5,
    )
    newline = chance.choice(["\n", "\r\n"])
    documents = [
        typist.open(f"first{newline}{PLACE}", newline, f"file:///{n}.txt", "plaintext")
        for n in range(chance.randint(1, 2))
    ]
    asked: list[tuple[asyncio.Task[Answer], str]] = []

    def write_some() -> None:
        under_way = [run for run in typist.engine.written if not run.over]
        if under_way:
            run = chance.choice(under_way)
            left = whole_text(typed_of(run.tail))[len(run.text) :]
            if chance.random() < 0.1 or not left:
                run.end()
            else:
                run.write(left[: chance.randint(1, 8)])

    for _ in range(250):
        document = chance.choice(documents)
        typed = typed_of(document.snapshot.before(document.position))
        what = chance.random()
        if what < 0.15:
            document.type(chance.choice([*LETTERS, " "]))
        elif what < 0.3:
            text = whole_text(chance.choice([typed, typed[:-1]]))
            document.type(text[: chance.choice([1, 1, 2, 5])].replace("\n", newline))
        elif what < 0.38 and typed:
            end = len(newline) if document.snapshot.before(document.position).endswith(newline) else 1
            document.backspace(end)
        elif what < 0.42 and asked and asked[-1][0].done() and not asked[-1][0].cancelled():
            for suggestion in asked[-1][0].result().suggestions[:1]:
                if suggestion.start == document.position:
                    document.type(suggestion.text)
        elif what < 0.6:
            trigger = chance.choice([Trigger.TYPING] * 4 + [Trigger.INVOKED])
            asked.append((document.ask(trigger), typed))
        elif what < 0.68 and asked:
            chance.choice(asked[-4:])[0].cancel()
        elif what < 0.92:
            write_some()
        else:
            await asyncio.sleep(chance.choice([0.001, 0.003]))
        for _ in range(chance.choice([0, 1, 3, 25])):
            await asyncio.sleep(0)
    while not all(task.done() for task, _ in asked):
        write_some()
        await asyncio.sleep(0.001)

    possible = {u + whole_text(u) for u in {typed_of(run.tail) for run in typist.engine.written}}
    answered = 0
    for task, typed in asked:
        for suggestion in () if task.cancelled() else task.result().suggestions[:1]:
            text = suggestion.text.replace("\r\n", "\n")
            assert text
            assert ("\r" in suggestion.text) == (newline == "\r\n" and "\n" in text)
            assert any(whole.startswith(typed + text) for whole in possible), (typed, text)
            answered += 1
    assert answered, "nothing was ever shown"
    await settled()
    typist.pipeline.stop()
    await settled()
    await until(lambda: all(run.over for run in typist.engine.runs), "end of everything")
    assert not typist.pipeline._ahead.busy
