"""Bytes that are on this machine already: a file, or a folder that holds one under the model's file name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tabby_lsp.engine.disk import is_folder
from tabby_lsp.engine.sources.transfer import CHUNK_BYTES, Transfer
from tabby_lsp.errors import SourceFailed


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file that is copied; it stays where it is.

    Args:
        path: the file, or the folder that holds it; absolute, or below `~`.
        file: the file's name, where `path` is a folder.
    """

    network: ClassVar[bool] = False

    path: str
    file: str = ""

    def __post_init__(self) -> None:
        if not Path(self.path).expanduser().is_absolute():
            raise ValueError(f"path must be absolute or start with ~, not {self.path!r}")

    @property
    def label(self) -> str:
        """Name the file."""
        return f"file {self.location}"

    @property
    def location(self) -> Path:
        """Where the bytes are."""
        path = Path(self.path).expanduser()
        return path / self.file if self.file and is_folder(path) else path

    def fetch(self, transfer: Transfer) -> None:
        """Copy the file; a copy starts anew each time, since reading it again costs little.

        Args:
            transfer: takes the bytes.

        Raises:
            SourceFailed: the file cannot be read.
        """
        transfer.discard()
        try:
            with self.location.open("rb") as stream:
                transfer.promise(size=os.fstat(stream.fileno()).st_size)
                with transfer.writing(0) as append:
                    while chunk := stream.read(CHUNK_BYTES):
                        append(chunk, "copying")
        except OSError as error:  # writing raises our own errors, so this is reading
            raise SourceFailed(f"{self.location} cannot be read ({error.strerror}).") from error
