"""Whether questions find the file that answers them, and those about something else are refused. No model writes.

    python tests/evals/questions.py [--package NAME] [--misses]

The packages of `questions.toml` are indexed as they are installed here, with the default embedder where its model is
installed, in a folder that is removed again. The threshold is `tabby_lsp/actions/ask/relevance.py`.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
import tomllib
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tabby_lsp import options
from tabby_lsp.actions.ask.relevance import RELEVANT
from tabby_lsp.actions.ask.retrieve import Found, retrieve
from tabby_lsp.index.opening import open_index

QUESTIONS = Path(__file__).with_name("questions.toml")
FIRST = (1, 3)
"""Ranks within which the file is looked for."""


def main() -> None:
    """Print a line a package, and on wish the questions that went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", help="only this one")
    parser.add_argument("--misses", action="store_true", help="show what went wrong")
    args = parser.parse_args()
    print(f"threshold {RELEVANT}\n")
    print("| package | group | answered | refused | file first | among three | MRR |")
    print("|---|---|---|---|---|---|---|")
    for package in tomllib.loads(QUESTIONS.read_text("utf-8"))["package"]:
        if args.package in (None, package["name"]):
            report(package, misses=args.misses)


def report(package: dict[str, Any], *, misses: bool) -> None:
    """Ask all questions about a package."""
    name = package["name"]
    spec = importlib.util.find_spec(name)
    assert spec is not None, f"{name} is not installed"
    assert spec.submodule_search_locations
    settings = options.resolve().settings
    with tempfile.TemporaryDirectory() as directory:
        settings = replace(settings, index=replace(settings.index, directory=directory))
        with open_index(Path(spec.submodule_search_locations[0]), settings) as index:
            index.sync()
            relevant = [(question, file, retrieve(index.search, question)) for question, file in package["relevant"]]
            foreign = [(question, retrieve(index.search, question)) for question in package["foreign"]]
    answered = sum(found.relevant for _, _, found in relevant)
    refused = sum(not found.relevant for _, found in foreign)
    ranks = [rank(found, file) for _, file, found in relevant]
    first = [f"{sum(0 < rank <= most for rank in ranks)} of {len(ranks)}" for most in FIRST]
    mrr = statistics.mean(1 / rank if rank else 0 for rank in ranks)
    shown = name if name == "tabby_lsp" else f"{name} {version(name)}"
    figures = f"{answered} of {len(relevant)} | {refused} of {len(foreign)} | {' | '.join(first)} | {mrr:.2f}"
    print(f"| {shown} | {package['group']} | {figures} |")
    if misses:
        for question, file, found in relevant:
            if not found.relevant or rank(found, file) != 1:
                print(f"    {found.relevance:.2f} rank {rank(found, file)}  {question}")
        for question, found in foreign:
            if found.relevant:
                print(f"    {found.relevance:.2f} not refused  {question}")


def rank(found: Found, file: str) -> int:
    """The place of a file among the sources, from 1; 0: it is not there."""
    return next((place for place, source in enumerate(found.sources, 1) if source.path == file), 0)


if __name__ == "__main__":
    main()
