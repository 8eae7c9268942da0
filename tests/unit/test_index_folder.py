"""One folder's index over real files: what is written is found, by whoever asks, whatever happened in between."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crashing_reader import read as crashing
from word_embedder import WordEmbedder

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import IndexUnavailable, RepositoryIndexError
from tabby_lsp.index.files.walk import walk
from tabby_lsp.index.folder import FolderIndex
from tabby_lsp.index.reading.batches import Batch, read_batch
from tabby_lsp.index.reading.pool import FEW, read_all
from tabby_lsp.index.store import generations, writer
from tabby_lsp.index.store.rows import definitions_of
from tabby_lsp.index.types import Phase, Query, Wanted
from tabby_lsp.syntax.symbols.types import Import, Use

SOURCES = {
    "app/client.py": '''class Client:
    """Talks to the server."""

    def fetch_invoice(self, number: int) -> bytes:
        """Ask for an invoice."""
        return self.send("invoice", number)

    def send(self, kind, number):
        raise NotImplementedError
''',
    "app/main.py": "from app.client import Client\n\n\ndef run():\n    return Client().fetch_invoice(7)\n",
    "tests/test_client.py": "from app.client import Client\n\n\ndef test_fetch():\n    assert Client()\n",
    "web/cart.ts": "export function addToCart(item: string): number {\n  return item.length;\n}\n",
    "web/cart.spec.ts": 'import { addToCart } from "./cart";\n\nfunction check(): void {\n  addToCart("x");\n}\n',
    "README.md": "# Shop\n\nInvoices and carts.\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for path, text in SOURCES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture
def opened(root: Path, tmp_path: Path) -> Iterator[Callable[..., FolderIndex]]:
    indexes = []

    def opened(embedder=WordEmbedder, **options) -> FolderIndex:
        indexes.append(FolderIndex(root, tmp_path / "index", IndexSettings(), embedder, **options))
        return indexes[-1]

    yield opened
    for index in indexes:
        index.close()


@pytest.fixture
def index(opened: Callable[..., FolderIndex]) -> FolderIndex:
    index = opened()
    index.sync()
    return index


@pytest.fixture
def read_paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of all files that are read from now on."""
    paths: list[str] = []

    def read(root, found, hashes, *rest) -> Iterator[Batch]:
        for batch in read_all(root, found, hashes, *rest):
            paths.extend(batch.files["path"].to_pylist())
            yield batch

    monkeypatch.setattr(writer, "read_all", read)
    return paths


def paths_of(index: FolderIndex, text: str, **query) -> list[str]:
    return [hit.path for hit in index.search(Query(text, **query))]


def test_what_is_in_the_folder_is_found(index: FolderIndex) -> None:
    status = index.status()
    assert (status.phase, status.files, status.total) == (Phase.READY, 6, 6)
    assert status.chunks >= 6
    assert status.symbols >= 6
    assert status.disk > 0
    hit = index.search(Query("askInvoice"))[0]
    assert hit.path == "app/client.py"
    assert "def fetch_invoice" in hit.text
    assert {"text", "vector"} <= hit.parts.keys()


def test_questions_are_kept_within_their_filters(index: FolderIndex) -> None:
    everywhere = "client invoice cart fetch add"
    assert {*paths_of(index, everywhere)} == {*SOURCES}
    assert {*paths_of(index, everywhere, languages=("typescript",))} == {"web/cart.ts", "web/cart.spec.ts"}
    assert {*paths_of(index, everywhere, path="app/*.py")} == {"app/client.py", "app/main.py"}
    assert {*paths_of(index, everywhere, symbol="addToCart")} == {"web/cart.ts"}
    assert "app/client.py" not in paths_of(index, everywhere, exclude="app/client.py")
    assert paths_of(index, everywhere, path="it's [not/a\\ glob") == []
    assert len(index.search(Query(everywhere, limit=2))) == 2
    assert {*paths_of(index, "", path="app/*")} == {"app/client.py", "app/main.py"}, "a filter alone is a question too"


def test_definitions_and_siblings(index: FolderIndex) -> None:
    wanted = Wanted("app/main.py", "python", (Use("Client"),), (Import("app.client", (("Client", "Client"),)),))
    assert any(found.path == "app/client.py" for found in index.definitions(wanted))
    assert [found.path for found in index.siblings("tests/test_client.py")] == ["app/client.py"]
    assert [found.path for found in index.siblings("app/client.py")] == ["tests/test_client.py"]
    assert [found.path for found in index.siblings("web/cart.spec.ts")] == ["web/cart.ts"]
    assert "addToCart(item: string): number" in index.siblings("web/cart.spec.ts")[0].text


