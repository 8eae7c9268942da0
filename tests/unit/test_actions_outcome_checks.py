"""New syntax errors are told from old ones, and code from words, in several languages."""

from __future__ import annotations

import pytest
from outcome_tables import brief_of

from tabby_lsp.actions.checks import new_errors, parse, replaced, same_code
from tabby_lsp.actions.outcome import check, check_documentation
from tabby_lsp.actions.reading.regions import Region, Unusable
from tabby_lsp.actions.types import Edit, Form, Span
from tabby_lsp.document import Position

ERRORS = [
    # language, before, after, whether anything new is wrong
    ("python", "x = 1\n", "x = 2\n", False),
    ("python", "x = 1\n", "x = (\n", True),
    ("python", "x = (\n", "x = 1\n", False),
    ("python", "def f(:\n    pass\n\ny = 1\n", "def f(:\n    pass\n\ny = 2\n", False),
    ("python", "def f(:\n    pass\n\ny = 1\n", "def f(:\n    pass\n\ny = )\n", True),
    ("go", "package a\n\nfunc f() {\n}\n", "package a\n\nfunc f() {\n", True),
    ("rust", "fn f() {}\nfn g() {}\n", "fn f() {\nfn g() {}\n", True),
    ("typescript", "class A {\n  f() {}\n  g() {}\n}\n", "class A {\n  f() {\n  g() {}\n}\n", True),
    ("typescript", "const a = f(;\nconst b = 1;\n", "const a = f();\nconst b = 1;\n", False),
    ("klingon", "x", "((((", False),
]


@pytest.mark.parametrize(("language", "before", "after", "wrong"), ERRORS)
def test_new_errors(language: str, before: str, after: str, wrong: bool) -> None:
    trees = parse(language, before), parse(language, after)
    assert bool(new_errors(*trees)) is wrong
    assert bool(new_errors(*trees, replaced(before.encode(), after.encode()))) is wrong


def test_an_error_that_is_mended_does_not_pay_for_one_elsewhere() -> None:
    before, after = "class A {\n  f() { @ ) ]; }\n  g() {}\n}\n", "class A {\n  f() { a;\n  g() {}\n}\n"
    trees = parse("typescript", before), parse("typescript", after)
    assert new_errors(*trees) == 0
    assert new_errors(*trees, replaced(before.encode(), after.encode())) > 0


def test_where_two_texts_differ() -> None:
    where = replaced(b"one two three", b"one 2 three")
    assert (where.start, where.old_end, where.new_end) == (4, 7, 5)
    assert replaced(b"aa", b"aaa").new_end == 3


SAME = [
    # language, before, after, whether the code is the same
    ("python", "def f():\n    return 1\n", 'def f():\n    """One."""\n    return 1\n', True),
    (
        "python",
        'def f():\n    """A."""\n    return 1\n',
        'def f():\n    """B.\n\n    C.\n    """\n    return 1\n',
        True,
    ),
    ("python", "def f(): return 1\n", 'def f():\n    """One."""\n    return 1\n', True),
    ("python", "def f():\n    return 1\n", "def f():\n    # One.\n    return 1\n", True),
    ("python", "def f():\n    return 1\n", "def f():\n    return 2\n", False),
    ("python", "def f():\n    return 'a'\n", "def f():\n    return 'b'\n", False),
    ("python", "if a:\n    b\nc\n", "if a:\n    b\n    c\n", False),
    ("python", "def f():\n    a\n    'x'\n", "def f():\n    a\n    'y'\n", False),
    ("typescript", "function f() { return 1; }\n", "/** One. */\nfunction f() { return 1; }\n", True),
    ("typescript", "const a = `x ${b}`;\n", "const a = `y ${b}`;\n", False),
    ("typescript", "a + b;\n", "a - b;\n", False),
    ("go", "package a\n\nfunc F() {}\n", "package a\n\n// F is.\nfunc F() {}\n", True),
    ("go", "package a\n\nfunc F() {}\n", "package a\n\nfunc G() {}\n", False),
    ("rust", "#[inline]\nfn f() {}\n", "/// One.\n#[inline]\nfn f() {}\n", True),
    ("rust", "#[inline]\nfn f() {}\n", "/// One.\nfn f() {}\n", False),
    ("ruby", "def f\n  1\nend\n", "# One.\ndef f\n  1\nend\n", True),
    ("ruby", "a = <<~X\n  one\nX\n", "a = <<~X\n  two\nX\n", False),
    ("shellscript", "f() {\n  echo a\n}\n", "# One.\nf() {\n  echo b\n}\n", False),
    ("php", "<?php\nfunction f() {}\n", "<?php\n/** One. */\nfunction f() {}\n", True),
]


@pytest.mark.parametrize(("language", "before", "after", "same"), SAME)
def test_same_code(language: str, before: str, after: str, same: bool) -> None:
    assert same_code(parse(language, before), parse(language, after), language) is same


DOCUMENT = "a = 1\n⟦def f():\n    return 1⟧\nb = 2\n"


@pytest.mark.parametrize(
    ("line", "start", "end", "text", "reason"),
    [
        (1, 4, 5, "g", "changes-code"),
        (1, 4, 5, "f", "unchanged"),
        (1, 5, 6, "", "breaks-syntax"),
        (0, 0, 1, "c", "outside"),
        (3, 0, 1, "c", "outside"),
    ],
)
def test_edits_that_are_refused(line: int, start: int, end: int, text: str, reason: str) -> None:
    region = Region(brief_of(DOCUMENT, "python", Form.DOCSTRING))
    edit = Edit(Span(Position(line, start), Position(line, end)), text)
    with pytest.raises(Unusable) as refused:
        check_documentation(region, (edit,))
    assert refused.value.reason == reason


IMPORT = Edit(Span(Position(1, 0), Position(1, 0)), "import b\n")


@pytest.mark.parametrize(
    ("edit", "allowed", "fits"),
    [
        (IMPORT, (0, 4), True),
        (IMPORT, (2, 4), False),
        (IMPORT, None, False),
        (Edit(Span(Position(0, 0), Position(0, 0)), "import b\n"), (0, 4), False),
        (Edit(Span(Position(0, 7), Position(0, 8)), "c"), (0, 4), False),
        (Edit(Span(Position(1, 0), Position(2, 0)), ""), (0, 4), False),
        (Edit(Span(Position(4, 4), Position(4, 4)), "x"), (0, 5), False),
        (Edit(Span(Position(3, 11), Position(3, 12)), "2"), (0, 4), True),
    ],
)
def test_beside_the_region_only_imports_are_inserted(edit: Edit, allowed: tuple[int, int] | None, fits: bool) -> None:
    document = "import a\n\n⟦def f():\n    return 1⟧\nb = 2\n"
    region = Region(brief_of(document, "python", Form.CODE, allowed=allowed))
    if fits:
        check(region, (edit,))
        return
    with pytest.raises(Unusable) as refused:
        check(region, (edit,))
    assert refused.value.reason == "outside"
