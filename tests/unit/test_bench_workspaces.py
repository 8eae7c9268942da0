"""The repositories that lie beside what is replayed or asked: as they were before, and gone afterwards."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
import tiny

from tabby_lsp.bench.contestants.programs import is_indexed, our_program
from tabby_lsp.bench.edited import corpus, history
from tabby_lsp.bench.edited.workspaces import save, unpacked
from tabby_lsp.bench.fim import holes
from tabby_lsp.bench.fim.repositories import VARIANTS, Repositories, variant
from tabby_lsp.bench.types import Hunk, Script
from tabby_lsp.completion.context.types import Repository
from tabby_lsp.config import ContextSettings, Settings
from tabby_lsp.errors import RepositoryIndexError, TabbyError
from tabby_lsp.index.types import Wanted
from tabby_lsp.syntax.symbols.types import Use

HUNK = Hunk(0, 0, "x = 1\n")


def git(repository: Path, *words: str) -> str:
    command = ["git", "-C", repository, "-c", "user.name=t", "-c", "user.email=t@t", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_each_source_is_unpacked_once_and_removed() -> None:
    asked: list[str] = []

    def files_of(source: str) -> dict[str, bytes]:
        asked.append(source)
        return {"pkg/a.py": source.encode(), "../out.py": b"", "/etc/out.py": b""}

    sources = [("a", "1"), ("b", "2"), ("c", "1")]
    scripts = [Script(name, source, "python", "", (HUNK,), HUNK.typed) for name, source in sources]
    with unpacked(scripts, files_of) as (placed, folders):
        assert asked == ["1", "2"]
        assert [script.folder for script in placed] == [str(folders[0]), str(folders[1]), str(folders[0])]
        assert [path.relative_to(folders[1]) for path in folders[1].rglob("*.py")] == [Path("pkg/a.py")]
        assert (folders[1] / "pkg/a.py").read_text() == "2"
        assert not (folders[0].parent / "out.py").exists()
    assert not folders[0].exists()


def test_a_saved_file_is_whole_and_nothing_else_has_changed() -> None:
    before = {"pkg/a.py": b"a = 0\n", "pkg/b.py": b"b = 0\n"}
    whole = "a = 1\nλ = 2\nnot_typed = 3\n"
    scripts = [
        Script("pkg/a.py", "1", "python", "a = 0\n", (HUNK,), whole),
        Script("new/c.py", "1", "python", "", (HUNK,), "c = 1\n"),
        Script("../out.py", "1", "python", "", (HUNK,), "out = 1\n"),
        Script("pkg/a.py", "2", "python", "a = 0\n", (HUNK,), whole),
    ]
    with unpacked(scripts, lambda _: before) as (placed, (folder, other)):
        for script in placed[:3]:
            save(script)
        assert (folder / "pkg/a.py").read_bytes() == whole.encode()
        assert (folder / "pkg/b.py").read_bytes() == before["pkg/b.py"]
        assert (folder / "new/c.py").read_text() == "c = 1\n"
        assert not (folder.parent / "out.py").exists()
        assert (other / "pkg/a.py").read_bytes() == before["pkg/a.py"]


def test_a_commits_files_are_those_before_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("a = 1\n")
    (tmp_path / "notes.txt").write_text("no code\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "1")
    first = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "a.py").write_text("a = 2\n")
    (tmp_path / "b.py").write_text("b = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "2")
    assert history.files_of(tmp_path, git(tmp_path, "rev-parse", "HEAD")) == {"a.py": b"a = 1\n"}
    assert history.files_of(tmp_path, first) == {}


def test_what_is_not_of_the_corpus_has_no_files() -> None:
    with pytest.raises(TabbyError, match="not of the corpus"):
        corpus.files_of("nobody 1.0 → 2.0")


@pytest.mark.parametrize(
    ("state", "index", "ready"),
    [("ready", "ready", True), ("ready", "reading", True), ("ready", "indexing", False), ("loading", "ready", False)],
)
def test_with_folders_a_server_is_ready_when_they_are_indexed(state: str, index: str, *, ready: bool) -> None:
    assert is_indexed("tabby/status", {"state": state, "index": index}) is ready
    assert our_program("x", {}, indexed=True).ready is is_indexed


def test_an_index_that_fails_is_an_error() -> None:
    with pytest.raises(TabbyError, match="no index"):
        is_indexed("tabby/status", {"state": "ready", "index": "failed"})


def test_holes_bring_the_files_of_their_repository(tmp_path: Path) -> None:
    fragments = [{"filename": "a.py", "retrieved_chunk": "A = 1"}, {"filename": "a.py", "retrieved_chunk": "B = 2"}]
    metadata = {"file": "main.py", "task_id": "t/1"}
    row = {"prompt": "p", "right_context": "s", "groundtruth": "m", "metadata": metadata}
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps(row | {"crossfile_context": {"list": fragments}}) + "\n" + json.dumps(row))
    first, second = holes.read(path)
    assert (first.name, first.path) == ("t/1", "main.py")
    assert first.files == (("a.py", "A = 1"), ("a.py", "B = 2"))
    assert second.files == ()


def test_a_variant_asks_its_sources_alone() -> None:
    settings = ContextSettings(tokens=100)
    assert not variant("none", settings).enabled
    only = variant("search", settings)
    assert (only.enabled, only.tokens) == (True, 100)
    assert [name for name in VARIANTS["all"] if getattr(only, name)] == ["search"]


async def test_a_holes_repository_is_indexed_by_a_real_child(tmp_path: Path) -> None:
    model = tiny.write_model(tmp_path / "tiny.gguf")
    text = 'def load_settings(path):\n    """Read them."""\n    return path\n'
    hole = holes.Hole("t", "load", "", "x", "python", path="main.py", files=(("pkg/settings.py", text),))
    repositories = Repositories(Settings(), model)
    try:
        repository = await repositories.of(hole, ContextSettings())
        assert isinstance(repository, Repository)
        place = repository.place("any")
        assert place is not None
        assert place.path == "main.py"
        assert place.index is not None
        wanted = Wanted("main.py", "python", (Use("load_settings"),))
        (found,) = await asyncio.wrap_future(place.index.definitions(wanted))
        assert (found.path, found.symbols) == ("pkg/settings.py", ("load_settings",))
        outside = holes.Hole("bad", "", "", "", "python", files=(("../up.py", text),))
        with pytest.raises(RepositoryIndexError, match="not a path inside"):
            await repositories.of(outside, ContextSettings())
    finally:
        repositories.close()
