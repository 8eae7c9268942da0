"""A walk of real repositories, and of folders where git cannot be asked."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from trees import SETTINGS, run_git, walked, write

from tabby_lsp.index.files import git
from tabby_lsp.index.files.listing import Listing
from tabby_lsp.index.files.walk import walk


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    run_git(folder, "init", "-q")
    return folder


def test_files_that_vanish_are_not_counted(repository: Path) -> None:
    write(repository, {"a.py": "x\n", "b.py": "x\n", "d/c.py": "x\n"})
    run_git(repository, "add", ".")
    (repository / "b.py").unlink()
    (repository / "d/c.py").unlink()
    (repository / "d").rmdir()
    result = walk(repository, SETTINGS)
    assert ([found.path for found in result.files], result.left_out) == (["a.py"], {})


def test_tracked_files_stay_although_a_rule_ignores_them(repository: Path) -> None:
    write(repository, {".gitignore": "ignored/\n", "ignored/kept.py": "x\n", "ignored/b.py": "x\n"})
    run_git(repository, "add", "-f", "ignored/kept.py")
    (repository / ".git/info/exclude").write_text("private.py\n")
    write(repository, {"private.py": "x\n"})
    assert walked(repository) == ["ignored/kept.py"]


def test_a_tracked_folder_that_has_become_a_link_is_not_followed(repository: Path, tmp_path: Path) -> None:
    write(repository, {"d/a.py": "x\n"})
    write(tmp_path, {"elsewhere/a.py": "x\n"})
    run_git(repository, "add", ".")
    (repository / "d/a.py").unlink()
    (repository / "d").rmdir()
    (repository / "d").symlink_to(tmp_path / "elsewhere")
    assert walked(repository) == []


def test_a_folder_inside_a_repository(repository: Path) -> None:
    write(repository, {".gitignore": "*.log.py\n", "a.py": "x\n", "sub/b.py": "x\n", "sub/c.log.py": "x\n"})
    assert walked(repository / "sub") == ["b.py"]


def test_a_folder_that_the_repository_around_it_ignores_is_walked_without_it(repository: Path) -> None:
    write(repository, {".gitignore": "scratch/\n", "scratch/a.py": "x\n", "scratch/node_modules/b.js": "x\n"})
    assert walked(repository / "scratch") == ["a.py"]


def test_submodules_worktrees_and_repositories_inside(repository: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    write(library, {"lib.py": "x\n", ".gitignore": "out.py\n"})
    run_git(library, "init", "-q")
    run_git(library, "add", ".")
    run_git(library, "commit", "-qm", "a")
    write(repository, {"a.py": "x\n"})
    run_git(repository, "submodule", "add", "-q", str(library), "vendored.lib")
    write(repository, {"vendored.lib/new.py": "x\n", "vendored.lib/out.py": "x\n"})
    run_git(repository, "add", ".")
    run_git(repository, "commit", "-qm", "a")
    run_git(repository, "clone", "-q", str(library), "inner/clone")
    assert walked(repository) == ["a.py", "inner/clone/lib.py", "vendored.lib/lib.py", "vendored.lib/new.py"]
    run_git(repository, "worktree", "add", "-q", str(tmp_path / "tree"))
    assert walked(tmp_path / "tree") == ["a.py"]  # its submodule has not been fetched
    # The same from a folder that holds repositories and is none.
    assert walked(tmp_path)[:2] == ["library/lib.py", "repository/a.py"]
    write(repository, {".gitignore": "inner/\n"})
    assert walked(repository) == ["a.py", "vendored.lib/lib.py", "vendored.lib/new.py"]


@pytest.mark.parametrize("name", ["chart.js", "library", "a.lib"])
def test_a_submodule_may_be_called_like_a_file(repository: Path, tmp_path: Path, name: str) -> None:
    write(tmp_path, {"library/lib.py": "x\n"})
    run_git(tmp_path / "library", "init", "-q")
    run_git(tmp_path / "library", "add", ".")
    run_git(tmp_path / "library", "commit", "-qm", "a")
    run_git(repository, "submodule", "add", "-q", str(tmp_path / "library"), name)
    assert walked(repository) == [f"{name}/lib.py"]


def test_tracked_files_in_ignored_folders_are_walked_from_there(repository: Path) -> None:
    write(repository, {".gitignore": "out/\n", "out/a/b.py": "x\n", "out/c.py": "x\n"})
    run_git(repository, "add", "-f", "out/a/b.py")
    assert walked(repository) == ["out/a/b.py"]
    assert sorted(Listing(repository, 100).folders()) == ["", "out", "out/a"]


def test_conflicts_are_listed_once(repository: Path) -> None:
    write(repository, {"a.py": "x = 0\n"})
    run_git(repository, "add", ".")
    run_git(repository, "commit", "-qm", "0")
    for branch in ("one", "two"):
        run_git(repository, "checkout", "-qb", branch, "HEAD" if branch == "one" else "HEAD~1")
        write(repository, {"a.py": f"x = '{branch}'\n"})
        run_git(repository, "commit", "-qam", branch)
    with pytest.raises(subprocess.CalledProcessError):
        run_git(repository, "merge", "one")
    assert walked(repository) == ["a.py"]


def test_a_repository_cannot_start_programs(repository: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    run_git(repository, "config", "core.fsmonitor", str(program))
    write(repository, {"a.py": "x\n"})
    assert walked(repository) == ["a.py"]
    assert not (tmp_path / "ran").exists()


def test_variables_of_another_repository_do_not_reach_git(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(repository, {"a.py": "x\n"})
    write(tmp_path, {"other/b.py": "x\n"})
    run_git(tmp_path / "other", "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    assert walked(repository) == ["a.py"]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole search path."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


TREE = {".gitignore": "ignored.py\n", "a.py": "x\n", "ignored.py": "x\n", "node_modules/b.js": "x\n"}


def test_without_git_the_ignore_files_are_read(repository: Path, programs: Path) -> None:
    write(repository, TREE)
    assert walked(repository) == ["a.py"]


@pytest.mark.parametrize(
    "says", ["echo 'fatal: detected dubious ownership in repository' >&2; exit 128", "kill -SEGV $$"]
)
def test_where_git_refuses_the_ignore_files_are_read(repository: Path, programs: Path, says: str) -> None:
    write(repository, TREE)
    (programs / "git").write_text(f"#!/bin/sh\n{says}\n")
    (programs / "git").chmod(0o755)
    assert walked(repository) == ["a.py"]


def test_where_git_hangs_it_is_left(repository: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repository, TREE)
    (programs / "git").write_text(f"#!{sys.executable}\nimport time\ntime.sleep(600)\n")
    (programs / "git").chmod(0o755)
    monkeypatch.setattr(git, "TIMEOUT_S", 0.2)
    assert [found.path for found in walk(repository, SETTINGS).files] == ["a.py"]
