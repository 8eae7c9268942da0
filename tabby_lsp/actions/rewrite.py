"""Rewrite code as somebody says: presets in the menu, an instruction of the user's own through the command."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tabby_lsp.actions.changing import change
from tabby_lsp.actions.region import Fits, around_place, of_selection, span_of, text_of
from tabby_lsp.actions.scope import Holder, subject
from tabby_lsp.actions.types import Brief, Offer, Span, Target, Workspace
from tabby_lsp.errors import ActionError
from tabby_lsp.syntax.languages import language

KIND = "refactor.rewrite"

_DYNAMIC = frozenset({"python", "typescript", "tsx", "php", "lua", "ruby"})
"""Languages in which types may be left out and can be added."""
_NO_RENAME = frozenset({"html", "css", "scss", "json", "jsonc", "yaml", "toml", "markdown", "dockerfile", "make"})


@dataclass(frozen=True, slots=True)
class Preset:
    """A rewrite that is offered.

    Attributes:
        title: in front of the name of what is rewritten.
        instruction: what the model is told.
        only: names of the languages in which it makes sense; empty: all.
        code: whether it is about programs, and not about any text.
    """

    title: str
    instruction: str
    only: frozenset[str] = frozenset()
    code: bool = True


PRESETS: tuple[Preset, ...] = (
    Preset("Simplify", "Make this code shorter and easier to read. It must do exactly the same as before."),
    Preset(
        "Add types",
        "Add type annotations to the parameters and the return value. Change nothing else.",
        only=_DYNAMIC - {"lua", "ruby"},
    ),
    Preset(
        "Handle errors",
        "Handle the errors that can happen in this code, in the way that is usual in the language. "
        "Where nothing fails it must do the same as before.",
    ),
    Preset(
        "Rename for clarity",
        "Give the local variables names that say what they hold. Keep the names of functions, parameters and fields.",
    ),
)

SYSTEM = "You are an expert {language} programmer who rewrites code as the user asks."
REQUEST = (
    "{instruction}\n\nAnswer with the rewritten code in one code block, without explanation. "
    "Only this code is to be rewritten:\n{block}"
)
"""The code last: told to simplify 20 functions in four languages, the default model changed 12 so, and left 7 as they
were; with the instruction behind the code it wrote on with the rest of the file in 6."""


def own_presets(settings: Iterable[str]) -> tuple[Preset, ...]:
    """The presets of the settings, each `title: instruction`; one without an instruction is left out."""
    pairs = (one.partition(":")[::2] for one in settings)
    cleaned = ((" ".join(title.split()).rstrip("."), instruction.strip()) for title, instruction in pairs)
    return tuple(Preset(title, instruction, code=False) for title, instruction in cleaned if title and instruction)


def offering(target: Target) -> tuple[Offer, ...]:
    """The presets of the house; see `offered`."""
    return offered(target, PRESETS)


def offered(target: Target, presets: Iterable[Preset]) -> tuple[Offer, ...]:
    """Presets for the function around a cursor, or for what is selected."""
    holder = subject(target.snapshot, target.tree, target.span)
    if target.span.empty and (holder is None or not holder.is_function):
        return ()
    row = language(target.snapshot.language)
    span = _lines_of(target, holder)
    name = holder.name if holder else "selection"
    return tuple(
        Offer("rewrite", f"{preset.title}: {name}", KIND, span, instruction=preset.instruction)
        for preset in presets
        if (not preset.only or row.name in preset.only) and (not preset.code or row.literals)
    )


async def briefing(target: Target, workspace: Workspace) -> Brief:
    """Ask for the selected code, or the function around the cursor, rewritten.

    Raises:
        ActionError: nothing was said, the code is too long, or the document holds a secret.
    """
    instruction = target.instruction.strip()
    if not instruction:
        raise ActionError("Nothing was said about how the code is to be rewritten.", "Give an instruction.")

    def region_of(fits: Fits) -> Span | None:
        if target.span.empty:
            return around_place(target.snapshot, target.tree, target.span, fits)
        region = _lines_of(target, subject(target.snapshot, target.tree, target.span))
        return region if fits(text_of(target.snapshot, region)) else None

    return await change(
        target,
        workspace,
        region_of=region_of,
        system=SYSTEM,
        request=lambda block: REQUEST.format(block=block, instruction=instruction),
        title=target.title or f"Rewrite: {' '.join(instruction.split())[:60]}",
    )


def _lines_of(target: Target, holder: Holder | None) -> Span:
    if holder is not None:
        return span_of(target.snapshot, (holder.start, holder.end))
    return of_selection(target.snapshot, target.tree, target.span)
