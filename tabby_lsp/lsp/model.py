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

from tabby_lsp.errors import (
    ConfigError,
    EngineFault,
    ModelError,
    ModelMissing,
    Offline,
    PromptTooLong,
    ProviderError,
    TabbyError,
)
from tabby_lsp.lsp import offering
from tabby_lsp.lsp.progress import WorkDone
from tabby_lsp.lsp.status import State

if TYPE_CHECKING:
    from tabby_lsp.completion.context.types import Place
    from tabby_lsp.completion.pipeline import Pipeline
    from tabby_lsp.document import Snapshot
    from tabby_lsp.engine.catalog import Model
    from tabby_lsp.engine.opening import Opened
    from tabby_lsp.engine.types import Engine
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

LOOK_AGAIN_S = {State.NO_MODEL: 5.0, State.ERROR: 60.0}
"""How often, at most, a server without a model looks whether one has appeared, and one with a bad model whether that is
better now: the first costs a look into a folder, the second a preflight."""
SAY_AGAIN_S = 600.0
"""Seconds until the same message is put before the user again."""
SAID = 64
"""Messages that are remembered for that."""
MENDED_BY_HAND = ConfigError, ProviderError, Offline
"""What keeps a model from being opened until the settings change: each look would run `api_key_command` again."""
LONGER = "tabby/longer"
"""Our own notification: the protocol has none that offers more of an inline completion. Clients announce that they
take it with the experimental capability `tabby: {longer: true}`."""


