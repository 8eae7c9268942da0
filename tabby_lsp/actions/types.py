"""What a code action is about, what the model is asked for it, and what its answer becomes. No protocol, no model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.chat.types import Message

if TYPE_CHECKING:
    import tree_sitter

    from tabby_lsp.index.types import Index


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a document, half open.

    Attributes:
        start: before its first character.
        end: behind its last one; the same where it is a place.
    """

    start: Position
    end: Position

    @property
    def empty(self) -> bool:
        """Whether it is a place."""
        return self.start == self.end


@dataclass(frozen=True, slots=True)
class Problem:
    """A diagnostic.

    Attributes:
        span: where it is.
        message: what it says.
        code: its code, such as `reportUndefinedVariable`; empty where it has none.
        source: who says it, such as `pyright`.
        severity: 1 error, 2 warning, 3 information, 4 hint.
    """

    span: Span
    message: str
    code: str = ""
    source: str = ""
    severity: int = 1


@dataclass(frozen=True, slots=True)
class Target:
    """Where an action is asked for.

    Attributes:
        snapshot: the document.
        span: the selection, or the cursor.
        tree: the document's; None where its language has none.
        problems: diagnostics; those that touch the span for a list of actions, those to be fixed for one action.
        instruction: what the user says for a rewrite; empty for other actions.
        title: of the action that was chosen; empty while a list is made.
    """

    snapshot: Snapshot
    span: Span
    tree: tree_sitter.Tree | None
    problems: tuple[Problem, ...] = ()
    instruction: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """An action in the editor's menu.

    Attributes:
        action: its name: a row of `ACTIONS`.
        title: for the menu.
        kind: of the protocol: `quickfix`, `refactor.rewrite`, `source`, ...
        span: what it is about, which may be more than what was selected: the whole function.
        problems: what it would fix.
        instruction: of a preset.
        preferred: whether it is the fix that is most likely wanted.
    """

    action: str
    title: str
    kind: str
    span: Span
    problems: tuple[Problem, ...] = ()
    instruction: str = ""
    preferred: bool = False


class Form(StrEnum):
    """What an answer is read as."""

    CODE = "code"  # a code block in place of the region
    DOCSTRING = "docstring"  # the text of a documentation comment, which is put where the language has it
    NEW = "new"  # a code block that is inserted at the region, which is empty
    PROSE = "prose"  # Markdown that is shown
    LINE = "line"  # one line of plain text


@dataclass(frozen=True, slots=True)
class Brief:
    """What the model is asked, and what is to become of its answer.

    Attributes:
        messages: for the chat model.
        form: what the answer is read as.
        snapshot: the document that is edited, as the model sees it; an empty one for a file that is to be made.
        region: what the answer replaces; the model sees exactly this text as the code to be changed.
        allowed: lines (first, line after the last) in which an edit may change anything; None: those of the region.
        max_tokens: most that the answer may have.
        create: whether the document's file is made by the edit.
        title: what is being done, for progress and for undo.
        shown: of the code that was shown beside the region (imports above all): an answer that repeats it is cut.
        fence: the name of the language on a code block.
        elsewhere: names (`total`, `Cart.total`) that stand where the new code can have them from, each with the import
            that brings it in, "" where none is needed: an answer that defines one again is used without that.
    """

    messages: tuple[Message, ...]
    form: Form
    snapshot: Snapshot
    region: Span
    allowed: tuple[int, int] | None = None
    max_tokens: int = 1024
    create: bool = False
    title: str = ""
    shown: tuple[str, ...] = ()
    fence: str = ""
    elsewhere: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement; several of one document are sorted, do not touch, and are all of the same version."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer came to.

    Attributes:
        edits: of the brief's document; empty where nothing is changed.
        text: of prose and lines; what fills a hole.
        reason: a word for what was wrong; empty where the answer is of use: `empty`, `no-code`, `unchanged`, `cut-off`,
            `other-language`, `breaks-syntax`, `changes-code`, `loses-code`, `outside`, `echo`.
        message: the same for a person.
    """

    edits: tuple[Edit, ...] = ()
    text: str = ""
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Workspace:
    """What an action may read beside the document.

    Attributes:
        root: the folder; None where the document stands in none.
        path: the document's, relative to it, with slashes; its bare name where there is no folder.
        index: of the folder; None where there is none.
        open: the snapshot of a document that the editor has open, by its path; None where it has not.
        count: tokens in a text.
        room: tokens for messages and answer together.
        max_tokens: most of the answer.
    """

    root: Path | None
    path: str
    index: Index | None
    open: Callable[[Path], Snapshot | None]
    count: Callable[[str], int]
    room: int
    max_tokens: int = 1024


Offering = Callable[[Target], tuple[Offer, ...]]
"""What one action may do at a target; it looks at the tree and the problems alone, and takes a millisecond."""
Briefing = Callable[[Target, Workspace], Awaitable[Brief]]
"""What the model is asked for it; it may read files and ask the index. Raises `ActionError`."""


@dataclass(frozen=True, slots=True)
class Action:
    """One row of `ACTIONS`.

    Attributes:
        offering: where it is offered.
        briefing: what is asked.
        kind: of the protocol, for `only` filters.
    """

    offering: Offering
    briefing: Briefing
    kind: str


@dataclass(frozen=True, slots=True)
class Source:
    """What an answer may cite.

    Attributes:
        number: from 1.
        path: relative to the folder, with slashes.
        start: first line, 0-based.
        end: line after the last.
        text: the lines.
        symbols: what they define.
    """

    number: int
    path: str
    start: int
    end: int
    text: str
    symbols: tuple[str, ...] = ()
