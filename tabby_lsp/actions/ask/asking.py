"""A question in its thread: what is looked for, and whether it is worth asking a model."""

from __future__ import annotations

from tabby_lsp.actions.ask.relevance import points_back
from tabby_lsp.actions.ask.retrieve import LIMIT, Found, Search, numbered, retrieve
from tabby_lsp.actions.ask.thread import Thread
from tabby_lsp.actions.types import Source


def found_for(search: Search, question: str, thread: Thread, limit: int = LIMIT) -> Found:
    """Look for what a question, or a follow-up, is about.

    A follow-up that points back ("why is that?") is about the last answer: its sources are shown again, behind what is
    found for the question and the names in that answer. One that does not is judged like a first question.

    Args:
        search: the index.
        question: of the user.
        thread: what was said before.
        limit: most places.

    Raises:
        RepositoryIndexError: whatever the index raises.
    """
    last = thread.last
    if last is None or not points_back(question):
        return retrieve(search, question, limit=limit)
    found = retrieve(search, question, about=thread.about, limit=limit)
    fresh = [source for source in found.sources if not any(_same(source, known) for known in last.sources)]
    room = max(limit - len(last.sources), limit // 2)
    return Found(numbered((*last.sources, *fresh[:room])[:limit]), 1.0 if last.sources else found.relevance)


def _same(one: Source, other: Source) -> bool:
    return one.path == other.path and one.start < other.end and other.start < one.end
