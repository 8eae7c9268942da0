"""What a replay is made of: scripts of real edits, the contestants that serve them, and a record of each key.

    Script ──keys──▶ replay ──▶ Contestant (a server and its editor's rules)
                       │              │ Shown
                       └─▶ Key, one a key pressed ◀┘ ──▶ Session ──▶ figures ──▶ report, page

Columns are code points in here; a contestant that speaks LSP converts them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Hunk:
    """One place that was edited.

    Attributes:
        start: offset in the document as it is when this hunk is reached, in code points.
        removed: characters that are deleted there first, in one change.
        typed: what is typed there, character by character.
        pasted: whether it is applied in one change instead.
    """

    start: int
    removed: int
    typed: str
    pasted: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """The edits of one file between two states of it.

    Attributes:
        name: the file's path inside its source.
        source: where it is from, such as `click 8.1.7 → 8.1.8` or a commit's id.
        language: LSP language identifier.
        base: the text that is opened.
        hunks: in the order of the file; each one's offsets count with the earlier ones done.
        after: the text after all edits of the source, those that are not typed included.
        folder: where the repository is, as it was before the edits but for the files that are done; empty: the file
            stands alone.
    """

    name: str
    source: str
    language: str
    base: str
    hunks: tuple[Hunk, ...]
    after: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """A document as the editor has it after a key.

    Attributes:
        uri: the document.
        language: LSP language identifier.
        version: grows with each change.
        text: all of it.
        line: of the cursor, from 0.
        column: of the cursor, code points.
    """

    uri: str
    language: str
    version: int
    text: str
    line: int
    column: int

    @property
    def offset(self) -> int:
        """The cursor in code points from the document's start."""
        lines = self.text.split("\n")
        return sum(len(line) + 1 for line in lines[: self.line]) + self.column


@dataclass(frozen=True, slots=True)
class Change:
    """One replacement: what stands between two places becomes `text`; lines and code points."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What a contestant's editor would put on the screen at a moment.

    Attributes:
        version: of the document for which it was asked.
        text: the ghost text; empty: it was asked, and there is nothing to show.
        reason: in the contestant's own words.
        evaluated: prompt tokens evaluated for it, None where the contestant does not say.
        reused: prompt tokens that were in the KV cache.
        generated: tokens generated.
        server_ms: the server's own time for it; None where it does not say.
        outside_ms: of that, the time outside the model's evaluation and its queue; None where it does not say.
        final: whether this is all; False: the model may be writing on, and more of it may be shown.
    """

    version: int
    text: str
    reason: str = ""
    evaluated: int | None = None
    reused: int | None = None
    generated: int | None = None
    server_ms: float | None = None
    outside_ms: float | None = None
    final: bool = True


Show = Callable[[Shown], None]
"""Called on the event loop whenever something is shown, or is known to be nothing; for a version at most once,
except that a contestant may show more of what it has shown."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a contestant has cost up to now, over all its processes.

    Attributes:
        cpu_s: processor seconds.
        peak_mb: the most memory that was resident at once, MiB.
        evaluated: prompt tokens evaluated in all, idle work included; None where it does not say.
        generated: tokens generated in all, the ones that nobody saw included; None where it does not say.
        requests: generations that its model was asked for, cancelled and speculative ones included; a key that is
            answered without the model is none; None where it does not say.
    """

    cpu_s: float
    peak_mb: float
    evaluated: int | None = None
    generated: int | None = None
    requests: int | None = None


class Contestant(Protocol):
    """A server with the rules of its editor: it is told of each key and shows what it has.

    All methods run on one event loop. `show` may be called from within `pressed`, or later.
    """

    name: str

    async def start(self, show: Show) -> None:
        """Start all processes and wait until the model answers; raises `TabbyError` with a remedy."""
        ...

    async def open(self, state: State) -> None:
        """A document is opened."""
        ...

    def moved(self, state: State) -> None:
        """The cursor was put somewhere, and nothing was typed yet: the user is about to."""
        ...

    def pressed(self, state: State, change: Change, *, ask: bool) -> None:
        """The document has changed; whatever was asked before is outdated and is cancelled as the editor does.

        Args:
            state: after the change.
            change: from the state before.
            ask: whether the cursor rests where the editor would ask for a suggestion; False for what the replay
                changes by itself (the deleted text of a hunk).
        """
        ...

    async def idle(self) -> float:
        """Cancel what was asked, wait until nothing is under way; returns the seconds that it took."""
        ...

    async def close(self, uri: str) -> None:
        """The document is closed."""
        ...

    def saved(self, state: State) -> None:
        """A file that was closed has been saved: it is told as its editor tells, and has some seconds for it.

        Args:
            state: what the file holds by now, with the cursor where its author left it.
        """
        ...

    async def usage(self) -> Usage:
        """What it has cost since `start` returned."""
        ...

    async def stop(self) -> None:
        """End all processes that it started."""
        ...


Phase = Literal["cold", "elsewhere", "warm"]
"""The first key in a document; the first key of a later hunk; all others."""


@dataclass(slots=True)
class Key:
    """One key pressed.

    Attributes:
        at: seconds since the session's start.
        hunk: which hunk of the script.
        phase: where in the session it stands.
        typed: what it inserted: a character, a line break with its indentation, or an accepted suggestion.
        accepted: whether it accepted a suggestion instead of typing.
        remaining: what was left to type in the hunk after it.
        shown: the suggestion on the screen when the next key came; empty: none.
        waited_ms: from this key until something was shown for it; None: nothing was, before the next key.
        until_seen_ms: from this key until anything was shown, for this or a later key of the hunk; None: nothing was.
        right: whether `shown` begins what remained, with at least 4 characters of it.
        right_words: characters of `shown` that agree, cut at the last whole word.
        line_exact: whether the first line of `shown` is the rest of the line that was typed; None: nothing was shown.
        cancelled: whether its request was outdated before it was answered.
        late: whether an answer with text came for it although a newer change had long been sent (see `replay`).
        answer: the last answer for it.
    """

    at: float
    hunk: int
    phase: Phase
    typed: str
    accepted: bool
    remaining: str
    shown: str = ""
    waited_ms: float | None = None
    until_seen_ms: float | None = None
    right: bool = False
    right_words: int = 0
    line_exact: bool | None = None
    cancelled: bool = False
    late: bool = False
    answer: Shown | None = None


@dataclass(slots=True)
class Session:
    """One contestant through one script.

    Attributes:
        contestant: its name.
        script: the script's name.
        source: the script's source.
        language: the script's language.
        keys: in order.
        cancel_to_idle_ms: from the cancellation at the end to rest; work in idle time is part of it.
        usage: cost of this session.
    """

    contestant: str
    script: str
    source: str
    language: str
    keys: list[Key] = field(default_factory=list["Key"])
    cancel_to_idle_ms: list[float] = field(default_factory=list[float])
    usage: Usage = field(default_factory=lambda: Usage(0.0, 0.0))
