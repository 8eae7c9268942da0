"""The one thread that owns model and context; everything else talks to it through its queue.

Between two steps of a generation the thread looks who is next: the smaller priority number, and among equals the
newer request, because the user has moved on. A newer request supersedes an older one with the same key. Every
ticket's future is completed exactly once, whatever happens.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from tabby_lsp.config import EngineSettings
from tabby_lsp.engine.llama.evaluate import Aborted
from tabby_lsp.engine.llama.generate import Generation
from tabby_lsp.engine.llama.job import Job, only_prefills, settle
from tabby_lsp.engine.llama.kv import Occupied
from tabby_lsp.engine.llama.residence import Load, Residence
from tabby_lsp.engine.llama.vocabulary import Vocabulary
from tabby_lsp.engine.llama.writing import Emit
from tabby_lsp.engine.types import Cancelled, ModelInfo, Priority, Request, Result, Ticket, Totals
from tabby_lsp.errors import EngineError, EngineFault, TabbyError

logger = logging.getLogger(__name__)


class LlamaEngine:
    """An engine in this process (see `engine.types.Engine`).

    Args:
        load: brings the model into memory; called on the worker thread, again after each idle unload. It raises a
            `TabbyError` where it cannot.
        settings: how llama.cpp runs.
        on_unload: called on the worker thread when the idle time has passed and the model has left memory.
    """

    def __init__(self, load: Load, settings: EngineSettings, on_unload: Callable[[], None] | None = None) -> None:
        self._load = load
        self._settings = settings
        self._on_unload = on_unload or (lambda: None)
        self._wake = threading.Condition()
        self._jobs: list[Job] = []
        self._current: Job | None = None
        self._waiting: list[Future[ModelInfo]] = []
        self._closing = False
        self._arrivals = 0
        self._home: Residence | None = None
        self.totals = Totals()
        self._thread = threading.Thread(target=self._work, name="tabby-engine", daemon=True)
        self._thread.start()

    @property
    def tokenizer(self) -> Vocabulary:
        """The vocabulary of the loaded model; raises `EngineError` while there is none."""
        return self._resident().model.vocabulary

    @property
    def info(self) -> ModelInfo:
        """What the loaded model says of itself; raises `EngineError` while there is none."""
        return self._resident().model.info

    @property
    def loaded(self) -> bool:
        """Whether a model is in memory."""
        return self._home is not None

    @property
    def busy(self) -> bool:
        """Whether a request is queued or under way."""
        with self._wake:
            return bool(self._jobs)

    @property
    def prefill_rate(self) -> float:
        """Prompt tokens a second, as lately measured; 0 where nothing has been yet."""
        home = self._home
        return home.evaluator.pace.prefill_rate if home else 0.0

    def _resident(self) -> Residence:
        home = self._home
        if home is None:
            raise EngineError("No model is loaded.", "Ask again in a moment.")
        return home

    def ready(self) -> Future[ModelInfo]:
        """A model in memory: loads it where it is not."""
        future: Future[ModelInfo] = Future()
        with self._wake:
            if self._closing:
                future.set_exception(Cancelled("closing"))
            elif self._home is not None:  # answered at once: the worker may be in the middle of a slice
                future.set_result(self._home.model.info)
            else:
                self._waiting.append(future)
                self._wake.notify()
        return future

    def submit(self, request: Request, on_text: Emit | None = None) -> Ticket:
        """Queue a request; a queued or running one with the same key is superseded.

        Args:
            request: what to generate.
            on_text: gets the first candidate's text in pieces, on the worker thread; it must return at once.
        """
        ticket = Ticket(request, self._on_cancel)
        with self._wake:
            if self._closing:
                ticket.future.set_exception(Cancelled("closing"))
                return ticket
            if only_prefills(request) and any(
                job.ticket.request.key == request.key and not only_prefills(job.ticket.request) for job in self._jobs
            ):
                ticket.future.set_exception(Cancelled("somebody is being answered there"))
                return ticket
            # with the lock held: the worker must not see the newer one before the older is cancelled
            for job in self._jobs:
                if job.ticket.request.key == request.key:
                    job.ticket.cancel(at_once=not request.prompt.goes_on_from(job.ticket.request.prompt))
            if self._current is not None and self._current.gives_way(request) and self._home is not None:
                self._home.model.abort.set(True)
            self._arrivals += 1
            self._jobs.append(Job(ticket, on_text, self._arrivals))
            self._wake.notify()
        return ticket

    def _on_cancel(self, ticket: Ticket, at_once: bool) -> None:
        with self._wake:
            if at_once and self._current is not None and self._current.ticket is ticket and self._home is not None:
                self._home.model.abort.set(True)
            self._wake.notify()

    def close(self) -> None:
        """End everything; what is under way raises `Cancelled`. Returns when the thread has ended (at most 1 s)."""
        with self._wake:
            self._closing = True
            tickets = [job.ticket for job in self._jobs]
            self._wake.notify()
        for ticket in tickets:
            ticket.cancel()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=1.0)

    # ---- the worker thread ------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            with self._wake:
                self._closing = True  # whatever ended the thread: nobody may wait for it from now on
                jobs, self._jobs = self._jobs, []
                waiting, self._waiting = self._waiting, []
            for job in jobs:
                job.end()  # gives back what lies in the model's memory, while there is one
            self._unload()
            for job in jobs:
                self._complete(job, Cancelled("closing"))
            for future in waiting:
                settle(future, Cancelled("closing"))

    def _turn(self) -> bool:
        """Do one step of whoever is next; False when the engine is closing."""
        with self._wake:
            if self._closing:
                return False
            self._drop_cancelled()
            idle = not self._jobs and not self._waiting
            if idle:
                limit = self._settings.idle_unload_s
                woken = self._wake.wait(timeout=limit if limit and self._home else None)
                if woken or self._jobs or self._waiting or self._home is None:
                    return True
            waiting, self._waiting = self._waiting, []
            job = min((job for job in self._jobs if not job.waits), key=lambda job: job.rank, default=None)
        if idle:
            self._unload()
            try:
                self._on_unload()
            except Exception:
                logger.exception("the listener for unloading failed")
            return True
        if not self._ensure_loaded(waiting):
            return True
        if job is not None:
            self._step(job)
        return True

    def _drop_cancelled(self) -> None:
        for job in [job for job in self._jobs if job.ticket.cancelled]:
            job.end()
            self._remove(job)
            self._complete(job, Cancelled("cancelled"))

    def _remove(self, job: Job) -> None:
        with self._wake:
            if job in self._jobs:
                self._jobs.remove(job)
            for other in self._jobs:
                other.waits = False

    def _ensure_loaded(self, waiting: list[Future[ModelInfo]]) -> bool:
        """Load the model where it is not; on failure everybody who waits is told why."""
        try:
            if self._home is None:
                self._home = Residence(self._load(), self._settings)
        except Exception as error:  # whatever it was, somebody waits for an answer
            fault = error if isinstance(error, TabbyError) else EngineFault(f"The model could not be loaded: {error}")
            logger.log(logging.DEBUG if isinstance(error, TabbyError) else logging.ERROR, "load failed", exc_info=True)
            with self._wake:
                jobs, self._jobs = self._jobs, []
                waiting += self._waiting
                self._waiting = []
            for job in jobs:
                self._complete(job, fault)
            for future in waiting:
                settle(future, fault)
            return False
        for future in waiting:
            settle(future, self._home.model.info)
        return True

    def _step(self, job: Job) -> None:
        home = self._resident()
        if job.steps is None:
            job.started = time.monotonic()
            home.look_at_load()
            job.generation = Generation(
                job.ticket,
                home.evaluator,
                home.kv,
                emit=job.emit,
                slice_tokens=home.slice,
                totals=self.totals,
                records=home.records,
            )
            job.steps = job.generation.steps()
        with self._wake:
            self._current = job
            home.model.abort.set(job.ticket.cancelled)
        outcome: Result | BaseException | None = None
        lost = False
        try:
            next(job.steps)
        except StopIteration:
            outcome = job.generation.result if job.generation else None
        except Occupied:
            job.steps, job.waits = None, not self._push_aside(job)
        except Aborted:
            outcome = Cancelled("cancelled")
        except TabbyError as error:
            outcome, lost = error, isinstance(error, EngineFault)
        except Exception as error:  # a stop rule's or a listener's: the generation has left the cells in order
            logger.exception("the engine failed")
            outcome = EngineFault(f"The engine failed: {error}", "The log says more.")
        finally:
            with self._wake:
                self._current = None
                home.model.abort.set(False)
        if lost and outcome is not None:
            self._forget(home, job, outcome)
        if outcome is not None:
            self._remove(job)
            if isinstance(outcome, Result):
                outcome.timings["queue"] = (job.started - job.submitted) * 1e3
            self._complete(job, outcome)

    def _push_aside(self, comer: Job) -> bool:
        """End the idle work that holds cells which somebody needs who is waited for.

        Returns:
            Whether there was any.
        """
        priority = comer.ticket.request.priority
        with self._wake:
            idle = [j for j in self._jobs if j.steps is not None and j.ticket.request.priority is Priority.IDLE]
        if priority is Priority.IDLE or not idle:
            return False
        for job in idle:
            job.ticket.cancel()
        return True

    def _forget(self, home: Residence, failed: Job, outcome: Result | BaseException) -> None:
        """Nothing is known about the cells after a fault; who has written on top of them cannot go on."""
        with self._wake:
            stranded = [job for job in self._jobs if job.steps is not None and job is not failed]
        for job in stranded:
            job.end()
            self._remove(job)
            self._complete(job, outcome)
        home.kv.clear()

    def _complete(self, job: Job, outcome: Result | BaseException) -> None:
        settle(job.ticket.future, outcome)

    def _unload(self) -> None:
        home, self._home = self._home, None
        if home is not None:
            home.close()
