"""A server in the place of the engine that completes: the pipeline drives it as it drives the one in this process.

Nothing is evaluated ahead there, and nothing is prefetched from a server that somebody may pay for: those requests are
answered at once, or end at once. Where the connection breaks, the whole lines that have come are the answer.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import aclosing
from functools import partial

from tabby_lsp.engine.http import faults
from tabby_lsp.engine.http.kinds import Ask
from tabby_lsp.engine.http.runs import Run, Runs, answered
from tabby_lsp.engine.http.server import Server
from tabby_lsp.engine.http.shapes import Shape, kept_back, shape_for
from tabby_lsp.engine.http.writing import Counting, Echo, Emit, Writing
from tabby_lsp.engine.types import (
    Cancelled,
    Counters,
    Finish,
    ModelInfo,
    Priority,
    Request,
    Result,
    Ticket,
    Totals,
)
from tabby_lsp.errors import ProviderError, TabbyError

logger = logging.getLogger(__name__)

CHARACTERS = 3.2
"""Characters a token, assumed of code. The default model's vocabulary has 4.2 in Python's library, 4.1 in this program,
3.8 in TypeScript, Lua and JavaScript and 3.6 in C headers, and the estimate is 14 to 32 % too high there: a budget that
is met early costs less than a prompt that is refused."""
PREFILL_RATE = 1e6
"""Prompt tokens a second: a server's are not ours to wait for, so prompts are always whole."""
RUNAWAY = 64
"""Characters a token beyond which a server does not keep to `max_tokens`."""


class Estimate:
    """A tokenizer that nobody has seen (see `engine.types.Tokenizer`).

    Args:
        vocabulary: the markers that the model has.
    """

    def __init__(self, vocabulary: frozenset[str] = frozenset()) -> None:
        self._vocabulary = vocabulary

    def count(self, text: str) -> int:
        """Tokens, as estimated from the length: `CHARACTERS` a token, and one a line at least."""
        return max(math.ceil(len(text) / CHARACTERS), text.count("\n") + (not text.endswith("\n"))) if text else 0

    def has_marker(self, text: str) -> bool:
        """Whether the model has a special token of that text, by its name."""
        return text in self._vocabulary


