"""When an answer is enough: behind its code there is nothing that would be of use, and writing it takes time.

Nothing is guessed: at each line that may close a fence, what has come is read as a whole answer would be, and only if
it comes to an edit of all that was asked for the answer ends there. Behind an echo of the old code, a block of another
language or a piece of the function the model goes on.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from tabby_lsp.actions.edits import apply
from tabby_lsp.actions.outcome import read
from tabby_lsp.actions.reading.code import is_whole
from tabby_lsp.actions.reading.regions import Region
from tabby_lsp.actions.types import Form
from tabby_lsp.engine.types import Finish, StopRule, never

if TYPE_CHECKING:
    from tabby_lsp.actions.types import Brief

logger = logging.getLogger(__name__)

LONGEST = 60_000
"""Characters of a document beyond which nothing is read before the answer's end: this runs on the engine's thread,
where a completion may be waiting, and takes some 35 ms for 32,000 characters of Python and 90 for 84,000."""

# only a line that is over is known to be a fence: "```" may go on as "```python"
_FENCE = re.compile(r"^[ \t>]*(?:`{3,}|~{3,})(?=[ \t]*\n)", re.MULTILINE)


def enough(brief: Brief) -> StopRule:
    """When an answer to a brief may end before the model ends it; never, where its form is no code."""
    if brief.form not in (Form.CODE, Form.NEW) or len(brief.snapshot.text) > LONGEST:
        return never
    return _Enough(brief)


class _Enough:
    """A stop rule for one answer: remembers the fences that it has looked at."""

    def __init__(self, brief: Brief) -> None:
        self._brief = brief
        self._seen = 0

    def __call__(self, text: str) -> int | None:
        for fence in _FENCE.finditer(text, self._seen):
            self._seen = fence.end()
            if self._is_of_use(text[: fence.end()]):
                return fence.end()
        return None

    def _is_of_use(self, written: str) -> bool:
        try:
            edits, old = read(self._brief, written, Finish.RULE).edits, self._brief.snapshot
            # an echo of the old code may differ from it in blanks
            changes = bool(edits) and apply(old, edits).split() != old.text.split()
            return changes and is_whole(Region(self._brief), written)
        except Exception:  # the whole answer is read once more, and a fault told of there
            logger.exception("a part of an answer could not be read")
            return False
