"""Each transform with the cases it is for, and the ones it must leave alone; then whole answers."""

from __future__ import annotations

import textwrap
from functools import partial

import pytest

from tabby_lsp.completion import postprocess as pp
from tabby_lsp.completion.case import Case, case_for
from tabby_lsp.completion.types import Ask, Trigger
from tabby_lsp.config import CompletionSettings
from tabby_lsp.document import Snapshot
from tabby_lsp.engine.types import Finish
from tabby_lsp.syntax.scope import scope_at
from tabby_lsp.syntax.trees import Trees

CURSOR = "█"


def case(text: str, language: str = "python", *, invoked: bool = False, max_lines: int = 12) -> Case:
    """A case from dedented text with a cursor in it."""
    source = textwrap.dedent(text).removeprefix("\n")
    before, after = source.split(CURSOR)
    snapshot = Snapshot.of("file:///case", language, 1, before + after)
    position = snapshot.position(len(before))
    trigger = Trigger.INVOKED if invoked else Trigger.TYPING
    settings = CompletionSettings(max_lines=max_lines)
    look = partial(scope_at, snapshot, position, Trees().tree(snapshot))
    return case_for(Ask(snapshot, position, trigger), look, settings, ("<|fim_middle|>", "<|file_sep|>"))


EMPTY_BODY = """
    def f(a):
        █

    def g(b):
        return b
    """

IN_CALL = """
    value = compute(█)
    print(value)
    """

