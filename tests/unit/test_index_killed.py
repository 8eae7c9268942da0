"""The process that indexes is killed, again and again; `tests/evals/kill_index.py` does it fifty times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "evals" / "kill_index.py"
TREE = Path(__file__).parents[2] / "tabby_lsp"


def test_five_kills_leave_what_a_clean_build_makes() -> None:
    run = subprocess.run(
        [sys.executable, str(SCRIPT), str(TREE), "--kills", "5", "--files", "80", "--processes", "0"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert told["killed"] == 5
    assert told["opened"] >= 5
    assert told["rows"]["chunks"] > 80
    assert told["differing"] == []
