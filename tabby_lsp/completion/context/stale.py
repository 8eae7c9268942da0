"""What a block shows and its file no longer says: of files that were changed since, and of lines that were edited.

A block stays, so what is in it may be older than what a source would find now. It is looked at again when something has
happened to its file, and goes where the sources do not find the same lines any more.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from math import inf

from tabby_lsp.completion.context.types import Block
from tabby_lsp.document import Snapshot
from tabby_lsp.index.types import Snippet, Why

KEPT = 1_000
"""Files whose last change is known."""
SETTLED_S = 3.0
"""Seconds until the index has read a changed file, a busy machine's included: until then it is asked again."""


class Changes:
    """When files were changed, and when a block was last compared with them. All times are the event loop's, in s."""

    def __init__(self) -> None:
        self._at: OrderedDict[str, float] = OrderedDict()
        self._all = -inf
        self._compared: dict[str, tuple[tuple[Block, float], ...]] = {}

    def note(self, path: str, now: float) -> None:
        """A file was changed."""
        self._at[path] = now
        self._at.move_to_end(path)
        if len(self._at) > KEPT:
            _, then = self._at.popitem(last=False)
            self.note_all(then)  # of which file that was is forgotten

    def note_all(self, now: float) -> None:
        """Some files were changed, and nobody knows which."""
        self._all = max(self._all, now)

    def since(self, uri: str, block: Block) -> Callable[[str], bool]:
        """Whether a file may have been changed since a block of a document was compared with it, by its path."""
        compared = self._when(uri, block) - SETTLED_S
        return lambda path: max(self._all, self._at.get(path, -inf)) > compared

    def compared(self, uri: str, block: Block, now: float | None, last: Block) -> None:
        """A block was compared with its files.

        Args:
            uri: of its document.
            block: what was found to hold.
            now: when the sources were asked; None: not all of them answered, so that nothing new is known.
            last: what the document's prompts show until it is evaluated.
        """
        before = self._when(uri, last)
        kept = () if block is last else ((last, before),)
        self._compared[uri] = (*kept, (block, before if now is None else now))

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._compared.pop(uri, None)

    def _when(self, uri: str, block: Block) -> float:
        return next((then for known, then in self._compared.get(uri, ()) if known is block), -inf)


def stale(
    found: Iterable[Snippet],
    documents: Mapping[Snapshot, str],
    changed: Callable[[str], bool],
    silent: Container[Why] = (),
) -> Callable[[Snippet], bool]:
    """Whether a snippet that was shown is no longer what its file says.

    Args:
        found: what the sources say now.
        documents: the paths of those of which lines were edited or viewed lately.
        changed: whether something has happened to a file, by its path.
        silent: kinds whose source could not say anything.
    """
    said: defaultdict[str, set[str]] = defaultdict(set)
    for snippet in found:
        said[snippet.path].update(snippet.text.splitlines())
    known: defaultdict[str, list[Snapshot]] = defaultdict(list)
    for document, path in documents.items():
        known[path].append(document)

    def is_stale(snippet: Snippet) -> bool:
        if snippet.why is Why.RECENT and snippet.path in known:
            return not any(snippet.text in document.text for document in known[snippet.path])
        if snippet.why in silent or not changed(snippet.path):
            return False
        return not said[snippet.path].issuperset(snippet.text.splitlines())

    return is_stale
