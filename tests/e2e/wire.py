"""An editor made of a pipe and JSON: it can say what no client library lets one say, and it counts every reply.

Everything that arrives is kept in order; `until` waits for it without polling. Every wait is bounded.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

Json: TypeAlias = Any  # what the other side says is looked at with `==`, key by key
T = TypeVar("T")

PATIENCE_S = 90.0
"""The longest wait for one thing: a first start on a busy machine, with its preflight, takes some 20 s."""
CANCELLED = -32800
INVALID_PARAMS = -32602

COMMAND = (sys.executable, "-m", "tabby_lsp")
CAPABILITIES: dict[str, Json] = {
    "general": {"positionEncodings": ["utf-16"]},
    "textDocument": {"inlineCompletion": {}},
    "window": {"workDoneProgress": True, "showMessage": {}},
    "workspace": {"configuration": True, "workspaceFolders": True, "didChangeConfiguration": {}},
}
UNHURRIED: dict[str, Json] = {
    "completion": {
        "deadline_ms": 60_000,
        "line_budget_ms": 60_000,
        "patience_ms": 0,
        "likely": False,
        "max_tokens": 48,
        "candidates": 2,
    }
}
"""Settings under which a busy machine gives the same answers as a quiet one."""


class Fault(Exception):
    """An error reply."""

    def __init__(self, error: dict[str, Json]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]
        self.message: str = error["message"]


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer to textDocument/inlineCompletion, and what the trace said of it.

    Attributes:
        items: as they came.
        trace: the messages of `$/logTrace`, from the question to the answer.
        details: the last one's verbose part; empty where there was none.
    """

    items: list[dict[str, Json]]
    trace: list[str]
    details: dict[str, Json]

    @property
    def texts(self) -> list[str]:
        """What each item inserts."""
        return [item["insertText"] for item in self.items]

    @property
    def reason(self) -> str:
        """Why there was this answer."""
        return self.trace[-1].split(" in ")[0] if self.trace else ""


