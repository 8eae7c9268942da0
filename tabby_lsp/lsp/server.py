"""The language server: what there is one of, and in which order it comes up and goes down.

`initialize` is answered before anything heavy is imported; the model is brought up after `initialized`.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from tabby_lsp import __version__
from tabby_lsp.config import Settings
from tabby_lsp.document import Documents, PositionEncoding
from tabby_lsp.lsp import (
    actions,
    asking,
    client_log,
    commands,
    completion,
    configuration,
    documents,
    indexing,
    inline_completion,
)
from tabby_lsp.lsp.chat_role import ChatRole
from tabby_lsp.lsp.convert import encoding_of
from tabby_lsp.lsp.model import ModelHost
from tabby_lsp.lsp.protocol import TabbyProtocol
from tabby_lsp.lsp.running import Runs
from tabby_lsp.lsp.status import Status
from tabby_lsp.lsp.warming import Warming

if TYPE_CHECKING:
    from tabby_lsp.syntax.trees import Trees

logger = logging.getLogger(__name__)

PARENT_POLL_S = 2.0
"""How often a server looks whether the process that started it is still there."""


class TabbyServer(LanguageServer):
    """One client's server."""

    protocol: TabbyProtocol  # pyright: ignore[reportIncompatibleVariableOverride]  narrower, and never replaced

    def __init__(self) -> None:
        super().__init__(
            "tabby-lsp",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            notebook_document_sync=documents.NOTEBOOKS,
            protocol_cls=TabbyProtocol,
            max_workers=4,
        )
        self.documents = Documents()
        self.settings = Settings()
        self.encoding = PositionEncoding.UTF16
        self.folders: list[Path] = []
        self.client_options: object = None
        self.pushed_options: object = None
        self.told_faults: set[str] = set()
        self.initialized = False
        self.takes_longer = False
        self.takes_steps = False
        self.answered: tuple[str, int] | None = None
        self.statistics = commands.Statistics()
        self.status = Status(self)
        self.chat = ChatRole(self)
        self.model = ModelHost(self)
        self.runs = Runs(self)
        self.indexes = indexing.Indexing(self)
        self.warming = Warming(self)
        self._background: set[asyncio.Task[Any]] = set()
        documents.register(self)
        inline_completion.register(self)
        commands.register(self)
        configuration.register(self)
        indexing.register(self)
        actions.register(self)
        asking.register(self)
        _register_lifecycle(self)

    @functools.cached_property
    def trees(self) -> Trees:
        """The syntax trees of documents, for code actions and for each pipeline that there will be.

        They are made when first asked for, with the grammars' library.
        """
        from tabby_lsp.syntax.trees import Trees

        return Trees()

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self.runs.closed(uri)
        self.trees.forget(uri)  # whether there is a pipeline or not
        if self.model.pipeline is not None:
            self.model.pipeline.forget(uri)

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the requests, keeping it alive until it ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("background work failed", exc_info=error)

    async def ask(self, question: str, answers: Sequence[str]) -> str | None:
        """Put a question to the user.

        Returns:
            The chosen answer; None where the user, or the client, gave none.
        """
        actions = [types.MessageActionItem(title) for title in answers]
        params = types.ShowMessageRequestParams(types.MessageType.Info, question, actions)
        try:
            chosen = await self.window_show_message_request_async(params)
        except JsonRpcException as error:
            logger.info("the client does not ask its user: %s", error)
            return None
        return chosen.title if chosen else None

    def end(self) -> NoReturn:
        """End the process at once: 0 after `shutdown`, as the protocol has it, else 1. May be called from any thread.

        Nothing of ours is left to save, and an orderly end would wait for whatever is under way: a preflight, a
        download, a step of llama.cpp, the thread that reads stdin.
        """
        sys.stderr.flush()
        os._exit(0 if self.protocol.shut_down else 1)

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log it. pygls would show each to the user, and fail over itself once stdout is closed."""
        logger.error("%s: %s", getattr(source, "__name__", source), error)


def _register_lifecycle(server: TabbyServer) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.folders = configuration.folders_of(params)
        server.client_options = params.initialization_options
        server.encoding = encoding_of(server.workspace.position_encoding)
        server.protocol.trace = params.trace or types.TraceValue.Off  # pygls follows `$/setTrace` alone
        server.takes_longer = _takes(params.capabilities.experimental, "longer")
        server.takes_steps = _takes(params.capabilities.experimental, "steps")
        configuration.resolve(server)
        # the capabilities are built after this handler: what it registers depends on the client
        completion.register(server, params.capabilities)

    @server.feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        server.initialized = True
        client_log.start(server)
        for fault in sorted(server.told_faults):
            server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"tabby-lsp: {fault}"))
        if server.process_id:
            server.background(_watch_parent(server, server.process_id))
        server.background(configuration.watch(server))
        server.model.start()
        server.warming.start()

    @server.feature(types.SHUTDOWN)
    def shutdown(_: None) -> None:
        server.runs.stop()
        server.model.stop()
        server.indexes.stop()

    @server.feature(types.EXIT)
    def on_exit(_: None) -> None:
        server.end()


def _takes(experimental: Any, what: str) -> bool:
    """Whether the client says that it takes `tabby/longer`, or `tabby/step`; whatever it says beside is not for us."""
    tabby = experimental.get("tabby") if isinstance(experimental, dict) else getattr(experimental, "tabby", None)
    said = tabby.get(what) if isinstance(tabby, dict) else getattr(tabby, what, None)
    return said is True


async def _watch_parent(server: TabbyServer, process: int) -> None:
    """End this process when the editor's has ended without a word."""
    while True:
        await asyncio.sleep(PARENT_POLL_S)
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            logger.warning("the editor's process has ended, so this one does")
            server.end()
        except OSError:
            return  # it is there, but not ours to ask about
