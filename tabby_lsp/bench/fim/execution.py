"""pass@1: a completed program and its tests are run in a child with limits, and pass only when they reach their end.

What keeps the child apart, where the machine has it: no network and its own process ids (`unshare`), no privileges of
root (`setpriv`), the kernel's limits on time, memory, files and processes, an empty environment and an empty folder
of its own. It is a fence for what models write by accident, not for code that was written to break out.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CONFINED = Path(__file__).with_name("confined.py")
NOBODY = 65534
READ_ONLY = "-all,+dac_read_search"
"""Of root's privileges the child keeps the one to read: the interpreter may live under /root."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use.

    Attributes:
        cpu_s: processor seconds.
        memory: bytes of address space.
        file_size: bytes of one file.
        wall_s: seconds until it is killed, whatever it does.
    """

    cpu_s: int = 5
    memory: int = 512 << 20
    file_size: int = 1 << 20
    wall_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Fence:
    """What this machine offers to keep a child apart.

    Attributes:
        launcher: words before the interpreter.
        network: whether the child has no network at all.
    """

    launcher: tuple[str, ...]
    network: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a run.

    Attributes:
        passed: whether everything ran to its end.
        reason: `passed`, `time`, `killed` (by a limit, or it ended with a code of its own), `ended early` (as if all
            were well), or the name of the exception.
    """

    passed: bool
    reason: str


LIMITS = Limits()


def program_of(prefix: str, completion: str, suffix: str, middle: str, test: str, entry_point: str) -> str:
    """Put a completed program and its tests together, as the authors of HumanEval-Infilling do.

    A hole of whole lines ends with a line break that no editor would insert, because one stands there already; it is
    put back here.

    Args:
        prefix: before the hole.
        completion: what was suggested, all of it.
        suffix: after the hole.
        middle: what stood in the hole; only its last character counts.
        test: defines `check(candidate)`, or is all that is to be run where `entry_point` is empty.
        entry_point: the function that is passed to `check`.
    """
    if middle.endswith("\n") and not completion.endswith("\n"):
        completion += "\n"
    call = f"check({entry_point})\n" if entry_point else ""
    return f"{prefix}{completion}{suffix}\n{test}\n{call}"


def launchers() -> tuple[Fence, ...]:
    """The ways to start a child, the safest first; which of them work is tried."""
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    fences: list[Fence] = []
    drop: tuple[str, ...] = ()
    if os.geteuid() == 0 and setpriv:
        ids = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")
        sets = tuple(f"--{kind}={READ_ONLY}" for kind in ("inh-caps", "ambient-caps", "bounding-set"))
        drop = (setpriv, *ids, *sets)
    if unshare:
        user = () if drop else ("--map-current-user",)
        fences.append(Fence((unshare, *user, "--net", "--pid", "--fork", "--kill-child", *drop), network=True))
        if not drop:
            fences.append(Fence((unshare, "--map-root-user", "--net", "--pid", "--fork"), network=True))
    return (*fences, *((Fence(drop, network=False),) if drop else ()), Fence((), network=False))


@cache
def fence() -> Fence:
    """The safest way that works here, tried once."""
    for candidate in launchers():
        if execute("import heapq, math", within=candidate).passed:
            return candidate
    return Fence((), network=False)


def notice(within: Fence) -> str:
    """The line that says what `--execute` does on this machine."""
    limits = f"{LIMITS.cpu_s} s of CPU, {LIMITS.memory >> 20} MiB, no children, a folder of its own"
    network = "no network" if within.network else "the network is NOT cut off here: `unshare` does not work"
    return f"--execute: code that the model wrote is run on this machine ({limits}; {network})."


def execute(program: str, limits: Limits = LIMITS, within: Fence | None = None) -> Verdict:
    """Run a program in a child.

    Args:
        program: Python; whether its end is reached decides.
        limits: what it may use.
        within: how the child is kept apart; None: as well as this machine can.
    """
    within = fence() if within is None else within
    token = secrets.token_hex(16).encode()
    with tempfile.TemporaryDirectory(prefix="tabby-lsp-", ignore_cleanup_errors=True) as folder:
        source = Path(folder, "program.py")
        source.write_text(program, encoding="utf-8", errors="replace")
        if os.geteuid() == 0 and within.launcher:
            os.chown(folder, NOBODY, NOBODY)
        said, timed_out, code = _run(source, limits, within, token)
    if said == token:
        return Verdict(True, "passed")
    if timed_out:
        return Verdict(False, "time")
    if said:
        return Verdict(False, said.decode("ascii", "replace"))
    return Verdict(False, "killed" if code else "ended early")


def _run(source: Path, limits: Limits, within: Fence, token: bytes) -> tuple[bytes, bool, int]:
    """Start the child and wait for it; give what it said, whether it was killed for its time, and its exit code."""
    control, hand = os.pipe()
    result, mouth = os.pipe()
    numbers = (limits.cpu_s, limits.memory, limits.file_size, control, mouth, int(not within.network))
    command = (*within.launcher, sys.executable, "-I", "-S", str(CONFINED), str(source), *map(str, numbers))
    timed_out = False
    try:
        os.write(hand, token)
        os.set_blocking(result, False)
        try:
            child = subprocess.Popen(
                command,
                cwd=source.parent,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(control, mouth),
                start_new_session=True,
            )
        except OSError:  # the launcher is not there after all
            return b"", False, 127
        try:
            code = child.wait(limits.wall_s)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            with suppress(ProcessLookupError):  # its whole group, whatever the child itself has become
                os.killpg(child.pid, signal.SIGKILL)
            code = child.wait()
        with suppress(BlockingIOError):
            return os.read(result, 4096), timed_out, code
        return b"", timed_out, code
    finally:
        for descriptor in (control, hand, result, mouth):
            os.close(descriptor)