TRANSFORM_CASES = [
    # name, transform, text with cursor, model output, what is left
    ("marker", pp.without_markers, EMPTY_BODY, "return a<|file_sep|>other.py", "return a"),
    ("marker of another family", pp.without_markers, EMPTY_BODY, "return a<fim_suffix>x", "return a"),
    ("text like a marker stays", pp.without_markers, EMPTY_BODY, "return a <b> c", "return a <b> c"),
    ("HTML stays", pp.without_markers, "<p>█", "<s>old</s> new</p>", "<s>old</s> new</p>"),
    ("generic arguments stay", pp.without_markers, EMPTY_BODY, "Vec<String>", "Vec<String>"),
    ("typed again", pp.without_typed_again, "    return tot█", "return total", "al"),
    ("typed again with indentation", pp.without_typed_again, "    return tot█", "    return total", "al"),
    ("short typed text may repeat", pp.without_typed_again, "x█", "xx = 1", "xx = 1"),
    ("one line inside brackets", pp.within_lines, IN_CALL, "a, b)\nnext()", "a, b)"),
    ("typed word alone is not again", pp.without_typed_again, "total█", "total", "total"),
    ("blank lines first", pp.without_blank_start, EMPTY_BODY, "\n\n    return a", "return a"),
    ("blank lines first at the margin", pp.without_blank_start, "x = 1\n█\n", "\n    \ny = 2", "y = 2"),
    ("a dedent after a blank line stays", pp.without_blank_start, EMPTY_BODY, "\n\ndef h():", "\n\ndef h():"),
    ("a line break after code stays", pp.without_blank_start, "def f():█", "\n    pass", "\n    pass"),
    ("one step in", pp.not_too_deep, "if a:\n    x()\nelif b:\n█\n", "        y()\n        z()", "    y()\n    z()"),
    ("no deeper than above", pp.not_too_deep, "def f():\n    x()\n    █\n", "    y()", "y()"),
    ("a continuation may be deeper", pp.not_too_deep, "f(a,\n█\n", "  b)", "  b)"),
    ("one step in is right", pp.not_too_deep, "if a:\n    x()\nelse:\n█\n", "    y()", "    y()"),
    ("rest of line", pp.before_rest_of_line, "if x█ and ready:", " > 1 and ready:", " > 1"),
    ("end of rest of line", pp.before_rest_of_line, "foo(a█, last=True)", ", b, last=True)", ", b"),
    ("unlike the rest of line", pp.before_rest_of_line, "foo(a█, last=True)", ", b", ", b"),
    ("the closer that is there", pp.up_to_closer, "x = f(█)\n", "a, b) + g(c", "a, b"),
    ("brackets of its own", pp.up_to_closer, "x = f(█)\n", "g(a), h()", "g(a), h()"),
    ("another bracket", pp.up_to_closer, "x = f(█)\n", "a[0]]", "a[0]]"),
    ("a closer further on", pp.up_to_closer, "x = f(█[0], a)\n", "b) + c", "b"),
    ("at a line's start, before that line", pp.up_to_closer, "f(\n█)\n", "a)", "a)"),
    ("only balanced ones follow", pp.up_to_closer, "x = █[0]\n", "f(a)", "f(a)"),
    ("inside a string", pp.up_to_closer, 'x = f"{█}"\n', "name}, hello", "name"),
    ("the quote that is there", pp.up_to_closer, 'print("hello █")\n', 'world", end="', "world"),
    ("a quote that opens", pp.up_to_closer, 'print(█"tail")\n', '"head" + ', '"head" + '),
    ("nothing after the cursor", pp.up_to_closer, "x = f(█\n", "a)", "a)"),
    ("line below", pp.before_lines_below, EMPTY_BODY, "return a\n\ndef g(b):\n    return b", "return a\n"),
    (
        "line nearly below",
        pp.before_lines_below,
        "█\nresult = compute_all(first, second)\n",
        "x = 1\nresult = compute_all(first,  second)",
        "x = 1",
    ),
    (
        "line below with another number is new",
        pp.before_lines_below,
        "█\nvalue_of_first = fetch(rows, 1)\n",
        "value_of_first = fetch(rows, 0)",
        "value_of_first = fetch(rows, 0)",
    ),
    (
        "else alone is no repetition",
        pp.before_lines_below,
        "if a:\n    █\nelse:\n    c()\n",
        "if b:\n        x()\n    else:\n        y()",
        "if b:\n        x()\n    else:\n        y()",
    ),
    ("the same line three times", pp.without_repetition, EMPTY_BODY, "x()\nx()\nx()\nx()", "x()"),
    ("twice is allowed", pp.without_repetition, EMPTY_BODY, "x()\nx()", "x()\nx()"),
    ("a block twice", pp.without_repetition, EMPTY_BODY, "a()\nb()\na()\nb()", "a()\nb()"),
    ("a loop of characters", pp.without_repetition, EMPTY_BODY, "[" + "0, " * 30, "[0, "),
    ("a ruler stays", pp.without_repetition, "# █", "=" * 40, "=" * 40),
    ("surplus bracket", pp.without_surplus_closers, IN_CALL, "a, b)", "a, b"),
    ("needed bracket stays", pp.without_surplus_closers, "value = compute(█\n", "a, b)", "a, b)"),
    ("inner brackets stay", pp.without_surplus_closers, IN_CALL, "len(a)", "len(a)"),
    ("surplus bracket lines below", pp.without_surplus_closers, "f(\n" + "    a,\n" * 50 + "    █)\n", "b)", "b"),
    ("surplus bracket far below", pp.without_surplus_closers, "f(\n" + "    a,\n" * 500 + "    █)\n", "b)", "b"),
    ("its own bracket far below", pp.without_surplus_closers, "f(\n" + "    a,\n" * 500 + "    g(█)\n", "b))", "b)"),
    ("surplus quote", pp.without_surplus_closers, 'print("hello █")\n', 'world"', "world"),
    ("white space at the end", pp.trimmed, EMPTY_BODY, "return a  \n\n", "return a"),
    ("leading line break stays", pp.trimmed, "def f():█\n", "\n    return 1\n", "\n    return 1"),
    (
        "tabs as the file has them",
        pp.indented_like_file,
        "def f():\n\tif a:\n\t\t█\n",
        "b()\n        c()",
        "b()\n\t\tc()",
    ),
    (
        "spaces as the file has them",
        pp.indented_like_file,
        "def f():\n    if a:\n        █\n",
        "b()\n\tc()",
        "b()\n    c()",
    ),
    ("file endings", pp.with_file_endings, "a = 1\r\n█\r\nb = 2\r\n", "x\ny", "x\r\ny"),
    ("carriage returns", pp.without_carriage_returns, EMPTY_BODY, "a\r\nb\r", "a\nb\n"),
]


