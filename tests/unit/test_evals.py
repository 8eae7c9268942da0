"""Results of the quality sets are as they were reviewed: a change of a row fails until it is committed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tabby_lsp.errors import TabbyError

EVALS = Path(__file__).parents[1] / "evals"
sys.path.insert(0, str(EVALS))

import definitions as evaluation  # noqa: E402
from definition_sites import packages, sources, unpack  # noqa: E402

OWN = [package for package in packages() if package.release is None]
FETCHED = [package for package in packages() if package.release is not None]
SMALL = [package for package in FETCHED if package.name in {"httpx", "@tanstack/query-core"}]
"""The rest takes a minute: `python tests/evals/definitions.py run`."""
REVIEW = "review the rows, then keep them: python tests/evals/definitions.py run --accept"


@pytest.mark.parametrize("package", OWN, ids=lambda package: package.name)
def test_definitions_in_our_own_projects(package: evaluation.Package) -> None:
    results = evaluation.evaluate([package], offline=True)
    assert results
    assert not evaluation.changed(result.row() for result in results), REVIEW


@pytest.mark.parametrize("package", SMALL, ids=lambda package: package.name)
def test_definitions_in_packages(package: evaluation.Package) -> None:
    try:
        unpack(package, offline=True)
    except TabbyError as error:
        pytest.skip(f"{error} Fetch it with `python tests/evals/definitions.py run`.")
    results = evaluation.evaluate([package], offline=True)
    assert len(results) >= 2 * 60
    assert not evaluation.changed(result.row() for result in results), REVIEW


def test_the_bar_is_kept_by_the_committed_rows() -> None:
    """Issue 4: the definition of the next used symbol is in the context at 60 % of the sites at least."""
    held = {package.name for package in FETCHED if package.group == "held"}
    rows = [row for row in evaluation.read() if row.package in held]
    for cut in evaluation.CUTS:
        some = [row for row in rows if row.cut == cut]
        assert len(some) >= 60 * len(held)
        assert sum(row.found == "yes" for row in some) >= 0.6 * len(some)


def test_a_change_of_a_row_is_seen() -> None:
    known = evaluation.read()
    assert not evaluation.changed(known)
    row = next(row for row in known if row.found == "yes")
    worse = evaluation.Row(**{**{name: getattr(row, name) for name in row.__slots__}, "found": "no"})
    assert evaluation.changed([worse]) == [(row, worse)]


@pytest.mark.parametrize("package", OWN, ids=lambda package: package.name)
def test_sites_are_where_the_rows_say(package: evaluation.Package) -> None:
    """The sources and the rows belong together: the name stands where the site is, and its file exists."""
    texts = sources(package, unpack(package))
    for site in evaluation.sites()[package.name]:
        line = texts[site.path].split("\n")[site.line]
        assert line[site.column :].startswith(site.symbol.rpartition(".")[2])
        assert site.defined_in in texts
