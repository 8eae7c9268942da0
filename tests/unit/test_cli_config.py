"""`tabby-lsp config`: the generated file, the reference that cannot drift, and what the actions print."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from tabby_lsp import options, schema
from tabby_lsp.cli import main, reference
from tabby_lsp.config import Settings

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with a user's file that does not exist yet, and without the tester's own settings."""
    for name in list(os.environ):
        if name.startswith("TABBY_LSP_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "home" / "config.toml"
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_, **__: path.parent)
    return path


def flat(table: dict[str, object], above: str = "") -> set[str]:
    """Dotted keys of what is no table."""
    keys: set[str] = set()
    for name, value in table.items():
        keys |= flat(value, f"{above}{name}.") if isinstance(value, dict) else {above + name}
    return keys


def test_every_section_and_setting_has_a_meaning() -> None:
    assert set(reference.meanings()) == {"", *schema.SECTIONS, *schema.SETTINGS}
    assert all(reference.meanings().values())


def test_the_generated_file_changes_nothing(elsewhere: Path) -> None:
    elsewhere.parent.mkdir()
    elsewhere.write_text(reference.render_toml(), encoding="utf-8")
    resolved = options.resolve()
    assert (resolved.settings, resolved.faults) == (Settings(), ())
    assert set(resolved.origins.values()) == {"default"}


def test_the_generated_file_without_comment_signs_sets_every_default(elsewhere: Path) -> None:
    text = re.sub(r"^#(?=\w+ = )", "", reference.render_toml(), flags=re.MULTILINE)
    keys = flat(tomllib.loads(text))
    assert keys == set(schema.SETTINGS)
    elsewhere.parent.mkdir()
    elsewhere.write_text(text, encoding="utf-8")
    resolved = options.resolve()
    assert (resolved.settings, resolved.faults) == (Settings(), ())
    assert "default" not in resolved.origins.values()


def test_the_reference_is_up_to_date() -> None:
    """Renew it with `tabby-lsp config reference > docs/settings.md`."""
    assert DOCS.read_text(encoding="utf-8") == reference.render_markdown()


def test_reference_prints_the_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "reference"]) == 0
    assert capsys.readouterr().out == reference.render_markdown()


def test_path(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    assert main(["config", "path"]) == 0
    assert capsys.readouterr().out == f"{elsewhere}\n"


def test_init_creates_once_and_replaces_when_forced(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    assert main(["config", "init"]) == 0
    assert capsys.readouterr().out == f"{elsewhere}\n"
    assert elsewhere.read_text(encoding="utf-8") == reference.render_toml()
    elsewhere.write_text("offline = true\n", encoding="utf-8")
    assert main(["config", "init"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert elsewhere.read_text(encoding="utf-8") == "offline = true\n"
    assert main(["config", "init", "--force"]) == 0
    assert elsewhere.read_text(encoding="utf-8") == reference.render_toml()


def test_init_print_writes_nothing(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    assert main(["config", "init", "--print"]) == 0
    assert capsys.readouterr().out == reference.render_toml()
    assert not elsewhere.exists()


def test_init_where_nothing_can_be_written(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").write_text("")
    monkeypatch.setenv("TABBY_LSP_CONFIG", "file/config.toml")
    assert main(["config", "init"]) == 1
    assert "file/config.toml cannot be written: " in capsys.readouterr().err


def test_check_lists_all_faults(capsys: pytest.CaptureFixture[str], elsewhere: Path) -> None:
    assert main(["config", "check"]) == 0
    assert capsys.readouterr().out == "No faults.\n"
    elsewhere.parent.mkdir()
    elsewhere.write_text("ofline = true\n[completion]\ncandidates = 9\n", encoding="utf-8")
    project = Path("project")
    project.mkdir()
    (project / schema.PROJECT_FILE).write_text("[model]\npath = '/x'\n", encoding="utf-8")
    assert main(["config", "check", "--project", "project"]) == 1
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f"{elsewhere}: ofline: unknown setting, ignored; did you mean offline?"
    assert second.startswith(f"{elsewhere}: completion.candidates: expected a whole number from 1 to 8, got 9")
    assert third == f'{project / ".tabby-lsp.toml"}: model.path: a project may not set this; using "" (default)'


def test_show_prints_values_with_their_origins(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TABBY_LSP_MODEL_NAME", "[bold]x")
    monkeypatch.setenv("TABBY_LSP_LOG_LEVEL", "loud")
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["config", "show"]) == 0
    out, err = capsys.readouterr()
    rows = {line.split()[0]: line.split() for line in out.splitlines()}
    assert rows["model.name"] == ["model.name", '"[bold]x"', "environment"]
    assert rows["completion.max_tokens"] == ["completion.max_tokens", "96", "default"]
    assert set(schema.SETTINGS) <= set(rows)
    assert err.startswith("environment: TABBY_LSP_LOG_LEVEL: expected one of ")


def test_show_has_no_keys(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
    elsewhere.parent.mkdir()
    elsewhere.write_text(
        '[model.chat.http]\napi_key = "sk-1"\nproxy = "http://me:sk-2@proxy:1"\n[model.completion.http]\n'
        'api_key = "${MY_KEY}"\n[index]\nstorage_options = ["region=x", "secret_key=sk-3"]\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("COLUMNS", "200")
    for words in (["show"], ["show", "--json"], ["check"]):
        assert main(["config", *words]) == 0
        out, err = capsys.readouterr()
        assert "sk-" not in out + err
        if words == ["show"]:
            rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
            assert rows["model.chat.http.api_key"] == ['"…"', str(elsewhere)]
            assert rows["model.chat.http.proxy"][0] == '"http://…@proxy:1"'
            assert rows["model.completion.http.api_key"][0] == '"${MY_KEY}"'
            assert rows["model.embedding.http.api_key"] == ['""', "default"]
            assert rows["index.storage_options"][:2] == ['["region=…",', '"secret_key=…"]']


def test_show_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABBY_LSP_COMPLETION_DISABLED_LANGUAGES", "c,lua")
    monkeypatch.setenv("TABBY_LSP_OFFLINE", "perhaps")
    assert main(["config", "show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["settings"]["completion"]["disabled_languages"] == ["c", "lua"]
    assert shown["origins"]["completion.disabled_languages"] == "environment"
    assert [fault["place"] for fault in shown["faults"]] == ["environment: TABBY_LSP_OFFLINE"]
    assert options.resolve(None, shown["settings"], {"TABBY_LSP_CONFIG": os.devnull}).faults == ()


@pytest.mark.parametrize("words", [[], ["shwo"], ["show", "--nothing"]])
def test_wrong_usage(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["config", *words])
    assert left.value.code == 2
    assert "usage: tabby-lsp" in capsys.readouterr().err
