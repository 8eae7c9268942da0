"""Servers for the tests: each is started with the shared environment, and ended whatever a test does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from e2e.wire import Editor

Launch = Callable[..., Awaitable[Editor]]


@pytest_asyncio.fixture
async def launch(server_environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Launch]:
    """Starts servers for one test: `await launch(*arguments, NAME="value of a variable")`."""
    started: list[Editor] = []

    async def start(*arguments: str, listen: bool = True, **variables: str) -> Editor:
        log = tmp_path / f"server{len(started)}.log"
        editor = await Editor.start(server_environment | variables, log, arguments, listen=listen)
        started.append(editor)
        return editor

    yield start
    for editor in started:
        await editor.stop()


@pytest.fixture(scope="module")
def log_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a module's shared server logs."""
    return tmp_path_factory.mktemp("log")
