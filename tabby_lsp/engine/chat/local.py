"""A chat model in this process: conversations laid out for it, and served by an engine at the priority of chat.

The engine may be completion's own: then a completion overtakes between two tokens and between two slices of the
conversation, and finds the cells of the KV cache that it may need (docs/decisions/0012).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import ceil

from tabby_lsp.config import Settings
from tabby_lsp.engine.chat.forms import Form
from tabby_lsp.engine.chat.templates import chat_form
from tabby_lsp.engine.chat.types import Conversation
from tabby_lsp.engine.types import Engine, Priority, Request, Ticket
from tabby_lsp.errors import TabbyError

AT_ONCE = 2
"""Completions that may hold cells at the same time: the one that is asked for and an older one that it overtook."""
BESIDE = 128
"""Tokens of a completion's prompt beyond its budgets: markers, file names, the tail, what is spelled again."""
KEY = "\0chat:"
"""What a key begins with, so that no conversation supersedes the completion of a document of that name."""
CHARACTERS = 3.0
"""A token's, roughly, while no model is in memory to count: code has 3 to 4, and too many tokens is the safe guess."""


def needed_beside(settings: Settings, completions: int = AT_ONCE) -> int:
    """Tokens of the KV cache that so many completions may need at one moment, one of them with all its candidates."""
    asked, context = settings.completion, settings.context
    prompt = asked.prefix_tokens + asked.suffix_tokens + (context.tokens if context.enabled else 0)
    return completions * (prompt + BESIDE + asked.max_tokens) + asked.max_tokens * max(0, asked.candidates - 1)


def left_to_completion(settings: Settings, context: int) -> int:
    """Tokens of a KV cache that chat leaves alone.

    Where it is too small for all, completion has half of it, and never less than what one of them needs: that one then
    waits for an older one at times, and never for chat.

    Args:
        settings: of completion.
        context: tokens in the cache.
    """
    return min(needed_beside(settings), max(context // 2, needed_beside(settings, 1)), context)


class LocalChat:
    """A chat model on an engine in this process (see `chat.types.ChatModel`).

    Args:
        engine: has been brought into memory at least once; making this waits for it where it has not.
        name: of the model, for people.
        settings: what completion may need beside it.
        alone: whether the engine serves nobody else; then all of its context is chat's, and closing closes it.

    Raises:
        TabbyError: the model cannot be loaded.
        Cancelled: the engine is being closed.
    """

    def __init__(self, engine: Engine, name: str, settings: Settings, *, alone: bool = False) -> None:
        info = engine.ready().result()
        self._engine = engine
        self._name = name
        self._alone = alone
        self._form: Form = chat_form(info, engine.tokenizer)
        left = info.context - (0 if alone else left_to_completion(settings, info.context))
        self._room = min(left, info.trained_context or left)
        self._leave = info.context - self._room
        self._lock = threading.Lock()
        self._tickets: set[Ticket] = set()

    @property
    def name(self) -> str:
        """The model's name, for people."""
        return self._name

    @property
    def room(self) -> int:
        """Tokens that a conversation and its answer may have together."""
        return self._room

    def count(self, text: str) -> int:
        """Tokens in a text; estimated from its length while the model is not in memory."""
        try:
            return self._engine.tokenizer.count(text)
        except TabbyError:
            return ceil(len(text) / CHARACTERS)

    def ask(self, conversation: Conversation, on_text: Callable[[str], None] | None = None) -> Ticket:
        """Begin an answer (see `chat.types.ChatModel.ask`)."""
        request = Request(
            key=KEY + conversation.key,
            prompt=self._form.prompt(conversation.messages),
            max_tokens=conversation.max_tokens,
            temperature=conversation.temperature,
            stop=conversation.enough,
            stop_markers=self._form.stop_markers,
            stop_texts=(*conversation.stop, *self._form.stop_texts),
            leave=self._leave,
            deadline=conversation.deadline,
            priority=Priority.CHAT,
        )
        ticket = self._engine.submit(request, on_text)
        with self._lock:
            self._tickets.add(ticket)
        ticket.future.add_done_callback(lambda _: self._over(ticket))
        return ticket

    def _over(self, ticket: Ticket) -> None:
        with self._lock:
            self._tickets.discard(ticket)

    def close(self) -> None:
        """End everything; what is under way raises `Cancelled`. Completion's engine is left to completion."""
        with self._lock:
            tickets = list(self._tickets)
        for ticket in tickets:
            ticket.cancel()
        if self._alone:
            self._engine.close()
