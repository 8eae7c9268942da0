"""The one action that the completion model serves: a longer text at the cursor, applied as one edit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tabby_lsp.errors import EngineError
from tabby_lsp.lsp import applying
from tabby_lsp.lsp.running import Reply, Run

if TYPE_CHECKING:
    from tabby_lsp.actions.types import Target
    from tabby_lsp.lsp.server import TabbyServer

NOTHING = {
    "superseded": "Something else was asked about the document meanwhile.",
    "cancelled": "It was given up.",
    "disabled": "Completion is switched off (`completion.enabled`).",
    "language-disabled": "Completion is switched off for this language (`completion.disabled_languages`).",
    "secret": "This looks as if it held a secret, so nothing of it is sent to another machine.",
    "long-document": "The document is too long (`completion.max_document_lines`).",
}
"""Why nothing was written, by the pipeline's reason."""


async def complete(server: TabbyServer, run: Run, target: Target) -> Reply:
    """Fill the place, and have the client edit.

    Raises:
        TabbyError: there is no model, or it cannot serve.
    """
    from tabby_lsp.actions.complete import LINES, TOKENS, brief_of, filled, hole_at
    from tabby_lsp.completion.suggestions import accepted
    from tabby_lsp.completion.types import Ask

    async with run.working():
        run.report("loading the model")
        await server.model.serving()
        pipeline = server.model.pipeline
        if pipeline is None:
            raise EngineError("No model is loaded.", "Ask again in a moment.")
        run.report("writing")
        hole = hole_at(target)
        answer = await pipeline.write(Ask(hole.around, hole.position), TOKENS, LINES)
    if not answer.suggestions:
        return Reply(message=NOTHING.get(answer.reason, "The model has nothing to add here."))
    written, _ = accepted(hole.around, answer.suggestions[0])
    outcome = await asyncio.to_thread(filled, hole, written)
    if outcome.reason:
        return Reply(message=outcome.message)
    return await applying.apply(server, run.title, brief_of(hole, run.title), outcome)
