"""Running pip: finding one, giving it a wheel's name, watching what it writes, ending it.

pip belongs to the user: its configuration and environment decide where wheels come from, and nothing here overrides
them except what keeps it from asking questions, running code of packages, or filling a cache with our files.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from tabby_lsp.engine.disk import disk_faults, file_sizes
from tabby_lsp.engine.sources.transfer import Transfer
from tabby_lsp.errors import SourceFailed

POLL_S = 0.1
"""How often a running pip is looked at, in seconds."""

PROBE_S = 30.0
"""Seconds for a pip to tell its version; uv may first have to fetch one."""

OPTIONS = (
    "download",
    "--no-deps",
    "--only-binary=:all:",  # a source distribution would be built, which runs its code
    "--no-input",
    "--no-cache-dir",  # else pip's cache keeps a second copy of the model for good
    "--progress-bar=off",
    "--disable-pip-version-check",
)


def _own() -> Iterator[list[str]]:
    if sys.executable and importlib.util.find_spec("pip"):
        yield [sys.executable, "-m", "pip"]


def _on_path(program: str, *words: str) -> Callable[[], Iterator[list[str]]]:
    """Look in every folder of the PATH: the first python3 is often that of an environment without pip."""

    def find() -> Iterator[list[str]]:
        for folder in dict.fromkeys(os.get_exec_path()):
            if path := shutil.which(program, path=folder):
                yield [path, *words]

    return find


PIPS: tuple[Callable[[], Iterator[list[str]]], ...] = (
    _own,
    _on_path("python3", "-m", "pip"),
    _on_path("pip3"),
    _on_path("uv", "tool", "run", "pip"),
    _on_path("uvx", "pip"),
)
"""Where a pip may be, the nearest first: a virtual environment made by uv has none of its own."""


def find_pip(folder: Path) -> list[str]:
    """Find a pip that runs.

    Args:
        folder: an empty folder to run it in, so that no file of the current folder is imported.

    Returns:
        The words of its command, to which arguments are added.

    Raises:
        SourceFailed: there is none.
    """
    for command in (command for find in PIPS for command in find()):
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                [*command, "--version"],
                cwd=folder,
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
                timeout=PROBE_S,
            )
            return command
    raise SourceFailed(
        "There is no pip to fetch wheels with.",
        "Install one (`python -m ensurepip`, or `uv pip install pip`), or put uv on the PATH.",
    )


def download_wheel(pip: list[str], requirement: str, folder: Path, transfer: Transfer, done: int) -> Path:
    """Let pip fetch one wheel.

    Args:
        pip: its command, from `find_pip`.
        requirement: `name==version`.
        folder: an empty folder that takes the wheel and pip's temporary files.
        transfer: told of the bytes that arrive, and asked whether to go on.
        done: bytes that were there before this wheel, for the progress.

    Returns:
        The wheel's path, below `folder`.

    Raises:
        SourceFailed: pip does not get the wheel.
        NoSpace: the disk is full.
        Cancelled: the transfer was cancelled; pip is ended.
    """
    with disk_faults(folder):
        target, temporary = folder / "wheel", folder / "tmp"
        target.mkdir()
        temporary.mkdir()
    command = [*pip, *OPTIONS, "--dest", str(target), requirement]
    with tempfile.TemporaryFile(dir=folder) as output:
        child = subprocess.Popen(
            command,
            cwd=target,
            env=_environment(temporary),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            while child.poll() is None:
                # the largest file is the wheel, wherever pip has it at the moment
                transfer.report(done + max(file_sizes(folder), default=0), "downloading")
                time.sleep(POLL_S)
        finally:
            _end(child)
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    wheels = sorted(target.glob("*.whl"))
    if child.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    if os.strerror(errno.ENOSPC) in said:
        with disk_faults(folder.parent):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    raise SourceFailed(f"pip could not get {requirement}: {_reason(said)}")


def _environment(temporary: Path) -> dict[str, str]:
    # a pip outside of virtual environments may be configured to refuse work there; nothing is installed here
    return {**os.environ, "TMPDIR": str(temporary), "PIP_REQUIRE_VIRTUALENV": "false", "PYTHONDONTWRITEBYTECODE": "1"}


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a child and what it started, if they still run."""
    if child.poll() is not None:
        return
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, sent)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=5)
            return


def _reason(said: str) -> str:
    """Pick the sentence out of pip's output that tells why."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it said nothing"])[-1].rstrip(".") + "."
