"""The small files of `sources/`, one a language, read as the index reads them."""

from __future__ import annotations

from pathlib import Path

import tree_sitter

from tabby_lsp.index.reading.reader import parse, plain
from tabby_lsp.syntax.languages import language_of
from tabby_lsp.syntax.symbols.extract import facts_of
from tabby_lsp.syntax.symbols.types import Facts

FOLDER = Path(__file__).parent / "sources"
FILES = sorted(path.name for path in FOLDER.iterdir() if path.is_file())


def parsed(language: str, data: bytes) -> tree_sitter.Tree | None:
    """A tree as the index makes it; None where there is no grammar."""
    return parse(data, language)


def facts(name: str) -> Facts:
    """What one of the files says."""
    data = plain((FOLDER / name).read_bytes())
    return facts_of(parsed(language_of(name), data), data, language_of(name))


def facts_in(language: str, text: str) -> Facts:
    """What a text says."""
    return facts_of(parsed(language, text.encode()), text.encode(), language)
