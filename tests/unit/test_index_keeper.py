"""A folder's index goes on answering, and can be left at any time, whatever its embedder, its disk or its editor do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from word_embedder import WordEmbedder

from tabby_lsp.cli import main
from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import NoSpace, RepositoryIndexError
from tabby_lsp.index.child import keeper as room
from tabby_lsp.index.child.keeper import Keeper
from tabby_lsp.index.child.messages import Configure
from tabby_lsp.index.folder import FolderIndex
from tabby_lsp.index.places import Places
from tabby_lsp.index.store.generations import Generation
from tabby_lsp.index.store.vectors import Vectors
from tabby_lsp.index.types import Phase, Query, Status, Wanted
from tabby_lsp.syntax.symbols.types import Use

Keep = Callable[..., tuple[Keeper, list[Status]]]

PATIENCE_S = 60.0
FILES = 60


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "pkg").mkdir(parents=True)
    for number in range(FILES):
        (root / f"pkg/part{number}.py").write_text(f"def compute_{number}(value):\n    return value + {number}\n")
    return root


@pytest.fixture
def order(tmp_path: Path) -> Configure:
    return Configure(IndexSettings(directory=str(tmp_path / "indexes"), watch=False), watch=False)


@pytest.fixture
def keep(root: Path, order: Configure) -> Iterator[Keep]:
    """Starts keepers of the folder."""
    started: list[Keeper] = []

    def keep(embedder: Callable[[], object]) -> tuple[Keeper, list[Status]]:
        told: list[Status] = []
        started.append(Keeper(root, order, embedder, told.append))  # type: ignore[arg-type]
        started[-1].start()
        return started[-1], told

    yield keep
    for keeper in started:
        keeper.stop()
        keeper._thread.join(PATIENCE_S)
        assert not keeper._thread.is_alive()


def until(seen: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < end, f"no {what}"
        time.sleep(0.01)


def is_in(told: list[Status], phase: Phase) -> Callable[[], bool]:
    return lambda: bool(told) and told[-1].phase is phase


def no_embedder() -> WordEmbedder:
    raise RepositoryIndexError("The embedding server does not answer.", "Start it.")


def test_an_embedder_that_is_gone_takes_no_answers_along(keep: Keep, root: Path) -> None:
    """What has a name needs no vectors."""
    first, told = keep(WordEmbedder)
    until(is_in(told, Phase.READY), "index")
    first.stop()
    first._thread.join(PATIENCE_S)
    second, told = keep(no_embedder)
    until(is_in(told, Phase.FAILED), "failure")
    assert "does not answer" in told[-1].message
    for _ in range(20):  # for as long as it waits to try again
        found = second.index.definitions(Wanted("main.py", "python", (Use("compute_7"),)))
        assert [snippet.path for snippet in found] == ["pkg/part7.py"]
        assert second.index.search(Query("compute_7"))[0].path == "pkg/part7.py"
        time.sleep(0.01)


def test_a_save_does_not_make_a_first_build_unstoppable(keep: Keep, root: Path) -> None:
    opening, go = threading.Event(), threading.Event()

    def slow() -> WordEmbedder:
        opening.set()
        assert go.wait(PATIENCE_S)
        return WordEmbedder()

    keeper, told = keep(slow)
    assert opening.wait(PATIENCE_S)
    (root / "pkg/part0.py").write_text("def compute_other(value):\n    return value\n")
    keeper.changed(["pkg/part0.py"])
    time.sleep(4 * room.SETTLE_S)  # it has been looked at by then
    keeper.stop()
    time.sleep(4 * room.SETTLE_S)
    go.set()
    keeper._thread.join(PATIENCE_S)
    assert not any(status.phase is Phase.READY for status in told), "it ended in the middle"


def test_a_stop_is_never_lost(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that comes between a look and a wait."""
    keeper, told = keep(WordEmbedder)
    until(is_in(told, Phase.READY), "index")
    clear = keeper._news.clear

    def stopped_just_before() -> None:
        monkeypatch.setattr(keeper._news, "clear", clear)
        keeper.stop()
        clear()

    monkeypatch.setattr(keeper._news, "clear", stopped_just_before)
    keeper.changed(None)
    keeper._thread.join(PATIENCE_S)
    assert not keeper._thread.is_alive()


# ---- the tables ---------------------------------------------------------------------------------------------------


@pytest.fixture
def index(root: Path, tmp_path: Path) -> Iterator[FolderIndex]:
    index = FolderIndex(root, tmp_path / "index", IndexSettings(), WordEmbedder)
    index.sync()
    yield index
    index.close()


