"""Layers, faults and limits of the settings: what counts, what is refused, and that nothing a person writes raises."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tabby_lsp import options, rules, schema
from tabby_lsp.config import Settings
from tabby_lsp.options import resolve

Write = Callable[[str | bytes], dict[str, str]]
NO_FILE = {"TABBY_LSP_CONFIG": os.devnull}


def value_of(resolved: options.Resolved, key: str) -> object:
    value: object = resolved.settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


def nested(key: str, value: object) -> dict[str, object]:
    """What a client sends for one dotted key."""
    for name in reversed(key.split(".")):
        value = {name: value}
    assert isinstance(value, dict)
    return value


@pytest.fixture
def user(tmp_path: Path) -> Write:
    """Write the user's file and return the environment that names it."""

    def write(text: str | bytes) -> dict[str, str]:
        path = tmp_path / "config.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return {"TABBY_LSP_CONFIG": str(path)}

    return write


def project(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / schema.PROJECT_FILE).write_text(text, encoding="utf-8")
    return folder


def test_nothing_said_gives_the_defaults() -> None:
    resolved = resolve(environment=NO_FILE)
    assert resolved.settings == Settings()
    assert resolved.faults == ()
    assert set(resolved.origins) == set(schema.SETTINGS)
    assert set(resolved.origins.values()) == {"default"}


def test_every_layer_wins_over_the_one_before(user: Write, tmp_path: Path) -> None:
    text = "[completion]\nmax_tokens = 1\nmax_lines = 1\ncandidates = 1\ndeadline_ms = 1\n"
    environment = user(text) | {"TABBY_LSP_COMPLETION_CANDIDATES": "3", "TABBY_LSP_COMPLETION_DEADLINE_MS": "3"}
    roots = [
        project(tmp_path / "one", "[completion]\nmax_lines = 2\ncandidates = 2\ndeadline_ms = 2\n"),
        project(tmp_path / "two", "[completion]\nsuffix_tokens = 5\n"),
    ]
    resolved = resolve(roots, {"completion": {"deadlineMs": 4}}, environment)
    assert resolved.faults == ()
    found = resolved.settings.completion
    assert (found.max_tokens, found.max_lines, found.candidates, found.deadline_ms) == (1, 2, 3, 4)
    assert found.suffix_tokens == 5
    assert {key: value for key, value in resolved.origins.items() if value != "default"} == {
        "completion.max_tokens": str(tmp_path / "config.toml"),
        "completion.max_lines": str(tmp_path / "one" / ".tabby-lsp.toml"),
        "completion.suffix_tokens": str(tmp_path / "two" / ".tabby-lsp.toml"),
        "completion.candidates": "environment",
        "completion.deadline_ms": "client",
    }


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("completion.max_tokens", True, "expected a whole number from 1 to 4096, got true; using 96 (default)"),
        ("completion.max_tokens", "96", 'expected a whole number from 1 to 4096, got "96"; using 96 (default)'),
        ("completion.max_tokens", 0, "expected a whole number from 1 to 4096, got 0; using 96 (default)"),
        ("completion.max_tokens", 1.5, "expected a whole number from 1 to 4096, got 1.5; using 96 (default)"),
        pytest.param("completion.max_tokens", 1 << 40000, "got a huge number", id="huge"),
        ("completion.max_tokens", {"a": 1}, "got a table"),
        ("completion.candidates", 9, "expected a whole number from 1 to 8, got 9; using 3 (default)"),
        ("engine.context", 255, "from 256 to 1048576, got 255"),
        ("engine.threads", -1, "from 0 to 1024, got -1"),
        ("completion.temperature", 2.1, "expected a number from 0 to 2, got 2.1; using 0.0 (default)"),
        ("completion.temperature", float("nan"), "got nan"),
        ("completion.temperature", False, "got false"),
        ("completion.enabled", 1, "expected true or false, got 1; using true (default)"),
        ("completion.sampler", "Greedy", 'expected one of "greedy", "infill", got "Greedy"'),
        ("completion.disabled_languages", "python", 'expected a list of texts, got "python"; using [] (default)'),
        ("completion.disabled_languages", ["python", 1], "expected a list of texts, got a list"),
        ("model.path", "a\nb", 'expected text on one line, got "a\\nb"'),
        ("model.path", "\x1b[31m\u202e", r'got "\u001b[31m\u202e"'),
        ("model.path", "\ud800", r'got "\ud800"'),
        ("model.name", 5, "expected text on one line, got 5"),
    ],
)
def test_wrong_values_are_named_and_the_default_stands(key: str, value: object, message: str) -> None:
    resolved = resolve(None, nested(key, value), NO_FILE)
    (fault,) = resolved.faults
    assert fault.place == f"client: {key}"
    assert message in fault.message
    assert str(fault) == f"{fault.place}: {fault.message}"
    assert resolved.settings == Settings()
    assert resolved.origins[key] == "default"


