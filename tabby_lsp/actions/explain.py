"""Explain a function, a class, or what is selected: Markdown that is shown, and no edit."""

from __future__ import annotations

import asyncio

from tabby_lsp.actions.excerpt import ends
from tabby_lsp.actions.prompts import conversation, fence_of, fenced, name_of, require_no_secret, room_for
from tabby_lsp.actions.region import span_of, text_of
from tabby_lsp.actions.related import background
from tabby_lsp.actions.scope import lines_of, subject
from tabby_lsp.actions.types import Brief, Form, Offer, Span, Target, Workspace
from tabby_lsp.errors import ActionError

KIND = "refactor.explain"
"""Not `source`, which editors keep out of the menu at the cursor."""
ANSWER = 512
"""Tokens of an explanation; longer ones repeat themselves with small models."""
BACKGROUND_SHARE = 4
"""One part in so many of the room is kept for the definitions that the code uses, where the code is long."""

SYSTEM = "You are an expert {language} programmer who explains code to a colleague, briefly and exactly."
REQUEST = (
    "Explain what this code does: first its purpose in one sentence, then the steps in order, and what can go wrong. "
    "Answer in Markdown, and do not repeat the code."
)


def offering(target: Target) -> tuple[Offer, ...]:
    """The selection; with a cursor the function or class around it."""
    holder = subject(target.snapshot, target.tree, target.span)
    if holder is not None:
        span = span_of(target.snapshot, (holder.start, holder.end))
        return (Offer("explain", f"Explain {holder.name}", KIND, span),)
    if target.span.empty or not text_of(target.snapshot, target.span).strip():
        return ()
    return (Offer("explain", "Explain selection", KIND, _lines(target)),)


async def briefing(target: Target, workspace: Workspace) -> Brief:
    """Ask what the code does; of code that is too long its beginning and end are shown.

    Raises:
        ActionError: there is nothing to explain, no room, or the document holds a secret.
    """
    snapshot = target.snapshot
    await asyncio.to_thread(require_no_secret, snapshot, workspace)
    holder = subject(snapshot, target.tree, target.span)
    region = span_of(snapshot, (holder.start, holder.end)) if holder else _lines(target)
    code = text_of(snapshot, region)
    if not code.strip():
        raise ActionError("There is no code here to explain.", "Select some.")
    system = SYSTEM.format(language=name_of(snapshot.language))
    answer = min(workspace.max_tokens, ANSWER)
    left = room_for(workspace, system, f"{REQUEST}\n{fenced('', fence_of(snapshot.language))}", answer)
    most = left - left // BACKGROUND_SHARE
    code = await asyncio.to_thread(ends, code, most, workspace.count, snapshot.language)
    request = f"{REQUEST}\n{fenced(code, fence_of(snapshot.language))}"
    known = await background(target, workspace, region)
    return Brief(
        messages=conversation(system, known, request, workspace, answer),
        form=Form.PROSE,
        snapshot=snapshot,
        region=region,
        max_tokens=answer,
        title=target.title or (f"Explain {holder.name}" if holder else "Explain selection"),
        fence=fence_of(snapshot.language),
    )


def _lines(target: Target) -> Span:
    return span_of(target.snapshot, lines_of(target.snapshot, target.span))
