"""The shared library: how its threads wait is decided before it loads, and its log goes into ours.

The module object itself is untyped (ctypes), so it is handed out as `Any` and stays within this folder.
"""

from __future__ import annotations

import collections
import ctypes
import functools
import logging
import os
import platform
import sys
from pathlib import Path
from typing import Any, Literal

logger = logging.getLogger(__name__)

WAITING: dict[str, dict[str, str]] = {
    "active": {"OMP_WAIT_POLICY": "active"},
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "auto": {"GOMP_SPINCOUNT": "300", "KMP_BLOCKTIME": "1"},
}
"""How OpenMP's threads wait for work. A thread that spins for long takes the core from whoever could let it go on:
beside busy processes a token took 400-550 ms (median) with 10,000 spins. 300 are as fast as endless spinning on an idle
machine (17 ms; sleeping at once: 33) and as fast as sleeping at once on a busy one (docs/decisions/0005)."""

ERROR = 4
"""ggml's log level for errors."""

faults: collections.deque[str] = collections.deque(maxlen=20)
"""The library's last errors: they say why a model could not be loaded."""

_keep: list[Any] = []  # ctypes callbacks must outlive the library's use of them


def prepare_threads(policy: Literal["passive", "active", "auto"]) -> None:
    """Set how OpenMP's threads wait. Has an effect only before the library is loaded; the user's own settings win.

    Args:
        policy: a row of `WAITING`.
    """
    if any(name in os.environ for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")):
        return
    os.environ.update(WAITING[policy])


@functools.cache
def load() -> Any:
    """Import llama_cpp once, with its log going to ours.

    Returns:
        The module `llama_cpp.llama_cpp`.
    """
    import llama_cpp.llama_cpp as lib

    @lib.llama_log_callback
    def log(level: int, text: bytes, _: object) -> None:
        line = text.decode("utf-8", "replace").rstrip()
        if level == ERROR:
            faults.append(line)
        if line.strip("."):
            # what matters comes back as a code and becomes an exception of ours; an abort is an "error" to it
            logger.debug("%s", line)

    _keep.append(log)
    lib.llama_log_set(log, ctypes.c_void_p(0))
    lib.llama_backend_init()
    return lib


def system_info() -> str:
    """What llama.cpp says of the CPU features it uses."""
    return load().llama_print_system_info().decode()


def has_amx() -> bool:
    """Whether llama.cpp would use AMX, whose tile set-up a current GCC build gets wrong (docs/decisions/0003)."""
    return "AMX_INT8 = 1" in system_info()


def can_offload() -> bool:
    """Whether this build can put layers on a GPU."""
    return bool(load().llama_supports_gpu_offload())


def build_name() -> str:
    """What the library is, for caches and reports: version, size and time of the file, and the machine."""
    import llama_cpp

    lib = load()
    path = getattr(lib._lib, "_name", "")
    try:
        stat = Path(path).stat()
        stamp = f"{stat.st_size}-{stat.st_mtime_ns}"
    except OSError:
        stamp = "unknown"
    return f"llama-cpp-python {llama_cpp.__version__} ({stamp}, {platform.machine()}, {sys.platform})"


class AbortFlag:
    """Ends a running `llama_decode` from another thread, without Python in between.

    llama.cpp asks an abort callback once a graph node. A Python callback would take the GIL hundreds of times a
    token; instead the C library's own `strlen` is the callback and its argument two bytes of ours: length 0 goes
    on, length 1 aborts. Where `strlen` cannot be had, cancelling waits for the end of the slice.
    """

    def __init__(self) -> None:
        self._bytes = ctypes.create_string_buffer(2)

    def install(self, lib: Any, context: Any) -> bool:
        """Give the flag to a context.

        Returns:
            False where this platform offers no C library to call.
        """
        try:
            library = ctypes.CDLL(None) if os.name == "posix" else ctypes.CDLL("msvcrt")
            address = ctypes.cast(library.strlen, ctypes.c_void_p).value
        except (OSError, AttributeError):
            return False
        self._callback = lib.ggml_abort_callback(address)
        lib.llama_set_abort_callback(context, self._callback, ctypes.addressof(self._bytes))
        return True

    def set(self, value: bool) -> None:
        """Abort what runs (True) or let it run (False)."""
        self._bytes[0] = b"\x01" if value else b"\x00"
