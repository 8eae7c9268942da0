"""From the command of a code action to what it does: one run, which ends in one edit or in a text that is shown.

    asked → target → brief → chat → outcome → applied (`applying.py`), shown (`showing.py`) or a message

What the command was offered for must still be there: positions of another version of the document mean nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from tabby_lsp.document import Position, Snapshot
from tabby_lsp.errors import ActionError
from tabby_lsp.lsp import applying, complete_here, showing
from tabby_lsp.lsp.arguments import text, workspace_folder
from tabby_lsp.lsp.convert import path_from, position_from
from tabby_lsp.lsp.running import Reply, Run

if TYPE_CHECKING:
    from tabby_lsp.actions.types import Problem, Span, Target, Workspace
    from tabby_lsp.engine.chat.types import ChatModel
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

OTHERWISE: Mapping[str, Callable[[TabbyServer, Run, Target], Awaitable[Reply]]] = {"complete": complete_here.complete}
"""Actions that ask somebody else than the chat model."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The argument of a command, as a client sent it back.

    Attributes:
        action: a row of the table.
        uri: of the document.
        range: in the client's encoding; None: the whole document.
        title: for progress and messages.
        problems: as plain data.
        instruction: of a rewrite.
        version: of the document that the range belongs to; None where the client made the argument itself.
        reply: whether the client waits for the end.
        path: of the document where there is no URI: absolute, or relative to a folder of the workspace.
    """

    action: str
    uri: str
    range: types.Range | None
    title: str
    problems: tuple[dict[str, Any], ...] = ()
    instruction: str = ""
    version: int | None = None
    reply: bool = False
    path: str = ""


async def begin(server: TabbyServer, asked: Asked) -> dict[str, Any] | None:
    """Begin a run; returns at once, or at its end where the client waits for that."""

    async def work(run: Run) -> Reply:
        return await perform(server, run, asked)

    if not asked.uri and asked.path:
        asked = replace(asked, uri=_uri_of(server, asked.path))
    return await server.runs.command(asked.uri, asked.title, work, reply=asked.reply)


async def perform(server: TabbyServer, run: Run, asked: Asked) -> Reply:
    """One action, from its target to what becomes of the answer.

    Raises:
        TabbyError: it cannot be done, and why.
    """
    from tabby_lsp.actions.enough import enough
    from tabby_lsp.actions.outcome import read
    from tabby_lsp.actions.table import ACTIONS
    from tabby_lsp.actions.types import Form
    from tabby_lsp.engine.chat.types import Conversation

    action = ACTIONS.get(asked.action)
    if action is None:
        raise ActionError(f"There is no action {asked.action!r}.", f"There are: {', '.join(ACTIONS)}.")
    target, settings = _target(server, asked), server.settings.actions
    if (other := OTHERWISE.get(asked.action)) is not None:
        return await other(server, run, target)
    async with run.working():
        model = await run.model()
        brief = await action.briefing(target, _workspace(server, target.snapshot, model))
        conversation = Conversation(
            key=f"chat:{run.key}",
            messages=brief.messages,
            max_tokens=min(brief.max_tokens, settings.max_tokens),
            temperature=settings.temperature,
            enough=enough(brief),
        )
        answer = await run.ask(conversation)
    outcome = await asyncio.to_thread(read, brief, answer.text, answer.finish)
    if outcome.reason:
        logger.info("%s: %s", run.title, outcome.reason)
        return Reply(message=outcome.message or outcome.reason)
    if brief.form in (Form.PROSE, Form.LINE):
        if asked.reply:
            return Reply(text=outcome.text, message=outcome.message)
        # what is to be known of a text stands below it: one answer is shown once
        shown = "\n\n".join(part for part in (outcome.text, outcome.message and f"*{outcome.message}*") if part)
        await showing.show(server, run.title, shown, workspace_folder(server.folders, target.snapshot.uri))
        return Reply(text=outcome.text)
    return await applying.apply(server, run.title, brief, outcome)


def asked(what: Any, action: str = "") -> Asked:
    """Read the argument of a command; whatever a client may send, it is answered with a message."""
    given: dict[str, Any] = what if isinstance(what, dict) else {}
    instruction = text(given.get("instruction"))
    action = action or text(given.get("action"))
    version = given.get("version")
    problems = given.get("problems")
    return Asked(
        action=action,
        uri=text(given.get("uri")),
        path=text(given.get("path")),
        range=_range(given.get("range")) or _lines(given.get("lines")),
        title=text(given.get("title"))
        or (f"Rewrite: {instruction}" if action == "rewrite" else action.replace("_", " ").capitalize()),
        problems=tuple(p for p in problems if isinstance(p, dict)) if isinstance(problems, list) else (),
        instruction=instruction,
        version=version if isinstance(version, int) else None,
        reply=given.get("reply") is True,
    )


def _range(value: Any) -> types.Range | None:
    try:
        places = ((value[name]["line"], value[name]["character"]) for name in ("start", "end"))
        start, end = (types.Position(int(line), int(character)) for line, character in places)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return types.Range(start, end)


def _lines(value: Any) -> types.Range | None:
    """`[first, last]`, counted from 1, as editors show them and say them in a command line."""
    try:
        first, last = (int(line) for line in value)
    except (TypeError, ValueError, OverflowError):
        return None
    return types.Range(types.Position(max(first, 1) - 1, 0), types.Position(max(last, 1), 0))


def _uri_of(server: TabbyServer, path: str) -> str:
    """The open document of a path; "" where none is."""
    wanted = {Path(folder, path) for folder in (*server.folders, Path.cwd())}  # an absolute one stays what it is
    return next((known.uri for known in server.documents if path_from(known.uri) in wanted), "")


def _target(server: TabbyServer, asked: Asked) -> Target:
    """What an action is about.

    Raises:
        ActionError: the document is not what the action was offered for, or something is missing.
    """
    from tabby_lsp.actions.types import Problem, Span, Target

    snapshot = server.documents.get(asked.uri)
    if snapshot is None:
        raise ActionError("The document is not open.", "Open it in the editor and ask again.")
    if asked.version is not None and asked.version != snapshot.version:
        raise ActionError("The document has changed since this was offered.", "Ask again.")
    if asked.action == "rewrite" and not asked.instruction.strip():
        raise ActionError("There is no instruction.", 'Give one as the argument: {"instruction": "..."}.')
    problems: list[Problem] = []
    for known in asked.problems:
        place = _range(known.get("range"))
        if place is not None:
            severity = known.get("severity")
            problems.append(
                Problem(
                    span_from(server, snapshot, place),
                    text(known.get("message")),
                    text(known.get("code")),
                    text(known.get("source")),
                    severity if isinstance(severity, int) else 1,
                )
            )
    whole = Span(Position(0, 0), snapshot.end)
    span = whole if asked.range is None else span_from(server, snapshot, asked.range)
    tree = server.trees.tree(snapshot)
    return Target(snapshot, span, tree, tuple(problems), asked.instruction, asked.title)


def _workspace(server: TabbyServer, snapshot: Snapshot, model: ChatModel) -> Workspace:
    from tabby_lsp.actions.types import Workspace

    path = path_from(snapshot.uri)
    root = workspace_folder(server.folders, snapshot.uri)
    found = server.indexes.for_uri(snapshot.uri)
    if path is None:
        name = snapshot.uri.rpartition("/")[2].rpartition(":")[2]
    else:
        name = path.relative_to(root).as_posix() if root else path.name
    return Workspace(
        root=root,
        path=found[1] if found else name,
        index=found[0] if found else None,
        open=lambda path: applying.opened(server, path),
        count=model.count,
        room=model.room,
        max_tokens=server.settings.actions.max_tokens,
    )


def span_from(server: TabbyServer, snapshot: Snapshot, place: types.Range) -> Span:
    """A protocol range in a snapshot, whichever way round it is."""
    from tabby_lsp.actions.types import Span

    start, end = (position_from(snapshot, position, server.encoding) for position in (place.start, place.end))
    return Span(min(start, end), max(start, end))
