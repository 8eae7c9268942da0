"""A web server in the place of a provider: answers as the recorded kinds do, or fails in every way that one can.

A behaviour is a function of the request under way; a test gives a list of them, one a request, the last one for ever.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tabby_lsp.config import ChatHttpSettings, ChatRole, CompletionHttpSettings, CompletionRole, ModelSettings, Settings
from tabby_lsp.engine.http.opening import open_remote_engine
from tabby_lsp.engine.http.remote import RemoteEngine
from tabby_lsp.engine.types import Marker, Prompt, Request

PATIENCE_S = 20.0
"""Seconds after which a test gives up on what should have happened long ago."""


@dataclass
class Asked:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Served:
    """A running server."""

    url: str
    behaviours: list[Behaviour] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    gone: threading.Event = field(default_factory=threading.Event)
    """A client has closed its connection while it was being answered."""
    over: threading.Event = field(default_factory=threading.Event)
    """The test is over: whoever hangs may end."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    served: Served

    def setup(self) -> None:
        super().setup()
        self.served.connections += 1

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        served = self.served
        served.asked.append(Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        behaviours = served.behaviours
        behave = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
        try:
            behave(self)
        except OSError:
            served.gone.set()
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Nothing is written to the test's output."""

    # ---- what behaviours are made of ----------------------------------------------------------------------------

    def begin(self, kind: str = "text/event-stream", status: int = 200, **headers: str) -> None:
        """The head of an answer whose length is not known."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def piece(self, data: str | bytes) -> None:
        """A piece of it."""
        raw = data.encode() if isinstance(data, str) else data
        self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
        self.wfile.flush()

    def finish_answer(self) -> None:
        """Its end."""
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def drop(self) -> None:
        """Close the connection without an end."""
        # without lingering: the client gets a reset, as from a process that was killed
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def wait_until_gone(self) -> None:
        """Wait until the client closes the connection, or the test is over."""
        self.connection.settimeout(0.05)
        for _ in range(int(PATIENCE_S / 0.05)):
            if self.served.over.is_set():
                break
            try:
                if not self.connection.recv(1):
                    raise ConnectionResetError
            except TimeoutError:
                continue
        self.close_connection = True


Behaviour = Callable[[Handler], None]


def streams(lines: Sequence[str], kind: str = "text/event-stream") -> Behaviour:
    """Answers with these lines, one a piece."""

    def behave(handler: Handler) -> None:
        handler.begin(kind)
        for line in lines:
            handler.piece(line + "\n")
        handler.finish_answer()

    return behave


def half(lines: Sequence[str]) -> Behaviour:
    """Answers with these lines, and then the connection breaks."""

    def behave(handler: Handler) -> None:
        handler.begin()
        for line in lines:
            handler.piece(line + "\n")
        handler.drop()

    return behave


def stalls(lines: Sequence[str]) -> Behaviour:
    """Answers with these lines, and then with nothing more, until the client has gone."""

    def behave(handler: Handler) -> None:
        handler.begin()
        for line in lines:
            handler.piece(line + "\n")
        handler.wait_until_gone()

    return behave


def hangs(handler: Handler) -> None:
    """Never answers."""
    handler.wait_until_gone()


def slams(handler: Handler) -> None:
    """Closes the connection at once."""
    handler.drop()


def says(status: int, body: str = "", kind: str = "application/json", **headers: str) -> Behaviour:
    """Answers with a status."""

    def behave(handler: Handler) -> None:
        raw = body.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(raw)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(raw)

    return behave


@contextmanager
def serving(*behaviours: Behaviour) -> Iterator[Served]:
    """Run a server on a free port of this machine while the block runs."""
    served = Served("", list(behaviours))
    handler = type("Bound", (Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        served.over.set()
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE_S)


def event(data: Any) -> str:
    """A server-sent event."""
    return f"data: {json.dumps(data)}\n"


def written(*texts: str, finish: str | None = "stop") -> list[str]:
    """OpenAI's completions, a piece a text."""
    lines = [event({"choices": [{"index": 0, "text": text, "finish_reason": None}]}) for text in texts]
    ending = [event({"choices": [{"index": 0, "text": "", "finish_reason": finish}]}), "data: [DONE]\n"]
    return lines + ending if finish else lines


def spoken(*texts: str, finish: str | None = "stop") -> list[str]:
    """OpenAI's chat, a piece a text."""
    first = [event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}, "finish_reason": None}]})]
    lines = [event({"choices": [{"index": 0, "delta": {"content": t}, "finish_reason": None}]}) for t in texts]
    ending = [event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}), "data: [DONE]\n"]
    return first + lines + (ending if finish else [])


# ---- settings and requests ----------------------------------------------------------------------------------------


def completing(url: str, kind: str = "openai/legacy_completion_no_fim", **more: Any) -> Settings:
    """Settings in which a server completes."""
    http = replace(CompletionHttpSettings(api_endpoint=url, model_name="qwen2.5-coder"), kind=kind, **more)
    return Settings(model=ModelSettings(completion=CompletionRole(http=http)))


def chatting(url: str, kind: str = "openai/chat", **more: Any) -> Settings:
    """Settings in which a server chats."""
    http = replace(ChatHttpSettings(api_endpoint=url, model_name="qwen"), kind=kind, **more)
    return Settings(model=ModelSettings(chat=ChatRole(http=http)))


QWEN = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")


def prompt(
    head: str = "def add(a, b):\n",
    tail: str = "    return (",
    suffix: str = "\n",
    markers: Sequence[str] = QWEN,
    heal: int = 1,
) -> Prompt:
    """An anchored prompt, as the pipeline makes it."""
    prefix, behind, middle = map(Marker, markers)
    return Prompt((prefix, head, behind, suffix, middle, tail), heal)


def request(key: str = "file:///a.py", **more: Any) -> Request:
    """A question for a completion."""
    return Request(**{"key": key, "prompt": prompt(), "max_tokens": 16, **more})


@contextmanager
def engine_on(*behaviours: Behaviour, **more: Any) -> Iterator[tuple[RemoteEngine, Served]]:
    """An engine on a server that behaves like that."""
    with serving(*behaviours) as served:
        engine = open_remote_engine(completing(served.url, **more))
        assert engine is not None
        try:
            yield engine, served
        finally:
            engine.close()


def wait_for(condition: Callable[[], bool]) -> bool:
    """Whether something comes true before the test gives up."""
    return any(condition() or time.sleep(0.02) for _ in range(int(PATIENCE_S / 0.02)))
