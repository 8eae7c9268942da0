"""Whether the context holds the definition of what the code names next.

    python tests/evals/definitions.py run [--package NAME] [--misses]      figures, and the rows that changed
    python tests/evals/definitions.py run --accept                         keep the rows as they are now
    python tests/evals/definitions.py draw [--sites 80] [--seed 1]         draw the sites anew (needs jedi and node)

A site is a line in a function that names something which another file of its package defines. The line is cut, at its
beginning (`line`) or in front of that name (`word`); what follows the line stays. Found is what the snippets of
`tabby_lsp.index.lookup.definitions` define that fit into the budget.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from definition_sites import Package, Site, packages, sample, sources, unpack

from tabby_lsp.completion.context.symbols import wanted_at
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.index.lookup.definitions import MemoryTable, definitions
from tabby_lsp.index.types import Snippet, Wanted
from tabby_lsp.syntax.languages import language_of
from tabby_lsp.syntax.symbols.extract import facts_of
from tabby_lsp.syntax.symbols.types import Facts
from tabby_lsp.syntax.trees import Trees

ROWS = Path(__file__).with_name("definitions.csv")
BUDGETS = (256, 512, 1024)
"""Tokens."""
BUDGET = 512
"""The default of `context.tokens`."""
TOKEN = 3.5
"""Characters of one token, about."""
FRAME = 3
"""Characters around each line in the prompt: comment mark, blank, line feed; the path is a line too."""
CUTS = ("line", "word")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the results; `rank` is the snippet's, from 1, empty where there is none."""

    package: str
    version: str
    site: str
    symbol: str
    defined_in: str
    cut: str
    found: str
    rank: str
    why: str

    @property
    def key(self) -> tuple[str, ...]:
        return (self.package, self.version, self.site, self.symbol, self.cut)


@dataclass(frozen=True, slots=True)
class Result:
    """What a lookup at a site brought.

    Attributes:
        package: of the site.
        site: where.
        cut: how.
        tokens: budget from which on the definition is in the context; None: never.
        rank: of the snippet that defines it, from 1.
        snippet: that defines it.
        ms: of the lookup.
        reading_ms: of reading uses and imports off the document.
        cause: why it was not found.
    """

    package: Package
    site: Site
    cut: str
    tokens: float | None
    rank: int
    snippet: Snippet | None
    ms: float
    reading_ms: float
    cause: str = ""

    def row(self) -> Row:
        site, found = self.site, self.tokens is not None and self.tokens <= BUDGET
        return Row(
            self.package.name,
            self.package.version,
            f"{site.path}:{site.line + 1}:{site.column + 1}",
            site.symbol,
            site.defined_in,
            self.cut,
            "yes" if found else "no",
            str(self.rank) if self.snippet else "",
            self.snippet.why.value if self.snippet else "",
        )


class Repository:
    """A package as the index sees it, with one document open."""

    def __init__(self, package: Package, *, offline: bool = False) -> None:
        self.package = package
        self.texts = sources(package, unpack(package, offline=offline))
        self.trees = Trees()
        self.table = MemoryTable({path: self._facts(path, text) for path, text in self.texts.items()}, self.texts)

    def _facts(self, path: str, text: str) -> Facts:
        snapshot = Snapshot.of(path, language_of(path), 0, text)
        return facts_of(self.trees.tree(snapshot), text.encode(), snapshot.language)

    def look(self, site: Site, cut: str) -> Result:
        """Cut the line of a site, and look up what is there to be looked up."""
        lines = self.texts[site.path].split("\n")
        line = lines[site.line]
        column = site.column if cut == "word" else len(line) - len(line.lstrip())
        lines[site.line] = line[:column]
        text = "\n".join(lines)
        snapshot = Snapshot.of(site.path, language_of(site.path), 1, text)
        position = Position(site.line, column)
        tree = self.trees.tree(snapshot)
        began = time.thread_time()
        wanted = wanted_at(snapshot, position, tree, site.path)
        reading = time.thread_time() - began
        before = self.table.replace(site.path, self._facts(site.path, text))
        began = time.thread_time()
        snippets = definitions(self.table, wanted)
        took = time.thread_time() - began
        if before is not None:
            self.table.replace(site.path, before)
        rank, tokens = fitting(snippets, site)
        snippet = snippets[rank - 1] if rank else None
        cause = "" if tokens is not None and tokens <= BUDGET else self.cause(site, wanted, snippet)
        return Result(self.package, site, cut, tokens, rank, snippet, took * 1000, reading * 1000, cause)

    def cause(self, site: Site, wanted: Wanted, snippet: Snippet | None) -> str:
        """Why a definition is not in the context."""
        if snippet is not None:
            return f"beyond the budget ({snippet.why})"
        known = [row for row in self.table.in_files([site.defined_in]) if row[2].name == site.symbol.rpartition(".")[2]]
        if not known:
            return "the definition was not extracted"
        owner = known[0][2].container
        if not owner:
            return "a top-level name that is not imported"
        names = {use.name for use in wanted.uses} | {here for one in wanted.imports for _, here in one.names}
        return (
            "a member, its class is named but not followed"
            if owner in names
            else "a member of a class that is not named"
        )


