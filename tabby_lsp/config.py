"""Settings: what the program uses, each with its default and unit, frozen once they are resolved.

Where values come from and how they are checked is `options.py`; this module holds the shape alone, so
that every room can depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

DERIVED = "derived"
"""Marks, in a field's metadata, what nobody sets: it follows from other settings (see `roles.py`)."""


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """A role's model in this process, where it is not the one that `[model]` and `[engine]` describe."""

    name: str = ""
    """A name from `tabby-lsp models list`; empty: the model that completes."""
    path: str = ""
    """A GGUF file to use instead of a catalogue entry."""
    gpu_layers: int = -2
    """Layers to offload; -2: as `engine.gpu_layers` says."""
    threads: int = -1
    """Threads for evaluation; -1: as `engine.threads` says."""
    context: int = 0
    """Tokens in the KV cache; 0: as `engine.context` says."""
    memory_mb: int = -1
    """Ceiling in MiB; -1: as `engine.memory_mb` says."""
    idle_unload_s: int = -1
    """Seconds without a request after which the model leaves memory; -1: as `engine.idle_unload_s` says."""


@dataclass(frozen=True, slots=True)
class RateLimitSettings:
    """How much may be asked of a server."""

    request_per_minute: int = 0
    """Requests a minute; 0: no limit."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """A server that the user runs or pays for. The keys are Tabby's, so that its files can be taken over."""

    model_name: str = ""
    """The model's name, as the server knows it."""
    api_endpoint: str = ""
    """The server's address, such as `http://localhost:8080/v1`."""
    api_key: str = field(default="", repr=False)
    """The key; `${NAME}` stands for an environment variable."""
    api_key_command: str = ""
    """A command that prints the key, such as `pass show mistral`."""
    api_key_keyring: str = ""
    """The service under which the system's keyring has the key, for the user `tabby-lsp`."""
    rate_limit: RateLimitSettings = field(default_factory=RateLimitSettings)
    prompt_template: str = ""
    """For completion, and kinds that take one text: the prompt, with `{prefix}` and `{suffix}` in it; empty: what is
    known of the model."""
    chat_template: str = ""
    """Not used: servers that chat know their models' templates. It is here because files of Tabby's have it."""
    additional_stop_words: tuple[str, ...] = ()
    """Texts that end an answer, beside the model's own."""
    fallback: Literal["none", "local"] = "none"
    """What serves while the server fails: nothing, or the model in this process."""
    timeout_s: int = 60
    """Seconds that the server may be silent."""
    proxy: str = ""
    """Address of a proxy; empty: what `HTTPS_PROXY` and its like say."""
    certificates: str = ""
    """A file with the certificates of authorities to trust beside the system's."""


@dataclass(frozen=True, slots=True)
class CompletionHttpSettings(HttpSettings):
    """A server that completes."""

    kind: Literal[
        "",
        "openai/completion",
        "openai/legacy_completion",
        "openai/legacy_completion_no_fim",
        "llama.cpp/completion",
        "ollama/completion",
        "vllm/completion",
        "mistral/completion",
        "deepseek/completion",
    ] = ""
    """What it speaks; empty: no server, the model runs in this process."""


@dataclass(frozen=True, slots=True)
class ChatHttpSettings(HttpSettings):
    """A server that chats."""

    kind: Literal["", "openai/chat", "mistral/chat", "azure/chat"] = ""
    """What it speaks; empty: no server, the model runs in this process."""


@dataclass(frozen=True, slots=True)
class EmbeddingHttpSettings(HttpSettings):
    """A server that embeds."""

    kind: Literal[
        "",
        "openai/embedding",
        "llama.cpp/embedding",
        "ollama/embedding",
        "mistral/embedding",
        "voyage/embedding",
        "azure/embedding",
    ] = ""
    """What it speaks; empty: no server, `index.embedder` says what makes vectors."""


@dataclass(frozen=True, slots=True)
class CompletionRole:
    """Who completes."""

    local: LocalSettings = field(default_factory=LocalSettings)
    http: CompletionHttpSettings = field(default_factory=CompletionHttpSettings)


