"""`tabby-lsp config import`: what files of Tabby's come to, what is left and why, and how they are written."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from tabby_lsp import options, rules
from tabby_lsp.cli import main
from tabby_lsp.tabby_config import OURS, take_over

KNOWN = {"qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b-instruct"}


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


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        (CHAT, {"model.chat.http.kind": "openai/chat"}),
        (
            CHAT + "[model.chat.http.rate_limit]\nrequest_per_minute = 5",
            {"model.chat.http.kind": "openai/chat", "model.chat.http.rate_limit.request_per_minute": 5},
        ),
        (
            CHAT + "request_limit = { request_per_minute = 5 }",
            {"model.chat.http.kind": "openai/chat", "model.chat.http.rate_limit.request_per_minute": 5},
        ),
        (
            '[model.completion.http]\nkind = "mistral/completion"\nmodel_name = "codestral-latest"',
            {
                "model.completion.http.kind": "mistral/completion",
                "model.completion.http.model_name": "codestral-latest",
                "model.completion.http.api_endpoint": "https://api.mistral.ai",
            },
        ),
        (
            (
                '[model.completion.http]\nkind = "ollama/completion"\nprompt_template = "<PRE> {prefix} <SUF>{suffix}"'
                '\nadditional_stop_words = ["\\n\\n", "</s>"]\napi_endpoint = "http://localhost:11434"\n'
            ),
            {
                "model.completion.http.kind": "ollama/completion",
                "model.completion.http.prompt_template": "<PRE> {prefix} <SUF>{suffix}",
                "model.completion.http.additional_stop_words": ("\n\n", "</s>"),
                "model.completion.http.api_endpoint": "http://localhost:11434",
            },
        ),
        (
            '[model.completion.local]\nmodel_id = "Qwen2.5-Coder-1.5B"\nnum_gpu_layers = 9999\ncontext_size = 8192',
            {
                "model.completion.local.name": "qwen2.5-coder-1.5b",
                "model.completion.local.gpu_layers": -1,
                "model.completion.local.context": 8192,
            },
        ),
        (
            '[model.chat.local]\nmodel_id = "TabbyML/Qwen2.5-Coder-0.5B-Instruct"\nnum_gpu_layers = 12',
            {"model.chat.local.name": "qwen2.5-coder-0.5b-instruct", "model.chat.local.gpu_layers": 12},
        ),
        (
            "[completion]\nmax_input_length = 1536\nmax_decoding_tokens = 64",
            {"completion.prefix_tokens": 384, "completion.max_tokens": 64},
        ),
    ],
)
def test_what_is_taken_over(text: str, values: dict[str, object]) -> None:
    found = take_over(tomllib.loads(text), KNOWN)
    assert (found.values, found.left) == (values, {})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('[[repositories]]\ngit_url = "https://me:pw@x"', {"repositories": "editor opens"}),
        (
            '[server]\nendpoint = "http://x"\ntoken = "auth_1"',
            {"server.endpoint": "no Tabby", "server.token": "no Tabby"},
        ),
        ('[model.completion.local]\nmodel_id = "StarCoder-1B"', {"model.completion.local.model_id": "no such model"}),
        ('[model.embedding.local]\nmodel_id = "Nomic-Embed-Text"', {"model.embedding.local.model_id": "no such model"}),
        (
            '[model.embedding.http]\nkind = "llama.cpp/before_b4356_embedding"\napi_endpoint = "http://x"',
            {"model.embedding.http.kind": "before_b4356", "model.embedding.http.api_endpoint": "before_b4356"},
        ),
        ('[model.chat.http]\napi_key = "sk-1"', {"model.chat.http.api_key": "does not say its kind"}),
        ("[model.chat.http]\nkind = 5", {"model.chat.http.kind": "does not say its kind"}),
        (CHAT + "model_name = 5", {"model.chat.http.model_name": "text on one line"}),
        (CHAT + 'chat_template = "x"', {"model.chat.http.chat_template": "know their models' templates"}),
        (CHAT + 'supported_models = ["a"]', {"model.chat.http.supported_models": "one model"}),
        ("[model.chat.local]\nparallelism = 3", {"model.chat.local.parallelism": "newest first"}),
        ("[completion]\nmax_decoding_tokens = 5000", {"completion.max_decoding_tokens": "from 1 to 4096"}),
        (
            "[completion.code_search_params]\nnum_to_return = 3",
            {"completion.code_search_params.num_to_return": "search"},
        ),
        ("[completion]\ndisable = true", {"completion.disable": "no counterpart"}),
        ("[anonymousUsageTracking]\ndisable = true", {"anonymousUsageTracking.disable": "nothing is tracked"}),
        ("surprise = 1", {"surprise": "no counterpart"}),
        ("model = 1", {"model": "no counterpart"}),
    ],
)
def test_what_is_left_and_why(text: str, left: dict[str, str]) -> None:
    found = take_over(tomllib.loads(text), KNOWN)
    assert list(found.left) == list(left)
    for key, why in left.items():
        assert why in found.left[key]
        assert OURS.get(key) not in found.values
    assert not [secret for secret in ("pw", "auth_1", "sk-1") if secret in str(found)]


def test_what_is_ours_exists_and_is_never_a_projects() -> None:
    from tabby_lsp.schema import SETTINGS

    assert set(OURS.values()) <= set(SETTINGS)
    assert not [key for key in OURS.values() if key.startswith("model.") and key in rules.PROJECT_MAY_SET]


def test_nothing_is_written_unless_asked(capsys: pytest.CaptureFixture[str], ours: Path) -> None:
    Path("tabby.toml").write_text(CHAT + 'api_key = "sk-1"\n[server]\ntoken = "auth_1"\n', encoding="utf-8")
    assert main(["config", "import", "tabby.toml"]) == 0
    out = capsys.readouterr().out
    assert 'model.chat.http.kind = "openai/chat"' in out
    assert "a key in plain text" in out
    assert "Nothing was written" in out
    assert "sk-1" not in out
    assert "auth_1" not in out
    assert not ours.exists()


def test_both_places_are_looked_at(capsys: pytest.CaptureFixture[str], tmp_path: Path, ours: Path) -> None:
    assert main(["config", "import"]) == 1
    assert "There is no ~/.tabby/config.toml" in capsys.readouterr().err
    for folder, text in ((".tabby", CHAT), (".tabby-client/agent", '[server]\nendpoint = "http://x"\n')):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "config.toml").write_text(text, encoding="utf-8")
    assert main(["config", "import", "--write"]) == 0
    out = capsys.readouterr().out
    assert "no Tabby server here" in out
    resolved = options.resolve()
    assert (resolved.settings.model.chat.http.kind, resolved.faults) == ("openai/chat", ())
    assert ours.stat().st_mode & 0o777 == 0o600


MINE = """\
# mine
offline = false  # it may

