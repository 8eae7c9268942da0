"""What else a model is shown: the file's imports, and the definitions of names that the code uses.

Of this file they are read off its tree, of others the index is asked; it may take its patience, not longer.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING

from tabby_lsp.actions.outline import outline
from tabby_lsp.actions.prompts import Background, fence_of
from tabby_lsp.actions.region import text_of
from tabby_lsp.actions.types import Span, Target, Workspace
from tabby_lsp.completion.context.symbols import wanted_at
from tabby_lsp.document import Position
from tabby_lsp.errors import IndexUnavailable
from tabby_lsp.syntax.languages import language
from tabby_lsp.syntax.symbols.extract import facts_of
from tabby_lsp.syntax.symbols.nearby import uses_near
from tabby_lsp.syntax.symbols.queries import imports as import_statements
from tabby_lsp.syntax.trees import encoded

if TYPE_CHECKING:
    from tabby_lsp.document import Snapshot
    from tabby_lsp.index.types import Snippet

PATIENCE_S = 0.3
"""Seconds that the index may take: an action takes some anyway, and this is not felt."""
OF_INDEX = 8
"""Definitions of other files; a small model is led astray by more."""
USES = 32
"""Names of the code that are looked up."""

_WORD = re.compile(r"[^\W\d]\w*")

logger = logging.getLogger(__name__)


def imports_text(target: Target) -> str:
    """The import statements of a document as they stand in it, each once."""
    if target.tree is None:
        return ""
    data = encoded(target.snapshot.text)
    nodes = sorted(import_statements(target.tree, target.snapshot.language), key=lambda node: node.start_byte)
    texts = (data[node.start_byte : node.end_byte].decode("utf-8", "replace").strip() for node in nodes)
    return "\n".join(dict.fromkeys(texts))


async def background(
    target: Target, workspace: Workspace, region: Span, place: Position | None = None
) -> tuple[Background, ...]:
    """What is known beside a region, the most useful first.

    Args:
        target: the document and its tree.
        workspace: its folder.
        region: the code that is shown anyway.
        place: around which names are looked up: where the problem is; None: the middle of the region.
    """
    place = place or _middle(target.snapshot, region)
    here, elsewhere = await asyncio.gather(_of_file(target, region, place), _of_index(target, workspace, place))
    fence = fence_of(target.snapshot.language)
    pieces = (
        Background("For reference: the imports of the file:", imports_text(target), fence),
        Background("For reference: defined in the same file:", here, fence),
        Background("For reference: defined in other files:", elsewhere, fence),
    )
    return tuple(piece for piece in pieces if piece.text.strip())


def _middle(snapshot: Snapshot, region: Span) -> Position:
    """The end of a line in the middle: in front of its first character an indented language stands outside of it."""
    middle = (region.start.line + region.end.line + 1) // 2
    lines = range(middle, region.end.line + 1)
    line = next((line for line in lines if snapshot.line_text(line).strip()), middle)
    return Position(line, len(snapshot.line_text(line).rstrip()))


async def _of_file(target: Target, region: Span, place: Position) -> str:
    """Signatures of what the region uses and of the class that it stands in, in the order of the file."""
    if target.tree is None:
        return ""
    data = encoded(target.snapshot.text)
    # of a long file this takes some 100 ms, in which completions are wanted
    facts = await asyncio.to_thread(facts_of, target.tree, data, target.snapshot.language)
    members = {use.name for use in uses_near(target.tree, target.snapshot, place, USES)}
    words = set(_WORD.findall(text_of(target.snapshot, region)))
    return outline(target.snapshot, facts, region.start.line, region.end.line + 1, words, members & words)


async def _of_index(target: Target, workspace: Workspace, place: Position) -> str:
    if workspace.index is None:
        return ""
    wanted = wanted_at(target.snapshot, place, target.tree, workspace.path)
    try:
        found = await asyncio.wait_for(asyncio.wrap_future(workspace.index.definitions(wanted)), PATIENCE_S)
    except (IndexUnavailable, TimeoutError) as error:
        logger.debug("The index told nothing: %s", error or "no answer in time")
        return ""
    comment = language(target.snapshot.language).comment or "#"
    return "\n".join(_labelled(one, comment) for one in found[:OF_INDEX] if one.path != workspace.path)


def _labelled(one: Snippet, comment: str) -> str:
    return f"{comment} {one.path}\n{one.text.rstrip()}"
