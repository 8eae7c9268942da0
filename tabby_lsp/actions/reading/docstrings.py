"""Documentation written where a language has it, in the form that it has there; one row a language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabby_lsp.actions.checks import is_documentation
from tabby_lsp.actions.edits import minimal
from tabby_lsp.actions.reading.imports import OF_A_LICENCE
from tabby_lsp.actions.reading.regions import DEFAULT_UNIT, Region, Unusable, indent_of, outer
from tabby_lsp.actions.reading.statements import ATTACHED
from tabby_lsp.actions.reading.words import documentation, wrapped
from tabby_lsp.actions.types import Outcome, Span
from tabby_lsp.document import Position
from tabby_lsp.syntax.grammars import captures

if TYPE_CHECKING:
    import tree_sitter

    from tabby_lsp.actions.reading.code import Check
    from tabby_lsp.engine.types import Finish
    from tabby_lsp.syntax.symbols.extract import Found

WIDTH = 88
"""Columns to which documentation is wrapped, unless the file has longer lines."""
WIDEST = 120
"""Columns beyond which a file's longest line is no habit."""


@dataclass(frozen=True, slots=True)
class Style:
    """How documentation is written.

    Attributes:
        opening: a line in front; empty where each line has its own mark.
        line: what each line begins with.
        closing: a line behind.
        inside: whether it is the first statement of the body, in quotes.
        replaces: regular expression for the comments above a definition that it takes the place of.
        directive: the same for those that belong to the definition and stay below.
    """

    opening: str = ""
    line: str = ""
    closing: str = ""
    inside: bool = False
    replaces: str = r"(?!)"
    directive: str = r"(?!)"


_STARS = Style("/**", " * ", " */", replaces=r"/\*\*|///")
_SLASHES = Style(line="/// ", replaces=r"///|/\*\*")
_QUOTES = Style(inside=True)
STYLES: dict[str, Style] = {
    "python": _QUOTES,
    "javascript": _STARS,
    "typescript": _STARS,
    "tsx": _STARS,
    "java": _STARS,
    "php": _STARS,
    "c": Style("/**", " * ", " */", replaces=r"/\*[*!]|//[/!]"),
    "cpp": Style("/**", " * ", " */", replaces=r"/\*[*!]|//[/!]"),
    "kotlin": _STARS,
    "scala": _STARS,
    "groovy": _STARS,
    "csharp": _SLASHES,
    "rust": _SLASHES,
    "swift": _SLASHES,
    "dart": _SLASHES,
    "zig": _SLASHES,
    "go": Style(line="// ", replaces=r"//(?!go:|nolint|export )|/\*", directive=r"//(?:go:|nolint|export )"),
    "ruby": Style(line="# ", replaces=r"#(?!!|\s*(?:frozen_string_literal|rubocop|-\*-|encoding|typed)\b)"),
    "bash": Style(line="# ", replaces=r"#(?!!|\s*shellcheck\b)", directive=r"#\s*shellcheck\b"),
    "lua": Style(line="--- ", replaces=r"--(?!-@)", directive=r"---@"),
}
_STAYS_BELOW = re.compile(
    r"(?://|#|--|/\*)\s*(?:NOLINT|nolint|eslint-|@ts-|ts-|prettier-|biome-|tslint:|noinspection|rubocop:|pylint:|ruff:|"
    r"noqa|type:|mypy:|pyright:|phpcs:|@phpstan|swiftlint:|ktlint|(?:istanbul|v8|c8) ignore|"
    r"cppcheck-|coverity\[|IWYU|LCOV_|GCOV_|shellcheck |luacheck:|selene:|spotless:|checkstyle:)"
)
"""Comments for a tool that speak of the line below them."""
_STAYS_ABOVE = re.compile(
    r"#!|(?://|#|--|/\*)[\s*!/]*"
    r"(?:clang-format o|\+build |go:build |go:generate |frozen_string_literal:|-\*-|(?:en)?coding[:=])|" + OF_A_LICENCE,
    re.IGNORECASE,
)
"""Comments that are no documentation and speak of more than a definition: licences, switches of a formatter."""
_SLASHED = frozenset({"c", "cpp"})
"""Languages whose files may have `///` in place of `/** */`."""


