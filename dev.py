#!/usr/bin/env python3
"""Set up and do one thing, from a fresh clone: `python3 dev.py try | test | check`.

    try     set up, fetch the model, and show a suggestion for a file of this repository
    test    set up, fetch the model, and run all tests
    check   set up and run formatter, linter, type checker, layer rules and all tests

Needs Python 3.11 or newer, a C++ compiler and a package index; nothing else is imported here. Everything goes into
`.venv` beside this file, the model into the user's cache folder. llama.cpp is compiled on the first run: 5 to 15
minutes on two cores; pip keeps the result, so later runs take seconds. `CMAKE_ARGS` chooses a GPU build: see
docs/install.md.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
LEAN_BUILD = "-DLLAVA_BUILD=OFF"
"""Images and speech are not what this is for."""

TEST = ["pytest", "-ra"]
TASKS: dict[str, list[list[str]]] = {
    "try": [
        ["tabby-lsp", "models", "pull", "qwen2.5-coder-0.5b-instruct"],
        ["tabby-lsp", "complete", "docs/example.py:19:9"],
    ],
    "test": [["tabby-lsp", "models", "pull", "qwen2.5-coder-0.5b-instruct"], TEST],
    "check": [
        ["ruff", "format", "--check", "."],
        ["ruff", "check", "."],
        ["pyright"],
        ["lint-imports"],
        ["tabby-lsp", "models", "pull", "qwen2.5-coder-0.5b-instruct"],
        TEST,
    ],
}
GROUPS = {"try": None, "test": "test", "check": "dev"}


def main() -> int:
    """Set up what the task needs, then run its commands; the first failure ends it."""
    task = sys.argv[1] if len(sys.argv) > 1 else ""
    if task not in TASKS:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.version_info < (3, 11):  # noqa: UP036 - this file may be run by an older one
        print("tabby-lsp needs Python 3.11 or newer.", file=sys.stderr)
        return 1
    if not any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++")):
        print(
            "A C++ compiler is needed: `apt install g++` on Debian, `xcode-select --install` on macOS.", file=sys.stderr
        )
        return 1
    set_up(GROUPS[task])
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    for command in TASKS[task]:
        print(f"$ {' '.join(command)}", flush=True)
        extra = sys.argv[2:] if command is TEST else []
        program = shutil.which(command[0], path=path) or command[0]
        code = subprocess.run([program, *command[1:], *extra], cwd=HERE, env={**os.environ, "PATH": path}).returncode
        if code:
            return code
    return 0


def set_up(group: str | None) -> None:
    """A virtual environment with the project and one dependency group; nothing is done where nothing has changed."""
    stamp = VENV / f".set-up-{group or 'run'}"
    wanted = hashlib.sha256((HERE / "pyproject.toml").read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not (BIN / "pip").exists() and not (BIN / "pip.exe").exists():
        print("Making .venv …", flush=True)
        try:
            venv.create(VENV, with_pip=True)
        except (subprocess.CalledProcessError, ImportError):
            shutil.rmtree(VENV, ignore_errors=True)
            sys.exit("Python cannot make a virtual environment: `apt install python3-venv` on Debian, then again.")
    print(
        "Installing; llama.cpp is compiled where pip has no build of it yet (5 to 15 minutes on two cores) …",
        flush=True,
    )
    env = {**os.environ, "CMAKE_ARGS": os.environ.get("CMAKE_ARGS", LEAN_BUILD)}
    pip = [str(BIN / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    # groups came with pip 25.1, and Debian's is older
    subprocess.run([*pip, "--upgrade", "pip>=25.1"], check=True, env=env)
    chosen = ["--group", f"{HERE / 'pyproject.toml'}:{group}"] if group else []
    if subprocess.run([*pip, "--editable", str(HERE), *chosen], env=env).returncode:
        sys.exit("The installation failed; what pip said stands above.")
    stamp.write_text(wanted)


if __name__ == "__main__":
    sys.exit(main())
