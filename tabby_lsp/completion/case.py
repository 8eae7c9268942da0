"""What the rules and transforms know of the place of a question: the lines around the cursor, without their ends."""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from tabby_lsp.completion.types import Ask, Trigger
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.syntax.scope import Scope

logger = logging.getLogger(__name__)

FOLLOWING = 30
"""Lines below the cursor that a suggestion is compared with."""
OPENERS = (":", "{")
"""Ends of lines that open a block."""
PROSE = frozenset({"plaintext", "markdown", "restructuredtext", "latex", "gitcommit", "git-commit"})
"""Languages in which indentation says nothing about blocks."""
UNIT_LINES = 400
"""Lines that say what a file indents with."""
PARSE_S = 0.001
"""Seconds that a typist's document, or a suggestion in it, is parsed before it is judged by its lines. What takes
longer is mostly a key that breaks the code, where tree-sitter has to recover, up to 20 ms; lines said the same of the
cursor in 6,279 of 6,286 cases."""
TAB = 8
"""Columns of a tab when indentations are compared: any number that is the same for all lines will do."""


# Nothing that waits for `look` is a cached property: in Python 3.11 those of all cases share a lock, and the event loop
# would wait behind another thread that waits for it.


@dataclass(frozen=True)
class Case:
    """One cursor, and what a suggestion there must agree with.

    Attributes:
        snapshot: the document.
        position: the cursor.
        look: finds out what syntax says of the cursor, and remembers it: it costs some milliseconds, and typing along a
            suggestion needs none of it.
        max_lines: most lines of a suggestion.
        markers: texts of special tokens, which must never reach a buffer.
        invoked: whether it was asked for by hand.
    """

    snapshot: Snapshot
    position: Position
    look: Callable[[], Scope]
    max_lines: int
    markers: tuple[str, ...] = ()
    invoked: bool = False

    @property
    def scope(self) -> Scope:
        """What syntax says of the cursor."""
        return self.look()

    @property
    def parse_s(self) -> float:
        """Seconds of parsing for this question: who asks by hand can wait for all of it."""
        return math.inf if self.invoked else PARSE_S

    @property
    def multiline(self) -> bool:
        """Whether more than one line makes sense."""
        return self.scope.multiline and self.max_lines > 1

    @cached_property
    def line_before(self) -> str:
        """The cursor's line, up to the cursor."""
        return self.snapshot.line_text(self.position.line)[: self.position.column]

    @cached_property
    def rest(self) -> str:
        """The cursor's line, from the cursor on."""
        return self.snapshot.line_text(self.position.line)[self.position.column :]

    @cached_property
    def following(self) -> tuple[str, ...]:
        """The lines below the cursor's, without their endings.

        At a line's start before code, the code of that very line is below the cursor.
        """
        first = self.position.line + (0 if self.rest.strip() and not self.line_before else 1)
        last = min(first + FOLLOWING, len(self.snapshot.lines))
        return tuple(self.snapshot.line_text(line) for line in range(first, last))

    @cached_property
    def preceding(self) -> tuple[str, ...]:
        """The lines above the cursor's, nearest last."""
        first = max(0, self.position.line - FOLLOWING)
        return tuple(self.snapshot.line_text(line) for line in range(first, self.position.line))

    @cached_property
    def next_line(self) -> str:
        """The first line below that is not blank; empty where there is none."""
        return next((line for line in self.following if line.strip()), "")

    @cached_property
    def indent(self) -> int:
        """Columns by which the cursor's line is indented; an empty line counts as what is before the cursor."""
        return indentation(self.line_before)

    @cached_property
    def indent_unit(self) -> str:
        """What the file indents with: a tab, the step that its lines most often take, or nothing if they take none."""
        lines = [line for line in self.snapshot.lines[:UNIT_LINES] if line.strip()]
        if sum(line.startswith("\t") for line in lines) > sum(line.startswith(" ") for line in lines):
            return "\t"
        steps = Counter(b - a for a, b in pairwise(map(indentation, lines)) if 1 < b - a <= TAB)
        return " " * max(steps, key=lambda step: (steps[step], -step), default=0)

    @cached_property
    def above(self) -> str:
        """The nearest line above that is not blank; empty where there is none."""
        return next((line for line in reversed(self.preceding) if line.strip()), "")

    @property
    def lead(self) -> str:
        """Indentation that whatever is written here must begin with, beyond what stands before the cursor.

        A blank line between two indented ones is in their block, or is the head of the lower one's (`else:`), one
        step less. At the margin it would tear the block apart: models that see a docstring end above like to write
        `if __name__` there. Below a line that opens a block it is one step in.
        """
        if self.line_before.strip() or (self.rest.strip() and self.line_before) or self.snapshot.language in PROSE:
            return ""
        unit = self.indent_unit
        if self.above.rstrip().endswith(OPENERS):
            indent = space_before(self.above) + unit
        else:
            indent = space_before(min(self.above, self.next_line, key=indentation))
            if len(indent) > len(unit):
                indent = indent[: len(indent) - len(unit)]
        lead = indent[len(self.line_before) :] if indent.startswith(self.line_before) else ""
        return "" if lead and (self.scope.in_string or self.scope.in_comment) else lead


class Looking:
    """What syntax says of a case, found out on the event loop while another thread works on the question.

    A parse and the model's first steps hold the interpreter both; once the model evaluates, a parse delays nobody.

    Args:
        case: of the event loop.

    Attributes:
        beside: the case as other threads may use it: who needs its scope sooner waits for `look`.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._found: Future[Scope] = Future()
        self._thread = threading.get_ident()
        self.beside = replace(case, look=self._awaited)

    def look(self) -> None:
        """Find it out, where it is not yet; whatever comes of it, nobody waits any longer."""
        if self._found.done():
            return
        try:
            self._found.set_result(self._case.scope)
        except Exception as error:
            self._found.set_exception(error)
            logger.exception("the place of a question could not be made out")

    def _awaited(self) -> Scope:
        if threading.get_ident() == self._thread:  # an engine that works on the event loop
            self.look()
        return self._found.result()


def case_for(ask: Ask, look: Callable[[], Scope], settings: CompletionSettings, markers: tuple[str, ...]) -> Case:
    """The case of a question."""
    return Case(
        snapshot=ask.snapshot,
        position=ask.position,
        look=look,
        max_lines=max(1, settings.max_lines),
        markers=markers,
        invoked=ask.trigger is Trigger.INVOKED,
    )


def space_before(line: str) -> str:
    """The white space before a line's first character."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def indentation(line: str) -> int:
    """Columns of white space before a line's first character."""
    return len(space_before(line).expandtabs(TAB))
