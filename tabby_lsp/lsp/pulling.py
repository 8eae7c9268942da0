"""Which model to offer to who has none, and its download.

Run on a thread: it blocks, and it imports what must not be imported before `initialized`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabby_lsp.engine.catalog import Model
    from tabby_lsp.engine.sources.transfer import Progress
    from tabby_lsp.lsp.server import TabbyServer


def recommended(server: TabbyServer) -> tuple[Model, str]:
    """The model to offer, and why.

    Raises:
        ModelMissing: the settings name one that nobody knows.
    """
    from tabby_lsp.engine import catalog, choice, hardware

    known = catalog.load()
    wanted = server.settings.model.name
    if wanted:
        return known.find(wanted), "The settings name it."
    model, why = choice.recommend(known, hardware.memory_bytes(), hardware.gpu_bytes())
    return model, f"Recommended: {why}"


def pull(
    server: TabbyServer, model: Model, report: Callable[[str, int], object], cancelled: Callable[[], bool]
) -> None:
    """Fetch a model.

    Args:
        server: settings.
        model: which.
        report: told of each new percent: a few words, and the percent.
        cancelled: asked between two pieces whether it is to end.

    Raises:
        TabbyError: it could not be fetched, or was cancelled.
    """
    from tabby_lsp.engine import download
    from tabby_lsp.engine.store import ModelStore

    last = "", -1

    def watch(seen: Progress) -> None:
        nonlocal last
        total = seen.total or model.size or 0
        percent = min(100, seen.done * 100 // total) if total else 0
        if (seen.phase, percent) != last:
            last = seen.phase, percent
            report(f"{seen.phase} {percent} %", percent)

    download.pull(
        model,
        ModelStore.of(server.settings),
        offline=server.settings.offline,
        asker="the language server's download",
        progress=watch,
        cancelled=cancelled,
    )
