"""The offer to download a model where there is none, and the download."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from lsprotocol import types

from tabby_lsp.errors import ModelMissing, TabbyError
from tabby_lsp.lsp import pulling
from tabby_lsp.lsp.progress import WorkDone
from tabby_lsp.lsp.status import State

if TYPE_CHECKING:
    from tabby_lsp.engine.catalog import Model
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

DOWNLOAD, LATER = "Download", "Not now"


async def offer(server: TabbyServer, error: ModelMissing) -> None:
    """Ask whether the recommended model may be downloaded, and do it.

    Args:
        server: client, settings and the model.
        error: why there is none.
    """
    try:
        model, why = await asyncio.to_thread(pulling.recommended, server)
    except ModelMissing as unknown:  # the settings name one that nobody knows
        server.model.tell(State.NO_MODEL, unknown)
        server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"tabby-lsp: {unknown}"))
        return
    if server.settings.offline:
        server.window_show_message(
            types.ShowMessageParams(types.MessageType.Warning, f"tabby-lsp: {error} (offline = true)")
        )
        return
    size = f" ({model.size >> 20} MiB)" if model.size else ""
    question = f"tabby-lsp has no model yet. Download {model.name}{size}? {why}"
    chosen = await server.ask(question, (DOWNLOAD, LATER))
    if chosen == DOWNLOAD and server.model.pipeline is None:
        await download(server, model)


async def download(server: TabbyServer, model: Model | None = None) -> None:
    """Fetch a model with progress in the client, then bring it up.

    Args:
        server: client, settings and the model.
        model: which; None: the recommended one.
    """
    from tabby_lsp.engine.sources.transfer import Cancelled

    loop = asyncio.get_running_loop()
    if server.status.state is State.DOWNLOADING:
        return
    try:
        if model is None:
            model, _ = await asyncio.to_thread(pulling.recommended, server)
        name = model.name
        server.status.set(State.DOWNLOADING, model=name, percent=0)
        async with WorkDone(server, f"Downloading {name}", cancellable=True) as work:

            def report(message: str, percent: int) -> None:
                work.report(message, percent)
                server.status.set(State.DOWNLOADING, message, name, percent)

            await asyncio.to_thread(
                pulling.pull,
                server,
                model,
                lambda *seen: loop.call_soon_threadsafe(report, *seen),
                work.is_cancelled,
            )
    except Exception as error:
        if not isinstance(error, TabbyError):
            logger.exception("the download failed")
            error = TabbyError(f"The download failed: {error}.", "The log says more.")
        if not isinstance(error, Cancelled):
            server.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"tabby-lsp: {error}"))
        if server.model.pipeline is None:
            server.model.tell(State.NO_MODEL, error)
        else:
            server.model.ready()
        return
    server.status.set(State.LOADING, model=name)
    server.model.start()
