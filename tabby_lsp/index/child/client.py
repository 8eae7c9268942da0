"""The server's side of the index: a child process that is started, asked, and started again when it dies.

Nothing here waits for the child. What is asked goes into a queue and comes back as a future; while there is no child
to answer, the future says so at once. Nothing heavy may be imported: this runs in the editor's server.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from pathlib import Path
from typing import Any

from tabby_lsp.errors import IndexUnavailable
from tabby_lsp.index.child.messages import (
    Cancel,
    Changed,
    Close,
    Configure,
    Definitions,
    Found,
    Listed,
    Names,
    Open,
    Order,
    Question,
    Refused,
    Search,
    Siblings,
    Told,
)
from tabby_lsp.index.child.process import COMMAND, Child
from tabby_lsp.index.types import Phase, Query, Snippet, Status, Wanted

logger = logging.getLogger(__name__)

RESTARTS, WITHIN_S = 5, 600.0
"""Deaths of the child in so many seconds after which it is left alone: something on this machine kills it."""
BACKOFF_S = (0.2, 1.0, 5.0, 20.0, 60.0)
"""Seconds before it is started again, by the number of its deaths."""

Answer = Future[tuple[Snippet, ...]]
_Any = Future[Any]


class FolderClient:
    """The index of one folder, asked through the child; see `tabby_lsp.index.types.Index`.

    Args:
        client: that has the child.
        root: the folder.
    """

    def __init__(self, client: IndexClient, root: Path) -> None:
        self._client = client
        self.root = root

    def definitions(self, wanted: Wanted) -> Answer:
        """Definitions of names, best first."""
        return self._client.ask(lambda id_: Definitions(id_, str(self.root), wanted))

    def names(self, start: str, language: str, limit: int = 256) -> Future[tuple[str, ...]]:
        """Names that begin so, of what files of a language or its kin define."""
        return self._client.ask(lambda id_: Names(id_, str(self.root), start, language, limit))

    def siblings(self, path: str, limit: int = 8) -> Answer:
        """What stands in files of the same kind beside a file."""
        return self._client.ask(lambda id_: Siblings(id_, str(self.root), path, limit))

    def search(self, query: Query) -> Answer:
        """Chunks by text and vectors, best first."""
        return self._client.ask(lambda id_: Search(id_, str(self.root), query))


class IndexClient:
    """The child process. Every method returns at once and may be called from any thread.

    Args:
        configuration: what the child is told first.
        on_status: called on a thread of the client with a folder and how far its index is.
        command: what is started.
    """

    def __init__(
        self,
        configuration: Configure,
        on_status: Callable[[Path, Status], None] = lambda root, status: None,
        command: tuple[str, ...] = COMMAND,
    ) -> None:
        self._configuration = configuration
        self._on_status = on_status
        self._command = command
        self._lock = threading.Lock()
        self._folders: dict[Path, Status] = {}
        self._pending: dict[int, _Any] = {}
        self._ids = itertools.count(1)
        self._child: Child | None = None
        self._keeper: threading.Thread | None = None
        self._closed = threading.Event()

    # ---- what the server does -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the child; also after it was given up, which forgets its deaths."""
        with self._lock:
            if self._closed.is_set() or (self._keeper is not None and self._keeper.is_alive()):
                return
            self._keeper = threading.Thread(target=self._keep, name="tabby-index", daemon=True)
            self._keeper.start()

    def configure(self, configuration: Configure) -> None:
        """Tell the child something else from now on; folders are opened anew where it differs."""
        with self._lock:
            if configuration == self._configuration:
                return
            self._configuration = configuration
            self._put(configuration)

    def folder(self, root: Path) -> FolderClient:
        """Index a folder from now on, and give what answers for it."""
        with self._lock:
            if root not in self._folders:
                self._folders[root] = Status(Phase.STARTING)
                self._put(Open(str(root)))
        return FolderClient(self, root)

    def remove(self, root: Path) -> None:
        """Leave a folder alone from now on; its index stays on the disk."""
        with self._lock:
            if self._folders.pop(root, None) is not None:
                self._put(Close(str(root)))

    def changed(self, root: Path, paths: Iterable[str] | None) -> None:
        """Files of a folder were created, saved or deleted.

        Args:
            root: the folder.
            paths: relative to it, with slashes; None: too many to name.
        """
        with self._lock:  # without a child nothing is lost: the next one compares everything
            if root in self._folders:
                self._put(Changed(str(root), None if paths is None else tuple(paths)))

    def status(self, root: Path) -> Status | None:
        """How far a folder's index is; None for a folder that is not indexed."""
        return self._folders.get(root)

    @property
    def process_id(self) -> int | None:
        """Of the living child."""
        child = self._child
        return child.process_id if child is not None else None

    def close(self) -> None:
        """End the child, and every future with it."""
        self._closed.set()
        with self._lock:
            self._put(None)
        self._fail_pending("The index is switched off.")

    def ask(self, question: Callable[[int], Question]) -> _Any:
        """Send a question, given the id that its answer will have."""
        answer: _Any = Future()
        with self._lock:
            if self._child is None:
                answer.set_exception(IndexUnavailable("The index's process is not up."))
                return answer
            number = next(self._ids)
            self._pending[number] = answer
            self._put(question(number))
        answer.add_done_callback(lambda done: self._forget(number) if done.cancelled() else None)
        return answer

    # ---- the child ----------------------------------------------------------------------------------------------

    def _put(self, order: Order | None) -> None:
        """Have something sent; the lock is held."""
        if self._child is not None:
            self._child.put(order)

    def _forget(self, number: int) -> None:
        with self._lock:
            if self._pending.pop(number, None) is not None:
                self._put(Cancel(number))

    def _keep(self) -> None:
        """Run children one after the other, on a thread of its own, until there have been too many."""
        deaths: deque[float] = deque(maxlen=RESTARTS)
        while not self._closed.is_set():
            why = self._run()
            if self._closed.is_set():
                return
            deaths.append(time.monotonic())
            if len(deaths) == RESTARTS and deaths[-1] - deaths[0] < WITHIN_S:
                logger.error("the index's process has ended %d times (%s); it is not started again", RESTARTS, why)
                message = f"The index's process has ended {RESTARTS} times: {why}. The log says more."
                self._tell_all(Status(Phase.FAILED, message=message))
                return
            logger.warning("the index's process has ended (%s); it is started again", why)
            self._tell_all(Status(Phase.STARTING, message=f"started again: {why}"))
            self._closed.wait(BACKOFF_S[len(deaths) - 1])

    def _run(self) -> str:
        """One child, from its start to its end; says why it ended."""
        try:
            child = Child(self._command)
        except OSError as error:
            return f"it cannot be started: {error.strerror or error}"
        with self._lock:
            self._child = child
            child.put(self._configuration)
            for root in self._folders:
                child.put(Open(str(root)))
            if self._closed.is_set():
                child.put(None)
        fault = ""
        try:
            while (message := child.receive()) is not None:
                self._take(message)
        except Exception as error:  # whatever it is, the next child may do better
            logger.exception("what the index's process said cannot be taken")
            fault = f"it said something strange: {error}"
        with self._lock:
            self._child = None
        self._fail_pending("The index's process has ended.")
        ended = child.end()
        return fault or ended

    def _take(self, message: object) -> None:
        match message:
            case Found(number, found) | Listed(number, found):
                if (answer := self._pop(number)) is not None:
                    with suppress(InvalidStateError):  # cancelled at this very moment
                        answer.set_result(found)
            case Refused(number, text, remedy):
                if (answer := self._pop(number)) is not None:
                    with suppress(InvalidStateError):
                        answer.set_exception(IndexUnavailable(text, remedy))
            case Told(root, status):
                self._tell(Path(root), status)
            case _:
                logger.warning("the index's process said %s", type(message).__name__)

    def _pop(self, number: int) -> _Any | None:
        with self._lock:
            return self._pending.pop(number, None)

    def _fail_pending(self, why: str) -> None:
        with self._lock:
            lost, self._pending = list(self._pending.values()), {}
        for answer in lost:
            with suppress(InvalidStateError):
                answer.set_exception(IndexUnavailable(why))

    def _tell(self, root: Path, status: Status) -> None:
        with self._lock:
            if root not in self._folders:
                return
            self._folders[root] = status
        if not self._closed.is_set():
            self._on_status(root, status)

    def _tell_all(self, status: Status) -> None:
        for root in list(self._folders):
            self._tell(root, status)