def test_what_a_reader_saw_in_the_middle_is_not_held_against_the_tables(
    index: FolderIndex, root: Path, tmp_path: Path
) -> None:
    reader = FolderIndex(root, tmp_path / "index", IndexSettings(), WordEmbedder)
    target = reader._tables.answering
    assert target is not None
    reader._tables.mourn(target)  # half-made or just tidied, as it found them
    reader.refresh()
    index.close()
    assert reader.try_write()
    assert not reader._tables.damaged
    embedder = reader._vectors._opened()
    assert isinstance(embedder, WordEmbedder)
    reader.sync()
    assert embedder.texts == 0, "nothing was built again"
    reader.close()


def test_a_late_word_of_old_tables_says_nothing_of_the_new(index: FolderIndex, tmp_path: Path, root: Path) -> None:
    old = index._tables.answering
    assert old is not None
    index._tables.mourn(old)
    index.sync()
    index._tables.mourn(old)
    assert not index._tables.damaged
    assert index._tables.answering is not None


def test_a_disk_that_is_full_while_tidying_does_not_undo_what_is_written(
    index: FolderIndex, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = index._tables.answering
    assert target is not None

    def full(*_: object, **__: object) -> None:
        raise NoSpace("The disk is full.")

    monkeypatch.setattr(target.store, "tidy", full)
    target.loose = 10_000
    assert index.sync().phase is Phase.READY


def test_a_full_disk_is_told_wherever_it_is_met(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tabby_lsp.index.store.generations.write_whole", full)
    with pytest.raises(NoSpace):
        FolderIndex(root, tmp_path / "index", IndexSettings(), WordEmbedder).sync()


class Slow(WordEmbedder):
    """An embedder that is at work until a test lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self.busy, self.go = threading.Event(), threading.Event()

    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        if not query:
            self.busy.set()
            assert self.go.wait(PATIENCE_S)
        return super().embed(texts, query=query)


def test_a_question_does_not_wait_for_an_embedder_at_work() -> None:
    embedder = Slow()
    vectors = Vectors(lambda: embedder)
    generation = Generation(embedder.identity, embedder.dimensions)
    writing = threading.Thread(target=vectors.column, args=(["some text"],))
    writing.start()
    assert embedder.busy.wait(PATIENCE_S)
    assert vectors.question("text", generation) is None, "by words alone"
    embedder.go.set()
    writing.join(PATIENCE_S)
    assert vectors.question("text", generation) is not None


def test_an_embedder_that_fails_is_not_asked_by_each_question() -> None:
    asked: list[int] = []

    def opener() -> WordEmbedder:
        asked.append(1)
        raise RepositoryIndexError("It does not answer.")

    vectors = Vectors(opener)
    assert [vectors.question("text", Generation("words:32", 32)) for _ in range(5)] == [None] * 5
    assert len(asked) == 1


# ---- the processes ------------------------------------------------------------------------------------------------


def test_a_child_that_cannot_go_on_says_so() -> None:
    command = [sys.executable, "-m", "tabby_lsp.index.child.worker"]
    ended = subprocess.run(command, input=b"\0\0\0\x04junk", capture_output=True, check=False, timeout=PATIENCE_S)
    assert ended.returncode == 1
    assert b"ends" in ended.stderr


def test_half_an_index_is_not_published(
    root: Path, order: Configure, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TABBY_LSP_CONFIG", os.devnull)
    monkeypatch.setenv("TABBY_LSP_INDEX_DIRECTORY", order.settings.directory)
    settings = replace(IndexSettings(), directory=order.settings.directory)
    with Places.of(settings).hold(root) as directory:
        editor = FolderIndex(root, directory, settings, WordEmbedder)
        assert editor.try_write()
        assert main(["index", str(root), "--publish", str(tmp_path / "share")]) == 1
        editor.close()
    assert "another process" in capsys.readouterr().err
    assert not (tmp_path / "share").exists()


def test_names_with_brackets_are_listed_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TABBY_LSP_CONFIG", os.devnull)
    monkeypatch.setenv("TABBY_LSP_INDEX_DIRECTORY", str(tmp_path / "indexes"))
    folder = tmp_path / "app" / "[slug]" / "[/x]"
    folder.mkdir(parents=True)
    with Places.of(replace(IndexSettings(), directory=str(tmp_path / "indexes"))).hold(folder):
        assert main(["index", "--list"]) == 0
    assert "[slug]/[/x]" in "".join(capsys.readouterr().out.split())
