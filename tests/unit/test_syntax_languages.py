"""The table of languages, the grammars behind it and the lexical fallback."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import tree_sitter

from tabby_lsp.syntax.grammars import grammar, query
from tabby_lsp.syntax.languages import LANGUAGES, Language, language, language_of
from tabby_lsp.syntax.lexical import FORMS, stretch_at_end, stretches

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = [identifier for row in LANGUAGES if row.module for identifier in row.ids]


@pytest.fixture(autouse=True)
def fresh_caches() -> Iterator[None]:
    for cached in (grammar, query, language):
        cached.cache_clear()
    yield
    for cached in (grammar, query, language):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.py", "python"),
        ("a.TSX", "typescriptreact"),
        (Path("x/y.test.ts"), "typescript"),
        ("Gemfile", "ruby"),
        ("home/.bashrc", "shellscript"),
        ("a.cs", "csharp"),
        ("a.hpp", "cpp"),
        ("a.jsx", "javascript"),
        ("Dockerfile", "dockerfile"),
        ("README", "plaintext"),
        ("a.unknown", "plaintext"),
        ("", "plaintext"),
    ],
)
def test_language_of(path: str | Path, expected: str) -> None:
    assert language_of(path) == expected


def test_names_ids_and_files_belong_to_one_row() -> None:
    for values in (
        [row.name for row in LANGUAGES],
        [identifier for row in LANGUAGES for identifier in row.ids],
        [ending for row in LANGUAGES for ending in row.files],
    ):
        assert len(values) == len(set(values))


@pytest.mark.parametrize("row", LANGUAGES, ids=lambda row: row.name)
def test_rows_are_sound(row: Language) -> None:
    assert set(row.literals) <= set(FORMS)
    for pattern in (row.opener, row.closer, row.middle):
        re.compile(pattern)


@pytest.mark.parametrize("identifier", OWN)
def test_every_wheel_has_a_grammar_and_a_query(identifier: str) -> None:
    loaded = query(identifier)
    assert isinstance(grammar(identifier), tree_sitter.Language)
    assert loaded is not None
    names = {loaded.capture_name(number) for number in range(loaded.capture_count)}
    assert names >= {"string", "comment", "block", "definition", "statement"}


def test_an_unknown_language_has_a_row_and_no_grammar() -> None:
    assert language("klingon").literals == ()
    assert grammar("klingon") is None
    assert query("klingon") is None


def test_a_grammar_that_fails_is_logged_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    broken = ModuleType("tree_sitter_python")
    broken.__spec__ = __import__("tree_sitter_python").__spec__
    monkeypatch.setitem(sys.modules, "tree_sitter_python", broken)
    with caplog.at_level(logging.WARNING):
        assert grammar("python") is None
        assert grammar("python") is None
        assert query("python") is None
    assert len(caplog.records) == 1


def test_the_bundle_serves_rows_without_a_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = ModuleType("semble_grammars")
    json = grammar("javascript")
    bundle.__spec__ = __import__("tree_sitter_python").__spec__
    bundle.available_languages = lambda: ["kotlin", "klingon"]  # type: ignore[attr-defined]
    bundle.get_language = lambda name: json  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "semble_grammars", bundle)
    assert grammar("kotlin") is json
    assert grammar("klingon") is json  # a language of which the table knows nothing
    assert grammar("swift") is None  # one that the bundle lacks
    derived = query("kotlin")
    assert derived is not None
    assert {derived.capture_name(number) for number in range(derived.capture_count)} >= {"string", "comment", "block"}


@pytest.mark.parametrize(
    ("identifier", "text", "expected"),
    [
        ("python", "a = 'x' # y\nb", ["'x'", "# y"]),
        ("python", '"""a\n"b" # c""" + "d\n', ['"""a\n"b" # c"""', '"d']),
        ("javascript", "a = `x ${y}` // z", ["`x ${y}`", "// z"]),
        ("rust", "fn a<'a>(x: &'a str) -> 'b' { r#\"x\"y\"# }", ["'b'", 'r#"x"y"#']),
        ("c", "c = '\"'; /* a\nb */ d", ["'\"'", "/* a\nb */"]),
        ("cpp", 'R"x(a)" ")x" y', ['R"x(a)" ")x"']),
        ("csharp", '@"a\\" + "b"', ['@"a\\"', '"b"']),
        ("lua", "--[==[ a ]] ]==] x = [[ y ]] -- z", ["--[==[ a ]] ]==]", "[[ y ]]", "-- z"]),
        ("shellscript", "echo $# a#b # c 'd'", ["# c 'd'"]),
        ("php", "#[A] x # y", ["# y"]),
        ("plaintext", 'it\'s "fine"', []),
    ],
)
def test_lexical_stretches(identifier: str, text: str, expected: list[str]) -> None:
    assert [text[found.start : found.end] for found in stretches(language(identifier), text)] == expected


@pytest.mark.parametrize(
    ("identifier", "text", "expected"),
    [
        ("python", 'x = "a', "string"),
        ("python", 'x = "a"', None),
        ("python", 'x = "a\ny', None),
        ("python", '"""a\ny', "string"),
        ("python", "# a", "comment"),
        ("python", "# a\n", None),
        ("javascript", "/* a */", None),
        ("javascript", "/* a *", "comment"),
        ("rust", "&'a ", None),
    ],
)
def test_what_is_open_at_the_end_of_a_text(identifier: str, text: str, expected: str | None) -> None:
    found = stretch_at_end(language(identifier), text)
    assert (None if found is None else "comment" if found.form.comment else "string") == expected
