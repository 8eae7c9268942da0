"""Holes at names that another file defines, for `tabby-lsp bench fim`: what is context worth where it is needed?

    python tests/evals/names_across.py write HOLES.jsonl
    tabby-lsp bench fim HOLES.jsonl --mode pipeline --context none --context all --json OUT.json
    python tests/evals/names_across.py count HOLES.jsonl OUT.json

The names are those that edits between the releases of `bench replay`'s corpus use, that another file of the package
defines, and that stand nowhere near by: at most four edits of a file, the first such name of each. The hole begins
behind the second character of the name and ends with its line; the package's other files are the repository. Counted is
whether a suggestion begins with the rest of the name and ends it there.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tabby_lsp.bench.edited import corpus, edits, order
from tabby_lsp.bench.edited.across import ABOVE, BELOW, SHORTEST, Defined, defined
from tabby_lsp.bench.edited.history import Edited
from tabby_lsp.syntax.symbols.references import references

TYPED = 2
"""Characters of a name that are there."""
MOST_OF_A_FILE = 4
RESAMPLES = 4_000
WORD = re.compile(r"\w+")


def holes() -> Iterator[dict[str, object]]:
    """The rows."""
    _, files = corpus.edited_files(None, 500, print)
    sources: dict[str, tuple[Mapping[str, bytes], Defined]] = {}
    for file in files:
        if file.source not in sources:
            found = corpus.files_of(file.source)
            sources[file.source] = found, defined(found)
        texts, known = sources[file.source]
        readable = ((path, edits.readable(data)) for path, data in texts.items() if path != file.name)
        others = [(path, text) for path, text in readable if text is not None]
        for number, before, name, behind, after in _places(file, known):
            yield {
                "task_id": f"{file.source.split()[0]}:{file.name}:{number}:{name}",
                "prompt": before,
                "suffix": after,
                "canonical_solution": behind,
                "path": file.name,
                "metadata": {"file": file.name},
                "crossfile_context": {"list": [{"filename": p, "retrieved_chunk": t} for p, t in others]},
            }


def _places(file: Edited, known: Defined) -> Iterator[tuple[int, str, str, str, str]]:
    """The edit's number, what stands before the hole, the name, what stood in the hole, and what stands behind it."""
    own = {one.name for one in order.definitions(edits.apply(file.base, file.hunks), file.language)}
    text, count = file.base, 0
    for number, hunk in enumerate(file.hunks):
        if edits.worth_typing(hunk) and count < MOST_OF_A_FILE:
            used = references(hunk.typed.encode(), file.language, ())
            near = set(WORD.findall(text[max(0, hunk.start - ABOVE) : hunk.start + BELOW]))
            foreign = [one for one in used if len(one) >= SHORTEST and one not in own and one not in near]
            foreign = [one for one in foreign if known.get(one, set()) - {file.name}]
            starts = [found.start() for one in foreign if (found := re.search(rf"\b{re.escape(one)}\b", hunk.typed))]
            if starts:
                count += 1
                at = min(starts)
                end = hunk.typed.find("\n", at)
                middle = hunk.typed[at + TYPED : None if end < 0 else end]
                before = text[: hunk.start] + hunk.typed[: at + TYPED]
                name = WORD.match(hunk.typed, at)
                yield number, before, name[0] if name else "", middle, text[hunk.start + hunk.removed :]
        text = text[: hunk.start] + hunk.typed + text[hunk.start + hunk.removed :]


def count(rows: Path, run: Path) -> None:
    """Print, for each way in which the rows were asked, how many names were right, and what the first two differ by."""
    wanted = {
        row["task_id"]: row["canonical_solution"] for row in map(json.loads, rows.read_text("utf-8").splitlines())
    }
    right: dict[str, list[bool]] = {}
    for modes in json.loads(run.read_text("utf-8")).values():
        for mode, scores in modes.items():
            right[mode] = [_ends_name(wanted[score["hole"]], score["text"]) for score in scores]
            exact = sum(score["exact"] for score in scores)
            similarity = sum(score["similarity"] for score in scores) / len(scores)
            print(f"{mode}: {sum(right[mode])} of {len(scores)} names, {exact} lines, similarity {similarity:.3f}")
    if len(right) > 1:
        first, second = list(right.values())[:2]
        gains = [after - before for before, after in zip(first, second, strict=True)]
        draw = random.Random(0)
        means = sorted(sum(draw.choices(gains, k=len(gains))) / len(gains) for _ in range(RESAMPLES))
        low, high = means[RESAMPLES // 40], means[-RESAMPLES // 40]
        print(
            f"names: {sum(gains) / len(gains):+.1%} ({low:+.1%} to {high:+.1%}), "
            f"{gains.count(1)} won, {gains.count(-1)} lost"
        )


def _ends_name(wanted: str, text: str) -> bool:
    rest = WORD.match(wanted)
    return re.match(re.escape(rest[0] if rest else "") + r"\b", text) is not None


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    actions = parser.add_subparsers(dest="action", required=True)
    for action in ("write", "count"):
        actions.add_parser(action).add_argument("rows", type=Path, metavar="HOLES.jsonl")
    actions.choices["count"].add_argument("run", type=Path, metavar="OUT.json")
    args = parser.parse_args()
    if args.action == "count":
        count(args.rows, args.run)
        return
    with args.rows.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in holes())


if __name__ == "__main__":
    main()
