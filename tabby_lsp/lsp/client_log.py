"""window/logMessage: our own log records, from whichever thread, in the editor's log of this server."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from tabby_lsp.lsp.server import TabbyServer

LEVELS = (
    (logging.ERROR, types.MessageType.Error),
    (logging.WARNING, types.MessageType.Warning),
    (logging.INFO, types.MessageType.Info),
)
"""Lowest record level → the protocol's; what is below all of them stays in stderr and the log file."""


class ClientLog(logging.Handler):
    """Sends records to the client.

    Args:
        server: whose client.
        loop: where it may be written to.
    """

    def __init__(self, server: TabbyServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(logging.INFO)
        self._server = server
        self._loop = loop

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record, on the event loop."""
        kind = next(kind for level, kind in LEVELS if record.levelno >= level)
        params = types.LogMessageParams(kind, self.format(record))
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._server.window_log_message, params)


def start(server: TabbyServer) -> None:
    """Send the records of this package to the client from now on; call it on the event loop, after `initialized`."""
    ours = logging.getLogger("tabby_lsp")
    for handler in [handler for handler in ours.handlers if isinstance(handler, ClientLog)]:
        ours.removeHandler(handler)
    ours.addHandler(ClientLog(server, asyncio.get_running_loop()))
