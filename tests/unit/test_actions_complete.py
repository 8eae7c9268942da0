"""Complete here: which hole is filled, and what of a text that is written into it is kept."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tabby_lsp.actions import checks
from tabby_lsp.actions.complete import filled, hole_at, offering
from tabby_lsp.actions.edits import apply
from tabby_lsp.actions.types import Span, Target
from tabby_lsp.document import Snapshot
from tabby_lsp.syntax.trees import Trees


def target(language: str, marked: str) -> Target:
    """A document with `▮` at the cursor."""
    before, _, after = marked.partition("▮")
    snapshot = Snapshot.of("file:///a", language, 1, before + after)
    place = snapshot.position(len(before))
    return Target(snapshot, Span(place, place), Trees().tree(snapshot))


@dataclass(frozen=True)
class Case:
    language: str
    marked: str
    title: str
    shown: str
    written: str
    expected: str


CASES = {
    "python placeholder": Case(
        "python",
        'def area(r):\n    """Of a circle."""\n    pass▮\n\n\nx = 1\n',
        "Write the body of area",
        'def area(r):\n    """Of a circle."""\n    ▮\n\n\nx = 1\n',
        "return 3.14 * r * r",
        'def area(r):\n    """Of a circle."""\n    return 3.14 * r * r\n\n\nx = 1\n',
    ),
    "python, several lines": Case(
        "python",
        "class A:\n    def f(self):▮\n        raise NotImplementedError\n",
        "Write the body of f",
        "class A:\n    def f(self):\n        ▮\n",
        "if self.x:\n            return 1\n        return 2",
        "class A:\n    def f(self):\n        if self.x:\n            return 1\n        return 2\n",
    ),
    "typescript braces": Case(
        "typescript",
        "class A {\n  add(a: number, b: number): number {▮}\n}\n",
        "Write the body of add",
        "class A {\n  add(a: number, b: number): number {\n    ▮\n  }\n}\n",
        "return a + b;",
        "class A {\n  add(a: number, b: number): number {\n    return a + b;\n  }\n}\n",
    ),
    "go": Case(
        "go",
        'package a\n\nfunc Add(a, b int) int {\n\tpanic("not implemented")▮\n}\n',
        "Write the body of Add",
        "package a\n\nfunc Add(a, b int) int {\n\t▮\n}\n",
        "return a + b",
        "package a\n\nfunc Add(a, b int) int {\n\treturn a + b\n}\n",
    ),
    "rust": Case(
        "rust",
        "fn add(a: i32, b: i32) -> i32 {\n    todo!()▮\n}\n",
        "Write the body of add",
        "fn add(a: i32, b: i32) -> i32 {\n    ▮\n}\n",
        "a + b",
        "fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n",
    ),
    "a body that is there": Case(
        "python",
        "def f(a):\n    b = a\n    ▮\n",
        "Complete here",
        "def f(a):\n    b = a\n    ▮\n",
        "return b",
        "def f(a):\n    b = a\n    return b\n",
    ),
    "a cursor on the last blank": Case(
        "python",
        "def f(a):\n    b = a\n   ▮ \n",
        "Complete here",
        "def f(a):\n    b = a\n    ▮\n",
        "return b",
        "def f(a):\n    b = a\n    return b\n",
    ),
    "the end is cut where it does not parse": Case(
        "python",
        "def f(a):\n    ▮\n",
        "Complete here",
        "def f(a):\n    ▮\n",
        "b = a\n    return (b,",
        "def f(a):\n    b = a\n",
    ),
    "line endings": Case(
        "go",
        "package a\r\n\r\nfunc f() {}▮\r\n",
        "Write the body of f",
        "package a\r\n\r\nfunc f() {\r\n\t▮\r\n}\r\n",
        "g()",
        "package a\r\n\r\nfunc f() {\r\n\tg()\r\n}\r\n",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_hole_is_filled(case: Case) -> None:
    asked = target(case.language, case.marked)
    (offer,) = offering(asked)
    assert offer.title == case.title
    hole = hole_at(asked)
    at = hole.around.offset(hole.position)
    assert hole.around.text[:at] + "▮" + hole.around.text[at:] == case.shown
    outcome = filled(hole, case.written)
    assert outcome.reason == ""
    assert apply(asked.snapshot, outcome.edits) == case.expected


@pytest.mark.parametrize(("text", "reason"), [("", "empty"), ("  \n", "empty"), ("))) (", "breaks-syntax")])
def test_what_is_of_no_use_is_named(text: str, reason: str) -> None:
    hole = hole_at(target("python", "def f(a):\n    b = a\n    ▮\n"))
    outcome = filled(hole, text)
    assert (outcome.reason, outcome.edits) == (reason, ())
    assert outcome.message


def test_a_long_text_that_does_not_parse_costs_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    hole = hole_at(target("python", "def f(a):\n    b = a\n    ▮\n"))
    tried: list[str] = []
    parse = checks.parse
    monkeypatch.setattr(checks, "parse", lambda language, text: tried.append(text) or parse(language, text))
    outcome = filled(hole, "c = (\n" + "    ((\n" * 60)
    assert outcome.reason == "breaks-syntax"
    assert len(tried) < 24


def test_a_selection_is_no_place() -> None:
    asked = target("python", "def f():▮\n    pass\n")
    selected = Target(asked.snapshot, Span(asked.span.start, asked.snapshot.end), asked.tree)
    assert offering(selected) == ()
