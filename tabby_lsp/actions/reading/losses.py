"""What an answer must not lose: bodies for placeholders, methods, functions and names that are still used.

A fix may delete lines; only what no fix does is refused.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from tabby_lsp.actions.checks import is_documentation
from tabby_lsp.actions.reading.pairs import inside, pairs
from tabby_lsp.actions.reading.regions import Region, Unusable, with_line_feeds
from tabby_lsp.actions.reading.statements import Parsed, parsed, text_of
from tabby_lsp.syntax.symbols.types import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tabby_lsp.syntax.symbols.extract import Found

ALIKE = 0.3
"""Share of a region's words from which on code without the region's names may be meant by it."""
SHORT = 80
"""Characters of a region up to which its letters are compared too: of `f()` and `g()` no word is the same."""
PLACEHOLDER = re.compile(
    r"(?:pass|\.\.\.|(?:raise|throw) (?:new )?NotImplemented\w*(?:\([^()]*\))?|(?:todo|unimplemented)!\([^()]*\)"
    r"|(?:panic|fatalError|TODO)\([^()]*\)|(?:throw new|raise) \w*(?:Error|Exception)\(['\"`][^'\"`]*"
    r"(?:not |un)(?:yet )?implemented[^'\"`]*['\"`]\))?;?",
    re.IGNORECASE,
)
"""All that a body says which is still to be written."""
_FUNCTIONS = (Kind.FUNCTION, Kind.METHOD)
_NESTED = re.compile(
    r"^[ \t]*(?:async\s+)?(?:def|function\*?|fn|func|fun|local function)\s+(\w+)"
    r"|^[ \t]*(?:const|let|var)\s+(\w+)\s*=\s*(?:async\s*)?(?:\([^()]*\)|\w+)\s*=>",
    re.MULTILINE,
)
_ASSIGNED = re.compile(
    r"^[ \t]*(?:(?:const|let|var|mut|auto|final|local|val|my|int|long|double|float|bool|char|String)\s+)*"
    r"(\$?\w+(?:\s*,\s*\$?\w+)*)(?:\s*:[^=\n]*)?[ \t]+:?=(?=[ \t]|$)(?![^\n]*,[ \t]*$)",
    re.MULTILINE,
)
"""Names that lines assign; a keyword argument has no blanks around its sign, or a comma behind."""
_ENDS = re.compile(r"^\s*(?:return|raise|throw|yield|break|continue|[)}\]]|end\b)")
_COMMENT = re.compile(r"^\s*(?:#|//|/?\*|--|\"\"\"|''')")


def check(region: Region, code: str) -> None:
    """Hold code that may go into a region against what the region has.

    Args:
        region: what is replaced.
        code: instead; it breaks no syntax.

    Raises:
        Unusable: `loses-code`, `cut-off` where its end did not come, `no-code` where it is about something else.
    """
    if region.tree is None or not region.text.strip():
        return
    if not region.own:
        _check_statements(region, code)
        return
    answer = parsed(region.snapshot.language, region.language.name, code)
    if answer is None:
        return
    mine = inside(region)
    found = pairs(region, mine, answer.definitions)
    _check_members(region, mine, answer, [old for old, _ in found])
    for old, new in found:
        if old.kind in _FUNCTIONS:
            _check_body(old, new)
    _check_nested(region, code)


def ends_early(region: Region, code: str) -> bool:
    """Whether code is shorter than its region, and its last line is none that code ends with."""
    old, new = ([line for line in text.split("\n") if line.strip()] for text in (region.text, code))
    return bool(new) and len(new) < len(old) and not _ENDS.match(new[-1]) and new[-1].strip() != old[-1].strip()


def _check_members(region: Region, mine: Sequence[Found], answer: Parsed, kept: Sequence[Found]) -> None:
    """A class has as many methods as before: one may have another name."""
    for holder in dict.fromkeys(one.name for one in mine if one.kind not in _FUNCTIONS):
        had = [one for one in mine if one.container == holder and one.kind in _FUNCTIONS]
        has = [one for one in answer.definitions if one.container == holder and one.kind in _FUNCTIONS]
        lost = [one.name for one in had if not any(one is two for two in kept) and one.name not in region.asked]
        if lost and len(has) < len(had):
            raise Unusable("loses-code", f"The answer would lose {', '.join(dict.fromkeys(lost))} of {holder}.")


def _check_body(old: Found, new: Found) -> None:
    """A body is not given up for a placeholder, and not cut after its first lines."""
    had, has = _said(old), _said(new)
    if had is None or has is None or PLACEHOLDER.fullmatch(" ".join(had)):
        return
    if PLACEHOLDER.fullmatch(" ".join(has)):
        raise Unusable("loses-code", f"The answer leaves the body of {old.name} to be written.")
    before, after = ([line.strip() for line in "\n".join(body).split("\n") if _is_code(line)] for body in (had, has))
    if len(after) * 2 < len(before) and before[: len(after)] == after and not _ENDS.match(after[-1] if after else "}"):
        raise Unusable("cut-off", f"The answer ends within the body of {old.name}.")


def _said(one: Found) -> list[str] | None:
    """The statements of a body, without comments and documentation; None where it has no body of statements."""
    if one.body is None or not re.search(r"block|body|suite|compound|list", one.body.type):
        return None
    return [
        text_of(node).strip()
        for node in one.body.named_children
        if "comment" not in node.type and not is_documentation(node)
    ]


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not _COMMENT.match(line)


def _check_nested(region: Region, code: str) -> None:
    """A function that is called is defined, where it was."""
    old, new = ({name for pair in _NESTED.findall(text) for name in pair if name} for text in (region.text, code))
    for name in sorted(old - new - region.asked):
        called = re.search(rf"(?<![\w.]){name}\s*\(", code)
        if called and not re.search(rf"\b(?:import|from|lambda)\b.*\b{name}\b|\b{name}\s*[:=]", code):
            raise Unusable("loses-code", f"The answer would lose {name}, which it calls.")


def _check_statements(region: Region, code: str) -> None:
    """Statements are about the same as before, and make known what is read below them."""
    if region.language.literals and not _is_about(region.text, code):
        raise Unusable("no-code", "The answer is not about the code that was asked for.")
    scope = region.around[-1] if region.around else None
    text = with_line_feeds(region.snapshot.text)
    lines = text.split("\n")
    first, last = 0, len(lines)
    if scope is not None:
        first, last = (region.snapshot.byte_position(at).line for at in (scope.start, scope.end))
    above = "\n".join(lines[first : region.brief.region.start.line])
    below = "\n".join(lines[region.line_after : last + 1])
    for name in sorted(_assigned(region.text) - _assigned(code) - _assigned(above)):
        word = rf"(?<![\w.$]){re.escape(name)}(?![\w$])"
        read = re.search(rf"{word}(?!\s*(?::=|=(?!=)))", below)
        if read and not re.search(rf"\b(?:import|as|for|fn|def|function|func)\b[^\n]*{word}", code):
            raise Unusable("loses-code", f"The answer would lose {name}, which is used below.")


def _assigned(text: str) -> set[str]:
    return {name.strip() for names in _ASSIGNED.findall(text) for name in names.split(",")}


def _is_about(old: str, new: str) -> bool:
    """Whether code has enough in common with other code to stand in its place."""
    if not any(map(_is_code, old.split("\n"))):
        return True
    before, after = (re.findall(r"\w+", text) for text in (old, new))
    if not before or len(before) * len(after) > 10**6:
        return True
    same = sum(block.size for block in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks())
    if 2 * same >= ALIKE * (len(before) + len(after)) or 2 * same >= len(before):
        return True
    one, two = old.strip(), new.strip()
    return max(len(one), len(two)) <= SHORT and SequenceMatcher(None, one, two, autojunk=False).ratio() >= ALIKE
