"""What stands before a definition's name and a model forgets to write again: decorators, `export`, `async`, `pub`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabby_lsp.actions.reading.pairs import Pair, inside, pairs
from tabby_lsp.actions.reading.regions import Region, Unusable, indent_of, outer
from tabby_lsp.actions.reading.statements import ATTACHED, Parsed
from tabby_lsp.syntax.trees import encoded

if TYPE_CHECKING:
    import tree_sitter

    from tabby_lsp.syntax.symbols.extract import Found

MODIFIERS = frozenset(
    {"export", "default", "async", "pub", "public", "private", "protected", "internal", "static", "final", "abstract",
     "override", "virtual", "readonly", "unsafe", "extern", "inline", "constexpr", "synchronized", "suspend", "open",
     "sealed", "partial", "fileprivate", "mutating", "inner", "data", "implicit", "lazy"}
)  # fmt: skip
"""Words before a name that say how it may be used."""
_WORD = re.compile(
    r"@[\w.:]+(?:\((?:[^()]|\([^()]*\))*\))?|#!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]|\[[A-Z][^\[\]]*\]"
    r"|\w+(?:\((?:crate|super|self|in [\w:]+)\))?|\S"
)
_COMMENT = re.compile(r"(?:#(?!!?\[)|//).*|/\*[\s\S]*?\*/")
_WAITS = re.compile(rb"\b(?:await|async)\b")


def restored(region: Region, code: str, answer: Parsed) -> str:
    """Code with what its definitions had before their names, where the answer only left some of that out.

    Args:
        region: what the code is for.
        code: of the answer.
        answer: the same, read.

    Raises:
        Unusable: an `export` or the like is lost and the rest of the head is another.
    """
    lines = code.encode("utf-8", "replace").split(b"\n")
    for old, new in reversed(pairs(region, inside(region), answer.definitions)):
        head = _head(region, answer, (old, new))
        if head is not None:
            _put(lines, answer, _start(new, _looks_beside(region, (old, new))), new.places[1], head)
    return b"\n".join(lines).decode("utf-8", "replace")


def _head(region: Region, answer: Parsed, pair: Pair) -> str | None:
    """What stood before a name, where an answer lost something of it; None where it lost nothing."""
    old, new = pair
    siblings = _looks_beside(region, pair)
    data = encoded(region.snapshot.text)
    before = _between(data, _start(old, siblings), old.places[1])
    after = _between(answer.data, _start(new, siblings), new.places[1])
    had, has = (_WORD.findall(_COMMENT.sub("", text)) for text in (before, after))
    lost = [word for word in had if word not in has and _is_modifier(region, word)]
    if "async" in lost and _WAITS.search(_body(old)) and not _WAITS.search(_body(new)):
        lost.remove("async")  # it waits for nothing any more
        before = re.sub(r"\basync\s+", "", before)
        had = [word for word in had if word != "async"]
    if any(map(_is_mark, has)):  # other decorators were chosen
        lost = [word for word in lost if not _is_mark(word)]
        had = [word for word in had if not _is_mark(word) or word in has]
        before = "" if lost else before
    if not lost:
        return None
    rest = iter(had)
    if before and all(word in rest for word in has):
        return before
    if any(_is_modifier(region, word) and word not in had for word in has):
        return None  # `private` for `public` is a choice
    raise Unusable("loses-code", f"The answer would lose {', '.join(dict.fromkeys(lost))} of {old.name}.")


def _is_modifier(region: Region, word: str) -> bool:
    """Whether a word before a name matters, unless the request speaks of it; of a method of Go that is its receiver."""
    bare = re.findall(r"\w+", word)[:1]
    if bare and bare[0] in region.asked:
        return False
    receiver = word == "(" and region.language.name == "go"
    return receiver or _is_mark(word) or re.sub(r"\(.*", "", word) in MODIFIERS


def _is_mark(word: str) -> bool:
    """Whether a word is a decorator, an annotation or an attribute."""
    return len(word) > 1 and word.startswith(("@", "#", "["))


def _looks_beside(region: Region, pair: Pair) -> bool:
    """Whether attributes beside a definition are looked at: not where all that stood above it is put back anyway."""
    above = outer(pair[1]).prev_sibling
    first = bool(region.own) and pair[0] is region.own[0]
    return not first or (above is not None and ("comment" in above.type or above.type in ATTACHED))


def _start(one: Found, siblings: bool) -> int:
    """Where a definition begins, with the attributes beside it."""
    node: tree_sitter.Node = outer(one)
    while siblings and (above := node.prev_sibling) is not None and above.type in ATTACHED:
        node = above
    return node.start_byte


def _body(one: Found) -> bytes:
    return (one.body.text if one.body is not None else one.node.text) or b""


def _between(data: bytes, start: int, end: int) -> str:
    """Source whose lines but the first are indented as deep below it as they were."""
    text = data[start:end].decode("utf-8", "replace")
    line = data[data.rfind(b"\n", 0, start) + 1 : start].decode("utf-8", "replace")
    lines = text.split("\n")
    return "\n".join([lines[0].rstrip("\r"), *(one.rstrip("\r").removeprefix(indent_of(line)) for one in lines[1:])])


def _put(lines: list[bytes], answer: Parsed, start: int, end: int, head: str) -> None:
    """Replace bytes of an answer, by its lines."""
    row, column = _place(answer, start)
    last, behind = _place(answer, end)
    indent = indent_of(lines[row].decode("utf-8", "replace"))
    text = head.replace("\n", f"\n{indent}").encode("utf-8", "replace")
    lines[row : last + 1] = (lines[row][:column] + text + lines[last][behind:]).split(b"\n")


def _place(answer: Parsed, at: int) -> tuple[int, int]:
    """A byte of what was parsed as a line and byte of the code."""
    return answer.data.count(b"\n", 0, at) - answer.rows, at - answer.data.rfind(b"\n", 0, at) - 1
