"""workspace/executeCommand: each command returns at once, because Helix and eglot block on it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from tabby_lsp.lsp import configuration
from tabby_lsp.lsp.arguments import given

if TYPE_CHECKING:
    from tabby_lsp.completion.types import Suggestion
    from tabby_lsp.lsp.server import TabbyServer

ACCEPTED = "tabby-lsp.accepted"
STATISTICS = "tabby-lsp.statistics"
DOWNLOAD = "tabby-lsp.downloadModel"
RESTART = "tabby-lsp.restart"
CANCEL = "tabby-lsp.cancel"
"""Ends what is being written, for editors whose progress has no button (Helix)."""


@dataclass
class Statistics:
    """What was shown and taken since the server started; it stays in memory, and leaves it on request alone."""

    shown_suggestions: int = 0
    accepted_suggestions: int = 0
    shown_characters: int = 0
    accepted_characters: int = 0

    def shown(self, suggestions: Sequence[Suggestion], *, again: bool = False) -> None:
        """Count an answer that is on its way to the client.

        Args:
            suggestions: the answer.
            again: the client has been answered for this version before, and shows more of the same now.
        """
        if suggestions and not again:
            self.shown_suggestions += 1
            self.shown_characters += len(suggestions[0].text)

    def accepted(self, characters: int) -> None:
        """Count an acceptance."""
        self.accepted_suggestions += 1
        self.accepted_characters += characters


def accept_command(uri: str, text: str) -> types.Command:
    """The command that a client runs when its user takes a suggestion."""
    return types.Command(title="Accept", command=ACCEPTED, arguments=[{"uri": uri, "characters": len(text)}])


def register(server: TabbyServer) -> None:
    """Offer the commands."""

    @server.command(ACCEPTED)
    def accepted(*what: Any) -> None:
        characters = given(what).get("characters", 0)
        server.statistics.accepted(characters if isinstance(characters, int) else 0)

    @server.command(STATISTICS)
    def statistics() -> dict[str, Any]:
        engine, index = server.model.totals(), server.indexes.statuses()
        return asdict(server.statistics) | {"engine": engine, "index": index}

    @server.command(DOWNLOAD)
    def download() -> None:
        server.background(server.model.download())

    @server.command(RESTART)
    def restart() -> None:
        configuration.resolve(server)
        asyncio.get_running_loop().call_soon(server.model.start)

    @server.command(CANCEL)
    def cancel() -> None:
        server.runs.stop()
