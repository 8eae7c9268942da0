"""The forms in which a prompt shows pieces of other files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tabby_lsp.completion import prompt
from tabby_lsp.completion.context.forms import FORMS, NOTHING, beside, cost_of
from tabby_lsp.completion.context.types import Block
from tabby_lsp.completion.families import PREFIX_ONLY, Family, rows
from tabby_lsp.completion.window import Window
from tabby_lsp.engine.types import Marker
from tabby_lsp.index.types import Snippet, Why

QWEN = next(row for row in rows() if row.id == "qwen-coder")
BLOCK = Block(
    (
        Snippet("pkg/a.py", "python", 0, 2, "def a(x):\n\n    ...\n", Why.USED),
        Snippet("pkg/b.py", "python", 4, 5, "B = 1", Why.USED),
    ),
    "pkg/main.py",
    "python",
)
WINDOW = Window("head\n", "tail", "suffix")


def shown(form: str, family: Family = QWEN, block: Block = BLOCK) -> str:
    family = replace(family, context=form)  # type: ignore[arg-type]
    return prompt.show(prompt.build(WINDOW, family, beside=beside(block, family)))


def test_comments_stand_before_the_prefix() -> None:
    assert shown("comments") == (
        "<|fim_prefix|># pkg/a.py\n# def a(x):\n#     ...\n# pkg/b.py\n# B = 1\n\nhead\n"
        "<|fim_suffix|>suffix<|fim_middle|>tail"
    )


def test_a_file_and_a_class_are_named_once() -> None:
    def of(path: str, text: str) -> Snippet:
        return Snippet(path, "python", 0, 1, text, Why.MEMBER)

    one, two = of("a.py", "class A:\n    x: int"), of("a.py", "class A:\n    def f(self): ...\nclass B: ...")
    three, four = of("a.py", "class B:\n    y: int"), of("b.py", "class B:\n    y: int")
    assert shown("comments", block=replace(BLOCK, snippets=(one, two, three, four))).startswith(
        "<|fim_prefix|># a.py\n# class A:\n#     x: int\n#     def f(self): ...\n# class B: ...\n"
        "# class B:\n#     y: int\n# b.py\n# class B:\n#     y: int\n\nhead"
    )


def test_files_stand_between_the_families_own_markers() -> None:
    assert shown("files") == (
        "<|file_sep|>pkg/a.py\ndef a(x):\n\n    ...\n<|file_sep|>pkg/b.py\nB = 1\n<|file_sep|>pkg/main.py\n"
        "<|fim_prefix|>head\n<|fim_suffix|>suffix<|fim_middle|>tail"
    )


def test_a_family_without_a_separator_shows_files_as_comments() -> None:
    assert shown("files", replace(QWEN, separator="")) == shown("comments")


def test_marker_text_in_a_snippet_stays_text() -> None:
    forged = Block((Snippet("<|file_sep|>.py", "python", 0, 1, "<|fim_middle|>", Why.USED),), "m.py", "python")
    family = replace(QWEN, context="files")
    pieces = prompt.build(WINDOW, family, beside=beside(forged, family)).pieces
    assert [piece.text for piece in pieces if isinstance(piece, Marker)] == [
        "<|file_sep|>", "<|file_sep|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>",
    ]  # fmt: skip


@pytest.mark.parametrize(("language", "mark"), [("go", "//"), ("lua", "--"), ("css", "#")])
def test_comments_are_the_documents_own(language: str, mark: str) -> None:
    assert f"{mark} B = 1\n" in shown("comments", block=replace(BLOCK, language=language))


def test_a_model_that_does_not_fill_reads_them_before_the_text() -> None:
    text = shown("comments", PREFIX_ONLY)
    assert text.startswith("# pkg/a.py\n")
    assert text.endswith("head\ntail")


@pytest.mark.parametrize("form", FORMS)
def test_no_snippets_change_nothing(form: str) -> None:
    family = replace(QWEN, context=form)  # type: ignore[arg-type]
    assert beside(Block(), family) is NOTHING
    assert shown(form, block=Block()) == prompt.show(prompt.build(WINDOW, QWEN))


@pytest.mark.parametrize("form", FORMS)
def test_what_a_snippet_costs_is_what_it_adds(form: str) -> None:
    class Characters:
        def count(self, text: str) -> int:
            return len(text)

        def has_marker(self, text: str) -> bool:
            return bool(text)

    family = replace(QWEN, context=form)  # type: ignore[arg-type]
    one = replace(BLOCK, snippets=BLOCK.snippets[:1])
    both, single = (
        sum(len(piece) if isinstance(piece, str) else 1 for piece in prompt.build(WINDOW, family, beside=made).pieces)
        for made in (beside(BLOCK, family), beside(one, family))
    )
    assert both - single == cost_of(BLOCK.snippets[1], "python", family, Characters())
