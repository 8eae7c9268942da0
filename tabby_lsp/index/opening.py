"""From settings to an index in this process: the model whose tokens make vectors, the place on the disk, the folder.

The way in for the command line and, for the embedder, for the child process. It imports LanceDB: never from the
server's own process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tabby_lsp.config import EngineSettings, IndexSettings, Settings
from tabby_lsp.errors import TabbyError
from tabby_lsp.index.places import Places
from tabby_lsp.index.types import Status
from tabby_lsp.processors import processors
from tabby_lsp.roles import index_settings, local_settings

if TYPE_CHECKING:
    from tabby_lsp.index.embedders import Embedder
    from tabby_lsp.index.folder import FolderIndex


def of_the_index(settings: Settings) -> Settings:
    """The settings with what `[model.embedding]` says in `index` and `engine`, for all who open an index with them.

    A model that is named there as the catalogue does becomes its file; where it is not installed the name stays, and
    the embedder says so.
    """
    index = index_settings(settings)
    if index is settings.index:
        return settings
    if settings.model.embedding.http.kind:
        return replace(settings, index=index)
    local = local_settings(settings, "embedding")
    if not local.model.path and (path := _installed(local)):
        index = replace(index, model=path)
    return replace(settings, index=index, engine=local.engine)


def _installed(settings: Settings) -> str:
    """The file of the very model that is named; empty where it is not here."""
    from tabby_lsp.engine.opening import find_model

    try:
        found = find_model(settings)
    except TabbyError:
        return ""
    return str(found.path) if found.name == settings.model.name else ""


def model_of(settings: Settings) -> str:
    """The completion model's file for the embedder that needs one; empty for the others, and where there is none."""
    from tabby_lsp.engine.opening import find_model

    if settings.index.embedder != "static":
        return ""
    try:
        return str(find_model(local_settings(settings, "completion")).path)
    except TabbyError:
        return ""


def shared_embedder(
    settings: IndexSettings, model: str, engine: EngineSettings, *, offline: bool
) -> Callable[[], Embedder]:
    """What opens the embedder for the first that needs it, and gives the same one to all others.

    A failure is not kept: the next one tries again.

    Args:
        settings: which embedder.
        model: the completion model's file; empty: there is none.
        engine: how llama.cpp runs.
        offline: whether nothing may use the network.
    """
    lock = threading.Lock()
    opened: list[Embedder] = []

    def embedder() -> Embedder:
        from tabby_lsp.index.embedders import open_embedder

        with lock:
            if not opened:
                cache = Places.of(settings).embedders
                opened.append(open_embedder(settings, Path(model) if model else None, cache, offline, engine))
            return opened[0]

    return embedder


@contextmanager
def open_index(
    root: Path, settings: Settings, say: Callable[[str], object] = lambda text: None, *, seeded: bool = False
) -> Iterator[FolderIndex]:
    """A folder's index in this process, open while the block runs.

    Args:
        root: the folder.
        settings: the user's.
        say: told why the shared index is not used, where one is named and is not.
        seeded: whether what a shared index has is taken over first.

    Raises:
        RepositoryIndexError: its place cannot be written, or what is there cannot be read.
    """
    os.environ.setdefault("LANCEDB_LOG", "error")
    # LanceDB keeps two cores free for reading files; on two cores it would build every index on one
    os.environ.setdefault("LANCE_CPU_THREADS", str(processors()))
    from tabby_lsp.index.folder import FolderIndex

    settings = of_the_index(settings)
    embedder = shared_embedder(settings.index, model_of(settings), settings.engine, offline=settings.offline)
    with Places.of(settings.index).hold(root) as directory:
        if seeded and (fault := take_over(root, directory, settings.index, embedder, offline=settings.offline)):
            say(fault)
        index = FolderIndex(root, directory, settings.index, embedder, processes=processes())
        try:
            yield index
        finally:
            index.close()


def take_over(
    root: Path,
    directory: Path,
    settings: IndexSettings,
    embedder: Callable[[], Embedder],
    report: Callable[[Status], None] = lambda status: None,
    *,
    offline: bool,
) -> str:
    """Take over what a shared index has; see `seeding.seed`, which is imported only where one is named."""
    if not settings.uri:
        return ""
    from tabby_lsp.index.seeding import seed

    return seed(root, directory, settings, embedder, report, offline=offline)


def processes() -> int:
    """How many processes read files beside this one: as many as there are cores, since they yield to everybody else."""
    return max(1, min(8, processors()))


def nearest(folder: Path, settings: IndexSettings) -> Path:
    """The folder whose index is meant from within it: the innermost that has one, else the repository, else itself."""
    places = Places.of(settings)
    here = folder.absolute()
    above = (here, *here.parents)
    indexed = next((parent for parent in above if places.path(parent).is_dir()), None)
    return indexed or next((parent for parent in above if (parent / ".git").exists()), here)
