"""Makes neovim.png: a real Neovim in tmux with a suggestion of the real model, drawn by Chromium.

Needs `nvim` (0.11 or later), `tmux`, `chromium` and an installed model; run it as
`python docs/images/make_neovim.py`, with `NVIM` and `CHROMIUM` naming other binaries.
"""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
COLUMNS, ROWS = 84, 22
SOURCE = '''"""Small statistics, without numpy."""


def mean(numbers: list[float]) -> float:
    """Return the arithmetic mean of a list of numbers."""
    return sum(numbers) / len(numbers)


def median(numbers: list[float]) -> float:
    """Return the median of a list of numbers."""
    <hole>


if __name__ == "__main__":
    print(median([3.0, 1.0, 4.0, 1.0, 5.0]))
'''.replace("<hole>", "")
INIT = f"""
vim.opt.rtp:prepend({str(HERE.parents[1] / "editors" / "neovim")!r})
vim.o.termguicolors, vim.o.number, vim.o.fillchars = true, true, 'eob: '
vim.lsp.config('tabby_lsp', {{ cmd = {{ {sys.executable!r}, '-m', 'tabby_lsp' }} }})
require('tabby_lsp').setup()
vim.o.statusline = " %f %= %{{v:lua.require'tabby_lsp'.statusline()}}  %l:%c "
"""
PAGE = """<meta charset="utf-8"><style>
body {{ margin: 0; background: #14161b }}
pre {{ margin: 0; padding: 14px 18px; font: 18px/1.3 "DejaVu Sans Mono", monospace }}
</style><pre>{code}</pre>"""


def photograph(folder: Path) -> Text:
    """The terminal's content once a suggestion is visible."""
    (folder / "stats.py").write_text(SOURCE)
    (folder / "init.lua").write_text(INIT)
    nvim = f"{os.environ.get('NVIM', 'nvim')} --clean -n -u init.lua stats.py"

    def tmux(*command: str) -> str:
        return subprocess.run(
            ["tmux", "-S", folder / "socket", *command], check=True, capture_output=True, text=True
        ).stdout

    size = ["-x", str(COLUMNS), "-y", str(ROWS)]
    tmux("-f", os.devnull, "new-session", "-d", *size, "-c", str(folder), f"env COLORTERM=truecolor {nvim}")
    try:
        tmux("set", "-g", "default-terminal", "tmux-256color")
        until = time.monotonic() + 60
        while "tabby: ready" not in tmux("capture-pane", "-p"):
            assert time.monotonic() < until, tmux("capture-pane", "-p")
            time.sleep(0.2)
        tmux("send-keys", "11GA")
        unsuggested = SOURCE.split("if __name__")[0].count("\n")
        while tmux("capture-pane", "-p").split("if __name__")[0].count("\n") <= unsuggested:
            assert time.monotonic() < until, tmux("capture-pane", "-p")
            time.sleep(0.2)
        text = Text.from_ansi(tmux("capture-pane", "-e", "-p"))
        column, row = map(int, tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split())
        lines = text.split("\n", allow_blank=True)
        lines[row].stylize("#14161b on #e0e2ea", column, column + 1)
        return Text("\n").join(lines)
    finally:
        tmux("kill-server")


def main() -> None:
    """Write neovim.png beside this file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor", force_terminal=True)
        console.print(photograph(folder), end="")
        page = folder / "page.html"
        page.write_text(console.export_html(inline_styles=True, code_format=PAGE))
        browser = shlex.split(os.environ.get("CHROMIUM", "chromium"))
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=950,543"]
        subprocess.run([*browser, *options, f"--screenshot={HERE / 'neovim.png'}", page.as_uri()], check=True)


if __name__ == "__main__":
    main()
