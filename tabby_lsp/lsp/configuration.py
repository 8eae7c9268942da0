"""Settings from the client: at start, when they change, and where the client wants to be asked for them."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from lsprotocol import types

from tabby_lsp import log, options
from tabby_lsp.lsp.chat_role import chat_differs, completion_differs
from tabby_lsp.lsp.convert import path_from

if TYPE_CHECKING:
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

SECTION = "tabby-lsp"
FILE_POLL_S = 1.0
"""How often the user's settings file is looked at: one call of the operating system, on a thread. It is read once it
looks the same twice: editors write a file in steps."""
STAYS = "; the former settings stay until it can be read"

_read: WeakSet[TabbyServer] = WeakSet()
"""Servers whose settings have been resolved from a user's file that could be read, or was not there."""


def folders_of(params: types.InitializeParams) -> list[Path]:
    """The workspace folders of a client, or its root where it knows only one."""
    uris = [folder.uri for folder in params.workspace_folders or ()] or [params.root_uri]
    found = [path for uri in uris if (path := path_from(uri))]
    return found or ([Path(params.root_path)] if params.root_path else [])


def resolve(server: TabbyServer) -> None:
    """Resolve the settings from all their layers; each fault is said once.

    Where the user's file could be read before and cannot now, all settings stay as they are: half a file, or one with a
    typo, does not mean that `offline` is to be off, or that code is to go to another server.
    """
    resolved = options.resolve(server.folders, server.client_options, pushed_options=server.pushed_options)
    if resolved.unread and server in _read:
        _tell(server, [resolved.unread + STAYS])
        return
    if not resolved.unread:
        _read.add(server)
        server.told_faults = {fault for fault in server.told_faults if not fault.endswith(STAYS)}
    server.settings = resolved.settings
    log.configure(resolved.settings.log)
    _tell(server, [str(fault) for fault in resolved.faults])


def _tell(server: TabbyServer, faults: list[str]) -> None:
    new = [fault for fault in faults if fault not in server.told_faults]
    server.told_faults.update(new)
    for fault in new:
        logger.warning("settings: %s", fault)
    if new and server.initialized:
        text = "tabby-lsp settings: " + "; ".join(new)
        server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, text))


def changed(server: TabbyServer) -> None:
    """Resolve the settings anew, and bring up anew what they mean otherwise now."""
    before = server.settings
    resolve(server)
    after = server.settings
    if completion_differs(before, after):
        server.model.start()  # chat goes with it
    elif chat_differs(before, after):
        server.chat.stop()
    server.indexes.arrange()


async def watch(server: TabbyServer) -> None:
    """Follow the user's own settings file, which editors know nothing of."""
    path = options.config_file()
    if str(path) == os.devnull:
        return
    seen = before = await asyncio.to_thread(_stamp, path)
    while True:
        await asyncio.sleep(FILE_POLL_S)
        last, seen = seen, await asyncio.to_thread(_stamp, path)
        if seen == last != before:
            before = seen
            logger.info("%s has changed and is read again", path)
            changed(server)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What differs when a file was written; None where there is none."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino


def register(server: TabbyServer) -> None:
    """Follow the client's settings and folders."""

    async def pull() -> None:
        item = types.ConfigurationItem(section=SECTION)
        try:
            values = await server.workspace_configuration_async(types.ConfigurationParams([item]))
        except Exception as error:
            logger.info("the client gave no configuration: %s", error)
            return
        if values and values[0] is not None:
            server.pushed_options = values[0]
            changed(server)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        if params.settings:
            server.pushed_options = params.settings
            changed(server)
            return
        workspace = server.client_capabilities.workspace
        if workspace and workspace.configuration:
            server.background(pull())

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def did_change_folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        gone = {path_from(folder.uri) for folder in params.event.removed}
        come = [path for folder in params.event.added if (path := path_from(folder.uri))]
        server.folders = [folder for folder in server.folders if folder not in gone] + come
        changed(server)