@pytest.mark.parametrize("key", rules.LIMITS)
def test_both_limits_are_allowed_and_their_neighbours_are_not(key: str) -> None:
    low, high = rules.LIMITS[key]
    for value, right in ((low, True), (high, True), (low - 1, False), (high + 1, False)):
        resolved = resolve(None, nested(key, value), NO_FILE)
        assert (resolved.faults == ()) is right
        if right:
            assert value_of(resolved, key) == value
            assert type(value_of(resolved, key)) is schema.SETTINGS[key].type


def test_a_fault_names_what_counts_in_the_end(user: Write) -> None:
    environment = user("[completion]\nmax_tokens = 0\n") | {"TABBY_LSP_COMPLETION_MAX_TOKENS": "7"}
    (fault,) = resolve(environment=environment).faults
    assert fault.message.endswith("got 0; using 7 (environment)")


def test_all_faults_are_reported_and_the_rest_is_used(user: Write, tmp_path: Path) -> None:
    text = """
    ofline = true
    model = ["a"]
    [completion]
    max_tokns = 5
    max_tokens = "many"
    max_lines = 3
    [engine]
    temperature = 1
    [complation]
    max_lines = 4
    [log.level]
    deep = 1
    """
    resolved = resolve(environment=user(text))
    path = tmp_path / "config.toml"
    assert [str(fault) for fault in resolved.faults] == [
        f"{path}: ofline: unknown setting, ignored; did you mean offline?",
        f"{path}: model: expected a table, got a list; nothing in it is used",
        f"{path}: completion.max_tokns: unknown setting, ignored; did you mean completion.max_tokens?",
        f'{path}: completion.max_tokens: expected a whole number from 1 to 4096, got "many"; using 96 (default)',
        (
            f"{path}: engine.temperature: unknown setting, ignored; did you mean completion.temperature or "
            "actions.temperature?"
        ),
        f"{path}: complation: unknown setting, ignored; did you mean completion?",
        f'{path}: log.level: expected one of "debug", "info", "warning", "error", got a table; using "info" (default)',
    ]
    assert resolved.settings == dataclasses.replace(
        Settings(),
        completion=dataclasses.replace(Settings().completion, max_lines=3),
    )


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("offline = true\n[completion\n", ": line 2, column 12", "not valid TOML: "),
        ("offline = true\r\nx = = 1\r\n", ": line 2, column 5", "not valid TOML: Invalid value"),
        ("offline = [1,\n2", ": line 2, column 2", "not valid TOML: "),
        ("offline = true\noffline = false", ": line 2, column 16", "not valid TOML: Cannot overwrite a value"),
        (b"# caf\xc3\xa9\nx = '\xe9'", ": line 2, column 6", "the bytes are not UTF-8"),
        pytest.param("x = " + "[" * 100_000, "", "nested too deeply", id="deep"),
        pytest.param("x = " + "9" * 5000, "", "not valid TOML: ", id="digits"),
        pytest.param("#" * (schema.LARGEST_USER_FILE + 1), "", "larger than 1048576 bytes", id="large"),
    ],
)
def test_toml_that_cannot_be_read_names_line_and_column(
    user: Write, text: str | bytes, place: str, message: str
) -> None:
    environment = user(text)
    (fault,) = resolve(environment=environment).faults
    assert fault.place == environment["TABBY_LSP_CONFIG"] + place
    assert message in fault.message
    where = environment["TABBY_LSP_CONFIG"]  # it may have said so
    assert fault.message.endswith(f"nothing in it is used; using offline = true ({where})")


