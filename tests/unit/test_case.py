"""Indentation that a suggestion must begin with."""

from __future__ import annotations

import pytest
from test_postprocess import case


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ('def f(a):\n    """Doc."""\n█\n    return a\n', "    "),
        ('def f(a):\n    """Doc."""\n\n█    return a\n', "    "),
        ("def f(a):\n    x = 1\n  █\n    return a\n", "  "),
        ("def f(a):\n    x = 1\n    █\n    return a\n", ""),
        ("def f(a):\n    x = 1\n█\ny = 2\n", ""),
        ("def f(a):\n    x = 1\n█\n", ""),
        ("def f(a):\n    if a:\n█\n        return a\n", "        "),
        ("if a:\n    if b:\n        c()\n█        d()\n", "    "),
        ("if a:\n\tx = 1\n█\n\ty = 1\n", "\t"),
        ("if a:\n\tx = 1\n  █\n\ty = 1\n", ""),
        ("def f(a):\n    x = █\n    return a\n", ""),
        ("def f(a):\n    if a:\n█\n", "        "),
        ("def f(a):\n    x = 1\nfor b in a:\n  █\n", "  "),
        ("█", ""),
    ],
)
def test_lead(text: str, lead: str) -> None:
    assert case(text).lead == lead


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("def f():\n    x\n    if a:\n        y\n█", "    "),
        ("def f():\n    while a:\n      if b:\n        c\n█", "  "),
        ("if a:\n\tb\n█", "\t"),
        ("a\nb\n█", ""),
        ("f(\n            deep)\nif a:\n    b\n█", "    "),
    ],
)
def test_indent_unit(text: str, unit: str) -> None:
    assert case(text).indent_unit == unit


def test_prose_has_no_blocks() -> None:
    assert case("* one\n    two:\n█\n    three\n", "markdown").lead == ""
    assert case('"""\n    Args:\n█\n    More.\n"""\n').lead == ""
