"""One attempt to bring one file here: what is expected of it, where its bytes go, and who wants to hear of it.

Sources write through a `Transfer` alone, so that limits, progress, cancelling and the disk's refusals are the same
for all kinds. Nothing here knows where bytes come from.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

from tabby_lsp.engine.disk import disk_faults, format_size, require_space, write_whole
from tabby_lsp.errors import DownloadError, ModelCorrupt, SourceFailed

CHUNK_BYTES = 1 << 20
"""Between two looks at whether the transfer was cancelled: 1 MiB is 1-100 ms on a network, under 1 ms on a disk."""

Phase = Literal["waiting", "downloading", "copying", "unpacking", "verifying"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is.

    Args:
        done: bytes of this phase that are through.
        total: bytes of this phase; None while that is not known.
        phase: what is being done.
        source: from where, in words.
    """

    done: int
    total: int | None
    phase: Phase
    source: str


class Cancelled(DownloadError):
    """Whoever asked no longer wants the file; what has arrived is kept."""

    def __init__(self) -> None:
        super().__init__("The pull was cancelled.", "Run it again to continue where it stopped.")


def ignore_progress(_: Progress) -> None:
    """Stand in where nobody watches."""


def never() -> bool:
    """Stand in where nobody cancels."""
    return False


def hash_file(path: Path, tick: Callable[[int], None]) -> str:
    """Compute a file's SHA-256.

    Args:
        path: the file.
        tick: called with the bytes read so far after every chunk; may raise to stop.

    Returns:
        64 lower-case hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    done = 0
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(4 * CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            tick(done)
    return digest.hexdigest()


class Transfer:
    """The state of one attempt.

    Args:
        part: where the bytes go until they are verified; its folder exists.
        label: the source, for people.
        size: bytes that the file will have; None where nobody has said so yet.
        sha256: the hash that the file must have; "" where nobody has said so yet.
        progress: told about every chunk.
        cancelled: asked between chunks.

    Attributes:
        resumed: whether bytes of an earlier attempt were kept.
    """

    def __init__(
        self,
        part: Path,
        *,
        label: str,
        size: int | None,
        sha256: str,
        progress: Callable[[Progress], None] = ignore_progress,
        cancelled: Callable[[], bool] = never,
    ) -> None:
        self.part = part
        self.label = label
        self.size = size
        self.sha256 = sha256
        self.resumed = self.done > 0
        self._progress = progress
        self._cancelled = cancelled
        self._shown = 0
        self._notes = part.with_suffix(".json")

    def check(self) -> None:
        """Stop here if the transfer was cancelled.

        Raises:
            Cancelled: it was.
        """
        if self._cancelled():
            raise Cancelled

    def report(self, done: int, phase: Phase) -> None:
        """Tell the watcher how far it is, and stop here if the transfer was cancelled.

        Args:
            done: bytes of the file; what is shown never runs backwards, though a wheel is unpacked after it came.
            phase: what is being done.

        Raises:
            Cancelled: it was.
        """
        self.check()
        self._shown = max(self._shown, done)
        self._progress(Progress(self._shown, self.size, phase, self.label))

    def promise(self, *, size: int | None, sha256: str = "") -> None:
        """Take what a source says about the file, before its bytes.

        Args:
            size: bytes, where it says so.
            sha256: the hash, where it says so.

        Raises:
            SourceFailed: the source has another file than the one that is expected.
            NoSpace: the file does not fit on the disk.
        """
        for name, expected, said in (("SHA-256", self.sha256, sha256), ("size", self.size, size)):
            if expected and said and expected != said:
                raise SourceFailed(f"It offers a file of {name} {said}, and {expected} is expected.")
        self.size = self.size or size
        self.sha256 = self.sha256 or sha256
        if self.size is not None:
            self.reserve(self.size - self.done)

    def reserve(self, needed: int) -> None:
        """Check that the disk has room.

        Args:
            needed: bytes that are about to be written.

        Raises:
            NoSpace: it has not.
        """
        require_space(self.part.parent, needed)

    @property
    def done(self) -> int:
        """Bytes in the part file."""
        try:
            return self.part.stat().st_size
        except OSError:
            return 0

    @contextmanager
    def writing(self, start: int) -> Iterator[Callable[[bytes, Phase], None]]:
        """Open the part file for writing; everything after `start` is dropped.

        Args:
            start: bytes of an earlier attempt to keep.

        Returns:
            A function that appends a chunk and reports it under a phase. It raises `Cancelled`, and `ModelCorrupt`
            when more arrives than the file may have, so that no source can fill the disk.
        """
        with disk_faults(self.part.parent):
            stream = self.part.open("r+b" if self.part.exists() else "w+b", buffering=0)
        with stream:
            with disk_faults(self.part.parent):
                stream.truncate(start)
                stream.seek(start)
            self.resumed = self.resumed and start > 0
            done = start

            def append(chunk: bytes, phase: Phase) -> None:
                nonlocal done
                if self.size is not None and done + len(chunk) > self.size:
                    raise ModelCorrupt(f"It sent more than the {format_size(self.size)} that are expected.")
                with disk_faults(self.part.parent):
                    _write_all(stream, chunk)
                done += len(chunk)
                self.report(done, phase)

            yield append
            with disk_faults(self.part.parent):
                os.fsync(stream.fileno())

    def scratch(self) -> Path:
        """Make an empty folder beside the part file, for what a source has to keep in between."""
        self._sweep()
        with disk_faults(self.part.parent):
            # a new name each time: a child of a process that was killed may still be writing to the old one
            return Path(tempfile.mkdtemp(dir=self.part.parent, prefix=f"{self.part.stem}.", suffix=".tmp"))

    def recall(self) -> dict[str, object]:
        """Read what an earlier attempt remembered; empty where there was none."""
        try:
            notes: object = json.loads(self._notes.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return cast("dict[str, object]", notes) if isinstance(notes, dict) else {}

    def remember(self, **notes: str | int) -> None:
        """Replace what a later attempt will recall; small values alone."""
        with disk_faults(self.part.parent):
            write_whole(self._notes, json.dumps(notes))

    def discard(self) -> None:
        """Drop everything that arrived, so that the next attempt starts at the first byte."""
        for path in (self.part, self._notes):
            path.unlink(missing_ok=True)
        self._sweep()
        self.resumed = False
        self._shown = 0

    def _sweep(self) -> None:
        for folder in self.part.parent.glob(f"{self.part.stem}.*.tmp"):
            shutil.rmtree(folder, ignore_errors=True)


def _write_all(stream: BinaryIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[stream.write(view) :]