def test_a_byte_order_mark_is_no_fault(user: Write) -> None:
    resolved = resolve(environment=user(b"\xef\xbb\xbfoffline = true\r\n"))
    assert resolved.settings.offline
    assert resolved.faults == ()


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, message in (
        (tmp_path / "missing.toml", "there is no such file, though TABBY_LSP_CONFIG names it"),
        (tmp_path, "not a regular file"),
        (pipe, "not a regular file"),
        (Path("/dev/zero"), "not a regular file"),
        (tmp_path / ("x" * 300), "cannot be read (File name too long)"),
        (tmp_path / "a\0b", "embedded null"),  # Python's own words, others in 3.14
    ):
        resolved = resolve(environment={"TABBY_LSP_CONFIG": str(path)})
        assert resolved.settings == Settings(offline=not path.name.startswith("missing"))
        (fault,) = resolved.faults
        assert message in fault.message
        assert "\0" not in str(fault)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(user: Write) -> None:
    environment = user("offline = true")
    Path(environment["TABBY_LSP_CONFIG"]).chmod(0)
    (fault,) = resolve(environment=environment).faults
    assert "cannot be read (Permission denied)" in fault.message


def test_the_users_file_lies_in_the_configuration_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_, **__: tmp_path / ".config" / "tabby-lsp")
    path = tmp_path / ".config" / "tabby-lsp" / "config.toml"
    assert options.config_file({}) == path
    assert resolve(environment={}).faults == ()
    path.parent.mkdir(parents=True)
    path.write_text("offline = 1")
    (fault,) = resolve(environment={}).faults
    assert fault.place == "~/.config/tabby-lsp/config.toml: offline"
    assert options.config_file({"TABBY_LSP_CONFIG": "~/other.toml"}) == tmp_path / "other.toml"


# --- what a cloned repository may say


def test_what_a_project_may_set_is_a_decision_for_every_setting() -> None:
    """A new setting in [completion] or [context] fails here until someone has decided; anything else stays closed."""
    may = {key for key in schema.SETTINGS if key.startswith(("completion.", "context."))}
    may |= {"offline", "index.enabled", "index.watch"}
    may |= {f"actions.{name}" for name in ("enabled", "max_tokens", "temperature", "confirm", "stream", "disabled")}
    assert set(rules.PROJECT_MAY_SET) == may
    assert set(rules.PROJECT_MAY_SET) <= set(schema.SETTINGS)


@pytest.mark.parametrize("key", [key for key in schema.SETTINGS if key not in rules.PROJECT_MAY_SET])
def test_a_project_may_not_set_the_rest(key: str, tmp_path: Path) -> None:
    section, _, name = key.rpartition(".")
    setting = schema.SETTINGS[key]
    text = f'"{setting.choices[-1] if setting.choices else "/x"}"'
    value = {str: text, bool: "false", tuple: '["x=y"]'}.get(setting.type, "300")
    resolved = resolve(project(tmp_path, f"[{section}]\n{name} = {value}\n"), None, NO_FILE)
    (fault,) = resolved.faults
    assert fault.place == f"{tmp_path / '.tabby-lsp.toml'}: {key}"
    assert fault.message.startswith("a project may not set this; using ")
    assert resolved.settings == Settings()


def test_a_project_may_turn_the_network_off_but_not_on(user: Write, tmp_path: Path) -> None:
    off = resolve(project(tmp_path / "off", "offline = true"), None, NO_FILE)
    assert off.settings.offline
    assert off.faults == ()
    on = resolve(project(tmp_path / "on", "offline = false"), None, user("offline = true"))
    assert on.settings.offline
    (fault,) = on.faults
    assert fault.message.startswith("a project may only set this to true; using true (")
    both = resolve([tmp_path / "off", tmp_path / "on"], None, NO_FILE)
    assert both.settings.offline


