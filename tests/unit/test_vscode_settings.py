"""The settings that the VS Code extension offers are the server's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "editors" / "vscode" / "contribute_settings.py"


def test_the_extension_offers_the_servers_settings() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run {SCRIPT}: {done.stdout}{done.stderr}"
