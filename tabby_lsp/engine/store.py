"""The models folder: which files are there, whether they are the right bytes.

The folder is the user's cache, so it may be missing, read-only, or changed by hand at any time: reading it never
fails for that. Only `download.py` puts models into it; nothing here opens the network.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from tabby_lsp.config import Settings
from tabby_lsp.engine.catalog import Catalog, Model
from tabby_lsp.engine.disk import disk_faults, file_sizes, is_locked, is_there, locked, write_whole
from tabby_lsp.engine.sources.transfer import Progress, hash_file, ignore_progress
from tabby_lsp.errors import ModelCorrupt, ModelMissing

RECORDS = "hashes.json"
LOCKS = ".locks"
PARTS = ".parts"

STALE_DAYS = 14
"""Age after which what is left of a broken pull is dropped: it is only worth its disk space if the pull is resumed."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of a file since it was verified.

    Args:
        sha256: lower-case hexadecimal.
        size: bytes.
        mtime_ns: when it was last changed, in nanoseconds since 1970; with the size it tells whether it still is
            the file that was verified, without reading it again.
        source: where it came from, for people.
    """

    sha256: str
    size: int
    mtime_ns: int
    source: str


@dataclass(frozen=True, slots=True)
class Installed:
    """A model file in the folder.

    Args:
        name: the catalogue's name; for other files the file's own, without its ending.
        path: where it is.
        size: bytes.
        entry: the catalogue entry; None for a file that a person put there.
        whole: False where the size already tells that it is damaged.
    """

    name: str
    path: Path
    size: int
    entry: Model | None
    whole: bool


def default_directory() -> Path:
    """Give the folder for models: the environment's TABBY_LSP_MODELS, else one in the user's cache."""
    if named := os.environ.get("TABBY_LSP_MODELS"):
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("tabby-lsp", appauthor=False) / "models"


class ModelStore:
    """A folder with model files.

    Args:
        directory: the folder, which need not exist; None: `default_directory()`.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = default_directory() if directory is None else directory

    @classmethod
    def of(cls, settings: Settings) -> ModelStore:
        """Open the folder that the settings name; TABBY_LSP_MODELS goes before them, as a choice for one run."""
        named = settings.model.directory
        return cls(Path(named).expanduser() if named and not os.environ.get("TABBY_LSP_MODELS") else None)

    def path(self, model: Model) -> Path:
        """Give the place of a model's file, whether or not it is there."""
        return self.directory / model.file

    def installed(self, catalog: Catalog) -> tuple[Installed, ...]:
        """List the model files that are there, the best for completion first; a missing folder has none.

        Args:
            catalog: tells which files are known.
        """
        found: list[Installed] = []
        for path in self._entries():
            if path.suffix != ".gguf":
                continue
            with suppress(OSError):
                size, entry = path.stat().st_size, catalog.holder(path.name)
                whole = size > 0 and (entry is None or entry.size is None or entry.size == size)
                found.append(Installed(entry.name if entry else path.stem, path, size, entry, whole))
        nothing_known = (False, False, 0.0, False)
        found.sort(key=lambda item: item.entry.rank if item.entry else nothing_known, reverse=True)
        return tuple(found)

    def unfinished(self) -> Mapping[str, int]:
        """Tell which files a pull was broken off for, or is bringing now: their names and the bytes on the disk."""
        return {
            path.name.removesuffix(PARTS): sum(file_sizes(path)) for path in self._entries() if path.suffix == PARTS
        }

    def record(self, file: str) -> Record | None:
        """Recall what was remembered when a file was verified last, even if it was removed since.

        Args:
            file: its name in the folder.
        """
        return self._records().get(file)

    def expected_hash(self, model: Model) -> str:
        """Give the SHA-256 that a model's file must have: the catalogue's, else the first download's, else ""."""
        record = self.record(model.file)
        return model.sha256 or (record.sha256 if record else "")

    def is_intact(self, model: Model) -> bool:
        """Whether the file is there and unchanged since it was verified; looks at size and time alone."""
        record = self.record(model.file)
        try:
            found = self.path(model).stat()
        except OSError:
            return False
        same = record is not None and (record.size, record.mtime_ns) == (found.st_size, found.st_mtime_ns)
        return same and record is not None and record.sha256 == self.expected_hash(model)

    def verify(self, model: Model, progress: Callable[[Progress], None] = ignore_progress) -> str:
        """Read a model's file and compare its SHA-256.

        Args:
            model: which one.
            progress: told how much was read; may raise to stop.

        Returns:
            The SHA-256. Where none was known it is now the one that later files are held to.

        Raises:
            ModelMissing: there is no file.
            ModelCorrupt: it is not the file that was promised; it is left where it is.
        """
        path, expected = self.path(model), self.expected_hash(model)
        try:
            size = path.stat().st_size
            found = hash_file(path, lambda done: progress(Progress(done, size, "verifying", str(path))))
        except OSError as error:
            raise ModelMissing(
                f"{model.name} cannot be read: {path} ({error.strerror}).", f"Run `tabby-lsp models pull {model.name}`."
            ) from error
        if expected and found != expected:
            raise ModelCorrupt(
                f"{path} has SHA-256 {found}, and {expected} is expected.",
                f"Run `tabby-lsp models pull {model.name}` to fetch it again.",
            )
        record = self.record(model.file)
        with suppress(Exception):  # a read-only folder: the answer stands, it is only not remembered
            self.remember(model, found, record.source if record else "found in the folder")
        return found

    def remove(self, model: Model, *, forget: bool = False) -> int:
        """Delete a model's file and what broken pulls left of it.

        Args:
            model: which one.
            forget: also forget the hash of the first download, so that the next may bring another file.

        Returns:
            Bytes that were freed.

        Raises:
            ModelMissing: there is nothing to remove.
            NotWritable: the folder cannot be written.
        """
        path, parts = self.path(model), self.parts(model)
        known = forget and self.record(model.file) is not None
        if not (os.path.lexists(path) or is_there(parts) or known):
            raise ModelMissing(f"{model.name} is not in {self.directory}.", "`tabby-lsp models list` shows what is.")
        with self.lock(model):
            freed = sum(file_sizes(path)) + sum(file_sizes(parts))
            with disk_faults(self.directory):
                path.unlink(missing_ok=True)
                if parts.exists():
                    shutil.rmtree(parts)
            if forget:
                self._update(lambda records: records.pop(model.file, None))
        return freed

    def prepare(self) -> None:
        """Make the folder.

        Raises:
            NotWritable: it cannot be made or written.
        """
        with disk_faults(self.directory):
            (self.directory / LOCKS).mkdir(parents=True, exist_ok=True)

    def parts(self, model: Model) -> Path:
        """Give the folder for what has arrived of a model and is not verified yet."""
        return self.directory / f"{model.file}{PARTS}"

    @contextmanager
    def lock(self, model: Model, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
        """Keep other processes from changing a model's file while the block runs; see `disk.locked`.

        Args:
            model: which one.
            waiting: called with the owner's process id while another process has it; may raise.

        Raises:
            NotWritable: the folder cannot be written.
        """
        self.prepare()
        with locked(self._lock_path(model.file), waiting=waiting):
            yield

    def remember(self, model: Model, sha256: str, source: str) -> None:
        """Record that a model's file was verified.

        Args:
            model: which one; its file is in the folder.
            sha256: of the file.
            source: where it came from.

        Raises:
            NotWritable: the folder cannot be written.
        """
        found = self.path(model).stat()
        record = Record(sha256, found.st_size, found.st_mtime_ns, source)
        if record != self.record(model.file):
            self._update(lambda records: records.__setitem__(model.file, record))

    def drop_stale(self) -> None:
        """Delete what is left of pulls that broke off `STALE_DAYS` ago and that no process has resumed."""
        oldest = time.time() - STALE_DAYS * 86_400
        for path in self._entries():
            if path.suffix != PARTS or is_locked(self._lock_path(path.name.removesuffix(PARTS))):
                continue
            with suppress(OSError):
                if max(inner.stat().st_mtime for inner in (path, *path.iterdir())) < oldest:
                    shutil.rmtree(path, ignore_errors=True)

    def _lock_path(self, file: str) -> Path:
        return self.directory / LOCKS / f"{file}.lock"

    def _entries(self) -> list[Path]:
        try:
            return sorted(self.directory.iterdir())
        except OSError:
            return []

    def _records(self) -> dict[str, Record]:
        try:
            raw: object = json.loads((self.directory / RECORDS).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        records: dict[str, Record] = {}
        for file, fields in cast("dict[str, object]", raw).items() if isinstance(raw, dict) else ():
            with suppress(TypeError):  # written by another version, or by hand: as good as not there
                records[file] = Record(**cast("dict[str, str]", fields))  # pyright: ignore[reportArgumentType]
        return records

    def _update(self, change: Callable[[dict[str, Record]], object]) -> None:
        self.prepare()
        with locked(self._lock_path(RECORDS)), disk_faults(self.directory):
            records = self._records()
            change(records)
            text = json.dumps({file: asdict(record) for file, record in sorted(records.items())}, indent=1)
            write_whole(self.directory / RECORDS, text + "\n")
