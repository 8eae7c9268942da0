"""Embeddings from servers: each kind against a real one on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from embedding_checks import check
from embedding_server import Served, serving

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import Offline, RepositoryIndexError
from tabby_lsp.index.embedders import Embedder, http, open_embedder


class TestHttp:
    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "BACKOFF_S", (0.01, 0.01, 0.01))

    def open(self, served: Served, kind: str, tmp_path: Path, **settings: str) -> Embedder:
        values: dict[str, Any] = {"embedder": kind, "url": served.url, "model": "m", **settings}
        wanted = IndexSettings(**values)
        return open_embedder(wanted, None, tmp_path, offline=True)

    @pytest.mark.parametrize("kind", http.SERVERS)
    def test_each_kind(self, kind: str, tmp_path: Path) -> None:
        with serving() as served:
            embedder = self.open(served, kind, tmp_path)
            check(embedder)
            many = [f"text {i}" for i in range(2 * http.BATCH + 1)]
            asked = len(served.asked)
            vectors = embedder.embed(many)
            assert len(served.asked) - asked == 3
            assert vectors[7] == pytest.approx(embedder.embed([many[7]])[0])
            embedder.close()
            assert {path for path, _, _ in served.asked} == {http.SERVERS[kind].path}

    @pytest.mark.parametrize("ending", ["/v1", "/v1/", "/"])
    def test_an_address_may_say_the_version(self, tmp_path: Path, ending: str) -> None:
        with serving() as served:
            embedder = self.open(served, "openai", tmp_path, url=served.url + ending)
            embedder.close()
            assert {path for path, _, _ in served.asked} == {"/v1/embeddings"}

    def test_busy_servers_are_asked_again(self, tmp_path: Path) -> None:
        with serving() as served:
            embedder = self.open(served, "openai", tmp_path)
            served.statuses += [429, 503, 500]
            asked = len(served.asked)
            assert embedder.embed(["a"]).any()
            assert len(served.asked) - asked == 4
            embedder.close()

    def test_but_not_for_ever(self, tmp_path: Path) -> None:
        with serving() as served:
            served.statuses += [503] * 10
            with pytest.raises(RepositoryIndexError, match="503"):
                self.open(served, "openai", tmp_path)
            assert len(served.asked) == 4

    @pytest.mark.parametrize(("status", "remedy"), [(401, "key_variable"), (404, "model"), (400, "embedder")])
    def test_refusals_are_not_asked_again(self, tmp_path: Path, status: int, remedy: str) -> None:
        with serving() as served:
            served.statuses.append(status)
            with pytest.raises(RepositoryIndexError, match=remedy):
                self.open(served, "openai", tmp_path)
            assert len(served.asked) == 1

    def test_the_key_comes_from_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMBEDDING_KEY", "secret-1")
        with serving() as served:
            embedder = self.open(served, "openai", tmp_path, key_variable="EMBEDDING_KEY")
            embedder.close()
            assert served.asked[0][1]["Authorization"] == "Bearer secret-1"
            assert "secret-1" not in embedder.identity
            monkeypatch.delenv("EMBEDDING_KEY")
            with pytest.raises(RepositoryIndexError, match="EMBEDDING_KEY"):
                self.open(served, "openai", tmp_path, key_variable="EMBEDDING_KEY")
            monkeypatch.setenv("EMBEDDING_KEY", "secret\u20141")
            with pytest.raises(RepositoryIndexError, match="EMBEDDING_KEY"):
                self.open(served, "openai", tmp_path, key_variable="EMBEDDING_KEY")

    @pytest.mark.parametrize("answer", [{}, [], {"data": []}, {"data": [{"index": 0, "embedding": "x"}]}, None, "text"])
    def test_answers_that_are_no_vectors(self, tmp_path: Path, answer: object) -> None:
        with serving() as served:
            served.answer = lambda _: answer
            with pytest.raises(RepositoryIndexError, match=r"index\.embedder"):
                self.open(served, "openai", tmp_path)

    def test_a_server_that_changes_its_model(self, tmp_path: Path) -> None:
        with serving() as served:
            embedder = self.open(served, "ollama", tmp_path)
            served.answer = lambda body: {"embeddings": [[1.0, 2.0] for _ in body["input"]]}
            with pytest.raises(RepositoryIndexError):
                embedder.embed(["a"])
            embedder.close()

    def test_a_vector_for_each_token_is_pooled(self, tmp_path: Path) -> None:
        with serving() as served:
            served.answer = lambda body: [
                {"index": i, "embedding": [[3.0, 0.0], [0.0, 4.0]]} for i, _ in enumerate(body["content"])
            ]
            embedder = self.open(served, "llama.cpp", tmp_path)
            assert embedder.embed(["a"])[0] == pytest.approx([0.6, 0.8])
            embedder.close()

    def test_nobody_listens(self, tmp_path: Path) -> None:
        with serving() as served:
            pass
        with pytest.raises(RepositoryIndexError, match="Start it"):
            self.open(served, "openai", tmp_path)

    @pytest.mark.parametrize("url", ["", "localhost", "file:///etc/passwd", "http://", "http://[oops"])
    def test_what_is_no_address(self, tmp_path: Path, url: str) -> None:
        with pytest.raises(RepositoryIndexError, match=r"index\.url"):
            open_embedder(IndexSettings(embedder="openai", url=url), None, tmp_path)

    @pytest.mark.parametrize(
        "url", ["https://api.example.com/v1", "http://192.168.1.5:8080", "http://127.0.0.1.example"]
    )
    def test_offline_means_this_machine(self, tmp_path: Path, url: str) -> None:
        with pytest.raises(Offline):
            open_embedder(IndexSettings(embedder="openai", url=url), None, tmp_path, offline=True)

    def test_no_proxy_stands_between_us_and_this_machine(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:9")
        with serving() as served:
            self.open(served, "openai", tmp_path).close()
            assert len(served.asked) == 1
