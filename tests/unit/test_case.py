"""What is known of a cursor's place: the indentation to begin with, and who finds out when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from test_postprocess import case

from tabby_lsp.completion.case import Case, Looking, case_for
from tabby_lsp.completion.types import Ask, Trigger
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.syntax.scope import Scope


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


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("def f():\n    █\n    pass\n", False),  # the editor has indented it
        ("def f():\n█\n    pass\n", True),  # is it in a docstring?
        ("a = 1\n█\nb = 2\n", False),
    ],
)
def test_syntax_is_asked_of_a_blank_line_only_where_it_would_be_indented(text: str, looks: bool) -> None:
    found = case(text)
    calls: list[int] = []
    assert replace(found, look=lambda: calls.append(1) or found.scope).lead == found.lead
    assert bool(calls) == looks


# ---- looking beside the model ---------------------------------------------------------------------------------------

SCOPE = Scope(in_string=False, in_comment=True, mid_word_before=False, mid_word_after=False, multiline=True)


def blank_line(look: Callable[[], Scope]) -> Case:
    snapshot = Snapshot.of("file:///a.py", "python", 1, "def f():\n\n    pass\n")
    return case_for(Ask(snapshot, Position(1, 0), Trigger.TYPING), look, CompletionSettings(), ())


def test_another_thread_waits_until_somebody_has_looked() -> None:
    calls: list[int] = []
    looking = Looking(blank_line(lambda: calls.append(threading.get_ident()) or SCOPE))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: looking.beside.scope)
        with pytest.raises(TimeoutError):
            asked.result(0.05)
        looking.look()
        assert asked.result(10) == SCOPE
    looking.look()
    assert calls == [threading.get_ident()]


@pytest.mark.parametrize("name", ["lead", "multiline", "scope"])
def test_who_waits_for_a_look_holds_nobody_else_up(name: str) -> None:
    """In Python 3.11 a cached property's lock is that of all cases."""
    case = blank_line(lambda: SCOPE)
    looking = Looking(case)
    with ThreadPoolExecutor(2) as pool:
        behind = pool.submit(getattr, looking.beside, name)
        try:
            with pytest.raises(TimeoutError):
                behind.result(0.05)
            assert pool.submit(getattr, case, name).result(10) is not None
        finally:
            looking.look()
        assert behind.result(10) == getattr(case, name)


def test_the_same_thread_looks_instead_of_waiting() -> None:
    assert Looking(blank_line(lambda: SCOPE)).beside.scope == SCOPE


def test_nobody_waits_for_a_look_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Scope:
        raise ValueError("a grammar's fault")

    looking = Looking(blank_line(fail))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: looking.beside.scope)
        looking.look()
        with pytest.raises(ValueError, match="a grammar's fault"):
            asked.result(10)
    assert "could not be made out" in caplog.text
