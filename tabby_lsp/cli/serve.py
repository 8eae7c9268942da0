"""`tabby-lsp [serve]`: the language server on stdio, or on a loopback port for debugging."""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Callable
from typing import NoReturn

LOOPBACK = "127.0.0.1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `serve`."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stdio", action="store_true", help="serve on stdin and stdout (the default)")
    how.add_argument("--tcp", type=int, metavar="PORT", help=f"serve one client on {LOOPBACK}:PORT, for debugging")
    how.add_argument("--ws", type=int, metavar="PORT", help="the same over a WebSocket (needs `tabby-lsp[ws]`)")


def run(args: argparse.Namespace) -> int:
    """Serve until the client says `exit`, closes the connection, or its process ends."""
    from tabby_lsp import log
    from tabby_lsp.config import LogSettings
    from tabby_lsp.lsp.server import TabbyServer

    log.configure(LogSettings())
    server = TabbyServer()
    if args.tcp is not None:
        server.start_tcp(LOOPBACK, args.tcp)
    elif args.ws is not None:
        server.start_ws(LOOPBACK, args.ws)
    else:
        server.start_io(*_own_stdio(server.end))
    server.end()


class _Stdin(io.BufferedReader):
    """stdin, and what happens when the client has closed it: asyncio would first wait for all of its threads."""

    def __init__(self, raw: io.RawIOBase, closed: Callable[[], NoReturn]) -> None:
        super().__init__(raw)
        self._closed_by_client = closed

    def readline(self, size: int | None = -1, /) -> bytes:
        return super().readline(size) or self._closed_by_client()

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size) or self._closed_by_client()


def _own_stdio(closed: Callable[[], NoReturn]) -> tuple[io.BufferedReader, io.FileIO]:
    """stdin and stdout for the protocol alone: whatever else writes to descriptor 1 goes to stderr."""
    protocol_out = io.FileIO(os.dup(1), "wb")
    os.dup2(2, 1)
    return _Stdin(io.FileIO(os.dup(0), "rb"), closed), protocol_out
