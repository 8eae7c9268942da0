"""How a prompt shows snippets: a row a form, named in `families.toml`.

    comments   in comments of the document's language, at the start of the prefix
    files      as files of a repository, between the family's own markers, ahead of the prefix

Which one a family takes was measured, and so was a third, comments behind the suffix (docs/context.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from tabby_lsp.completion.context.types import Block
from tabby_lsp.completion.families import Family
from tabby_lsp.engine.types import Marker, Piece, Tokenizer
from tabby_lsp.index.types import Snippet
from tabby_lsp.syntax.languages import language

COMMENT = "#"
"""What begins a comment where the language's row knows none: no worse than bare text."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Context in the places of a prompt.

    Attributes:
        ahead: before the prefix's marker.
        above: text before the prefix.
    """

    ahead: tuple[Piece, ...] = ()
    above: str = ""


NOTHING = Beside()


def beside(block: Block, family: Family) -> Beside:
    """A block in the family's form."""
    return FORMS[family.context](block, family) if block.snippets else NOTHING


def cost_of(snippet: Snippet, language_id: str, family: Family, tokenizer: Tokenizer) -> int:
    """Tokens that a snippet takes in a prompt."""
    if family.context == "files" and family.separator:
        return tokenizer.count(_as_file(snippet)) + 1
    return tokenizer.count(as_comment(snippet, language_id))


def as_comment(snippet: Snippet, language_id: str, above: Snippet | None = None) -> str:
    """A snippet in comments of a language: its path, then its lines without blank ones.

    Args:
        snippet: of any language.
        language_id: of the comments.
        above: what is shown before it: of the same file and class, neither is said again.
    """
    mark = language(language_id).comment or COMMENT
    lines = [line.rstrip() for line in snippet.text.splitlines() if line.strip()]
    if above is None or above.path != snippet.path:
        lines.insert(0, snippet.path)
    elif len(lines) > 1 and lines[0] == _last_head(above) and _is_within(lines[1]):
        del lines[0]
    return "".join(f"{mark} {line}\n" for line in lines)


def _last_head(snippet: Snippet) -> str:
    """The line that a snippet's last indented lines belong to; empty where its last line is none."""
    lines = [line.rstrip() for line in snippet.text.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if not _is_within(line)), "") if _is_within(lines[-1]) else ""


def _is_within(line: str) -> bool:
    return line[:1] in (" ", "\t")


def _comments(block: Block, family: Family) -> Beside:
    del family
    pairs = pairwise((None, *block.snippets))
    return Beside(above="".join(as_comment(s, block.language, above) for above, s in pairs if s) + "\n")


def _files(block: Block, family: Family) -> Beside:
    if not family.separator:
        return _comments(block, family)
    ahead: list[Piece] = []
    for snippet in block.snippets:
        ahead += [Marker(family.separator), _as_file(snippet)]
    return Beside(ahead=(*ahead, Marker(family.separator), f"{block.path}\n"))


def _as_file(snippet: Snippet) -> str:
    return f"{snippet.path}\n{snippet.text.rstrip()}\n"


FORMS: Mapping[str, Callable[[Block, Family], Beside]] = MappingProxyType({"comments": _comments, "files": _files})