@dataclass
class Editor:
    """One server process and everything that it said.

    Attributes:
        replies: by the request's id, in order; more than one for an id is a fault of the server.
        notifications: method and params, in order.
        asked: requests of the server, in order: method and params.
        answers: how the requests of the server are answered, by method; others get "method not found". An answer of
            None is `null`; one that is a `Fault` is an error; `NEVER` is silence.
    """

    process: asyncio.subprocess.Process
    log: Path
    replies: dict[object, list[dict[str, Json]]] = field(default_factory=dict[object, list[dict[str, Json]]])
    notifications: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    asked: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    answers: dict[str, Callable[[Json], Json]] = field(default_factory=dict[str, Callable[[Json], Json]])
    ended: bool = False
    config: Path | None = None
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _count: int = 0
    _task: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, environment: dict[str, str], log: Path, arguments: Sequence[str] = (), *, listen: bool = True
    ) -> Editor:
        """Start a server.

        Args:
            environment: all of its variables.
            log: a file that gets its stderr.
            arguments: of the command line.
            listen: whether its stdout is the protocol; where it is not, call `attach`.
        """
        with log.open("ab") as stderr:
            process = await asyncio.create_subprocess_exec(
                *COMMAND,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env=environment,
                limit=1 << 24,
            )
        editor = cls(process, log)
        editor.answers |= {
            "window/workDoneProgress/create": lambda _: None,
            "workspace/configuration": lambda params: [None] * len(params["items"]),
        }
        if listen:
            assert process.stdout is not None
            assert process.stdin is not None
            editor.attach(process.stdout, process.stdin)
        return editor

    def attach(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak the protocol over these."""
        self._reader, self._writer = reader, writer
        self._task = asyncio.create_task(self._listen(reader))

    # ---- what is said ---------------------------------------------------------------------------------------------

    def write(self, message: Json) -> None:
        """Send any JSON value as a message."""
        self.write_body(json.dumps(message).encode())

    def write_body(self, body: bytes) -> None:
        """Send any bytes as a message."""
        assert self._writer is not None
        self._writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def notify(self, method: str, params: Json) -> None:
        """Send a notification."""
        self.write({"jsonrpc": "2.0", "method": method, "params": params})

    def send(self, method: str, params: Json) -> int:
        """Send a request and do not wait.

        Returns:
            Its id.
        """
        self._count += 1
        self.write({"jsonrpc": "2.0", "id": self._count, "method": method, "params": params})
        return self._count

    async def reply(self, to: object, within: float = PATIENCE_S) -> Json:
        """Wait for the reply to a request.

        Returns:
            Its result.

        Raises:
            Fault: it was an error.
        """
        message = (await self.until(lambda: self.replies.get(to), f"a reply to {to}", within))[0]
        if "error" in message:
            raise Fault(message["error"])
        return message["result"]

    async def request(self, method: str, params: Json, within: float = PATIENCE_S) -> Json:
        """Send a request and wait for its result; see `reply`."""
        return await self.reply(self.send(method, params), within)

    # ---- what is heard --------------------------------------------------------------------------------------------

    async def until(self, seen: Callable[[], T | None], what: str, within: float = PATIENCE_S) -> T:
        """Wait until something has arrived.

        Args:
            seen: looked at after each message; what it returns, if that is true, is the result.
            what: for the message where it does not come.
            within: seconds.
        """
        try:
            async with asyncio.timeout(within):
                while not (found := seen()):
                    if self.ended:
                        raise AssertionError(f"the server ended before {what}; {self._tail()}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {what} within {within} s; {self._tail()}") from None
        return found

    def said(self, method: str) -> list[Json]:
        """The params of all notifications of a method."""
        return [params for name, params in self.notifications if name == method]

    def statuses(self) -> list[str]:
        """The states that `tabby/status` told, in order."""
        return [params["state"] for params in self.said("tabby/status")]

    @property
    def status(self) -> dict[str, Json]:
        """The last `tabby/status`; empty before the first."""
        return (self.said("tabby/status") or [{}])[-1]

    async def status_is(self, *states: str, within: float = PATIENCE_S) -> dict[str, Json]:
        """Wait until the status is one of these; return it."""
        wanted = f"status {' or '.join(states)} (it is {self.status})"
        return await self.until(lambda: self.status if self.status.get("state") in states else None, wanted, within)

    async def was_asked(self, method: str, within: float = PATIENCE_S) -> Json:
        """Wait until the server has asked something; return the params of the first such request."""
        params = await self.until(
            lambda: [params for name, params in self.asked if name == method], f"request of {method}", within
        )
        return params[0]

    def _tail(self) -> str:
        with suppress(OSError):
            return "its log ends with:\n" + self.log.read_text("utf-8", "replace")[-3000:]
        return "there is no log"

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                header = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.split(b": ", 1) for line in header.strip().split(b"\r\n"))
                body = await reader.readexactly(int(fields[b"Content-Length"]))
                self._take(json.loads(body))
                self._news.set()
        self.ended = True
        self._news.set()

    def _take(self, message: dict[str, Json]) -> None:
        if "method" not in message:
            self.replies.setdefault(message["id"], []).append(message)
            return
        method, params = message["method"], message.get("params")
        if "id" not in message:
            self.notifications.append((method, params))
            return
        self.asked.append((method, params))
        answer = self.answers[method](params) if method in self.answers else NOT_FOUND
        if answer is NEVER:
            return
        said = {"error": {"code": answer.code, "message": str(answer)}} if isinstance(answer, Fault) else {}
        self.write({"jsonrpc": "2.0", "id": message["id"], **(said or {"result": answer})})

    # ---- a session ------------------------------------------------------------------------------------------------

    async def initialize(self, options: Json = None, folders: Sequence[Path] = (), **more: Json) -> Json:
        """The first handshake.

        Args:
            options: `initializationOptions`.
            folders: of the workspace.
            more: further params, or others.

        Returns:
            The reply.
        """
        params = {
            "processId": os.getpid(),
            "clientInfo": {"name": "wire"},
            "capabilities": CAPABILITIES,
            "rootUri": None,
            "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name} for folder in folders],
            "initializationOptions": options,
            "trace": "verbose",
        }
        reply = await self.request("initialize", params | more)
        self.notify("initialized", {})
        return reply

    def open(self, uri: str, text: str, language: str = "python") -> None:
        """Open a document as its version 1."""
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def edit(self, uri: str, version: int, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        """Replace a range of a document; places are line and UTF-16 units."""
        place = {"start": _place(*start), "end": _place(*end)}
        change = {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"range": place, "text": text}]}
        self.notify("textDocument/didChange", change)

    def ask(self, uri: str, line: int, character: int, *, invoked: bool = False, **context: Json) -> int:
        """Send textDocument/inlineCompletion and do not wait; return its id."""
        kind = {"triggerKind": 1 if invoked else 2} | context
        params = {"textDocument": {"uri": uri}, "position": _place(line, character), "context": kind}
        return self.send("textDocument/inlineCompletion", params)

    async def complete(self, uri: str, line: int, character: int, **how: Json) -> Completion:
        """Ask for suggestions, wait for them, and read the trace of the meantime."""
        before = len(self.said("$/logTrace"))
        result = await self.reply(self.ask(uri, line, character, **how))
        trace = self.said("$/logTrace")[before:]
        details = json.loads(trace[-1]["verbose"]) if trace and trace[-1].get("verbose") else {}
        return Completion(result["items"], [said["message"] for said in trace], details)

    async def wait(self, within: float = PATIENCE_S) -> int:
        """Wait for the end of the process; return its exit code."""
        async with asyncio.timeout(within):
            return await self.process.wait()

    async def stop(self) -> None:
        """End the session in the order that the protocol asks for, and the process in any case."""
        try:
            if self.process.returncode is None and self._writer is not None and not self.ended:
                await self.request("shutdown", None, within=10)
                self.notify("exit", None)
                await self.wait(within=10)
        except (AssertionError, TimeoutError, ConnectionError, Fault):
            pass
        finally:
            if self.process.returncode is None:
                self.process.kill()
                await self.wait(within=10)
            if self._writer is not None:
                self._writer.close()
            if self._task is not None:
                self._task.cancel()


NEVER = object()
NOT_FOUND = Fault({"code": -32601, "message": "method not found"})


def _place(line: int, character: int) -> dict[str, int]:
    return {"line": line, "character": character}


def utf16(text: str) -> int:
    """Units of a text as most clients count them."""
    return len(text.encode("utf-16-le")) // 2


def hole(source: str) -> tuple[str, int, int]:
    """Take the `█` out of a source.

    Returns:
        The text without it, its line and its character in UTF-16 units.
    """
    before, after = source.split("█")
    return before + after, before.count("\n"), utf16(before.rpartition("\n")[2])
