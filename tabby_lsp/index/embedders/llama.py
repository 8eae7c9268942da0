"""Vectors from a GGUF embedding model that runs in this process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tabby_lsp.config import EngineSettings, IndexSettings
from tabby_lsp.errors import EngineFault, ModelUnusable, RepositoryIndexError
from tabby_lsp.index.embedders.prefixes import Prefixes, prefixes_for
from tabby_lsp.index.embedders.table import fingerprint

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tabby_lsp.engine.llama.embedding import EmbeddingModel


def open_llama(settings: IndexSettings, engine: EngineSettings) -> LlamaEmbedder:
    """Load the model that `index.model` names.

    Args:
        settings: of the index.
        engine: how llama.cpp runs.

    Raises:
        RepositoryIndexError: no file is named, or llama.cpp cannot embed with it.
    """
    path = Path(settings.model).expanduser()
    if not settings.model or not path.is_file():
        raise RepositoryIndexError(
            f"There is no embedding model {settings.model}." if settings.model else "No embedding model is named.",
            "Set `index.model` or `model.embedding.local.path` to a GGUF file, or `index.embedder` to `static`.",
        )
    from tabby_lsp.engine.llama.embedding import EmbeddingModel

    try:
        model = EmbeddingModel(path, engine)
    except ModelUnusable as error:
        raise RepositoryIndexError(error.message, error.remedy) from error
    return LlamaEmbedder(model, fingerprint(path), prefixes_for(f"{model.name()} {path.stem}", settings))


class LlamaEmbedder:
    """Vectors from a loaded model.

    Args:
        model: it.
        key: of its file.
        prefixes: before questions and texts.
    """

    def __init__(self, model: EmbeddingModel, key: str, prefixes: Prefixes) -> None:
        self._model = model
        self._turn = threading.Lock()
        self._prefixes = prefixes
        self.identity = f"llama:{key}:{model.dimensions}:{model.pooling}:{model.tokens}:{prefixes}"
        """The file, the dimensions, the pooling, the longest text and the prefixes."""
        self.dimensions = model.dimensions
        """Numbers in a vector."""

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """See `Embedder.embed`."""
        try:
            with self._turn:
                return self._model.embed([self._prefixes.before(text, query=query) for text in texts])
        except EngineFault as error:
            raise RepositoryIndexError(error.message, error.remedy) from error

    def close(self) -> None:
        """Free the model."""
        self._model.close()
