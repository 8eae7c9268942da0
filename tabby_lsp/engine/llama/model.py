"""Weights and context of one GGUF: loading, what it says of itself, what it needs, freeing.

Whether a file can be trusted is `preflight`'s question; here it has been answered.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabby_lsp.config import EngineSettings
from tabby_lsp.engine.llama import library
from tabby_lsp.engine.llama.vocabulary import Vocabulary
from tabby_lsp.engine.types import ModelInfo
from tabby_lsp.errors import ModelUnusable
from tabby_lsp.processors import processors

SEQUENCES = 6
"""Prompts held in the KV cache at the same time: the current document and the ones that were left a moment ago."""
SCRATCH = 8
"""Sequences for further candidates; they hold cells only while candidates are written."""
LEAST_BATCH = 32
"""Tokens that a batch holds at least, whatever the settings say: one a sequence, or llama.cpp ends the process while
it makes the context, and the healed tokens of one prompt."""
LONG_VALUE = 400
"""Bytes; metadata values longer than this (token lists) are left out of `ModelInfo`, the chat template excepted."""


CACHE_TYPES = {"f16": 1, "q8_0": 8}
"""Our word → ggml's number of the type."""
BYTES_PER_VALUE = {"f16": 2.0, "q8_0": 34 / 32}
"""q8_0 keeps a 16-bit scale with each 32 values."""
FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}
"""Our word → llama.cpp's `llama_flash_attn_type`."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Memory that a model needs, in bytes.

    Attributes:
        weights: the tensors.
        cache: keys and values for the whole context.
    """

    weights: int
    cache: int

    @property
    def total(self) -> int:
        """Weights and cache together."""
        return self.weights + self.cache


def threads_for(settings: EngineSettings) -> int:
    """Threads for evaluation: the physical cores that this process may use, one left to the editor above four."""
    if settings.threads > 0:
        return settings.threads
    import psutil

    allowed = processors()
    cores = min(allowed, psutil.cpu_count(logical=False) or allowed)
    return max(1, cores - 1 if cores > 4 else cores)


