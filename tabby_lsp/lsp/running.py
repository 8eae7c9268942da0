"""Work that a command begins and that goes on beside the requests: progress, cancelling, and one message at its end.

    async def work(run: Run) -> T:
        async with run.working():                            # progress that the user can cancel
            model = await run.model()
            answer = await run.ask(conversation)             # the number of lines so far is in the progress
        ...                                                  # apply, show: the progress has ended
    return await server.runs.command(uri, "Fix: …", work, reply=False)

Nothing here raises into a request: what goes wrong is said in one message, or stands in the reply that was asked for.
There is one run a key (a document, a thread of questions): a second one ends the first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types

from tabby_lsp.errors import EngineError, TabbyError
from tabby_lsp.lsp.progress import WorkDone
from tabby_lsp.lsp.protocol import request_id
from tabby_lsp.lsp.status import State

if TYPE_CHECKING:
    from tabby_lsp.engine.chat.types import ChatModel, Conversation
    from tabby_lsp.engine.types import Candidate, Ticket
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

REPORT_S = 0.25
"""How often progress is told anew, and looked whether the user has cancelled it."""
LONGEST_TITLE = 80
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client gets that waits for the end of a run.

    Attributes:
        text: Markdown or a line; empty where there is none.
        applied: whether an edit was applied.
        message: for a person: what was wrong, or what is to be known of a text or an edit; mostly empty.
    """

    text: str = ""
    applied: bool = False
    message: str = ""


class Run:
    """One piece of work.

    Args:
        server: chat model and client.
        key: whose it is.
        title: what it is, for progress and messages.
    """

    def __init__(self, server: TabbyServer, key: str, title: str) -> None:
        self.key = key
        self.title = title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"
        self.reason = ""
        self._server = server
        self._task: asyncio.Task[Any] | None = None
        self._done: WorkDone | None = None
        self._ticket: Ticket | None = None
        self._working = True
        self._said = ""
        self._lines = 0

    # ---- for the work ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Show progress for as long as this lasts; the user may cancel it, which ends the run."""
        async with WorkDone(self._server, self.title, cancellable=True) as done:
            self._done, self._working = done, True
            watching = asyncio.create_task(self._watch(done))
            try:
                yield
            finally:
                watching.cancel()
                self._done, self._working = None, False

    def report(self, message: str) -> None:
        """Say in the progress what is being done; it may be called as often as one likes."""
        self._said = message

    async def model(self) -> ChatModel:
        """Who answers; waits while the model is being loaded.

        Raises:
            TabbyError: nobody does.
        """
        self.report("loading the model")
        server = self._server
        if server.status.state is State.LOADING and not (self._done and self._done.shown):
            server.runs.say(self, "It begins when the model is loaded.", types.MessageType.Info)
        try:
            return await self._server.chat.model()
        finally:
            self.report("")

    async def ask(self, conversation: Conversation, on_text: Callable[[str], None] | None = None) -> Candidate:
        """Ask the chat model; a cancelled run ends its answer.

        Args:
            conversation: the question.
            on_text: gets the answer in pieces, on a thread of the model's; it must return at once.

        Raises:
            TabbyError: nobody answers.
        """
        from tabby_lsp.engine.types import Cancelled

        model = await self.model()
        self._lines = 0

        def heard(text: str) -> None:
            self._lines += text.count("\n")
            if on_text is not None:
                on_text(text)

        ticket = self._ticket = model.ask(conversation, heard)
        try:
            result = await asyncio.wrap_future(ticket.future)
        except Cancelled:
            raise EngineError("The model was replaced while it was writing.", "Ask again.") from None
        finally:
            self._ticket = None
            if not ticket.future.done() or ticket.future.cancelled():
                ticket.cancel()
        self._server.chat.served()
        return result.candidates[0]

    # ---- for who watches it ---------------------------------------------------------------------------------------

    def end(self, reason: str = "") -> None:
        """End it.

        Args:
            reason: for a person; empty where nothing needs to be said.
        """
        self.reason = reason
        if self._task is not None:
            self._task.cancel()

    @property
    def is_working(self) -> bool:
        """Whether the model is being asked; what comes behind that is brief, or waits for the user."""
        return self._working

    async def _watch(self, done: WorkDone) -> None:
        told = ""
        while not done.is_cancelled():
            message = self._progress()
            if message != told:
                told = message
                done.report(message)
            await asyncio.sleep(REPORT_S)
        self.end()

    def _progress(self) -> str:
        ticket = self._ticket
        if ticket is None:
            return self._said
        if ticket.generated:
            return counted(self._lines, "line") if self._lines else counted(ticket.generated, "token")
        known = ticket.prompt - ticket.reused
        return f"reading {ticket.evaluated * 100 // known} %" if known > 0 else "waiting"


