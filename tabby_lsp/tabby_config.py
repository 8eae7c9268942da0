"""From a file of Tabby's to settings of this program: what can be taken over, and why the rest cannot.

Tables and one function; no file is read or written here. Source: Tabby's documentation of `~/.tabby/config.toml`
(Model Configuration, Models HTTP API, Code Completion) and of its agent's `~/.tabby-client/agent/config.toml`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from tabby_lsp.rules import ROLES, Value
from tabby_lsp.schema import SETTINGS

CHARACTERS_PER_TOKEN = 4
"""Of code, about: Tabby limits its prompt by characters, this program by tokens."""

_SAME = (
    "model_name",
    "api_endpoint",
    "api_key",
    "rate_limit.request_per_minute",
    "prompt_template",
    "additional_stop_words",
)
_HTTP = {f"model.{role}.http.{name}": f"model.{role}.http.{name}" for role in ROLES for name in ("kind", *_SAME)}
_LIMIT = {  # as one of its versions had it
    f"model.{role}.http.request_limit.request_per_minute": f"model.{role}.http.rate_limit.request_per_minute"
    for role in ROLES
}
_LOCAL = {
    f"model.{role}.local.{theirs}": f"model.{role}.local.{ours}"
    for role in ROLES
    for theirs, ours in (("model_id", "name"), ("num_gpu_layers", "gpu_layers"), ("context_size", "context"))
}
OURS: Mapping[str, str] = {
    **_HTTP,
    **_LIMIT,
    **_LOCAL,
    "completion.max_input_length": "completion.prefix_tokens",
    "completion.max_decoding_tokens": "completion.max_tokens",
}
"""Tabby's key → ours."""

DEFAULT_ENDPOINTS: Mapping[str, str] = {
    "mistral/completion": "https://api.mistral.ai",
    "mistral/chat": "https://api.mistral.ai",
    "mistral/embedding": "https://api.mistral.ai",
    "voyage/embedding": "https://api.voyageai.com",
}
"""Kind → the address that Tabby takes where a file names none. Here every address is written down."""

_NO_SERVER = "there is no Tabby server here: the model runs in the language server, or on a server of yours"
REASONS: tuple[tuple[str, str], ...] = (
    ("repositories", "the folders that the editor opens are indexed"),
    ("server", _NO_SERVER),
    ("answer", "the prompts of questions are the program's own"),
    ("additional_languages", "languages are built in"),
    ("completion.code_search_params", "what is found is weighed by the search itself (`context.tokens` bounds it)"),
    ("completion", "it has no counterpart; `tabby-lsp config reference` lists what can be set"),
    ("logs", "set `log.level` and `log.file`"),
    ("anonymousUsageTracking", "nothing is tracked"),
    ("proxy", "set `proxy` beside the address of each server"),
    ("postprocess", "suggestions are cut by the program's own rules"),
    ("http.chat_template", "servers that chat know their models' templates"),
    ("http.supported_models", "a role has one model"),
    ("local.parallelism", "one model serves all questions, the newest first"),
    ("local.enable_fast_attention", "`engine.flash_attention` decides for all models, by itself where nothing is set"),
    ("local.additional_stop_words", "a model in this process ends where its vocabulary says"),
)
"""How a key of Tabby's begins, within its role where it has one → why it is not taken over; the first that fits."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What has come of one file.

    Attributes:
        values: our dotted keys and their values, checked.
        left: Tabby's keys that were not taken over, and why; no values of theirs.
        notes: what somebody should know about what was.
    """

    values: Mapping[str, Value]
    left: Mapping[str, str]
    notes: tuple[str, ...]


def take_over(table: Mapping[str, object], known: Collection[str]) -> TakenOver:
    """Turn a parsed file of Tabby's into settings.

    Args:
        table: the file.
        known: names of the models in the catalogue.
    """
    theirs = dict(_flat(table))
    values: dict[str, Value] = {}
    left: dict[str, str] = {}
    notes: list[str] = []
    unusable = {role: why for role in ROLES if (why := _unusable(theirs, role))}
    for key, value in theirs.items():
        role = _role(key)
        if role in unusable and key.startswith(f"model.{role}.http."):
            left[key] = unusable[role]
        elif key not in OURS:
            left[key] = _reason(key)
        else:
            found, why = _converted(key, value, known)
            if found is None:
                left[key] = why
            else:
                values[OURS[key]] = found
                notes += [f"{OURS[key]}: {why}"] if why else []
    for role in ROLES:
        http = f"model.{role}.http."
        address = DEFAULT_ENDPOINTS.get(str(values.get(f"{http}kind")))
        if address and f"{http}api_endpoint" not in values:
            values[f"{http}api_endpoint"] = address
            notes.append(f"{http}api_endpoint: what Tabby takes where nothing is set")
        if not str(values.get(f"{http}api_key") or "${").startswith("${"):
            notes.append(f"{http}api_key: a key in plain text; `${{NAME}}` or `api_key_command` keeps it out of files")
    return TakenOver(values, left, tuple(notes))


def servers_in(values: Collection[str]) -> list[str]:
    """The tables of servers of which some dotted keys speak, such as `model.chat.http`."""
    tables = (f"model.{role}.http" for role in ROLES)
    return [table for table in tables if any(key.startswith(f"{table}.") for key in values)]


def merged(before: Mapping[str, Value], after: Mapping[str, Value]) -> dict[str, Value]:
    """Values with later ones laid over them.

    Nothing of a server is left where the later ones name another: its key would go to that one's address.
    """
    servers = tuple(f"{table}." for table in servers_in(after))
    return {key: value for key, value in before.items() if not key.startswith(servers)} | dict(after)


def _flat(table: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(cast("Mapping[str, object]", value), f"{above}{name}.")
        else:
            yield above + name, value


def _role(key: str) -> str:
    return key.split(".")[1] if key.startswith("model.") and key.count(".") > 1 else ""


def _unusable(theirs: Mapping[str, object], role: str) -> str:
    """Why nothing of a role's server is taken over: half of one would be another one."""
    http = f"model.{role}.http."
    if not any(key.startswith(http) for key in theirs):
        return ""
    kind = theirs.get(f"{http}kind")
    if SETTINGS[f"{http}kind"].accept(kind):
        return ""
    return f'servers of the kind "{kind}" are not spoken to' if isinstance(kind, str) else "it does not say its kind"


def _reason(key: str) -> str:
    inner = key.split(".", 2)[2] if _role(key) else key
    reasons = (why for start, why in REASONS if f"{inner}.".startswith(f"{start}."))
    return next(reasons, "it has no counterpart here")


def _converted(key: str, value: object, known: Collection[str]) -> tuple[Value | None, str]:
    """Our value and what is to be said of it, or None and why there is none."""
    setting, note = SETTINGS[OURS[key]], ""
    if key.endswith(".local.model_id"):
        name = str(value).rpartition("/")[2].lower()
        if name not in known:
            return None, "the catalogue has no such model (`tabby-lsp models list`); `path` takes any GGUF file"
        return name, ""
    if key.endswith(".num_gpu_layers") and isinstance(value, int) and setting.limits and value > setting.limits[1]:
        value = -1  # Tabby's 9999: all there are
    if key == "completion.max_input_length" and isinstance(value, int):
        value, note = value // CHARACTERS_PER_TOKEN, f"in tokens, of about {CHARACTERS_PER_TOKEN} characters each"
    accepted = setting.accept(value)
    return (accepted, note) if accepted is not None else (None, f"here it would have to be {setting.expected}")