def fitting(snippets: Sequence[Snippet], site: Site) -> tuple[int, float | None]:
    """The rank of the snippet that defines a site's symbol, and the least budget with which it is in the context.

    Snippets are taken in their order, and one that does not fit is passed over.
    """
    name = site.symbol.rpartition(".")[2]
    costs = [(sum(len(line) + FRAME for line in (s.path, *s.text.splitlines()))) / TOKEN for s in snippets]
    for rank, snippet in enumerate(snippets, 1):
        if snippet.path == site.defined_in and name in {symbol.rpartition(".")[2] for symbol in snippet.symbols}:
            for budget in BUDGETS:
                left = float(budget)
                for cost in costs[:rank]:
                    taken = cost <= left
                    left -= cost if taken else 0
                if taken:
                    return rank, budget
            return rank, None
    return 0, None


def sites() -> dict[str, list[Site]]:
    """The sites of the committed rows, by package."""
    found: defaultdict[str, dict[Site, None]] = defaultdict(dict)
    for row in read():
        path, line, column = row.site.rsplit(":", 2)
        found[row.package][Site(path, int(line) - 1, int(column) - 1, row.symbol, row.defined_in)] = None
    return {package: list(some) for package, some in found.items()}


def read() -> list[Row]:
    """The committed rows."""
    with ROWS.open(newline="", encoding="utf-8") as file:
        return [Row(**row) for row in csv.DictReader(file)]


def write(rows: Iterable[Row]) -> None:
    """Replace the committed rows."""
    with ROWS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(Row)])
        writer.writerows(sorted(astuple(row) for row in rows))


def changed(rows: Iterable[Row]) -> list[tuple[Row, Row]]:
    """Committed rows that are no longer so, each with what it is now; those of other packages are not looked at."""
    now = {row.key: row for row in rows}
    return [(row, now[row.key]) for row in read() if row.key in now and now[row.key] != row]


def evaluate(chosen: Sequence[Package], *, offline: bool = False) -> list[Result]:
    """Look up every committed site of some packages."""
    known = sites()
    found: list[Result] = []
    for package in chosen:
        repository = Repository(package, offline=offline)
        found += [repository.look(site, cut) for site in known.get(package.name, []) for cut in CUTS]
    return found


def report(results: Sequence[Result], *, misses: bool) -> None:
    """Print figures."""

    def share(some: Sequence[Result], budget: int) -> str:
        hits = sum(result.tokens is not None and result.tokens <= budget for result in some)
        return f"{100 * hits / len(some):5.1f}" if some else "    -"

    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        language = language_of(result.site.path)
        groups[f"{result.package.group}: {result.package.name}"].append(result)
        groups[f"{result.package.group}: all {language}"].append(result)
        groups[f"{result.package.group}: all"].append(result)
    print(f"{'recall in % at tokens:':34}{'':6}" + "".join(f"{f'{cut} {b}':>11}" for cut in CUTS for b in BUDGETS))
    for title, some in sorted(groups.items()):
        cuts = [[result for result in some if result.cut == cut] for cut in CUTS]
        print(f"{title:34}{len(cuts[0]):6}" + "".join(f"{share(one, b):>11}" for one in cuts for b in BUDGETS))
    for cut in CUTS:
        held = [result for result in results if result.cut == cut]
        whys = Counter(r.row().why for r in held if r.row().found == "yes")
        print(f"{cut}: found by", dict(whys.most_common()))
        print(f"{cut}: not found", dict(Counter(r.cause for r in held if r.cause).most_common()))
    for what, times in (("lookup", [r.ms for r in results]), ("uses and imports", [r.reading_ms for r in results])):
        times.sort()
        print(f"{what}: p50 {times[len(times) // 2]:.2f} ms, p95 {times[len(times) * 95 // 100]:.2f} ms")
    for result in results if misses else ():
        if result.cause:
            site = result.site
            print(
                f"{result.package.name} {site.path}:{site.line + 1} {result.cut} "
                f"{site.symbol} ← {site.defined_in}: {result.cause}"
            )


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "draw"))
    parser.add_argument("--package", action="append", help="only this one; may be given again")
    parser.add_argument("--misses", action="store_true", help="list what was not found")
    parser.add_argument("--accept", action="store_true", help="write the rows")
    parser.add_argument("--offline", action="store_true", help="use only what was fetched before")
    parser.add_argument("--sites", type=int, default=80, help="a package")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chosen = [package for package in packages() if given.package is None or package.name in given.package]
    if given.action == "draw":
        drawn = {p.name: sample(p, unpack(p, offline=given.offline), given.sites, given.seed) for p in chosen}
        results = [Repository(p).look(site, cut) for p in chosen for site in drawn[p.name] for cut in CUTS]
    else:
        results = evaluate(chosen, offline=given.offline)
    report(results, misses=given.misses)
    rows = [result.row() for result in results]
    if given.action == "draw" or given.accept:
        names = {package.name for package in chosen}
        write([*rows, *(row for row in (read() if ROWS.exists() else ()) if row.package not in names)])
        return 0
    different = changed(rows)
    for before, now in different:
        print(
            f"changed: {before.package} {before.site} {before.symbol} ({before.cut}): "
            f"{before.found} {before.rank} {before.why} → {now.found} {now.rank} {now.why}"
        )
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