def read_docstring(region: Region, answer: str, finish: Finish, check: Check) -> Outcome:
    """An answer as the documentation of the definition in a region.

    Args:
        region: the definition, with the comments above it.
        answer: what the model wrote.
        finish: why it ended.
        check: raises `Unusable` where edits may not be made.
    """
    one = next(iter(region.own), region.around[-1] if region.around else None)
    if one is None:
        raise Unusable("no-code", "There is no definition here to document.")
    words = documentation(region, one.name, answer, finish)
    style = _style(region)
    span, text = (_inside if style.inside else _above)(region, one, _fitting(region, one, words), style)
    edits = minimal(region.snapshot, span, text.replace("\n", region.newline))
    check(region, edits)
    return Outcome(edits)


def _style(region: Region) -> Style:
    row = region.language
    if row.name in _SLASHED and region.snapshot.text.count("///") > region.snapshot.text.count("/**"):
        return _SLASHES
    plain = Style(line=f"{row.comment} ", replaces=re.escape(row.comment))
    return STYLES.get(row.name) or plain


def _width(region: Region) -> int:
    longest = max((len(line.rstrip("\r\n")) for line in region.snapshot.lines), default=0)
    return max(WIDTH, min(longest, WIDEST))


def _fitting(region: Region, one: Found, words: str) -> str:
    """The words as a language wants them to begin."""
    if region.language.name == "csharp" and "<summary>" not in words:
        return f"<summary>\n{words}\n</summary>"
    if region.language.name == "go":
        return _named(one.name, words)
    return words


def _named(name: str, words: str) -> str:
    """Go's documentation begins with the name of what it is about."""
    first, _, rest = words.partition(" ")
    if first.strip("`") == name:
        return f"{name} {rest}"
    subject = rf"(?:the|this)\s+(?:`?{re.escape(name)}`?\s+)?(?:function|method|type|struct)\s+"
    if found := re.match(subject, words, re.IGNORECASE):
        return f"{name} {words[found.end() :]}"
    if re.fullmatch(r"[A-Z][a-z]+s", first) and rest:
        return f"{name} {first[0].lower()}{first[1:]} {rest}"
    return words


def _inside(region: Region, one: Found, words: str, style: Style) -> tuple[Span, str]:
    """A string as the first statement of a body."""
    del style
    if one.body is None or not one.body.named_children:
        raise Unusable("no-code", "There is no body to document.")
    snapshot = region.snapshot
    first = one.body.named_children[0]
    start, end = snapshot.byte_position(first.start_byte), snapshot.byte_position(first.end_byte)
    before = snapshot.line_text(start.line)[: start.column]
    if before.strip():
        head = snapshot.line_text(snapshot.byte_position(one.node.start_byte).line)
        indent = indent_of(head) + (region.unit or DEFAULT_UNIT)
        lead, behind = f"\n{indent}", f"\n{indent}"
    else:
        indent, lead, behind = before, "", ""
    text = _quoted(words, indent, _width(region))
    if is_documentation(first):
        return Span(start, end), text
    if lead:
        gap = len(before) - len(before.rstrip())
        return Span(Position(start.line, start.column - gap), start), lead + text + behind
    line = _line_below_head(region, one, first)
    return Span(Position(line, 0), Position(line, 0)), f"{indent}{text}\n"


def _line_below_head(region: Region, one: Found, first: tree_sitter.Node) -> int:
    """The line behind the one with the colon; comments in front of the first statement come after documentation."""
    colons = [child for child in one.node.children if child.type == ":" and child.end_byte <= first.start_byte]
    place = colons[-1].end_byte if colons else first.start_byte
    return region.snapshot.byte_position(place).line + bool(colons)


