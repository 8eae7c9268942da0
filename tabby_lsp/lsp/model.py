"""Which model serves: preflight and loading at start, the offer to download one, and the answer meanwhile.

    loading → ready ⇄ unloaded          no-model → downloading → loading
           ↘ error (with a remedy)

Questions are answered in every state; where there is no engine, with nothing. No state needs a restart to leave:
a model that is pulled in a terminal is found at the next question.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from lsprotocol import types

from tabby_lsp.errors import ModelMissing, ProviderError, TabbyError
from tabby_lsp.lsp import pulling
from tabby_lsp.lsp.progress import WorkDone
from tabby_lsp.lsp.status import State

if TYPE_CHECKING:
    from tabby_lsp.completion.context.types import Place
    from tabby_lsp.completion.pipeline import Pipeline
    from tabby_lsp.document import Snapshot
    from tabby_lsp.engine.catalog import Model
    from tabby_lsp.engine.opening import Opened
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

LOOK_AGAIN_S = {State.NO_MODEL: 5.0, State.ERROR: 60.0}
"""How often, at most, a server without a model looks whether one has appeared, and one with a bad model whether that is
better now: the first costs a look into a folder, the second a preflight."""
SAY_AGAIN_S = 600.0
"""Seconds until the same message is put before the user again."""
LONGER = "tabby/longer"
"""Our own notification: the protocol has none that offers more of an inline completion. Clients announce that they
take it with the experimental capability `tabby: {longer: true}`."""
DOWNLOAD, LATER = "Download", "Not now"


class ModelHost:
    """The server's engine and the pipeline on it.

    Args:
        server: settings, status and client.
    """

    def __init__(self, server: TabbyServer) -> None:
        self._server = server
        self._opened: Opened | None = None
        self._task: asyncio.Task[None] | None = None
        self._looked = 0.0
        self._offered = False
        self._trouble: TabbyError | None = None
        self._said: dict[str, float] = {}
        self.pipeline: Pipeline | None = None

    def start(self) -> None:
        """Bring the configured model up, in the background; what runs of an earlier start is dropped."""
        self.stop()
        self._task = asyncio.get_running_loop().create_task(self._bring_up())

    def stop(self) -> None:
        """Let go of model and engine, and of the chat that may share it."""
        self._server.chat.stop()
        if self._task is not None:
            self._task.cancel()
        if self.pipeline is not None:
            self.pipeline.stop()
        self.pipeline = None
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.engine.close()

    def look_again(self) -> None:
        """Called at each question that nobody could answer: perhaps there is a model by now."""
        pause = LOOK_AGAIN_S.get(self._server.status.state)
        idle = self._task is None or self._task.done()
        if pause is not None and idle and time.monotonic() - self._looked > pause:
            self._task = asyncio.get_running_loop().create_task(self._bring_up())

    async def serving(self) -> Opened:
        """The engine that completes, for others who share it; waits while the model is being loaded.

        Raises:
            TabbyError: there is none, and why.
        """
        self.look_again()
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])
        if self._opened is None:
            raise self._trouble or ModelMissing("There is no model.", "Run `tabby-lsp models pull` in a terminal.")
        return self._opened

    def failed(self, error: TabbyError) -> None:
        """An engine that was up could not serve."""
        if isinstance(error, ProviderError) and self._has_fallback:
            return  # `_server_changed` says it, and that somebody stands in
        self._tell(State.ERROR, error)

    @property
    def _has_fallback(self) -> bool:
        return self._server.settings.model.completion.http.fallback == "local"

    def _server_changed(self, error: ProviderError | None) -> None:
        """The server that completes fails, or serves again."""
        if self._opened is None:
            return
        if error is None:
            self._server.status.set(State.READY, model=self._opened.model.name)
        elif self._has_fallback:
            text = f"{error} The model in this process completes meanwhile."
            self._say(types.MessageType.Warning, text)
            self._server.status.set(State.READY, text, self._opened.model.name)
        else:
            self._tell(State.ERROR, error)

    async def _bring_up(self) -> None:
        self._looked = time.monotonic()
        server, quiet = self._server, self._server.status.state in (State.NO_MODEL, State.ERROR)
        try:
            if not quiet:
                server.status.set(State.LOADING)
            await self._open()
        except ModelMissing as error:
            self._tell(State.NO_MODEL, error)
            if not self._offered and not server.settings.model.path:
                # once a session, and beside this: the question may stay open while a model is pulled in a terminal
                self._offered = True
                server.background(self._offer(error))
        except TabbyError as error:
            self._tell(State.ERROR, error)
        except Exception as error:
            logger.exception("the model could not be brought up")
            self._tell(State.ERROR, TabbyError(f"The model could not be brought up: {error}.", "The log says more."))
        server.indexes.model_settled()

    async def _open(self) -> None:
        loop, server = asyncio.get_running_loop(), self._server

        def unloaded() -> None:
            loop.call_soon_threadsafe(server.status.set, State.UNLOADED)

        def changed(error: ProviderError | None) -> None:
            loop.call_soon_threadsafe(self._server_changed, error)

        async with WorkDone(server, "tabby-lsp") as work:
            work.report("loading the model")
            opening = asyncio.create_task(asyncio.to_thread(_open_engine, server, unloaded, changed))
            try:
                opened = await asyncio.shield(opening)
            except asyncio.CancelledError:  # the thread goes on, and nobody is left to take its engine
                opening.add_done_callback(_close_unwanted)
                raise
            try:
                await asyncio.wrap_future(opened.engine.ready())
            except BaseException:
                opened.engine.close()
                raise
        from tabby_lsp.completion.context.types import Repository
        from tabby_lsp.completion.pipeline import Pipeline

        self._opened, self._trouble = opened, None
        longer = self._longer if server.takes_longer else None
        repository = Repository(lambda: server.settings.context, self._place)
        self.pipeline = Pipeline(opened.engine, lambda: server.settings.completion, longer, repository)
        server.status.set(State.READY, opened.model.note, opened.model.name)
        _spare_the_collector()
        if documents := list(server.documents):  # opened while the model was being loaded; the last one is looked at
            self.pipeline.opened(documents[-1])

    def served(self) -> None:
        """A question was answered by the model: where it had been unloaded or had failed, it is back."""
        if self._server.status.state in (State.UNLOADED, State.ERROR) and self._opened is not None:
            self._server.status.set(State.READY, model=self._opened.model.name)

    def _place(self, uri: str) -> Place | None:
        """Where a document stands in the workspace."""
        from tabby_lsp.completion.context.types import Place

        found = self._server.indexes.for_uri(uri)
        return None if found is None else Place(path=found[1], index=found[0])

    def _longer(self, snapshot: Snapshot) -> None:
        """Tell the client that asking again brings more, where its buffer still is what was asked for."""
        latest = self._server.documents.get(snapshot.uri)
        if latest is not None and latest.version == snapshot.version:
            self._server.protocol.notify(LONGER, {"uri": snapshot.uri, "version": snapshot.version})

    def totals(self) -> dict[str, int]:
        """What the engine has done since it was opened, in tokens; empty where there is none."""
        return asdict(self._opened.engine.totals) if self._opened is not None else {}

    def _tell(self, state: State, error: TabbyError) -> None:
        """Say what is wrong: once as a message, for as long as it lasts in the status."""
        self._trouble = error
        text = str(error)
        if self._server.status.params.message != text and state is State.ERROR:
            self._say(types.MessageType.Error, text)
        logger.log(logging.ERROR if state is State.ERROR else logging.WARNING, "%s", text)
        self._server.status.set(state, text)

    def _say(self, kind: types.MessageType, text: str) -> None:
        """Put a message before the user, the same one seldom: a server may fail and come back all day."""
        now = time.monotonic()
        if now - self._said.get(text, -SAY_AGAIN_S) >= SAY_AGAIN_S:
            self._said[text] = now
            self._server.window_show_message(types.ShowMessageParams(kind, f"tabby-lsp: {text}"))

    # ---- the offer ----------------------------------------------------------------------------------------------

    async def _offer(self, error: ModelMissing) -> None:
        """Ask whether the recommended model may be downloaded, and do it."""
        server = self._server
        try:
            model, why = await asyncio.to_thread(pulling.recommended, server)
        except ModelMissing as unknown:  # the settings name one that nobody knows
            self._tell(State.NO_MODEL, unknown)
            server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"tabby-lsp: {unknown}"))
            return
        if server.settings.offline:
            server.window_show_message(
                types.ShowMessageParams(types.MessageType.Warning, f"tabby-lsp: {error} (offline = true)")
            )
            return
        size = f" ({model.size >> 20} MiB)" if model.size else ""
        question = f"tabby-lsp has no model yet. Download {model.name}{size}? {why}"
        chosen = await server.ask(question, (DOWNLOAD, LATER))
        if chosen == DOWNLOAD and self.pipeline is None:
            await self.download(model)

    async def download(self, model: Model | None = None) -> None:
        """Fetch a model with progress in the client, then bring it up.

        Args:
            model: which; None: the recommended one.
        """
        from tabby_lsp.engine.sources.transfer import Cancelled

        server, loop = self._server, asyncio.get_running_loop()
        if server.status.state is State.DOWNLOADING:
            return
        try:
            if model is None:
                model, _ = await asyncio.to_thread(pulling.recommended, server)
            name = model.name
            server.status.set(State.DOWNLOADING, model=name, percent=0)
            async with WorkDone(server, f"Downloading {name}", cancellable=True) as work:

                def report(message: str, percent: int) -> None:
                    work.report(message, percent)
                    server.status.set(State.DOWNLOADING, message, name, percent)

                await asyncio.to_thread(
                    pulling.pull,
                    server,
                    model,
                    lambda *seen: loop.call_soon_threadsafe(report, *seen),
                    work.is_cancelled,
                )
        except Exception as error:
            if not isinstance(error, TabbyError):
                logger.exception("the download failed")
                error = TabbyError(f"The download failed: {error}.", "The log says more.")
            if not isinstance(error, Cancelled):
                server.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"tabby-lsp: {error}"))
            if self.pipeline is None:
                self._tell(State.NO_MODEL, error)
            elif self._opened is not None:
                server.status.set(State.READY, model=self._opened.model.name)
            return
        server.status.set(State.LOADING, model=name)
        self.start()


def _spare_the_collector() -> None:
    """Take what is loaded by now out of the garbage collector's sight.

    It stays until the end, and a full collection that walks through all of it (the protocol's types, above all) holds
    up a keystroke by 50 ms.
    """
    gc.collect()
    gc.freeze()


def _close_unwanted(opening: asyncio.Task[Opened]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().engine.close()


def _open_engine(
    server: TabbyServer, unloaded: Callable[[], None], changed: Callable[[ProviderError | None], None]
) -> Opened:
    """Run on a thread: it blocks, and it imports what must not be imported before `initialized`."""
    from tabby_lsp.engine.opening import open_completion

    return open_completion(server.settings, unloaded, changed)
