"""Vectors from a server: a kind of server is a row that says where it is asked, with what, and how it answers.

Nothing else leaves the machine in this program; the texts of the folder do, to the address that the user has set.
"""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import Offline, RepositoryIndexError
from tabby_lsp.index.embedders.prefixes import Prefixes, prefixes_for

BATCH = 32
"""Texts in one request."""
LONGEST = 8_000
"""Characters of a text that are sent; chunks are shorter, and servers refuse what their model cannot read."""
TIMEOUT_S = httpx.Timeout(60.0, connect=5.0)
"""Seconds; a server on a CPU takes some for a batch."""
BACKOFF_S = (0.5, 2.0, 8.0)
"""Seconds before each further attempt."""
LONGEST_WAIT_S = 30.0
"""Seconds, at most, that a server may ask for between attempts."""
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which asking again may help."""


@dataclass(frozen=True, slots=True)
class Server:
    """A kind of server.

    Attributes:
        path: that takes texts, below the address; what the address already ends with is not repeated.
        body: model and texts → what is sent, as JSON.
        rows: what is answered → a vector a text, in the order of the texts.
    """

    path: str
    body: Callable[[str, list[str]], dict[str, Any]]
    rows: Callable[[Any], list[Any]]


def _in_order(items: list[dict[str, Any]]) -> list[Any]:
    return [item["embedding"] for item in sorted(items, key=lambda item: item["index"])]


SERVERS: dict[str, Server] = {
    "openai": Server(
        "/v1/embeddings",
        lambda model, texts: {"model": model, "input": texts, "encoding_format": "float"},
        lambda answer: _in_order(answer["data"]),
    ),
    "ollama": Server(
        "/api/embed",
        lambda model, texts: {"model": model, "input": texts, "truncate": True},
        lambda answer: answer["embeddings"],
    ),
    "llama.cpp": Server("/embedding", lambda model, texts: {"content": texts}, _in_order),
}
"""`index.embedder` → the kind. Sources: the API references of OpenAI and Ollama, llama.cpp's tools/server/README.md."""


def open_http(settings: IndexSettings, *, offline: bool) -> HttpEmbedder:
    """Ask a server how long its vectors are.

    Args:
        settings: of the index.
        offline: whether other machines are out of bounds.

    Raises:
        RepositoryIndexError: no address or key is set, or the server does not answer with vectors.
        Offline: the address is of another machine, and the network is off.
    """
    try:
        url = httpx.URL(settings.url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise RepositoryIndexError(
            f"{settings.url or 'Nothing'} is no address of an embedding server.",
            "Set `index.url`, such as http://localhost:11434, or `index.embedder` to `static`.",
        )
    near = _is_near(url.host)
    if offline and not near:
        raise Offline(
            f"The embedding server {url.host} is on another machine, and `offline = true`.",
            "Set `index.embedder` to `static`, or allow the network.",
        )
    headers = {}
    if settings.key_variable:
        key = os.environ.get(settings.key_variable, "")
        if not key or not key.isascii():  # a dash that a text program has made longer, for example
            raise RepositoryIndexError(
                f"The environment variable {settings.key_variable} holds no key that can be sent.",
                "Set it where the editor is started, or empty `index.key_variable`.",
            )
        headers["Authorization"] = f"Bearer {key}"
    # what is for this machine does not go through a proxy, whatever the environment says
    client = httpx.Client(headers=headers, timeout=TIMEOUT_S, trust_env=not near)
    try:
        return HttpEmbedder(client, url, settings)
    except BaseException:
        client.close()
        raise


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class HttpEmbedder:
    """Vectors from a server.

    Args:
        client: with the key; closed by `close`.
        url: of the server.
        settings: of the index.

    Raises:
        RepositoryIndexError: the server does not answer with vectors.
    """

    def __init__(self, client: httpx.Client, url: httpx.URL, settings: IndexSettings) -> None:
        self._client = client
        self._server = SERVERS[settings.embedder]
        self._model = settings.model
        self._prefixes: Prefixes = prefixes_for(settings.model, settings)
        base = str(url).rstrip("/")
        first = "/" + self._server.path.split("/")[1]
        self._url = base + self._server.path.removeprefix(first if base.endswith(first) else "")
        self.dimensions = 0
        """Numbers in a vector."""
        self.dimensions = self._ask(["dimensions"]).shape[1]
        # a model has the same vectors wherever it runs; where it has no name, the address has to do
        model = settings.model or self._url
        self.identity = f"{settings.embedder}:{model}:{self.dimensions}:{self._prefixes}"
        """The kind, the model, the dimensions and the prefixes."""

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """See `Embedder.embed`."""
        found = np.zeros((len(texts), self.dimensions), np.float32)
        rows = [row for row, text in enumerate(texts) if text.strip()]
        for at in range(0, len(rows), BATCH):
            batch = rows[at : at + BATCH]
            found[batch] = self._ask([self._prefixes.before(texts[row], query=query)[:LONGEST] for row in batch])
        return found

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, texts: list[str]) -> npt.NDArray[np.float32]:
        reply = self._send(self._server.body(self._model, texts))
        try:
            # where a server does not pool, it answers with a vector for each token
            rows = [np.asarray(row, np.float32) for row in self._server.rows(reply.json())]
            vectors = np.stack([row.mean(axis=0) if row.ndim == 2 else row for row in rows])
            wanted = (len(texts), self.dimensions or vectors.shape[1])
            if vectors.shape != wanted or not np.isfinite(vectors).all():
                raise ValueError(f"{vectors.shape} numbers where {wanted} were expected")
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise RepositoryIndexError(
                f"{self._url} did not answer with vectors: {error!r}.",
                "Check that `index.embedder` names the kind of the server and `index.model` an embedding model.",
            ) from error
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)

    def _send(self, body: dict[str, Any]) -> httpx.Response:
        said = ""
        for wait in (*BACKOFF_S, None):
            try:
                reply = self._client.post(self._url, json=body)
            except httpx.HTTPError as error:
                said, asked = str(error) or type(error).__name__, ""
            else:
                if reply.is_success:
                    return reply
                if reply.status_code not in BUSY:
                    raise self._refused(reply)
                said, asked = f"HTTP {reply.status_code}", reply.headers.get("Retry-After", "")
            if wait is not None:
                time.sleep(min(LONGEST_WAIT_S, float(asked)) if asked.isdecimal() else wait)
        raise RepositoryIndexError(
            f"The embedding server {self._url} does not answer: {said}.",
            "Start it, check `index.url`, or set `index.embedder` to `static`.",
        )

    def _refused(self, reply: httpx.Response) -> RepositoryIndexError:
        code = reply.status_code
        remedy = REMEDIES.get(code, "Check `index.url`, `index.embedder` and `index.model`.")
        return RepositoryIndexError(f"{self._url} refuses: HTTP {code}, {reply.text[:200]!r}.", remedy)


_KEY = "Name the environment variable that holds its key in `index.key_variable`."
REMEDIES = {
    401: _KEY,
    403: _KEY,
    404: "Check `index.url` and that the server has the model that `index.model` names.",
}
"""HTTP status → what a person can do."""