def test_a_projects_file_cannot_hold_up_the_start(tmp_path: Path) -> None:
    (fault,) = resolve(project(tmp_path, ".".join("a" * 20_000) + " = 1"), None, NO_FILE).faults
    assert "larger than 16384 bytes" in fault.message
    nonsense = resolve(project(tmp_path, "\n".join(f"complet{n} = 1" for n in range(900))), None, NO_FILE)
    assert len(nonsense.faults) == 900
    assert sum("did you mean" in fault.message for fault in nonsense.faults) <= schema.MOST_GUESSES


def test_names_in_a_projects_file_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    resolved = resolve(project(tmp_path, r'"\u001b[2J\n" = 1' + "\n" + r'completion."\u009b" = 1'), None, NO_FILE)
    assert len(resolved.faults) == 2
    assert all(str(fault).isprintable() for fault in resolved.faults)


# --- environment


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("TABBY_LSP_OFFLINE", "TRUE", "offline", True),
        ("TABBY_LSP_OFFLINE", "1", "offline", True),
        ("TABBY_LSP_COMPLETION_ENABLED", "off", "completion.enabled", False),
        ("TABBY_LSP_COMPLETION_MAX_TOKENS", " 7 ", "completion.max_tokens", 7),
        ("TABBY_LSP_ENGINE_GPU_LAYERS", "-1", "engine.gpu_layers", -1),
        ("TABBY_LSP_COMPLETION_TEMPERATURE", "1", "completion.temperature", 1.0),
        ("TABBY_LSP_COMPLETION_DISABLED_LANGUAGES", "c, python,,", "completion.disabled_languages", ("c", "python")),
        ("TABBY_LSP_COMPLETION_DISABLED_LANGUAGES", "", "completion.disabled_languages", ()),
        ("TABBY_LSP_MODEL_NAME", "1.5b", "model.name", "1.5b"),
        ("TABBY_LSP_MODEL_PATH", "~/m.gguf", "model.path", str(Path.home() / "m.gguf")),
        ("TABBY_LSP_LOG_LEVEL", "debug", "log.level", "debug"),
    ],
)
def test_variables_are_read_in_the_type_of_their_field(name: str, text: str, key: str, value: object) -> None:
    resolved = resolve(environment=NO_FILE | {name: text})
    assert resolved.faults == ()
    assert value_of(resolved, key) == value
    assert type(value_of(resolved, key)) is type(value)
    assert resolved.origins[key] == "environment"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("TABBY_LSP_OFFLINE", "", 'expected true or false, got ""'),
        ("TABBY_LSP_ENGINE_THREADS", "4.0", 'expected a whole number from 0 to 1024, got "4.0"'),
        ("TABBY_LSP_ENGINE_THREADS", "-4", "expected a whole number from 0 to 1024, got -4"),
        pytest.param("TABBY_LSP_ENGINE_THREADS", "9" * 5000, 'from 0 to 1024, got "999', id="digits"),
        ("TABBY_LSP_COMPLETION_TEMPERATURE", "warm", 'expected a number from 0 to 2, got "warm"'),
        ("TABBY_LSP_COMPLETION_TEMPERATURE", "nan", "got nan"),
        ("TABBY_LSP_LOG_LEVL", "info", "unknown setting, ignored; did you mean TABBY_LSP_LOG_LEVEL?"),
    ],
)
def test_wrong_variables(name: str, text: str, message: str) -> None:
    resolved = resolve(environment=NO_FILE | {name: text})
    (fault,) = resolved.faults
    assert fault.place == f"environment: {name}"
    assert message in fault.message
    assert resolved.settings == Settings()


@pytest.mark.parametrize("layer", [{"initialization_options": {"offline": "yes"}}, {"TABBY_LSP_OFFLINE": "maybe"}])
def test_an_unreadable_wish_for_privacy_is_granted(layer: dict[str, object]) -> None:
    if "initialization_options" in layer:
        resolved = resolve(environment=NO_FILE, **layer)  # type: ignore[arg-type]
    else:
        resolved = resolve(environment=NO_FILE | layer)  # type: ignore[operator]
    (fault,) = resolved.faults
    assert "expected true or false" in fault.message
    assert "using true" in fault.message
    assert resolved.settings.offline


