"""Which lines the model reads, in tokens of the loaded model, and where they stay while the user types.

    head    lines before the anchor                 ┐ evaluated once,
    suffix  what stands after the cursor            ┘ then they stay in the KV cache
    tail    from the anchor to the cursor           each typed character only appends

A window is laid out on syntactic borders and then kept: as long as head and suffix are still what stands around
the cursor, and head and tail fit the budget, nothing moves. When the budget is exceeded the start jumps by half a
window, so that a newline does not shift everything. Where the cursor has gone elsewhere in the neighbourhood, or the
anchor moves up to it, the new window begins where the last one did, if it may: what both have in common is evaluated.
One `Windows` holds the last window of each document.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.types import Tokenizer
from tabby_lsp.syntax import cut
from tabby_lsp.syntax.trees import Trees

FIRST_FILL = 0.75
"""Part of the prefix budget that a fresh window takes; the rest is for typing."""
JUMP_FILL = 0.5
"""Part that is kept when the budget is exceeded."""
TAIL_LIMIT = 128
"""Tokens of tail at which the anchor moves: past some 64 tokens quality falls slowly, and moving it evaluates the
suffix again (design: 64-128)."""
RENEW_TAIL = 88
"""Tokens of tail at which a window is laid out anew in idle time: some lines before the limit, and some beyond what a
fresh tail has (the family's, and up to a line more)."""
LONG_LINE = 2_000
"""Characters of one line beyond which only its part next to the cursor is read."""
CLOSERS = " \t)]}>\"'`;:,"
"""A rest of line of these alone is left out of the suffix: editors insert and remove such characters while the
user types, and each change would have the whole suffix evaluated again."""
RECOGNISABLE = 80
"""Characters of a head from which on it is looked for elsewhere in the document."""
REMEMBERED = 32
"""Documents whose windows are kept."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens of the loaded model.

    Attributes:
        prefix: before the cursor.
        suffix: after it.
        tail: between anchor and cursor when a window is laid out (the family's), 0: no anchor.
    """

    prefix: int
    suffix: int
    tail: int


@dataclass(frozen=True, slots=True)
class Window:
    """What the model reads of one document.

    Attributes:
        head: before the anchor.
        tail: from the anchor to the cursor.
        suffix: after the cursor.
        offset: where the head begins, in code points from the document's start.
        whole: whether the suffix reaches the document's end.
    """

    head: str
    tail: str
    suffix: str
    offset: int = 0
    whole: bool = True


class Windows:
    """The last window of each document.

    Args:
        trees: syntax trees, for the borders.
    """

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._last: OrderedDict[str, Window] = OrderedDict()

    def forget(self, uri: str) -> None:
        """Drop what is kept for a document."""
        self._last.pop(uri, None)

    def around(self, snapshot: Snapshot, position: Position, budget: Budget, tokenizer: Tokenizer) -> Window:
        """The window for a cursor: the last one where it still holds, else a new one.

        Args:
            snapshot: the document.
            position: the cursor.
            budget: in tokens.
            tokenizer: of the loaded model.
        """
        before = snapshot.before(position)
        after = visible_suffix(snapshot, position)
        last = self._last.get(snapshot.uri)
        window = last and _continued(last, before, after, budget, tokenizer)
        if window is None:
            start = last and _kept_start(last, snapshot, position, budget, tokenizer)
            has_grown = last is not None and _follows(last, before, after) is not None
            fill = JUMP_FILL if has_grown else FIRST_FILL
            window = self._laid_out(snapshot, position, after, budget, tokenizer, fill, start)
        self.adopt(snapshot.uri, window)
        return window

    def renewed(self, snapshot: Snapshot, position: Position, budget: Budget, tokenizer: Tokenizer) -> Window | None:
        """A fresh window for a cursor whose last one has a long tail; it counts once it is adopted.

        Returns:
            None where the last window is good for some more lines, or does not hold at all.
        """
        before, after = snapshot.before(position), visible_suffix(snapshot, position)
        last = self._last.get(snapshot.uri)
        current = last and _continued(last, before, after, budget, tokenizer)
        if not current or not budget.tail or _cost_of(current.tail, tokenizer) < RENEW_TAIL:
            return None
        start = _kept_start(current, snapshot, position, budget, tokenizer)
        return self._laid_out(snapshot, position, after, budget, tokenizer, FIRST_FILL, start)

    def adopt(self, uri: str, window: Window) -> None:
        """Make a window the last one of its document."""
        self._last[uri] = window
        self._last.move_to_end(uri)
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)

    def _laid_out(
        self,
        snapshot: Snapshot,
        position: Position,
        after: str,
        budget: Budget,
        tokenizer: Tokenizer,
        fill: float,
        start: int | None,
    ) -> Window:
        line, own = position.line, _own(snapshot, position)
        if start is None:
            room = int(budget.prefix * fill) - tokenizer.count(own)
            floor = line
            while floor > 0 and (room := room - _cost(snapshot.lines[floor - 1], tokenizer)) >= 0:
                floor -= 1
            start = cut.window_start(snapshot, self._trees.tree(snapshot), floor, line) if floor > 0 else 0
        anchor, tail = line, tokenizer.count(own)
        while anchor > start and tail < budget.tail:
            anchor -= 1
            tail += _cost(snapshot.lines[anchor], tokenizer)
        suffix = self._suffix(snapshot, position, after, budget.suffix, tokenizer)
        return Window(
            head="".join(snapshot.lines[start:anchor]),
            tail="".join(snapshot.lines[anchor:line]) + own,
            suffix=suffix,
            offset=snapshot.offset(Position(start, 0)),
            whole=suffix == after,
        )

    def _suffix(self, snapshot: Snapshot, position: Position, after: str, budget: int, tokenizer: Tokenizer) -> str:
        """As much of what stands after the cursor as fits, ending on a syntactic border."""
        line = position.line
        rest = after[: len(after) - sum(len(text) for text in snapshot.lines[line + 1 :])][:LONG_LINE]
        room = budget - tokenizer.count(rest)
        last = line + 1
        count = len(snapshot.lines)
        while last < count and (room := room - _cost(snapshot.lines[last], tokenizer)) >= 0:
            last += 1
        end = cut.window_end(snapshot, self._trees.tree(snapshot), line, last) if last < count else last
        return rest + "".join(snapshot.lines[line + 1 : max(end, line + 1)])


