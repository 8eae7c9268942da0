"""When to ask, and when enough has been written."""

from __future__ import annotations

import dataclasses

import pytest
from test_postprocess import CURSOR, case

from tabby_lsp.completion import stop, trigger
from tabby_lsp.completion.types import Ask, Trigger
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Snapshot


def refusal(text: str, settings: CompletionSettings | None = None, by: Trigger = Trigger.TYPING) -> str:
    before, after = text.split(CURSOR)
    snapshot = Snapshot.of("file:///t.py", "python", 1, before + after)
    ask = Ask(snapshot, snapshot.position(len(before)), by)
    return trigger.refusal(ask, settings or CompletionSettings())


@pytest.mark.parametrize(
    ("text", "typing", "invoked"),
    [
        ("x = █\n", "", ""),
        ("foo(█)\n", "", ""),
        ("val█ue = 1\n", "in-word", ""),
        ("x = █ + some_long_expression\n", "line-goes-on", ""),
        ("await█ some_long_expression\n", "line-goes-on", ""),
        ("x = █some_long_expression\n", "line-goes-on", ""),  # not for the word
        ("foo(█x)\n", "in-word", ""),
        ("foo(a, █)[0]\n", "", ""),
        ("x = '" + "a" * 2000 + "█\n", "long-line", ""),
    ],
)
def test_refusal(text: str, typing: str, invoked: str) -> None:
    assert refusal(text) == typing
    assert refusal(text, by=Trigger.INVOKED) == invoked


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"enabled": False}, "disabled"),
        ({"disabled_languages": ("python",)}, "language-disabled"),
        ({"max_document_lines": 1}, "long-document"),
    ],
)
def test_settings_hold_even_by_hand(change: dict[str, object], reason: str) -> None:
    settings = dataclasses.replace(CompletionSettings(), **change)  # type: ignore[arg-type]
    assert refusal("a\nx = █\n", settings, Trigger.INVOKED) == reason


BODY = "def f(a):\n    if a:\n        █\n\ndef g():\n    pass\n"


@pytest.mark.parametrize(
    ("text", "written", "kept"),
    [
        ("x = foo(█)\n", "1, 2", None),
        ("x = foo(█)\n", "1, 2)\nprint(", "1, 2)"),
        ("█\nx = 1\n", "\n", None),
        (BODY, "return a", None),
        (BODY, "return a\n    return 1\n", "return a"),
        (BODY, "b = a\n        return b\n    ", None),
        (BODY, "b = a\n\ndef g():\n", "b = a\n"),
        (BODY, "x()\n        x()\n        x()\n", None),
        (BODY, "        y()\n        y()\n        y()\n", "        y()"),
    ],
)
def test_stop(text: str, written: str, kept: str | None) -> None:
    keep = stop.rule_for(case(text))(written)
    assert (None if keep is None else written[:keep]) == kept


def test_at_most_so_many_lines() -> None:
    written = "\n".join(f"        x{n} = {n}" for n in range(9))
    keep = stop.rule_for(case(BODY, max_lines=4))(written)
    assert keep is not None
    assert written[:keep].count("\n") == 3


CIRCLE = "  # Each greeting is printed on a new line."
WHOLE = "x = f(1)\n        y = f(2)\n"
BLOCK = "        if a:\n            b = 1\n"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (WHOLE + "        return x" + CIRCLE * 4, WHOLE.rstrip("\n")),
        (WHOLE + "        return x" + CIRCLE * 3, None),
        ("[f(x) for x in y]" + CIRCLE * 4, ""),
        (WHOLE + "        return [" + "false, " * 12, None),
        ("[" + "ctypes.c_void_p, " * 5, None),
        (WHOLE + "        # " + "-=" * 60, None),
        (WHOLE + BLOCK + BLOCK + "        ", WHOLE + BLOCK.rstrip("\n")),
        (WHOLE + BLOCK + BLOCK.replace("1", "2") + "        ", None),
        (WHOLE + "\n\n\n\n        ", None),
    ],
    ids=[
        "circle",
        "three rounds",
        "first line",
        "values",
        "types",
        "separator",
        "block",
        "like a block",
        "blank lines",
    ],
)
def test_what_comes_again_and_again_ends(written: str, kept: str | None) -> None:
    keep = stop.rule_for(case(BODY, max_lines=60))(written)
    assert (None if keep is None else written[:keep]) == kept
