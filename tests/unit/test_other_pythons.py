"""Newer Pythons, where the machine has one: what is written in Python alone does there what it does here.

They have none of the packages; those that are Python alone serve any, so they are lent this one's. Each test is for a
fault that this Python cannot show: from 3.12 on every model of the catalogue was refused.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NEWER = [f"3.{minor}" for minor in range(12, 15) if sys.version_info < (3, minor)]
LENT = os.pathsep.join([str(REPOSITORY), sysconfig.get_path("purelib")])


def python(version: str) -> str:
    """The interpreter of a version; a manager's shim of one that is not chosen does not count."""
    managed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    installed = [str(path) for path in managed.glob(f"{version}.*/bin/python")]
    for found in (shutil.which(f"python{version}"), *installed):
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    return pytest.skip(f"there is no Python {version} here")


@pytest.mark.parametrize("version", NEWER)
@pytest.mark.parametrize("command", [("models", "list"), ("config", "reference"), ("config", "check")], ids=" ".join)
def test_the_command_line_says_the_same(version: str, command: tuple[str, ...], tmp_path: Path) -> None:
    kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    environment = {**kept, "PYTHONPATH": LENT, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    here, there = (
        subprocess.run(
            [found, "-W", "error::DeprecationWarning:tabby_lsp", "-m", "tabby_lsp", *command],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        for found in (sys.executable, python(version))
    )
    assert (there.returncode, there.stdout, there.stderr) == (here.returncode, here.stdout, here.stderr)
    assert here.stdout
