"""The repository's index in the server: which folders have one, what has changed in them, and how far they are.

The child process is started when the model is up, or known to be missing: its token table makes the vectors. Nothing
here waits for the child, and nothing of LanceDB is imported.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from tabby_lsp.engine.disk import is_folder, is_there
from tabby_lsp.index.types import Index, Phase, Status
from tabby_lsp.lsp.convert import path_from
from tabby_lsp.lsp.progress import WorkDone

if TYPE_CHECKING:
    from tabby_lsp.config import Settings
    from tabby_lsp.index.child.client import IndexClient
    from tabby_lsp.index.child.messages import Configure
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

SHOWN_AFTER_S = 1.0
"""Work that lasts longer is shown as progress; a saved file takes a tenth of it."""
REPORT_S = 0.5
"""How often progress is told anew."""
MANY_EVENTS = 500
"""File events after which nobody looks at each: the child compares the whole folder instead."""
BUSY = frozenset({Phase.WALKING, Phase.INDEXING, Phase.TIDYING})
REGISTRATION = "tabby-lsp-files"


class Indexing:
    """The indexes of the workspace's folders.

    Args:
        server: folders, settings and client.
    """

    def __init__(self, server: TabbyServer) -> None:
        self._server = server
        self._client: IndexClient | None = None
        self._indexes: dict[Path, Index] = {}
        self._starts: list[tuple[str, Path]] = []
        self._client_watches: bool | None = None
        self._settled = False
        self._arranging: asyncio.Task[None] | None = None
        self._again = False
        self._shown: asyncio.Task[None] | None = None
        self._told_failures: set[str] = set()

    # ---- what completion asks -----------------------------------------------------------------------------------

    def for_uri(self, uri: str) -> tuple[Index, str] | None:
        """The index that a document belongs to, and the document's path in it, with slashes; None for others.

        It is called for every completion, so it looks at no disk: a folder is known by its path and by its real path.
        """
        if not uri.startswith("file:") or not self._starts:
            return None
        path = str(path_from(uri) or "")
        for start, root in self._starts:
            if path.startswith(start):
                return self._indexes[root], path[len(start) :].replace(os.sep, "/")
        return None

    def statuses(self) -> list[dict[str, Any]]:
        """How far each folder's index is, as plain data."""
        client = self._client
        if client is None:
            return []
        known = ((root, client.status(root)) for root in self._indexes)
        return [{"folder": str(root)} | asdict(status) for root, status in known if status is not None]

    # ---- what the server tells ----------------------------------------------------------------------------------

    def model_settled(self) -> None:
        """The model is up, or known to be missing or bad. Called again whenever that changes."""
        self._settled = True
        self.arrange()

    def arrange(self) -> None:
        """Bring what is indexed in line with folders, settings and model; in the background."""
        if not self._settled:
            return
        if self._arranging is not None and not self._arranging.done():
            self._again = True
            return
        self._arranging = asyncio.get_running_loop().create_task(self._arrange())

    def changed(self, uris: Sequence[str], gone: Collection[str] = ()) -> None:
        """Files were created, saved or deleted.

        Args:
            uris: of the files.
            gone: of these, the ones that were deleted.
        """
        if (pipeline := self._server.model.pipeline) is not None:
            pipeline.outdated(uris if len(uris) <= MANY_EVENTS else None, gone)
        if self._client is None:
            return
        if len(uris) > MANY_EVENTS:
            for root in self._indexes:
                self._client.changed(root, None)
            return
        paths: dict[Path, list[str]] = {}
        for uri in uris:
            path = str(path_from(uri) or "")
            root = next(((start, root) for start, root in self._starts if path.startswith(start)), None)
            if root is not None:
                paths.setdefault(root[1], []).append(path[len(root[0]) :].replace(os.sep, "/"))
        for root, changed in paths.items():
            self._client.changed(root, changed)

    def stop(self) -> None:
        """Let go of the child; it ends by itself."""
        self._settled = False
        client, self._client = self._client, None
        self._indexes, self._starts = {}, []
        if client is not None:
            client.close()

    # ---- the child ----------------------------------------------------------------------------------------------

    async def _arrange(self) -> None:
        while True:
            self._again = False
            try:
                await self._bring_in_line()
            except Exception:
                logger.exception("the index could not be brought up")
            if not self._again:
                return

    async def _bring_in_line(self) -> None:
        server = self._server
        folders = list(dict.fromkeys(server.folders)) if server.settings.index.enabled else []
        folders = [folder for folder in folders if await asyncio.to_thread(_is_fit, folder)]
        if not folders and self._client is None:
            return
        if self._client_watches is None and folders:
            self._client_watches = await self._ask_to_watch()
        order = await asyncio.to_thread(_configuration, server.settings, self._client_watches is not True)
        if not self._settled:  # stopped meanwhile
            return
        if self._client is None:
            from tabby_lsp.index.child.client import IndexClient

            self._client = IndexClient(order, self._heard)
        self._client.configure(order)
        for gone in self._indexes.keys() - set(folders):
            self._client.remove(gone)
        client = self._client
        self._indexes = {folder: client.folder(folder) for folder in folders}
        starts = await asyncio.to_thread(lambda: list(_starts(folders)))
        self._starts = sorted(starts, key=lambda pair: len(pair[0]), reverse=True)  # the innermost first
        if folders:
            client.start()

    async def _ask_to_watch(self) -> bool:
        """Whether the client tells of changed files from now on."""
        workspace = self._server.client_capabilities.workspace
        watched = workspace.did_change_watched_files if workspace else None
        if not (watched and watched.dynamic_registration):
            return False
        watchers = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(glob_pattern="**/*")])
        what = types.Registration(REGISTRATION, types.WORKSPACE_DID_CHANGE_WATCHED_FILES, watchers)
        try:
            await asyncio.wait_for(
                self._server.client_register_capability_async(types.RegistrationParams([what])), timeout=10
            )
        except Exception as error:
            logger.info("the client does not watch files: %s", error or "no answer")
            return False
        return True

    # ---- what the child tells -----------------------------------------------------------------------------------

    def _heard(self, _: Path, status: Status) -> None:
        """Called on a thread of the client."""
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._take, status)

    @property
    def _loop(self) -> asyncio.AbstractEventLoop | None:
        return self._arranging.get_loop() if self._arranging is not None else None

    def _take(self, status: Status) -> None:
        if self._client is None:
            return
        self._server.status.set_index(self._phase())
        if status.phase is Phase.FAILED and status.message not in self._told_failures:
            self._told_failures.add(status.message)
            logger.warning("index: %s", status.message)
        if status.phase in BUSY and (self._shown is None or self._shown.done()):
            self._shown = asyncio.get_running_loop().create_task(self._show())

    def _phase(self) -> str:
        """One word for all folders: the one that a person would want to know of most."""
        phases = [status.phase for status in self._all()]
        order = (Phase.INDEXING, Phase.WALKING, Phase.TIDYING, Phase.FAILED, Phase.STARTING, Phase.READY, Phase.READING)
        return next((str(phase) for phase in order if phase in phases), "")

    def _all(self) -> Iterable[Status]:
        client = self._client
        return [] if client is None else [status for root in self._indexes if (status := client.status(root))]

    async def _show(self) -> None:
        """Progress for as long as something is being indexed, where that is long enough to be shown."""
        await asyncio.sleep(SHOWN_AFTER_S)
        if not self._working():
            return
        async with WorkDone(self._server, "Indexing the repository") as work:
            said = None
            while working := self._working():
                files, total = sum(s.files for s in working), sum(s.total for s in working)
                percent = min(100, files * 100 // total) if total else None
                message = f"{files} of {total} files" if total else "looking at files"
                if (message, percent) != said:
                    said = message, percent
                    work.report(message, percent)
                await asyncio.sleep(REPORT_S)

    def _working(self) -> list[Status]:
        return [status for status in self._all() if status.phase in BUSY]


def register(server: TabbyServer) -> None:
    """Follow what happens to files."""

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveTextDocumentParams) -> None:
        server.indexes.changed([params.text_document.uri])

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        gone = {change.uri for change in params.changes if change.type == types.FileChangeType.Deleted}
        server.indexes.changed([change.uri for change in params.changes], gone)


