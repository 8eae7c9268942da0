"""The region that an answer is for, with what is known of the document around it."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tabby_lsp.actions.checks import parse
from tabby_lsp.actions.edits import lines_of
from tabby_lsp.syntax.languages import language
from tabby_lsp.syntax.symbols.extract import Found, found_in
from tabby_lsp.syntax.symbols.types import Kind
from tabby_lsp.syntax.trees import encoded

if TYPE_CHECKING:
    import tree_sitter

    from tabby_lsp.actions.types import Brief
    from tabby_lsp.document import Snapshot
    from tabby_lsp.syntax.languages import Language

DEFAULT_UNIT = "    "
"""What is indented with where neither the document nor the answer shows it."""
_UNITS = {"go": "\t"}
"""Languages whose formatter leaves no choice."""
_FENCED = re.compile(r"(`{3,}|~{3,})[\s\S]*?\1")
_VALUES = (Kind.FIELD, Kind.CONSTANT)


class Unusable(Exception):
    """An answer that nothing can be made of.

    Args:
        reason: as in `Outcome`.
        message: what to say about it; empty: what is always said.
    """

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Region:
    """The region of a brief.

    Args:
        brief: what was asked.
    """

    brief: Brief

    @property
    def snapshot(self) -> Snapshot:
        """The document."""
        return self.brief.snapshot

    @cached_property
    def language(self) -> Language:
        """The document's."""
        return language(self.snapshot.language)

    @cached_property
    def raw(self) -> str:
        """The region's text as the document has it."""
        offset = self.snapshot.offset
        return self.snapshot.text[offset(self.brief.region.start) : offset(self.brief.region.end)]

    @cached_property
    def text(self) -> str:
        """The region's text with line feeds."""
        return with_line_feeds(self.raw)

    @cached_property
    def newline(self) -> str:
        """The line ending of the region, or of the document where the region has none or several."""
        endings = set(re.findall(r"\r\n|\r|\n", self.raw))
        return endings.pop() if len(endings) == 1 else self.snapshot.newline

    @property
    def allowed(self) -> tuple[int, int]:
        """The lines that may change: first, and behind the last."""
        return self.brief.allowed or lines_of(self.brief.region)

    @property
    def line_after(self) -> int:
        """The line after the region's last."""
        return lines_of(self.brief.region)[1]

    @cached_property
    def before(self) -> str:
        """What stands in front of the region in its first line."""
        start = self.brief.region.start
        return self.snapshot.line_text(start.line)[: start.column]

    @cached_property
    def tree(self) -> tree_sitter.Tree | None:
        """The document's tree."""
        return parse(self.snapshot.language, self.snapshot.text)

    @cached_property
    def bytes(self) -> tuple[int, int]:
        """The region in the bytes of the document."""
        offset = self.snapshot.byte_offset
        return offset(self.brief.region.start), offset(self.brief.region.end)

    @cached_property
    def _found(self) -> tuple[list[Found], list[tree_sitter.Node]]:
        if self.tree is None:
            return [], []
        return found_in(self.tree, encoded(self.snapshot.text), self.snapshot.language)

    @property
    def definitions(self) -> list[Found]:
        """All definitions of the document."""
        return self._found[0]

    @property
    def imports(self) -> list[tree_sitter.Node]:
        """The document's import statements."""
        return self._found[1]

    @cached_property
    def own(self) -> list[Found]:
        """The functions and types that the region defines, without those inside of them."""
        start, end = self.bytes
        own: list[Found] = []
        for one in self.definitions:
            node = one.surrounding or one.node
            within = start <= node.start_byte and node.end_byte <= end
            if within and one.kind not in _VALUES and not (own and outer(own[-1]).end_byte > node.start_byte):
                own.append(one)
        return own

    @cached_property
    def around(self) -> list[Found]:
        """The definitions that hold the region, outer before inner."""
        start, end = self.bytes
        return [
            one
            for one in self.definitions
            if one.kind not in _VALUES
            and one.start <= start
            and end <= one.end
            and (start < end or start < one.end)  # a place at the end of a definition is behind it
            and one not in self.own
            and (one.start, one.end) != (start, end)
        ]

    @property
    def has_imports(self) -> bool:
        """Whether import statements are part of the region itself."""
        start, end = self.bytes
        return any(start <= node.start_byte and node.end_byte <= end for node in self.imports)

    @cached_property
    def asked(self) -> frozenset[str]:
        """The words of the request, code left out: what it names may go."""
        said = next((one.text for one in reversed(self.brief.messages) if one.role == "user"), "")
        return frozenset(re.findall(r"\w+", _FENCED.sub("", said)))

    @cached_property
    def unit(self) -> str:
        """What the document indents with; empty where nothing in it is indented."""
        return unit_of(self.snapshot.text) or _UNITS.get(self.language.name, "")

    @cached_property
    def base(self) -> str:
        """The indentation of the region's first line of code."""
        if self.before:
            return indent_of(self.before)
        first = next((line for line in self.text.split("\n") if line.strip()), "")
        return indent_of(first)


def outer(one: Found) -> tree_sitter.Node:
    """A definition's node with its decorators and its `export`."""
    return one.surrounding or one.node


def with_line_feeds(text: str) -> str:
    """A text whose lines all end with line feeds."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def indent_of(line: str) -> str:
    """A line's leading blanks."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def unit_of(text: str) -> str:
    """One step of a text's indentation: a tab, or the spaces by which lines most often go deeper; "" for none."""
    lines = [line for line in re.split(r"\r\n?|\n", text) if line.strip()]
    tabs = sum(line.startswith("\t") for line in lines)
    spaces = sum(line.startswith("  ") for line in lines)
    if tabs > spaces:
        return "\t"
    widths = [len(line) - len(line.lstrip(" ")) for line in lines]
    steps = Counter(new - old for old, new in itertools.pairwise(widths) if new - old in (2, 3, 4, 8))
    if not steps:
        return ""
    return " " * max(steps, key=lambda step: (steps[step], -step))
