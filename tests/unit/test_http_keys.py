"""Where a key may come from, and that no message holds one."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

import pytest

from tabby_lsp.config import HttpSettings
from tabby_lsp.engine.http import keys
from tabby_lsp.errors import ProviderRefused

SECRET = "sk-secret-1234"


def command(tmp_path: Path, code: str) -> str:
    script = tmp_path / "a key.py"
    script.write_text(code)
    return f"'{sys.executable}' '{script}' $HOME ; echo injected"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (SECRET, SECRET),
        ("${TABBY_TEST_KEY}", SECRET),
        ("pre-${TABBY_TEST_KEY}-post", f"pre-{SECRET}-post"),
        (f"  {SECRET}\n", SECRET),
        ("$TABBY_TEST_KEY", "$TABBY_TEST_KEY"),  # only with braces is it a variable
        ("", ""),
    ],
)
def test_a_key_that_is_written(text: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABBY_TEST_KEY", SECRET)
    assert keys.resolve(HttpSettings(api_key=text)) == key


def test_a_variable_that_is_not_set() -> None:
    with pytest.raises(ProviderRefused, match="TABBY_TEST_NOT_SET") as raised:
        keys.resolve(HttpSettings(api_key="${TABBY_TEST_NOT_SET}"))
    assert raised.value.remedy


@pytest.mark.parametrize("bad", [f"{SECRET}\nX-Other: 1", f"{SECRET}–", "a b", "\x00", "“quoted”"])
def test_what_no_header_may_hold_is_refused_and_not_repeated(bad: str) -> None:
    with pytest.raises(ProviderRefused) as raised:
        keys.resolve(HttpSettings(api_key=bad))
    assert bad.strip() not in str(raised.value)
    assert "`api_key`" in str(raised.value)


def test_the_first_line_of_a_command_that_is_run_without_a_shell(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    code = (
        f"import sys, pathlib; pathlib.Path({str(seen)!r}).write_text(repr(sys.argv[1:])); print('{SECRET}\\nuser: me')"
    )
    assert keys.resolve(HttpSettings(api_key_command=command(tmp_path, code))) == SECRET
    assert seen.read_text() == "['$HOME', ';', 'echo', 'injected']"


def test_a_command_runs_in_the_home_folder_and_not_in_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    for folder, key in ((home, SECRET), (project, "sk-of-a-stranger")):
        folder.mkdir()
        script = folder / "key.sh"
        script.write_text(f"#!/bin/sh\necho {key}\n")
        script.chmod(0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(project)
    assert keys.resolve(HttpSettings(api_key_command="./key.sh")) == SECRET
    assert keys.resolve(HttpSettings(api_key_command="sh key.sh")) == SECRET
    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    assert keys.resolve(HttpSettings(api_key_command="sh key.sh")) == "sk-of-a-stranger"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (f"import sys; print('{SECRET}'); print('{SECRET}', file=sys.stderr); sys.exit(3)", "code 3"),
        ("pass", "no key that can be sent"),
        ("import time; time.sleep(60)", "no key within"),
    ],
)
def test_a_command_that_fails(code: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "COMMAND_S", 1.0)
    with pytest.raises(ProviderRefused, match=says) as raised:
        keys.resolve(HttpSettings(api_key_command=command(tmp_path, code)))
    assert SECRET not in str(raised.value)
    assert "`api_key_command`" in str(raised.value)


@pytest.mark.parametrize("bad", ["/nowhere/at/all", "'unclosed", " "])
def test_a_command_that_is_none(bad: str) -> None:
    with pytest.raises(ProviderRefused, match="api_key_command"):
        keys.resolve(HttpSettings(api_key_command=bad))


def test_a_keyring_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ProviderRefused, match=r"tabby-lsp\[keyring\]"):
        keys.resolve(HttpSettings(api_key_keyring="mistral"))


def test_a_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real package where it is installed, with a backend of the test's own; else its one function that is used."""
    held = {("mistral", "tabby-lsp"): SECRET}
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        keyring = types.ModuleType("keyring")
        monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setattr(keyring, "get_password", lambda service, user: held.get((service, user)), raising=False)
    assert keys.resolve(HttpSettings(api_key_keyring="mistral")) == SECRET
    with pytest.raises(ProviderRefused, match="keyring set openai tabby-lsp"):
        keys.resolve(HttpSettings(api_key_keyring="openai"))

    def locked(service: str, user: str) -> str:
        raise PermissionError(SECRET)

    monkeypatch.setattr(keyring, "get_password", locked)
    with pytest.raises(ProviderRefused, match="cannot be read: PermissionError") as raised:
        keys.resolve(HttpSettings(api_key_keyring="mistral"))
    assert SECRET not in str(raised.value)


def test_what_is_written_goes_before_what_is_looked_up(tmp_path: Path) -> None:
    both = HttpSettings(api_key=SECRET, api_key_command="/nowhere/at/all", api_key_keyring="x")
    assert keys.resolve(both) == SECRET
    assert SECRET not in repr(both)
