"""`tabby-lsp config import --write`: no two servers are mixed into one, and a file comes out right or stays."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from tabby_lsp.cli import main


@pytest.fixture(autouse=True)
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's settings file, which does not exist yet, without the tester's own settings."""
    for name in list(os.environ):
        if name.startswith("TABBY_LSP_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "ours" / "config.toml"
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_, **__: path.parent)
    return path


CHAT = '[model.chat.http]\nkind = "openai/chat"\n'


def imported(ours: Path, mine: str, *theirs: str) -> dict[str, object]:
    """Our table after files of Tabby's have been taken over."""
    ours.parent.mkdir(exist_ok=True)
    ours.write_text(mine, encoding="utf-8")
    names = [f"t{n}.toml" for n in range(len(theirs))]
    for name, text in zip(names, theirs, strict=True):
        Path(name).write_text(text, encoding="utf-8")
    assert main(["config", "import", *names, "--write"]) == 0
    return tomllib.loads(ours.read_text(encoding="utf-8"))


GPU = CHAT + 'model_name = "x"\napi_endpoint = "http://gpu.example.com/v1"\n'
GPU_TABLE = {"kind": "openai/chat", "model_name": "x", "api_endpoint": "http://gpu.example.com/v1"}


def test_no_key_of_the_former_server_goes_to_the_new_one(ours: Path) -> None:
    mine = (
        '[model.chat.http]\nkind = "mistral/chat"\napi_key = "${MISTRAL_KEY}"\napi_key_command = "pass x"\n'
        'proxy = "http://p:1"\n[model.chat.http.rate_limit]\nrequest_per_minute = 1\n'
        '[model.completion.http]\nkind = "mistral/completion"\napi_key = "${MISTRAL_KEY}"\n[log]\nlevel = "info"\n'
    )
    assert imported(ours, mine, GPU) == {
        "model": {
            "chat": {"http": {**GPU_TABLE, "rate_limit": {}}},
            "completion": {"http": {"kind": "mistral/completion", "api_key": "${MISTRAL_KEY}"}},
        },
        "log": {"level": "info"},
    }


def test_no_address_of_the_former_server_gets_the_new_key(ours: Path) -> None:
    theirs = CHAT + 'api_key = "${NEW}"\n'
    assert imported(ours, GPU, theirs) == {"model": {"chat": {"http": {"kind": "openai/chat", "api_key": "${NEW}"}}}}


def test_two_files_are_not_mixed_into_one_server(ours: Path) -> None:
    first = (
        '[model.chat.http]\nkind = "mistral/chat"\napi_key = "${MISTRAL_KEY}"\n[completion]\nmax_decoding_tokens = 9'
    )
    assert imported(ours, "", first, GPU) == {"model": {"chat": {"http": GPU_TABLE}}, "completion": {"max_tokens": 9}}


LAYOUTS = {
    "tables apart": "[model.chat.http]\ntimeout_s = 9\n[engine]\nthreads = 2\n[model.completion.http]\ntimeout_s = 8\n",
    "an inline table": "model = {chat = {http = {timeout_s = 3}}}\n[engine]\nthreads = 1\n",
    "dotted keys": 'model.chat.http.timeout_s = 3\nmodel.name = "x"\n[engine]\nthreads = 1\n',
    "dotted keys in a table": '[model]\nname = "x"\nchat.http.timeout_s = 3\n[engine]\nthreads = 1\n',
    "another role's dotted keys": '[model]\nname = "x"\nembedding.http.timeout_s = 3\n[engine]\nthreads = 1\n',
    "a table above": '[model]\nname = "q"\n[completion]\nmax_lines = 3\n[model.chat]\n[log]\nlevel = "info"\n',
    "lines of Windows": '[model]\r\nname = "q"\r\n[completion]\r\nmax_lines = 3\r\n',
    "a table below first": '[model.chat.http.rate_limit]\nrequest_per_minute = 1\n[log]\n[model]\nname = "x"\n',
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_comes_out_right_or_stays(capsys: pytest.CaptureFixture[str], ours: Path, layout: str) -> None:
    mine = LAYOUTS[layout].encode()
    ours.parent.mkdir()
    ours.write_bytes(mine)
    Path("t.toml").write_text(GPU + '[model.completion.http]\nkind = "mistral/completion"\n', encoding="utf-8")
    code = main(["config", "import", "t.toml", "--write"])
    if code:
        assert "such as [model.chat.http]" in capsys.readouterr().err
        assert [path.name for path in ours.parent.iterdir()] == ["config.toml"]
        assert ours.read_bytes() == mine
        return
    wanted, found = tomllib.loads(mine.decode()), tomllib.loads(ours.read_text(encoding="utf-8"))
    servers = {role: {k: v for k, v in found["model"][role]["http"].items() if v} for role in ("chat", "completion")}
    mistral = {"kind": "mistral/completion", "api_endpoint": "https://api.mistral.ai"}
    assert servers == {"chat": GPU_TABLE, "completion": mistral}
    for table in (wanted, found):
        for role in servers:
            table.get("model", {}).pop(role, None)
        table.setdefault("model", {})
    assert found == wanted