def test_variables_that_are_no_settings() -> None:
    environment = NO_FILE | {"TABBY_LSP_MODELS": "/x", "TABBY_LSPX": "1", "TABBY": "1", "tabby_lsp_offline": "1"}
    assert resolve(environment=environment).faults == ()


def test_no_two_settings_share_a_variable() -> None:
    assert len(schema.VARIABLES) == len(schema.SETTINGS)
    assert not schema.VARIABLES.keys() & schema.VARIABLES_APART


# --- the client


@pytest.mark.parametrize(
    "sent",
    [
        {"completion": {"max_tokens": 7}},
        {"completion": {"maxTokens": 7}},
        {"completion": {"maxTokens": 7.0, "sampler": None}, "model": None, "log": []},
        {"tabby-lsp": {"completion": {"maxTokens": 7}}},
        {"tabby_lsp": {"completion": {"max_tokens": 7, "disabledLanguages": {}}}, "python": {"analysis": 1}},
    ],
)
def test_shapes_that_clients_send(sent: object) -> None:
    resolved = resolve(None, sent, NO_FILE)
    assert resolved.faults == ()
    assert resolved.settings.completion == dataclasses.replace(Settings().completion, max_tokens=7)
    assert resolved.origins["completion.max_tokens"] == "client"


@pytest.mark.parametrize("sent", [None, {}, [], {"tabby-lsp": None}, {"tabby-lsp": {}}, {"tabby-lsp": []}])
def test_empty_shapes_that_clients_send(sent: object) -> None:
    resolved = resolve(None, sent, NO_FILE)
    assert (resolved.settings, resolved.faults) == (Settings(), ())


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        ("offline", 'client: expected an object, got "offline"; nothing in it is used'),
        ([1], "client: expected an object, got a list; nothing in it is used"),
        (True, "client: expected an object, got true; nothing in it is used"),
        ({"tabby-lsp": 3}, "client: tabby-lsp: expected an object, got 3; nothing in it is used"),
        ({"tabby-lsp": {}, "offline": True}, 'client: offline: ignored beside "tabby-lsp"; move it inside'),
        ({"tabby-lsp": {}, "tabby_lsp": {}}, 'client: tabby_lsp: ignored beside "tabby-lsp"; move it inside'),
        ({"completion": [1]}, "client: completion: expected a table, got a list; nothing in it is used"),
        (
            {"completion": {"maxTokns": 1}},
            "client: completion.maxTokns: unknown setting, ignored; did you mean completion.max_tokens?",
        ),
        (
            {"completion.max_tokens": 1},
            "client: completion.max_tokens: unknown setting, ignored; it belongs into a table",
        ),
        (
            {"completion": {"maxTokens": 1, "max_tokens": 96}},
            "client: completion.maxTokens: given twice; max_tokens is used",
        ),
    ],
)
def test_wrong_shapes_from_clients(sent: object, fault: str) -> None:
    resolved = resolve(None, sent, NO_FILE)
    assert [str(one) for one in resolved.faults] == [fault]
    assert resolved.settings == Settings()


# --- tables in tables

DEEP = """
[model.chat]
http.kind = "openai/chat"
local = { name = "a-model", context = 512 }
[model.chat.http]
api_endpoint = "http://localhost:8080/v1"
additional_stop_words = ["\\n\\n", "###"]
[model.chat.http.rate_limit]
request_per_minute = 12
"""


