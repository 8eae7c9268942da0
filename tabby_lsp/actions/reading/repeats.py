"""Definitions of an answer that stand elsewhere already: left out, and brought in by an import where there is one.

A model that is asked for tests writes down once more what they are of: in Go that does not compile, and elsewhere the
tests would be of the copy.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tabby_lsp.actions.reading.regions import DEFAULT_UNIT, Region, Unusable
from tabby_lsp.actions.reading.statements import (
    HEADERS,
    Group,
    Parsed,
    groups_of,
    imports_of,
    parsed,
    text_of,
    top_of,
)
from tabby_lsp.syntax.symbols.statements import EVERYTHING, imports_in
from tabby_lsp.syntax.symbols.types import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import tree_sitter

    from tabby_lsp.syntax.symbols.extract import Found
    from tabby_lsp.syntax.symbols.types import Import

_OWN = re.compile(
    r"^\s*(?:#\[(?:\w+::)?test\b|@(?:\w+\.)?fixture\b|(?:async\s+)?def\s+test_|impl\b[^{]*\bfor\b)", re.MULTILINE
)
"""What is no repeat, whatever its name: tests and fixtures are often called as what they are for, and a type has more
than one `impl`."""
_OUTER = "use super::*;"
_STRICT = frozenset({"go"})
"""Languages in which an import that nothing uses is an error, and a second definition too."""


def without_repeats(region: Region, code: str) -> tuple[str, tuple[str, ...]]:
    """Code without what stands elsewhere, and the import statements that it needs instead.

    Args:
        region: where it goes.
        code: of an answer.

    Raises:
        Unusable: nothing else is in it.
    """
    elsewhere = dict(region.brief.elsewhere)
    answer = parsed(region.snapshot.language, region.language.name, code) if elsewhere else None
    if answer is None:
        return code, ()
    rows = code.split("\n")
    repeated: list[Group] = []
    left: list[Group] = []
    heads: list[int] = []
    strict = region.language.name in _STRICT
    modules = [one for one in answer.definitions if one.kind is Kind.MODULE and one.body is not None]
    for module, level in ((None, top_of(answer)), *((one, one.body) for one in modules)):
        groups = groups_of(answer, level, region.snapshot.language) if level is not None else []
        here = [group for group in groups if _stands_elsewhere(answer, group, module, elsewhere, rows, strict=strict)]
        if here and module is not None and level is not None:
            heads.append(level.start_point.row - answer.rows)
        repeated += here
        left += [group for group in groups if group not in here and not any(one in modules for one in group.found)]
    if repeated and not any(_says_something(group) for group in left):
        raise Unusable("echo", "The answer only repeats the code that it should be about.")
    dropped = _rows(repeated) - _rows(left)
    if strict:
        dropped |= _unused(region, answer, rows, dropped)
    if not dropped:
        return code, _brought(region, answer, code, ())
    names = {one.name for group in repeated for one in _defined(answer, group)}
    text = "\n".join(_kept(region, rows, dropped, heads))
    return text, _brought(region, answer, text, names)


def _rows(groups: Iterable[Group]) -> set[int]:
    return {row for group in groups for row in range(group.first, group.last + 1)}


def _says_something(group: Group) -> bool:
    return bool(group.nodes) and not group.imported and group.nodes[0].type not in HEADERS


def _unused(region: Region, answer: Parsed, rows: list[str], dropped: set[int]) -> set[int]:
    """The rows of imports that only the dropped code used, or nothing; of a group that they fill, all of it.

    The name of a package of somebody else need not be that of its path: where it is used nowhere, its import stays.
    """
    language_id = region.snapshot.language
    unused: set[int] = set()
    spans = [(node.start_point.row - answer.rows, node.end_point.row - answer.rows) for node in answer.statements]
    imports = {row for first, last in spans for row in range(first, last + 1)}
    code = "\n".join(row for at, row in enumerate(rows) if at not in dropped | imports)
    gone = "\n".join(rows[at] for at in dropped)
    for first, last in spans:
        lines = {row: f"import {rows[row].strip().removeprefix('import')}" for row in range(first, last + 1)}
        named = {row: one for row, line in lines.items() for one in imports_in(line, language_id)}
        idle = {
            row
            for row, one in named.items()
            if one.alias
            and not _uses(code, one.alias)
            and (_uses(gone, one.alias) or "." not in one.module.partition("/")[0])
        }
        unused |= set(lines) if idle and idle == named.keys() else idle
    return unused


def _uses(code: str, name: str) -> bool:
    return re.search(rf"(?<![\w$.]){re.escape(name)}(?![\w$])", code) is not None


def _defined(answer: Parsed, group: Group) -> list[Found]:
    """What a statement defines; several where it declares a list of names."""
    if group.found or not group.nodes:
        return group.found
    return [one for one in answer.definitions if _declares(group.nodes[0], one.node)]


def _declares(statement: tree_sitter.Node, node: tree_sitter.Node) -> bool:
    above = node.parent
    if above is not None and above.type.endswith("_list"):
        above = above.parent
    return above == statement


def _stands_elsewhere(
    answer: Parsed, group: Group, module: Found | None, elsewhere: Mapping[str, str], rows: list[str], *, strict: bool
) -> bool:
    found = _defined(answer, group)
    if not found or _OWN.search("\n".join(rows[max(group.first, 0) : group.last + 1])):
        return False
    if not strict and all(one.kind is Kind.CONSTANT and one.body is None for one in found):
        return False  # the value that tests are about need not be that of the source
    inside = module.name if module is not None else ""
    return all(".".join(filter(None, (one.container.removeprefix(inside), one.name))) in elsewhere for one in found)


def _kept(region: Region, rows: list[str], dropped: set[int], heads: list[int]) -> list[str]:
    """The rows that stay, blank ones behind a gap left out; a module of Rust sees what is around it."""
    kept: list[str] = []
    gap = False
    for at, row in enumerate(rows):
        gap = at in dropped or (gap and not row.strip())
        if not gap:
            kept.append(row)
        if at in heads and region.language.name == "rust" and not any("super::" in row for row in rows):
            kept += [f"{region.unit or DEFAULT_UNIT}{_OUTER}", ""]
    return kept


def _brought(region: Region, answer: Parsed, code: str, dropped: Collection[str]) -> tuple[str, ...]:
    """The imports of names that code uses, and that neither it nor its document has: the model was told of them."""
    language_id = region.snapshot.language
    texts = (*imports_of(answer), *(text_of(node) for node in region.imports))
    statements = [one for text in texts for one in imports_in(text, language_id)]
    there = {name for one in statements for name in _known(one)}
    there |= {one.name for one in answer.definitions if one.name not in dropped}
    there |= {one.name for one in region.definitions}
    whole = {one.module for one in statements if EVERYTHING in one.names}
    wanted = (
        line
        for name, line in region.brief.elsewhere
        if name not in there
        and (_uses(code, name) if name in dropped else _is_asked(code, name))
        and not any(one.module in whole for one in imports_in(line, language_id))
    )
    return tuple(dict.fromkeys(line for line in wanted if line))


def _known(one: Import) -> set[str]:
    return {here for _, here in one.names} | {one.alias or re.split(r"[./]", one.module)[0]}


def _is_asked(code: str, name: str) -> bool:
    """Whether a name is called or asked for a member, and given no other meaning: a variable may well be called so."""
    name = re.escape(name)
    own = re.search(rf"(?<![\w$.]){name}\s*(?::=|=(?!=)|:\s|,.*=(?!=)|\bin\b)", code)
    return own is None and re.search(rf"(?<![\w$.]){name}\s*[(.]", code) is not None
