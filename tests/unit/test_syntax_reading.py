"""What is read of an inserted text is what is read of all the text there."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from tabby_lsp.syntax.reading import Reading, read, read_inserted

ROOT = Path(__file__).parents[2]
FILES = {
    "python": "tabby_lsp/completion/flight.py",
    "typescript": "editors/vscode/src/answers.ts",
    "lua": "editors/neovim/lua/tabby_lsp/ghost.lua",
    "plaintext": "README.md",
}
TEXTS = {
    "python": ("# (é)\n", "ä = f({1: ')'}, [b])\n", "f'{g(1)} ('\n", '"""(\n"""\n'),
    "typescript": ("// (é)\n", "const ä = '(' + b[1];\n", "f(`${g(1)} (`);\n", "/* [\n */ f(1);\n"),
    "lua": ("-- (é)\n", "local a = '(' .. b[1]\n", "f([[ ( ]])\n"),
    "plaintext": ("(é)", "one ) two\n"),
}


@pytest.mark.parametrize("language", FILES)
def test_an_inserted_text_is_read_as_it_stands_in_all_of_it(language: str) -> None:
    lines = (ROOT / FILES[language]).read_text("utf-8").splitlines(keepends=True)
    text, rng, compared = "".join(lines), random.Random(3), 0
    around = read(language, text)
    for _ in range(60):
        at, inserted = sum(map(len, lines[: rng.randrange(len(lines))])), rng.choice(TEXTS[language])
        found = read_inserted(language, around, at, inserted)
        assert (found.text, len(found.literal)) == (inserted, len(inserted))
        everything = read(language, text[:at] + inserted + text[at:])
        if everything.parsed is None or not everything.parsed.tree.root_node.has_error:
            compared += 1
            assert found.literal == everything.literal[at : at + len(inserted)]
            own = [(b.character, b.offset + at) for b in found.brackets(0, len(inserted))]
            assert own == [(b.character, b.offset) for b in everything.brackets(at, at + len(inserted))]
    assert compared >= 10


@pytest.mark.parametrize("text", ["x = 1\n", "é = 'ü'\nx = 1\n"])
def test_a_string_begun_before_goes_on_in_what_is_inserted(text: str) -> None:
    around = read("python", text + "y = '' + z\n")
    found = read_inserted("python", around, len(text) + len("y = '"), "(é")
    assert found.literal == b"\1\1"
    assert not list(found.brackets(0, 2))


def test_what_is_inserted_may_be_what_the_grammar_needs_before_it() -> None:
    around = read("php", "echo f(1);\n")
    assert isinstance(around, Reading)
    found = read_inserted("php", around, 0, "<?php\n$a = '(';\n")
    assert [b.character for b in found.brackets(0, len(found.text))] == []


@pytest.mark.parametrize(("seconds", "brackets"), [(math.inf, "{()}"), (0.0, "")])
def test_where_the_time_is_over_the_table_says_what_is_code(seconds: float, brackets: str) -> None:
    """It takes what is interpolated into a string for text."""
    around = read("python", "x = 1\n" * 20)
    found = read_inserted("python", around, 60, "y = f'{g(1)}'\n" * 40, seconds)
    assert "".join(b.character for b in found.brackets(0, len(found.text))) == brackets * 40
