"""Vectors from a GGUF model: one context that pools, batches of whole texts, no KV cache that outlives a batch.

The only place that asks llama.cpp for embeddings. Whether a question or a document is to be marked as such is the
caller's business: texts come in as the model should read them.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tabby_lsp.config import EngineSettings
from tabby_lsp.engine.llama import library
from tabby_lsp.engine.llama.model import threads_for
from tabby_lsp.errors import EngineFault, ModelUnusable

SEQUENCES = 32
"""Texts in one batch, at most."""
LONGEST = 1024
"""Tokens of one text, at most, whatever the model was trained for; the index's chunks have fewer. It is also what a
batch holds, and what that costs grows with its square."""
NONE, MEAN, CLS, LAST, RANK = range(5)
"""llama.cpp's `llama_pooling_type`."""


class EmbeddingModel:
    """A model that makes one vector of a text. For one thread at a time.

    Args:
        path: a GGUF file.
        settings: how llama.cpp runs; `batch` is not used: a text is read whole.

    Raises:
        ModelUnusable: llama.cpp refuses the file, or it makes scores and not vectors.
    """

    def __init__(self, path: Path, settings: EngineSettings) -> None:
        lib = self._lib = library.load()
        library.faults.clear()
        self._name = path.name
        params = lib.llama_model_default_params()
        offload = library.can_offload() and settings.gpu_layers != 0
        params.n_gpu_layers = (10_000 if settings.gpu_layers < 0 else settings.gpu_layers) if offload else 0
        allowed = {"on": True, "off": False, "auto": not library.has_amx()}
        params.use_extra_bufts = allowed[settings.extra_buffers]
        self._model = lib.llama_model_load_from_file(os.fsencode(path), params)
        if not self._model:
            raise self._unusable("cannot load", "Check that the file is a GGUF embedding model, and whole.")
        try:
            self._vocabulary = lib.llama_model_get_vocab(self._model)
            self._context = self._new_context(settings)
        except BaseException:
            lib.llama_model_free(self._model)
            self._model = None
            raise
        self._batch = lib.llama_batch_init(self.tokens, 0, 1)

    def _new_context(self, settings: EngineSettings) -> Any:
        lib = self._lib
        self.tokens = max(1, min(LONGEST, int(lib.llama_model_n_ctx_train(self._model)) or LONGEST))
        """Most tokens of one text, and of a batch."""
        params = lib.llama_context_default_params()
        # an encoder sees a text whole or not at all, so the physical batch holds the longest
        params.n_ctx = params.n_batch = params.n_ubatch = self.tokens
        params.n_seq_max = min(SEQUENCES, int(lib.llama_max_parallel_sequences()))
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = threads_for(settings)
        params.embeddings = True
        params.no_perf = True
        context = lib.llama_init_from_model(self._model, params)
        if context and int(lib.llama_pooling_type(context)) == NONE:
            # what was trained to write text has no pooling of its own; the mean of its last layer is the usual one
            lib.llama_free(context)
            params.pooling_type = MEAN
            context = lib.llama_init_from_model(self._model, params)
        if not context:
            raise self._unusable("cannot make a context for", "Choose a smaller embedding model.")
        self.pooling = int(lib.llama_pooling_type(context))
        if self.pooling == RANK:
            lib.llama_free(context)
            raise ModelUnusable(f"{self._name} compares texts and makes no vectors.", "Choose an embedding model.")
        self.dimensions = int(lib.llama_model_n_embd_out(self._model))
        self._sequences = int(lib.llama_n_seq_max(context))
        return context

    def _unusable(self, what: str, remedy: str) -> ModelUnusable:
        said = library.faults[0] if library.faults else "it says no reason"
        return ModelUnusable(f"llama.cpp {what} {self._name}: {said}", remedy)

    def name(self) -> str:
        """What the model calls itself, lower-case: `general.architecture` and `general.name`."""
        return " ".join(self._metadata(key) for key in ("general.architecture", "general.name")).lower()

    def _metadata(self, key: str) -> str:
        buffer = ctypes.create_string_buffer(256)
        length = self._lib.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace") if length >= 0 else ""

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors of texts.

        Args:
            texts: each as the model should read it; what goes beyond `tokens` is left out.

        Returns:
            float32 (texts, dimensions), of unit length; zeros for a text without a token.

        Raises:
            EngineFault: llama.cpp failed.
        """
        found = np.zeros((len(texts), self.dimensions), np.float32)
        # texts of about the same length share a batch, so that few stay half empty
        tokens = [self._tokenize(text) for text in texts]
        batch: list[int] = []
        room = self.tokens
        for row in sorted(range(len(texts)), key=lambda row: len(tokens[row])):
            if not tokens[row]:
                continue
            if batch and (len(tokens[row]) > room or len(batch) == self._sequences):
                self._evaluate(batch, tokens, found)
                batch, room = [], self.tokens
            batch.append(row)
            room -= len(tokens[row])
        if batch:
            self._evaluate(batch, tokens, found)
        return found

    def _tokenize(self, text: str) -> list[int]:
        data = text.encode("utf-8", "replace")
        if not data.strip():
            return []
        size = len(data) + 8
        tokens = (ctypes.c_int32 * size)()
        count = int(self._lib.llama_tokenize(self._vocabulary, data, len(data), tokens, size, True, False))
        if count < 0:
            size = -count
            tokens = (ctypes.c_int32 * size)()
            count = int(self._lib.llama_tokenize(self._vocabulary, data, len(data), tokens, size, True, False))
        read = list(tokens[: max(0, count)])
        if len(read) <= self.tokens:
            return read
        # a closing token is what some models pool: it stays last
        return (
            [*read[: self.tokens - 1], read[-1]]
            if self._lib.llama_vocab_get_add_sep(self._vocabulary)
            else read[: self.tokens]
        )

    def _evaluate(self, rows: list[int], tokens: list[list[int]], found: npt.NDArray[np.float32]) -> None:
        lib, batch = self._lib, self._batch
        at = 0
        for sequence, row in enumerate(rows):
            for position, token in enumerate(tokens[row]):
                batch.token[at] = token
                batch.pos[at] = position
                batch.n_seq_id[at] = 1
                batch.seq_id[at][0] = sequence
                batch.logits[at] = True
                at += 1
        batch.n_tokens = at
        memory = lib.llama_get_memory(self._context)
        if memory:
            lib.llama_memory_clear(memory, True)
        encodes = lib.llama_model_has_encoder(self._model) or not memory
        code = (lib.llama_encode if encodes else lib.llama_decode)(self._context, batch)
        if code:
            raise EngineFault(f"llama.cpp could not embed with {self._name} (code {code}).", "Choose another model.")
        for sequence, row in enumerate(rows):
            pointer = lib.llama_get_embeddings_seq(self._context, sequence)
            if not pointer:
                raise EngineFault(f"{self._name} gave no vector.", "Choose an embedding model.")
            vector = np.ctypeslib.as_array(pointer, (self.dimensions,))
            length = float(np.linalg.norm(vector))
            if length > 0:
                found[row] = vector / length

    def __del__(self) -> None:
        # whoever holds it last may not know that: folders come and go, and settings change
        if hasattr(self, "_model"):
            self.close()

    def close(self) -> None:
        """Free the memory; nothing may be asked afterwards."""
        if self._model:
            self._lib.llama_batch_free(self._batch)
            self._lib.llama_free(self._context)
            self._lib.llama_model_free(self._model)
            self._model = None
