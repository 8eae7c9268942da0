"""Where prompts begin and end."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tabby_lsp.document import Snapshot
from tabby_lsp.syntax.cut import code_start, window_end, window_start
from tabby_lsp.syntax.trees import Trees

PYTHON = """\
import os

x = 1
y = 2
# about f
@decorator
def f():
    a = 1
    b = 2

    return a


class A:
    z = 1

    # about g
    def g(self):
        c = 1
        d = 2
        return c

    @property
    def h(self):
        return 1
"""
GO = """\
package a

import "os"

// F does.
func F() {
\tx := 1
\ty := 2
\treturn
}

type A struct {
\tb int
}
"""
RUST = """\
use a::b;

/// About A.
#[derive(Debug)]
struct A {
    b: i32,
}

impl A {
    #[inline]
    fn f() {
        let x = 1;
        let y = 2;
    }

    fn g() {}
}
"""


def document(language: str, source: str) -> Snapshot:
    return Snapshot.of("file:///a", language, 1, dedent(source))


@pytest.mark.parametrize(
    ("language", "source", "floor", "cursor", "parsed", "bare"),
    [
        ("python", PYTHON, 0, 20, 0, 0),  # everything fits
        ("python", PYTHON, 2, 12, 4, 2),  # the comment and the decorator of f belong to it
        ("python", PYTHON, 5, 20, 5, 6),  # the comment is outside of the budget
        ("python", PYTHON, 6, 20, 13, 13),
        ("python", PYTHON, 14, 23, 16, 17),  # a member
        ("python", PYTHON, 7, 10, 7, 7),  # a statement
        ("python", PYTHON, 18, 20, 18, 18),
        ("go", GO, 2, 9, 4, 2),
        ("go", GO, 6, 8, 6, 6),
        ("go", GO, 7, 13, 7, 7),  # the next definition would cost too much
        ("rust", RUST, 1, 8, 2, 2),
        ("rust", RUST, 9, 16, 9, 10),
        ("rust", RUST, 11, 16, 11, 11),
    ],
)
def test_window_start(language: str, source: str, floor: int, cursor: int, parsed: int, bare: int) -> None:
    snapshot = document(language, source)
    assert window_start(snapshot, Trees().tree(snapshot), floor, cursor) == parsed
    assert window_start(snapshot, None, floor, cursor) == bare


@pytest.mark.parametrize(
    ("language", "source", "cursor", "ceiling", "parsed", "bare"),
    [
        ("python", PYTHON, 7, 99, 26, 26),  # everything fits
        ("python", PYTHON, 7, 14, 11, 11),  # the end of f
        ("python", PYTHON, 14, 23, 21, 21),  # the end of g
        ("python", PYTHON, 18, 20, 20, 20),
        ("go", GO, 6, 12, 10, 10),
        ("go", GO, 5, 8, 8, 8),
        ("rust", RUST, 3, 8, 7, 7),
        ("rust", RUST, 10, 15, 14, 14),
    ],
)
def test_window_end(language: str, source: str, cursor: int, ceiling: int, parsed: int, bare: int) -> None:
    snapshot = document(language, source)
    assert window_end(snapshot, Trees().tree(snapshot), cursor, ceiling) == parsed
    assert window_end(snapshot, None, cursor, ceiling) == bare


def test_the_edges() -> None:
    snapshot = document("python", "a\nb")
    assert window_start(snapshot, None, 5, 1) == 1
    assert window_start(snapshot, None, -3, 0) == 0
    assert window_end(snapshot, None, 0, 0) == 1
    assert window_end(snapshot, None, 1, 9) == 2


@pytest.mark.parametrize("parsed", [True, False], ids=["tree", "lines"])
@pytest.mark.parametrize(
    ("language", "opening", "line", "closing"),
    [("python", 'x = """', "said\n", '"""\n'), ("c", "/*", " * it's\n", " */\n"), ("lua", "--[[", "don't\n", "]]\n")],
)
def test_reading_does_not_begin_inside_of_a_long_literal(
    language: str, opening: str, line: str, closing: str, *, parsed: bool
) -> None:
    snapshot = document(language, "\n\n" + opening + line * 100 + closing + "y\n")
    tree = Trees().tree(snapshot) if parsed else None
    assert code_start(snapshot, tree, 50, 103) == 2
    assert code_start(snapshot, tree, 1, 103) <= 2
    assert code_start(snapshot, tree, 103, 104) == 103
