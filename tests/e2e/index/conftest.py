"""A small project, and indexes in a folder of each test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from e2e.index.indexed import SOURCES, gone

from tabby_lsp.config import IndexSettings
from tabby_lsp.index.child.client import IndexClient
from tabby_lsp.index.child.messages import Configure


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what is computed once for each model lasts for this run."""
    return tmp_path_factory.mktemp("embedders")


@pytest.fixture(autouse=True)
def share_tables(tmp_path: Path, tables: Path) -> None:
    """Have indexes in a folder of each test's own, but for that."""
    (tmp_path / "indexes").mkdir()
    (tmp_path / "indexes" / ".embedders").symlink_to(tables)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small project."""
    root = tmp_path / "project"
    for name, text in SOURCES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def configuration(tmp_path: Path, model_file: Path) -> Configure:
    """An index in a folder of this test's own."""
    return Configure(IndexSettings(directory=str(tmp_path / "indexes")), str(model_file))


@pytest.fixture
def clients(configuration: Configure) -> Iterator[Callable[..., IndexClient]]:
    """Starts clients."""
    started: list[IndexClient] = []

    def start(order: Configure = configuration) -> IndexClient:
        client = IndexClient(order)
        started.append(client)
        client.start()
        return client

    yield start
    for client in started:
        child = client.process_id
        client.close()
        if child is not None:
            gone(psutil.Process(child))
