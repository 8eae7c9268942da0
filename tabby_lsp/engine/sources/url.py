"""A file at a web address that a user's own catalogue names, such as a company's file server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from tabby_lsp.engine.sources.transfer import Transfer


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file behind HTTP.

    Args:
        url: `https://…` or `http://…`.
    """

    network: ClassVar[bool] = True

    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url must start with https:// or http:// and name a host, not {self.url!r}")

    @property
    def label(self) -> str:
        """Name the address, without the user name and password that may stand in it."""
        parts = urlsplit(self.url)
        return f"url {parts._replace(netloc=parts.netloc.rpartition('@')[2], query='').geturl()}"

    def fetch(self, transfer: Transfer) -> None:
        """Stream the file.

        Args:
            transfer: takes the bytes.

        Raises:
            SourceFailed: the server does not deliver them.
        """
        from tabby_lsp.engine.sources.stream import Address, stream

        stream(lambda: Address(self.url), transfer)
