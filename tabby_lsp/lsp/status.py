"""What the server is doing, for a status line: `tabby/status` and a log message where it matters."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from tabby_lsp.lsp.server import TabbyServer

STATUS = "tabby/status"


class State(enum.StrEnum):
    """The states of the server's model."""

    LOADING = "loading"
    DOWNLOADING = "downloading"
    READY = "ready"
    UNLOADED = "unloaded"
    NO_MODEL = "no-model"
    ERROR = "error"


@attrs.frozen
class StatusParams:
    """The params of `tabby/status`.

    Attributes:
        state: one of `State`.
        message: a sentence for a person; empty where the state says it all.
        model: the model's name; empty where there is none.
        percent: of a download, 0 to 100; None otherwise.
    """

    state: str
    message: str = ""
    model: str = ""
    percent: int | None = None


class Status:
    """The current state; tells the client of each change.

    Args:
        server: whose client is told.
    """

    def __init__(self, server: TabbyServer) -> None:
        self._server = server
        self.params = StatusParams(State.LOADING)
        self._told = False

    @property
    def state(self) -> State:
        """The state as it is."""
        return State(self.params.state)

    def set(self, state: State, message: str = "", model: str = "", percent: int | None = None) -> None:
        """Change the state; call it on the event loop."""
        params = StatusParams(state, message, model, percent)
        if params != self.params or not self._told:
            self.params, self._told = params, True
            self._server.protocol.notify(STATUS, params)
