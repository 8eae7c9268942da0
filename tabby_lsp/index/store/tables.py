"""Which tables of a folder answer, which are being built, and what becomes of them when they are damaged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tabby_lsp.errors import IndexUnavailable, RepositoryIndexError
from tabby_lsp.index.store import generations
from tabby_lsp.index.store.damage import Damaged
from tabby_lsp.index.store.generations import Generation
from tabby_lsp.index.store.lance import Store
from tabby_lsp.index.store.rows import Stored

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(slots=True)
class Target:
    """Tables of one generation.

    Attributes:
        store: the tables.
        generation: what they are made of.
        known: what is stored of each file.
        lock: held while rows are changed; reading and embedding happen outside.
        overtaken: files that `update` has written since a `sync` began: what the sync read of them may be older.
        loose: changes of the tables since they were tidied.
        repaired: whether it was looked after what a dead process may have left.
        versions: of the tables when `known` was read.
    """

    store: Store
    generation: Generation
    known: dict[str, Stored]
    lock: threading.RLock = field(default_factory=threading.RLock)
    overtaken: set[str] = field(default_factory=set)
    loose: int = 0
    repaired: bool = False
    versions: tuple[int, ...] = ()


class Tables:
    """The tables of one folder, through all their generations.

    Args:
        directory: where they are.
        on_damage: called when a question has found them damaged.
    """

    def __init__(self, directory: Path, on_damage: Callable[[], None]) -> None:
        self.directory = directory
        self.answering: Target | None = None
        self.building: Target | None = None
        self.damaged = False
        self.on_change: Callable[[], None] = lambda: None
        """Called when what was read of them does not hold any more."""
        self._on_damage = on_damage
        self._turn = threading.RLock()

    @property
    def written(self) -> Target | None:
        """The ones that are written, or would be."""
        return self.building or self.answering

    def open(self) -> None:
        """Open what answers now, if there is anything that can be read."""
        with self._turn:
            self.answering = None
            generation = generations.current(self.directory)
            if generation is not None:
                try:
                    self.answering = self._target(generation, create=False)
                except Damaged as error:
                    logger.warning("%s", error)
                    self.damaged = True
            self.on_change()

    def refresh(self) -> None:
        """Read the newest version from now on: another process may have written, or built them anew."""
        with self._turn:
            target = self.answering
            if target is None or generations.current(self.directory) != target.generation:
                self.open()
                return
            try:
                target.store.refresh()
                versions = target.store.versions()
                if versions != target.versions:
                    target.known, target.versions = target.store.known(), versions
                    self.on_change()
            except Damaged:
                self.open()

    def begin(self, wanted: Generation) -> Target:
        """The tables to write: those that answer, or new ones where those are damaged or made of something else.

        Raises:
            Damaged: not even new ones can be made.
            RepositoryIndexError: the folder cannot be written.
        """
        with self._turn:
            folder = self.directory / wanted.key
            if self.damaged:
                self.answering = self.building = None
                self.on_change()
                generations.discard(folder)
                self.damaged = False
            if self.answering is not None and self.answering.generation == wanted:
                return self.answering
            if self.building is None or self.building.generation != wanted:
                generations.begin(self.directory, wanted)
                try:
                    self.building = self._target(wanted, create=True)
                except Damaged as error:  # an earlier build of the same, which did not come to its end
                    logger.warning("%s", error)
                    generations.discard(folder)
                    generations.begin(self.directory, wanted)
                    self.building = self._target(wanted, create=True)
            building = self.building
            if self.answering is None:  # nothing can answer instead, so it answers while it grows
                generations.make_current(self.directory, wanted)
                self.answering, self.building = building, None
                self.on_change()
            return building

    def finish(self, target: Target) -> None:
        """What was built is whole: it answers from now on, and everything else goes."""
        with self._turn:
            if self.answering is not target:
                generations.make_current(self.directory, target.generation)
                self.answering, self.building = target, None
                self.on_change()
        generations.clean(self.directory, self.directory / target.generation.key)

    def ask(self, question: Callable[[Store], T]) -> T:
        """Run a question against the tables that answer.

        Raises:
            IndexUnavailable: there are none, or they are damaged.
            RepositoryIndexError: the tables are whole, but cannot be asked so.
        """
        for last in (False, True):
            answering = self.answering
            if answering is None:
                if self.damaged:
                    self._on_damage()
                raise IndexUnavailable("Nothing is indexed yet.", "It is built in the background.")
            try:
                return question(answering.store)
            except Damaged as error:
                if not last:  # what was read may have been tidied away, or swapped
                    self.refresh()
                elif answering.store.is_whole():
                    raise RepositoryIndexError("The index cannot be asked so.", str(error.__cause__)) from error
                else:
                    self.mourn(answering)
                    raise
        raise AssertionError

    def mourn(self, target: Target) -> None:
        """Some tables are damaged: they answer no more, and the next `begin` makes new ones.

        Whoever finds that out of tables that were given up meanwhile says nothing about the others.
        """
        with self._turn:
            if target is not self.answering and target is not self.building:
                return
            if self.answering is target:
                self.answering = None
            self.damaged = True
            self.on_change()
        self._on_damage()

    def close(self) -> None:
        """Let go of all tables."""
        with self._turn:
            self.answering = self.building = None

    def _target(self, generation: Generation, *, create: bool) -> Target:
        store = Store(self.directory / generation.key, generation.dimensions, create=create)
        versions = store.versions()
        return Target(store, generation, store.known(), versions=versions)