class ModelHost:
    """The server's engine and the pipeline on it.

    Args:
        server: settings, status and client.
    """

    def __init__(self, server: TabbyServer) -> None:
        self._server = server
        self._opened: Opened | None = None
        self._task: asyncio.Task[None] | None = None
        self._looked, self._offered = 0.0, False
        self._trouble: TabbyError | None = None
        self._said: dict[tuple[type[TabbyError], str], float] = {}
        self._closing: asyncio.Task[None] | None = None
        self.pipeline: Pipeline | None = None

    def start(self) -> None:
        """Bring the configured model up, in the background; what runs of an earlier start is dropped."""
        self._server.chat.engine_goes()
        self._let_go()
        self._said.clear()  # whatever is wrong with what is configured now has not been said yet
        self._task = asyncio.get_running_loop().create_task(self._bring_up())

    def stop(self) -> None:
        """Let go of model and engine, and of the chat model."""
        self._server.chat.stop()
        self._let_go()

    def _let_go(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self.pipeline is not None:
            self.pipeline.stop()
        self.pipeline = None
        opened, self._opened = self._opened, None
        if opened is not None:
            self._closing = asyncio.get_running_loop().create_task(asyncio.to_thread(opened.engine.close))

    def look_again(self) -> None:
        """Called at each question that nobody could answer: perhaps there is a model by now.

        An engine that is up finds its way back by itself, unless it is in this process and broken.
        """
        pause = LOOK_AGAIN_S.get(self._server.status.state)
        idle = self._task is None or self._task.done()
        if pause is None or not idle or time.monotonic() - self._looked <= pause:
            return
        if self._opened is not None:
            remote = self._server.settings.model.completion.http.kind
            if remote or not isinstance(self._trouble, EngineFault | ModelError):
                return
            self._server.chat.engine_goes(opening=False)  # who is being opened waits for the one that comes
            self._let_go()
        elif isinstance(self._trouble, MENDED_BY_HAND):
            return
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
        self.tell(State.ERROR, error)

    @property
    def _has_fallback(self) -> bool:
        return self._server.settings.model.completion.http.fallback == "local"

    def _server_changed(self, error: TabbyError | None) -> None:
        """The server that completes fails, or serves again; or nobody can stand in for it."""
        if self._opened is None:
            return
        if error is None:
            self.ready()
        elif isinstance(error, ProviderError) and self._has_fallback:
            text = f"{error} The model in this process completes meanwhile."
            self._say(types.MessageType.Warning, error, text)
            self._server.status.set(State.READY, text, self._opened.model.name)
        else:
            self.tell(State.ERROR, error)

    def ready(self) -> None:
        """The engine that is up serves."""
        if self._opened is not None:
            self._trouble = None
            self._server.status.set(State.READY, model=self._opened.model.name)

    async def _bring_up(self) -> None:
        self._looked = time.monotonic()
        if self._closing is not None:  # two models would be in memory
            await asyncio.wait([self._closing])
        server, quiet = self._server, self._server.status.state in (State.NO_MODEL, State.ERROR)
        try:
            if not quiet:
                server.status.set(State.LOADING)
            await self._open()
        except ModelMissing as error:
            self.tell(State.NO_MODEL, error)
            if not self._offered and not server.settings.model.path:
                # once a session, and beside this: the question may stay open while a model is pulled in a terminal
                self._offered = True
                server.background(offering.offer(server, error))
        except TabbyError as error:
            self.tell(State.ERROR, error)
        except Exception as error:
            logger.exception("the model could not be brought up")
            self.tell(State.ERROR, TabbyError(f"The model could not be brought up: {error}.", "The log says more."))
        server.indexes.model_settled()

    async def _open(self) -> None:
        loop, server = asyncio.get_running_loop(), self._server

        def unloaded() -> None:
            loop.call_soon_threadsafe(server.status.set, State.UNLOADED)

        def changed(error: TabbyError | None) -> None:
            loop.call_soon_threadsafe(self._server_changed, error)

        async with WorkDone(server, "tabby-lsp") as work:
            work.report("loading the model")
            opening = asyncio.create_task(asyncio.to_thread(_open_engine, server, unloaded, changed))
            try:
                opened = await asyncio.shield(opening)
            except asyncio.CancelledError:  # the thread goes on, and nobody is left to take its engine
                opening.add_done_callback(self._close_unwanted)
                raise
            try:
                await asyncio.wrap_future(opened.engine.ready())
            except BaseException:
                self._close(opened.engine)
                raise
        from tabby_lsp.completion.context.types import Repository
        from tabby_lsp.completion.pipeline import Pipeline

        self._opened, self._trouble = opened, None
        longer = self._longer if server.takes_longer else None
        repository = Repository(lambda: server.settings.context, self._place)
        self.pipeline = Pipeline(
            opened.engine, lambda: server.settings.completion, longer, repository, server.trees, far=opened.far
        )
        server.status.set(State.READY, opened.model.note, opened.model.name)
        _spare_the_collector()
        if documents := list(server.documents):  # opened while the model was being loaded; the last one is looked at
            self.pipeline.opened(documents[-1])

    def served(self) -> None:
        """A question was answered by the model: where it had been unloaded or had failed, it is back."""
        if self._server.status.state in (State.UNLOADED, State.ERROR):
            self.ready()

    def _close(self, engine: Engine) -> None:
        """Beside the requests: it waits for the engine's thread."""
        self._server.background(asyncio.to_thread(engine.close))

    def _close_unwanted(self, opening: asyncio.Task[Opened]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self._close(opening.result().engine)

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

    def tell(self, state: State, error: TabbyError) -> None:
        """Say what is wrong: once as a message, for as long as it lasts in the status.

        Of an error that differs in its numbers alone the first one stays in the status.
        """
        was, self._trouble, status = self._trouble, error, self._server.status
        lasts = status.state is state and was is not None and _sort(was) == _sort(error) and state is State.ERROR
        if state is State.ERROR and not isinstance(error, PromptTooLong):  # that is one document's, not the server's
            self._say(types.MessageType.Error, error, str(error))
        if lasts:
            logger.debug("%s", error)
        else:
            logger.log(logging.ERROR if state is State.ERROR else logging.WARNING, "%s", error)
            status.set(state, str(error))

    def _say(self, kind: types.MessageType, error: TabbyError, text: str) -> None:
        """Put a message before the user, the same one seldom: a server may fail and come back all day."""
        now, sort = time.monotonic(), _sort(error)
        if now - self._said.get(sort, -SAY_AGAIN_S) >= SAY_AGAIN_S:
            self._said.pop(sort, None)
            self._said[sort] = now
            if len(self._said) > SAID:
                del self._said[next(iter(self._said))]
            self._server.window_show_message(types.ShowMessageParams(kind, f"tabby-lsp: {text}"))

    async def download(self, model: Model | None = None) -> None:
        """Fetch a model, the recommended one where none is given, and bring it up."""
        await offering.download(self._server, model)


def _spare_the_collector() -> None:
    """Take what is loaded by now out of the garbage collector's sight.

    It stays until the end, and a full collection that walks through all of it (the protocol's types, above all) holds
    up a keystroke by 50 ms.
    """
    gc.collect()
    gc.freeze()


def _sort(error: TabbyError) -> tuple[type[TabbyError], str]:
    """What makes two errors the same for a person: their texts may have numbers that change each time."""
    return type(error), error.remedy


def _open_engine(
    server: TabbyServer, unloaded: Callable[[], None], changed: Callable[[TabbyError | None], None]
) -> Opened:
    """Run on a thread: it blocks, and it imports what must not be imported before `initialized`."""
    from tabby_lsp.engine.opening import open_completion

    return open_completion(server.settings, unloaded, changed)
