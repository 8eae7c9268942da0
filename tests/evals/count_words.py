"""How common words are in code: counts them in source trees and writes the table that the static embedder weighs with.

    python tests/evals/count_words.py --out tabby_lsp/index/embedders/word_counts.tsv \
        python=FOLDER javascript=FOLDER,FOLDER go=FOLDER c=FOLDER

The committed table was made of Python's and Go's standard libraries, the JavaScript and TypeScript sources that
`tabby-lsp bench replay --corpus` fetches, and the headers of C and C++ libraries, each group weighing the same. Only
how many pieces of code a word stands in is kept.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tabby_lsp.index.search.words import parts_of

SUFFIXES = {
    "python": {".py"},
    "javascript": {".js", ".mjs", ".ts", ".tsx", ".jsx"},
    "go": {".go"},
    "c": {".h", ".hpp", ".c", ".cc", ".cpp", ".tcc", ""},
}
LINES = 20
"""Of a piece: about what a chunk of the index holds."""
WORDS = 8_000
"""Kept: what is rarer stands in fewer than one piece in 5,000."""
OF = 100_000
"""Counts are given as how many of that many pieces."""
LARGEST = 512 * 1024
"""Bytes of a file; larger ones are tables and bundles."""

UNSEEN = {
    "rust": (
        "as async await box const crate dyn else enum extern false fn for if impl in let loop match mod move "
        "mut pub ref return self static struct super trait true type unsafe use where while str string vec "
        "option some none result ok err"
    ),
    "java": (
        "abstract boolean byte case catch char class double else enum extends final finally float for if "
        "implements import instanceof int interface long new null package private protected public return "
        "static string super switch this throw throws try void while override"
    ),
    "csharp": (
        "as async await base bool case catch class const else enum foreach get if in int interface internal "
        "namespace new null out override private protected public readonly ref return sealed set static "
        "string struct switch task this throw try using var virtual void"
    ),
    "ruby": (
        "alias and attr begin class def do else elsif end ensure false if include module nil not or puts "
        "raise require rescue return self super then true unless until when while yield"
    ),
    "php": (
        "array as class echo else elseif extends foreach function if implements namespace new null php "
        "private protected public return static string this throw use var void"
    ),
    "lua": (
        "and do else elseif end false for function if in local nil not or repeat require return then true until while"
    ),
    "bash": ("case do done echo elif else esac exit export fi for function if in local read set shift then while"),
}
"""Languages that no tree was at hand for: what stands in most of their pieces."""
UNSEEN_SHARE = 0.2


def pieces(folders: list[Path], suffixes: set[str]) -> Iterator[set[str]]:
    """The words of each piece of each file."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix not in suffixes or not path.is_file() or path.stat().st_size > LARGEST:
                continue
            if any(part in {"test", "tests", "site-packages", "testdata", "idlelib"} for part in path.parts):
                continue
            lines = path.read_text("utf-8", "replace").splitlines()
            for at in range(0, len(lines), LINES):
                if words := set(parts_of("\n".join(lines[at : at + LINES]))):
                    yield words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("group", nargs="+", help="python=FOLDER[,FOLDER…], javascript=…, go=…, c=…")
    options = parser.parse_args()
    shares: Counter[str] = Counter()
    for group in options.group:
        language, _, folders = group.partition("=")
        counts, total = Counter[str](), 0
        for words in pieces([Path(folder) for folder in folders.split(",")], SUFFIXES[language]):
            counts.update(words)
            total += 1
        print(f"{language}: {total} pieces, {len(counts)} words")
        for word, count in counts.items():
            # a word that stands in a few pieces alone is some file's own name
            if count > 2:
                shares[word] += count / total / len(options.group)
    for words in UNSEEN.values():
        for word in words.split():
            shares[word] = max(shares[word], UNSEEN_SHARE / len(options.group))
    lines = [
        f"{word}\t{max(1, round(share * OF))}" for word, share in sorted(shares.items(), key=lambda i: (-i[1], i[0]))
    ]
    options.out.write_text("\n".join(lines[:WORDS]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