def test_every_layer_reaches_every_depth(user: Write) -> None:
    text = DEEP.replace('http.kind = "openai/chat"\n', "").replace("api_end", 'kind = "openai/chat"\napi_end')
    environment = user(text) | {"TABBY_LSP_MODEL_CHAT_HTTP_MODEL_NAME": "m", "TABBY_LSP_MODEL_EMBEDDING_HTTP_KIND": ""}
    sent = {"model": {"chat": {"http": {"rateLimit": {"requestPerMinute": 7.0}, "additionalStopWords": None}}}}
    resolved = resolve(None, sent, environment)
    assert resolved.faults == ()
    chat = resolved.settings.model.chat
    assert (chat.http.kind, chat.http.api_endpoint, chat.http.model_name) == (
        "openai/chat",
        "http://localhost:8080/v1",
        "m",
    )
    assert chat.http.additional_stop_words == ("\n\n", "###")
    assert (chat.local.name, chat.local.context, chat.http.rate_limit.request_per_minute) == ("a-model", 512, 7)
    untouched = dataclasses.replace(resolved.settings.model, chat=Settings().model.chat)
    assert dataclasses.replace(resolved.settings, model=untouched) == Settings()
    assert resolved.origins["model.chat.http.model_name"] == "environment"
    assert resolved.origins["model.chat.http.rate_limit.request_per_minute"] == "client"


@pytest.mark.parametrize("key", schema.SETTINGS)
def test_every_setting_can_be_set_by_a_client_and_a_variable(key: str) -> None:
    setting = schema.SETTINGS[key]
    other = {bool: not setting.default, str: setting.choices[-1] if setting.choices else "a", tuple: ("a=b",)}
    value = other[setting.type] if setting.limits is None else setting.accept(setting.limits[1])
    text = {bool: str(value).lower(), tuple: "a=b"}.get(setting.type, str(value))
    variable = next(name for name, meant in schema.VARIABLES.items() if meant == key)
    for resolved in (resolve(None, nested(key, value), NO_FILE), resolve(None, None, NO_FILE | {variable: text})):
        assert resolved.faults == ()
        assert value_of(resolved, key) == value
        assert [changed for changed, origin in resolved.origins.items() if origin != "default"] == [key]


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (
            {"model": {"chat": {"http": {"kinds": "openai/chat"}}}},
            "model.chat.http.kinds: unknown setting, ignored; did you mean model.chat.http.kind?",
        ),
        (
            {"model": {"chat": {"apiKey": "sk-1"}}},
            "model.chat.apiKey: unknown setting, ignored; did you mean model.chat.http.api_key?",
        ),
        (
            {"model": {"embedding": {"http": {"requestPerMinute": 5}}}},
            (
                "model.embedding.http.requestPerMinute: unknown setting, ignored; "
                "did you mean model.embedding.http.rate_limit.request_per_minute?"
            ),
        ),
        (
            {"model": {"kind": "openai/chat"}},
            (
                "model.kind: unknown setting, ignored; did you mean model.completion.http.kind or "
                "model.chat.http.kind or model.embedding.http.kind?"
            ),
        ),
        ({"gpu_layers": 3}, "gpu_layers: unknown setting, ignored; did you mean engine.gpu_layers?"),
        ({"chat": {}}, "chat: unknown setting, ignored; did you mean model.chat?"),
        ({"model.chat": {}}, "model.chat: unknown setting, ignored; it belongs into a table"),
        ({"model": {"chat": 3}}, "model.chat: expected a table, got 3; nothing in it is used"),
        (
            {"model": {"completion": {"http": {"rateLimit": "sk-1"}}}},
            "model.completion.http.rate_limit: expected a table, got text; nothing in it is used",
        ),
        (
            {"model": {"chat": {"local": {"gpuLayers": -3}}}},
            "model.chat.local.gpu_layers: expected a whole number from -2 to 1024, got -3; using -2 (default)",
        ),
    ],
)
def test_faults_name_the_whole_path(sent: object, fault: str) -> None:
    resolved = resolve(None, sent, NO_FILE)
    assert [str(one) for one in resolved.faults] == [f"client: {fault}"]
    assert resolved.settings == Settings()


def test_what_follows_from_settings_is_no_setting() -> None:
    assert not [key for key in schema.SETTINGS if key.startswith("index.http")]
    (fault,) = resolve(None, {"index": {"http": {"kind": "openai/embedding"}}}, NO_FILE).faults
    assert "unknown setting" in fault.message


