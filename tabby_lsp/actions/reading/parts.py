"""The part of an answer that was asked for: of a whole file or class the function, without what is there already."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabby_lsp.actions.checks import error_count, is_documentation
from tabby_lsp.actions.reading.heads import restored
from tabby_lsp.actions.reading.layout import indented
from tabby_lsp.actions.reading.pairs import Pair, pairs
from tabby_lsp.actions.reading.regions import Region, Unusable, indent_of, outer
from tabby_lsp.actions.reading.statements import (
    HEADERS,
    Group,
    Parsed,
    groups_of,
    imports_of,
    lines_kept,
    parsed,
    text_of,
    top_of,
)
from tabby_lsp.syntax.reading import read
from tabby_lsp.syntax.symbols.types import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    import tree_sitter

    from tabby_lsp.syntax.symbols.extract import Found

_CALL = re.compile(r"(?:call|await|print|macro_invocation|invocation)")
_MAIN = re.compile(r"^if\s+__name__\b|^if\s*\(\s*require\.main\b")
_EXAMPLES = frozenset({"main", "Main", "example", "usage"})
_ASSIGNED = re.compile(r"^(?:export\s+)?(?:const|let|var|static|final|local|pub|\s)*\$?([\w$]+)\s*(?::[^=]*)?=[^=]")


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken of an answer.

    Attributes:
        code: for the region, indented as the answer has it.
        imports: the import statements that stood beside it.
    """

    code: str
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Addition(Taken):
    """What is added to a document.

    Attributes:
        renamed: pairs of a name that the document has already, and what it is called instead.
    """

    renamed: tuple[tuple[str, str], ...] = ()


def taken(region: Region, code: str) -> Taken:
    """What a region gets of some code.

    Raises:
        Unusable: the code is about something else, or only a part of what is to be replaced.
    """
    answer = parsed(region.snapshot.language, region.language.name, code)
    if answer is not None and (whole := restored(region, code, answer)) != code:
        code, answer = whole, parsed(region.snapshot.language, region.language.name, whole)
    if answer is None or region.has_imports:
        return Taken(code)
    own = {one.name: one for one in region.own}
    chosen = pairs(region, region.own, answer.definitions)
    wanted = [new for _, new in chosen]
    if own and not wanted:
        return _without_names(region, code, answer)
    if not own and not _functions(answer) and _functions(_alone(region)):
        raise Unusable("cut-off", "The answer holds only a part of the code.")
    if not own and (inner := _inner(region, code, answer)) is not None:
        return Taken(inner, imports_of(answer))
    level = outer(wanted[0]).parent if wanted else top_of(answer)
    groups = groups_of(answer, level or answer.tree.root_node, region.snapshot.language)
    kept = [group for group in groups if _is_kept(region, group, own, wanted)]
    if wanted and len(wanted) < len(region.own):
        return Taken(_exchanged(region, code, groups, chosen), imports_of(answer))
    _check_members(region, answer, own)
    whole = len(kept) == len(groups) and level == answer.tree.root_node
    lines = code.split("\n") if whole else lines_kept(code.split("\n"), groups, kept)
    if wanted and kept and kept[0].first == outer(wanted[0]).start_point.row - answer.rows:
        lines = _comments_above(region, lines) + lines
    return Taken("\n".join(lines), imports_of(answer))


def added(region: Region, code: str) -> Addition:
    """What of some code is new in a document: without headers, and under new names where it has the old ones."""
    answer = parsed(region.snapshot.language, region.language.name, code)
    if answer is None:
        return Addition(code)
    level = top_of(answer)
    around = region.around[-1].name if region.around else ""
    tops = [one for one in answer.definitions if not one.container]
    if around and [one.name for one in tops] == [around] and tops[0].body is not None:
        level = tops[0].body
    groups = groups_of(answer, level, region.snapshot.language)
    known = {_squeezed(outer(one)) for one in region.definitions}
    there = {one.name for one in region.definitions if one.container == around}
    kept, names = [], []
    for group in groups:
        node = group.nodes[0] if group.nodes else None
        if group.imported or (node is not None and (node.type in HEADERS or _MAIN.match(text_of(node)))):
            continue
        if group.found and all(_squeezed(outer(one)) in known for one in group.found):
            continue
        kept.append(group)
        names += [one.name for one in group.found if one.name in there and one.kind is not None]
    text = "\n".join(lines_kept(code.split("\n"), groups, kept))
    renamed = tuple((name, _free(name, there | set(re.findall(r"\w+", text)))) for name in dict.fromkeys(names))
    for old, new in renamed:
        text = _renamed(region, text, old, new)
    return Addition(text, imports_of(answer), renamed)


def _renamed(region: Region, text: str, old: str, new: str) -> str:
    """Code in which a name is another; strings and comments stay."""
    literal = read(region.snapshot.language, text).literal
    name = re.compile(rf"(?<![\w$.]){re.escape(old)}(?![\w$])")
    return name.sub(lambda found: found.group() if literal[found.start()] else new, text)


def _free(name: str, there: set[str]) -> str:
    """A name that nothing has yet: `test_add_2` of `test_add`, `TestAdd2` of `TestAdd`."""
    joint = "_" if "_" in name or name.islower() else ""
    return next(free for number in range(2, len(there) + 3) if (free := f"{name}{joint}{number}") not in there)


def _squeezed(node: tree_sitter.Node) -> bytes:
    return b"".join((node.text or b"").split())


