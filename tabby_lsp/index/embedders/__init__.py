"""What makes vectors of texts: one small interface, a row for each kind.

`static` reads the completion model's own token table and needs neither a download nor a GPU; `llama` runs a GGUF
embedding model in process; the others ask a server. A new kind is a file and a row of `KINDS`, or of `servers.SERVERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tabby_lsp.config import EngineSettings, IndexSettings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Embedder(Protocol):
    """Texts to unit vectors."""

    @property
    def identity(self) -> str:
        """Changes when vectors stop being comparable: the model, its dimensions, its pooling, the way of summing."""
        ...

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        ...

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """Vectors of texts; may be called from several threads at once.

        Args:
            texts: any number of them, of any length; what goes beyond what the model reads is left out.
            query: whether these are questions and not what is searched; some models want the two marked.

        Returns:
            float32 (texts, dimensions), each row of unit length; zeros for a text that has nothing to embed.

        Raises:
            RepositoryIndexError: the model or the server failed.
            Offline: a server is on another machine, and the network is off.
        """
        ...

    def close(self) -> None:
        """Free memory and connections."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an embedder may need beside its settings.

    Attributes:
        model: the completion model's GGUF; None where there is none.
        cache: a folder for what is computed once a model.
        offline: whether other machines are out of bounds.
        engine: how llama.cpp runs.
    """

    model: Path | None
    cache: Path
    offline: bool = False
    engine: EngineSettings = field(default_factory=EngineSettings)


def _static(_: IndexSettings, around: Surroundings) -> Embedder:
    from tabby_lsp.index.embedders.static import open_static

    return open_static(around.model, around.cache)


def _llama(settings: IndexSettings, around: Surroundings) -> Embedder:
    from tabby_lsp.index.embedders.llama import open_llama

    return open_llama(settings, around.engine)


def _http(settings: IndexSettings, around: Surroundings) -> Embedder:
    from tabby_lsp.index.embedders.http import open_http

    return open_http(settings, offline=around.offline)


KINDS: dict[str, Callable[[IndexSettings, Surroundings], Embedder]] = {
    "static": _static,
    "llama": _llama,
    "openai": _http,
    "ollama": _http,
    "llama.cpp": _http,
    "mistral": _http,
    "voyage": _http,
    "azure": _http,
}
"""`index.embedder` → what opens it."""


def open_embedder(
    settings: IndexSettings,
    model: Path | None,
    cache: Path,
    offline: bool = False,
    engine: EngineSettings | None = None,
) -> Embedder:
    """Open the embedder that the settings name.

    Args:
        settings: of the index; `embedder` picks the row.
        model: the completion model's GGUF, for `static`.
        cache: a folder for what is computed once a model; made where it is missing.
        offline: whether other machines are out of bounds.
        engine: how llama.cpp runs, for `llama`; None: its defaults.

    Raises:
        RepositoryIndexError: it cannot be had: no model, no address, a file that is none; with the remedy.
        Offline: the server is on another machine, and the network is off.
    """
    return KINDS[settings.embedder](settings, Surroundings(model, cache, offline, engine or EngineSettings()))