# --- where code goes

SERVER = {"kind": "openai/chat", "api_endpoint": "https://one.example/v1"}


@pytest.mark.parametrize(
    ("later", "kind"),
    [
        ({"kind": "local"}, ""),
        ({"api_endpoint": 5}, ""),
        ({"api_endpoint": 5, "kind": "mistral/chat"}, ""),
        ({"api_endpoint": "https://two.example/\n"}, ""),
        ({"kind": "mistral/chat"}, "mistral/chat"),
        ({"fallback": "remote"}, "openai/chat"),
        ({"model_name": 5}, "openai/chat"),
    ],
)
def test_nothing_goes_on_to_a_server_that_was_replaced(user: Write, later: dict[str, object], kind: str) -> None:
    lines = "".join(f'{name} = "{value}"\n' for name, value in SERVER.items())
    resolved = resolve(None, {"model": {"chat": {"http": later}}}, user(f"[model.chat.http]\n{lines}"))
    http = resolved.settings.model.chat.http
    assert (http.kind, http.fallback) == (kind, "none")
    assert (kind == "") == any(
        'kind = "" (client)' in one.message or 'using "" (client)' in one.message for one in resolved.faults
    )


def test_a_later_word_that_is_right_counts_again(user: Write) -> None:
    environment = user('[model.chat.http]\nkind = "opnai/chat"\n[index]\nembedder = "x"\nurl = 1')
    assert resolve(environment=environment).settings == Settings()
    sent = {"model": {"chat": {"http": SERVER}}, "index": {"url": "http://localhost:1", "embedder": "ollama"}}
    settings = resolve(None, sent, environment).settings
    assert (settings.model.chat.http.kind, settings.index.embedder) == ("openai/chat", "ollama")


def test_a_project_cannot_switch_a_server_off_by_nonsense(user: Write, tmp_path: Path) -> None:
    lines = "".join(f'{name} = "{value}"\n' for name, value in SERVER.items())
    nonsense = project(tmp_path / "p", "[model.chat.http]\nkind = 1\napi_endpoint = 1\n")
    resolved = resolve(nonsense, None, user(f"[model.chat.http]\n{lines}"))
    assert resolved.settings.model.chat.http.kind == "openai/chat"
    assert [fault.message[:30] for fault in resolved.faults] == ["a project may not set this; us"] * 2


@pytest.mark.parametrize("value", ["sk-1\x01", 5, ["sk-1"], {"a": "sk-1"}, "x" * 9 + "sk-1\n", True, 1.5, None])
@pytest.mark.parametrize("role", rules.ROLES)
def test_a_key_is_in_no_fault_and_in_no_form_of_the_settings(user: Write, value: object, role: str) -> None:
    environment = user(f'[model.{role}.http]\napi_key = "sk-2"\n[index]\nstorage_options = ["secret=sk-3"]\n')
    sent = {"model": {role: {"http": {"apiKey": value}}}, "index": {"storage_options": "sk-4"}}
    resolved = resolve(None, sent, environment)
    assert len(resolved.faults) == 1 + (value is not None)
    assert getattr(resolved.settings.model, role).http.api_key == "sk-2"
    assert "sk-" not in repr(resolved)
    assert "sk-" not in "".join(map(str, resolved.faults))


# --- arbitrary input


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=9) | st.sampled_from(["tabby-lsp", *schema.SECTIONS]), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from([key.rpartition(".")[2] for key in schema.SETTINGS])


def tables(above: str = "") -> st.SearchStrategy[object]:
    """Objects of the right shape, with anything in them."""
    inner = {name: tables(f"{above}{name}.") for name in schema.WITHIN[above] if f"{above}{name}." in schema.WITHIN}
    plain = {name: JSON for name in schema.WITHIN[above] if name not in inner}
    shaped = st.fixed_dictionaries({}, optional=inner | plain)
    return shaped if above == "" else shaped | JSON | st.dictionaries(NAMES, JSON, max_size=4)


NEAR = tables()


