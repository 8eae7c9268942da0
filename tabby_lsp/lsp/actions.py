"""textDocument/codeAction, and the commands that its entries are.

The list is made from the tree and the diagnostics, without the model; each entry is a command that returns at once
(`action_runs.py`). Nothing is computed in `codeAction/resolve`: Helix and eglot block on it.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from tabby_lsp.document import Snapshot
from tabby_lsp.lsp.action_runs import asked, begin, span_from
from tabby_lsp.lsp.answering import trace
from tabby_lsp.lsp.arguments import given
from tabby_lsp.lsp.convert import range_to

if TYPE_CHECKING:
    from tabby_lsp.actions.types import Offer, Problem
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

ACTION = "tabby-lsp.action"
"""`{action, uri, range, title, problems, instruction, version, reply}`: any row of the table of actions."""
REWRITE = "tabby-lsp.rewrite"
"""`{uri, range, instruction, reply}`, or `{path, lines: [first, last], …}` from a command line."""
KINDS = ("quickfix", "refactor.explain", "refactor.rewrite", "refactor.tests")
"""What clients may ask for in particular; none is a `source`, which VS Code runs when a file is saved."""
LONGEST_MESSAGE = 300
"""Characters of a diagnostic's message that travel with a command, and are of use to a model."""


def register(server: TabbyServer) -> None:
    """Offer actions, and run them."""

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=list(KINDS), resolve_provider=False)
    )
    def code_action(params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        started = time.perf_counter()
        try:
            found = listed(server, params)
        except Exception:
            logger.exception("no code actions because of a fault of ours")
            return []
        trace(server, f"{len(found)} actions in {(time.perf_counter() - started) * 1e3:.1f} ms")
        return found

    @server.command(ACTION)
    async def action(*what: Any) -> Any:
        return await begin(server, asked(given(what)))

    @server.command(REWRITE)
    async def rewrite(*what: Any) -> Any:
        return await begin(server, asked(given(what), "rewrite"))


# ---- the list -------------------------------------------------------------------------------------------------------


def listed(server: TabbyServer, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
    """What may be done at a place, for the client's menu."""
    snapshot = server.documents.get(params.text_document.uri)
    if snapshot is None or not server.settings.actions.enabled:
        return []
    automatic = params.context.trigger_kind is types.CodeActionTriggerKind.Automatic
    if automatic and params.range.start == params.range.end and not params.context.diagnostics:
        return []  # asked at each movement of the cursor, to show a light bulb that would never go out
    from tabby_lsp.actions.offers import offers
    from tabby_lsp.actions.types import Target

    span = span_from(server, snapshot, params.range)
    diagnostics = [(_problem(server, snapshot, known), known) for known in params.context.diagnostics]
    problems = tuple(problem for problem, _ in diagnostics)
    target = Target(snapshot, span, server.trees.tree(snapshot), problems)
    only = tuple(str(getattr(kind, "value", kind)) for kind in params.context.only or ())
    if automatic and span.empty and not only:
        only = (types.CodeActionKind.QuickFix.value,)
    found = offers(target, server.settings.actions, only)
    return [_entry(server, snapshot, offer, [d for p, d in diagnostics if p in offer.problems]) for offer in found]


def _entry(
    server: TabbyServer, snapshot: Snapshot, offer: Offer, diagnostics: list[types.Diagnostic]
) -> types.CodeAction | types.Command:
    argument: dict[str, Any] = {
        "action": offer.action,
        "uri": snapshot.uri,
        "version": snapshot.version,
        "range": _plain(range_to(snapshot, offer.span.start, offer.span.end, server.encoding)),
        "title": offer.title,
    }
    if offer.problems:
        argument["problems"] = [
            {
                "range": _plain(range_to(snapshot, known.span.start, known.span.end, server.encoding)),
                "message": known.message[:LONGEST_MESSAGE],
                "code": known.code,
                "source": known.source,
                "severity": known.severity,
            }
            for known in offer.problems
        ]
    if offer.instruction:
        argument["instruction"] = offer.instruction
    command = types.Command(title=offer.title, command=ACTION, arguments=[argument])
    document = server.client_capabilities.text_document
    client = document.code_action if document else None
    if client is None or client.code_action_literal_support is None:
        return command
    tags = client.tag_support.value_set if client.tag_support else ()
    return types.CodeAction(
        title=offer.title,
        kind=offer.kind,
        diagnostics=diagnostics or None,
        is_preferred=True if offer.preferred and client.is_preferred_support else None,
        command=command,
        tags=[types.CodeActionTag.LlmGenerated] if types.CodeActionTag.LlmGenerated in tags else None,
    )


def _problem(server: TabbyServer, snapshot: Snapshot, known: types.Diagnostic) -> Problem:
    from tabby_lsp.actions.types import Problem

    message = known.message if isinstance(known.message, str) else known.message.value
    code = "" if known.code is None else str(known.code)
    severity = int(known.severity or types.DiagnosticSeverity.Error)
    return Problem(span_from(server, snapshot, known.range), message, code, known.source or "", severity)


def _plain(place: types.Range) -> dict[str, dict[str, int]]:
    return {
        name: {"line": position.line, "character": position.character}
        for name, position in (("start", place.start), ("end", place.end))
    }
