"""Holes that bring files of their own repository: written into a folder each, indexed by the index's own child process.

CrossCodeEval's rows name their files under `crossfile_context`: fragments of files, by name. The fragments of one file
are written into it one after the other, with a blank line between them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from types import MappingProxyType

from tabby_lsp.bench.fim.holes import Hole
from tabby_lsp.completion.context.types import Place, Repository
from tabby_lsp.config import ContextSettings, Settings
from tabby_lsp.errors import RepositoryIndexError
from tabby_lsp.index.child.client import IndexClient
from tabby_lsp.index.child.messages import Configure
from tabby_lsp.index.opening import of_the_index
from tabby_lsp.index.types import Phase

WAIT_S, POLL_S = 120.0, 0.01
"""Seconds for one small folder to be indexed."""
PATIENCE_S = 60.0
"""Seconds that a source may take: what is measured is what it finds."""
NONE = "none"
VARIANTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        NONE: (),
        "symbols": ("symbols",),
        "siblings": ("siblings",),
        "search": ("search",),
        "all": ("symbols", "recent", "siblings", "search"),
    }
)
"""What is measured alone, as the sources' settings: a hole has no recent edits, so they are measured by replays."""


def variant(name: str, settings: ContextSettings) -> ContextSettings:
    """The settings in which only the sources of a variant are asked."""
    sources = VARIANTS[name]
    switched = {source: source in sources for source in VARIANTS["all"]}
    return replace(settings, enabled=bool(sources), **switched)


class Repositories:
    """The folders of one measurement, with one child process for all of them.

    Args:
        settings: of the index; its folder for indexes is one of ours that is removed with the rest.
        model: the completion model's file.
    """

    def __init__(self, settings: Settings, model: Path) -> None:
        self._folder = TemporaryDirectory(prefix="tabby-lsp-bench-")
        settings = of_the_index(settings)
        index = replace(settings.index, directory=str(Path(self._folder.name) / "index"), watch=False, uri="")
        order = Configure(index, str(model), settings.offline, watch=False, engine=settings.engine, level="WARNING")
        self._client = IndexClient(order)
        self._client.start()
        self._made: dict[str, Place] = {}

    async def of(self, hole: Hole, context: ContextSettings) -> Repository:
        """What the pipeline is told of a hole's repository, indexed.

        Raises:
            RepositoryIndexError: it cannot be indexed.
        """
        place = self._made.get(hole.name)
        if place is None:
            place = self._made[hole.name] = await self._make(hole)
        return Repository(lambda: context, lambda _: place, PATIENCE_S)

    async def _make(self, hole: Hole) -> Place:
        root = Path(self._folder.name) / str(len(self._made))
        texts: dict[str, list[str]] = {}
        for path, text in hole.files:
            texts.setdefault(path, []).append(text)
        for path, parts in texts.items():
            inside = PurePosixPath(path)
            if inside.is_absolute() or ".." in inside.parts:
                raise RepositoryIndexError(f"{hole.name}: {path} is not a path inside of a repository.")
            (root / inside).parent.mkdir(parents=True, exist_ok=True)
            (root / inside).write_text("\n\n".join(parts) + "\n", "utf-8")
        folder = self._client.folder(root)
        end = time.monotonic() + WAIT_S
        while (status := self._client.status(root)) is None or status.phase is not Phase.READY:
            if time.monotonic() > end or (status and status.phase is Phase.FAILED):
                raise RepositoryIndexError(
                    f"{hole.name} cannot be indexed: {status.message if status else 'no answer'}."
                )
            await asyncio.sleep(POLL_S)
        return Place(hole.path, folder)

    def close(self) -> None:
        """End the child process and remove the folders."""
        self._client.close()
        self._folder.cleanup()
