"""Write the documentation of a function or class, or write it anew; the code stays as it is."""

from __future__ import annotations

import asyncio

from tabby_lsp.actions.excerpt import ends
from tabby_lsp.actions.prompts import conversation, fence_of, fenced, name_of, require_no_secret, room_for
from tabby_lsp.actions.region import span_of, text_of
from tabby_lsp.actions.related import background
from tabby_lsp.actions.scope import Holder, lines_of, subject
from tabby_lsp.actions.types import Brief, Form, Offer, Target, Workspace
from tabby_lsp.errors import ActionError
from tabby_lsp.syntax.languages import language

KIND = "refactor.rewrite"
ANSWER = 320
"""Tokens of documentation, with what a model says around it."""
BACKGROUND_SHARE = 4
"""One part in so many of the room is kept for the definitions that the code uses, where the code is long."""

SYSTEM = "You are an expert {language} programmer who writes short and exact documentation."
REQUEST = (
    "This is the code:\n{block}\n\nAdd documentation to `{name}`: {style} "
    "Answer with the documented code in one code block, without explanation."
)
"""The code again, of which the documentation is taken: of 20 functions in four languages the default model documented
all so, and 19 where it was asked for the comment alone, which it did not always end. What is cut off is code."""

_TAGS = "a {kind} comment: a first line of one sentence, then `@param`, `{returns}` and `@throws` where there are any."
STYLES: dict[str, str] = {
    "python": "a docstring: a first line of one sentence, then `Args:`, `Returns:` and `Raises:` where there are any.",
    "javascript": _TAGS.format(kind="JSDoc", returns="@returns"),
    "typescript": _TAGS.format(kind="TSDoc", returns="@returns"),
    "tsx": _TAGS.format(kind="TSDoc", returns="@returns"),
    "java": _TAGS.format(kind="Javadoc", returns="@return"),
    "php": _TAGS.format(kind="PHPDoc", returns="@return"),
    "csharp": "an XML documentation comment: `<summary>`, and `<param>` and `<returns>` where there are any.",
    "go": "a `//` comment of one to three sentences that begins with `{name}`.",
    "rust": "a `///` comment: a first line of one sentence, then what it returns, and `# Errors` where there are any.",
}
PLAIN_STYLE = "a comment of one to four sentences: what it does, what it takes and what it returns."


def offering(target: Target) -> tuple[Offer, ...]:
    """In the head of a definition, above it in its comments, or where it is selected."""
    holder = _documented(target)
    if holder is None:
        return ()
    span = span_of(target.snapshot, (holder.first, holder.end))
    return (Offer("document", title_of(holder), KIND, span),)


def title_of(holder: Holder) -> str:
    """Whether there is something to be updated."""
    return f"Update documentation of {holder.name}" if holder.documented else f"Document {holder.name}"


async def briefing(target: Target, workspace: Workspace) -> Brief:
    """Ask for the text of the documentation.

    Raises:
        ActionError: no definition is meant, there is no room, or the document holds a secret.
    """
    snapshot = target.snapshot
    await asyncio.to_thread(require_no_secret, snapshot, workspace)
    holder = subject(snapshot, target.tree, target.span)
    if holder is None:
        raise ActionError("There is no function or class here to document.", "Put the cursor into one.")
    region = span_of(snapshot, (holder.first, holder.end))
    system = SYSTEM.format(language=name_of(snapshot.language))
    fence = fence_of(snapshot.language)
    style = STYLES.get(language(snapshot.language).name, PLAIN_STYLE).format(name=holder.name)
    answer = min(workspace.max_tokens, ANSWER)

    def asked(code: str) -> str:
        return REQUEST.format(block=fenced(code, fence), name=holder.name, style=style)

    left = room_for(workspace, system, asked(""), answer)
    most = left - left // BACKGROUND_SHARE
    code = await asyncio.to_thread(ends, text_of(snapshot, region), most, workspace.count, snapshot.language)
    known = await background(target, workspace, region)
    return Brief(
        messages=conversation(system, known, asked(code), workspace, answer),
        form=Form.DOCSTRING,
        snapshot=snapshot,
        region=region,
        max_tokens=answer,
        title=target.title or title_of(holder),
        fence=fence,
    )


def _documented(target: Target) -> Holder | None:
    holder = subject(target.snapshot, target.tree, target.span)
    if holder is None or not target.span.empty:
        return holder
    first, _ = lines_of(target.snapshot, target.span)
    return holder if first < holder.head else None
