"""An index on object storage: a real S3 server, real tables, and folders that differ from what was published."""

from __future__ import annotations

import logging
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import ConfigError, RepositoryIndexError
from tabby_lsp.index import shared as module
from tabby_lsp.index.folder import FolderIndex
from tabby_lsp.index.search.words import words_of
from tabby_lsp.index.seeding import seed
from tabby_lsp.index.shared import Shared, options_of
from tabby_lsp.index.types import Phase, Query, Status

BUCKET = "indexes"

SOURCES = {f"src/part{i}.py": f"def compute_{i}(value):\n    return value + {i}\n" for i in range(30)} | {
    'src/o\'hara "x" \\ %_.py': "def strange_name(value):\n    return value\n",
    "README.md": "# A project\n\nIt computes.\n",
}


class Hashed:
    """An embedder without a model: each word counts in a place of its own. It remembers what it was asked to embed."""

    dimensions = 64

    def __init__(self, identity: str = "hashed-1") -> None:
        self.identity = identity
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        if not query:
            self.texts += texts
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in words_of(text):
                vector[zlib.crc32(word.encode()) % self.dimensions] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    """The address of an S3 server with an empty bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    urllib.request.urlopen(urllib.request.Request(f"{address}/{BUCKET}", method="PUT")).close()
    yield address
    server.stop()


@pytest.fixture(params=["s3", "folder"])
def settings(
    request: pytest.FixtureRequest, storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> IndexSettings:
    """Readers' settings, with an address of this test's own: on object storage, and on a shared disk."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    if request.param == "folder":
        return IndexSettings(uri=str(tmp_path / "share"))
    options = (f"aws_endpoint={storage}", "allow_http=true", "region=us-east-1")
    return IndexSettings(uri=f"s3://{BUCKET}/{tmp_path.name}", storage_options=options)


