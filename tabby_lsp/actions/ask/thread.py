"""A thread of questions: what was asked and answered, so that "and where is it called?" can be asked. Kept as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tabby_lsp.actions.ask.retrieve import names_in
from tabby_lsp.actions.types import Source
from tabby_lsp.errors import ActionError

KEPT = 20
"""Turns of a thread; no model's room has more of them."""
NAMES = 6
"""Names of the last answer that the next search looks for too."""
FORM = 1
"""Of the file."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer.

    Attributes:
        question: as it was asked.
        answer: Markdown with citations; empty where nothing relevant was found.
        sources: that the answer cites.
    """

    question: str
    answer: str
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """Turns, oldest first."""

    turns: tuple[Turn, ...] = ()

    def followed(self, turn: Turn) -> Thread:
        """The thread with one more turn; the oldest go."""
        return replace(self, turns=(*self.turns, turn)[-KEPT:])

    @property
    def last(self) -> Turn | None:
        """The last question that had an answer."""
        return next((turn for turn in reversed(self.turns) if turn.answer), None)

    @property
    def about(self) -> tuple[str, ...]:
        """Names that the last answer speaks of, the most often named first, and what its first source defines."""
        last = self.last
        if last is None:
            return ()
        named = [name for name, _ in Counter(names_in(last.answer)).most_common(NAMES)]
        named += [symbol for source in last.sources[:1] for symbol in source.symbols[:1]]
        return tuple(dict.fromkeys(named))[:NAMES]


def load(file: Path) -> Thread:
    """Read a thread; an empty one where there is no file yet.

    Raises:
        ActionError: it is not one of ours, or cannot be read.
    """
    try:
        data = json.loads(file.read_text("utf-8"))
        if data["form"] != FORM:
            raise ValueError(f"it has form {data['form']}")
        turns = [Turn(turn["question"], turn["answer"], tuple(map(_source, turn["sources"]))) for turn in data["turns"]]
    except FileNotFoundError:
        return Thread()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ActionError(f"{file} holds no thread of questions: {error}.", "Name another file.") from None
    return Thread(tuple(turns[-KEPT:]))


def save(thread: Thread, file: Path) -> None:
    """Write a thread; it is the old one or the new one, never half of it.

    Raises:
        ActionError: it cannot be written.
    """
    data = {"form": FORM, "turns": [asdict(turn) for turn in thread.turns]}
    written = file.with_name(f"{file.name}.new")
    try:
        written.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8", newline="\n")
        written.replace(file)
    except OSError as error:
        raise ActionError(f"The thread cannot be kept in {file}: {error.strerror}.", "Name another file.") from None


def _source(data: dict[str, object]) -> Source:
    number, start, end = (int(str(data[name])) for name in ("number", "start", "end"))
    symbols = data["symbols"]
    if not isinstance(symbols, list):
        raise TypeError("symbols are no list")
    return Source(number, str(data["path"]), start, end, str(data["text"]), tuple(map(str, symbols)))
