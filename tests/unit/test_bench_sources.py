"""Where edits come from: git, pinned releases; and who takes part."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tabby_lsp.bench.contestants.programs import ghost_text, is_ready, our_program, our_trace
from tabby_lsp.bench.edited import corpus, history, releases
from tabby_lsp.bench.edited.releases import Release
from tabby_lsp.bench.results import machine
from tabby_lsp.bench.types import State
from tabby_lsp.cli.bench import contestants
from tabby_lsp.errors import Offline, TabbyError

BEFORE = "def f():\n    return 1\n"
AFTER = BEFORE + "\n\ndef g():\n    return f() + 1\n"


def commit(repository: Path, **files: str | bytes) -> None:
    for name, text in files.items():
        path = repository / name.replace("__", ".")
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    for words in (["add", "."], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "t"]):
        subprocess.run(["git", "-C", repository, *words], check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


def test_edits_come_from_commits(repository: Path) -> None:
    commit(repository, a__py=BEFORE, b__ts="let a\n", c__md="text\n", d__py=b"\xff\n")
    commit(repository, a__py=AFTER, b__ts="let a\nlet another\n", c__md="text, more text\n", d__py=b"\xff more\n")
    commit(repository, a__py=AFTER + "# a last line\n")
    found = {(file.name, file.language): file for file in history.from_repository(repository, 5)}
    assert set(found) == {("a.py", "python"), ("b.ts", "typescript")}
    assert found["a.py", "python"].base == AFTER  # its newest edit
    assert [len(history.from_repository(repository, n)) for n in (1, 2)] == [2, 2]


def test_a_young_repository_has_new_files(repository: Path) -> None:
    commit(repository, a__py=AFTER)
    (file,) = history.from_repository(repository, 5)
    assert (file.base, file.hunks[0].typed) == ("", AFTER)


def test_no_history_is_explained(repository: Path, tmp_path: Path) -> None:
    commit(repository, a__md="text\n")
    with pytest.raises(TabbyError, match="no commit that changes code"):
        history.from_repository(repository, 5)
    with pytest.raises(TabbyError, match="git failed"):
        history.from_repository(tmp_path / "nowhere", 5)


def test_names_with_odd_characters(repository: Path) -> None:
    (repository / "ü b\n.py").write_text(BEFORE)
    commit(repository)
    (repository / "ü b\n.py").write_text(AFTER)
    commit(repository)
    assert history.from_repository(repository, 5)[0].name == "ü b\n.py"


# ---- releases -------------------------------------------------------------------------------------------------------


def tarball(**files: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"package/src/{name}.ts")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("package/src/link.ts")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return out.getvalue()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(releases, "folder", lambda: tmp_path / "bench")
    (tmp_path / "bench").mkdir()
    return tmp_path / "bench"


def package_of(cache: Path, archives: dict[str, bytes]) -> corpus.Package:
    pinned = [Release("p", "npm", version, hashlib.sha256(data).hexdigest()) for version, data in archives.items()]
    for release, data in zip(pinned, archives.values(), strict=True):
        (cache / release.file).write_bytes(data)
    return corpus.Package("p", "npm", "MIT", r"^src/.*\.ts$", tuple(pinned), r"skipped")


def test_edits_come_from_releases(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archives = {
        "1": tarball(a="let a\n", b="let b\n", skipped="let s\n", gone="let g\n"),
        "2": tarball(a="let a\nlet more\n", b="let b\n", skipped="let s\nlet more\n", new="let n\n"),
        "3": tarball(a="let a\nlet more\n", b="let b\nlet third\n"),
    }
    monkeypatch.setattr(corpus, "packages", lambda: [package_of(cache, archives)])
    title, files = corpus.edited_files(None, 5, pytest.fail, offline=True)
    assert title == "releases of p"
    assert {(file.name, file.source) for file in files} == {("src/a.ts", "p 1 → 2"), ("src/b.ts", "p 2 → 3")}
    assert len(corpus.edited_files("typescript", 1, pytest.fail, offline=True)[1]) == 1
    with pytest.raises(TabbyError, match="no corpus 'nonsense'"):
        corpus.edited_files("nonsense", 5, pytest.fail, offline=True)


def test_wheels_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "p.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("src/a.ts", "x")
        wheel.writestr("other/a.ts", "x")
    package = corpus.Package("p", "pypi", "MIT", r"^src/.*\.ts$", ())
    assert corpus._members(path, package) == {"src/a.ts": b"x"}
    path.write_bytes(b"damaged")
    with pytest.raises(TabbyError, match="Delete it"):
        corpus._members(path, package)


def test_another_hash_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(release: Release, scratch: Path, transfer: object) -> Path:
        (scratch / "got").write_bytes(b"bytes")
        return scratch / "got"

    monkeypatch.setitem(releases.FETCH, "npm", fetch)
    right = Release("p", "npm", "1", hashlib.sha256(b"bytes").hexdigest())
    assert releases.bring(right, lambda _: None).read_bytes() == b"bytes"
    assert releases.bring(right, pytest.fail, offline=True)
    wrong = Release("p", "npm", "2", "0" * 64)
    with pytest.raises(Offline):
        releases.bring(wrong, pytest.fail, offline=True)
    with pytest.raises(TabbyError, match="SHA-256"):
        releases.bring(wrong, lambda _: None)
    assert sorted(path.name for path in cache.iterdir()) == ["p-1.tgz"]


def test_the_list_is_sound() -> None:
    found = corpus.packages()
    assert {package.ecosystem for package in found} == {"pypi", "npm"}
    for package in found:
        assert package.licence in {"MIT", "BSD-3-Clause", "BSD-2-Clause", "Apache-2.0", "ISC"}
        assert len(package.releases) >= 2
        assert all(len(release.sha256) == 64 for release in package.releases)


def test_a_registry_is_a_web_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases.shutil, "which", lambda _: None)
    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)
    assert releases.registry() == releases.PUBLIC_REGISTRY
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "file:///etc")
    with pytest.raises(TabbyError, match="no web address"):
        releases.registry()


# ---- who takes part -------------------------------------------------------------------------------------------------


def test_ours_plain_and_in_variants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABBY_LSP_COMPLETION_MAX_TOKENS", "7")
    for name in ("one.gguf", "two.gguf"):
        (tmp_path / name).write_text("x")
    one, two = str(tmp_path / "one.gguf"), str(tmp_path / "two.gguf")
    names = [c.name for c in contestants.contestants_of([one], [], ["short:completion.max_tokens=8"], [])]
    assert names == ["tabby-lsp", "short"]
    names = [c.name for c in contestants.contestants_of([one, two], [], ["short:completion.max_tokens=8"], [])]
    assert names == ["one", "one short", "two", "two short"]
    program = our_program("x", {"completion": {"max_tokens": 8}})
    assert "TABBY_LSP_COMPLETION_MAX_TOKENS" not in program.environment
    with pytest.raises(TabbyError, match="one name"):
        contestants.contestants_of([one], [], ["a:offline=true", "a:offline=true"], [])
    with pytest.raises(TabbyError, match="no such file"):
        contestants.contestants_of([str(tmp_path / "none.gguf")], [], [], [])


@pytest.mark.parametrize(
    "words", [["x"], ["completion.nothing=1"], ["completion.max_tokens=x"], ["completion.max_tokens=0"]]
)
def test_settings_that_cannot_be(words: list[str]) -> None:
    with pytest.raises(TabbyError):
        contestants.settings_of(words)


def test_settings_are_parsed() -> None:
    words = ["completion.max_tokens=8", "offline=true", "completion.temperature=0.5"]
    assert contestants.settings_of(words) == {"completion": {"max_tokens": 8, "temperature": 0.5}, "offline": True}


def test_traces_of_ours() -> None:
    verbose = '{"id": 4, "evaluated": 1, "reused": 2, "generated": 3, "total_ms": 1.5, "outside_ms": 0.5}'
    trace = our_trace({"message": "typed-along in 2 ms", "verbose": verbose})
    assert (trace.reason, trace.request, trace.server_ms, trace.outside_ms) == ("typed-along", 4, 1.5, 0.5)
    assert our_trace({"message": "shown in 12 ms"}).server_ms == 12
    assert our_trace({"message": "no suggestion: loading"}).reason == "no suggestion: loading"


def test_readiness() -> None:
    assert is_ready("tabby/status", {"state": "ready"})
    assert not is_ready("tabby/status", {"state": "loading"})
    assert not is_ready("$/logTrace", {})
    with pytest.raises(TabbyError, match="no model: nowhere"):
        is_ready("tabby/status", {"state": "no-model", "message": "nowhere"})


@pytest.mark.parametrize(
    ("inserted", "columns", "shown"),
    [
        ("new", None, "new"),
        ({"value": "new"}, None, "new"),
        ("𝒳 = new", (0, 5), "new"),
        ("𝒳 = new)", (0, 6), "new"),
        ("new)", (5, 6), "new"),
        ("other", (0, 5), ""),
        (")", (4, 6), ""),
    ],
)
def test_ghost_text_is_what_stands_behind_the_cursor(
    inserted: object, columns: tuple[int, int] | None, shown: str
) -> None:
    state = State("u", "python", 1, "a\n𝒳 = )\n", 1, 4)
    item: dict[str, object] = {"insertText": inserted}
    if columns:
        item["range"] = {name: {"line": 1, "character": at} for name, at in zip(("start", "end"), columns, strict=True)}
    assert ghost_text(item, state, {"line": 1, "character": 5}) == shown


def test_facts_name_no_host() -> None:
    import platform

    facts = machine.facts()
    assert {"cpu", "cores", "memory", "llama-cpp-python"} <= set(facts)
    assert platform.node() not in " ".join(facts.values())
