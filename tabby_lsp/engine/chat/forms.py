"""How a conversation is laid out for a model: what stands before, between and after the turns.

A `Form` is all that is known of a model's template. The turns' texts are put in here, as plain text, which is never
searched for markers: what a file says cannot end a turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tabby_lsp.engine.chat.types import Message
from tabby_lsp.engine.types import Marker, Piece, Prompt

Pieces = tuple[Piece, ...]

MARKER_LIKE = re.compile(r"<[^<>\n]{1,80}>|\[[^\[\]\n]{1,80}\]")
"""What may be a marker in a template's own text; whether it is one, the vocabulary says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around the turns, as a template writes it.

    Attributes:
        system: before the system's text; None: such a model knows no system, and is told in the first user's turn.
        system_user: between the system's text and the user's.
        user: before the user's text, where there is no system's.
        user_assistant: between the user's text and an answer that was given.
        assistant_user: between an answer and the user's next text.
        answer: after the last text of the user, where the answer begins.
    """

    system: str | None
    system_user: str
    user: str
    user_assistant: str
    assistant_user: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A frame, cut into markers and plain text for one vocabulary; its attributes are the frame's.

    Attributes:
        stop_markers: texts of special tokens that end an answer, beside the ones that the model file names.
        stop_texts: plain texts that end an answer, where a model knows no marker for that.
    """

    system: Pieces | None
    system_user: Pieces
    user: Pieces
    user_assistant: Pieces
    assistant_user: Pieces
    answer: Pieces
    stop_markers: tuple[str, ...]
    stop_texts: tuple[str, ...]

    def prompt(self, messages: Sequence[Message]) -> Prompt:
        """Lay out a conversation.

        Args:
            messages: the turns. Neighbours of the same role become one turn, what the system says later is said by
                the user, and an answer that stands first follows an empty question: models know no such things.
        """
        system, turns = _in_turns(messages)
        if self.system is not None and system:
            pieces: list[Piece] = [*self.system, system, *self.system_user]
        else:
            pieces = [*self.user]
            turns[0] = "\n\n".join(text for text in (system, turns[0]) if text)
        last = len(turns) - 1
        for nth, text in enumerate(turns):
            pieces.append(text)
            if nth % 2 == 0:
                pieces += self.answer if nth >= last - 1 else self.user_assistant
            elif nth < last:
                pieces += self.assistant_user
        return Prompt(tuple(piece for piece in pieces if piece != ""))


def _in_turns(messages: Sequence[Message]) -> tuple[str, list[str]]:
    """The system's text, and the turns of user and assistant, one after the other, the user's first."""
    first = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    system = "\n\n".join(message.text for message in messages[:first])
    turns: list[str] = [""]
    assistant = False
    empty = True
    for message in messages[first:]:
        if (message.role == "assistant") is not assistant:
            assistant, empty = not assistant, True
            turns.append("")
        turns[-1] = message.text if empty else f"{turns[-1]}\n\n{message.text}"
        empty = False
    return system, turns


def form_of(frame: Frame, has_marker: Callable[[str], bool], own_bos: str = "") -> Form:
    """Cut a frame into markers and text.

    Args:
        frame: what a template writes.
        has_marker: whether a vocabulary has a special token of that text.
        own_bos: text of the token that the engine puts before each prompt itself; it is not put there twice.
    """

    def cut(text: str) -> Pieces:
        return tuple(_cut(text, has_marker))

    def cut_first(text: str) -> Pieces:
        pieces = cut(text)
        return pieces[1:] if own_bos and pieces[:1] == (Marker(own_bos),) else pieces

    after = cut(frame.assistant_user)
    markers = tuple(dict.fromkeys(piece.text for piece in after if isinstance(piece, Marker)))
    spoken = frame.assistant_user.strip()
    return Form(
        system=None if frame.system is None else cut_first(frame.system),
        system_user=cut(frame.system_user),
        user=cut_first(frame.user),
        user_assistant=cut(frame.user_assistant),
        assistant_user=after,
        answer=cut(frame.answer),
        stop_markers=markers,
        stop_texts=() if markers or not spoken else (f"\n{spoken.splitlines()[0]}",),
    )


def _cut(text: str, has_marker: Callable[[str], bool]) -> list[Piece]:
    pieces: list[Piece] = []
    done = 0
    for found in MARKER_LIKE.finditer(text):
        if has_marker(found.group()):
            pieces += [text[done : found.start()], Marker(found.group())]
            done = found.end()
    return [piece for piece in (*pieces, text[done:]) if piece != ""]
