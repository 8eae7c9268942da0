"""Which documents look like secrets, remembered for as long as they are what they were."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from tabby_lsp.document import Snapshot
from tabby_lsp.index.files import secret

KEPT = 32
"""Documents that are remembered."""


class Secrets:
    """What was found out about whole documents: some milliseconds for each of 200 KB.

    Args:
        path_of: the path of a document, by its URI.
    """

    def __init__(self, path_of: Callable[[str], str]) -> None:
        self._path_of = path_of
        self._known: OrderedDict[str, tuple[Snapshot, bool]] = OrderedDict()

    def is_secret(self, snapshot: Snapshot) -> bool:
        """Whether nothing of a document may leave it: see `index.files.secret.tells`."""
        known = self._known.get(snapshot.uri)
        if known is None or known[0] is not snapshot:
            known = snapshot, secret.tells(self._path_of(snapshot.uri), snapshot.text)
            self._known[snapshot.uri] = known
        self._known.move_to_end(snapshot.uri)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return known[1]

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._known.pop(uri, None)
