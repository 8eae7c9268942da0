"""A walk of real folders, with git and without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from trees import SETTINGS, run_git, walked, write

from tabby_lsp.config import IndexSettings
from tabby_lsp.index.files.left_out import Reason
from tabby_lsp.index.files.listing import DEEPEST, Listing
from tabby_lsp.index.files.walk import look, walk


@pytest.fixture(params=["git", "plain"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    if request.param == "git":
        run_git(folder, "init", "-q")
    return folder


def test_files_are_found_with_what_tells_versions_apart(root: Path) -> None:
    write(root, {"a.py": "x = 1\n", "d/b.go": "package b\n", "d/e/README": "read\n", "d/e/logo.png": "x"})
    result = walk(root, SETTINGS)
    assert [(found.path, found.language, found.size) for found in result.files] == [
        ("a.py", "python", 6),
        ("d/b.go", "go", 10),
        ("d/e/README", "plaintext", 5),
    ]
    assert result.files[0].mtime_ns == (root / "a.py").stat().st_mtime_ns
    assert result.left_out == {Reason.UNKNOWN: 1}
    assert look(root, "a.py", SETTINGS) == result.files[0]
    assert look(root, "d/e/logo.png", SETTINGS) is None
    assert look(root, "gone.py", SETTINGS) is None


def test_each_file_that_is_left_out_has_its_reason(root: Path) -> None:
    write(root, {
        "kept.py": "x = 1\n", ".env": "A=1\n", "id_rsa": "x", "yarn.lock": "x", "empty.py": "", "big.py": "x" * 3000,
        "data.json": "x" * 30_000, "min/a.min.js": "a", "t.csv": "1,2\n", ".tabbyignore": "notes/\n*.sql\n!keep.sql\n",
        "notes/a.md": "a\n", "q.sql": "select 1\n", "keep.sql": "select 1\n", "sub/.tabbyignore": "/b.py\n",
        "sub/b.py": "b = 1\n", "sub/deep/b.py": "b = 1\n",
    })  # fmt: skip
    (root / "link.py").symlink_to("kept.py")
    (root / "out").symlink_to("/usr")
    os.mkfifo(root / "pipe.py")
    assert walked(root, IndexSettings(max_file_kb=2)) == ["keep.sql", "kept.py", "sub/deep/b.py"]
    left_out = walk(root, IndexSettings(max_file_kb=2)).left_out
    # git lists neither pipes nor the two `.tabbyignore`s as anything else than files of an unknown kind.
    assert left_out.pop(Reason.SPECIAL, 0) in {0, 1}
    assert left_out == {
        Reason.SECRET: 2, Reason.GENERATED: 1, Reason.EMPTY: 1, Reason.SIZE: 2, Reason.MINIFIED: 1, Reason.DATA: 1,
        Reason.IGNORED: 3, Reason.LINK: 2, Reason.UNKNOWN: 2,
    }  # fmt: skip


def test_scripts_are_known_by_their_first_line(root: Path) -> None:
    write(
        root,
        {"bin/tool": "#!/usr/bin/env python3\nx = 1\n", "bin/other": "#!/usr/bin/env python3\n", "bin/prog": "\x7fELF"},
    )
    for name in ("tool", "prog"):
        (root / "bin" / name).chmod(0o755)
    assert [(found.path, found.language) for found in walk(root, SETTINGS).files] == [("bin/tool", "python")]


def test_names_that_are_not_text_are_counted(root: Path) -> None:
    write(
        root,
        {
            "a.py": "x\n",
            "\udce9t\udce9.py": "x\n",
            "été.py": "x\n",
            ' "o\'hara"\t\\%_*.py': "x\n",
            "-n.py": "x\n",
            ":(top)z.py": "x\n",
        },
    )
    assert walked(root) == [' "o\'hara"\t\\%_*.py', "-n.py", ":(top)z.py", "a.py", "été.py"]
    assert walk(root, SETTINGS).left_out == {Reason.NAME: 1}


def test_links_are_not_followed(root: Path) -> None:
    write(root, {"real/a.py": "x\n"})
    (root / "loop").symlink_to(".")
    (root / "alias").symlink_to("real")
    (root / "parent").symlink_to("..")
    assert walked(root) == ["real/a.py"]
    assert look(root, "alias/a.py", SETTINGS) is None
    assert look(root, "parent/root/real/a.py", SETTINGS) is None
    assert look(root, "../root/real/a.py", SETTINGS) is None
    assert look(root, str(root / "real/a.py"), SETTINGS) is None


def test_more_files_than_wanted(root: Path) -> None:
    write(root, {f"d{number}/a.py": "x\n" for number in range(5)} | {"z.py": "x\n", "deep/er/a.py": "x\n"})
    result = walk(root, IndexSettings(max_files=3))
    assert [found.path for found in result.files] == ["d0/a.py", "d1/a.py", "z.py"]
    assert result.left_out == {Reason.MANY: 4}


def test_a_huge_folder_without_git_is_given_up(tmp_path: Path) -> None:
    write(tmp_path, {f"d{number}/{name}.py": "x\n" for number in range(20) for name in "abcde"})
    result = walk(tmp_path, IndexSettings(max_files=4))
    assert len(result.files) == 4
    assert result.left_out[Reason.MANY] < 100 - 4


def test_a_walk_stops_when_it_is_told_to(root: Path) -> None:
    write(root, {f"d{number}/{number}.py": "x\n" for number in range(1100)})
    asked = iter([False])
    assert len(walk(root, SETTINGS, stop=lambda: next(asked, True)).files) < 1100


def test_a_root_that_is_not_there_or_a_file_has_no_files(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "x\n"})
    assert walk(tmp_path / "gone", SETTINGS).files == []
    assert walk(tmp_path / "a.py", SETTINGS).files == []
    assert look(tmp_path / "gone", "a.py", SETTINGS) is None


def test_generated_folders_are_not_entered_without_git(tmp_path: Path) -> None:
    write(tmp_path, {
        "a.py": "x\n", ".venv/lib/b.py": "x\n", "custom/pyvenv.cfg": "x\n", "custom/c.py": "x\n",
        "cache/CACHEDIR.TAG": "x\n",
        "cache/d.py": "x\n", "rust/Cargo.toml": "[package]\n", "rust/target/debug/e.rs": "x\n",
        "target/kept.py": "x\n",
        "web/package.json": "{}\n", "web/dist/f.js": "x\n", "web/src/g.js": "x\n", "x/__pycache__/h.py": "x\n",
    })  # fmt: skip
    assert walked(tmp_path) == ["a.py", "rust/Cargo.toml", "target/kept.py", "web/package.json", "web/src/g.js"]


def test_folders_are_those_in_which_a_file_would_be_found(root: Path) -> None:
    write(root, {
        ".gitignore": "out/\n", ".tabbyignore": "data/\n", "a/b/c.py": "x\n", "out/x/d.py": "x\n", "data/e.py": "x\n",
    })  # fmt: skip
    (root / "empty/er").mkdir(parents=True)
    (root / "link").symlink_to("a")
    assert sorted(Listing(root, 100).folders()) == ["", "a", "a/b", "empty", "empty/er"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_counted(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "x\n", "closed/b.py": "x\n"})
    (tmp_path / "closed").chmod(0)
    assert walk(tmp_path, SETTINGS).left_out == {Reason.UNREADABLE: 1}
    (tmp_path / "closed").chmod(0o755)


def test_folders_in_folders_in_folders_are_counted_not_entered(root: Path) -> None:
    deep = "/".join(["d"] * (DEEPEST + 5))
    write(root, {"a.py": "x\n", "/".join(["d"] * DEEPEST) + "/b.py": "x\n", f"{deep}/c.py": "x\n"})
    result = walk(root, SETTINGS)
    assert [found.path.rpartition("/")[2] for found in result.files] == ["a.py", "b.py"]
    assert result.left_out == {Reason.NAME: 1}
    assert look(root, f"{deep}/c.py", SETTINGS) is None
