"""A web server that answers as embedding servers do, and remembers what it was asked."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def vector_of(text: str) -> list[float]:
    """Eight numbers that depend on the text alone."""
    return [byte - 127.5 for byte in hashlib.sha256(text.encode()).digest()[:8]]


def listed(body: dict[str, Any]) -> dict[str, Any]:
    """What OpenAI's servers answer, and those that speak as they do."""
    return {"object": "list", "data": numbered(body["input"])}


def numbered(texts: list[str]) -> list[dict[str, Any]]:
    """A vector a text, the last text first."""
    return [{"index": i, "embedding": vector_of(text)} for i, text in enumerate(texts)][::-1]


ANSWERS: dict[str, Callable[[Any], Any]] = {
    "/v1/embeddings": listed,
    "/openai/deployments/m/embeddings?api-version=2024-10-21": listed,
    "/api/embed": lambda body: {"model": body["model"], "embeddings": [vector_of(text) for text in body["input"]]},
    "/embedding": lambda body: [{**row, "embedding": [row["embedding"]]} for row in numbered(body["content"])],
}


@dataclass
class Served:
    """A running server."""

    url: str
    statuses: list[int] = field(default_factory=list)
    """Answered first, one a request."""
    answer: Callable[[Any], Any] | None = None
    """In place of what the path would answer."""
    refusal: Any = field(default_factory=lambda: {"error": "no"})
    """Answered with a status that is no success."""
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[Served]:
    """Run a server on a free port of this machine while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.asked.append((self.path, dict(self.headers), body))
            status = served.statuses.pop(0) if served.statuses else 200
            answer = served.answer or ANSWERS[self.path]
            data = json.dumps(answer(body) if status == 200 else served.refusal).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Served(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
