"""What git says has changed, in real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from trees import IDENTITY, run_git, write

from tabby_lsp.actions.committing.changes import Change, Changes, changes
from tabby_lsp.actions.committing.wording import subject_messages
from tabby_lsp.errors import ActionError

SECRET = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vX7zA9cD1fG3hJ5"


def count(text: str) -> int:
    return len(text) // 4 + 1


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two files, committed."""
    root = tmp_path / "shop"
    root.mkdir()
    run_git(root, "init", "-q")
    write(
        root,
        {"pay.py": "def pay(card):\n    return card\n", "basket.py": "ITEMS = []\n\n\ndef total():\n    return 0\n"},
    )
    commit(root, "Add the shop")
    return root


def commit(root: Path, message: str) -> None:
    run_git(root, "add", "-A")
    run_git(root, "commit", "-q", "-m", message)


def asked(found: Changes) -> str:
    return "\n".join(message.text for message in subject_messages(found, count, 4096))


def test_what_is_staged_goes_before_what_is_not(repository: Path) -> None:
    write(repository, {"pay.py": "def pay(card):\n    return card.charge()\n", "basket.py": "ITEMS = [1]\n"})
    run_git(repository, "add", "pay.py")
    found = changes(repository)
    assert found.staged
    assert found.root.samefile(repository)
    assert found.files == (
        Change("pay.py", "", 1, 1, "@@\n def pay(card):\n-    return card\n+    return card.charge()\n"),
    )
    assert found.subjects == ("Add the shop",)


def test_without_anything_staged_it_is_what_has_changed(repository: Path) -> None:
    write(repository, {"basket.py": "ITEMS = [1]\n"})
    (repository / "inner").mkdir()
    found = changes(repository / "inner")
    assert not found.staged
    assert [(file.path, file.added, file.removed) for file in found.files] == [("basket.py", 1, 5)]


def test_a_first_commit(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q")
    write(tmp_path, {"a.py": "A = 1\n"})
    run_git(tmp_path, "add", "-A")
    found = changes(tmp_path)
    assert (found.subjects, found.files) == ((), (Change("a.py", "", 1, 0, "@@\n+A = 1\n"),))


def test_moved_deleted_and_binary_files(repository: Path) -> None:
    run_git(repository, "mv", "basket.py", "cart.py")
    run_git(repository, "rm", "-q", "pay.py")
    (repository / "logo.png").write_bytes(bytes(range(256)))
    run_git(repository, "add", "-A")
    found = {file.path: file for file in changes(repository).files}
    assert (found["cart.py"].was, found["cart.py"].added) == ("basket.py", 0)
    assert found["pay.py"].patch == "@@\n-def pay(card):\n-    return card\n"
    assert (found["logo.png"].added, found["logo.png"].patch) == (-1, "")
    listed = asked(changes(repository))
    assert "- basket.py → cart.py (+0 -0)" in listed
    assert "- logo.png (binary)" in listed


@pytest.mark.parametrize("name", [".env", "settings.py", "id_rsa"])
def test_lines_of_secrets_stay_here(repository: Path, name: str) -> None:
    write(repository, {name: f'TOKEN = "{SECRET}"\n', "pay.py": "def pay(card, amount):\n    return card\n"})
    run_git(repository, "add", "-A", "-f")
    said = asked(changes(repository))
    assert SECRET not in said
    assert f"- {name} (+1 -0)" in said
    assert "def pay(card, amount)" in said


def test_a_moved_secret_stays_here(repository: Path) -> None:
    write(repository, {".env": "\n".join(f"PASSWORD_{i}=hunter{i}" for i in range(9)) + "\n"})
    commit(repository, "Add settings")
    run_git(repository, "mv", ".env", "plain.txt")
    write(repository, {"plain.txt": "\n".join(f"PASSWORD_{i}=hunter{i}" for i in range(8)) + "\n"})
    run_git(repository, "add", "-A")
    (file,) = changes(repository).files
    assert (file.was, file.path, file.patch) == (".env", "plain.txt", "")


@pytest.mark.parametrize("name", ["poetry.lock", "web/app.min.js", "go.sum"])
def test_what_a_program_wrote_is_only_counted(repository: Path, name: str) -> None:
    write(repository, {name: "generated words\n"})
    run_git(repository, "add", "-A")
    assert changes(repository).files == (Change(name, "", 1, 0, ""),)


def test_a_very_long_change_is_only_counted(repository: Path) -> None:
    write(repository, {"data.py": "".join(f"X{i} = {i}\n" for i in range(401))})
    run_git(repository, "add", "-A")
    assert changes(repository).files == (Change("data.py", "", 401, 0, ""),)


@pytest.mark.parametrize("name", ["two words.py", "Größe.py", "-- a.py"])
def test_names_with_odd_characters(repository: Path, name: str) -> None:
    write(repository, {name: "X = 1\n"})
    run_git(repository, "add", "-A")
    assert changes(repository).files == (Change(name, "", 1, 0, "@@\n+X = 1\n"),)


def test_a_name_in_quotes_is_only_counted(repository: Path) -> None:
    write(repository, {'a"b.py': "X = 1\n"})
    run_git(repository, "add", "-A")
    assert changes(repository).files == (Change('a"b.py', "", 1, 0, ""),)


def test_lines_that_look_like_headers_are_lines(repository: Path) -> None:
    write(repository, {"q.sql": "-- a/pay.py\nSELECT 1;\n"})
    commit(repository, "Add a query")
    write(repository, {"q.sql": "SELECT 1;\n", "pay.py": "def pay():\n    return 1\n"})
    run_git(repository, "add", "-A")
    found = {file.path: file.patch for file in changes(repository).files}
    assert found["q.sql"] == "@@\n--- a/pay.py\n SELECT 1;\n"
    assert "+def pay():" in found["pay.py"]


def test_no_setting_of_the_user_changes_the_form(repository: Path) -> None:
    write(repository, {"pay.py": "def pay(card):\n    return card.charge()\n"})
    run_git(repository, "add", "-A")
    plain = changes(repository)
    for name, value in {
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "color.ui": "always",
        "diff.context": "9",
        "core.quotePath": "true",
        "diff.renames": "copies",
    }.items():
        run_git(repository, "config", name, value)
    assert changes(repository) == plain


def test_no_program_that_the_repository_names_is_started(repository: Path, tmp_path: Path) -> None:
    """Of a diff, of a text conversion, of the file watch, and of a signature."""
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> "{ran}"\n')
    program.chmod(0o755)
    write(repository, {".gitattributes": "*.py diff=odd\n"})
    commit(repository, "Add attributes")
    _sign(repository)
    for name in ("diff.external", "diff.odd.command", "diff.odd.textconv", "core.fsmonitor", "gpg.program"):
        run_git(repository, "config", name, str(program))
    run_git(repository, "config", "log.showSignature", "true")
    write(repository, {"pay.py": "def pay():\n    return 1\n"})
    assert changes(repository).subjects[0] == "signed"
    assert not ran.exists(), ran.read_text()
    run_git(repository, "log", "-1")
    assert ran.exists(), "the program would have been started"


def _sign(root: Path) -> None:
    """Put a commit with a signature on top, which nobody can verify."""
    tree = subprocess.check_output(["git", "rev-parse", "HEAD^{tree}"], cwd=root, text=True).strip()
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ\n -----END PGP SIGNATURE-----"
    person = "a <a@b> 1 +0000"
    text = f"tree {tree}\nauthor {person}\ncommitter {person}\n{signature}\n\nsigned\n"
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        cwd=root,
        input=text,
        text=True,
        capture_output=True,
        check=True,
    )
    run_git(root, "update-ref", "HEAD", made.stdout.strip())


