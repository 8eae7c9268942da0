"""What is decided about settings by hand: limits, what a repository may set, what fails closed, what is never shown.

Tables alone, each with its reason. What a setting is and how a value is checked against these is `schema.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

Value: TypeAlias = bool | int | float | str | tuple[str, ...]

ROLES = ("completion", "chat", "embedding")
"""What models are for; each is a table in `[model]`, and all of them have the same keys."""

_OF_A_ROLE: Mapping[str, tuple[float, float]] = {
    "local.gpu_layers": (-2, 1024),
    "local.threads": (-1, 1024),
    "local.context": (0, 1_048_576),
    "local.memory_mb": (-1, 16_777_216),
    "local.idle_unload_s": (-1, 2_592_000),
    "http.rate_limit.request_per_minute": (0, 1_000_000),
    "http.timeout_s": (1, 3600),
}

LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {f"model.{role}.{key}": limits for role in ROLES for key, limits in _OF_A_ROLE.items()}
    | {
        "engine.gpu_layers": (-1, 1024),
        "engine.threads": (0, 1024),
        "engine.context": (256, 1_048_576),
        "engine.batch": (1, 16_384),
        "engine.memory_mb": (0, 16_777_216),
        "engine.idle_unload_s": (0, 2_592_000),
        "completion.max_tokens": (1, 4096),
        "completion.max_lines": (1, 1000),
        "completion.prefix_tokens": (0, 1_048_576),
        "completion.suffix_tokens": (0, 1_048_576),
        "completion.temperature": (0, 2),
        "completion.candidates": (1, 8),
        "completion.patience_ms": (0, 600_000),
        "completion.line_budget_ms": (0, 600_000),
        "completion.word_budget_ms": (0, 600_000),
        "completion.deadline_ms": (1, 600_000),
        "completion.max_document_lines": (0, 10_000_000),
        "context.tokens": (0, 1_048_576),
        "index.max_file_kb": (1, 1_048_576),
        "index.max_files": (1, 10_000_000),
        "index.disk_mb": (1, 16_777_216),
        "actions.max_tokens": (1, 32_768),
        "actions.temperature": (0, 2),
    },
)
"""Least and greatest value of every number, both allowed."""

PROJECT_MAY_SET: Mapping[str, tuple[Value, ...] | None] = MappingProxyType(
    {
        "offline": (True,),
        "completion.enabled": None,
        "completion.max_tokens": None,
        "completion.max_lines": None,
        "completion.prefix_tokens": None,
        "completion.suffix_tokens": None,
        "completion.temperature": None,
        "completion.sampler": None,
        "completion.candidates": None,
        "completion.patience_ms": None,
        "completion.line_budget_ms": None,
        "completion.word_budget_ms": None,
        "completion.likely": None,
        "completion.known_names": None,
        "completion.prefetch": None,
        "completion.prepare": None,
        "completion.deadline_ms": None,
        "completion.max_document_lines": None,
        "completion.disabled_languages": None,
        "context.enabled": None,
        "context.tokens": None,
        "context.symbols": None,
        "context.recent": None,
        "context.siblings": None,
        "context.search": None,
        "index.enabled": (False,),
        "index.watch": (False,),
        "actions.enabled": (False,),
        "actions.max_tokens": None,
        "actions.temperature": None,
        "actions.confirm": (True,),
        "actions.stream": (False,),
        "actions.disabled": None,
    },
)
"""What a cloned repository may decide, with the values it may choose (None: any). Each key is listed by hand, so that a
new setting stays closed to projects until someone has asked what a stranger could do with it: nothing that makes the
program run, load, write or contact anything belongs here, and nothing that is shown as the user's own words or put to
the model as such (`actions.presets`)."""

FAIL_CLOSED: Mapping[str, tuple[str, Value]] = MappingProxyType(
    {
        "offline": ("offline", True),
        "index.embedder": ("index.embedder", "static"),
        "index.url": ("index.embedder", "static"),
        "index.uri": ("index.uri", ""),
    }
    | {
        f"model.{role}.http.{name}": (f"model.{role}.http.kind", "")
        for role in ROLES
        for name in ("kind", "api_endpoint")
    }
)
"""Settings which, where the last word about them is not valid, do not keep the value of the layer below: the setting
that changes then, and to what. Whoever wrote `offline = "yes"` did not want the network; whoever replaced a server by
something that cannot be read did not want code to go on to the old one."""

FILE_PATHS = frozenset(
    {"model.path", "model.directory", "index.directory", "log.file"}
    | {f"model.{role}.{name}" for role in ROLES for name in ("local.path", "http.certificates")}
)
"""Settings in which a leading `~` stands for the home folder."""

SECRETS = frozenset({f"model.{role}.http.api_key" for role in ROLES} | {"index.storage_options"})
"""Settings whose values are never shown."""

MANY_LINES = frozenset(
    f"model.{role}.http.{name}"
    for role in ROLES
    for name in ("prompt_template", "chat_template", "additional_stop_words")
)
"""Settings whose texts may have line breaks and tabs: they are put to a model, and shown escaped."""