@dataclass(frozen=True, slots=True)
class ChatRole:
    """Who answers questions and writes what code actions ask for."""

    local: LocalSettings = field(default_factory=LocalSettings)
    http: ChatHttpSettings = field(default_factory=ChatHttpSettings)


@dataclass(frozen=True, slots=True)
class EmbeddingRole:
    """Who makes the index's vectors."""

    local: LocalSettings = field(default_factory=LocalSettings)
    http: EmbeddingHttpSettings = field(default_factory=EmbeddingHttpSettings)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model serves, for each of three roles."""

    name: str = ""
    """A name from `tabby-lsp models list`; empty: the best one that is installed, else the recommended one."""
    path: str = ""
    """A GGUF file to use instead of a catalogue entry."""
    directory: str = ""
    """Where models are kept; empty: the user's cache folder."""
    completion: CompletionRole = field(default_factory=CompletionRole)
    chat: ChatRole = field(default_factory=ChatRole)
    embedding: EmbeddingRole = field(default_factory=EmbeddingRole)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How llama.cpp runs."""

    gpu_layers: int = -1
    """Layers to offload; -1: all of them, where the build can offload, 0: none."""
    threads: int = 0
    """Threads for evaluation; 0: decided from the machine (one core is left to the editor where there are many)."""
    context: int = 8192
    """Tokens in the KV cache, shared by all sequences."""
    batch: int = 512
    """Most tokens in one call of llama.cpp; prefill runs in slices of at most this."""
    memory_mb: int = 0
    """Ceiling for model and KV cache together in MiB; 0: none. A larger model is refused."""
    idle_unload_s: int = 900
    """Seconds without a request after which the model leaves memory; 0: never."""
    openmp_wait: Literal["passive", "active", "auto"] = "auto"
    """Whether llama.cpp's threads spin while they wait; auto: for some microseconds, then they sleep."""
    kv_type: Literal["f16", "q8_0"] = "f16"
    """How keys and values are kept; q8_0 halves the cache's memory and needs flash attention."""
    flash_attention: Literal["auto", "on", "off"] = "auto"
    """llama.cpp's fused attention; auto: where the device has it."""
    drafts: Literal["exact", "any", "off"] = "exact"
    """Guesses that are verified several tokens at a time, where that is quicker; exact: only in batches that give the
    same text, bit for bit, any: also in others, off: none."""
    extra_buffers: Literal["auto", "on", "off"] = "auto"
    """llama.cpp's repacked weight buffers; auto: off where the CPU has AMX (see docs/decisions)."""


