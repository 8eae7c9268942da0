"""How a question is put to a model: earlier turns, the sources with their numbers, and the question at the end.

The default model has half a billion weights and reads some 150 tokens a second on two cores: it is shown few sources,
and told last what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tabby_lsp.actions.ask.thread import Thread, Turn
from tabby_lsp.actions.excerpt import Count, whole_lines
from tabby_lsp.actions.prompts import TURN_TOKENS, fence_of, fenced
from tabby_lsp.actions.types import Source
from tabby_lsp.engine.chat.types import Message
from tabby_lsp.errors import ActionError
from tabby_lsp.syntax.languages import language_of

ANSWER = 512
"""Tokens of an answer; longer ones repeat themselves with small models."""
PER_SOURCE = 240
"""Tokens of a source, on average: a chunk of the index is some 25 lines."""
LEAST = 48
"""Tokens below which a source is not shown at all."""
HISTORY_SHARE = 4
"""One part in so many of the room is for earlier turns."""
SYSTEM = (
    "You answer questions about a code repository, briefly and exactly, from the numbered sources that you are given."
)
REQUEST = (
    "Answer the question from the sources above and nothing else, in a few sentences of Markdown. Behind each "
    "statement put the number of the source that it is from, like [1]. If the sources do not answer it, say so.\n\n"
    "Question: "
)


@dataclass(frozen=True, slots=True)
class Put:
    """A question as it is put.

    Attributes:
        messages: for the model.
        sources: that had room, with the numbers by which they were shown.
        max_tokens: of the answer.
    """

    messages: tuple[Message, ...]
    sources: tuple[Source, ...]
    max_tokens: int


def put(
    question: str, sources: Sequence[Source], thread: Thread, count: Count, room: int, max_tokens: int = ANSWER
) -> Put:
    """Lay out a question within the room of a model.

    Args:
        question: of the user.
        sources: the best first, numbered.
        thread: what was said before; its oldest turns are left out where there is no room.
        count: tokens in a text.
        room: tokens for messages and answer.
        max_tokens: most of the answer.

    Raises:
        ActionError: there is no room for the question and one source.
    """
    answer = min(max_tokens, ANSWER, room // 3)
    asked = f"{REQUEST}{question}"
    left = room - answer - 2 * TURN_TOKENS - count(SYSTEM) - count(asked)
    history, spent = _history(thread.turns, left // HISTORY_SHARE, count)
    shown, texts = _shown(sources, min(left - spent, PER_SOURCE * len(sources)), count)
    if not shown:
        raise ActionError("The chat model has no room for this question.", "Ask it in fewer words, or start anew.")
    request = "\n\n".join([*texts, asked])
    return Put((Message("system", SYSTEM), *history, Message("user", request)), shown, answer)


def _history(turns: Sequence[Turn], tokens: int, count: Count) -> tuple[list[Message], int]:
    """The last turns that have room, without their sources, and what they cost."""
    messages: list[Message] = []
    spent = 0
    for turn in reversed([turn for turn in turns if turn.answer]):
        cost = count(turn.question) + count(turn.answer) + 2 * TURN_TOKENS
        if spent + cost > tokens:
            break
        spent += cost
        messages[:0] = [Message("user", turn.question), Message("assistant", turn.answer)]
    return messages, spent


def _shown(sources: Sequence[Source], tokens: int, count: Count) -> tuple[tuple[Source, ...], list[str]]:
    """Sources as they are shown; what a short one leaves of its share is for those behind it."""
    shown: list[Source] = []
    texts: list[str] = []
    for place, source in enumerate(sources):
        share = max(tokens // (len(sources) - place), min(tokens, LEAST))
        text = _text(source, share, count)
        if text:
            shown.append(source)
            texts.append(text)
            tokens -= count(f"{text}\n\n")
    return tuple(shown), texts


def _text(source: Source, tokens: int, count: Count) -> str:
    title = f"[{source.number}] {source.path}"
    fence = fence_of(language_of(source.path))
    frame = count(f"{title}\n{fenced('', fence)}\n\n")
    text = whole_lines(source.text.strip("\n"), tokens - frame - 1, count)
    return f"{title}\n{fenced(text, fence)}" if text.strip() else ""
