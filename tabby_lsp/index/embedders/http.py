"""Vectors from a server; what kinds of servers there are is `servers.py`.

Nothing else leaves the machine in this program; the texts of the folder do, to the address that the user has set.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, quote

import httpx
import numpy as np
import numpy.typing as npt

from tabby_lsp.config import IndexSettings
from tabby_lsp.engine.http import address, faults, keys
from tabby_lsp.engine.http.address import Route
from tabby_lsp.engine.http.client import trusted
from tabby_lsp.errors import ConfigError, Offline, ProviderRefused, RepositoryIndexError
from tabby_lsp.index.embedders.prefixes import Prefixes, prefixes_for
from tabby_lsp.index.embedders.servers import OF_THE_INDEX, OF_THE_ROLE, SERVERS, Names

BATCH = 32
"""Texts in one request."""
LONGEST = 8_000
"""Characters of a text that are sent; chunks are shorter, and servers refuse what their model cannot read."""
CONNECT_S = 5.0
"""Seconds until a server has to take the connection; how long it may think is a setting."""
BACKOFF_S = (0.5, 2.0, 8.0)
"""Seconds before each further attempt."""
LONGEST_WAIT_S = 30.0
"""Seconds, at most, that a server may ask for between attempts."""
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which asking again may help."""


def open_http(settings: IndexSettings, *, offline: bool) -> HttpEmbedder:
    """Ask a server how long its vectors are.

    Args:
        settings: of the index.
        offline: whether other machines are out of bounds.

    Raises:
        RepositoryIndexError: no address or key is set, or the server does not answer with vectors.
        Offline: the address or the proxy is of another machine, and the network is off.
    """
    names = OF_THE_ROLE if settings.http.kind else OF_THE_INDEX
    instead = f"`{names.kind}` to {chr(34) * 2 if settings.http.kind else 'static'}"
    try:
        base = address.check(settings.url, names.address, offline=offline)
        proxy = address.proxy_for(base, settings.http.proxy, "model.embedding.http.proxy", offline=offline)
    except Offline as error:
        raise Offline(
            f"The embedding server cannot be asked: {error.message}",
            f"Set {instead}, or allow the network.",
        ) from None
    except ConfigError as error:
        raise RepositoryIndexError(error.message, f"{error.remedy} Or set {instead}.") from None
    server, key = SERVERS[settings.embedder], _key(settings, names)
    if "{model}" in server.route.path and not settings.model:
        raise RepositoryIndexError("No embedding model is named.", f"Set `{names.model}`.")
    headers = {server.key[0]: server.key[1] + key} if key else {}
    client = httpx.Client(
        headers=headers,
        timeout=httpx.Timeout(float(settings.http.timeout_s), connect=CONNECT_S),
        # what is for this machine does not go through a proxy, whatever the environment says
        trust_env=not address.is_near(base.hostname or ""),
        proxy=proxy or None,
        verify=_authorities(settings.http.certificates),
    )
    try:
        return HttpEmbedder(client, base, settings, names, key)
    except BaseException:
        client.close()
        raise


def _key(settings: IndexSettings, names: Names) -> str:
    """The key to send; empty where none is set."""
    if settings.http.kind:
        try:
            return keys.resolve(settings.http)
        except ProviderRefused as error:
            raise RepositoryIndexError(f"{error.message} (`model.embedding.http`)", error.remedy) from None
    if not settings.key_variable:
        return ""
    key = os.environ.get(settings.key_variable, "")
    if not key or not key.isascii():  # a dash that a text program has made longer, for example
        raise RepositoryIndexError(
            f"The environment variable {settings.key_variable} holds no key that can be sent.",
            f"Set it where the editor is started, or empty `{names.key}`.",
        )
    return key


def _authorities(file: str) -> ssl.SSLContext:
    """Whom to trust, as for the other roles."""
    try:
        return trusted(file)
    except (OSError, ssl.SSLError) as error:
        raise RepositoryIndexError(
            f"{file} holds no certificates that can be read: {error.strerror or error}.",
            "Correct `model.embedding.http.certificates`.",
        ) from None