@dataclass(frozen=True, slots=True)
class CompletionSettings:
    """What is suggested, and when."""

    enabled: bool = True
    """Whether anything is suggested at all."""
    max_tokens: int = 96
    """Most tokens generated for one suggestion."""
    max_lines: int = 12
    """Most lines in one suggestion."""
    prefix_tokens: int = 768
    """Budget before the cursor, in tokens of the loaded model."""
    suffix_tokens: int = 192
    """Budget after the cursor, in tokens of the loaded model."""
    temperature: float = 0.0
    """How much chance there is in picking tokens; 0: none, the likeliest token is taken (greedy)."""
    sampler: Literal["greedy", "infill"] = "greedy"
    """How tokens are picked at temperature 0; infill may stop earlier where the model is unsure."""
    candidates: int = 3
    """Suggestions when they are asked for by hand."""
    patience_ms: int = 400
    """Milliseconds that reading the prompt may take; where it is longer, a shorter prompt is read, and the whole one is
    evaluated in idle time. 0: always the whole one."""
    line_budget_ms: int = 250
    """Milliseconds after which a whole first line is shown while the model writes on."""
    word_budget_ms: int = 60
    """Milliseconds after which the first words of a line are shown while the model writes on, in editors that can be
    told of more (`tabby/longer`); 0: never less than a line."""
    likely: bool = True
    """Whether a suggestion that nobody asked for ends where it gets too unlikely to be worth reading, by the model's
    own probabilities; what follows is shown when the user has come that far."""
    known_names: bool = True
    """Whether a name that you have begun rather ends as one that exists, whatever else the model would make of it: one
    of the document, of the language, or of the repository."""
    prefetch: bool = True
    """Whether what would follow a suggestion is generated before it is accepted."""
    prepare: bool = True
    """Whether prompts are evaluated in idle time: after a document is opened or changed."""
    deadline_ms: int = 10_000
    """Milliseconds after a request; what has been generated by then is what is shown."""
    max_document_lines: int = 50_000
    """Lines; in longer documents nothing is suggested."""
    disabled_languages: tuple[str, ...] = ()
    """LSP language identifiers in which nothing is suggested."""


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What of the repository the model reads beside the document."""

    enabled: bool = True
    """Whether prompts hold anything of other files."""
    tokens: int = 512
    """Budget in tokens of the loaded model."""
    symbols: bool = True
    """Definitions of what the code around the cursor uses and imports."""
    recent: bool = True
    """Lines of other files that were edited or viewed lately."""
    siblings: bool = True
    """Files of the same kind beside the document: a test and its subject, a header and its source."""
    search: bool = True
    """What a search over the index finds, where the others leave room."""


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """The index of the repository, made by a child process."""

    enabled: bool = True
    """Whether folders are indexed."""
    directory: str = ""
    """Where indexes are kept; empty: the user's cache folder."""
    embedder: Literal["static", "llama", "openai", "ollama", "llama.cpp", "mistral", "voyage", "azure"] = "static"
    """What makes vectors: the completion model's own token table, a GGUF embedding model, or a server over HTTP."""
    model: str = ""
    """The embedding model: a GGUF file for `llama`, its name for servers."""
    url: str = ""
    """Address of the embedding server."""
    key_variable: str = ""
    """The environment variable that holds the server's key; empty: none is sent."""
    query_prefix: str = ""
    """What an embedding model expects before a question; empty: what is known of the model."""
    document_prefix: str = ""
    """What it expects before a text that is searched; empty: what is known of the model."""
    max_file_kb: int = 512
    """Larger files are left out."""
    max_files: int = 200_000
    """Files of one folder; what goes beyond is left out."""
    disk_mb: int = 4096
    """MiB that all indexes together may take; the one that was used longest ago goes first."""
    watch: bool = True
    """Whether the folder is watched for changes that the editor does not tell of."""
    uri: str = ""
    """A shared index, such as `s3://bucket/prefix`: read, with local changes laid over it; empty: none."""
    storage_options: tuple[str, ...] = field(default=(), repr=False)
    """LanceDB's options for `uri`, each as `name=value`, such as `region=eu-west-1`."""
    http: EmbeddingHttpSettings = field(default_factory=EmbeddingHttpSettings, metadata={DERIVED: True})
    """What `[model.embedding.http]` says of the server, where that is the one which is asked."""


@dataclass(frozen=True, slots=True)
class ActionSettings:
    """Code actions and questions."""

    enabled: bool = True
    """Whether code actions are offered."""
    max_tokens: int = 1024
    """Most tokens that the model writes for one action or answer."""
    temperature: float = 0.0
    """How much chance there is in an answer; 0: none."""
    confirm: bool = True
    """Whether edits ask for confirmation, in editors that can show them first."""
    stream: bool = True
    """Whether *Complete here* writes line by line while the model does, unasked, in editors that take all of it back
    with one undo; otherwise it is one edit at the end."""
    presets: tuple[str, ...] = ()
    """Rewrites of your own, each as `title: instruction`, such as `Log: log what this function does`."""
    disabled: tuple[str, ...] = ()
    """Names of actions that are not offered, such as `explain`."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where the log goes; never to stdout, which is the protocol's."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe messages that are written."""
    file: str = ""
    """A file beside stderr; empty: none."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user may set."""

    offline: bool = False
    """No network at all: whatever asks for it gets an error that names it."""
    model: ModelSettings = field(default_factory=ModelSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    completion: CompletionSettings = field(default_factory=CompletionSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    actions: ActionSettings = field(default_factory=ActionSettings)
    log: LogSettings = field(default_factory=LogSettings)
