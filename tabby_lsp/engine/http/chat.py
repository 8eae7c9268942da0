"""A server in the place of the model that chats."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from functools import partial

from tabby_lsp.engine.chat.types import Conversation
from tabby_lsp.engine.http import faults
from tabby_lsp.engine.http.kinds import Ask
from tabby_lsp.engine.http.remote import RUNAWAY, Estimate
from tabby_lsp.engine.http.runs import Run, Runs, answered
from tabby_lsp.engine.http.server import Server
from tabby_lsp.engine.http.writing import Counting, Echo, Emit, Writing
from tabby_lsp.engine.types import Counters, Finish, Priority, Prompt, Request, Result, Ticket, Totals

ROOM = 16_384
"""Tokens that a conversation and its answer may have together, where the settings do not say: what an action or a
question needs at most, and less than the servers' models have."""
A_TURN = 8
"""Tokens that a turn costs beside its text."""


class RemoteChat:
    """A chat model on a server (see `engine.chat.types.ChatModel`).

    Args:
        server: that chats.
        room: tokens that a conversation and its answer may have together; 0: `ROOM`.
    """

    def __init__(self, server: Server, room: int = 0) -> None:
        self.server = server
        self.room = room or ROOM
        """Tokens that a conversation and its answer may have together."""
        self._runs = Runs(server.client)
        self._estimate = Estimate()
        self.totals = Totals()
        """What has been asked of the server."""

    @property
    def name(self) -> str:
        """The model's name, for people."""
        return self.server.name

    def count(self, text: str) -> int:
        """Tokens in a text, as estimated from its length."""
        return self._estimate.count(text)

    def ask(self, conversation: Conversation, on_text: Callable[[str], None] | None = None) -> Ticket:
        """See `ChatModel.ask`. Closing the ticket closes the connection; an answer that breaks off is an error."""
        tokens = sum(self.count(message.text) + A_TURN for message in conversation.messages)
        request = Request(
            key=conversation.key,
            prompt=Prompt(tuple(message.text for message in conversation.messages)),
            max_tokens=conversation.max_tokens,
            temperature=conversation.temperature,
            deadline=conversation.deadline,
            priority=Priority.CHAT,
        )
        if tokens + conversation.max_tokens > self.room:
            return answered(request, faults.too_long(self.server.place))
        return self._runs.begin(request, partial(self._serve, conversation, tokens, on_text))

    def close(self) -> None:
        """End everything; what is under way raises `Cancelled`."""
        self._runs.close()
        self.server.close()

    # ---- on the thread for servers ------------------------------------------------------------------------------

    async def _serve(self, conversation: Conversation, tokens: int, on_text: Emit | None, run: Run) -> None:
        ticket, http = run.ticket, self.server.http
        stops = (*conversation.stop, *http.additional_stop_words)
        writing = Writing((), stops, conversation.enough, on_text)
        counting = Counting(ticket, self.totals, tokens, self.count)
        last = conversation.messages[-1]
        echo = Echo(last.text if last.role == "assistant" else "")  # Mistral's server repeats what it continues
        ask = Ask(
            model=http.model_name,
            messages=tuple({"role": message.role, "content": message.text} for message in conversation.messages),
            max_tokens=conversation.max_tokens,
            temperature=conversation.temperature,
            stop=stops,
        )
        began = ticket.started = time.monotonic()
        first = 0.0
        left = None if conversation.deadline is None else max(0.0, conversation.deadline - began)
        try:
            async with asyncio.timeout(left), aclosing(self.server.answer(ask, conversation.deadline)) as chunks:
                async for chunk in chunks:
                    first = first or time.monotonic()
                    counting.add(chunk)
                    writing.add(echo.without(chunk))
                    if len(writing.text) > RUNAWAY * conversation.max_tokens:
                        writing.cut(Finish.LENGTH)
                    if writing.finish:
                        run.settle(_result(writing, ticket, began, first))
                        if not chunk.finish:
                            break
        except TimeoutError:
            if not writing.text:
                raise faults.down(self.server.place, "did not answer in time") from None
            writing.cut(Finish.DEADLINE)
        finally:
            counting.end()
        run.settle(_result(writing, ticket, began, first or time.monotonic()))


def _result(writing: Writing, ticket: Ticket, began: float, first: float) -> Result:
    counters = Counters(ticket.prompt, ticket.reused, ticket.evaluated, ticket.generated)
    timings = {"queue": 0.0, "prefill": (first - began) * 1e3, "decode": (time.monotonic() - first) * 1e3}
    return Result((writing.candidate(),), counters, timings)
