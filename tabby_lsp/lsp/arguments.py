"""What the arguments of commands hold. A client may send anything, or nothing: whatever it is, it is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tabby_lsp.lsp.convert import path_from


def given(what: Sequence[Any]) -> dict[str, Any]:
    """The argument of a command, as an object; empty where it is none.

    Args:
        what: all arguments. It may be missing, which pygls takes for a fault unless a command collects them (`*what`).
    """
    return what[0] if what and isinstance(what[0], dict) else {}


def text(value: object) -> str:
    """A value that should be a text; "" where it is none."""
    return value if isinstance(value, str) else ""


def workspace_folder(folders: Sequence[Path], uri: str) -> Path | None:
    """The innermost folder of the workspace that holds a folder or a file; None: none does, or it is no file."""
    path = path_from(uri)
    holding = [folder for folder in folders if path and path.is_relative_to(folder)]
    return max(holding, key=lambda folder: len(folder.parts), default=None)
