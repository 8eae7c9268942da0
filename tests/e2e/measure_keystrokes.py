"""What a keystroke costs, over stdio: `python tests/e2e/measure_keystrokes.py`, for docs/measurements.md.

No test: times are of one machine and one moment. The counts beside them are held by test_requests.py.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from e2e.wire import Editor, hole

BLOCK = "".join(f"def f{i}(x, y):\n    total = x * {i} + y\n    return total\n\n\n" for i in range(60))
HOLE = (
    "def average(values):\n    total = 0.0\n    for value in values:\n        █\n    return total / len(values)\n\n\n"
)
TYPED = "result = max(values, key=len) or 0"
URI = "file:///measured.py"
STARTS = 5


async def main() -> None:
    """Start some servers, then type a line into one of them."""
    environment, log = os.environ | {"TABBY_LSP_CONFIG": os.devnull}, Path(tempfile.mkdtemp()) / "log"
    starts: list[float] = []
    for _ in range(STARTS):
        started = time.perf_counter()
        editor = await Editor.start(environment, log)
        await editor.initialize()
        starts.append(time.perf_counter() - started)
        await editor.stop()
    print("initialize, s:", [round(seconds, 2) for seconds in sorted(starts)])

    editor = await Editor.start(environment, log)
    await editor.initialize()
    await editor.status_is("ready")
    text, line, character = hole(BLOCK + HOLE + BLOCK)
    editor.open(URI, text)
    started = time.perf_counter()
    cold = await editor.complete(URI, line, character)
    print(f"cold: {cold.details['evaluated']} tokens evaluated, {time.perf_counter() - started:.1f} s")

    asked: list[tuple[int, float]] = []
    along: list[float] = []
    for version, typed in enumerate(TYPED, start=2):
        editor.edit(URI, version, (line, character), (line, character), typed)
        character += 1
        started = time.perf_counter()
        answer = await editor.complete(URI, line, character)
        milliseconds = (time.perf_counter() - started) * 1e3
        if answer.reason == "typed-along":
            along.append(milliseconds)
        else:
            asked.append((answer.details["evaluated"], milliseconds))
    evaluated = [tokens for tokens, _ in asked]
    print(f"keys: {len(TYPED)}, typed along: {len(along)} ({statistics.median(along):.0f} ms)")
    print(f"asked: {len(asked)}, evaluated {statistics.mean(evaluated):.1f} on average, {max(evaluated)} at most")
    print(f"median when asked: {statistics.median(ms for _, ms in asked):.0f} ms")
    await editor.stop()


if __name__ == "__main__":
    asyncio.run(main())