class LoadedModel:
    """A model and a context in memory.

    Args:
        path: a GGUF file that passed preflight.
        settings: how llama.cpp runs.
        extra_buffers: whether repacked weight buffers are allowed (preflight's verdict).
        on_progress: gets the loaded fraction, 0 to 1; returning False ends the loading.

    Raises:
        ModelUnusable: llama.cpp refuses the file, or it needs more memory than the settings allow.
    """

    def __init__(
        self,
        path: Path,
        settings: EngineSettings,
        *,
        extra_buffers: bool,
        on_progress: Callable[[float], bool] | None = None,
    ) -> None:
        lib = self.lib = library.load()
        library.faults.clear()
        params = lib.llama_model_default_params()
        offload = library.can_offload() and settings.gpu_layers != 0
        params.n_gpu_layers = (10_000 if settings.gpu_layers < 0 else settings.gpu_layers) if offload else 0
        params.use_extra_bufts = extra_buffers
        report = on_progress or (lambda _: True)
        self._progress = lib.llama_progress_callback(lambda fraction, _: bool(report(fraction)))
        params.progress_callback = self._progress
        self.model = lib.llama_model_load_from_file(os.fsencode(path), params)
        if not self.model:
            raise ModelUnusable(f"llama.cpp cannot load {path.name}: {_last_fault()}", _remedy(_last_fault()))
        self.footprint = self._measure(settings)
        ceiling = settings.memory_mb * 2**20
        if ceiling and self.footprint.total > ceiling:
            needed = self.footprint.total // 2**20
            lib.llama_model_free(self.model)
            raise ModelUnusable(
                f"{path.name} needs {needed} MiB, and engine.memory_mb allows {settings.memory_mb}.",
                "Raise engine.memory_mb, lower engine.context or choose a smaller model.",
            )
        self.context = self._new_context(settings)
        if not self.context:
            lib.llama_model_free(self.model)
            raise ModelUnusable(
                f"llama.cpp cannot make a context for {path.name}: {_last_fault()}",
                "Lower engine.context or engine.batch, or choose a smaller model.",
            )
        self.memory = lib.llama_get_memory(self.context)
        self.abort = library.AbortFlag()
        self.can_abort = self.abort.install(lib, self.context)
        self.vocabulary = Vocabulary(lib, self.model)
        self.can_rewind = not (lib.llama_model_is_recurrent(self.model) or lib.llama_model_is_hybrid(self.model))
        self.slots = int(lib.llama_n_ctx(self.context))
        self.batch = min(int(lib.llama_n_batch(self.context)), self.slots)
        self.info = self._describe(params.n_gpu_layers)

    def _new_context(self, settings: EngineSettings) -> Any:
        params = self.lib.llama_context_default_params()
        params.n_ctx = settings.context
        params.n_batch = params.n_ubatch = max(LEAST_BATCH, min(settings.batch, settings.context))
        params.n_seq_max = SEQUENCES + SCRATCH
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = threads_for(settings)
        params.type_k = params.type_v = CACHE_TYPES[settings.kv_type]
        params.flash_attn_type = FLASH_ATTENTION[settings.flash_attention]
        params.no_perf = True
        return self.lib.llama_init_from_model(self.model, params)

    def _measure(self, settings: EngineSettings) -> Footprint:
        lib, model = self.lib, self.model
        said = self._metadata()
        attention = f"{said.get('general.architecture', '')}.attention"
        usual = str(lib.llama_model_n_embd(model) // max(1, lib.llama_model_n_head(model)))
        # Qwen3's heads, for one, are twice as wide as the embedding divided among them
        key, value = (int(said.get(f"{attention}.{part}_length", usual)) for part in ("key", "value"))
        cells = lib.llama_model_n_head_kv(model) * lib.llama_model_n_layer(model) * settings.context
        cache = int(BYTES_PER_VALUE[settings.kv_type] * (key + value) * cells)
        return Footprint(weights=int(lib.llama_model_size(model)), cache=cache)

    def _describe(self, gpu_layers: int) -> ModelInfo:
        lib, model = self.lib, self.model
        layers = int(lib.llama_model_n_layer(model)) + 1
        return ModelInfo(
            metadata=self._metadata(),
            markers=self.vocabulary.named_markers(),
            size=self.footprint.weights,
            parameters=int(lib.llama_model_n_params(model)),
            context=self.slots,
            trained_context=int(lib.llama_model_n_ctx_train(model)),
            offloaded=min(gpu_layers, layers),
            can_shift=bool(lib.llama_memory_can_shift(self.memory)),
            bounds=self.vocabulary.bounds(),
            adds_bos=self.vocabulary.bos is not None,
        )

    def _metadata(self) -> dict[str, str]:
        lib, found = self.lib, dict[str, str]()
        buffer = ctypes.create_string_buffer(LONG_VALUE)
        for i in range(lib.llama_model_meta_count(self.model)):
            lib.llama_model_meta_key_by_index(self.model, i, buffer, len(buffer))
            key = buffer.value.decode("utf-8", "replace")
            length = lib.llama_model_meta_val_str_by_index(self.model, i, buffer, len(buffer))
            if 0 <= length < len(buffer):
                found[key] = buffer.value.decode("utf-8", "replace")
        if template := lib.llama_model_chat_template(self.model, None):
            found["tokenizer.chat_template"] = template.decode("utf-8", "replace")
        return found

    def close(self) -> None:
        """Free the memory. Call it once, on the thread that evaluates."""
        self.vocabulary.close()
        self.lib.llama_free(self.context)
        self.lib.llama_model_free(self.model)


def _last_fault() -> str:
    """The first thing that llama.cpp complained of, without the names of its functions."""
    said = library.faults[0] if library.faults else "it says no reason"
    return said.split("error loading model: ")[-1].split("_impl: ")[-1].strip()


REMEDIES = {
    "unknown model architecture": "This llama.cpp does not know that kind of model: choose another model, "
    "or upgrade llama-cpp-python.",
    "not within the file bounds": "The file is cut short: `tabby-lsp models verify`, then pull it again.",
    "magic": "This is no GGUF file: `tabby-lsp models pull` fetches one.",
    "out of memory": "Lower engine.gpu_layers or engine.context, or choose a smaller model.",
    "failed to allocate": "Lower engine.gpu_layers or engine.context, or choose a smaller model.",
    "read error": "The file is cut short or unreadable: `tabby-lsp models verify`, then pull it again.",
}
"""Words in llama.cpp's message → what a person can do."""


def _remedy(fault: str) -> str:
    return next(
        (remedy for words, remedy in REMEDIES.items() if words in fault.lower()),
        "`tabby-lsp models verify` checks the file, `tabby-lsp models pull` fetches it again.",
    )
