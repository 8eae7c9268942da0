"""Files of the same kind beside a file: its test or its subject, its header or its source, its like in the folder.

Which names belong together is the table `PATTERNS`; what comes back is an outline of each file, not its text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from posixpath import basename, dirname, splitext
from typing import Protocol

from tabby_lsp.index.lookup.signatures import text_of
from tabby_lsp.index.types import Snippet, Why
from tabby_lsp.syntax.languages import language_of
from tabby_lsp.syntax.symbols.types import Definition

MEMBERS = 40
"""Definitions of an outline; a file with more shows its first."""
LIKE = 24
"""Files of the same folder and suffix that are compared by the names they define."""
SHARED = 2
"""Names that two files must both define to be called alike: one is chance (`main`, `setUp`)."""


class Table(Protocol):
    """What siblings are found in: `index.store.symbol_rows.SymbolRows`."""

    def files(self) -> Collection[str]:
        """All relative paths; the same object as long as they are the same."""
        ...

    def in_files(self, paths: Collection[str]) -> list[tuple[str, str, Definition]]:
        """Definitions of these files."""
        ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """How the name of one file follows from the name of another.

    Attributes:
        own: fits the stem of the file at hand; its group 1 is what both have in common.
        other: stems of the sibling, with `{}` for it.
        suffixes: of the sibling; empty: the same as the file's.
        score: its worth among siblings.
        anywhere: whether it may be in another folder; the nearer is then the better.
    """

    own: str
    other: tuple[str, ...]
    suffixes: tuple[str, ...] = ()
    score: float = 1.0
    anywhere: bool = True


SOURCES = (".c", ".cc", ".cpp", ".cxx", ".m", ".mm", ".cu")
HEADERS = (".h", ".hpp", ".hh", ".hxx", ".cuh", ".inl")
SCRIPTS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")

PATTERNS: dict[str, tuple[Pattern, ...]] = {
    # suffixes of the file at hand → what its name says; a test knows its subject better than the subject its tests
    ".py .pyi": (
        Pattern(r"test_(.+)|(.+)_test", ("{}", "_{}"), (".py", ".pyi")),
        Pattern(r"_?(.+)", ("test_{}", "{}_test"), (".py",), 0.8),
        Pattern(r"(.+)", ("{}",), (".pyi", ".py"), 0.9, anywhere=False),
        Pattern(r"(?!__init__).+", ("__init__",), (".py",), 0.3, anywhere=False),
    ),
    ".go": (Pattern(r"(.+)_test", ("{}",)), Pattern(r"(.+)", ("{}_test",), score=0.8)),
    " ".join(SCRIPTS): (
        Pattern(r"(.+)[.-](?:test|spec|stories|cy)", ("{}", "{}.component"), SCRIPTS),
        Pattern(r"(.+)", ("{}.test", "{}.spec", "{}-test", "{}.stories"), SCRIPTS, 0.8),
        Pattern(r"(?!index$).+", ("index",), SCRIPTS, 0.3, anywhere=False),
    ),
    ".java .kt .scala .cs .php .swift .groovy": (
        Pattern(r"(.+?)(?:Tests?|IT|Spec|TestCase)", ("{}",)),
        Pattern(r"(.+)", ("{}Test", "{}Tests", "{}IT", "{}Spec", "{}TestCase"), score=0.8),
        Pattern(r"(.+)Impl", ("{}", "I{}"), score=0.7),
        Pattern(r"I?([A-Z].+)", ("{}Impl", "I{}"), score=0.6),
    ),
    ".rb": (
        Pattern(r"(.+)_(?:test|spec)|test_(.+)", ("{}",)),
        Pattern(r"(.+)", ("{}_test", "{}_spec", "test_{}"), score=0.8),
    ),
    ".rs": (
        Pattern(r"(.+)_tests?|tests?_(.+)", ("{}",)),
        Pattern(r"(.+)", ("{}_test", "{}_tests"), score=0.8),
        Pattern(r"(?!mod$|lib$|main$).+", ("mod", "lib"), score=0.3, anywhere=False),
    ),
    ".lua .sh .bash": (
        Pattern(r"(.+)[_.](?:test|spec)|test_(.+)", ("{}",)),
        Pattern(r"(.+)", ("{}_test", "{}_spec", "test_{}"), score=0.8),
    ),
    " ".join(HEADERS): (
        Pattern(r"(.+)", ("{}",), SOURCES, 0.9),
        Pattern(r"(.+)", ("{}_test", "test_{}"), SOURCES, 0.7),
    ),
    " ".join(SOURCES): (
        Pattern(r"(.+)", ("{}",), HEADERS, 1.0),
        Pattern(r"test_(.+)|(.+)_(?:test|unittest)", ("{}",), SOURCES + HEADERS, 0.9),
        Pattern(r"(.+)", ("{}_test", "test_{}", "{}_unittest"), SOURCES, 0.7),
    ),
}
BY_SUFFIX = {suffix: patterns for suffixes, patterns in PATTERNS.items() for suffix in suffixes.split()}


def siblings(table: Table, path: str, limit: int) -> tuple[Snippet, ...]:
    """Find the files that belong to a file.

    Args:
        table: what is indexed.
        path: the file at hand, relative, with slashes; it need not be indexed.
        limit: most files.

    Returns:
        Their outlines, best first; files that define nothing are left out.
    """
    files = table.files()
    scores = dict(_by_name(files, path))
    beside = _beside(files, path, set(scores))
    rows: dict[str, list[Definition]] = defaultdict(list)
    for where, _, definition in table.in_files([path, *scores, *beside]):
        rows[where].append(definition)
    own = {definition.name for definition in rows.pop(path, ())}
    for other in beside:
        shared = len(own & {definition.name for definition in rows.get(other, ())})
        if shared >= SHARED:
            scores[other] = 0.5 * shared / max(1, min(len(own), len(rows[other])))
    best = sorted((one for one in scores if rows.get(one)), key=lambda one: (-scores[one], one))
    return tuple(_outline(one, rows[one], scores[one]) for one in best[:limit])


def _by_name(files: Collection[str], path: str) -> Iterator[tuple[str, float]]:
    stem, suffix = splitext(basename(path))
    wanted: dict[str, tuple[float, bool]] = {}
    for pattern in BY_SUFFIX.get(suffix.lower(), ()):
        match = re.fullmatch(pattern.own, stem)
        if match is None:
            continue
        common = next((group for group in match.groups() if group), "")
        for other in pattern.other:
            for ending in pattern.suffixes or (suffix,):
                wanted.setdefault(other.format(common) + ending, (pattern.score, pattern.anywhere))
    for one in files:
        name = one.rpartition("/")[2]
        if name in wanted and one != path:
            score, anywhere = wanted[name]
            near = _nearness(path, one)
            if anywhere or near == 1.0:
                yield one, score * near


def _nearness(one: str, other: str) -> float:
    """1 in the same folder, less with each folder between; `tests/net/test_x.py` is near `src/net/x.py`."""
    here, there = dirname(one).split("/"), dirname(other).split("/")
    if here == there:
        return 1.0
    common = len(set(here) & set(there) - {""})
    return 0.5 + 0.45 * common / max(len(here), len(there), 1)


def _beside(files: Collection[str], path: str, found: set[str]) -> list[str]:
    """Files of the same folder and suffix, those first whose names are most alike."""
    folder, suffix = dirname(path), splitext(path)[1]
    start = f"{folder}/" if folder else ""
    names = [
        one
        for one in files
        if one.startswith(start)
        and one.endswith(suffix)
        and "/" not in one[len(start) :]
        and one != path
        and one not in found
    ]
    words = _words(path)
    return sorted(names, key=lambda one: (-len(words & _words(one)), one))[:LIKE]


def _words(path: str) -> set[str]:
    return set(re.findall(r"[A-Z]?[a-z]+|[A-Z]+", splitext(basename(path))[0]))


def _outline(path: str, definitions: list[Definition], score: float) -> Snippet:
    language = language_of(path)
    shown = definitions[:MEMBERS]
    return Snippet(
        path=path,
        language=language,
        start=0,
        end=max(definition.end for definition in definitions),
        text=text_of(shown, language),
        why=Why.SIBLING,
        symbols=tuple(f"{one.container}.{one.name}" if one.container else one.name for one in shown),
        score=score,
        parts={"name": score},
    )
