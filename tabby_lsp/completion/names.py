"""Which names there are, for a model that is to end one which the user has begun.

A small model knows how code goes on better than it knows what things are called. Whoever types the beginning of a name
mostly means one that exists. Where the model would end it as one that stands nowhere, and would nearly as soon end it
as one that does, it is that one: of the document, of its language, or of what was found in other files, whether the
prompt has room to show it or not.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from functools import cached_property

from tabby_lsp.document import Position, Snapshot
from tabby_lsp.syntax.symbols.vocabulary import reserved

NEARBY = 100_000
"""Characters on each side of the cursor whose words are known: some milliseconds of reading."""
BROKEN = "\ufffd"
"""Stands for a part of a character."""
WORD = re.compile(r"[^\W\d]\w*")
_BEGUN = re.compile(r"(?<!\w)[^\W\d]\w*\Z")
_NEW = re.compile(
    r"\b(?:class|const|def|enum|fn|func|function|import|interface|let|mod|package|struct|trait|type|var)\s+\w*\Z"
)
"""What a name that is being written is new behind."""


def names_at(snapshot: Snapshot, position: Position, found: Collection[str] = ()) -> Names | None:
    """The names that one which stands before the cursor may become; None where none is begun, or a new one is.

    Args:
        snapshot: the document.
        position: the cursor.
        found: names of other files.
    """
    line = snapshot.line_text(position.line)[: position.column]
    begun = _BEGUN.search(line)
    return Names(snapshot, position, begun[0], found) if begun and not _NEW.search(line) else None


class Names:
    """A preference (see `engine.types.Preference`) for names that exist.

    Args:
        snapshot: the document.
        position: the cursor.
        begun: the beginning of a name, before the cursor.
        found: names of other files.
    """

    def __init__(self, snapshot: Snapshot, position: Position, begun: str, found: Collection[str]) -> None:
        self._snapshot, self._position, self._begun, self._found = snapshot, position, begun, found

    def __call__(self, written: str, pieces: Sequence[str]) -> int:
        """Which of some pieces is to be written.

        Args:
            written: what has been written behind the cursor.
            pieces: what may follow, likeliest first, at least one.

        Returns:
            Its index; 0 where there is nothing to prefer, as behind the name.
        """
        begun = self._begun + written
        if not all(map(_in_word, written)) or BROKEN in pieces[0] or self._may_be(begun, pieces[0]):
            return 0
        return next((at for at, piece in enumerate(pieces) if piece and self._may_be(begun, piece)), 0)

    @cached_property
    def _names(self) -> list[str]:
        """All that are known, sorted; looked up when the model hesitates, and only then."""
        before, after = self._snapshot.before(self._position), self._snapshot.after(self._position)
        before = before[: len(before) - len(self._begun)]  # what is being typed is no name yet
        near = (*WORD.findall(before[-NEARBY:]), *WORD.findall(after[:NEARBY]))
        return sorted({*near, *self._found, *reserved(self._snapshot.language)})

    def _may_be(self, begun: str, piece: str) -> bool:
        """Whether a name exists that goes on like that, or ends there if the piece goes beyond it."""
        end = next((at for at, character in enumerate(piece) if not _in_word(character)), None)
        word = begun + piece[:end]
        at = bisect_left(self._names, word)
        following = self._names[at] if at < len(self._names) else ""
        return following == word if end is not None else following.startswith(word)


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"
