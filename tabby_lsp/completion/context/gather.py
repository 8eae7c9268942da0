"""The context of each document: gathered from the sources, chosen, and kept where it is until something is missing.

It runs in idle time, and before the first question about a document. No source may hold anything up: what the index
does not answer in time, the prompt does without.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from pathlib import PurePosixPath
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from tabby_lsp.completion.context import choose, recent, search, siblings, symbols
from tabby_lsp.completion.context.recent import Recent
from tabby_lsp.completion.context.secret import Secrets
from tabby_lsp.completion.context.stale import Changes, stale
from tabby_lsp.completion.context.types import Around, Block, Place, Repository, Room, Source
from tabby_lsp.completion.names import WORD
from tabby_lsp.config import ContextSettings
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.errors import IndexUnavailable
from tabby_lsp.index.types import Snippet, Why
from tabby_lsp.syntax.trees import Trees

logger = logging.getLogger(__name__)

SOURCES: Mapping[str, Source] = MappingProxyType(
    {"symbols": symbols.find, "recent": recent.find, "siblings": siblings.find, "search": search.find}
)
"""In the order of their worth, under the names of the settings that switch them."""
KINDS: Mapping[str, frozenset[Why]] = MappingProxyType(
    {
        "symbols": choose.GROUPED,
        "recent": frozenset({Why.RECENT}),
        "siblings": frozenset({Why.SIBLING}),
        "search": frozenset({Why.SEARCH}),
    }
)
"""What each of them finds."""
AGAIN_S = 3.0
"""Seconds after which the same place is looked at again."""
NEAR = 12
"""Lines that the cursor may move before it is another place."""


NO_NAMES: frozenset[str] = frozenset()
NOWHERE = Repository(lambda: ContextSettings(enabled=False), lambda _: None)


class Context:
    """Gathers blocks.

    Args:
        repository: what is served; None: nothing of other files is shown.
        trees: of the documents.
    """

    def __init__(self, repository: Repository | None, trees: Trees) -> None:
        self._repository = repository or NOWHERE
        self._trees = trees
        self._looked: dict[str, tuple[int, float]] = {}
        self._names: dict[str, frozenset[str]] = {}
        self._secrets = Secrets(self._path_of)
        self.is_secret = self._secrets.is_secret
        """Whether nothing of a document may leave it."""
        self._changes = Changes()
        self.recent = Recent()

    def forget(self, uri: str) -> None:
        """A document was closed; the lines that were edited in it stay known, unless it is a secret."""
        last = self.recent.latest(uri)
        self.recent.forget(uri, keep=last is None or not self.is_secret(last))
        self._looked.pop(uri, None)
        self._names.pop(uri, None)
        self._secrets.forget(uri)
        self._changes.forget(uri)

    def outdated(self, uris: Iterable[str] | None, gone: Collection[str] = ()) -> None:
        """Files were saved, changed or deleted: what is shown of them stays only where it is found again.

        Args:
            uris: of the files; None: nobody knows which.
            gone: of these, the ones that were deleted.
        """
        now = asyncio.get_running_loop().time()
        if uris is None:
            self._changes.note_all(now)
            uris = {document.uri for document in self.recent.documents()}
        for uri in uris:
            self._changes.note(self._path_of(uri), now)
            self.recent.outdated(uri, gone=uri in gone)

    @property
    def tokens(self) -> int:
        """The budget that the settings give."""
        settings = self._repository.settings()
        return settings.tokens if settings.enabled else 0

    def names(self, uri: str) -> frozenset[str]:
        """The words of all that was found for a document last, whether there was room to show it or not."""
        return self._names.get(uri, NO_NAMES)

    def beginning(self, snapshot: Snapshot, start: str) -> Future[tuple[str, ...]] | None:
        """Ask for the names of the repository that begin so; None where nobody is to be asked."""
        index = self._place_of(snapshot.uri).index if self._repository.settings().enabled else None
        return index.names(start, snapshot.language) if index else None

    def is_due(self, uri: str, line: int) -> bool:
        """Whether a cursor is worth another look: not where one was taken just now."""
        if not self._repository.settings().enabled or uri not in self._looked:
            return True
        last, then = self._looked[uri]
        return abs(line - last) > NEAR or asyncio.get_running_loop().time() - then > AGAIN_S

    async def gather(self, snapshot: Snapshot, position: Position | None, last: Block, room: Room) -> Block:
        """The block for a cursor, continuing the last one of its document.

        Args:
            snapshot: the document.
            position: the cursor; None where nobody knows it.
            last: what its prompts show now.
            room: what they have room for.

        Returns:
            `last` itself where nothing is to be changed.
        """
        settings, uri = self._repository.settings(), snapshot.uri
        budget = min(settings.tokens, room.tokens)
        if not settings.enabled or budget <= 0:
            return Block() if last.snippets else last
        place = self._place_of(uri)
        found: list[Snippet] = []
        chosen: tuple[Snippet, ...] = ()
        silent: set[Why] = set()
        began = asyncio.get_running_loop().time()
        for name, source in SOURCES.items():
            if not getattr(settings, name):
                continue
            left = 1 - sum(map(room.cost, chosen)) / budget
            tree = self._trees.tree(snapshot)
            is_secret = self.is_secret
            around = Around(snapshot, position, tree, place, self.recent, self._path_of, is_secret, left)
            answer = await self._asked(name, source, around)
            silent |= KINDS[name] if answer is None else set()
            found += answer or ()
            chosen = choose.wanted(found, room.window, budget, room.cost)
        self._names[uri] = frozenset(word for snippet in found for word in WORD.findall(snippet.text))
        # only now: who was stopped on the way looks again
        self._looked[uri] = (position.line if position else -1, asyncio.get_running_loop().time())
        known = {document: self._path_of(document.uri) for document in self.recent.documents()}
        is_stale = stale(found, known, self._changes.since(uri, last), silent)
        kept = choose.continued(last.snippets, chosen, budget, room.cost, is_stale)
        block = last if kept == last.snippets else Block(kept, place.path, snapshot.language)
        self._changes.compared(uri, block, None if silent else began, last)
        return block

    def _place_of(self, uri: str) -> Place:
        return self._repository.place(uri) or Place(PurePosixPath(unquote(urlsplit(uri).path)).name)

    def _path_of(self, uri: str) -> str:
        return self._place_of(uri).path

    async def _asked(self, name: str, source: Source, around: Around) -> tuple[Snippet, ...] | None:
        """What a source finds; None where it could not say."""
        try:
            return await asyncio.wait_for(source(around), self._repository.patience_s)
        except (IndexUnavailable, TimeoutError) as error:
            logger.debug("%s found nothing: %s", name, error or "no answer in time")
        except Exception:
            logger.exception("%s could not be gathered", name)
        return None
