"""Reading, embedding and writing beside each other: what is written stays one at a time, and its faults are told."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from word_embedder import WordEmbedder

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import NoSpace
from tabby_lsp.index.folder import FolderIndex
from tabby_lsp.index.reading import batches, pool
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


def test_a_file_that_goes_back_while_it_is_indexed_is_as_it_is(
    index: FolderIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync has read the new text and not yet written it; the file is saved with the old one, which is known."""
    index.sync()
    path = index.root / "file0.py"
    old, read, written = path.read_text(), threading.Event(), threading.Event()
    path.write_text("def quite_another():\n    return 22\n")
    updates = []

    def embedded(batch: Batch, *rest) -> Batch:
        if "file0.py" in batch.files["path"].to_pylist() and not updates:
            path.write_text(old)
            updates.append(threading.Thread(target=index.update, args=({"file0.py"},)))
            updates[0].start()
            assert read.wait(LONGEST_S)
        return update.embedded(batch, *rest)

    def read_batch(*arguments) -> Batch:
        batch = batches.read_batch(*arguments)
        read.set()
        assert written.wait(LONGEST_S)
        return batch

    def write(target, batch: Batch, *, late: bool) -> None:
        update.write(target, batch, late=late)
        written.set()

    monkeypatch.setattr(writer, "embedded", embedded)
    monkeypatch.setattr(writer, "write", write)
    monkeypatch.setattr(writer, "read_batch", read_batch)
    index.sync()
    updates[0].join(LONGEST_S)
    assert [one.name for _, _, one in index.symbols.named(["function0", "quite_another"])] == ["function0"]
    index.close()


def test_a_fault_ends_the_processes_that_read(index: FolderIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever keeps the fault, as its future does, keeps what stood around it."""
    ended = []

    def read_all(*arguments):
        try:
            yield from pool.read_all(*arguments)
        finally:
            ended.append(True)

    def write(*_, **__) -> None:
        raise NoSpace("The disk is full.", "Free some space.")

    monkeypatch.setattr(writer, "read_all", read_all)
    monkeypatch.setattr(writer, "write", write)
    try:
        index.sync()
    except NoSpace:
        assert ended
    else:
        pytest.fail("the fault is not told")
    index.close()
