"""Text and code to words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabby_lsp.index.search.words import LONGEST, TITLE, column, parts_of, titled, words_of


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("parseKnownArgs", "parse known args"),
        ("parse_known_args", "parse known args"),
        ("PARSE_KNOWN_ARGS", "parse known args"),
        ("ParseKnownArgs", "parse known args"),
        ("HTTPServer", "http server"),
        ("getHTTPResponse2xx", "get http response 2 xx"),
        ("utf8", "utf 8"),
        ("__init__", "init"),
        ("a.b->c::d", "a b c d"),
        ("0xff 3.14", "0 xff 3 14"),
        ("$scope @decorator #include", "scope decorator include"),
        ("naïveÉcole größe_max", "naïveécole größe max"),
        ("読み込み", "読 み 込 み"),
        ("ΔxЯблоко", "δxяблоко"),
        ("", ""),
        ("___ !? \t\n", ""),
    ],
)
def test_identifiers_are_split(text: str, parts: str) -> None:
    assert parts_of(text) == parts.split()


def test_the_whole_identifier_follows_its_parts() -> None:
    assert words_of("x = readFile(read_all)") == ["x", "read", "file", "readfile", "read", "all", "read_all"]


def test_a_name_is_found_however_it_is_written() -> None:
    assert set(parts_of("parseKnownArgs")) <= set(words_of("known args that are parsed: parse_known_args"))
    assert "parseknownargs" in words_of("ParseKnownArgs(argv)")
    assert words_of("parseknownargs") == ["parseknownargs"]


def test_data_is_no_word_of_its_own_length() -> None:
    assert words_of("a" * 1000) == ["a" * LONGEST]


def test_the_column_is_read_back_by_blanks() -> None:
    assert column("readFile(path)").split(" ") == words_of("readFile(path)")
    assert column("...") == ""


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_words_are_whole_and_lower_case_and_without_blanks(text: str) -> None:
    for word in words_of(text):
        assert word
        assert word == word.lower()
        assert not any(character.isspace() for character in word)
    assert column(text).split() == words_of(text)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abXY_09 é漢."))
def test_no_letter_and_no_digit_is_lost(text: str) -> None:
    assert "".join(parts_of(text)) == "".join(c for c in text.lower() if c.isalnum())


def test_the_title_repeats_what_is_defined() -> None:
    text = titled("    return 1", ["Client.fetch"], "net/client.py")
    assert text.endswith("\n    return 1")
    assert words_of(text).count("fetch") == TITLE
    assert words_of(text).count("net") == 1
    assert titled("x = 1", []) == "x = 1"


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.text(st.characters(max_codepoint=127))))
def test_letters_digits_and_underscores_are_what_belongs_together(text: str) -> None:
    identifiers = re.findall(r"\w+", text)
    assert parts_of(text) == [part for one in identifiers for part in parts_of(one)]
    assert words_of(text) == [word for one in identifiers for word in words_of(one)]
