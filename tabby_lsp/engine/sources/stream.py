"""A file over HTTP, continued where it broke off: what the sources behind an address have in common.

The standard library does the work, so that proxies and certificates come from the environment as everywhere else,
and no client library's version matters. Ranges and validators are those of RFC 9110, sections 13.1.5 and 14.
"""

from __future__ import annotations

import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from typing import IO, Protocol
from urllib.parse import urlsplit

from tabby_lsp import __version__
from tabby_lsp.engine.disk import format_size
from tabby_lsp.engine.sources.transfer import CHUNK_BYTES, Transfer
from tabby_lsp.errors import SourceFailed

SILENCE_S = 10.0
"""Seconds without a connection, or without a byte, after which an attempt is given up."""

PAUSES_S = (0.5, 2.0, 5.0)
"""Seconds between attempts that brought nothing new; when they are used up, so is the source."""

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that say "not now" rather than "not here"."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to ask, and what to send along.

    Args:
        url: an http or https address.
        headers: sent to this address, and not to where it redirects.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class _Response(Protocol):
    @property
    def status(self) -> int | None: ...
    @property
    def headers(self) -> Message: ...
    def read(self, amount: int, /) -> bytes: ...
    def close(self) -> None: ...


class _Broken(Exception):
    """The transfer stopped early in a way that another attempt may mend."""


class _Unreached(_Broken):
    """There was no answer at all."""


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Follow redirects, but never from an encrypted address to an open one."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.HTTPError(newurl, code, "redirected from https to an open address", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def stream(locate: Callable[[], Address], transfer: Transfer) -> None:
    """Bring a file here, continuing after breaks as long as each attempt brings something new.

    Args:
        locate: gives the address; asked again before every attempt, since signed addresses expire.
        transfer: takes the bytes.

    Raises:
        SourceFailed: the server does not deliver them.
        ModelCorrupt: it delivers another size than was promised.
    """
    opener = urllib.request.build_opener(_NoDowngrade, urllib.request.HTTPSHandler(context=_trust()))
    pauses = iter(PAUSES_S)
    arrived = 0
    while True:
        before = transfer.done
        try:
            _attempt(opener, locate(), transfer)
            return
        except _Broken as broken:
            new = max(transfer.done - before, 0)
            arrived += new
            if new:
                pauses = iter(PAUSES_S)
            pause = next(pauses, None)
            if pause is None or (isinstance(broken, _Unreached) and not arrived):
                raise SourceFailed(f"{broken}.") from broken
            _wait(pause, transfer)


def _attempt(opener: urllib.request.OpenerDirector, address: Address, transfer: Transfer) -> None:
    start = transfer.done
    if transfer.size is not None and start >= transfer.size:
        if start == transfer.size:  # everything came, and then the process ended before it was verified
            return
        transfer.discard()
        start = 0
    validator = str(transfer.recall().get("validator", ""))
    if start and not (validator or transfer.sha256):
        start = 0  # nothing could tell whether the rest belongs to the same file
    response = _open(opener, address, transfer, start, validator)
    try:
        if response.status == 416:  # only let through where the file ends at `start`
            return
        start, total = _extent(response, start)
        transfer.promise(size=total)
        _note_validator(response, transfer)
        with transfer.writing(start) as append:
            while chunk := _read(response):
                append(chunk, "downloading")
    finally:
        response.close()
    if transfer.size is not None and transfer.done < transfer.size:
        raise _Broken(f"the transfer broke off after {format_size(transfer.done)} of {format_size(transfer.size)}")


def _open(
    opener: urllib.request.OpenerDirector, address: Address, transfer: Transfer, start: int, validator: str
) -> _Response:
    request = urllib.request.Request(  # noqa: S310  UrlSource checks the scheme, the hub's library chooses its own
        address.url, headers={"User-Agent": f"tabby-lsp/{__version__}", "Accept-Encoding": "identity"}
    )
    for name, value in address.headers.items():
        request.add_unredirected_header(name, value)
    if start:
        request.add_header("Range", f"bytes={start}-")
        if validator:
            request.add_header("If-Range", validator)
    transfer.report(start, "downloading")
    try:
        return opener.open(request, timeout=SILENCE_S)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and start:
                if (error.headers.get("Content-Range") or "").strip() == f"bytes */{start}":
                    return error
                transfer.discard()
                raise _Broken("the server's file is another one than before") from None
            if error.code in PASSING:
                raise _Broken(f"the server answered {error.code} {error.reason}") from error
            raise SourceFailed(f"The server answered {error.code} {error.reason}.") from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise _Unreached(f"no connection to {urlsplit(address.url).hostname} ({reason})") from error


def _extent(response: _Response, start: int) -> tuple[int, int | None]:
    """Read from the reply's head where its body starts in the file, and how long the file is."""
    if response.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", (response.headers.get("Content-Range") or "").strip())
        if found is None or int(found[1]) != start:
            raise SourceFailed(f"The server answered with another range than the one asked for (from byte {start}).")
        return start, None if found[2] == "*" else int(found[2])
    length = response.headers.get("Content-Length") or ""
    return 0, int(length) if length.isdigit() else None


def _note_validator(response: _Response, transfer: Transfer) -> None:
    """Keep what If-Range needs next time; a weak tag does not promise equal bytes and must not be used there."""
    tag = response.headers.get("ETag") or ""
    validator = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified") or ""
    transfer.remember(validator=validator)


def _read(response: _Response) -> bytes:
    try:
        return response.read(CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(f"the connection broke ({error})") from error


def _wait(seconds: float, transfer: Transfer) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        transfer.check()
        time.sleep(min(left, 0.1))


def _trust() -> ssl.SSLContext:
    """Trust what the system trusts, and Mozilla's list where a Python brings no system list (python.org on macOS)."""
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath or context.cert_store_stats()["x509_ca"]):
        with suppress(ImportError):
            import certifi

            context.load_verify_locations(certifi.where())
    return context
