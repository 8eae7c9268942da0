"""Complete here: a longer text at the cursor, or the body of a function that has none, from the completion model.

No chat: the model fills the middle, so it reads what stands before and behind the hole, and nothing is said to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabby_lsp.actions import checks, edits
from tabby_lsp.actions.scope import Holder, function_around
from tabby_lsp.actions.types import Brief, Form, Offer, Outcome, Span, Target, Workspace
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import tree_sitter

KIND = "refactor.rewrite"
TOKENS, LINES = 384, 60
"""Most that is written: a function of some size. A GPU writes it in seconds, two cores in half a minute."""

TRIES = 8
"""Last lines that are given up one by one; what does not parse without these is given up in larger pieces."""

PLACEHOLDER = re.compile(
    r"pass|\.\.\.|raise NotImplementedError(?:\([^()]*\))?|(?:todo|unimplemented)!\([^()]*\);?"
    r"|panic\([^()]*\)|throw new \w*Error\(['\"`][^'\"`]*(?:not |un)implemented[^'\"`]*['\"`]\);?",
    re.IGNORECASE,
)
"""The one statement of a body that is still to be written."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Where something is to be written.

    Attributes:
        snapshot: the document as it is.
        around: the document as the model sees it, a placeholder taken out and braces opened.
        position: the cursor in that.
        span: what is replaced in the document as it is.
    """

    snapshot: Snapshot
    around: Snapshot
    position: Position
    span: Span


def offering(target: Target) -> tuple[Offer, ...]:
    """At a cursor: the rest from there on, or the body of a function that has none."""
    if not target.span.empty:
        return ()
    holder = function_around(target.snapshot, target.tree, target.span)
    if holder is not None and _placeholder(holder, target.snapshot) is not None:
        return (Offer("complete", f"Write the body of {holder.name}", KIND, target.span),)
    return (Offer("complete", "Complete here", KIND, target.span),)


async def briefing(target: Target, workspace: Workspace) -> Brief:
    """There is none: see `hole_at`."""
    del target, workspace
    raise ActionError("This is written by the completion model.", "Run it as a code action.")


def hole_at(target: Target) -> Hole:
    """The place that is to be filled; the cursor's, where the function around it has a body already."""
    snapshot = target.snapshot
    holder = function_around(snapshot, target.tree, target.span)
    span = _placeholder(holder, snapshot) if holder is not None else None
    if holder is None or span is None:
        start = _behind_blanks(snapshot, target.span.start)
        return Hole(snapshot, snapshot, start, Span(start, start))
    text = _text(snapshot, span)
    before, after = ("", "")
    if text.startswith("{"):
        margin = re.match(r"[ \t]*", snapshot.line_text(span.start.line))
        outer = margin[0] if margin else ""
        newline = snapshot.newline
        before, after = "{" + newline + outer + _step(snapshot), newline + outer + "}"
    start, end = snapshot.offset(span.start), snapshot.offset(span.end)
    whole = snapshot.text
    around = Snapshot.of(
        snapshot.uri, snapshot.language, snapshot.version, whole[:start] + before + after + whole[end:]
    )
    return Hole(snapshot, around, around.position(start + len(before)), span)


def filled(hole: Hole, text: str) -> Outcome:
    """What a text that was written into a hole comes to: the edits, and how much of it they write.

    Args:
        hole: that was to be filled.
        text: for its place.
    """
    if kept := fitting(hole, text):
        made = edits.minimal(hole.snapshot, hole.span, standing(hole, kept))
        return Outcome(made, kept)
    reason = "breaks-syntax" if text.strip() else "empty"
    said = (
        "What the model wrote would break the file's syntax." if text.strip() else "The model has nothing to add here."
    )
    return Outcome(reason=reason, message=said)


def fitting(hole: Hole, text: str) -> str:
    """As many lines of a text as the syntax bears in a hole; empty where not even the first one fits."""
    before, after = hole.around.text[: _at(hole)], hole.around.text[_at(hole) :]
    old = checks.parse(hole.snapshot.language, hole.snapshot.text)
    lines = text.splitlines(keepends=True)
    for count in _counts(len(lines)):
        part = "".join(lines[:count])
        part = part.rstrip() if after.startswith(("\n", "\r")) else part
        if not part.strip():
            break
        if not checks.new_errors(old, checks.parse(hole.snapshot.language, before + part + after)):
            return part
    return ""


def standing(hole: Hole, text: str) -> str:
    """What the document has in the place of `hole.span` with a text in the hole: braces, too, where those are new."""
    begin = hole.snapshot.offset(hole.span.start)
    behind = len(hole.snapshot.text) - hole.snapshot.offset(hole.span.end)
    around, at = hole.around.text, _at(hole)
    return around[begin:at] + text + around[at : len(around) - behind]


def vacant(hole: Hole) -> str:
    """What the document has there as it is."""
    return _text(hole.snapshot, hole.span)


def _counts(lines: int) -> Iterator[int]:
    """How many lines are tried: all, then fewer each time; each try parses the file."""
    yield from range(lines, max(lines - TRIES, 0), -1)
    yield from range(max(lines - TRIES, 0), 0, -max(1, lines // TRIES))


def brief_of(snapshot: Snapshot, span: Span, title: str) -> Brief:
    """What must stay as it is for an edit of a hole to be of use: its lines and their neighbours.

    Args:
        snapshot: the document.
        span: the hole in it, or what has been written there.
        title: of what is being done.
    """
    last = min(span.end.line + 1, snapshot.end.line)
    kept = Span(Position(max(span.start.line - 1, 0), 0), Position(last, len(snapshot.line_text(last))))
    return Brief((), Form.NEW, snapshot, kept, title=title)


def _behind_blanks(snapshot: Snapshot, place: Position) -> Position:
    """The line's end where only blanks come before it: the block cursor of a modal editor stands on the last one."""
    line = snapshot.line_text(place.line)
    return place if line[place.column :].strip() else Position(place.line, len(line))


def _at(hole: Hole) -> int:
    return hole.around.offset(hole.position)


def _placeholder(holder: Holder, snapshot: Snapshot) -> Span | None:
    """What stands for a body that is still to be written; None where there is a body."""
    body = holder.node.child_by_field_name("body")
    if body is None:
        return None
    inside = [node for node in body.named_children if "comment" not in node.type and not checks.is_documentation(node)]
    if len(inside) > 1:
        return None
    text = (body.text or b"").decode("utf-8", "replace")
    if not inside:
        return _span(body, snapshot) if re.fullmatch(r"\{\s*\}", text) else None
    said = (inside[0].text or b"").decode("utf-8", "replace").strip()
    return _span(inside[0], snapshot) if PLACEHOLDER.fullmatch(said) else None


def _span(node: tree_sitter.Node, snapshot: Snapshot) -> Span:
    """Where a node stands, without the blank space that some grammars count to its end."""
    end = node.start_byte + len((node.text or b"").rstrip())
    return Span(snapshot.byte_position(node.start_byte), snapshot.byte_position(end))


def _text(snapshot: Snapshot, span: Span) -> str:
    return snapshot.text[snapshot.offset(span.start) : snapshot.offset(span.end)]


def _step(snapshot: Snapshot) -> str:
    """What the document indents with."""
    indented = [line for line in snapshot.lines if line[:1] in (" ", "\t") and line.strip()]
    if any(line.startswith("\t") for line in indented) or snapshot.language == "go":
        return "\t"
    widths = [len(line) - len(line.lstrip(" ")) for line in indented]
    return " " * min((width for width in widths if width > 1), default=4)