class HttpEmbedder:
    """Vectors from a server.

    Args:
        client: with the key; closed by `close`.
        base: the server's address.
        settings: of the index.
        names: what these are called in messages.
        key: what must not be in them.

    Raises:
        RepositoryIndexError: the server does not answer with vectors.
    """

    def __init__(
        self,
        client: httpx.Client,
        base: SplitResult,
        settings: IndexSettings,
        names: Names = OF_THE_INDEX,
        key: str = "",
    ) -> None:
        self._client, self._names, self._key = client, names, key
        self._server = SERVERS[settings.embedder]
        self._model = settings.model
        self._prefixes: Prefixes = prefixes_for(settings.model, settings)
        route = Route(self._server.route.path.replace("{model}", quote(self._model, "")), self._server.route.bare)
        self._url = route.below(base._replace(query=base.query or self._server.query))
        self._place = route.below(base._replace(query=""))
        per_minute = settings.http.rate_limit.request_per_minute
        self._apart = 60 / per_minute if per_minute else 0.0
        self._next = 0.0
        self._turn = threading.Lock()
        self.dimensions = 0
        """Numbers in a vector."""
        self.dimensions = self._ask(["dimensions"], query=False).shape[1]
        # a model has the same vectors wherever it runs; where it has no name, the address has to do
        model = settings.model or self._place
        self.identity = f"{settings.embedder}:{model}:{self.dimensions}:{self._prefixes}"
        """The kind, the model, the dimensions and the prefixes."""

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """See `Embedder.embed`."""
        found = np.zeros((len(texts), self.dimensions), np.float32)
        rows = [row for row, text in enumerate(texts) if text.strip()]
        for at in range(0, len(rows), BATCH):
            batch = rows[at : at + BATCH]
            asked = [self._prefixes.before(texts[row], query=query)[:LONGEST] for row in batch]
            found[batch] = self._ask(asked, query=query)
        return found

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, texts: list[str], *, query: bool) -> npt.NDArray[np.float32]:
        reply = self._send(self._server.body(self._model, texts, query))
        try:
            # where a server does not pool, it answers with a vector for each token
            rows = [np.asarray(row, np.float32) for row in self._server.rows(reply.json())]
            vectors = np.stack([row.mean(axis=0) if row.ndim == 2 else row for row in rows])
            wanted = (len(texts), self.dimensions or vectors.shape[1])
            if vectors.shape != wanted or not np.isfinite(vectors).all():
                raise ValueError(f"{vectors.shape} numbers where {wanted} were expected")
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise RepositoryIndexError(
                f"{self._place} did not answer with vectors: {error!r}.",
                f"Check that `{self._names.kind}` is right and `{self._names.model}` names an embedding model.",
            ) from error
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)

    def _send(self, body: dict[str, Any]) -> httpx.Response:
        said = ""
        for wait in (*BACKOFF_S, None):
            self._wait()
            try:
                reply = self._client.post(self._url, json=body)
            except httpx.HTTPError as error:
                said, asked = faults.without(str(error), self._key) or type(error).__name__, ""
            else:
                if reply.is_success:
                    return reply
                if reply.status_code not in BUSY:
                    raise self._refused(reply)
                said, asked = f"HTTP {reply.status_code}", reply.headers.get("Retry-After", "")
            if wait is not None:
                time.sleep(min(LONGEST_WAIT_S, float(asked)) if asked.isdecimal() else wait)
        raise RepositoryIndexError(
            f"The embedding server {self._place} does not answer: {said}.",
            f"Start it, check `{self._names.address}`, or take another `{self._names.kind}`.",
        )

    def _wait(self) -> None:
        """Keep the requests as far apart as the settings say."""
        if not self._apart:
            return
        with self._turn:
            now = time.monotonic()
            at = self._next = max(now, self._next)
            self._next += self._apart
        time.sleep(at - now)

    def _refused(self, reply: httpx.Response) -> RepositoryIndexError:
        code, names = reply.status_code, self._names
        said = faults.without(reply.text[: faults.LONGEST_READ], self._key)[:200]
        remedy = REMEDIES.get(code, "Check `{address}`, `{kind}` and `{model}`.")
        remedy = remedy.format(address=names.address, kind=names.kind, model=names.model, key=names.key)
        return RepositoryIndexError(f"{self._place} refuses: HTTP {code}, {said!r}.", remedy)


_KEY = "Check the key of the server: `{key}`."
REMEDIES = {
    401: _KEY,
    403: _KEY,
    404: "Check `{address}` and that the server has the model that `{model}` names.",
}
"""HTTP status → what a person can do."""