def project(path: Path) -> Path:
    for name, text in SOURCES.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that is published."""
    return project(tmp_path / "builder" / "project")


def publish(root: Path, directory: Path, settings: IndexSettings, embedder: Hashed | None = None) -> module.Build:
    one = embedder or Hashed()
    index = FolderIndex(root, directory, replace(settings, uri=""), lambda: one)
    try:
        assert index.sync().phase is Phase.READY
        return Shared(settings.uri, settings).publish(root, directory)
    finally:
        index.close()


class Reader:
    """One machine: its checkout, its index, and what it had to embed itself."""

    def __init__(self, path: Path, settings: IndexSettings, identity: str = "hashed-1") -> None:
        self.root = project(path / "project")
        self.directory = path / "index"
        self.directory.mkdir()
        self.settings = settings
        self.embedder = Hashed(identity)
        self.told: list[Status] = []

    def seed(self, *, offline: bool = False) -> str:
        return seed(self.root, self.directory, self.settings, lambda: self.embedder, self.told.append, offline=offline)

    def find(self, *words: str) -> list[list[str]]:
        """What is found for some texts, after a sync."""
        index = FolderIndex(self.root, self.directory, self.settings, lambda: self.embedder)
        try:
            status = index.sync()
            assert status.phase is Phase.READY
            assert status.files == sum(1 for path in self.root.rglob("*") if path.is_file())
            return [list(dict.fromkeys(hit.path for hit in index.search(Query(word)))) for word in words]
        finally:
            index.close()


@pytest.fixture
def reader(tmp_path: Path, settings: IndexSettings) -> Callable[..., Reader]:
    """Makes machines."""
    count = 0

    def make(**how: str) -> Reader:
        nonlocal count
        count += 1
        path = tmp_path / f"reader{count}"
        path.mkdir()
        return Reader(path, settings, **how)

    return make


def test_two_readers_embed_nothing_themselves(
    root: Path, tmp_path: Path, settings: IndexSettings, reader: Callable[..., Reader]
) -> None:
    build = publish(root, tmp_path / "made", settings)
    assert (build.files, build.chunks >= len(SOURCES)) == (len(SOURCES), True)
    for one in (reader(), reader()):
        assert one.seed() == ""
        assert one.told[-1].phase is Phase.INDEXING
        seven, strange = one.find("compute_7", "strange name")
        assert seven[0] == "src/part7.py"
        assert strange[0] == 'src/o\'hara "x" \\ %_.py'
        assert one.embedder.texts == []


def test_local_changes_lie_over_it(
    root: Path, tmp_path: Path, settings: IndexSettings, reader: Callable[..., Reader]
) -> None:
    publish(root, tmp_path / "made", settings)
    one = reader()
    (one.root / "src/part7.py").write_text("def wrap_parcel(parcel):\n    return parcel.wrap()\n")
    (one.root / "src/crate.py").write_text("def unpack_crate(crate):\n    return crate.unpack()\n")
    (one.root / "src/part8.py").unlink()
    assert one.seed() == ""
    parcel, crate, seven, eight = one.find("wrap parcel", "unpack crate", "compute_7", "compute_8")
    assert (parcel[0], crate[0]) == ("src/part7.py", "src/crate.py")
    assert "src/part7.py" not in seven[:1]
    assert "src/part8.py" not in eight
    assert sorted(one.embedder.texts) == sorted(
        text for text in one.embedder.texts if "parcel" in text or "crate" in text
    )
    assert len(one.embedder.texts) == 2


def test_a_later_build_brings_what_was_pulled_meanwhile(
    root: Path, tmp_path: Path, settings: IndexSettings, reader: Callable[..., Reader]
) -> None:
    publish(root, tmp_path / "made", settings)
    one = reader()
    assert one.seed() == ""
    one.find()
    for folder in (root, one.root):  # as a pull does
        (folder / "src/part7.py").write_text("def wrap_parcel(parcel):\n    return parcel.wrap()\n")
        (folder / "src/crate.py").write_text("def unpack_crate(crate):\n    return crate.unpack()\n")
    (one.root / "src/part9.py").write_text("def own_change(mine):\n    return mine\n")
    publish(root, tmp_path / "made", settings)
    assert one.seed() == ""
    parcel, crate, own = one.find("wrap parcel", "unpack crate", "own change")
    assert (parcel[0], crate[0], own[0]) == ("src/part7.py", "src/crate.py", "src/part9.py")
    assert [text for text in one.embedder.texts if "own_change" not in text] == []
    told = len(one.told)
    assert one.seed() == ""  # the same build: nothing is read again
    assert len(one.told) == told


def test_a_reader_in_the_middle_keeps_its_build(root: Path, tmp_path: Path, settings: IndexSettings) -> None:
    first = publish(root, tmp_path / "made", settings)
    shared = Shared(settings.uri, settings)
    rows = shared.rows(first, "files", ("path",))
    names = next(rows)["path"].to_pylist()
    (root / "src/crate.py").write_text("def unpack_crate(crate):\n    return crate.unpack()\n")
    second = publish(root, tmp_path / "made", settings)
    assert shared.newest() == second
    for batch in rows:
        names += batch["path"].to_pylist()
    assert sorted(names) == sorted(SOURCES)
    again = [path for batch in shared.rows(first, "files", ("path",)) for path in batch["path"].to_pylist()]
    assert sorted(again) == sorted(SOURCES)


def test_two_builds_stay(root: Path, tmp_path: Path, settings: IndexSettings) -> None:
    made = [publish(root, tmp_path / "made", settings) for _ in range(4)]
    shared = Shared(settings.uri, settings)
    assert sorted(shared.builds(), key=lambda build: build.made) == made[-2:]
    with pytest.raises(RepositoryIndexError):
        list(shared.rows(made[0], "files", ("path",)))
    if "://" not in settings.uri:
        assert not list(Path(settings.uri, made[0].name).glob("*.lance"))


def test_a_build_that_is_not_whole_is_not_read(
    root: Path, tmp_path: Path, settings: IndexSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = publish(root, tmp_path / "made", settings)

    def breaks(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(BaseException):  # noqa: B017, PT011  how it arrives from Rust is not ours to say
        Shared(settings.uri, settings).publish(root, tmp_path / "made", breaks)
    shared = Shared(settings.uri, settings)
    assert [build.whole for build in shared.builds()] == [True, False]
    assert shared.newest() == whole
    monkeypatch.setattr(module, "ABANDONED_S", -1.0)
    publish(root, tmp_path / "made", settings)
    assert all(build.whole for build in shared.builds())


def test_another_embedders_vectors_are_not_taken(
    root: Path, tmp_path: Path, settings: IndexSettings, reader: Callable[..., Reader]
) -> None:
    publish(root, tmp_path / "made", settings)
    one = reader(identity="hashed-2")
    assert "another embedder" in one.seed()
    (seven,) = one.find("compute_7")
    assert seven[0] == "src/part7.py"
    assert len(one.embedder.texts) >= len(SOURCES)


def test_another_repositorys_index_is_not_taken(
    tmp_path: Path, settings: IndexSettings, reader: Callable[..., Reader]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for i in range(40):
        (other / f"elsewhere{i}.py").write_text(f"def elsewhere_{i}(value):\n    return value\n")
    publish(other, tmp_path / "made", settings)
    one = reader()
    assert "another folder" in one.seed()
    assert one.find("compute_7")[0][0] == "src/part7.py"


def test_nothing_published_yet(settings: IndexSettings, reader: Callable[..., Reader]) -> None:
    one = reader()
    assert "no shared index" in one.seed()
    assert one.find("compute_7")[0][0] == "src/part7.py"


def test_storage_that_cannot_be_reached_leaves_the_local_index(
    tmp_path: Path, settings: IndexSettings, reader: Callable[..., Reader]
) -> None:
    one = reader()
    if "://" in settings.uri:
        quick = ("client_max_retries=0", "connect_timeout=1s", "allow_http=true", "region=us-east-1")
        one.settings = replace(settings, storage_options=("aws_endpoint=http://127.0.0.1:9", *quick))
    else:
        (tmp_path / "share").write_text("no folder")
    assert "local index serves" in one.seed()
    assert one.find("compute_7")[0][0] == "src/part7.py"


def test_offline_asks_nobody(settings: IndexSettings, reader: Callable[..., Reader]) -> None:
    one = reader()
    said = one.seed(offline=True)
    assert ("offline = true" in said) == ("://" in settings.uri)


def test_an_index_that_is_not_there_is_not_published(tmp_path: Path, settings: IndexSettings) -> None:
    with pytest.raises(RepositoryIndexError, match="no index"):
        Shared(settings.uri, settings).publish(tmp_path, tmp_path)


def test_options_are_pairs() -> None:
    found = options_of(IndexSettings(storage_options=("region=eu-west-1", "aws_endpoint=http://x/?a=b")))
    assert found == {"region": "eu-west-1", "aws_endpoint": "http://x/?a=b"}
    for wrong in ("region", "=eu"):
        with pytest.raises(ConfigError):
            options_of(IndexSettings(storage_options=(wrong,)))
