"""Where indexes are kept: one for each folder whatever it is called by, none lost that is in use, none too many."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import RepositoryIndexError
from tabby_lsp.index.places import Places

MIB = 1 << 20

HOLD = """
import sys
from pathlib import Path
from tabby_lsp.index.places import Places
with Places(Path(sys.argv[1])).hold(Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "cache")


def folder(tmp_path: Path, name: str) -> Path:
    path = tmp_path / "work" / name
    path.mkdir(parents=True)
    return path


def fill(places: Places, root: Path, mib: int, used: float) -> Path:
    """Make an index of a size, last used at some time."""
    with places.hold(root) as directory:
        (directory / "data").write_bytes(os.urandom(mib * MIB))
    os.utime(directory / "used", (used, used))
    return directory


def test_one_place_for_each_way_to_a_folder(places: Places, tmp_path: Path) -> None:
    root = folder(tmp_path, "project")
    link = tmp_path / "link"
    link.symlink_to(root)
    assert places.path(link) == places.path(root) == places.path(root / ".." / "project")
    assert places.path(root).name.startswith("project-")


def test_folders_of_one_name_have_places_of_their_own(places: Places, tmp_path: Path) -> None:
    assert places.path(folder(tmp_path, "a/project")) != places.path(folder(tmp_path, "b/project"))


@pytest.mark.parametrize("name", ['o\'hara "x"', "..", "名前", ".hidden", "a" * 200, "-rf", "line\nbreak"])
def test_a_places_name_is_a_plain_one(places: Places, tmp_path: Path, name: str) -> None:
    made = places.path(tmp_path / name).name
    assert made.isascii()
    assert made.isprintable()
    assert not made.startswith(".")
    assert len(made) < 60


def test_the_settings_name_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Places.of(IndexSettings(directory=str(tmp_path))).directory == tmp_path
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Places.of(IndexSettings()).directory.name == "index"


def test_what_is_there_is_told(places: Places, tmp_path: Path) -> None:
    first, second = folder(tmp_path, "first"), folder(tmp_path, "second")
    fill(places, first, 1, used=1000)
    fill(places, second, 2, used=2000)
    (places.directory / "of-somebody-else").mkdir()
    places.embedders.mkdir()
    seen = places.all()
    assert [(place.root, place.used, place.held, place.orphaned) for place in seen] == [
        (second, 2000, False, False),
        (first, 1000, False, False),
    ]
    assert [place.size // MIB for place in seen] == [2, 1]


def test_the_bound_takes_the_longest_unused(places: Places, tmp_path: Path) -> None:
    roots = [folder(tmp_path, name) for name in ("old", "older", "new")]
    kept = [fill(places, root, 2, used) for root, used in zip(roots, (2000, 1000, 3000), strict=True)]
    assert [place.root for place in places.enforce(5)] == [roots[1]]
    assert [path.exists() for path in kept] == [True, False, True]
    assert places.enforce(5) == []


def test_the_bound_takes_those_without_a_folder_first(places: Places, tmp_path: Path) -> None:
    old, gone = folder(tmp_path, "old"), folder(tmp_path, "gone")
    fill(places, old, 2, used=1000)
    fill(places, gone, 2, used=3000)
    gone.rmdir()
    assert [place.root for place in places.enforce(3)] == [gone]


def test_an_index_in_use_stays(places: Places, tmp_path: Path) -> None:
    used, other = folder(tmp_path, "used"), folder(tmp_path, "other")
    directory = fill(places, used, 3, used=1000)
    fill(places, other, 1, used=2000)
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(places.directory), str(used)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        os.utime(directory / "used", (1000, 1000))
        assert [place.held for place in places.all()] == [False, True]
        with places.hold(used):  # several may
            assert [place.root for place in places.enforce(1)] == [other]
            with pytest.raises(RepositoryIndexError):
                places.remove(used)
        assert directory.exists()
    finally:
        child.kill()
        child.communicate()
    assert places.remove(used) >= 3 * MIB
    assert not directory.exists()


def test_what_was_removed_can_be_made_again(places: Places, tmp_path: Path) -> None:
    root = folder(tmp_path, "project")
    assert places.remove(root) == 0
    fill(places, root, 1, used=1000)
    assert places.remove(root) >= MIB
    with places.hold(root) as directory:
        assert not (directory / "data").exists()
    assert [place.root for place in places.all()] == [root]


def test_a_broken_deletion_is_finished(places: Places, tmp_path: Path) -> None:
    directory = fill(places, folder(tmp_path, "project"), 1, used=1000)
    directory.rename(directory.with_name(".removing-1-project"))
    assert places.all() == []
    places.enforce(1000)
    assert list(places.directory.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RepositoryIndexError) as raised, Places(tmp_path / "file" / "index").hold(tmp_path):
        pass
    assert raised.value.remedy


def test_places_are_for_their_owner_alone(places: Places, tmp_path: Path) -> None:
    directory = fill(places, folder(tmp_path, "project"), 1, used=1000)
    assert directory.stat().st_mode & 0o077 == 0
