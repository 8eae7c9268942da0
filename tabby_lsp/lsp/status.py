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
        index: what the repository's index is doing, as `Phase` names it; empty where there is none.
    """

    state: str
    message: str = ""
    model: str = ""
    percent: int | None = None
    index: str = ""


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
        self._tell(StatusParams(state, message, model, percent, self.params.index))

    def set_index(self, phase: str) -> None:
        """Change what is said of the index; call it on the event loop."""
        self._tell(attrs.evolve(self.params, index=phase))

    def _tell(self, params: StatusParams) -> None:
        if params != self.params or not self._told:
            self.params, self._told = params, True
            self._server.protocol.notify(STATUS, params)