def visible_suffix(snapshot: Snapshot, position: Position) -> str:
    """What stands after the cursor, without a rest of line that is made of closing characters alone."""
    rest = snapshot.line_text(position.line)[position.column :]
    after = snapshot.after(position)
    return after[len(rest) :] if rest and not rest.strip(CLOSERS) else after


def _cost(line: str, tokenizer: Tokenizer) -> int:
    # a line too long to tokenise at each keystroke costs more than any budget has
    return tokenizer.count(line) if len(line) <= LONG_LINE else len(line)


def _own(snapshot: Snapshot, position: Position) -> str:
    """What stands before the cursor in its line, as far as it is read."""
    return snapshot.line_text(position.line)[: position.column][-LONG_LINE:]


def _follows(last: Window, before: str, after: str) -> int | None:
    """Where the last window's head stands, if it and the suffix are still around the cursor."""
    if (after != last.suffix) if last.whole else (not after.startswith(last.suffix)):
        return None
    return _find(last.head, last.offset, before)


def _continued(last: Window, before: str, after: str, budget: Budget, tokenizer: Tokenizer) -> Window | None:
    """The last window with a longer or shorter tail, where head and suffix are still around the cursor."""
    offset = _follows(last, before, after)
    if offset is None:
        return None
    tail = before[offset + len(last.head) :]
    length = _cost_of(tail, tokenizer)
    if (budget.tail and length > TAIL_LIMIT) or length + _cost_of(last.head, tokenizer) > budget.prefix:
        return None
    return Window(last.head, tail, last.suffix, offset, last.whole)


def _kept_start(
    last: Window, snapshot: Snapshot, position: Position, budget: Budget, tokenizer: Tokenizer
) -> int | None:
    """The line that a new window shares with the last one as its start; None where it cannot, or should not.

    It should not where it would be less than half of a fresh one, or where nothing could be typed in it any more.
    """
    shared = last.head[: max(RECOGNISABLE, len(last.head) // 2)]
    offset = _find(shared, last.offset, snapshot.before(position)) if shared else None
    start = snapshot.position(offset) if offset is not None else None
    if start is None or start.column:
        return None
    most = max(budget.prefix * FIRST_FILL, budget.prefix - (TAIL_LIMIT - budget.tail))
    cost = tokenizer.count(_own(snapshot, position))
    for line in range(position.line - 1, start.line - 1, -1):
        if (cost := cost + _cost(snapshot.lines[line], tokenizer)) > most:
            return None
    return start.line if start.line == 0 or cost >= budget.prefix * FIRST_FILL / 2 else None


def _find(head: str, offset: int, before: str) -> int | None:
    """Where a window's head, or its beginning, stands now: where it was, or moved by an edit further up."""
    if len(before) >= offset + len(head) and before.startswith(head, offset):
        return offset
    if len(head) < RECOGNISABLE:
        return None
    found = before.rfind(head)
    return found if found >= 0 else None


def _cost_of(text: str, tokenizer: Tokenizer) -> int:
    return sum(_cost(line, tokenizer) for line in text.splitlines(keepends=True))
