"""JSON-RPC over the standard streams of a child, as LSP frames it.

Everything that is sent is written at once and in order; replies are futures, so that nobody polls.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

from tabby_lsp.errors import TabbyError

Json: TypeAlias = Any  # whatever JSON can say; who reads it looks at it key by key

LARGEST_MESSAGE = 1 << 26
"""Bytes; a longer one is no answer to anything that is asked here."""
METHOD_NOT_FOUND = -32601


class Refused(Exception):
    """An error reply."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Wire:
    """One connection.

    Args:
        reader: the child's stdout.
        writer: the child's stdin.
        told: called with each notification's method and params.
        answers: results for the other side's requests, by method; what is not listed is refused.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        told: Callable[[str, Json], None],
        answers: dict[str, Callable[[Json], Json]],
    ) -> None:
        self._reader, self._writer = reader, writer
        self._told, self._answers = told, answers
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._count = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._listen())

    def notify(self, method: str, params: Json) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Json) -> tuple[int, asyncio.Future[Json]]:
        """Send a request.

        Returns:
            Its id, and its result, which may be `Refused`.
        """
        self._count += 1
        future = self._waiting[self._count] = asyncio.get_running_loop().create_future()
        if self.ended.done():
            future.set_exception(TabbyError("The server has ended."))
        else:
            self._send({"id": self._count, "method": method, "params": params})
        return self._count, future

    async def ask(self, method: str, params: Json, within: float) -> Json:
        """Send a request and wait for its result for some seconds."""
        return await asyncio.wait_for(self.request(method, params)[1], within)

    async def close(self) -> None:
        """Stop listening."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        with suppress(OSError):
            self._writer.close()

    def _send(self, message: dict[str, Json]) -> None:
        body = json.dumps({"jsonrpc": "2.0"} | message).encode()
        with suppress(OSError, RuntimeError):  # a child that is gone is found out by who reads
            self._writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async def _listen(self) -> None:
        try:
            while True:
                self._take(json.loads(await self._read()))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError):
            pass
        finally:
            self._end()

    async def _read(self) -> bytes:
        head = await self._reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b":", 1) for line in head.strip().split(b"\r\n"))
        length = int(fields.get(b"content-length", b"-1"))
        if not 0 <= length <= LARGEST_MESSAGE:
            raise ValueError(length)
        return await self._reader.readexactly(length)

    def _take(self, message: dict[str, Json]) -> None:
        method = message.get("method")
        if method is None:
            self._settle(message)
        elif "id" not in message:
            self._told(method, message.get("params"))
        elif method in self._answers:
            self._send({"id": message["id"], "result": self._answers[method](message.get("params"))})
        else:
            self._send({"id": message["id"], "error": {"code": METHOD_NOT_FOUND, "message": "not offered"}})

    def _settle(self, message: dict[str, Json]) -> None:
        future = self._waiting.pop(message.get("id", 0) or 0, None)
        if future is None or future.done():
            return
        if error := message.get("error"):
            future.set_exception(Refused(error.get("code", 0), str(error.get("message"))))
        else:
            future.set_result(message.get("result"))

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(TabbyError("The server has ended."))
                future.exception()  # it may be that nobody waits any more
        self._waiting.clear()