def _starts(folders: Iterable[Path]) -> Iterable[tuple[str, Path]]:
    """How the paths of a folder's files begin, under its name and under its real one."""
    for folder in folders:
        for start in {str(folder), os.path.realpath(folder)}:
            yield start.rstrip(os.sep) + os.sep, folder


# Run on a thread: they look at the disk, and they import what must not be imported before `initialized`.


def _is_fit(folder: Path) -> bool:
    """Whether a folder is one that somebody works in: the home folder and what is above it hold everything else too."""
    real = Path(os.path.realpath(folder))
    home = Path(os.path.realpath(Path.home()))
    if not is_folder(real):
        return False
    too_much = real == home or real in home.parents
    if too_much and not is_there(real / ".git"):
        logger.warning("%s is not indexed: it is not a project, it holds everything else too", folder)
        return False
    return True


def _configuration(settings: Settings, watch: bool) -> Configure:
    from tabby_lsp.config import EngineSettings
    from tabby_lsp.index.child.messages import Configure
    from tabby_lsp.index.opening import model_of, of_the_index

    settings = of_the_index(settings)
    # only where it matters: whatever differs opens all folders anew
    engine = settings.engine if settings.index.embedder == "llama" else EngineSettings()
    level = settings.log.level.upper()
    return Configure(settings.index, model_of(settings), settings.offline, watch, engine, level)
