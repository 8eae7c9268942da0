"""`tabby.ask`, `tabby-lsp.commitMessage` and `tabby-lsp.branchName`: what the chat model is asked beside code actions.

Each returns at once and comes as a document or a message; a client that sets `reply` waits for the text instead. The
index and git are asked on threads: both may take their time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from tabby_lsp.errors import ActionError
from tabby_lsp.lsp import arguments, showing
from tabby_lsp.lsp.convert import path_from
from tabby_lsp.lsp.running import Reply, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tabby_lsp.actions.ask.thread import Thread
    from tabby_lsp.engine.chat.types import Conversation, Message
    from tabby_lsp.index.types import Index, Query, Snippet
    from tabby_lsp.lsp.server import TabbyServer

ASK = "tabby.ask"
"""`{question, uri, thread, limit, reply}`: `uri` of a folder or a file in it; `thread` a name of the client's."""
COMMIT_MESSAGE = "tabby-lsp.commitMessage"
"""`{uri, reply}`: `uri` of a folder in the repository."""
BRANCH_NAME = "tabby-lsp.branchName"
"""The same."""
TITLES = {COMMIT_MESSAGE: "Commit message", BRANCH_NAME: "Branch name"}
THREADS = 16
"""Threads that are remembered; the one that was used longest ago is forgotten."""
PATIENCE_S = 20.0
"""Seconds that the index may take for a search; on a busy machine it is some tenths of one."""
MOST_PLACES = 32
"""Whatever a client says: more than any model has room for."""


class Threads:
    """Threads of questions by the folder and the name that the client gave."""

    def __init__(self) -> None:
        self._threads: OrderedDict[tuple[Path, str], Thread] = OrderedDict()

    def get(self, root: Path, name: str) -> Thread:
        """What was said in a thread so far; nothing where it has no name."""
        from tabby_lsp.actions.ask.thread import Thread

        return self._threads.get((root, name), Thread())

    def keep(self, root: Path, name: str, thread: Thread) -> None:
        """Remember it, where it has a name."""
        if not name:
            return
        self._threads[root, name] = thread
        self._threads.move_to_end((root, name))
        while len(self._threads) > THREADS:
            self._threads.popitem(last=False)


def register(server: TabbyServer) -> None:
    """Offer the commands."""
    threads = Threads()

    @server.command(ASK)
    async def ask(*what: Any) -> Any:
        given = arguments.given(what)
        question, name = arguments.text(given.get("question")).strip(), arguments.text(given.get("thread"))
        reply = given.get("reply") is True

        async def work(run: Run) -> Reply:
            if not question:
                raise ActionError("There is no question.", 'Give one as the argument: {"question": "..."}.')
            return await answered(server, run, question, threads, name, given, reply=reply)

        # one answer a thread: a newer question in it ends the older one
        return await server.runs.command(f"ask:{name}", question or "Question", work, reply=reply)

    for command, title in TITLES.items():
        _register_line(server, command, title)


def _register_line(server: TabbyServer, command: str, title: str) -> None:
    @server.command(command)
    async def line(*what: Any) -> Any:
        given = arguments.given(what)
        folder = _folder(server, arguments.text(given.get("uri")))
        reply = given.get("reply") is True

        async def work(run: Run) -> Reply:
            text = await written(server, run, command, folder)
            if not reply:
                server.window_show_message(types.ShowMessageParams(types.MessageType.Info, f"{title}: {text}"))
            return Reply(text=text)

        return await server.runs.command(f"{command}:{folder}", title, work, reply=reply)


# ---- questions -----------------------------------------------------------------------------------------------------