class RemoteEngine:
    """An engine on a server (see `engine.types.Engine`).

    Args:
        server: that completes.
        context: tokens that a prompt and its completion may have together.

    Raises:
        ConfigError: the settings' template cannot be used.
    """

    def __init__(self, server: Server, context: int) -> None:
        self.server = server
        try:
            self._shape: Shape = shape_for(
                server.http.model_name,
                server.http.prompt_template,
                server.kind.prompt,
                "model.completion.http.prompt_template",
            )
        except TabbyError:
            server.close()
            raise
        self._runs = Runs(server.client)
        self._context = context
        self.tokenizer = Estimate(self._shape.vocabulary)
        """Estimates."""
        self.info = ModelInfo(
            metadata={"general.name": server.http.model_name},
            markers=dict(self._shape.roles),
            size=0,
            parameters=0,
            context=context,
            trained_context=context,
            offloaded=0,
            can_shift=False,
        )
        """What the settings say of the model."""
        self.totals = Totals()
        """What has been asked of the server."""

    @property
    def name(self) -> str:
        """The model's name, for people."""
        return self.server.name

    @property
    def prefill_rate(self) -> float:
        """More than any prompt has."""
        return PREFILL_RATE

    def ready(self) -> Future[ModelInfo]:
        """At once: whether the server is there is found out by asking it."""
        future: Future[ModelInfo] = Future()
        future.set_result(self.info)
        return future

    def submit(self, request: Request, on_text: Callable[[str], None] | None = None) -> Ticket:
        """Ask the server; what is under way with the same key is superseded, and its connection closed.

        Args:
            request: what to generate; `quick`, `draft` and `sampler` are of no use to a server.
            on_text: gets the first candidate's text in pieces, on the thread for servers; it must return at once.
        """
        if not request.max_tokens:
            return answered(request, Result((), Counters()))
        if request.priority is Priority.IDLE and not self.server.near:
            return answered(request, Cancelled("nothing is asked ahead of a server that somebody may pay for"))
        return self._runs.begin(request, partial(self._serve, on_text))

    def close(self) -> None:
        """End everything; requests under way raise `Cancelled`."""
        self._runs.close()
        self.server.close()

    # ---- on the thread for servers ------------------------------------------------------------------------------

    def _ask(self, request: Request) -> Ask:
        http, kind = self.server.http, self.server.kind
        prompt, suffix = self._shape.fields(request.prompt)
        stops = (*request.stop_texts, *http.additional_stop_words)
        return Ask(
            model=http.model_name,
            prompt=prompt,
            suffix=suffix,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            seed=request.seed,
            stop=stops if self._shape.roles else (*stops, *request.stop_markers),
            candidates=request.candidates if kind.several else 1,
        )

    async def _serve(self, on_text: Emit | None, run: Run) -> None:
        ticket, request = run.ticket, run.ticket.request
        ask = self._ask(request)
        stops = (*request.stop_texts, *self.server.http.additional_stop_words)
        ends = (*self._shape.ends, *request.stop_markers)
        lanes = [Writing(ends, stops, request.stop, None if nth else on_text) for nth in range(ask.candidates)]
        # `if x = ` is sent without its space: `= 5:` would fit what was sent, and not what stands in the document
        echoes = [Echo(kept_back(request.prompt), needed=True) for _ in lanes]
        ticket.logprobs, ticket.ends = lanes[0].logprobs, lanes[0].ends
        counting = Counting(ticket, self.totals, self.tokenizer.count(ask.prompt + ask.suffix), self.tokenizer.count)
        began = ticket.started = time.monotonic()
        first, theirs = 0.0, 0  # candidates that the server has ended itself
        left = None if request.deadline is None else max(0.0, request.deadline - began)
        try:
            async with asyncio.timeout(left), aclosing(self.server.answer(ask, request.deadline)) as chunks:
                async for chunk in chunks:
                    first = first or time.monotonic()
                    counting.add(chunk)
                    theirs += chunk.finish is not None
                    if chunk.index < len(lanes):
                        lane = lanes[chunk.index]
                        lane.add(echoes[chunk.index].without(chunk))
                        if echoes[chunk.index].missed:
                            lane.cut(Finish.RULE)
                        if len(lane.text) > RUNAWAY * request.max_tokens:
                            lane.cut(Finish.LENGTH)
                    if all(lane.finish for lane in lanes):
                        run.settle(_result(lanes, ticket, began, first))
                        if theirs < len(lanes):  # it would write on
                            break
        except TimeoutError:
            if not any(lane.text for lane in lanes):
                raise faults.down(self.server.place, "did not answer in time") from None
            for lane in lanes:
                lane.cut(Finish.DEADLINE)
        except ProviderError as error:
            if not _whole_lines(lanes):
                raise
            logger.debug("the whole lines that came are used: %s", error.message)
        finally:
            counting.end()
        run.settle(_result(lanes, ticket, began, first or time.monotonic()))


def _whole_lines(lanes: list[Writing]) -> bool:
    """Cut what is unfinished after its last whole line; False where there is none."""
    for lane in lanes:
        if lane.finish is None:
            lane.text = lane.text[: lane.text.rfind("\n") + 1]
            lane.cut(Finish.DEADLINE)
    return bool(lanes[0].text.strip())


def _result(lanes: list[Writing], ticket: Ticket, began: float, first: float) -> Result:
    counters = Counters(ticket.prompt, ticket.reused, ticket.evaluated, ticket.generated)
    timings = {"queue": 0.0, "prefill": (first - began) * 1e3, "decode": (time.monotonic() - first) * 1e3}
    return Result(tuple(lane.candidate() for lane in lanes), counters, timings)
