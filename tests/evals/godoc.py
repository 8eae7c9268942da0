"""Code search measured on Go's own documentation: the first sentence above a function finds that function.

    python tests/evals/godoc.py FOLDER [--model GGUF]

FOLDER holds Go sources, such as the standard library of a Go installation (`go/src`). The function's name is taken out
of the sentence, and the comment out of the function; 500 sentences are asked of 6,000 functions. Nothing was tuned
here: it tells whether what was chosen on CoSQA, which is Python, holds for another language and other questions. (The
table of common words has counts of these sources too, one group of four.)
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from pathlib import Path

from cosqa import MODEL, Searched, report

from tabby_lsp.config import IndexSettings
from tabby_lsp.engine.store import default_directory

FUNCTION = re.compile(r"((?:^//[^\n]*\n)+)^(func (?:\([^)]*\) )?(\w+)\(.*?\n\}\n)", re.MULTILINE | re.DOTALL)
SENTENCE = re.compile(r"\. |\.$")
FUNCTIONS, QUESTIONS, SEED = 6_000, 500, 3
LONGEST = 3_000
"""Characters of a function: about what a chunk holds."""
WORDS = range(5, 26)
"""How many words a question has."""


def functions(folder: Path) -> list[tuple[str, str]]:
    """Documented functions of a tree: the first sentence without the name, and the code."""
    found = []
    for path in sorted(folder.rglob("*.go")):
        for comment, code, name in FUNCTION.findall(path.read_text("utf-8", "replace")):
            text = " ".join(line[2:].strip() for line in comment.split("\n"))
            if len(code) <= LONGEST:
                found.append((re.sub(rf"\b{name}\b", "", SENTENCE.split(text)[0]).strip(), code))
    random.Random(SEED).shuffle(found)
    return found[:FUNCTIONS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, help="a GGUF file; the default model in the models folder")
    options = parser.parse_args()
    found = functions(options.folder)
    if not found:
        print(f"Not measured: {options.folder} holds no documented Go functions.")
        sys.exit(0)
    corpus = [{"id": i, "code": code} for i, (_, code) in enumerate(found)]
    asked = [(i, sentence) for i, (sentence, _) in enumerate(found) if len(sentence.split()) in WORDS]
    queries = [{"query": sentence, "relevant": [i]} for i, sentence in asked[:QUESTIONS]]
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or default_directory() / MODEL
        searched = Searched(corpus, IndexSettings(), model, Path(folder), language="go")
        report("full text", searched.text, queries)
        report("vectors", searched.vectors, queries)
        report("hybrid", searched.hybrid, queries)


if __name__ == "__main__":
    main()
