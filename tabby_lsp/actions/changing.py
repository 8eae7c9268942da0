"""A brief for code in place of code: what fixes and rewrites have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tabby_lsp.actions.prompts import (
    Background,
    conversation,
    fence_of,
    fenced,
    name_of,
    require_no_secret,
    room_for,
)
from tabby_lsp.actions.region import Fits, span_of, text_of
from tabby_lsp.actions.related import background, imports_text
from tabby_lsp.actions.scope import function_around
from tabby_lsp.actions.types import Brief, Form, Span, Target, Workspace
from tabby_lsp.document import Position
from tabby_lsp.errors import ActionError

GROWTH = 1.3
"""Tokens of an answer for each of the code that it replaces: checks and messages come in, no algorithms."""
SLACK = 96
"""Tokens beside: what a model says around the code, an import, a line or two that are new."""
LEAST_GROWTH = 1.1
"""Where `max_tokens` is short, code is still tried if it could be written again with so much more."""

RegionOf = Callable[[Fits], Span | None]
"""The lines that are replaced, as many as fit."""


async def change(
    target: Target,
    workspace: Workspace,
    *,
    region_of: RegionOf,
    place: Position | None = None,
    system: str,
    request: Callable[[str], str],
    title: str,
) -> Brief:
    """Ask for other code in place of a region.

    Args:
        target: the document.
        workspace: its folder and the model's room.
        region_of: which lines.
        place: around which names are looked up; None: the middle of the region.
        system: who the model is; `{language}` stands for the language's name.
        request: what is asked, with the code block that it is given.
        title: what is being done, for people.

    Raises:
        ActionError: the code is too long, or the document holds a secret.
    """
    snapshot = target.snapshot
    await asyncio.to_thread(require_no_secret, snapshot, workspace)
    said = system.format(language=name_of(snapshot.language))
    fence = fence_of(snapshot.language)

    def asked(code: str) -> str:
        return request(fenced(code, fence))

    def fits(code: str) -> bool:
        tokens = workspace.count(code)
        return (
            tokens * LEAST_GROWTH <= workspace.max_tokens
            and room_for(workspace, said, asked(code), _answer(tokens, workspace)) >= 0
        )

    region = region_of(fits)
    if region is None:
        raise ActionError(
            "This code is too long for the chat model to write it again.",
            "Select less of it, or raise actions.max_tokens and engine.context in the settings.",
        )
    code = text_of(snapshot, region)
    answer = _answer(workspace.count(code), workspace)
    known = (*_head(target, region, fence), *await background(target, workspace, region, place))
    return Brief(
        messages=conversation(said, known, asked(code), workspace, answer),
        form=Form.CODE,
        snapshot=snapshot,
        region=region,
        allowed=(0, region.end.line + 1),  # an import that the new code needs goes to the others at the top
        max_tokens=answer,
        title=title,
        shown=tuple(text for text in (imports_text(target), *(one.text for one in known)) if text),
        fence=fence,
    )


def _answer(tokens: int, workspace: Workspace) -> int:
    return min(workspace.max_tokens, round(tokens * GROWTH) + SLACK)


def _head(target: Target, region: Span, fence: str) -> tuple[Background, ...]:
    """The signature of the function that a region is part of."""
    holder = function_around(target.snapshot, target.tree, region)
    if holder is None or region.start.line <= holder.start:
        return ()
    head = text_of(target.snapshot, span_of(target.snapshot, (holder.start, holder.head)))
    return (Background("The code is part of this function:", head, fence),)
