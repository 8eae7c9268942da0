"""`tabby-lsp [serve]`: the language server on stdio, or on a loopback port for debugging."""

from __future__ import annotations

import argparse
import os
import sys

LOOPBACK = "127.0.0.1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of `serve`."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stdio", action="store_true", help="serve on stdin and stdout (the default)")
    how.add_argument("--tcp", type=int, metavar="PORT", help=f"serve one client on {LOOPBACK}:PORT, for debugging")
    how.add_argument("--ws", type=int, metavar="PORT", help=f"the same over a WebSocket (needs `tabby-lsp[ws]`)")


def run(args: argparse.Namespace) -> int:
    """Serve until the client says `exit`, closes the connection, or its process ends."""
    from tabby_lsp import log
    from tabby_lsp.config import LogSettings
    from tabby_lsp.lsp.server import TabbyServer

    log.configure(LogSettings())
    server = TabbyServer()
    code = 0
    try:
        if args.tcp is not None:
            server.start_tcp(LOOPBACK, args.tcp)
        elif args.ws is not None:
            server.start_ws(LOOPBACK, args.ws)
        else:
            server.start_io(*_own_stdio())
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        server.model.stop()
        sys.stderr.flush()
        # llama.cpp's and OpenMP's threads may be at work: nothing of ours is left to save, so do not wait for them
        os._exit(code)
    return code


def _own_stdio() -> tuple[object, object]:
    """stdin and stdout for the protocol alone: whatever else writes to descriptor 1 goes to stderr."""
    protocol_out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return sys.stdin.buffer, protocol_out
