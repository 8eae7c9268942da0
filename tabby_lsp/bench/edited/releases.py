"""Bringing one pinned release here: wheels through the user's pip, npm tarballs from the registry that npm names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tabby_lsp.engine.disk import disk_faults
from tabby_lsp.engine.sources.pip import download_wheel, find_pip
from tabby_lsp.engine.sources.stream import Address, stream
from tabby_lsp.engine.sources.transfer import Transfer, hash_file
from tabby_lsp.errors import DownloadError, Offline, SourceFailed

PUBLIC_REGISTRY = "https://registry.npmjs.org/"
NPM_S = 20.0
"""Seconds for npm to tell its registry."""


@dataclass(frozen=True, slots=True)
class Release:
    """One archive.

    Attributes:
        package: its name.
        ecosystem: where it is from.
        version: exactly.
        sha256: of the archive, lower-case hexadecimal.
    """

    package: str
    ecosystem: Literal["pypi", "npm"]
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """Its name in the cache."""
        ending = "whl" if self.ecosystem == "pypi" else "tgz"
        return f"{re.sub(r'[^A-Za-z0-9]+', '-', self.package).strip('-')}-{self.version}.{ending}"


def folder() -> Path:
    """Where archives are kept."""
    import platformdirs

    return platformdirs.user_cache_path("tabby-lsp", appauthor=False) / "bench"


def bring(release: Release, say: Callable[[str], None], *, offline: bool = False) -> Path:
    """Fetch an archive, unless it is here.

    Args:
        release: which one.
        say: told if it is fetched.
        offline: whether the network must not be used.

    Returns:
        The verified archive.

    Raises:
        Offline: it would have to be fetched.
        DownloadError: it cannot be had, or has another hash.
    """
    path = folder() / release.file
    if path.is_file() and hash_file(path, lambda _: None) == release.sha256:
        return path
    if offline:
        raise Offline(f"{release.file} is not here, and `offline = true`.", "Use --repo with a repository of yours.")
    say(f"fetching {release.package} {release.version}")
    with disk_faults(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=path.parent, prefix="fetch-"))
    try:
        transfer = Transfer(scratch / "part", label=release.file, size=None, sha256="")
        got = FETCH[release.ecosystem](release, scratch, transfer)
        found = hash_file(got, lambda _: None)
        if found != release.sha256:
            raise DownloadError(
                f"{release.file} has the SHA-256 {found}, and {release.sha256} is expected.",
                "The index serves another file under this name; use --repo with a repository of yours.",
            )
        with disk_faults(path.parent):
            got.replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return path


def _wheel(release: Release, scratch: Path, transfer: Transfer) -> Path:
    return download_wheel(find_pip(scratch), f"{release.package}=={release.version}", scratch, transfer, 0)


def _tarball(release: Release, scratch: Path, transfer: Transfer) -> Path:
    del scratch
    name = release.package
    url = f"{registry().rstrip('/')}/{name}/-/{name.rpartition('/')[2]}-{release.version}.tgz"
    stream(lambda: Address(url), transfer)
    return transfer.part


FETCH: dict[str, Callable[[Release, Path, Transfer], Path]] = {"pypi": _wheel, "npm": _tarball}


def registry() -> str:
    """The address of the npm registry that is configured here.

    Raises:
        SourceFailed: it is no web address.
    """
    found = os.environ.get("NPM_CONFIG_REGISTRY") or ""
    if npm := shutil.which("npm"):
        with suppress(OSError, subprocess.SubprocessError):
            command = [npm, "config", "get", "registry"]
            done = subprocess.run(command, capture_output=True, check=True, timeout=NPM_S, text=True)
            found = done.stdout.strip() or found
    found = found if found and found != "undefined" else PUBLIC_REGISTRY
    if not found.startswith(("https://", "http://")):
        raise SourceFailed("npm's registry is no web address.", "Set it with `npm config set registry`.")
    return found
