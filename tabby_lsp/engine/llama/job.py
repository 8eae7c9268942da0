"""A request on its way through the worker, and how its future is completed."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from tabby_lsp.engine.llama.generate import Generation
from tabby_lsp.engine.llama.reading import Steps
from tabby_lsp.engine.llama.writing import Emit
from tabby_lsp.engine.types import Priority, Request, Ticket

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Job:
    """A ticket in the queue or under way."""

    ticket: Ticket
    emit: Emit | None
    arrival: int
    submitted: float = field(default_factory=time.monotonic)
    started: float = 0.0
    generation: Generation | None = None
    steps: Steps | None = None
    waits: bool = False  # for one of the generations under way to end

    @property
    def rank(self) -> tuple[int, int]:
        """Who goes first: the smaller priority number, then the newer arrival."""
        return self.ticket.request.priority, -self.arrival

    def gives_way(self, comer: Request) -> bool:
        """Whether what runs is evaluated in advance, or can be evaluated again, and somebody more urgent has come."""
        request, generation = self.ticket.request, self.generation
        yields = only_prefills(request) or (generation is not None and generation.interruptible)
        return yields and comer.priority < request.priority

    def end(self) -> None:
        """Stop a generation under way; what it held in the cache is given back."""
        if self.steps is not None:
            self.steps.close()


def only_prefills(request: Request) -> bool:
    """Whether it is idle work that only brings a prompt into the cache."""
    return request.priority is Priority.IDLE and not request.max_tokens


def settle(future: Future[T], outcome: T | BaseException) -> None:
    """Complete a future once, with a value or an exception."""
    if not future.set_running_or_notify_cancel():
        return  # the loop that waited has given up on it, and nobody listens
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
