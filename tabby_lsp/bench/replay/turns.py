"""Contestants take turns: one script after another, never two models computing at once.

When all have done a file it is saved as its author left it, and all are told: the next file is edited beside it.
All stay alive in between, which costs memory and spares loading. Who begins changes from script to script, so that
whatever slowly changes on the machine falls on all alike.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tabby_lsp.bench.edited import edits, workspaces
from tabby_lsp.bench.replay.clock import Clock
from tabby_lsp.bench.replay.typist import Screen, Typist
from tabby_lsp.bench.types import Contestant, Script, Session, State

SPIN = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))\n"
PATIENT_KEY_S = 0.2
SESSION_S = 6.0
"""Seconds for an answer, and until there is rest at a session's end, with the default model on 2 cores of a server;
for the expected duration alone."""
SEARCHABLE_S = 3.0
"""Seconds from a save until what was saved can be found: an index that is shared is looked at every two by those who
only read it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes.

    Attributes:
        clock: when keys come.
        most_keys: of a file.
        load: processes that keep cores busy meanwhile.
        searchable_s: seconds that each contestant has after a save, before it is waited for until it rests.
    """

    clock: Clock
    most_keys: int = 150
    load: int = 0
    searchable_s: float = SEARCHABLE_S


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
        left, first = plan.most_keys, True
        for number, hunk in enumerate(script.hunks):
            if left > 0 and edits.worth_typing(hunk):
                count = len(edits.keys(hunk.typed))
                share = min(1.0, left / count)
                clock = plan.clock
                whole = clock.expected_s(script.name, number, hunk.typed, first=first) if clock.typing else 0.0
                seconds += share * (whole or PATIENT_KEY_S * count)
                left, first = left - count, False
    return seconds * contestants + plan.searchable_s * sum(bool(script.folder) for script in scripts)


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
                uri = (Path(script.folder or f"/replay/{number}") / script.name).as_uri()
                for screen in screens if number % 2 == 0 else reversed(screens):
                    session = await Typist(screen, script, plan.clock, uri, plan.most_keys).run()
                    sessions.append(session)
                    report(f"{number + 1}/{len(scripts)} {script.name} · {_summary(session)}")
                await leave(script, screens, uri, plan.searchable_s)
    finally:
        for screen in screens:
            await screen.contestant.stop()


async def leave(script: Script, screens: Sequence[Screen], uri: str, searchable_s: float) -> None:
    """Have all contestants close a file, and save it as it is after all edits, where it is in a repository.

    It is closed only now: a server may tell the editor's own save by its following soon.

    Args:
        script: what was typed.
        screens: of the contestants.
        uri: of the document.
        searchable_s: how long they have then, at least.
    """
    for screen in screens:
        await screen.contestant.close(uri)
    if not script.folder:
        return
    workspaces.save(script)
    last = script.hunks[-1]
    line, column = edits.place(script.after, last.start + len(last.typed))
    for screen in screens:
        screen.contestant.saved(State(uri, script.language, screen.version, script.after, line, column))
    await asyncio.sleep(searchable_s)
    for screen in screens:
        await screen.contestant.idle()


def _summary(session: Session) -> str:
    taken = sum(len(key.typed) for key in session.keys if key.accepted)
    typed = sum(len(key.typed) for key in session.keys)
    return f"{session.contestant}: {len(session.keys)} keys for {typed} characters, {taken} of them accepted"
