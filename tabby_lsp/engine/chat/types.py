"""What a chat model is asked. What it answers is the engine's: a ticket whose first candidate is the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from tabby_lsp.engine.types import StopRule, Ticket, never


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: who speaks.
        text: what is said; never searched for the model's own markers.
    """

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A question to a chat model.

    Attributes:
        key: whose it is; a newer one with the same key supersedes an older one.
        messages: the turns so far, the last one the user's. An assistant's last turn is one to be continued.
        max_tokens: most tokens of the answer.
        temperature: 0 for the most probable token each time.
        stop: texts that end the answer; they are not part of it.
        enough: when the answer may end before the model ends it; called with each piece, on a thread of the model's.
        deadline: `time.monotonic()` seconds after which what is there is the answer; None: no limit.
    """

    key: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    enough: StopRule = never
    deadline: float | None = None


class ChatModel(Protocol):
    """Somebody who answers; all methods may be called from any thread and return at once."""

    @property
    def name(self) -> str:
        """The model's name, for people."""
        ...

    @property
    def room(self) -> int:
        """Tokens that a conversation and its answer may have together."""
        ...

    def count(self, text: str) -> int:
        """Tokens in a text, exactly or as estimated from its length."""
        ...

    def ask(self, conversation: Conversation, on_text: Callable[[str], None] | None = None) -> Ticket:
        """Begin an answer.

        Args:
            conversation: what is said so far.
            on_text: gets the answer in pieces, on a thread of the model's; it must return at once.

        Returns:
            The ticket: its future brings a `Result` of one candidate, or raises `Cancelled` or a `TabbyError`, such as
            `PromptTooLong` where the conversation has no room. Cancelling it ends the work, and closes a connection.
        """
        ...

    def close(self) -> None:
        """End everything; what is under way raises `Cancelled`."""
        ...