[model.chat.http]
model_name = "old" # the old one
"""


def test_writing_keeps_comments_and_what_was(capsys: pytest.CaptureFixture[str], tmp_path: Path, ours: Path) -> None:
    ours.parent.mkdir()
    real = tmp_path / "dotfiles.toml"
    real.write_text(MINE, encoding="utf-8")
    ours.symlink_to(real)
    Path("t.toml").write_text(CHAT + 'model_name = "new"\nrate_limit.request_per_minute = 5\n', encoding="utf-8")
    for turn in (1, 2):
        assert main(["config", "import", "t.toml", "--write"]) == 0
        kept = real.with_name(f"{real.name}.{turn}")
        assert str(kept) in capsys.readouterr().out
        assert kept.stat().st_mode & 0o777 == 0o600
    assert ours.is_symlink()
    assert (tmp_path / "dotfiles.toml.1").read_text(encoding="utf-8") == MINE
    text = real.read_text(encoding="utf-8")
    assert text.startswith("# mine\noffline = false  # it may\n")
    assert 'model_name = "new" # the old one' in text
    resolved = options.resolve()
    assert resolved.faults == ()
    http = resolved.settings.model.chat.http
    assert (http.kind, http.model_name, http.rate_limit.request_per_minute) == ("openai/chat", "new", 5)


@pytest.mark.parametrize(
    ("mine", "message"),
    [
        ("model = 3\n", "model in your settings file is no table"),
        ("x = = 1", "line 1, column 5: not valid TOML"),
        (b"\xff", "not valid"),
    ],
)
def test_a_file_that_cannot_be_changed_stays(
    capsys: pytest.CaptureFixture[str], ours: Path, mine: str | bytes, message: str
) -> None:
    ours.parent.mkdir()
    raw = mine if isinstance(mine, bytes) else mine.encode()
    ours.write_bytes(raw)
    Path("t.toml").write_text(CHAT, encoding="utf-8")
    assert main(["config", "import", "t.toml", "--write"]) == 1
    assert message in capsys.readouterr().err
    assert [path.name for path in ours.parent.iterdir()] == ["config.toml"]
    assert ours.read_bytes() == raw


@pytest.mark.parametrize(
    ("text", "message"),
    [("x = = 1", "line 1, column 5"), ("#" * (1 << 20) + "\n", "larger than"), (None, "cannot be read")],
)
def test_tabbys_file_that_cannot_be_read(capsys: pytest.CaptureFixture[str], text: str | None, message: str) -> None:
    if text is not None:
        Path("t.toml").write_text(text, encoding="utf-8")
    assert main(["config", "import", "t.toml"]) == 1
    assert message in capsys.readouterr().err


def test_nothing_to_take_over(capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.toml").write_text('[server]\nendpoint = "http://x"\n', encoding="utf-8")
    assert main(["config", "import", "t.toml", "--write"]) == 1
    assert "There is nothing to take over." in capsys.readouterr().out
