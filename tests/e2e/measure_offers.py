"""What the first list of code actions costs, over stdio: `python tests/e2e/measure_offers.py [language …]`.

No test: times are of one machine and one moment. The counts beside them are held by test_lsp_warming.py.
Each row is a server of its own, so that nothing is compiled or parsed before its document is opened.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from e2e.wire import Editor

FUNCTIONS = {
    "python": "def f{i}(x, y):\n    total = x * {i} + y\n    return total\n\n\n",
    "typescript": "function f{i}(x: number, y: number) {{\n  const total = x * {i} + y;\n  return total;\n}}\n\n",
    "go": "func f{i}(x int, y int) int {{\n\ttotal := x*{i} + y\n\treturn total\n}}\n\n",
    "rust": "pub fn f{i}(x: i64, y: i64) -> i64 {{\n    let total = x * {i} + y;\n    total\n}}\n\n",
}
"""One of five lines, by language."""
BEGINNINGS = {"go": "package measured\n\n"}
SIZES = 300, 2_600, 13_000
LATER_S = 1.0
PING_S = 0.01
"""How often it is looked whether the server answers, while it gets ready."""
INVOKED = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One case; all in milliseconds.

    Attributes:
        inside: from the handler's beginning to its end.
        trip: from the question to its answer; right after didOpen that includes reading the document.
        typed: inside, for the list after a key.
        again: inside, for another place of the same document.
        held: the longest that something else waited until then; 0 where nothing else was asked.
    """

    inside: float
    trip: float
    typed: float
    again: float
    held: float


async def measure(language: str, lines: int, later_s: float) -> Row:
    """Open a document in a fresh server, and ask for its actions."""
    environment = os.environ | {"TABBY_LSP_CONFIG": os.devnull}
    editor = await Editor.start(environment, Path(tempfile.mkdtemp()) / "log")
    try:
        await editor.initialize()
        await editor.status_is("ready", "no-model", "error")
        await asyncio.sleep(LATER_S)  # what is done at the start is over
        uri = f"file:///measured/file.{language}"
        functions = "".join(FUNCTIONS[language].format(i=i) for i in range(lines // 5))
        editor.open(uri, BEGINNINGS.get(language, "") + functions, language)
        held = await _pinged(editor, later_s) if later_s else 0.0
        inside, trip = await _asked(editor, uri, lines // 2 + 1)
        editor.edit(uri, 2, (lines // 2 + 1, 0), (lines // 2 + 1, 0), " ")
        typed, _ = await _asked(editor, uri, lines // 2 + 1)
        again, _ = await _asked(editor, uri, lines // 3 + 1)
        return Row(inside, trip, typed, again, held)
    finally:
        await editor.stop()


async def _asked(editor: Editor, uri: str, line: int) -> tuple[float, float]:
    """Ask for the actions at a line; milliseconds inside of the server, and for the whole trip."""
    place = {"line": line, "character": 2}
    context = {"diagnostics": [], "triggerKind": INVOKED}
    params = {"textDocument": {"uri": uri}, "range": {"start": place, "end": place}, "context": context}
    before, started = len(editor.said("$/logTrace")), time.perf_counter()
    offered = await editor.request("textDocument/codeAction", params)
    trip = (time.perf_counter() - started) * 1e3
    if not offered and uri:
        raise AssertionError(f"nothing is offered at line {line} of {uri}")
    told = [re.match(r"\d+ actions in ([\d.]+) ms", said["message"]) for said in editor.said("$/logTrace")[before:]]
    return next((float(found[1]) for found in told if found), 0.0), trip


async def _pinged(editor: Editor, seconds: float) -> float:
    """The longest trip of a question about nothing within some seconds, in milliseconds."""
    longest, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        longest = max(longest, (await _asked(editor, "", 0))[1])
        await asyncio.sleep(PING_S)
    return longest


async def main(languages: list[str]) -> None:
    """Print a table."""
    print(
        "| language | lines | asked | server, ms | round trip, ms | after a key, ms | again, ms | others held up, ms |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for language in languages or FUNCTIONS:
        for lines in SIZES:
            for name, later_s in ("at once", 0.0), ("1 s later", LATER_S):
                row = await measure(language, lines, later_s)
                figures = f"{row.inside:.1f} | {row.trip:.1f} | {row.typed:.1f} | {row.again:.1f}"
                held = f"{row.held:.0f}" if later_s else "-"
                print(f"| {language} | {lines:,} | {name} | {figures} | {held} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
