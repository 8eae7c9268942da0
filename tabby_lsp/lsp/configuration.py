"""Settings from the client: at start, when they change, and where the client wants to be asked for them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from tabby_lsp import log, options
from tabby_lsp.lsp.convert import path_from

if TYPE_CHECKING:
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

SECTION = "tabby-lsp"


def folders_of(params: types.InitializeParams) -> list[Path]:
    """The workspace folders of a client, or its root where it knows only one."""
    uris = [folder.uri for folder in params.workspace_folders or ()] or [params.root_uri]
    found = [path for uri in uris if (path := path_from(uri))]
    return found or ([Path(params.root_path)] if params.root_path else [])


def resolve(server: TabbyServer) -> None:
    """Resolve the settings from all their layers; each fault is said once."""
    resolved = options.resolve(server.folders, server.client_options, pushed_options=server.pushed_options)
    server.settings = resolved.settings
    log.configure(resolved.settings.log)
    new = [str(fault) for fault in resolved.faults if str(fault) not in server.told_faults]
    server.told_faults.update(new)
    for fault in new:
        logger.warning("settings: %s", fault)
    if new and server.initialized:
        text = "tabby-lsp settings: " + "; ".join(new)
        server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, text))


def register(server: TabbyServer) -> None:
    """Follow the client's settings and folders."""

    def changed() -> None:
        before = server.settings
        resolve(server)
        after = server.settings
        if (before.model, before.engine, before.offline) != (after.model, after.engine, after.offline):
            server.model.start()
        server.indexes.arrange()

    async def pull() -> None:
        item = types.ConfigurationItem(section=SECTION)
        try:
            values = await server.workspace_configuration_async(types.ConfigurationParams([item]))
        except Exception as error:
            logger.info("the client gave no configuration: %s", error)
            return
        if values and values[0] is not None:
            server.pushed_options = values[0]
            changed()

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        if params.settings:
            server.pushed_options = params.settings
            changed()
            return
        workspace = server.client_capabilities.workspace
        if workspace and workspace.configuration:
            server.background(pull())

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def did_change_folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        gone = {path_from(folder.uri) for folder in params.event.removed}
        come = [path for folder in params.event.added if (path := path_from(folder.uri))]
        server.folders = [folder for folder in server.folders if folder not in gone] + come
        changed()
