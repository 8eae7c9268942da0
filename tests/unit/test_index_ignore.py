"""Ignore files say what git says they say."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabby_lsp.index.files import git
from tabby_lsp.index.files.ignore import Ignores
from tabby_lsp.index.files.listing import Listing

NAMES = ("a", "b", "ab", "x.py", "y.py", "a.d", "é b")
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
segments = st.sampled_from(
    ("a", "b", "ab", "x.py", "*.py", "*", "?", "a*", "[ab]", "[!a]", "[a-c]b", "a.d", "*.d", "**", "é b")
)
patterns = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(("", "", "!")),
    st.sampled_from(("", "", "/", "**/")),
    st.lists(segments, min_size=1, max_size=3).map("/".join),
    st.sampled_from(("", "", "/", "/**", "/*", " ", "\r")),
)
lines = st.one_of(patterns, st.sampled_from(("", "# a", "\\#a", "!", "/", "\\", "a\\ ", "!*/", "*", "[", "a[", "**/")))
ignore_files = st.dictionaries(
    st.one_of(st.just(""), st.lists(st.sampled_from(NAMES), min_size=1, max_size=2).map("/".join)),
    st.lists(lines, max_size=5).map("\n".join),
    max_size=3,
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ignore") / "repository"
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


def fill(root: Path, files: set[str], ignores: dict[str, str]) -> None:
    """Write a tree, as far as no name is both a file and a folder."""
    for entry in root.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for path in sorted(files, key=lambda path: (-path.count("/"), path)):
        try:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            if not (root / path).exists():
                (root / path).write_text("x = 1\n")
        except (FileExistsError, NotADirectoryError):
            continue
    for folder, text in ignores.items():
        if (root / folder).is_dir():
            (root / folder / ".gitignore").write_bytes(text.encode())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.sets(paths, min_size=1, max_size=14), ignores=ignore_files)
def test_a_walk_without_git_lists_what_git_lists(repository: Path, files: set[str], ignores: dict[str, str]) -> None:
    fill(repository, files, ignores)
    listed = git.files(repository)
    assert listed is not None
    hidden = repository.with_name("hidden")
    (repository / ".git").rename(hidden)
    try:
        without = set(Listing(repository, 1000).files())
        kept = Listing(repository, 1000)
        everything = [os.path.relpath(path, repository) for path in repository.rglob("*") if path.is_file()]
        among = set(kept.among(everything))
    finally:
        hidden.rename(repository / ".git")
    assert without == set(listed)
    assert among == set(listed)
    assert set(Listing(repository, 1000).among(everything)) == set(listed)


@pytest.mark.parametrize(
    ("text", "ignored", "kept"),
    [
        ("*.log\n!keep.log\n", ["a.log", "d/b.log"], ["keep.log", "d/keep.log"]),
        ("/top.py\n", ["top.py"], ["d/top.py"]),
        ("build/\n", ["build/x.py", "d/build/y.py"], ["build.py"]),
        ("*\n!*/\n!*.py\n", ["a.txt", "d/a.txt"], ["a.py", "d/e/a.py"]),
        ("d/\n!d/a.py\n", ["d/a.py"], ["e/a.py"]),
        ("d/**\n!d/a.py\n", ["d/b.py"], ["d/a.py"]),
        ("\ufeffa.py\r\n", ["a.py"], ["b.py"]),
    ],
)
def test_patterns(tmp_path: Path, text: str, ignored: list[str], kept: list[str]) -> None:
    (tmp_path / ".tabbyignore").write_bytes(text.encode())
    ignores = Ignores(tmp_path, ".tabbyignore")
    assert {path: ignores.file(path) for path in ignored + kept} == dict.fromkeys(ignored, True) | dict.fromkeys(
        kept, False
    )


def test_an_ignore_file_that_is_a_link_or_huge_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("*.py\n")
    (tmp_path / ".tabbyignore").symlink_to("other")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / ".tabbyignore").write_text("*.py\n" * 300_000)
    ignores = Ignores(tmp_path, ".tabbyignore")
    assert not ignores.file("a.py")
    assert not ignores.file("d/a.py")
