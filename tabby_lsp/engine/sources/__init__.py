"""Places to get a model's bytes from: one module a kind, and one row here for each.

A source only writes bytes into the `Transfer` it is given; whether they are the right ones is decided elsewhere,
by their SHA-256. A new kind of provider is one new file in this folder and one new row in `KINDS`.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from tabby_lsp.engine.sources.file import FileSource
from tabby_lsp.engine.sources.hub import HubSource
from tabby_lsp.engine.sources.pypi import PypiSource
from tabby_lsp.engine.sources.transfer import Transfer
from tabby_lsp.engine.sources.url import UrlSource


class Source(Protocol):
    """What a kind of source offers; its fields are the keys of a catalogue entry's `[[model.sources]]`."""

    network: ClassVar[bool]
    """Whether it reaches beyond this machine, and is therefore left out while `offline = true`."""

    @property
    def label(self) -> str:
        """Name the place for people, and tell its unfinished transfers from other places'."""
        ...

    def fetch(self, transfer: Transfer) -> None:
        """Write the model's bytes into `transfer`, from where an earlier attempt ended if that is possible.

        Raises:
            SourceFailed: the bytes cannot be had here; another source may have them.
            ModelCorrupt: what is offered here is not what was promised.
            NoSpace: the disk is full.
            NotWritable: the folder cannot be written.
            Cancelled: the transfer was cancelled.
        """
        ...


KINDS: dict[str, type[Source]] = {
    "hub": HubSource,
    "pypi": PypiSource,
    "file": FileSource,
    "url": UrlSource,
}
