"""One question, whichever method brought it: to the pipeline, and into the trace.

A fault of the engine is an empty answer here, because editors show an error reply in the user's face at each
keystroke; the status says what is wrong.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING

from lsprotocol import types

from tabby_lsp.document import Position, Snapshot
from tabby_lsp.errors import TabbyError
from tabby_lsp.lsp.protocol import request_id

if TYPE_CHECKING:
    from tabby_lsp.completion.types import Answer, Suggestion
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

WAITING = ("load", "debounce", "joined", "queue", "inside")
"""Stages that are no work of ours: the model is loaded or evaluates, or something is waited for."""


async def answer(
    server: TabbyServer,
    snapshot: Snapshot,
    position: Position,
    *,
    invoked: bool,
    selected: str = "",
    selected_start: Position | None = None,
    outdated: bool = False,
) -> tuple[Suggestion, ...]:
    """The suggestions at a cursor; none where there is no model, nothing to suggest or a fault.

    Args:
        server: the pipeline, status and trace.
        snapshot: the document as it was when the request arrived.
        position: the cursor.
        invoked: whether it was asked for by hand.
        selected: text of the entry that is selected in the editor's menu.
        selected_start: where that text would begin.
        outdated: whether an answer is of use when more of it has been typed in the meantime: a menu that filters by
            what is typed can show it.
    """
    started = time.perf_counter()
    pipeline = server.model.pipeline
    if pipeline is None:
        server.model.look_again()
        trace(server, f"no suggestion: {server.status.state}")
        return ()
    from tabby_lsp.completion.types import Ask, Trigger

    kind = Trigger.INVOKED if invoked else Trigger.TYPING
    try:
        given = await pipeline.complete(Ask(snapshot, position, kind, selected, selected_start))
    except TabbyError as error:
        server.model.failed(error)
        return ()
    except Exception:
        logger.exception("no suggestion because of a fault of ours")
        return ()
    if given.counters.prompt:
        server.model.served()
    total_ms = (time.perf_counter() - started) * 1e3
    trace(server, f"{given.reason} in {total_ms:.0f} ms", _details(given, total_ms))
    latest = server.documents.get(snapshot.uri)
    shown = given.suggestions
    if latest is not None and latest.version != snapshot.version:
        # the buffer has moved on: text for the old one must not be shown in the new one
        typed = _typed_since(snapshot, latest, position) if outdated else None
        shown = tuple(s for s in shown if typed is not None and s.text.startswith(typed))
    asked = snapshot.uri, snapshot.version
    server.statistics.shown(shown, again=asked == server.answered)
    server.answered = asked if shown else server.answered
    return shown


def _typed_since(snapshot: Snapshot, latest: Snapshot, position: Position) -> str | None:
    """What was inserted at the cursor since then; None where anything else was changed."""
    at, more = snapshot.offset(position), len(latest.text) - len(snapshot.text)
    same = more >= 0 and latest.text[:at] == snapshot.text[:at] and latest.text[at + more :] == snapshot.text[at:]
    return latest.text[at : at + more] if same else None


def trace(server: TabbyServer, message: str, details: str = "") -> None:
    """A `$/logTrace` notification, where the client has asked for a trace."""
    if server.protocol.trace != types.TraceValue.Off:
        verbose = details if server.protocol.trace == types.TraceValue.Verbose else None
        server.protocol.notify(types.LOG_TRACE, types.LogTraceParams(message=message, verbose=verbose or None))


def _details(given: Answer, total_ms: float) -> str:
    c, timings = given.counters, given.timings
    return json.dumps(
        {
            "id": request_id.get(),
            "prompt": c.prompt,
            "reused": c.reused,
            "evaluated": c.evaluated,
            "generated": c.generated,
            "finish": given.finish,
            "total_ms": round(total_ms, 2),
            "outside_ms": round(total_ms - sum(timings.get(stage, 0.0) for stage in WAITING), 2),
            "timings": {stage: round(ms, 2) for stage, ms in timings.items()},
        }
    )
