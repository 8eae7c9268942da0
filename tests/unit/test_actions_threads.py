"""What takes long in a briefing is done on a thread: counting the tokens of long code again and again above all."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from unit.action_targets import words

from tabby_lsp.actions.table import ACTIONS
from tabby_lsp.actions.types import Span, Target, Workspace
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.syntax.trees import Trees

LINES = 4000


@pytest.mark.parametrize("action", ["explain", "document", "tests"])
def test_long_code_is_not_measured_on_the_event_loop(action: str, tmp_path: Path) -> None:
    text = "def long(a):\n" + "".join(f"    a = {number}\n" for number in range(LINES))
    snapshot = Snapshot.of((tmp_path / "long.py").as_uri(), "python", 1, text)
    place = Span(Position(0, 5), Position(0, 5))
    loop, there, elsewhere = threading.current_thread(), 0, 0

    def count(counted: str) -> int:
        nonlocal there, elsewhere
        if counted.count("\n") >= LINES // 8:
            there += threading.current_thread() is loop
            elsewhere += threading.current_thread() is not loop
        return words(counted)

    workspace = Workspace(tmp_path, "long.py", None, lambda _: None, count, 1500)
    target = Target(snapshot, place, Trees().tree(snapshot))

    async def briefed() -> str:
        return (await ACTIONS[action].briefing(target, workspace)).messages[-1].text

    assert "lines left out" in asyncio.run(briefed())
    assert elsewhere > 1
    assert there == 0
