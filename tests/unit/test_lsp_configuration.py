"""The user's settings file while the server runs: half a file and one with a typo change nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tabby_lsp.lsp import configuration
from tabby_lsp.lsp.server import TabbyServer

GOOD = """\
offline = true
[completion]
disabled_languages = ["dotenv"]
[model.completion.http]
kind = "llama.cpp/completion"
api_endpoint = "http://localhost:8080"
"""
TYPO = GOOD.replace("[completion]", "[completion")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("TABBY_LSP_CONFIG", str(path))
    return path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> TabbyServer:
    """A server that has no client; what would be shown is in `server.shown`."""
    made = TabbyServer()
    made.initialized = True
    shown: list[str] = []
    monkeypatch.setattr(made, "window_show_message", lambda params: shown.append(params.message))
    made.shown = shown  # type: ignore[attr-defined]
    return made


def shown(server: Any) -> list[str]:
    return server.shown


@pytest.mark.parametrize("bad", [TYPO, "x" * (2 << 20), None])
def test_a_file_that_cannot_be_read_any_more_changes_nothing(server: TabbyServer, file: Path, bad: str | None) -> None:
    file.write_text(GOOD, encoding="utf-8")
    configuration.resolve(server)
    before = server.settings
    assert (before.offline, shown(server)) == (True, [])
    file.unlink()
    file.mkdir() if bad is None else file.write_text(bad, encoding="utf-8")
    for _ in range(3):  # it is said once
        configuration.resolve(server)
        assert server.settings is before
    assert len(shown(server)) == 1
    assert "the former settings stay" in shown(server)[0]
    assert "using" not in shown(server)[0]


def test_what_is_mended_counts_and_the_next_typo_is_told_again(server: TabbyServer, file: Path) -> None:
    for text in (GOOD, TYPO, GOOD.replace("dotenv", "markdown"), TYPO):
        file.write_text(text, encoding="utf-8")
        configuration.resolve(server)
    assert server.settings.completion.disabled_languages == ("markdown",)
    assert len(shown(server)) == 2


def test_a_file_that_could_not_be_read_at_the_start_means_no_network(server: TabbyServer, file: Path) -> None:
    file.write_text(TYPO.replace("offline = true\n", ""), encoding="utf-8")
    configuration.resolve(server)
    assert server.settings.offline
    assert "using offline = true" in shown(server)[0]
    server.pushed_options = {"completion": {"max_lines": 3}}  # what the client says counts all the same
    configuration.resolve(server)
    assert (server.settings.offline, server.settings.completion.max_lines) == (True, 3)
    file.write_text("[completion]\nmax_lines = 4\n", encoding="utf-8")
    configuration.resolve(server)
    assert not server.settings.offline


def test_a_file_is_read_once_it_looks_the_same_twice(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    stamps: list[tuple[int, int, int] | None] = [(1, 1, 1), (2, 0, 1), (3, 5, 1), None, (4, 9, 1), (4, 9, 1), (4, 9, 1)]
    left, looked, read = list(stamps), len(stamps), []

    def stamp(_: Path) -> tuple[int, int, int] | None:
        if len(left) == 1:
            raise EOFError
        return left.pop(0)

    monkeypatch.setattr(configuration, "FILE_POLL_S", 0.0)
    monkeypatch.setattr(configuration, "_stamp", stamp)
    monkeypatch.setattr(configuration, "changed", lambda _: read.append(looked - len(left)))
    with suppress(EOFError):
        asyncio.run(configuration.watch(None))  # type: ignore[arg-type]
    assert read == [6]
