"""Which folder holds the tables that answer, and which one those that are being built.

    <directory>/current.json            the name of the folder that answers
    <directory>/<key>/meta.json         what its tables hold: schema, the embedder's identity, dimensions
    <directory>/<key>/*.lance

The key is made of what the tables depend on, so a build that was interrupted is found again and goes on. Both files
are written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tabby_lsp.engine.disk import write_whole
from tabby_lsp.index.store.damage import told
from tabby_lsp.index.store.rows import SCHEMA

POINTER = "current.json"
META = "meta.json"
DOOMED = ".doomed-"


@dataclass(frozen=True, slots=True)
class Generation:
    """What tables are made of.

    Attributes:
        identity: of the embedder; empty: there are no vectors.
        dimensions: of the vectors.
        schema: of the rows.
    """

    identity: str
    dimensions: int
    schema: int = SCHEMA

    @property
    def key(self) -> str:
        """The name of its folder."""
        text = json.dumps(asdict(self), sort_keys=True)
        return "g" + hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def current(directory: Path) -> Generation | None:
    """What answers now; None where there is nothing, or nothing that this program can read."""
    try:
        name = json.loads((directory / POINTER).read_text("utf-8"))["folder"]
        generation = Generation(**json.loads((directory / name / META).read_text("utf-8")))
        readable = generation.schema == SCHEMA and generation.key == name
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return generation if readable else None


def begin(directory: Path, generation: Generation) -> Path:
    """Make, or find again, the folder of a build."""
    folder = directory / generation.key
    with told(directory):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / META, json.dumps(asdict(generation)))
    return folder


def make_current(directory: Path, generation: Generation) -> None:
    """Have a folder answer from now on."""
    with told(directory):
        write_whole(directory / POINTER, json.dumps({"folder": generation.key}))


def discard(folder: Path) -> None:
    """Delete a folder. It is renamed first, so that a deletion that is broken off leaves nothing half."""
    doomed = folder.with_name(f"{DOOMED}{os.getpid()}-{folder.name}")
    with suppress(OSError):
        shutil.rmtree(doomed, ignore_errors=True)
        folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def clean(directory: Path, keep: Path) -> None:
    """Delete the folders of all other generations."""
    for folder in list(directory.iterdir()):
        if folder.name.startswith(DOOMED):
            shutil.rmtree(folder, ignore_errors=True)
        elif folder != keep and (folder / META).exists():
            discard(folder)
