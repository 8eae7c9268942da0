"""Reading, embedding and writing beside each other: what is written stays one at a time, and its faults are told."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from word_embedder import WordEmbedder

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import NoSpace
from tabby_lsp.index.folder import FolderIndex
from tabby_lsp.index.reading.batches import Batch
from tabby_lsp.index.store import update, writer
from tabby_lsp.index.types import Phase

FILES = 6
LONGEST_S = 30.0
"""Seconds to wait for what comes at once, or never."""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderIndex:
    """One file in each batch, and each batch written by itself."""
    monkeypatch.setattr("tabby_lsp.index.reading.batches.FILES_AT_ONCE", 1)
    monkeypatch.setattr(update, "ROWS_AT_ONCE", 1)
    root = tmp_path / "root"
    root.mkdir()
    for number in range(FILES):
        (root / f"file{number}.py").write_text(f"def function{number}():\n    pass\n")
    return FolderIndex(root, tmp_path / "index", IndexSettings(), WordEmbedder)


def test_the_next_batch_is_made_while_one_is_written(index: FolderIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    made, writing = [], threading.Lock()
    ready = [threading.Event() for _ in range(FILES)]

    def embedded(batch: Batch, *rest) -> Batch:
        made.extend(batch.files["path"].to_pylist())
        ready[len(made) - 1].set()
        return update.embedded(batch, *rest)

    written = []

    def write(target, batch: Batch, *, late: bool) -> None:
        assert writing.acquire(blocking=False), "two batches are written at once"
        assert ready[min(len(written) + 1, FILES - 1)].wait(LONGEST_S), "nobody makes the next one meanwhile"
        update.write(target, batch, late=late)
        written.extend(batch.files["path"].to_pylist())
        writing.release()

    monkeypatch.setattr(writer, "embedded", embedded)
    monkeypatch.setattr(writer, "write", write)
    assert index.sync().files == FILES
    assert written == made
    index.close()


@pytest.mark.parametrize("at", [0, 2, FILES - 1])
def test_a_fault_while_writing_is_told_and_what_was_written_stays(
    index: FolderIndex, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    written = []

    def write(target, batch: Batch, *, late: bool) -> None:
        if len(written) == at:
            raise NoSpace("The disk is full.", "Free some space.")
        update.write(target, batch, late=late)
        written.extend(batch.files["path"].to_pylist())

    monkeypatch.setattr(writer, "write", write)
    with pytest.raises(NoSpace):
        index.sync()
    status = index.status()
    assert (status.phase, status.files) == (Phase.FAILED, at)
    assert {path for path, _, _ in index.symbols.named([f"function{n}" for n in range(FILES)])} == set(written)
    monkeypatch.setattr(writer, "write", update.write)
    assert index.sync().files == FILES
    index.close()