def _comments_above(region: Region, lines: Sequence[str]) -> list[str]:
    """The comments in front of a region's first definition, for an answer that leaves them out."""
    row = region.snapshot.byte_position(outer(region.own[0]).start_byte).line - region.brief.region.start.line
    head = region.text.split("\n")[: max(row, 0)]
    while head and not head[0].strip():
        head.pop(0)
    indent = indent_of(next((line for line in lines if line.strip()), ""))
    return [indent + line.removeprefix(region.base) if line.strip() else "" for line in head]


def _alone(region: Region) -> Parsed | None:
    """A region read without its document, whose definitions leave out functions inside of functions."""
    return parsed(region.snapshot.language, region.language.name, textwrap.dedent(region.text))


def _functions(code: Parsed | None) -> list[Found]:
    return [one for one in code.definitions if one.kind in (Kind.FUNCTION, Kind.METHOD)] if code else []


def _without_names(region: Region, code: str, answer: Parsed) -> Taken:
    """Code in which nothing is called as in the region: a new name for the one definition, or only a part of it."""
    defined = [one for one in answer.definitions if one.kind not in (Kind.FIELD, Kind.CONSTANT, None)]
    tops = [one for one in defined if not any(two.start < one.start and one.end <= two.end for two in defined)]
    if len(tops) == 1 and len(region.own) == 1 and not _elsewhere(region, tops[0].name):
        region_like = groups_of(answer, outer(tops[0]).parent or answer.tree.root_node, region.snapshot.language)
        kept = [group for group in region_like if group.found and not group.imported]
        return Taken("\n".join(lines_kept(code.split("\n"), region_like, kept)), imports_of(answer))
    if error_count(answer.tree):
        return Taken(code)  # the check of the document's syntax says what is wrong
    if tops:
        raise Unusable("outside", "The answer changes other code than it was asked to.")
    raise Unusable("cut-off", "The answer holds only a part of the code.")


def _inner(region: Region, code: str, answer: Parsed) -> str | None:
    """The statements of a region out of an answer that repeats the function around them; None where it does not."""
    names = {one.name for one in answer.definitions}
    around = next((one for one in reversed(region.around) if one.name in names), None)
    if around is None:
        return None
    rows = [line.strip() for line in region.snapshot.lines]
    first, last = region.brief.region.start.line, region.line_after
    head, tail = (region.snapshot.byte_position(at).line for at in (around.node.start_byte, around.node.end_byte))
    above = [row for row in rows[head:first] if row]
    below = [row for row in rows[last : tail + 1] if row]
    found = next(one for one in answer.definitions if one.name == around.name)
    lines = code.split("\n")[found.node.start_point.row - answer.rows : found.node.end_point.row + 1 - answer.rows]
    start, end = _behind(lines, above), len(lines) - _behind(lines[::-1], below[::-1])
    if start > end:
        raise Unusable("outside", "The answer changes code around what it was asked about.")
    return "\n".join(lines[start:end])


def _behind(lines: Sequence[str], wanted: Sequence[str]) -> int:
    """How many lines the wanted ones take at the start, blank ones left out."""
    at = 0
    for want in wanted:
        while at < len(lines) and not lines[at].strip():
            at += 1
        if at >= len(lines) or lines[at].strip() != want:
            raise Unusable("outside", "The answer changes code around what it was asked about.")
        at += 1
    return at


def _is_kept(region: Region, group: Group, own: dict[str, Found], wanted: Sequence[Found]) -> bool:
    node = group.nodes[0] if group.nodes else None
    if group.imported or (node is not None and node.type in HEADERS):
        return False
    named = [one.name for one in group.found]
    if any(one is two for one in group.found for two in wanted):
        return True
    if any(name in own for name in named):
        return False  # the setter beside a getter, or another version
    if not own:
        return True
    if named:
        return not any(_elsewhere(region, name) or name in _EXAMPLES or _is_test(name) for name in named)
    if node is None:
        return False
    text = text_of(node)
    if node.type == "ERROR" or _MAIN.match(text) or _is_call(node) or is_documentation(node):
        return False
    assigned = _ASSIGNED.match(text)
    return not (assigned and _elsewhere(region, assigned.group(1)))


def _is_call(node: tree_sitter.Node) -> bool:
    inner = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
    return bool(_CALL.search(inner.type))


def _is_test(name: str) -> bool:
    return name.lower().startswith("test")


def _elsewhere(region: Region, name: str) -> bool:
    """Whether the document defines a name outside of the region."""
    start, end = region.bytes
    return any(one.name == name and not (start <= one.start and one.end <= end) for one in region.definitions)


def _exchanged(region: Region, code: str, groups: Sequence[Group], chosen: Sequence[Pair]) -> str:
    """The region's text with only those of its definitions exchanged that an answer holds."""
    rows = region.text.split("\n")
    start = region.brief.region.start.line
    answered = code.split("\n")
    for here, new in sorted(chosen, key=lambda pair: pair[0].start, reverse=True):
        group = next((group for group in groups if any(one is new for one in group.found)), None)
        if group is None:
            continue
        first, last = (region.snapshot.byte_position(at).line - start for at in (outer(here).start_byte, here.end))
        text = "\n".join(answered[group.first : group.last + 1])
        rows[first : last + 1] = indented(text, region, indent_of(rows[first])).split("\n")
    return "\n".join(rows)


def _check_members(region: Region, answer: Parsed, own: dict[str, Found]) -> None:
    """A class that lost most of its methods was not rewritten but cut short."""
    start, end = region.bytes
    mine = {(one.container, one.name) for one in region.definitions if start <= one.start and one.end <= end}
    mine = {pair for pair in mine if pair[0] in own}
    left = {(one.container, one.name) for one in answer.definitions}
    lost = mine - left
    if len(lost) > 1 and len(lost) * 2 > len(mine):
        raise Unusable("cut-off", "The answer leaves out a part of the code.")
