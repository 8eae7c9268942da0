"""Contestants take turns: one script after another, never two models computing at once.

All stay alive in between, which costs memory and spares loading. Who begins changes from script to script, so that
whatever slowly changes on the machine falls on all alike.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tabby_lsp.bench.edited import edits
from tabby_lsp.bench.replay.clock import Clock
from tabby_lsp.bench.replay.typist import Screen, Typist
from tabby_lsp.bench.types import Contestant, Script, Session

SPIN = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))\n"
PATIENT_KEY_S = 0.2
SESSION_S = 6.0
"""Seconds for an answer, and until there is rest at a session's end, with the default model on 2 cores of a server;
for the expected duration alone."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes.

    Attributes:
        clock: when keys come.
        most_keys: of a file.
        load: processes that keep cores busy meanwhile.
    """

    clock: Clock
    most_keys: int = 150
    load: int = 0


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep cores busy with so many processes; they end with the block, and with this process in any case."""
    children = [subprocess.Popen([sys.executable, "-c", SPIN], stdin=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()


def expected_s(scripts: Sequence[Script], plan: Plan, contestants: int) -> float:
    """Seconds that a run takes in which nothing is accepted."""
    seconds = SESSION_S * len(scripts)
    for script in scripts:
        left = plan.most_keys
        for number, hunk in enumerate(script.hunks):
            if left > 0 and edits.worth_typing(hunk):
                count = len(edits.keys(hunk.typed))
                share = min(1.0, left / count)
                whole = plan.clock.expected_s(script.name, number, hunk.typed) if plan.clock.typing else 0.0
                seconds += share * (whole or PATIENT_KEY_S * count)
                left -= count
    return seconds * contestants


async def run(
    contestants: Sequence[Contestant],
    scripts: Sequence[Script],
    plan: Plan,
    sessions: list[Session],
    report: Callable[[str], None],
) -> None:
    """Replay all scripts with all contestants.

    Args:
        contestants: not started; they are stopped at the end, however it comes.
        scripts: the edits.
        plan: how.
        sessions: takes each finished session, so that an interrupted run has what there is.
        report: told of the progress, a line at a time.
    """
    screens = [Screen(contestant) for contestant in contestants]
    try:
        for screen in screens:
            report(f"starting {screen.contestant.name}")
            await screen.start()
            await screen.contestant.idle()
        with busy(plan.load):
            for number, script in enumerate(scripts):
                for screen in screens if number % 2 == 0 else reversed(screens):
                    uri = (Path(script.folder or f"/replay/{number}") / script.name).as_uri()
                    session = await Typist(screen, script, plan.clock, uri, plan.most_keys).run()
                    sessions.append(session)
                    report(f"{number + 1}/{len(scripts)} {script.name} · {_summary(session)}")
    finally:
        for screen in screens:
            await screen.contestant.stop()


def _summary(session: Session) -> str:
    taken = sum(len(key.typed) for key in session.keys if key.accepted)
    typed = sum(len(key.typed) for key in session.keys)
    return f"{session.contestant}: {len(session.keys)} keys for {typed} characters, {taken} of them accepted"
