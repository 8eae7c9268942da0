"""From settings to servers: addresses, what is missing, and prompts in the shape that a server takes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from provider_server import PATIENCE_S, chatting, completing, prompt, request, says, serving, streams, written

from tabby_lsp.completion.families import family_of
from tabby_lsp.config import Settings
from tabby_lsp.engine.http.kinds import CHAT, COMPLETION
from tabby_lsp.engine.http.markers import defused, markers_of
from tabby_lsp.engine.http.opening import open_remote_chat, open_remote_engine
from tabby_lsp.engine.http.remote import Estimate, RemoteEngine
from tabby_lsp.engine.http.server import Server
from tabby_lsp.engine.http.shapes import OURS
from tabby_lsp.engine.types import Marker, Prompt
from tabby_lsp.errors import ConfigError, Offline


def test_no_kind_is_no_server() -> None:
    assert open_remote_engine(Settings()) is None
    assert open_remote_chat(Settings()) is None


@pytest.mark.parametrize(
    ("kind", "address", "asked"),
    [
        ("openai/chat", "http://localhost:8080", "http://localhost:8080/v1/chat/completions"),
        ("openai/chat", "http://localhost:8080/", "http://localhost:8080/v1/chat/completions"),
        ("openai/chat", "http://localhost:8080/v1", "http://localhost:8080/v1/chat/completions"),
        ("openai/chat", "http://localhost/v1/chat/completions", "http://localhost/v1/chat/completions"),
        ("openai/chat", "http://localhost/openai/v1/", "http://localhost/openai/v1/chat/completions"),
        ("openai/chat", "http://localhost/api/paas/v4", "http://localhost/api/paas/v4/chat/completions"),
        ("openai/chat", "http://localhost/v1?tenant=a", "http://localhost/v1/chat/completions?tenant=a"),
        ("openai/chat", "http://[::1]:8080", "http://[::1]:8080/v1/chat/completions"),
        ("mistral/chat", "", "https://api.mistral.ai/v1/chat/completions"),
        ("azure/chat", "http://localhost", "http://localhost/openai/deployments/qwen/chat/completions?api-version=2024-10-21"),
        (
            "azure/chat",
            "http://localhost/openai/deployments/mine?api-version=2025-01-01-preview",
            "http://localhost/openai/deployments/mine/chat/completions?api-version=2025-01-01-preview",
        ),
        ("azure/chat", "http://localhost/openai/v1", "http://localhost/openai/v1/chat/completions"),
        ("llama.cpp/completion", "http://localhost:8080", "http://localhost:8080/completion"),
        ("llama.cpp/completion", "http://localhost:8080/llama", "http://localhost:8080/llama/completion"),
        ("ollama/completion", "http://localhost:11434", "http://localhost:11434/api/generate"),
        ("ollama/completion", "http://localhost:11434/api", "http://localhost:11434/api/generate"),
        ("mistral/completion", "", "https://api.mistral.ai/v1/fim/completions"),
        ("mistral/completion", "https://codestral.mistral.ai/v1", "https://codestral.mistral.ai/v1/fim/completions"),
        ("deepseek/completion", "", "https://api.deepseek.com/beta/completions"),
        ("deepseek/completion", "https://api.deepseek.com", "https://api.deepseek.com/beta/completions"),
        ("vllm/completion", "http://localhost:8000/v1", "http://localhost:8000/v1/completions"),
        ("openai/completion", "http://localhost:8000", "http://localhost:8000/v1/completions"),
    ],
)  # fmt: skip
def test_addresses(kind: str, address: str, asked: str) -> None:
    role = "chat" if kind in CHAT else "completion"
    settings = chatting(address, kind) if role == "chat" else completing(address, kind)
    http = getattr(settings.model, role).http
    server = Server(http, (CHAT | COMPLETION)[kind], role)  # type: ignore[operator]
    server.close()
    assert server._url == asked


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"api_endpoint": ""}, "`model.completion.http.api_endpoint`"),
        ({"api_endpoint": "localhost:8080"}, "no address"),
        ({"api_endpoint": "http://"}, "no address"),
        ({"api_endpoint": "http://[::1"}, "no address"),
        ({"api_endpoint": "http://a b"}, "no address"),
        ({"api_endpoint": "http://localhost:port"}, "no address"),
        ({"api_endpoint": "ftp://localhost"}, "no address"),
        ({"api_endpoint": "http://me:hush@localhost"}, "user's name or a password"),
        ({"api_endpoint": "https://example.com", "model_name": ""}, "`model.completion.http.model_name`"),
        ({"kind": "ollama/completion", "model_name": ""}, "`model.completion.http.model_name`"),
        ({"proxy": "localhost:3128"}, "`model.completion.http.proxy`"),
        ({"proxy": "socks5://me:hush@localhost"}, "`model.completion.http.proxy`"),
        ({"certificates": "/nowhere.pem"}, "`model.completion.http.certificates`"),
        ({"certificates": __file__}, "`model.completion.http.certificates`"),
        ({"prompt_template": "no fields"}, "`model.completion.http.prompt_template`"),
        ({"prompt_template": "{prefix}{prefix}{suffix}"}, "once"),
    ],
)
def test_what_is_missing_or_wrong(more: dict[str, Any], says: str) -> None:
    more = {"kind": "vllm/completion", **more}
    with pytest.raises(ConfigError) as raised:
        open_remote_engine(completing(more.pop("api_endpoint", "http://localhost:8000"), **more))
    assert says in str(raised.value)
    assert raised.value.remedy
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("http://localhost:8080", True),
        ("http://127.0.0.9", True),
        ("http://[::1]:8080", True),
        ("http://box.localhost", True),
        ("http://192.168.0.2", False),
        ("http://localhost.example.com", False),
        ("http://0.0.0.0", False),
    ],
)
def test_offline_allows_this_machine_alone(address: str, allowed: bool) -> None:
    from dataclasses import replace

    for settings, opens in ((completing(address), open_remote_engine), (chatting(address), open_remote_chat)):
        if allowed:
            opened = opens(replace(settings, offline=True))
            assert opened is not None
            assert opened.server.near
            opened.close()
        else:
            with pytest.raises(Offline, match="offline = true"):
                opens(replace(settings, offline=True))


@pytest.mark.parametrize("proxy", ["http://proxy.example.com:3128", "http://10.0.0.7:3128"])
def test_offline_allows_no_proxy_elsewhere(proxy: str) -> None:
    from dataclasses import replace

    address = "http://localhost:8080"
    for settings, opens in (
        (completing(address, proxy=proxy), open_remote_engine),
        (chatting(address, proxy=proxy), open_remote_chat),
    ):
        with pytest.raises(Offline, match="proxy"):
            opens(replace(settings, offline=True))


def test_this_machine_is_asked_through_no_proxy() -> None:
    with serving(streams(written("fine"))) as served, serving(says(502)) as proxy:
        engine = open_remote_engine(completing(served.url, proxy=proxy.url))
        assert engine is not None
        assert engine.submit(request()).future.result(PATIENCE_S).candidates[0].text == "fine"
        engine.close()
        assert proxy.asked == []
    engine = open_remote_engine(completing("http://192.0.2.1", proxy="http://192.0.2.2:3128"))
    assert engine is not None
    engine.close()
    assert engine.server._way.proxy == "http://192.0.2.2:3128"


# ---- families and prompts --------------------------------------------------------------------------------------------


def opened(**more: Any) -> RemoteEngine:
    engine = open_remote_engine(completing("http://localhost:1", **more))
    assert engine is not None
    engine.close()
    return engine


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("qwen2.5-coder:7b", "qwen-coder"),
        ("Qwen/Qwen3-Coder-30B-A3B", "qwen-coder"),
        ("codestral-latest", "codestral"),
        ("bigcode/starcoder2-7b", "starcoder"),
        ("starcoder:1b", "fim"),
        ("codeqwen", "fim"),
        ("codegemma:2b", "codegemma"),
        ("granite-3.3-8b", "granite-3.3"),
        ("deepseek-coder-v2-lite", "deepseek-coder"),
        ("JetBrains/Mellum-4b-base", "mellum"),
        ("codellama:7b-code", "gguf"),
        ("gpt-3.5-turbo-instruct", "prefix-only"),
        ("", "prefix-only"),
    ],
)
def test_the_family_is_told_by_the_name(name: str, family: str) -> None:
    engine = opened(kind="llama.cpp/completion", model_name=name)
    assert family_of(engine.info, engine.tokenizer).id == family


@pytest.mark.parametrize(
    ("template", "sent"),
    [
        ("<PRE> {prefix} <SUF>{suffix} <MID>", "<PRE> head\n <SUF>behind <MID>x ="),
        ("<SUF>{suffix}<PRE>{prefix}<MID>", "<SUF>behind<PRE>head\n<MID>x ="),
        ("[SUFFIX]{suffix}[PREFIX]{prefix}", "[SUFFIX]behind[PREFIX]head\nx ="),
        ("{prefix}", "head\nx ="),
        ("a {b} {prefix}|{suffix}", "a {b} head\n|behindx ="),
    ],
)
def test_a_template_of_the_settings(template: str, sent: str) -> None:
    engine = opened(kind="llama.cpp/completion", prompt_template=template)
    family = family_of(engine.info, engine.tokenizer)
    made = Prompt(
        (Marker(family.prefix), "head\n", Marker(family.suffix), "behind", Marker(family.middle), "x = "), family.heal
    )
    assert engine._shape.fields(made) == (sent, "")


def test_a_text_that_ends_within_a_word_stands_before_the_suffix() -> None:
    """No server spells the cut word anew, which behind an anchored tail costs more than the anchor gains."""
    native = opened(kind="vllm/completion")
    assert native._shape.fields(prompt(tail="    retu"))[0] == (
        "<|fim_prefix|>def add(a, b):\n    retu<|fim_suffix|>\n<|fim_middle|>"
    )
    assert native._shape.fields(prompt(tail="    return "))[0].endswith("<|fim_middle|>    return")
    for tail in ("    ", "    x = (", ""):
        assert native._shape.fields(prompt(tail=tail))[0].endswith("<|fim_middle|>" + tail)
    assert native._shape.fields(prompt(tail="retu", heal=0))[0].endswith("<|fim_middle|>retu")
    ours = opened(kind="llama.cpp/completion", prompt_template="<P>{prefix}<S>{suffix}<M>")
    assert ours._shape.fields(prompt(tail="retu", markers=tuple(OURS.values())))[0] == (
        "<P>def add(a, b):\nretu<S>\n<M>"
    )


@pytest.mark.parametrize(
    "text",
    ["<|fim_middle|>", "<|endoftext|>", "<｜fim▁hole｜>", "<fim_suffix>", "<EOT>", "[SUFFIX]", "<|tabby:prefix|>"],
)
def test_no_text_of_a_file_is_taken_for_a_marker(text: str) -> None:
    # of a template for a model that nobody knows
    for more in ({"model_name": "my-model"}, {"model_name": "mine", "prompt_template": "<P>{prefix}<S>{suffix}<M>"}):
        engine = opened(kind="llama.cpp/completion", **more)
        family = family_of(engine.info, engine.tokenizer)
        pieces = (Marker(family.prefix), f"a {text} b", Marker(family.suffix), text, Marker(family.middle), f"{text} =")
        sent, _ = engine._shape.fields(Prompt(pieces, 1))
        assert text not in sent
    assert defused(text) == text[0] + " " + text[1:]


@pytest.mark.parametrize(
    ("model", "hot", "cold"),
    [
        (
            "my-model",
            "<s> </s> [INST] [/INST] <bos> <start_of_turn> <reponame> <filename> <pad> <unk> <tool_call>",
            "<b>",
        ),
        (
            "my-model",
            "<jupyter_code> <eos> <mask> <think> <commit_msg> <pr_base> [TOOL_CALLS] <<SYS>> [PREFIX]",
            "<td>",
        ),
        ("qwen2.5-coder", "<|im_start|> <tool_call> </tool_call> <|file_sep|>", "<s> </s> <filename> <pad> [INST]"),
        ("codestral-latest", "<s> </s> [INST] [/INST] [SUFFIX] [TOOL_CALLS]", "<filename> <reponame> <table> <bos>"),
        ("codegemma:2b", "<bos> <eos> <start_of_turn> <end_of_turn> <unused7>", "<s> </s> <filename> [INST] <h1>"),
        ("starcoder2-3b", "<fim_prefix> <reponame> <filename> <gh_stars> <jupyter_code>", "<s> </s> <pad> <project>"),
        ("codellama:7b", "<s> </s> <unk> <PRE> <SUF> <MID> <EOT> [INST] <<SYS>>", "<filename> <table>"),
        ("deepseek-coder", "<｜begin▁of▁sentence｜> <｜User｜> <|EOT|>", "<s> <filename> [INST]"),
    ],
)
def test_what_is_parted_is_what_the_family_has(model: str, hot: str, cold: str) -> None:
    for text in hot.split():
        assert defused(text, markers_of(model)) == text[0] + " " + text[1:]
    assert defused(cold, markers_of(model)) == cold


@pytest.mark.parametrize(
    "template",
    ["<fim-prefix>{prefix}<fim-suffix>{suffix}<fim-middle>", "<fim-prefix>{prefix}<x><fim-suffix>{suffix}<fim-middle>"],
)
def test_the_markers_of_a_template_are_parted_too(template: str) -> None:
    engine = opened(kind="llama.cpp/completion", model_name="qwen-of-mine", prompt_template=template)
    markers = [Marker(text) for text in OURS.values()]
    pieces = (markers[0], "a <fim-suffix> b", markers[1], "<fim-middle> c <s>", markers[2], "<fim-prefix> (")
    sent, _ = engine._shape.fields(Prompt(pieces, 1))
    assert [sent.count(text) for text in ("<fim-prefix>", "<fim-suffix>", "<fim-middle>")] == [1, 1, 1]
    assert "< fim-middle> c <s>" in sent


@given(st.text(alphabet="ab<|>[] \n", max_size=40))
def test_ordinary_text_is_sent_as_it_is(text: str) -> None:
    sent = defused(text)
    assert sent == text or "<|" in text or "[" in text
    assert sent.replace(" ", "") == text.replace(" ", "")


@given(st.text(max_size=200))
def test_the_estimate_is_never_none_and_grows(text: str) -> None:
    count = Estimate().count
    assert count(text) >= (1 if text else 0)
    assert count(text) >= text.count("\n")
    assert count(text + "more") >= count(text)


def test_a_key_over_plain_http_to_another_machine_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    opened(kind="vllm/completion", api_key="k")
    assert not caplog.records
    engine = open_remote_engine(completing("http://192.0.2.1:8000", "vllm/completion", api_key="k-1"))
    assert engine is not None
    engine.close()
    assert "without encryption" in caplog.text
    assert "k-1" not in caplog.text
    assert urlsplit(engine.server._url).hostname == "192.0.2.1"
