"""The one action that the completion model serves: a longer text at the cursor.

It is one edit at the end, or, in editors that can take all of it back at once, comes line by line while it is written
(`steps.py`). What is left in the document is the same: as much of the text as parses, or what was there before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from tabby_lsp.errors import EngineError, TabbyError
from tabby_lsp.lsp import applying
from tabby_lsp.lsp.running import Reply, Run, counted
from tabby_lsp.lsp.steps import Steps

if TYPE_CHECKING:
    from tabby_lsp.actions.complete import Hole
    from tabby_lsp.actions.types import Brief, Edit, Target
    from tabby_lsp.completion.types import Suggestion
    from tabby_lsp.lsp.server import TabbyServer

NOTHING = {
    "superseded": "You went on typing meanwhile, so writing ended there.",
    "cancelled": "It was given up.",
    "disabled": "Completion is switched off (`completion.enabled`).",
    "language-disabled": "Completion is switched off for this language (`completion.disabled_languages`).",
    "secret": "This looks as if it held a secret, so nothing of it is sent to another machine.",
    "long-document": "The document is too long (`completion.max_document_lines`).",
}
"""Why nothing was written, by the pipeline's reason."""
STOPPED = ("superseded", "cancelled")
"""Reasons for which what stands in the document by then is kept."""
LEFT_OUT = "The document was changed where this was being written, so that the rest is left out."
LOST = "The document was changed where this was being written, so writing ended there."
HEARD_S, LOOK_S = 1.0, 0.05
"""Seconds in which a client tells of its latest changes, and how often that is looked for: an editor that gathers
changes refuses a piece for one of which nobody here has heard yet."""


async def complete(server: TabbyServer, run: Run, target: Target) -> Reply:
    """Fill the place, and have the client edit.

    Raises:
        TabbyError: there is no model, or it cannot serve.
    """
    from tabby_lsp.actions.complete import LINES, TOKENS, hole_at, standing
    from tabby_lsp.completion.types import Ask

    hole, text = hole_at(target), ""
    streams = server.takes_steps and server.settings.actions.stream
    steps = Steps(server, hole.snapshot, hole.span) if streams else None
    watching = asyncio.create_task(_end_where_lost(server, run, steps)) if steps is not None else None

    def heard(part: Suggestion) -> None:
        nonlocal text
        text = part.text
        run.report(counted(text.count("\n") + 1, "line"))
        if steps is not None:
            steps.show(standing(hole, text))

    try:
        async with run.working():
            run.report("loading the model")
            await server.model.serving()
            pipeline = server.model.pipeline
            if pipeline is None:
                raise EngineError("No model is loaded.", "Ask again in a moment.")
            run.report("writing")
            answer = await pipeline.write(Ask(hole.around, hole.position), TOKENS, LINES, heard)
    except (asyncio.CancelledError, TabbyError):
        if steps is not None:
            _begin(server, _settle(server, run.title, hole, steps, text, NOTHING["cancelled"]))
        raise
    finally:
        if watching is not None:
            watching.cancel()
    said = ""
    if answer.suggestions:
        text = answer.suggestions[0].text
    else:
        said = NOTHING.get(answer.reason, "The model has nothing to add here.")
        text = text if answer.reason in STOPPED else ""
    return await asyncio.shield(_begin(server, _settle(server, run.title, hole, steps, text, said)))


def _begin(server: TabbyServer, settling: Coroutine[Any, Any, Reply]) -> asyncio.Task[Reply]:
    """What stands in the document in part is brought to its end, whoever gives up waiting for that."""
    task = asyncio.get_running_loop().create_task(settling)

    async def until() -> None:
        await task

    server.background(until())
    return task


async def _settle(
    server: TabbyServer, title: str, hole: Hole, steps: Steps | None, text: str, stopped: str = ""
) -> Reply:
    """Have the document be as it is to be in the end.

    Args:
        server: whose client edits.
        title: what is being done.
        hole: that was to be filled.
        steps: what was shown meanwhile.
        text: for the hole.
        stopped: why it is not the whole of it; empty: it is.
    """
    from tabby_lsp.actions.complete import brief_of, filled, standing, vacant
    from tabby_lsp.actions.edits import minimal
    from tabby_lsp.actions.types import Outcome

    outcome = await asyncio.to_thread(filled, hole, text)
    if steps is None or not await steps.have_begun():
        if stopped or outcome.reason:
            return Reply(message=stopped or outcome.message)
        return await applying.apply(server, title, brief_of(hole.snapshot, hole.span, title), outcome)
    if server.documents.get(hole.snapshot.uri) is None:  # closed: nobody looks at it, and it is not opened again
        return Reply(message=stopped)
    whole = standing(hole, outcome.text) if outcome.text else vacant(hole)
    if not await steps.end(whole) and (edits := minimal(steps.now, steps.span, whole)):
        brief = brief_of(steps.now, steps.span, title)
        await _heard_of(server, brief, edits)
        if not (await applying.apply(server, title, brief, Outcome(edits))).applied:
            return Reply(applied=True, message=LEFT_OUT)
    kept = f"{stopped} What was written by then is kept." if stopped and outcome.text else stopped
    return Reply(applied=bool(outcome.text), message=kept or outcome.message)


async def _end_where_lost(server: TabbyServer, run: Run, steps: Steps) -> None:
    """End the run where a piece was refused and there is no place for the next one: it was undone, or typed in."""
    from tabby_lsp.actions.complete import brief_of

    await steps.refused.wait()
    if not await _heard_of(server, brief_of(steps.now, steps.span, run.title)):
        run.end(LOST)


async def _heard_of(server: TabbyServer, brief: Brief, edits: Sequence[Edit] = ()) -> bool:
    """Wait until the document here holds the pieces that the client has taken, and what it has refused one for.

    Returns:
        Whether the edits have a place in it.
    """
    from tabby_lsp.actions.edits import rebase

    placed, seen = False, None
    for _ in range(int(HEARD_S / LOOK_S)):
        now = server.documents.get(brief.snapshot.uri)
        if now is None:
            return False
        if now is not seen:
            seen = now
            placed = await asyncio.to_thread(rebase, edits, brief.snapshot, now, brief.region) is not None
            if placed and now.lines != brief.snapshot.lines:  # what the piece was refused for is there, too
                return True
        await asyncio.sleep(LOOK_S)
    return placed
