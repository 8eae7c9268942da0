"""Fix a problem that the editor shows, or all those of one function."""

from __future__ import annotations

from tabby_lsp.actions.changing import change
from tabby_lsp.actions.prompts import listed
from tabby_lsp.actions.region import around_place, span_of
from tabby_lsp.actions.scope import function_around, lines_of
from tabby_lsp.actions.types import Brief, Offer, Problem, Span, Target, Workspace
from tabby_lsp.errors import ActionError

KIND = "quickfix"
MOST_OFFERS = 8
"""Fixes of one menu: on a line with more problems than that most have one cause."""
TITLE_CHARACTERS = 72
"""Characters of a title; menus cut what is longer."""

SYSTEM = "You are an expert {language} programmer who fixes problems in code."
ONE = "Fix this problem:"
SEVERAL = "Fix these problems:"
REQUEST = (
    "This is the code:\n{block}\n\n{asked}\n{problems}\n\n"
    "Answer with the corrected code in one code block, without explanation."
)
"""The problem behind the code: of 21 problems in four languages the default model solved 10 so, and 9 where the code
came last; with the problem as a comment in the code, 7."""


def offering(target: Target) -> tuple[Offer, ...]:
    """One fix for each problem that touches the lines of the span; worse problems first.

    None is `preferred`: editors apply such a fix unseen, and a checker's own is to be trusted more than a model's.
    """
    if target.tree is None:
        return ()
    first, end = lines_of(target.snapshot, target.span)
    touching = [one for one in target.problems if one.span.start.line < end and first <= one.span.end.line]
    touching.sort(key=lambda one: (one.severity, one.span.start))
    once = {(one.span, one.message): one for one in reversed(touching)}
    kept = [one for one in touching if once[one.span, one.message] is one]
    return tuple(Offer("fix", title_of(one), KIND, one.span, (one,)) for one in kept[:MOST_OFFERS])


def offering_all(target: Target) -> tuple[Offer, ...]:
    """All problems of the function around the span, where it has several."""
    holder = function_around(target.snapshot, target.tree, target.span)
    if holder is None:
        return ()
    inside = tuple(one for one in target.problems if holder.start <= one.span.start.line < holder.end)
    if len({(one.span.start, one.message) for one in inside}) < 2:
        return ()
    title = f"Fix all {len(inside)} problems in {holder.name}"
    span = span_of(target.snapshot, (holder.start, holder.end))
    return (Offer("fix_all", title, KIND, span, inside),)


def title_of(problem: Problem) -> str:
    """A problem's message as a title: its first line, in one sentence without an end."""
    text = " ".join(problem.message.strip().split("\n", 1)[0].split()).rstrip(".:;, ")
    room = TITLE_CHARACTERS - len("Fix: ")
    if len(text) > room:
        text = f"{text[: room - 1].rsplit(' ', 1)[0].rstrip('.:;, ')}…"
    return f"Fix: {text or problem.code or 'this problem'}"


async def briefing(target: Target, workspace: Workspace) -> Brief:
    """Ask for the function or statement around the problems, corrected.

    Raises:
        ActionError: there is no problem, it is too long, or holds a secret.
    """
    if not target.problems:
        raise ActionError("There is no problem here to fix.")
    place = _around_all(target)
    asked = ONE if len(target.problems) == 1 else SEVERAL
    problems = listed(target.problems, target.snapshot)
    return await change(
        target,
        workspace,
        region_of=lambda fits: around_place(target.snapshot, target.tree, place, fits),
        place=place.start,
        system=SYSTEM,
        request=lambda block: REQUEST.format(block=block, asked=asked, problems=problems),
        title=target.title or title_of(target.problems[0]),
    )


def _around_all(target: Target) -> Span:
    """From the first problem to the last; in one function they all have, the function is found around that."""
    start = min(one.span.start for one in target.problems)
    end = max(one.span.end for one in target.problems)
    return Span(start, end)
