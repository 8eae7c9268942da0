"""The index's child process: orders on stdin, reports on stdout, the log on stderr.

Run as `python -m tabby_lsp.index.child.worker`. It ends when its stdin does, however the server has ended. The main
thread does nothing but read; each folder has a thread that writes (`keeper`), and two more answer questions.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tabby_lsp.errors import IndexUnavailable, TabbyError
from tabby_lsp.index.child.keeper import Keeper
from tabby_lsp.index.child.messages import (
    Answered,
    Cancel,
    Changed,
    Close,
    Configure,
    Definitions,
    Found,
    Listed,
    Message,
    Names,
    Open,
    Question,
    Refused,
    Report,
    Search,
    Siblings,
    Told,
    encode,
    receive,
)
from tabby_lsp.index.opening import shared_embedder
from tabby_lsp.index.types import Status

if TYPE_CHECKING:
    from tabby_lsp.index.embedders import Embedder

logger = logging.getLogger(__name__)

ANSWERING = 2
"""Threads that answer: a slow search does not hold up the definitions beside it."""
STALE_S = 2.0
"""A question that has waited longer is refused: nobody shows a suggestion that late."""


class Worker:
    """What the child knows.

    Args:
        send: writes a report; may be called from any thread.
    """

    def __init__(self, send: Callable[[Report], None]) -> None:
        self._send = send
        self._order: Configure | None = None
        self._keepers: dict[str, Keeper] = {}
        self._embedder: Callable[[], Embedder] | None = None
        self._pool = ThreadPoolExecutor(ANSWERING, thread_name_prefix="answer")
        self._asked: dict[int, Future[None]] = {}

    def take(self, message: Message) -> None:
        """Do what a message says; returns at once."""
        match message:
            case Configure():
                self._configure(message)
            case Open(root):
                if root not in self._keepers:
                    self._open(root, None)
            case Close(root):
                if (keeper := self._keepers.pop(root, None)) is not None:
                    keeper.stop()
            case Changed(root, paths):
                if (keeper := self._keepers.get(root)) is not None:
                    keeper.changed(paths)
            case Definitions() | Names() | Siblings() | Search():
                asked = self._pool.submit(self._answer, message, time.monotonic())
                self._asked[message.id] = asked
                asked.add_done_callback(lambda _: self._asked.pop(message.id, None))
            case Cancel(number):
                if (asked := self._asked.get(number)) is not None:
                    asked.cancel()
            case _:
                logger.warning("the server said %s", type(message).__name__)

    def _configure(self, order: Configure) -> None:
        logging.getLogger("tabby_lsp").setLevel(order.level)
        before, self._order = self._order, order
        made_of = [(o.settings, o.model, o.engine, o.offline) for o in (before, order) if o is not None]
        if self._embedder is None or made_of[0] != made_of[-1]:  # the old one goes with the last folder that has it
            self._embedder = shared_embedder(order.settings, order.model, order.engine, offline=order.offline)
        for root, keeper in list(self._keepers.items()):
            keeper.stop()
            self._open(root, keeper)

    def _open(self, root: str, after: Keeper | None) -> None:
        if self._order is None or self._embedder is None:
            logger.warning("a folder was opened before anything was configured")
            return

        def tell(status: Status) -> None:
            if self._keepers.get(root) is keeper:  # one that was replaced has nothing more to say
                self._send(Told(root, status))

        keeper = self._keepers[root] = Keeper(Path(root), self._order, self._embedder, tell, after)
        keeper.start()

    def _answer(self, question: Question, arrived: float) -> None:
        try:
            if time.monotonic() - arrived > STALE_S:
                raise IndexUnavailable("The index was too busy to answer in time.")
            keeper = self._keepers.get(question.root)
            if keeper is None:
                raise IndexUnavailable(f"{question.root} is not indexed.")
            self._send(_look_up(keeper, question))
        except TabbyError as error:
            self._send(Refused(question.id, error.message, error.remedy))
        except Exception as error:  # whatever happens, somebody may wait for an answer
            logger.exception("a question could not be answered")
            self._send(Refused(question.id, f"The index failed: {error!r}.", "The log says more."))


def _look_up(keeper: Keeper, question: Question) -> Answered:
    match question:
        case Definitions(number, _, wanted):
            return Found(number, keeper.index.definitions(wanted))
        case Names(number, _, start, language, limit):
            return Listed(number, keeper.index.names(start, language, limit))
        case Siblings(number, _, path, limit):
            return Found(number, keeper.index.siblings(path, limit))
        case Search(number, _, query):
            return Found(number, keeper.index.search(query))


def serve(source: IO[bytes], sink: IO[bytes]) -> None:
    """Take orders until there are no more."""
    lock = threading.Lock()

    def send(report: Report) -> None:
        frame = encode(report)
        with lock:
            sink.write(frame)
            sink.flush()

    worker = Worker(send)
    while (message := receive(source)) is not None:
        worker.take(message)


def main() -> None:
    """Be the child."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no report
    code = 0
    try:
        serve(sys.stdin.buffer, sink)
    except BaseException:
        logger.exception("the index's process ends")
        code = 1
    finally:
        # at once: an orderly end would wait for whatever is being written, and the index may be left at any moment
        for process in multiprocessing.active_children():
            process.kill()
        os._exit(code)


if __name__ == "__main__":
    main()
