"""How much memory this machine has for a model: a rough look, without loading llama.cpp or a GPU's libraries."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from contextlib import suppress

UNIFIED_SHARE = 2 / 3
"""Of an Apple Silicon machine's memory, what its GPU may use: Metal's recommended working set on small machines."""

QUERY_S = 5.0
"""Seconds for nvidia-smi; a sleeping GPU takes two."""


def memory_bytes() -> int:
    """Give the size of the main memory in bytes."""
    import psutil

    return psutil.virtual_memory().total


def gpu_bytes() -> int:
    """Give the memory in bytes of the largest GPU; 0 where none is found.

    Asked are nvidia-smi where it is on the PATH, and the machine's kind where it is a Mac. Other GPUs count as none
    here: that costs a smaller recommendation, never a wrong one.
    """
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return int(memory_bytes() * UNIFIED_SHARE)
    if program := shutil.which("nvidia-smi"):
        with suppress(OSError, subprocess.SubprocessError, ValueError):
            asked = subprocess.run(
                [program, "--query-gpu=memory.total", "--format=csv,noheader,nounits"],
                stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True, timeout=QUERY_S,
            )  # fmt: skip
            return max(int(line) for line in asked.stdout.split()) * 1024 * 1024
    return 0