def test_a_hook_sees_the_index_that_is_committed(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git commit pay.py` commits an index of its own, and says which in a variable."""
    write(repository, {"pay.py": "def pay():\n    return 1\n", "basket.py": "ITEMS = [1]\n"})
    run_git(repository, "add", "basket.py")
    other = str(repository / ".git" / "other")
    subprocess.run(
        ["git", *IDENTITY, "read-tree", "HEAD"], cwd=repository, env={**os.environ, "GIT_INDEX_FILE": other}, check=True
    )
    subprocess.run(
        ["git", *IDENTITY, "add", "pay.py"], cwd=repository, env={**os.environ, "GIT_INDEX_FILE": other}, check=True
    )
    monkeypatch.setenv("GIT_INDEX_FILE", other)
    assert [file.path for file in changes(repository, hook=True).files] == ["pay.py"]
    assert [file.path for file in changes(repository).files] == ["basket.py"], "an editor's hook says nothing to a user"


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="not a git repository"):
        changes(tmp_path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="git cannot be used"):
        changes(tmp_path / "gone")


def test_nothing_has_changed(repository: Path) -> None:
    with pytest.raises(ActionError, match="Nothing has changed"):
        changes(repository)


def test_no_filter_that_the_repository_names_is_started(repository: Path, tmp_path: Path) -> None:
    """Git cleans the files of the folder before it compares them, with whatever program its configuration names."""
    ran = tmp_path / "ran"
    program = tmp_path / "clean"
    program.write_text(f'#!/bin/sh\ntouch "{ran}"\ncat\n')
    program.chmod(0o755)
    write(repository, {".gitattributes": "*.py filter=odd\n"})
    commit(repository, "Add attributes")
    run_git(repository, "config", "filter.odd.clean", str(program))
    run_git(repository, "config", "filter.odd.required", "true")
    write(repository, {"pay.py": "def pay():\n    return 1\n"})
    assert "+    return 1" in asked(changes(repository))
    assert not ran.exists()
    run_git(repository, "diff", "--stat")
    assert ran.exists(), "the program would have been started"


def test_a_filter_that_cannot_be_switched_off_is_not_risked(repository: Path) -> None:
    with (repository / ".git" / "config").open("a") as config:
        config.write('[filter "a=b"]\n\tclean = touch ran; cat\n')
    write(repository, {".gitattributes": "*.py filter=a=b\n", "pay.py": "def pay():\n    return 1\n"})
    with pytest.raises(ActionError, match="filter"):
        changes(repository)
    assert not (repository / "ran").exists()


def test_the_middle_of_a_secret_is_known_by_the_file_that_it_stands_in(repository: Path) -> None:
    key = "\n".join(
        ["-----BEGIN RSA PRIVATE KEY-----", *(["MIIEpAIBAAKCAQEA7" * 3] * 20), "-----END RSA PRIVATE KEY-----"]
    )
    write(repository, {"notes.txt": key + "\n"})
    commit(repository, "Add notes")
    write(repository, {"notes.txt": key.replace("A7MII", "A8MII", 30) + "\n"})
    said = asked(changes(repository))
    assert "- notes.txt" in said
    assert "MIIEpAIB" not in said
