"""The static embedder, on a tiny model's token table and on the real one."""

from __future__ import annotations

import multiprocessing
import os
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args, get_type_hints

import gguf
import numpy as np
import pytest
from embedding_checks import TEXTS, check
from tiny import write_model

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import RepositoryIndexError
from tabby_lsp.index.embedders import KINDS, http, open_embedder
from tabby_lsp.index.embedders.gguf_file import GgufFile
from tabby_lsp.index.embedders.spelling import words_in
from tabby_lsp.index.embedders.static import StaticEmbedder
from tabby_lsp.index.embedders.table import UNUSED_S, open_table
from tabby_lsp.index.embedders.word_counts import OF, weight_of, word_counts


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny.gguf")


def test_settings_and_rows_name_the_same_kinds() -> None:
    assert set(get_args(get_type_hints(IndexSettings)["embedder"])) == set(KINDS)
    assert set(http.SERVERS) <= set(KINDS)


class TestStatic:
    def test_vectors(self, tiny: Path, tmp_path: Path) -> None:
        embedder = open_embedder(IndexSettings(), tiny, tmp_path)
        check(embedder)
        assert (embedder.embed(TEXTS) == embedder.embed(TEXTS, query=True)).all()

    def test_case_and_style_do_not_matter(self, tiny: Path, tmp_path: Path) -> None:
        one, other, third = open_embedder(IndexSettings(), tiny, tmp_path).embed(["indexList", "INDEX_list", "self"])
        assert one == pytest.approx(other)
        assert one @ third < 0.99

    def test_two_builds_write_the_same_bytes(self, tiny: Path, tmp_path: Path) -> None:
        written = []
        for name in ("one", "two"):
            open_table(tiny, tmp_path / name)
            (path,) = (tmp_path / name).iterdir()
            written.append((path.name, path.read_bytes()))
        assert written[0] == written[1]

    def test_a_table_is_computed_once(self, tiny: Path, tmp_path: Path) -> None:
        open_table(tiny, tmp_path)
        (path,) = tmp_path.iterdir()
        before = path.stat()
        open_table(tiny, tmp_path)
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    @pytest.mark.parametrize("keep", [0, 5, 40, -1])
    def test_a_broken_table_is_computed_again(self, tiny: Path, tmp_path: Path, keep: int) -> None:
        expected = np.array(open_table(tiny, tmp_path).vectors)
        (path,) = tmp_path.iterdir()
        # another file in its place, since cutting a mapped one short kills who has it mapped
        short = path.read_bytes()[:keep]
        path.unlink()
        path.write_bytes(short)
        assert (open_table(tiny, tmp_path).vectors == expected).all()

    def test_several_processes_at_once(self, tiny: Path, tmp_path: Path) -> None:
        spawn = multiprocessing.get_context("spawn")
        with spawn.Pool(3) as pool:
            keys = pool.starmap(_key_of_table, [(tiny, tmp_path)] * 6)
        assert len(set(keys)) == 1
        assert len(list(tmp_path.iterdir())) == 1

    def test_models_have_tables_of_their_own(self, tiny: Path, tmp_path: Path) -> None:
        other = write_model(tmp_path / "other.gguf", architecture="llama")
        cache = tmp_path / "cache"
        identities = {open_embedder(IndexSettings(), model, cache).identity for model in (tiny, other)}
        assert len(identities) == 2
        assert len(list(cache.iterdir())) == 2

    def test_tables_that_nobody_uses_are_swept_and_those_in_use_are_noted(self, tiny: Path, tmp_path: Path) -> None:
        other = write_model(tmp_path / "other.gguf", architecture="llama")
        cache = tmp_path / "cache"
        open_table(other, cache)
        (old,) = cache.iterdir()
        long_ago = time.time() - UNUSED_S - 60
        os.utime(old, (long_ago, long_ago))
        open_table(other, cache)
        assert old.stat().st_mtime > long_ago
        os.utime(old, (long_ago, long_ago))
        open_table(tiny, cache)
        assert not old.exists()
        assert len(list(cache.iterdir())) == 1

    def test_words_are_forgotten_in_time(self, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tabby_lsp.index.embedders.static.REMEMBERED", 2)
        embedder = StaticEmbedder(open_table(tiny, tmp_path))
        texts = ["self", "漢", "import", "none of these", "self"]
        alone = [embedder.embed([text])[0] for text in texts]
        assert alone[0] == pytest.approx(alone[-1])
        # a word of which no piece is known has no vector, also in a place where one with a vector was
        assert not alone[1].any()

    def test_what_was_forgotten_is_learnt_again_as_it_was(
        self, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        texts = [f"word{n} def x{n % 7}(self, value{n * 13}): return other{n * 7} + 漢{n}" for n in range(300)]
        table = open_table(tiny, tmp_path)
        alone = np.concatenate([StaticEmbedder(table).embed([text]) for text in texts])
        monkeypatch.setattr("tabby_lsp.index.embedders.static.REMEMBERED", 40)
        small = StaticEmbedder(table)
        assert np.array_equal(np.concatenate([small.embed([text]) for text in texts]), alone)
        assert np.array_equal(small.embed(texts), alone)

    def test_several_folders_may_be_embedded_at_once(self, tiny: Path, tmp_path: Path) -> None:
        """Each has a thread of its own that writes, and the words that are remembered are everybody's."""
        texts = [f"word{n} def x{n % 7}(self, value{n * 13}): return other{n * 7} + import_{n}" for n in range(3_000)]
        alone = StaticEmbedder(open_table(tiny, tmp_path)).embed(texts)
        shared = StaticEmbedder(open_table(tiny, tmp_path))
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with ThreadPoolExecutor(4) as pool:
                parts = list(pool.map(lambda at: shared.embed(texts[at : at + 50]), range(0, len(texts), 50)))
        finally:
            sys.setswitchinterval(interval)
        assert np.array_equal(np.concatenate(parts), alone)

    def test_without_a_model(self, tmp_path: Path) -> None:
        with pytest.raises(RepositoryIndexError, match="models pull"):
            open_embedder(IndexSettings(), None, tmp_path)

    @pytest.mark.parametrize("content", [b"", b"GGUF", b"no model at all", b"GGUF\x03\0\0\0" + b"\xff" * 64])
    def test_no_model_file(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "bad.gguf"
        path.write_bytes(content)
        with pytest.raises(RepositoryIndexError, match="models verify"):
            open_embedder(IndexSettings(), path, tmp_path)

    def test_a_model_that_is_cut_short(self, tiny: Path, tmp_path: Path) -> None:
        data = tiny.read_bytes()
        for share in (0.01, 0.05, 0.1):
            path = tmp_path / f"{share}.gguf"
            path.write_bytes(data[: int(len(data) * share)])
            with pytest.raises(RepositoryIndexError):
                open_embedder(IndexSettings(), path, tmp_path)

    @pytest.mark.skipif(os.geteuid() == 0, reason="nothing is refused to root")
    def test_a_folder_that_cannot_be_written(self, tiny: Path, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(RepositoryIndexError, match="directory"):
            open_embedder(IndexSettings(), tiny, tmp_path / "cache")

    def test_a_folder_that_is_a_file(self, tiny: Path, tmp_path: Path) -> None:
        (tmp_path / "cache").write_text("")
        with pytest.raises(RepositoryIndexError, match="directory"):
            open_embedder(IndexSettings(), tiny, tmp_path / "cache")


def _key_of_table(model: Path, cache: Path) -> str:
    table = open_table(model, cache)
    return f"{table.key} {table.vectors.astype(np.float64).sum()}"


def test_the_default_model_knows_what_words_mean(model_file: Path, tmp_path: Path) -> None:
    embedder = open_embedder(IndexSettings(), model_file, tmp_path)
    check(embedder)
    assert embedder.dimensions == 256
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size < 64 * 2**20
    asked, *others = embedder.embed(
        [
            "how to delete a directory",
            "def rmtree(folder): remove the folder with all that is in it",
            "def parse_date(text): read a day and a month",
            "class Socket: connect to a host and send bytes",
        ]
    )
    scores = [float(asked @ other) for other in others]
    assert scores[0] > 2 * max(scores[1:])


@pytest.mark.parametrize("kind", ["F32", "F16", "Q8_0", "Q4_0", "Q5_0", "BF16"])
def test_rows_of_each_quantisation(tmp_path: Path, kind: str) -> None:
    rows = np.random.default_rng(1).standard_normal((40, 64)).astype(np.float32)
    quantisation = gguf.GGMLQuantizationType[kind]
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "qwen2")
    writer.add_array("tokenizer.ggml.token_type", [1, 1, 3])
    writer.add_token_list(["a", "b", "c"])
    writer.add_tensor("first", np.zeros(5, np.float32))
    writer.add_tensor("token_embd.weight", gguf.quants.quantize(rows, quantisation), raw_dtype=quantisation)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    file = GgufFile(tmp_path / "m.gguf", frozenset({"tokenizer.ggml.tokens", "tokenizer.ggml.token_type"}))
    assert file.metadata == {"tokenizer.ggml.tokens": [b"a", b"b", b"c"], "tokenizer.ggml.token_type": [1, 1, 3]}
    tensor = file.tensors["token_embd.weight"]
    assert (tensor.rows, tensor.columns) == rows.shape
    wanted = np.array([3, 39, 0, 3])
    expected = gguf.quants.dequantize(gguf.quants.quantize(rows, quantisation), quantisation)[wanted]
    assert (file.rows(tensor, wanted) == expected).all()
    assert np.abs(expected - rows[wanted]).max() < 0.5


@pytest.mark.parametrize(
    ("kind", "tokens"),
    [
        (b"gpt2", ["Ġprint", "print", "Print", "Ċ", "Ã©", "get_", "<|im_end|>"]),
        (b"llama", ["▁print", "print", "▁Print", "▁", "é", "get_", "<s>"]),
    ],
)
def test_spellings_of_a_word_are_one_word(kind: bytes, tokens: list[str]) -> None:
    metadata = {
        "tokenizer.ggml.model": kind,
        "tokenizer.ggml.tokens": [token.encode() for token in tokens],
        "tokenizer.ggml.token_type": [1] * (len(tokens) - 1) + [3],
    }
    assert words_in(metadata, len(tokens)) == {"print": [0, 1, 2], "é": [4]}
    assert words_in(metadata, 1) == {"print": [0]}
    assert words_in({**metadata, "tokenizer.ggml.model": b"unheard-of"}, 9) == {}


def test_common_words_tell_little() -> None:
    counts = word_counts()
    assert len(counts) > 5_000
    assert all(0 < count <= OF for count in counts.values())
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    assert 0 < weight_of("return") < weight_of("file") < weight_of("directory") < weight_of("kubernetes")
    # each language's own words are common ones
    for word in ("def", "func", "fn", "function", "impl", "pub", "foreach", "elif", "struct", "public", "interface"):
        assert weight_of(word) < weight_of("directory"), word


def test_a_model_file_that_claims_impossible_sizes_is_told(tmp_path: Path) -> None:
    (tmp_path / "huge.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + struct.pack("<Q", 1 << 63) + b"x")
    with pytest.raises(RepositoryIndexError, match="GGUF"):
        GgufFile(tmp_path / "huge.gguf", frozenset())
