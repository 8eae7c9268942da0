"""A web server and a package index that do what a test tells them, and the small model that both offer."""

from __future__ import annotations

import hashlib
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tabby_lsp.engine.catalog import Model
from tabby_lsp.engine.download import pull
from tabby_lsp.engine.sources import Source
from tabby_lsp.engine.sources.transfer import CHUNK_BYTES
from tabby_lsp.engine.store import ModelStore

CONTENT = hashlib.shake_256(b"tabby-lsp").digest(5 * CHUNK_BYTES + 123)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PATIENCE_S = 60
"""Most that a test waits for a child that never answers; a passing test does not come near it."""


@dataclass
class Plan:
    """What the server does, and what it was asked."""

    body: bytes = CONTENT
    etag: str = '"one"'
    statuses: list[int] = field(default_factory=list)
    """Answered first, one a request."""
    breaks: list[int] = field(default_factory=list)
    """How many bytes the next replies send before the connection is closed."""
    tells_length: bool = True
    hold: threading.Event | None = None
    """Waited for once a reply has sent what `breaks` says, in place of closing the connection."""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for method, _, headers in self.asked if method == "GET"]


@dataclass
class Server:
    """A running server."""

    plan: Plan
    url: str


@contextmanager
def serve() -> Iterator[Server]:
    """Run a server on a free port of this machine while the block runs."""
    plan = Plan()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def port(self) -> int:
            return listening.server_address[1]

        def do_HEAD(self) -> None:
            """Answer as the hub does: where the file is, and what it is."""
            plan.asked.append(("HEAD", self.path, dict(self.headers)))
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.port()}/blob")
            self.send_header("X-Repo-Commit", "c" * 40)
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(plan.body).hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(plan.body)))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            plan.asked.append(("GET", self.path, dict(self.headers)))
            self.close_connection = True
            if plan.statuses:
                self.send_error(plan.statuses.pop(0))
                return
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(asked[1]) if asked and self.headers.get("If-Range", plan.etag) == plan.etag else 0
            self.send_response(206 if start else 200)
            self.send_header("ETag", plan.etag)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(plan.body) - 1}/{len(plan.body)}")
            if plan.tells_length:
                self.send_header("Content-Length", str(len(plan.body) - start))
            self.send_header("Connection", "close")
            self.end_headers()
            rest = plan.body[start:]
            stop = plan.breaks.pop(0) if plan.breaks else len(rest)
            self.wfile.write(rest[:stop])
            if plan.hold is not None and stop < len(rest):
                self.wfile.flush()
                plan.hold.wait(PATIENCE_S)
                self.wfile.write(rest[stop:])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            del format, args

        def handle(self) -> None:
            with suppress(ConnectionError):  # the other side was killed, which is what some tests do
                super().handle()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield Server(plan, f"http://127.0.0.1:{listening.server_address[1]}")
        if plan.hold is not None:
            plan.hold.set()
        listening.shutdown()
        thread.join()


def make(*sources: Source, sha256: str = SHA256, size: int | None = len(CONTENT)) -> Model:
    return Model(
        name="tiny",
        family="qwen2.5-coder",
        parameters=1.0,
        roles=("completion",),
        file="tiny.gguf",
        license="apache-2.0",
        memory_mb=10,
        training="base",
        fim=True,
        sources=sources,
        size=size,
        sha256=sha256,
    )


def fetch(model: Model, store: ModelStore, **changes: object) -> Path:
    options: dict[str, object] = {"offline": False, "asker": "the test", **changes}
    return pull(model, store, **options)  # pyright: ignore[reportArgumentType]


def names_in(store: ModelStore) -> set[str]:
    return {path.name for path in store.directory.iterdir() if not path.name.startswith(".")}


def part_size(store: ModelStore) -> int:
    return sum(path.stat().st_size for path in store.directory.rglob("*.part"))


def write_wheel(index: Path, name: str, content: bytes) -> Path:
    """Write the smallest wheel that pip takes; importing it would leave a trace."""
    path, info = index / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}/part.bin", content)
        archive.writestr(f"{name}/__init__.py", f"open({str(index / 'imported')!r}, 'w')")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path
