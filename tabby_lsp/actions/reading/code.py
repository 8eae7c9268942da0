"""From an answer's blocks to the code of a region: each that may be meant is tried, the best one first."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from tabby_lsp.actions.checks import error_count
from tabby_lsp.actions.edits import minimal
from tabby_lsp.actions.reading import answers, imports, losses, patches
from tabby_lsp.actions.reading.layout import in_place
from tabby_lsp.actions.reading.parts import Taken, taken
from tabby_lsp.actions.reading.regions import Region, Unusable
from tabby_lsp.actions.reading.statements import parsed
from tabby_lsp.actions.types import Edit, Outcome, Span
from tabby_lsp.engine.types import Finish

if TYPE_CHECKING:
    from tabby_lsp.actions.reading.answers import Block

MOST_BLOCKS = 4
"""Blocks of an answer that are tried; what is more is a conversation."""
ALIKE = 0.3
"""Share of the region's lines from which on a block without the region's names may be meant by it."""
CUT = frozenset({Finish.LENGTH, Finish.DEADLINE})

_FAMILIES = (
    {"js", "javascript", "jsx", "mjs", "cjs", "node", "typescript", "ts", "tsx", "mts", "cts", "javascriptreact",
     "typescriptreact", "ecmascript", "vue", "svelte"},
    {"py", "python", "python3", "py3", "pyi", "sage"},
    {"c", "h", "cpp", "c++", "cc", "cxx", "hpp", "cuda", "cuda-cpp", "objective-c", "objc"},
    {"bash", "sh", "shell", "zsh", "shellscript", "ksh"},
    {"go", "golang"},
    {"rust", "rs"},
    {"java"},
    {"kotlin", "kt"},
    {"csharp", "cs", "c#"},
    {"ruby", "rb"},
    {"php"},
    {"lua"},
    {"swift"},
    {"scala"},
    {"sql"},
    {"html", "xml"},
    {"css", "scss", "less"},
    {"json", "jsonc", "json5"},
    {"yaml", "yml"},
    {"toml"},
    {"perl", "pl"},
    {"haskell", "hs"},
    {"elixir", "ex"},
)  # fmt: skip
"""Tags of code blocks that are one language, or so near to each other that models take one for the other."""
_OTHERS = ("python", "typescript", "go", "rust", "java", "c", "ruby", "php")
"""Languages that an answer without a tag is tried as where it does not fit the document's."""
MUCH_WORSE = 2
"""Errors in the document's language from which on code that another language reads without any is that language's."""

Check = Callable[[Region, tuple[Edit, ...]], None]


def candidates(region: Region, answer: str, finish: Finish) -> list[Block]:
    """What of an answer may be the code that was asked for, the best first.

    Raises:
        Unusable: there is none.
    """
    messages = region.brief.messages
    if messages and messages[-1].role == "assistant":
        answer, messages = messages[-1].text + answer, messages[:-1]
    text = answers.spoken(answer, region.snapshot.text)
    if not text.strip():
        raise Unusable("cut-off" if finish in CUT and answer.strip() else "empty")
    prompt = "\n".join(message.text for message in messages)
    fenced = answers.blocks(text)
    found = [block for block in fenced or [answers.unfenced(text)] if block and block.text.strip()]
    if region.tree is not None:
        found = [block for block in found if block.fenced or not answers.is_bare_words(block.text)]
    if not found:
        raise Unusable("echo" if answers.is_echo(text, prompt) else "no-code")
    own = "\n".join([region.snapshot.text, *region.brief.shown])
    found = [answers.without_numbers(block) for block in found]
    found = [answers.without_echo(block, prompt, own) for block in found]
    found = [block for block in found if block.text.strip()]
    if not found:
        raise Unusable("echo")
    ranked = sorted(found, key=lambda block: _fit(region, block), reverse=True)
    new = region.brief.region.empty
    return [ranked[0], *(block for block in ranked[1:MOST_BLOCKS] if new or _may_be_meant(region, block))]


def read_code(region: Region, answer: str, finish: Finish, check: Check) -> Outcome:
    """An answer as the new text of a region.

    Args:
        region: what is replaced.
        answer: what the model wrote.
        finish: why it ended.
        check: raises `Unusable` where edits may not be made.
    """
    failed: Unusable | None = None
    for block in candidates(region, answer, finish):
        try:
            return _from_block(region, block, finish, check)
        except Unusable as error:
            failed = failed or error
    raise failed or Unusable("no-code")


