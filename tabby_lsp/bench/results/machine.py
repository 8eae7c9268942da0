"""Facts without which times mean nothing: the machine and the versions."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from tabby_lsp import __version__

GIBI = 1 << 30


def facts() -> dict[str, str]:
    """The machine's processor, cores and memory, and the versions that matter; no names of hosts or users."""
    found = {
        "cpu": _cpu(),
        "cores": f"{psutil.cpu_count(logical=False) or '?'} physical, {os.cpu_count()} logical",
        "memory": f"{psutil.virtual_memory().total / GIBI:.1f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "tabby-lsp": __version__,
    }
    with suppress(PackageNotFoundError):
        found["llama-cpp-python"] = version("llama-cpp-python")
    return found


def revision() -> str:
    """The commit of this program's own work tree, with a `+` where it has changes; empty where there is none."""
    here = Path(__file__).parent
    try:
        commit = _git(here, "rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git(here, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=True, timeout=10, text=True)
    return done.stdout.strip()


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