def test_names_by_their_beginning(index: FolderIndex, root: Path) -> None:
    assert index.names("addTo", "javascript") == ("addToCart",), "JavaScript sees what TypeScript defines"
    assert index.names("addTo", "python") == ()
    assert index.names("addtocart", "typescript") == ()
    (root / "app/many.py").write_text("".join(f"def stroll{n}():\n    pass\n\n\n" * 2 for n in range(9)))
    index.update(["app/many.py"])
    assert sorted(index.names("stro", "python")) == [f"stroll{n}" for n in range(9)]
    assert len(index.names("stro", "python", 4)) == 4
    (root / "app/many.py").unlink()
    index.update(["app/many.py"])
    assert index.names("stro", "python") == ()


def test_of_a_name_that_is_everywhere_some_are_enough(
    opened: Callable[..., FolderIndex], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabby_lsp.index.store.lance.ENOUGH", 5)
    for number in range(20):
        (root / f"app/many{number}.py").write_text(f"def common():\n    pass\n\n\ndef rare{number}():\n    pass\n")
    index = opened()
    index.sync()
    found = index.symbols.named(["common", "rare3", "rare7"])
    assert sorted(one.name for _, _, one in found) == ["common"] * 5 + ["rare3", "rare7"]


def test_a_saved_file_is_searchable_when_update_returns(index: FolderIndex, root: Path) -> None:
    (root / "app/new.py").write_text("def brandnewname():\n    pass\n")
    index.update(["app/new.py"])
    assert paths_of(index, "brandnewname", symbol="brandnewname") == ["app/new.py"]
    (root / "app/new.py").write_text("def othername():\n    pass\n")
    index.update(["app/new.py"])
    assert paths_of(index, "brandnewname", symbol="brandnewname") == []
    assert index.symbols.named(["brandnewname"]) == []
    assert [path for path, _, _ in index.symbols.named(["othername"])] == ["app/new.py"]
    files = index.symbols.files()
    index.update(["app/new.py"])
    assert index.symbols.files() is files
    (root / "app/new.py").unlink()
    status = index.update(["app/new.py"])
    assert status.files == 6
    assert "app/new.py" not in index.symbols.files()


def test_a_deleted_folder_takes_its_files_along(index: FolderIndex, root: Path) -> None:
    for path in ("web/cart.ts", "web/cart.spec.ts"):
        (root / path).unlink()
    (root / "web").rmdir()
    assert index.update(["web"]).files == 4
    (root / "web").mkdir()
    (root / "web/list.ts").write_text("export const list = [];\n")
    assert index.update(["web"]).files == 5


def test_a_file_that_leaves_the_rules_leaves_the_index(index: FolderIndex, root: Path) -> None:
    (root / "app/main.py").write_bytes(b"\0\1\2" * 100)
    assert index.update(["app/main.py"]).files == 5
    assert "app/main.py" not in index.symbols.files()
    assert sum(index.status().left_out.values()) == 1
    (root / "web/cart.ts").write_text("// " + "x" * 600_000)
    assert index.update(["web/cart.ts"]).files == 4


def test_only_what_has_changed_is_read(index: FolderIndex, root: Path, read_paths: list[str]) -> None:
    index.sync()
    assert read_paths == []
    os.utime(root / "app/main.py")
    index.sync()
    assert read_paths == [], "touched, and not changed"
    assert index._tables.answering.known["app/main.py"].mtime_ns == (root / "app/main.py").stat().st_mtime_ns
    (root / "app/main.py").write_text("x = 1\n")
    (root / "README.md").unlink()
    status = index.sync()
    assert read_paths == ["app/main.py"]
    assert status.files == 5


def test_it_goes_on_where_it_was_stopped(
    opened: Callable[..., FolderIndex], root: Path, monkeypatch: pytest.MonkeyPatch, read_paths: list[str]
) -> None:
    monkeypatch.setattr("tabby_lsp.index.reading.batches.FILES_AT_ONCE", 2)
    monkeypatch.setattr("tabby_lsp.index.store.update.ROWS_AT_ONCE", 1)
    first = opened()
    first.sync(stop=lambda: len(read_paths) >= 2)
    begun = first.status()
    assert begun.phase is Phase.INDEXING
    assert 0 < begun.files < 6
    assert paths_of(first, "client invoice cart"), "what is there is searchable already"
    first.close()
    second = opened()
    assert second.status().files == begun.files
    assert second.sync().files == 6
    assert sorted(read_paths) == sorted(SOURCES)


def test_progress_is_told(opened: Callable[..., FolderIndex]) -> None:
    told = []
    assert opened().sync(told.append).phase is Phase.READY
    assert told
    assert told[0].phase is Phase.WALKING


def test_one_writes_and_others_read_and_take_over(opened: Callable[..., FolderIndex], root: Path) -> None:
    writes, reads = opened(), opened()
    assert writes.try_write()
    assert not reads.try_write()
    with pytest.raises(IndexUnavailable):
        reads.search(Query("client"))
    writes.sync()
    assert reads.sync().phase is Phase.READING
    assert paths_of(reads, "ask for an invoice")[0] == "app/client.py"
    (root / "app/new.py").write_text("def brandnewname():\n    pass\n")
    writes.update(["app/new.py"])
    assert "app/new.py" not in reads.symbols.files()
    reads.refresh()
    assert paths_of(reads, "brandnewname")[0] == "app/new.py"
    assert "app/new.py" in reads.symbols.files()
    writes.close()
    (root / "app/new.py").unlink()
    assert reads.try_write()
    assert reads.update(["app/new.py"]).phase is Phase.READY
    assert "app/new.py" not in reads.symbols.files()


def test_a_reader_outlives_tidying(opened: Callable[..., FolderIndex], root: Path) -> None:
    from datetime import timedelta

    writes, reads = opened(), opened()
    writes.sync()
    reads.refresh()
    for number in range(3):
        (root / "app/main.py").write_text(f"def run{number}():\n    pass\n")
        writes.update(["app/main.py"])
        writes._tables.answering.store.tidy(timedelta(milliseconds=1))
    assert paths_of(reads, "invoice")[0] == "app/client.py", "the files it had open are gone; it asks the newest"


def test_the_lock_of_a_dead_process_is_free(root: Path, tmp_path: Path, opened: Callable[..., FolderIndex]) -> None:
    script = (
        "import sys, time; from pathlib import Path; from word_embedder import WordEmbedder;"
        "from tabby_lsp.config import IndexSettings; from tabby_lsp.index.folder import FolderIndex;"
        "index = FolderIndex(Path(sys.argv[1]), Path(sys.argv[2]), IndexSettings(), WordEmbedder);"
        "index.try_write(); print('held', flush=True); time.sleep(600)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path])}
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(root), str(tmp_path / "index")], stdout=subprocess.PIPE, env=environment
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        index = opened()
        assert not index.try_write()
        child.kill()
        child.wait()
        assert index.try_write()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_another_embedder_builds_beside_what_answers(opened: Callable[..., FolderIndex], tmp_path: Path) -> None:
    first = opened()
    first.sync()
    before = generations.current(tmp_path / "index")
    first.close()
    second = opened(lambda: WordEmbedder(16, "others"))
    stopped = False

    def stop() -> bool:
        return stopped

    def report(status) -> None:
        nonlocal stopped
        stopped = stopped or status.phase is Phase.INDEXING

    second.sync(report, stop)
    assert generations.current(tmp_path / "index") == before
    assert paths_of(second, "ask for an invoice")[0] == "app/client.py", "the old tables answer, by their words"
    stopped = False
    second.sync()
    after = generations.current(tmp_path / "index")
    assert after is not None
    assert after.dimensions == 16
    assert paths_of(second, "ask for an invoice")[0] == "app/client.py"
    folders = [entry.name for entry in (tmp_path / "index").iterdir() if entry.is_dir()]
    assert folders == [after.key], "the old ones are gone"


def test_without_an_embedder_there_are_words_and_symbols(opened: Callable[..., FolderIndex]) -> None:
    missing = True

    def embedder() -> WordEmbedder:
        if missing:
            raise RepositoryIndexError("No model is installed.", "Pull one.")
        return WordEmbedder()

    index = opened(embedder)
    status = index.sync()
    assert status.phase is Phase.READY
    assert "No model" in status.message
    hit = index.search(Query("ask for an invoice"))[0]
    assert hit.path == "app/client.py"
    assert "vector" not in hit.parts
    missing = False
    assert index.sync().message == ""
    assert index.search(Query("ask for an invoice"))[0].parts["vector"]
    missing = True
    again = opened(embedder)
    index.close()
    with pytest.raises(RepositoryIndexError, match="No model"):
        again.sync()
    assert again.status().phase is Phase.FAILED
    assert paths_of(again, "ask for an invoice")[0] == "app/client.py", "an index that has vectors is not given up"


def test_a_damaged_index_is_found_and_built_again(opened: Callable[..., FolderIndex], tmp_path: Path) -> None:
    damaged = threading.Event()
    index = opened(on_damage=damaged.set)
    index.sync()
    for path in (tmp_path / "index").rglob("*.lance/data/*"):
        path.write_bytes(b"\0" * 100)
    index._tables.refresh()
    with pytest.raises(RepositoryIndexError):
        index.search(Query("invoice"))
    assert damaged.is_set()
    status = index.sync()
    assert (status.phase, status.files) == (Phase.READY, 6)
    assert paths_of(index, "ask for an invoice")[0] == "app/client.py"


@pytest.mark.parametrize("name", ["current.json", "meta.json", "files.lance", "chunks.lance"])
def test_whatever_is_missing_or_spoilt_it_opens_and_builds(
    opened: Callable[..., FolderIndex], tmp_path: Path, name: str
) -> None:
    index = opened()
    index.sync()
    index.close()
    found = next((tmp_path / "index").rglob(name))
    if found.is_dir():
        found.rename(tmp_path / "elsewhere")
    else:
        found.write_bytes(b"{\0")
    again = opened()
    assert again.sync().files == 6
    assert paths_of(again, "ask for an invoice")[0] == "app/client.py"
    assert [path for path, _, _ in again.symbols.named(["addToCart"])] == ["web/cart.ts"]


def test_a_save_overtakes_the_build(
    opened: Callable[..., FolderIndex], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = opened()
    index.sync()
    for number in range(20):
        (root / f"app/other{number}.py").write_text(f"other{number} = 1\n")
    (root / "app/main.py").write_text("def stale():\n    pass\n")

    def slow(*arguments) -> Iterator[Batch]:
        for batch in read_all(*arguments):
            (root / "app/main.py").write_text("def fresh():\n    pass\n")
            index.update(["app/main.py"])
            yield batch

    monkeypatch.setattr(writer, "read_all", slow)
    index.sync()
    assert [path for path, _, _ in index.symbols.named(["fresh", "stale"])] == ["app/main.py"]
    assert index.symbols.named(["stale"]) == []
    assert index._tables.answering.store.repair() == 0


def test_updates_and_questions_and_tidying_at_once(index: FolderIndex, root: Path) -> None:
    from datetime import timedelta

    done, faults = threading.Event(), []

    def repeat(work: Callable[[], object]) -> None:
        try:
            while not done.is_set():
                work()
        except Exception as error:
            faults.append(error)

    store = index._tables.answering.store
    works = [
        lambda: store.tidy(timedelta(milliseconds=1)),
        lambda: index.search(Query("client invoice")),
        lambda: (index.symbols.forget(), index.symbols.named(["Client"])),
    ]
    threads = [threading.Thread(target=repeat, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for number in range(25):
        (root / "app/main.py").write_text(f"def run{number}():\n    pass\n")
        index.update(["app/main.py"])
        assert [path for path, _, _ in index.symbols.named([f"run{number}"])] == ["app/main.py"]
    done.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert store.repair() == 0
    assert [one.name for _, _, one in definitions_of(store.matching(store.symbols, "path", ["app/main.py"]))] == [
        "run24"
    ]


def test_a_pool_reads_the_same_and_past_a_file_that_kills(root: Path) -> None:
    for number in range(FEW):
        (root / f"app/many{number}.py").write_text(f"def many{number}():\n    pass\n")
    (root / "crash.py").write_text("x = 1\n")
    found = walk(root, IndexSettings()).files
    alone = read_batch(str(root), found, {})
    pooled = list(read_all(str(root), found, {}, 2, lambda: False, crashing))
    paths = [path for batch in pooled for path in batch.files["path"].to_pylist()]
    assert sorted(paths) == [one.path for one in found]
    reasons = {row["path"]: row["reason"] for batch in pooled for row in batch.files.to_pylist() if row["reason"]}
    assert reasons == {"crash.py": "unreadable"}
    chunks = sorted(str(row) for batch in pooled for row in batch.chunks.to_pylist())
    assert chunks == sorted(str(row) for row in alone.chunks.to_pylist() if row["path"] != "crash.py")


def test_what_a_dead_process_left_on_the_disk_goes(
    opened: Callable[..., FolderIndex], root: Path, tmp_path: Path
) -> None:
    index = opened()
    index.sync()
    index.close()
    assert not (tmp_path / "index/unclean").exists()
    left = next((tmp_path / "index").rglob("chunks.lance/data")) / "left.lance"
    left.write_bytes(b"half")
    opened_again = opened()
    opened_again.sync()
    opened_again.close()
    assert left.exists(), "whoever closed in peace has left nothing, so nobody looks"
    (tmp_path / "index/unclean").touch()
    assert opened().sync().files == 6
    assert not left.exists()
