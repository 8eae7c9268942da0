"""Embeddings from servers: each kind against a real one on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import httpx
import pytest
from embedding_checks import check
from embedding_server import Served, serving

from tabby_lsp.config import EmbeddingHttpSettings, IndexSettings, ModelSettings, RateLimitSettings, Settings
from tabby_lsp.errors import Offline, RepositoryIndexError
from tabby_lsp.index.embedders import Embedder, http, open_embedder
from tabby_lsp.index.embedders.servers import SERVERS
from tabby_lsp.roles import index_settings

PATHS = {
    "openai": "/v1/embeddings",
    "ollama": "/api/embed",
    "llama.cpp": "/embedding",
    "mistral": "/v1/embeddings",
    "voyage": "/v1/embeddings",
    "azure": "/openai/deployments/m/embeddings?api-version=2024-10-21",
}
"""What each kind of server is asked, as their references say."""


class TestHttp:
    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "BACKOFF_S", (0.01, 0.01, 0.01))

    def open(self, served: Served, kind: str, tmp_path: Path, **settings: str) -> Embedder:
        values: dict[str, Any] = {"embedder": kind, "url": served.url, "model": "m", **settings}
        wanted = IndexSettings(**values)
        return open_embedder(wanted, None, tmp_path, offline=True)

    @pytest.mark.parametrize("kind", SERVERS)
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
            assert {path for path, _, _ in served.asked} == {PATHS[kind]}

    @pytest.mark.parametrize("ending", ["/v1", "/v1/", "/", "/v1/embeddings"])
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

    @pytest.mark.parametrize("status", [400, 503])
    def test_no_message_and_no_identity_has_what_stands_behind_the_path(self, tmp_path: Path, status: int) -> None:
        with serving() as served:
            url = served.url + "/v1?key=SECRET-1"
            served.answer = lambda body: {
                "data": [{"index": i, "embedding": [1, 2]} for i, _ in enumerate(body["input"])]
            }
            embedder = self.open(served, "openai", tmp_path, url=url, model="")
            embedder.close()
            assert "SECRET-1" not in embedder.identity
            assert served.asked[0][0].endswith("?key=SECRET-1")
            served.statuses += [status] * 4
            with pytest.raises(RepositoryIndexError, match="/v1/embeddings") as raised:
                self.open(served, "openai", tmp_path, url=url)
            assert "SECRET-1" not in str(raised.value)

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

    def test_a_key_is_not_cut_before_it_is_found(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMBEDDING_KEY", 'sk-"1"' + "a" * 60)
        with serving() as served:
            for refusal in ({"error": "x" * 170 + 'sk-"1"' + "a" * 60}, {"error": 'sk-"1"' + "a" * 60}):
                served.refusal = refusal
                served.statuses.append(400)
                with pytest.raises(RepositoryIndexError) as raised:
                    self.open(served, "openai", tmp_path, key_variable="EMBEDDING_KEY")
                assert "sk-" not in str(raised.value)

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


ROLE_KINDS = get_args(get_type_hints(EmbeddingHttpSettings)["kind"])[1:]


class TestTheRole:
    """`[model.embedding.http]`, through `roles.index_settings`."""

    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "BACKOFF_S", ())

    def settings(self, url: str, kind: str, **values: Any) -> IndexSettings:
        said = EmbeddingHttpSettings(kind=kind, api_endpoint=url, model_name="m", **values)  # type: ignore[arg-type]
        embedding = replace(ModelSettings().embedding, http=said)
        return index_settings(Settings(model=ModelSettings(embedding=embedding)))

    @pytest.mark.parametrize("kind", ROLE_KINDS)
    def test_each_kind(self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMBEDDING_KEY", "sk-1")
        with serving() as served:
            embedder = open_embedder(self.settings(served.url, kind, api_key="${EMBEDDING_KEY}"), None, tmp_path)
            check(embedder)
            embedder.close()
            name = kind.partition("/")[0]
            (path,) = {path for path, _, _ in served.asked}
            assert path == PATHS[name]
            sent = served.asked[0][1]
            assert (sent.get("api-key"), sent.get("Authorization")) == (
                ("sk-1", None) if name == "azure" else (None, "Bearer sk-1")
            )
            assert "sk-1" not in embedder.identity

    def test_all_kinds_are_tried(self) -> None:
        assert {kind.partition("/")[0] for kind in ROLE_KINDS} == set(SERVERS) == set(PATHS)

    def test_the_same_vectors_as_of_the_old_settings(self, tmp_path: Path) -> None:
        with serving() as served:
            old = IndexSettings(embedder="openai", url=served.url, model="m")
            made = [open_embedder(one, None, tmp_path) for one in (old, self.settings(served.url, "openai/embedding"))]
            assert made[0].identity == made[1].identity
            for embedder in made:
                embedder.close()

    def test_voyage_is_told_what_is_a_question(self, tmp_path: Path) -> None:
        with serving() as served:
            embedder = open_embedder(self.settings(served.url, "voyage/embedding"), None, tmp_path)
            embedder.embed(["a"], query=True)
            embedder.embed(["b"])
            embedder.close()
            assert [body["input_type"] for _, _, body in served.asked] == ["document", "query", "document"]

    def test_refusals_name_the_roles_settings_and_no_key(self, tmp_path: Path) -> None:
        with serving() as served:
            served.refusal = {"error": "the key sk-1 is wrong"}
            for status, named in ((401, "http.api_key"), (404, "http.model_name"), (400, "http.kind")):
                served.statuses.append(status)
                with pytest.raises(RepositoryIndexError) as refused:
                    open_embedder(self.settings(served.url, "openai/embedding", api_key="sk-1"), None, tmp_path)
                assert f"model.embedding.{named}" in refused.value.remedy
                assert "sk-1" not in str(refused.value)
                assert "is wrong" in str(refused.value)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"api_endpoint": ""}, "No server is named"),
            ({"api_endpoint": "http://me:pw@localhost"}, "holds a user's name or a password"),
            ({"api_key": "${NO_SUCH_VARIABLE_HERE}"}, "NO_SUCH_VARIABLE_HERE"),
            ({"api_key_command": "false"}, "failed with code 1"),
            ({"certificates": "/nowhere/a.pem"}, "holds no certificates"),
            ({"kind": "azure/embedding", "model_name": ""}, "No embedding model is named"),
        ],
    )
    def test_what_cannot_be_used(self, tmp_path: Path, values: dict[str, str], message: str) -> None:
        said = {"kind": "openai/embedding", "api_endpoint": "http://localhost:1", "model_name": "m"} | values
        embedding = replace(ModelSettings().embedding, http=EmbeddingHttpSettings(**said))  # type: ignore[arg-type]
        with pytest.raises(RepositoryIndexError, match=message) as failed:
            open_embedder(index_settings(Settings(model=ModelSettings(embedding=embedding))), None, tmp_path)
        assert failed.value.remedy
        assert "pw" not in str(failed.value)

    def test_no_proxy_of_the_settings_stands_between_us_and_this_machine(self, tmp_path: Path) -> None:
        elsewhere = self.settings("http://localhost:1", "openai/embedding", proxy="http://192.0.2.1:9")
        with pytest.raises(Offline, match="proxy"):
            open_embedder(elsewhere, None, tmp_path, offline=True)
        with serving() as served:
            settings = self.settings(served.url, "openai/embedding", proxy="http://127.0.0.1:9")
            open_embedder(settings, None, tmp_path).close()
            assert len(served.asked) == 1

    def test_requests_keep_their_distance(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        slept: list[float] = []
        monkeypatch.setattr(http.time, "sleep", slept.append)
        monkeypatch.setattr(http.time, "monotonic", lambda: 100.0)
        with serving() as served:
            limit = RateLimitSettings(request_per_minute=30)
            settings = self.settings(served.url, "openai/embedding", rate_limit=limit)
            embedder = http.open_http(settings, offline=False)
            embedder.embed(["a"])
            embedder.embed(["b"])
            embedder.close()
        assert slept == [0.0, 2.0, 4.0]

    def test_offline_and_silence(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(Offline):
            open_embedder(self.settings("https://api.example.com/v1", "voyage/embedding"), None, tmp_path, offline=True)
        seen: list[httpx.Timeout] = []
        made = httpx.Client

        def client(**options: Any) -> httpx.Client:
            seen.append(options["timeout"])
            return made(**options)

        monkeypatch.setattr(http.httpx, "Client", client)
        with serving() as served:
            open_embedder(self.settings(served.url, "ollama/embedding", timeout_s=7), None, tmp_path).close()
        assert (seen[0].read, seen[0].connect) == (7.0, http.CONNECT_S)
