"""Which names there are, for a model that is to end one which the user has begun.

A small model knows how code goes on better than it knows what things are called. Whoever types the beginning of a name
mostly means one that exists: of the document, of its language, of what was found in other files, or anywhere in the
repository. They cost no room in a prompt, and so no time.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from functools import cached_property

from tabby_lsp.document import Position, Snapshot
from tabby_lsp.syntax.symbols.vocabulary import reserved

NEARBY = 100_000
"""Characters on each side of the cursor whose words are known: some milliseconds of reading."""
BEGUN_FROM, ASKED_FROM = 2, 3
"""Characters of a name from which on names count, and all of the repository is asked: fewer begin too much."""
MOST = 256
"""Names between which a model may choose; where there are more, nothing is known."""
LAST = "\U0010ffff"
"""Stands behind every letter."""
WORD = re.compile(r"[^\W\d]\w*")
_BEGUN = re.compile(r"(?<!\w)[^\W\d]\w*\Z")
_NEW = re.compile(
    r"\b(?:class|const|def|enum|fn|func|function|import|interface|let|mod|package|struct|trait|type|var)\s+\w*\Z"
)
"""What a name that is being written is new behind."""


Asked = Future[tuple[str, ...]]


def names_at(
    snapshot: Snapshot,
    position: Position,
    found: Collection[str] = (),
    ask: Callable[[Snapshot, str], Asked | None] = lambda snapshot, start: None,
) -> Names | None:
    """The names that one which stands before the cursor may become; None where hardly one is begun, or a new one is.

    Args:
        snapshot: the document.
        position: the cursor.
        found: names of other files.
        ask: asks for the names of the repository that begin in some way; nobody waits for them.
    """
    line = snapshot.line_text(position.line)[: position.column]
    begun = _BEGUN.search(line)
    if begun is None or len(begun[0]) < BEGUN_FROM or _NEW.search(line):
        return None
    asked = ask(snapshot, begun[0]) if len(begun[0]) >= ASKED_FROM else None
    return Names(snapshot, position, begun[0], found, asked)


class Names:
    """A preference (see `engine.types.Preference`) for names that exist.

    Args:
        snapshot: the document.
        position: the cursor.
        begun: the beginning of a name, before the cursor.
        found: names of other files.
        asked: more of them, if they have come when the model is about to write.
    """

    def __init__(
        self, snapshot: Snapshot, position: Position, begun: str, found: Collection[str], asked: Asked | None = None
    ) -> None:
        self._snapshot, self._position, self._begun = snapshot, position, begun
        self._found, self._asked = found, asked

    def __call__(self, written: str) -> Sequence[str]:
        """What may follow for the name to be one that exists.

        Args:
            written: what has been written behind the cursor.

        Returns:
            The rests of names, empty text for its end; nothing behind the name, where there is none, or too many.
        """
        if not all(map(_in_word, written)):
            return ()
        begun = self._begun + written
        low = bisect_left(self._names, begun)
        high = bisect_left(self._names, begun + LAST, lo=low)
        return [name[len(begun) :] for name in self._names[low:high]] if high - low <= MOST else ()

    @cached_property
    def _names(self) -> list[str]:
        """All that are known and begin like that, sorted; looked up when the model is about to write."""
        before, after = self._snapshot.before(self._position), self._snapshot.after(self._position)
        before = before[: len(before) - len(self._begun)]  # what is being typed is no name yet
        near = (*_words(before[-NEARBY:], self._begun), *_words(after[:NEARBY], self._begun))
        others = (*self._found, *reserved(self._snapshot.language), *self._answered())
        return sorted({*near, *(name for name in others if name.startswith(self._begun))})

    def _answered(self) -> tuple[str, ...]:
        asked = self._asked
        if asked is None or not asked.done() or asked.cancelled() or asked.exception() is not None:
            return ()
        return asked.result()


def _words(text: str, start: str) -> Iterator[str]:
    """The words of a text that begin in some way: what stands before one is looked at last, as that takes the time."""
    for found in re.finditer(rf"{re.escape(start)}\w*", text):
        if not (found.start() and _in_word(text[found.start() - 1])):
            yield found[0]


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"
