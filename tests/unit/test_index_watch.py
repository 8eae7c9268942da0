"""Changes of real folders, told as they happen."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

from tabby_lsp.config import IndexSettings
from tabby_lsp.index.files import watch as room
from tabby_lsp.index.files.watch import watch

PATIENCE_S = 90.0
"""A bound for a machine that is busy with something else; what is waited for comes within a second."""


class Watcher:
    """A watch on a thread of its own, whose batches are waited for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.batches: queue.Queue[set[str]] = queue.Queue()
        self._stop = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        watch(self.root, IndexSettings(), self.batches.put, self._stop, self._begun.set)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def until(self, enough: Callable[[set[str], int], bool]) -> tuple[set[str], int]:
        """Wait until what was told is enough: the paths so far, and how often to walk again."""
        told: set[str] = set()
        again = 0
        deadline = time.monotonic() + PATIENCE_S
        while not enough(told, again):
            batch = self.batches.get(timeout=deadline - time.monotonic())
            told |= batch
            again += not batch
        return told, again

    def paths(self, *expected: str) -> set[str]:
        return self.until(lambda told, _: told >= set(expected))[0]

    def again(self) -> None:
        self.until(lambda _, again: again > 0)


@pytest.fixture(params=["git", "plain", "whole trees"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "root"
    (folder / "sub/deep").mkdir(parents=True)
    (folder / "ignored").mkdir()
    (folder / "sub/deep/a.py").write_text("a = 1\n")
    (folder / ".gitignore").write_text("ignored/\n*.log.py\n")
    (folder / ".tabbyignore").write_text("*.sql\n")
    if request.param != "plain":
        subprocess.run(["git", "init", "-q", folder], check=True)
    monkeypatch.setattr(room, "RECURSIVE", request.param == "whole trees")
    monkeypatch.setattr(room, "AGAIN_S", 0.1)
    return folder


def test_new_changed_and_gone_files_are_told_of(root: Path) -> None:
    with Watcher(root) as watcher:
        (root / "sub/deep/a.py").write_text("a = 2\n")
        assert watcher.paths("sub/deep/a.py") == {"sub/deep/a.py"}
        (root / "b.py").write_text("b = 1\n")
        assert watcher.paths("b.py") == {"b.py"}
        (root / "saved.tmp").write_text("b = 2\n")
        (root / "saved.tmp").replace(root / "b.py")
        assert watcher.paths("b.py") == {"b.py"}
        (root / "b.py").unlink()
        assert watcher.paths("b.py") == {"b.py"}


def test_what_a_walk_leaves_out_is_not_told_of(root: Path) -> None:
    with Watcher(root) as watcher:
        for path in ("ignored/a.py", "a.log.py", "q.sql", "picture.png", ".env", "sub/.git/x.py", "sub/b.min.js"):
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_text("x = 1\n")
        (root / "last.py").write_text("x = 1\n")
        told, _ = watcher.until(lambda told, _: "last.py" in told)
        assert told == {"last.py"}


@pytest.mark.parametrize("root", ["git"], indirect=True)
def test_many_changes_come_in_few_batches(root: Path) -> None:
    (root / "many").mkdir()
    with Watcher(root) as watcher:
        expected = {f"many/{number}.py" for number in range(10_000)}
        for path in expected:
            (root / path).touch()
        told, again = watcher.until(lambda told, again: told >= expected or (again > 0 and watcher.batches.empty()))
        assert told <= expected
        assert told == expected or again
        assert watcher.batches.qsize() < 40


def test_new_renamed_and_removed_folders_are_walked_again(root: Path) -> None:
    with Watcher(root) as watcher:
        shutil.copytree(root / "sub", root / "copied/sub")
        watcher.again()
        (root / "copied/sub/deep/new.py").write_text("x = 1\n")
        watcher.until(lambda told, again: "copied/sub/deep/new.py" in told or again > 0)
        (root / "sub").rename(root / "moved")
        watcher.again()
        (root / "moved/deep/a.py").write_text("a = 3\n")
        watcher.until(lambda told, again: "moved/deep/a.py" in told or again > 0)
        shutil.rmtree(root / "moved")
        watcher.again()


def test_a_changed_ignore_file_is_walked_again(root: Path) -> None:
    with Watcher(root) as watcher:
        (root / ".tabbyignore").write_text("")
        watcher.again()
        (root / "q.sql").write_text("select 1\n")
        watcher.until(lambda told, again: "q.sql" in told or again > 0)


def test_a_root_that_goes_and_comes_back_is_walked_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ABSENT_S", 0.05)
    with Watcher(root) as watcher:
        root.rename(root.with_name("gone"))
        time.sleep(0.3)
        root.mkdir()
        watcher.again()
        (root / "new.py").write_text("x = 1\n")
        watcher.until(lambda told, again: "new.py" in told or again > 0)


def test_a_root_that_comes_late_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ABSENT_S", 0.05)
    timer = threading.Timer(0.2, (tmp_path / "late").mkdir)
    timer.start()
    with Watcher(tmp_path / "late") as watcher:
        (tmp_path / "late/a.py").write_text("x = 1\n")
        assert watcher.paths("a.py") == {"a.py"}
    timer.join()


LIMITED = """
import logging, sys, threading
from pathlib import Path
from tabby_lsp.config import IndexSettings
from tabby_lsp.index.files import watch as room
logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(message)s")
room.POLL_S = 0.05
stop, told = threading.Event(), []
def changed(paths):
    told.append(paths)
    if len(told) == 3:
        stop.set()
room.watch(Path(sys.argv[1]), IndexSettings(), changed, stop, lambda: print("watching"))
print(told)
"""


@pytest.fixture
def limited() -> list[str]:
    """A command that runs another one in a user namespace of its own, where inotify has no room."""
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        "sh",
        "-c",
        'echo 1 >/proc/sys/user/max_inotify_watches && exec "$@"',
        "-",
    ]
    if sys.platform != "linux" or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    return command


def test_where_the_system_cannot_watch_the_folder_is_walked_now_and_then(limited: list[str], tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    done = subprocess.run(
        [*limited, sys.executable, "-c", LIMITED, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ,
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{tmp_path} cannot be watched")
    assert lines[1:] == ["watching", "[set(), set(), set()]"], done.stderr