def _quoted(words: str, indent: str, width: int) -> str:
    words = words.replace('"""', "'''")
    opening = 'r"""' if "\\" in words else '"""'
    text = wrapped(words, width - len(indent.expandtabs(4)))
    if "\n" not in text and len(indent) + len(opening) + len(text) + 3 <= width:
        return f'{opening}{text}{" " if text.endswith(chr(34)) else ""}"""'
    first = wrapped(words.split("\n", 1)[0], width - len(indent.expandtabs(4)) - len(opening))
    rest = wrapped(words.split("\n", 1)[1], width - len(indent.expandtabs(4))) if "\n" in words else ""
    lines = first.split("\n") + (rest.split("\n") if "\n" in words else [])
    body = "\n".join([lines[0], *(f"{indent}{line}" if line.strip() else "" for line in lines[1:])])
    return f'{opening}{body}\n{indent}"""'


def _above(region: Region, one: Found, words: str, style: Style) -> tuple[Span, str]:
    """Comments above a definition, its attributes and its `export`."""
    snapshot = region.snapshot
    top, old = _surroundings(region, one, style)
    place = snapshot.byte_position(top.start_byte)
    before = snapshot.line_text(place.line)[: place.column]
    if before.strip():
        raise Unusable("outside", "The definition does not begin a line.")
    text = _commented(words, before, style, _width(region))
    if not old:
        return Span(Position(place.line, 0), Position(place.line, 0)), text
    first = snapshot.byte_position(old[0].start_byte).line
    last = snapshot.byte_position(max(old[-1].end_byte - 1, old[-1].start_byte)).line
    return Span(Position(first, 0), Position(last + 1, 0)), text


def _surroundings(region: Region, one: Found, style: Style) -> tuple[tree_sitter.Node, list[tree_sitter.Node]]:
    """The first node that belongs to a definition, and the comments that are its documentation so far."""
    assert region.tree is not None  # noqa: S101 - a definition was found in it
    top = node = outer(one)
    found = captures(region.tree, region.snapshot.language, 0, node.end_byte).get("comment", [])
    comments = {comment.id for comment in found}
    old: list[tree_sitter.Node] = []
    while (above := node.prev_sibling) is not None and _touches(above, node):
        if above.id in comments:
            text = (above.text or b"").decode("utf-8", "replace")
            if _STAYS_ABOVE.match(text):
                break
            if re.match(style.directive, text) or _STAYS_BELOW.match(text):
                if old:
                    break
                top = above
            elif re.match(style.replaces, text) and _begins_line(region, above):
                old.insert(0, above)
            else:
                break
        elif above.type in ATTACHED and not old:
            top = above
        else:
            break
        node = above
    return top, old


def _touches(above: tree_sitter.Node, node: tree_sitter.Node) -> bool:
    """Whether no blank line stands between two nodes."""
    end = above.end_point
    return node.start_point.row - (end.row - (end.column == 0 and end.row > above.start_point.row)) <= 1


def _begins_line(region: Region, comment: tree_sitter.Node) -> bool:
    """Whether no code stands in front of a comment."""
    place = region.snapshot.byte_position(comment.start_byte)
    return not region.snapshot.line_text(place.line)[: place.column].strip()


def _commented(words: str, indent: str, style: Style, width: int) -> str:
    """Documentation as lines of comments, with the ending of the last."""
    if style.closing:
        words = words.replace("*/", "*\\/")
    room = width - len(indent.expandtabs(4)) - len(style.line)
    text = wrapped(words, room)
    if style.closing and "\n" not in text and len(text) + len("/**  */") <= width - len(indent):
        return f"{indent}{style.opening} {text} {style.closing.strip()}\n"
    lines = [f"{style.line}{line}".rstrip() for line in text.split("\n")]
    if style.closing:
        lines = [style.opening, *lines, style.closing]
    return "".join(f"{indent}{line}\n" for line in lines)
