"""Trees of files on disk, with and without git, and what a walk finds in them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tabby_lsp.config import IndexSettings
from tabby_lsp.index.files.walk import look_at, walk

SETTINGS = IndexSettings()
IDENTITY = (
    "-c",
    "user.name=a",
    "-c",
    "user.email=a@b",
    "-c",
    "protocol.file.allow=always",
    "-c",
    "commit.gpgsign=false",
)


def run_git(folder: Path, *arguments: str) -> None:
    """Run git, with a name and nothing of the user's that could change what is tested."""
    subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True)


def write(root: Path, files: dict[str, str]) -> None:
    """Write files by their relative paths."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def walked(root: Path, settings: IndexSettings = SETTINGS) -> list[str]:
    """The paths that a walk finds, which must be those that looking at each file finds."""
    paths = [found.path for found in walk(root, settings).files]
    everything = [str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()]
    assert sorted(found.path for found in look_at(root, everything, settings)) == paths
    return paths