def _from_block(region: Region, block: Block, finish: Finish, check: Check) -> Outcome:
    left_open = finish in CUT and not (block.closed and block.fenced)
    if left_open:
        raise Unusable("cut-off")
    if region.text.strip() and _is_shown(region, block):
        raise Unusable("echo", "The answer repeats other code that was shown.")
    what = Taken(patches.patched(region, block)) if patches.is_patch(block) else taken(region, block.text)
    if answers.has_placeholder(what.code, region.text):
        raise Unusable("cut-off", "The answer leaves out a part of the code.")
    if not what.code.strip():
        raise Unusable("no-code")
    if block.fenced and not block.closed and finish is Finish.END and losses.ends_early(region, what.code):
        raise Unusable("cut-off")
    edits = minimal(region.snapshot, region.brief.region, in_place(region, what.code))
    edits, message = with_imports(region, edits, what)
    try:
        check(region, edits)
    except Unusable as error:
        raise _explained(region, block, what.code, error) from error
    losses.check(region, what.code)
    return Outcome(edits, message=message)


def is_whole(region: Region, answer: str) -> bool:
    """Whether the best block of an answer has all that is to be replaced, so that none behind it would be preferred.

    Of blocks with the same names the more alike one is taken (`candidates`): two of them are two versions, and one is
    enough. Where the region has no names, as a selection in a function, a block may be a piece of it: nothing tells.

    Args:
        region: what is replaced; an empty one gets the first block there is.
        answer: that comes to an edit.
    """
    if region.brief.region.empty:
        return True
    best = candidates(region, answer, Finish.RULE)[0]
    return 0 < len(region.own) <= _fit(region, best)[0]


def with_imports(region: Region, edits: tuple[Edit, ...], what: Taken) -> tuple[tuple[Edit, ...], str]:
    """Edits with one for the imports that they need, or a message that names them."""
    needed = imports.missing(region, what.imports, what.code) if edits else ()
    if not needed:
        return edits, ""
    insertion = imports.inserted(region, needed)
    if insertion is None or any(edit.span.start <= insertion[0] <= edit.span.end for edit in edits):
        return edits, f"Not added, but needed: {'; '.join(' '.join(one.split()) for one in needed)}"
    edit = Edit(Span(insertion[0], insertion[0]), insertion[1])
    return tuple(sorted((*edits, edit), key=lambda one: one.span.start)), ""


def _explained(region: Region, block: Block, code: str, error: Unusable) -> Unusable:
    """Why code breaks a document: it is of another language, or not all of it has come."""
    if error.reason != "breaks-syntax":
        return error
    if is_other(region, block, code):
        return Unusable("other-language")
    return Unusable("cut-off") if not block.closed else error


def is_other(region: Region, block: Block, code: str) -> bool:
    """Whether code that does not fit a document is of another language, by the block's tag or by reading it."""
    own = {region.snapshot.language, region.language.name, region.brief.fence.lower()}
    families = [family for family in _FAMILIES if block.tag in family]
    if families:
        return not any(family & own for family in families)
    here = parsed(region.snapshot.language, region.language.name, code)
    if here is None or error_count(here.tree) < MUCH_WORSE:
        return False
    near: set[str] = set().union(*(family for family in _FAMILIES if family & own))
    others = (parsed(other, other, code) for other in _OTHERS if other not in near | own)
    return any(other is not None and not error_count(other.tree) for other in others)


def _fit(region: Region, block: Block) -> tuple[int, bool, float]:
    """How well a block fits a region: the names that both define, whether it changes anything, how alike they are."""
    names = {one.name for one in region.own}
    answer = parsed(region.snapshot.language, region.language.name, block.text) if names else None
    shared = len(names & {one.name for one in answer.definitions}) if answer is not None else 0
    if patches.is_patch(block):
        shared = max(len(names), 1)
    changed = block.text.split() != region.text.split()
    return shared, changed, _likeness(region, block)


def _likeness(region: Region, block: Block) -> float:
    one = [line.strip() for line in region.text.split("\n") if line.strip()]
    other = [line.strip() for line in block.text.split("\n") if line.strip()]
    return SequenceMatcher(None, one, other, autojunk=False).ratio() if len(one) * len(other) < 10**6 else 0.0


def _may_be_meant(region: Region, block: Block) -> bool:
    shared, _, likeness = _fit(region, block)
    return shared > 0 if region.own else likeness >= ALIKE


def _is_shown(region: Region, block: Block) -> bool:
    """Whether a block is nothing but other code of the prompt."""
    plain = " ".join(block.text.split())
    if plain == " ".join(region.text.split()):
        return False
    own = {one.name for one in region.own}
    named = own and re.search(rf"\b(?:{'|'.join(map(re.escape, own))})\b", block.text)
    return not named and any(plain in " ".join(shown.split()) for shown in region.brief.shown)
