"""Tests that a model wrote together with what they are of: the copy is left out, and what is needed instead put in."""

from __future__ import annotations

import textwrap

import pytest
from outcome_tables import brief_of
from repeat_tables import CART, CASES, ORDERS, STOCK, text, written

from tabby_lsp.actions.edits import apply
from tabby_lsp.actions.outcome import read
from tabby_lsp.actions.types import Form
from tabby_lsp.engine.types import Finish


@pytest.mark.parametrize(("language", "elsewhere", "answer", "wanted"), CASES)
def test_a_new_file_has_no_copy_of_what_it_tests(
    language: str, elsewhere: tuple[tuple[str, str], ...], answer: str, wanted: str
) -> None:
    assert written(language, answer, elsewhere) == text(wanted, language)


def test_what_is_not_elsewhere_stays() -> None:
    answer = "def total():\n    return 1\n\ndef test_total():\n    assert total()"
    assert written("python", answer, (("sum", "from a import sum"),)) == f"{answer}\n"
    assert written("python", answer, ()) == f"{answer}\n"


@pytest.mark.parametrize(
    ("language", "elsewhere", "answer"),
    [
        ("python", (("test_connection", ""),), "def test_connection():\n    assert open('a')"),
        (
            "python",
            (("client", "from app import client"),),
            "import pytest\n\n@pytest.fixture\ndef client():\n    return 1",
        ),
        ("python", CART, "LIMIT = 2\n\ndef test_limit():\n    assert LIMIT == 2"),
    ],
    ids=["a test", "a fixture", "a value"],
)
def test_what_tests_have_of_their_own_stays(language: str, elsewhere: tuple[tuple[str, str], ...], answer: str) -> None:
    assert written(language, answer, elsewhere) == f"{answer}\n"


def test_nothing_is_imported_that_the_test_file_defines() -> None:
    """A second declaration of a name would be the end of the whole file."""
    elsewhere = (("makeUser", 'import { makeUser } from "./user.mjs";'),)
    document = "function makeUser() {\n  return { name: 'a' };\n}\n⟦⟧\n"
    answer = "test('name', () => {\n  assert(makeUser().name);\n});"
    assert "import" not in written("javascript", answer, elsewhere, document)


@pytest.mark.parametrize(
    ("language", "elsewhere", "answer", "first"),
    [
        ("go", (("testing", 'import "testing"'),), "package a\n\nfunc TestA(t *testing.T) {\n}", 'import "testing"'),
        ("python", CART, "def test_total():\n    assert total([]) == 0", "from cart import total"),
        ("python", CART, "from cart import *\n\ndef test_total():\n    assert total([]) == 0", ""),
        (
            "python",
            CART,
            "from typing import *\n\ndef test_total():\n    assert total([]) == 0",
            "from cart import total",
        ),
        ("python", CART, "def test_total():\n    total = sum([])\n    assert total(1) == 0", ""),
        ("python", CART, "def test_total():\n    assert cart.total([]) == LIMIT", ""),
        (
            "typescript",
            tuple((name, 'import { describe, expect, it } from "vitest";') for name in ("describe", "expect", "it")),
            'import { it } from "vitest";\n\nit("is", () => {\n  expect(1).toBe(1);\n});',
            'import { expect } from "vitest";',
        ),
    ],
)
def test_what_a_new_file_asks_for_is_imported(
    language: str, elsewhere: tuple[tuple[str, str], ...], answer: str, first: str
) -> None:
    found = written(language, answer, elsewhere).split("\n")
    added = [line for line in found if line and line not in answer.split("\n")]
    assert added == ([first] if first else [])
    assert [line for line in found if line not in added and line] == [line for line in answer.split("\n") if line]


def test_a_test_file_that_is_there_gets_tests_alone() -> None:
    document = """
        package orders

        import "testing"

        func TestOne(t *testing.T) {
        }
        ⟦⟧"""
    answer = "type Order struct{}\n\nfunc TestTotal(t *testing.T) {\n\tt.Log((&Order{}).Total())\n}"
    assert written("go", answer, ORDERS, document) == text(document).replace(
        "⟦⟧", "\nfunc TestTotal(t *testing.T) {\n\tt.Log((&Order{}).Total())\n}\n"
    )
    document = "from cart import Line\n\n\ndef test_line():\n    assert Line(1)\n⟦⟧"
    answer = "def total(lines):\n    return 0\n\ndef test_total():\n    assert total([Line(1)]) == 1"
    assert written("python", answer, CART, document) == (
        "from cart import Line\nfrom cart import total\n\n\ndef test_line():\n    assert Line(1)\n\n\n"
        "def test_total():\n    assert total([Line(1)]) == 1\n"
    )


RUST = """
    pub struct Stock;

    impl Stock {
        pub fn new() -> Stock {
            Stock
        }
    }

    pub fn one() -> i32 {
        1
    }
    ⟦⟧"""


def test_rust_has_its_copies_in_the_module_or_in_front_of_it() -> None:
    answer = """
        pub struct Stock;

        impl Stock {
            pub fn new() -> Stock {
                Stock
            }
            fn more() {}
        }

        #[cfg(test)]
        mod tests {
            fn one() -> i32 {
                2
            }

            #[test]
            fn is_one() {
                assert_eq!(one(), 1);
            }
        }
        """
    module = """
        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn is_one() {
                assert_eq!(one(), 1);
            }
        }
        """
    assert written("rust", answer, STOCK, RUST) == text(RUST).replace("⟦⟧", textwrap.dedent(module))


def test_a_test_of_rust_may_be_called_as_what_it_tests() -> None:
    answer = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn one() {\n        assert_eq!(super::one(), 1);\n    }\n}"
    assert written("rust", answer, STOCK, RUST) == text(RUST).replace("⟦⟧", f"\n{answer}\n")


def test_nothing_but_copies_is_no_test() -> None:
    assert written("go", 'package orders\n\nimport "testing"\n\nfunc Free() {}', ORDERS) == "echo"
    assert written("rust", "mod tests {\n    use super::*;\n    fn one() {}\n}", STOCK, RUST) == "echo"


def test_the_tests_may_stand_in_a_block_behind_the_copy() -> None:
    brief = brief_of("⟦⟧", "python", Form.NEW, create=True, elsewhere=CART)
    copy, tests = "def total(lines):\n    return 0\n", "from cart import total\n\ndef test_total():\n    assert total\n"
    told = f"The function:\n```python\n{copy}```\nIts tests:\n```python\n{tests}```"
    outcome = read(brief, told, Finish.END)
    assert apply(brief.snapshot, outcome.edits) == tests
    assert read(brief, told.partition("Its tests")[0], Finish.END).reason == "echo"
