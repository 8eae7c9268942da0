"""The repositories of edited files as they were before the edits, in a folder each: what an editor has open.

They change as their author's does: a file that is done is saved, and the next one is edited beside it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from tabby_lsp.bench.types import Script

FilesOf = Callable[[str], Mapping[str, bytes]]
"""The files of a source's repository before the edits, by path; the source is a script's."""


@contextmanager
def unpacked(scripts: Sequence[Script], files_of: FilesOf) -> Iterator[tuple[list[Script], list[Path]]]:
    """Write the repositories of scripts into folders that are removed with the block.

    Args:
        scripts: the edits.
        files_of: gives the files of each source.

    Yields:
        The scripts with their folders, and the folders.
    """
    with tempfile.TemporaryDirectory(prefix="tabby-lsp-replay-") as top:
        folders: dict[str, Path] = {}
        for script in scripts:
            if script.source not in folders:
                folder = folders[script.source] = Path(top).resolve() / str(len(folders))
                folder.mkdir()
                for name, data in files_of(script.source).items():
                    _write(folder, name, data)
        yield [replace(script, folder=str(folders[script.source])) for script in scripts], list(folders.values())


def save(script: Script) -> None:
    """Write a file as it is after all edits of its source, into its folder."""
    _write(Path(script.folder), script.name, script.after.encode())


def _write(folder: Path, name: str, data: bytes) -> None:
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts:
        return  # no repository that an editor would open has such a file
    path = folder / inside
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