async def answered(
    server: TabbyServer, run: Run, question: str, threads: Threads, name: str, given: dict[str, Any], *, reply: bool
) -> Reply:
    """Search, ask, put the citations right, and show it.

    Raises:
        TabbyError: there is no index, it cannot answer now, or there is nobody to ask.
    """
    from tabby_lsp.actions.ask import citations
    from tabby_lsp.actions.ask.asking import found_for
    from tabby_lsp.actions.ask.conversation import put
    from tabby_lsp.actions.ask.retrieve import LIMIT
    from tabby_lsp.actions.ask.thread import Turn

    root, index = _index(server, arguments.text(given.get("uri")))
    limit = given.get("limit")
    limit = min(max(1, limit), MOST_PLACES) if isinstance(limit, int) else LIMIT
    thread = threads.get(root, name)
    async with run.working():
        run.report("searching")
        found = await asyncio.to_thread(found_for, _waiting(index), question, thread, limit)
        if found.relevant:
            model = await run.model()
            most = server.settings.actions.max_tokens
            asked = await asyncio.to_thread(put, question, found.sources, thread, model.count, model.room, most)
            said = await run.ask(_conversation(server, run, asked.messages, asked.max_tokens))
            answer = await asyncio.to_thread(citations.answered, said.text, said.finish, asked.sources, root)
        else:
            answer = citations.NOTHING
    sources = tuple(cited.source for cited in answer.sources)
    threads.keep(root, name, thread.followed(Turn(question, answer.text if answer.relevant else "", sources)))
    if not answer.relevant:
        return Reply(message=answer.text)
    text = f"{answer.text}\n\n{citations.listed(answer.sources)}".strip()
    if not reply:
        await showing.show(server, question, text, root)
    return Reply(text=text)


def _index(server: TabbyServer, uri: str) -> tuple[Path, Index]:
    """The folder that is asked about, and its index: that of the URI, else the first one.

    Raises:
        ActionError: none is indexed.
    """
    for folder in [path for path in (arguments.workspace_folder(server.folders, uri),) if path] or server.folders:
        found = server.indexes.for_uri(f"{folder.as_uri().rstrip('/')}/-")
        if found is not None:
            return folder, found[0]
    raise ActionError(
        "There is no index of this folder to ask.", "Open a folder, with index.enabled = true, and wait for its index."
    )


def _waiting(index: Index) -> Callable[[Query], tuple[Snippet, ...]]:
    """Ask from a thread that waits; an index that does not answer in time is one that cannot."""

    def search(query: Query) -> tuple[Snippet, ...]:
        try:
            return index.search(query).result(PATIENCE_S)
        except TimeoutError:
            raise ActionError("The index does not answer.", "Ask again when it has been brought up to date.") from None

    return search


# ---- lines ---------------------------------------------------------------------------------------------------------


async def written(server: TabbyServer, run: Run, command: str, folder: Path | None) -> str:
    """A commit's subject, or a branch's name.

    Raises:
        TabbyError: there is no repository, nothing has changed, or there is nobody to ask.
    """
    from tabby_lsp.actions.committing import wording
    from tabby_lsp.actions.committing.changes import changes

    if folder is None:
        raise ActionError("There is no folder to look at.", "Open one, or say which: {uri}.")
    async with run.working():
        run.report("looking at what has changed")
        found = await asyncio.to_thread(changes, folder)
        model = await run.model()
        messages = await asyncio.to_thread(wording.subject_messages, found, model.count, model.room)
        said = await run.ask(_conversation(server, run, messages, wording.ANSWER))
    subject = wording.subject_of(said.text, found)
    return wording.branch_of(subject) if command == BRANCH_NAME else subject


def _folder(server: TabbyServer, uri: str) -> Path | None:
    """The folder that a URI names, or that its file is in; the first of the workspace where it names none."""
    path = path_from(uri) if uri else None
    if path is None:
        return next(iter(server.folders), None)
    return path if path.is_dir() else path.parent


def _conversation(server: TabbyServer, run: Run, messages: tuple[Message, ...], max_tokens: int) -> Conversation:
    from tabby_lsp.engine.chat.types import Conversation

    return Conversation(
        key=f"chat:{run.key}",
        messages=messages,
        max_tokens=max_tokens,
        temperature=server.settings.actions.temperature,
    )
