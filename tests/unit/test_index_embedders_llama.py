"""Embeddings by llama.cpp, on tiny models of both kinds, and what stands before texts."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
from embedding_checks import check
from tiny import write_model
from tiny_bert import CONTEXT, WIDTH, write_bert

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import RepositoryIndexError
from tabby_lsp.index.embedders import Embedder, open_embedder
from tabby_lsp.index.embedders.prefixes import Prefixes, prefixes_for


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny.gguf")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bert(tmp_path_factory.mktemp("model") / "bert.gguf")


class TestLlama:
    def open(self, model: Path, tmp_path: Path, **settings: str) -> Embedder:
        return open_embedder(IndexSettings(embedder="llama", model=str(model), **settings), None, tmp_path)

    def test_an_encoder(self, bert: Path, tmp_path: Path) -> None:
        embedder = self.open(bert, tmp_path)
        check(embedder)
        assert embedder.dimensions == WIDTH
        embedder.close()

    def test_a_model_that_writes_text_is_pooled(self, tiny: Path, tmp_path: Path) -> None:
        embedder = self.open(tiny, tmp_path)
        check(embedder)
        embedder.close()

    def test_many_texts_of_all_lengths(self, bert: Path, tmp_path: Path) -> None:
        embedder = self.open(bert, tmp_path)
        texts = ["read file " * (i % 13) + "list" * (i % 3) for i in range(70)]
        together = embedder.embed(texts)
        for text, vector in zip(texts, together, strict=True):
            assert embedder.embed([text])[0] == pytest.approx(vector, abs=5e-3)
        embedder.close()

    def test_too_long_a_text_is_read_as_far_as_it_goes(self, bert: Path, tmp_path: Path) -> None:
        embedder = self.open(bert, tmp_path)
        long, longer = embedder.embed(["read write " * CONTEXT, "read write " * CONTEXT + "file"])
        assert np.linalg.norm(long) == pytest.approx(1, abs=1e-5)
        assert long == pytest.approx(longer, abs=5e-3)
        embedder.close()

    def test_pooling_is_the_file_s(self, bert: Path, tmp_path: Path) -> None:
        mean = write_bert(tmp_path / "mean.gguf", pooling=gguf.PoolingType.MEAN)
        one, other = (self.open(path, tmp_path) for path in (bert, mean))
        assert one.identity != other.identity
        assert one.embed(["read file"])[0] @ other.embed(["read file"])[0] < 0.999
        for embedder in (one, other):
            embedder.close()

    def test_a_model_s_prefixes_are_read(self, bert: Path, tmp_path: Path) -> None:
        named = write_bert(tmp_path / "tiny-nomic-embed.gguf", name="Nomic Embed")
        plain, family = self.open(bert, tmp_path), self.open(named, tmp_path)
        expected = plain.embed(["search_query: read file", "search_document: read file"])
        assert family.embed(["read file"], query=True)[0] == pytest.approx(expected[0], abs=5e-3)
        assert family.embed(["read file"])[0] == pytest.approx(expected[1], abs=5e-3)
        assert not family.embed([""], query=True).any()
        for embedder in (plain, family):
            embedder.close()

    def test_what_cannot_be_loaded(self, tmp_path: Path) -> None:
        bad = tmp_path / "bad.gguf"
        bad.write_bytes(b"no model at all")
        for model in (bad, tmp_path / "none.gguf"):
            with pytest.raises(RepositoryIndexError) as caught:
                self.open(model, tmp_path)
            assert caught.value.remedy
        with pytest.raises(RepositoryIndexError, match=r"index\.model"):
            open_embedder(IndexSettings(embedder="llama"), None, tmp_path)

    def test_what_compares_and_makes_no_vectors(self, tmp_path: Path) -> None:
        ranker = write_bert(tmp_path / "ranker.gguf", pooling=gguf.PoolingType.RANK)
        with pytest.raises(RepositoryIndexError):
            self.open(ranker, tmp_path)


@pytest.mark.parametrize(
    ("name", "query", "document"),
    [
        ("nomic-bert nomic-embed-text-v1.5", "search_query: ", "search_document: "),
        ("bert bge-small-en-v1.5", "Represent this sentence for searching relevant passages: ", ""),
        ("bert bge-m3", "", ""),
        ("bert multilingual-e5-small", "query: ", "passage: "),
        ("jina-embeddings-v2-base-code", "", ""),
        ("all-minilm", "", ""),
    ],
)
def test_known_prefixes(name: str, query: str, document: str) -> None:
    assert prefixes_for(name, IndexSettings()) == Prefixes(query, document)
    assert prefixes_for(name, IndexSettings(query_prefix="ask ")) == Prefixes("ask ", document)


@pytest.mark.parametrize("name", ["Qwen3-Embedding-0.6B", "qwen3 Qwen3 Embedding 0.6B Instruct"])
def test_instructions_stand_before_questions_alone(name: str) -> None:
    known = prefixes_for(name, IndexSettings())
    assert known.query.startswith("Instruct: ")
    assert known.document == ""


def test_the_default_model_itself_can_be_pooled(model_file: Path, tmp_path: Path) -> None:
    settings = IndexSettings(embedder="llama", model=str(model_file))
    embedder = open_embedder(settings, None, tmp_path)
    check(embedder)
    assert embedder.dimensions == 896
    embedder.close()