@pytest.mark.parametrize(
    ("transform", "text", "output", "left"),
    [row[1:] for row in TRANSFORM_CASES],
    ids=[row[0] for row in TRANSFORM_CASES],
)
def test_transform(transform: pp.Transform, text: str, output: str, left: str) -> None:
    assert transform(output, case(text)) == left


REJECTIONS = [
    ("nothing", EMPTY_BODY, "", "blank"),
    ("white space", EMPTY_BODY, "  \n\n  ", "blank"),
    ("code at the margin", "def f(a):\n    '''Doc.'''\n█\n    return a\n", "    \n\nif a:\n", "outside-block"),
    ("a marker alone", EMPTY_BODY, "<|fim_middle|>", "blank"),
    ("one letter", "x = █\n", "a", "too-short"),
    ("the line below", "a = 1\n█\nreturn_value = a\n", "return_value = a", "blank"),
    ("the rest of the line", "print(█value)\n", "value", "blank"),
    ("the lines above again", "first_call()\nsecond_call()\n█\n", "first_call()\nsecond_call()", "repetition"),
]


@pytest.mark.parametrize(("text", "output", "reason"), [r[1:] for r in REJECTIONS], ids=[r[0] for r in REJECTIONS])
def test_rejection_has_a_name(text: str, output: str, reason: str) -> None:
    with pytest.raises(pp.Rejected) as rejected:
        pp.postprocess(output, case(text))
    assert str(rejected.value) == reason


WHOLE = [
    ("body", "python", EMPTY_BODY, "return a\n\ndef g(b):\n    return b\n", "return a"),
    (
        "body over a blank line",
        "python",
        EMPTY_BODY,
        "x = a\n\n    y = x + 1\n    return y\n\n",
        "x = a\n\n    y = x + 1\n    return y",
    ),
    ("dedent ends it", "python", EMPTY_BODY, "return a\n\nclass Other:\n    pass", "return a"),
    ("argument", "python", IN_CALL, "a, b)", "a, b"),
    ("brace block", "javascript", "function f(a) {\n  █\n}\n", "return a + 1;\n}\n\nfunction g() {\n", "return a + 1;"),
    ("missing brace is written", "javascript", "function f(a) {\n  █\n", "return a + 1;\n}\n", "return a + 1;\n}"),
    ("go", "go", "package m\n\nfunc f(a int) int {\n\t█\n}\n", "return a * 2\n}\n\nfunc g() {}", "return a * 2"),
    (
        "crlf",
        "python",
        "def f(a):\r\n    █\r\n\r\ndef g():\r\n    pass\r\n",
        "b = a\n    return b\n",
        "b = a\r\n    return b",
    ),
]


@pytest.mark.parametrize(("language", "text", "output", "shown"), [r[1:] for r in WHOLE], ids=[r[0] for r in WHOLE])
def test_whole_answer(language: str, text: str, output: str, shown: str) -> None:
    assert pp.postprocess(output, case(text, language)) == shown


def test_every_transform_is_in_the_table_once() -> None:
    assert len(set(pp.TRANSFORMS)) == len(pp.TRANSFORMS)
    assert set(pp.TYPED_ALONG) <= set(pp.TRANSFORMS)


@pytest.mark.parametrize(
    ("text", "finish", "left"),
    [
        ("a()\nb()\nc(", Finish.DEADLINE, "a()\nb()"),
        ("a()\nb()\nc(", Finish.LENGTH, "a()\nb()"),
        ("a()\nb()\nc(", Finish.END, "a()\nb()\nc("),
        ("very_long(", Finish.LENGTH, "very_long("),
        ("\n\nhalf", Finish.LENGTH, "\n\nhalf"),
    ],
)
def test_unfinished_text_ends_with_a_whole_line(text: str, finish: Finish, left: str) -> None:
    assert pp.whole_lines(text, finish) == left


def test_half_a_line_after_the_deadline_is_not_shown() -> None:
    with pytest.raises(pp.Rejected, match="deadline"):
        pp.whole_lines("half of", Finish.DEADLINE)
