"""Which names there are at a cursor, for a model that hesitates between one that exists and one that does not.

A small model knows how code goes on better than it knows what things are called. Where it is about to write a name that
stands nowhere, and another one that does is nearly as likely, that one is written: names of the document, of its
language, and of what was found in other files, whether the prompt has room to show it or not.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from functools import cached_property

from tabby_lsp.document import Position, Snapshot
from tabby_lsp.syntax.languages import language
from tabby_lsp.syntax.lexical import stretch_at_end
from tabby_lsp.syntax.symbols.vocabulary import reserved

NEARBY = 100_000
"""Characters on each side of the cursor whose words are known: some milliseconds of reading."""
BROKEN = "\ufffd"
"""Stands for a part of a character."""
WORD = re.compile(r"[^\W\d]\w*")
_PART = re.compile(r"(?:[^\W\d]\w*)?\Z")
_NEW = re.compile(
    r"\b(?:class|const|def|enum|fn|func|function|import|interface|let|mod|package|struct|trait|type|var)\s+\w*\Z"
)
"""What a name that is about to be written is new behind."""


class Names:
    """A preference (see `engine.types.Preference`) for names that exist.

    Args:
        snapshot: the document.
        position: the cursor.
        found: names of other files.
    """

    def __init__(self, snapshot: Snapshot, position: Position, found: Collection[str] = ()) -> None:
        self._language = language(snapshot.language)
        self._snapshot, self._position, self._found = snapshot, position, found
        self._line = snapshot.line_text(position.line)[: position.column]

    def __call__(self, written: str, pieces: Sequence[str]) -> int:
        """Which of some pieces is to be written.

        Args:
            written: what has been written behind the cursor.
            pieces: what may follow, likeliest first, at least one.

        Returns:
            Its index; 0 where there is nothing to prefer.
        """
        text = self._line + written
        line = text.rpartition("\n")[2]
        part = _part(line)
        new = set(WORD.findall(text[: len(text) - len(part)]))
        if BROKEN in pieces[0] or self._exist(part, pieces[0], new):
            return 0
        if _NEW.search(line) or stretch_at_end(self._language, text):
            return 0
        goes_on = bool(part) and _in_word(pieces[0][:1])
        for index, piece in enumerate(pieces[1:], start=1):
            # in place of a new word another word; in place of the rest of one also its end
            if piece and (goes_on or WORD.search(piece)) and self._exist(part, piece, new):
                return index
        return 0

    @cached_property
    def _names(self) -> list[str]:
        """All that are known before anything is written, sorted; looked up when somebody hesitates, and only then."""
        before, after = self._snapshot.before(self._position), self._snapshot.after(self._position)
        before = before[: len(before) - len(_part(self._line))]  # what is being typed is no name yet
        near = (*WORD.findall(before[-NEARBY:]), *WORD.findall(after[:NEARBY]))
        return sorted({*near, *self._found, *reserved(self._snapshot.language)})

    def _exist(self, part: str, piece: str, new: set[str]) -> bool:
        """Whether all names in a piece do, the last one as far as it goes; `new`: words of the line and of the text."""
        text = part + piece
        return all(
            self._exists(word[0], new, is_whole=word.end() < len(text))
            for word in WORD.finditer(text)
            if word.end() > len(part) or (word.end() == len(part) and piece)
        )

    def _exists(self, word: str, new: set[str], *, is_whole: bool) -> bool:
        at = bisect_left(self._names, word)
        following = self._names[at] if at < len(self._names) else ""
        if is_whole:
            return following == word or word in new
        return following.startswith(word) or any(one.startswith(word) for one in new)


def _part(line: str) -> str:
    """The beginning of a name with which a line ends; empty where it ends otherwise."""
    found = _PART.search(line)
    return found[0] if found else ""


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"