def hold(resolved: options.Resolved) -> None:
    """Check what is promised about every result: values in their types and limits, faults that print."""
    for key, setting in schema.SETTINGS.items():
        assert setting.accept(value_of(resolved, key)) == value_of(resolved, key)
    assert all(str(fault).isprintable() for fault in resolved.faults)


@given(JSON | NEAR | st.builds(lambda inner: {"tabby-lsp": inner}, NEAR))
@hypothesis_settings(max_examples=300, deadline=None)
def test_no_json_raises(sent: object) -> None:
    hold(resolve(None, sent, NO_FILE))


LINES = st.sampled_from(
    [
        "[completion]",
        "[model]",
        "offline = true",
        "max_tokens = 5",
        "max_tokens = 'x'",
        "a.b.c = [1",
        "[[log]]",
        "x = {",
    ],
)


@given(text=st.text() | st.lists(LINES | st.text()).map("\n".join) | st.binary())
@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_toml_raises(tmp_path: Path, text: str | bytes) -> None:
    raw = text if isinstance(text, bytes) else text.encode()
    (tmp_path / schema.PROJECT_FILE).write_bytes(raw)
    (tmp_path / "user.toml").write_bytes(raw)
    hold(resolve(tmp_path, None, {"TABBY_LSP_CONFIG": str(tmp_path / "user.toml")}))


@given(st.dictionaries(st.sampled_from(list(schema.VARIABLES)) | st.text().map("TABBY_LSP_".__add__), st.text()))
@hypothesis_settings(deadline=None)
def test_no_environment_raises(environment: dict[str, str]) -> None:
    hold(resolve(None, None, environment | NO_FILE))


# --- the tables


def test_every_number_has_limits_and_every_default_is_allowed() -> None:
    numbers = {key for key, setting in schema.SETTINGS.items() if setting.type in (int, float)}
    assert set(rules.LIMITS) == numbers
    for setting in schema.SETTINGS.values():
        assert setting.accept(setting.default) == setting.default
    assert set(schema.SETTINGS) >= rules.FILE_PATHS


def test_the_import_is_light() -> None:
    """The room is imported before `initialize` is answered: nothing of third parties may come with it."""
    code = "import sys, tabby_lsp.options; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"cattrs", "difflib", "platformdirs", "rich", "tomllib", "pygls"} & set(ran.stdout.split())


# --- what a client pushes later, which may come from a workspace


def test_pushed_options_change_what_a_project_may() -> None:
    resolved = resolve(environment=NO_FILE, pushed_options={"tabby-lsp": {"completion": {"maxLines": 3}}})
    assert resolved.faults == ()
    assert resolved.settings.completion.max_lines == 3
    assert resolved.origins["completion.max_lines"] == "editor settings"


@pytest.mark.parametrize(("section", "key", "value"), [("model", "path", "/x.gguf"), ("log", "file", "/x")])
def test_pushed_options_may_not_name_files(section: str, key: str, value: str) -> None:
    resolved = resolve(environment=NO_FILE, pushed_options={section: {key: value}})
    (fault,) = resolved.faults
    assert fault.place == f"editor settings: {section}.{key}"
    assert "may not set this" in fault.message
    assert resolved.settings == Settings()


def test_a_client_may_push_what_it_said_at_first() -> None:
    said = {"model": {"path": "/x.gguf"}, "offline": True}
    resolved = resolve(None, said, NO_FILE, said)
    assert resolved.faults == ()
    assert resolved.settings.model.path == "/x.gguf"
    assert resolved.origins["model.path"] == "client"


@pytest.mark.parametrize("key", ["model.chat.http.api_endpoint", "index.url", "model.embedding.http.proxy"])
def test_no_query_of_an_address_is_shown(key: str) -> None:
    shown = schema.show_setting(key, "https://me:hush@h.example.com/v1?api-version=1&key=SECRET-1")
    assert shown == '"https://…@h.example.com/v1?…"'
    assert schema.show_setting(key, "https://h.example.com/v1") == '"https://h.example.com/v1"'
    assert schema.show_setting("completion.disabled_languages", ("a?b",)) == '["a?b"]'
