"""A template is decided from vocabulary and metadata."""

from __future__ import annotations

import pytest

from tabby_lsp.completion.families import Family, family_of, rows
from tabby_lsp.engine.types import ModelInfo


class Vocabulary:
    def __init__(self, *markers: str) -> None:
        self.markers = markers

    def count(self, text: str) -> int:
        return len(text)

    def has_marker(self, text: str) -> bool:
        return text in self.markers


def info(name: str = "", markers: dict[str, str] | None = None, architecture: str = "llama") -> ModelInfo:
    metadata = {"general.name": name, "general.architecture": architecture}
    return ModelInfo(metadata, markers or {}, 0, 0, 4096, 4096, 0, can_shift=True)


QWEN = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>", "<|file_sep|>")
STARCODER = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<file_sep>")
DEEPSEEK = ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>")


@pytest.mark.parametrize(
    ("name", "markers", "expected"),
    [
        ("Qwen2.5 Coder 7B", QWEN, "qwen-coder"),
        ("anything.gguf", QWEN, "qwen-coder"),
        ("CodeGemma", (*QWEN[:3], "<|file_separator|>"), "codegemma"),
        ("Granite 3.3", QWEN[:3], "granite-3.3"),
        ("StarCoder2", STARCODER, "starcoder"),
        ("Mellum 4b", STARCODER, "mellum"),
        ("CodeQwen", STARCODER[:3], "fim"),
        ("DeepSeek Coder", DEEPSEEK, "deepseek-coder"),
        ("Codestral 22B", ("[PREFIX]", "[SUFFIX]", "[MIDDLE]"), "codestral"),
        ("Mistral-like without markers", (), "prefix-only"),
        ("Llama", (), "prefix-only"),
        ("CodeLlama", ("▁<PRE>", "▁<SUF>", "▁<MID>"), "codellama"),
    ],
)
def test_family(name: str, markers: tuple[str, ...], expected: str) -> None:
    assert family_of(info(name), Vocabulary(*markers)).id == expected


def test_a_file_that_names_its_own_markers() -> None:
    family = family_of(info("new", {"prefix": "<A>", "suffix": "<B>", "middle": "<C>"}), Vocabulary())
    assert (family.id, family.markers, family.fills) == ("gguf", ("<A>", "<B>", "<C>"), True)


def test_rows_are_whole() -> None:
    names = [row.id for row in rows()]
    assert len(set(names)) == len(names)
    for row in rows():
        assert row.prefix
        assert row.suffix
        assert row.order == "prefix-suffix" or row.tail == 0
        assert isinstance(row, Family)