Work = Callable[[Run], Awaitable[T]]


class Runs:
    """What is under way.

    Args:
        server: whose client is told.
    """

    def __init__(self, server: TabbyServer) -> None:
        self._server = server
        self._runs: dict[str, Run] = {}

    async def command(self, key: str, title: str, work: Work[Reply], *, reply: bool) -> dict[str, Any] | None:
        """Begin a run for a command.

        Args:
            key: whose it is; a run that has the same key is ended.
            title: what it is.
            work: gets the run; what it raises as `TabbyError` is said to the user.
            reply: whether the client waits for the end.

        Returns:
            None at once; the `Reply` as plain data where the client waits, in which a failure stands too.
        """
        task = self.start(key, title, work, aloud=not reply)
        run = self._runs[key]
        if not reply:
            return None
        number, heard = request_id.get(), self._server.protocol.on_cancel
        if number is not None:
            heard[number] = task.cancel
        try:
            await asyncio.wait([task])
        finally:
            if number is not None:
                heard.pop(number, None)
        return asdict(Reply(message=run.reason) if task.cancelled() else task.result())

    def start(self, key: str, title: str, work: Work[Reply], *, aloud: bool = True) -> asyncio.Task[Reply]:
        """Begin a run; its task never raises.

        Args:
            key: whose it is; a run that has the same key is ended.
            title: what it is.
            work: gets the run.
            aloud: whether its message is shown.
        """
        if (older := self._runs.get(key)) is not None:
            older.end()
        run = self._runs[key] = Run(self._server, key, title)
        task = run._task = asyncio.get_running_loop().create_task(self._guarded(run, work, aloud))
        task.add_done_callback(lambda done: self._unbegun(run, aloud) if done.cancelled() else None)
        return task

    def closed(self, key: str) -> None:
        """The document has been closed: what is being written for it has no place any more."""
        if (run := self._runs.get(key)) is not None and run.is_working:
            run.end("The document was closed.")

    def stop(self) -> None:
        """End everything, without a word."""
        for run in tuple(self._runs.values()):
            run.end()
        self._runs.clear()

    async def _guarded(self, run: Run, work: Work[Reply], aloud: bool) -> Reply:
        try:
            reply = await work(run)
        except asyncio.CancelledError:
            reply = Reply(message=run.reason)
        except TabbyError as error:
            logger.info("%s: %s", run.title, error)
            reply = Reply(message=str(error))
        except Exception:
            logger.exception("%s failed", run.title)
            reply = Reply(message="It failed for a fault of ours; the log says more.")
        finally:
            self._ended(run)
        if reply.message and aloud:
            well = reply.applied or bool(reply.text)
            self.say(run, reply.message, types.MessageType.Info if well else types.MessageType.Warning)
        return reply

    def _unbegun(self, run: Run, aloud: bool) -> None:
        """A task that is cancelled before its first step does nothing of this itself."""
        self._ended(run)
        if run.reason and aloud:
            self.say(run, run.reason)

    def _ended(self, run: Run) -> None:
        if self._runs.get(run.key) is run:
            del self._runs[run.key]

    def say(self, run: Run, message: str, kind: types.MessageType = types.MessageType.Warning) -> None:
        """Tell the user something about a run, in one message."""
        with suppress(Exception):  # the client may be gone
            self._server.window_show_message(types.ShowMessageParams(kind, f"tabby-lsp: {run.title}: {message}"))


def counted(number: int, what: str) -> str:
    """So many of something, in words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
