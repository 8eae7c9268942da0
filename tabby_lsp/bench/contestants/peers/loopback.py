"""As much HTTP as the peers speak with each other on this machine: one request a connection, which ends with it.

A request that is cancelled closes its connection; llama-server ends its work then, as Tabby's and editors' requests
make it do. Nothing here asks another machine.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from tabby_lsp.errors import TabbyError

Json: TypeAlias = Any  # whatever JSON can say; who reads it looks at it key by key

HOST = "127.0.0.1"
LARGEST_BODY = 1 << 26
"""Bytes."""
OK = 200


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before a message's body.

    Attributes:
        first: its first line, split at blanks.
        fields: header fields, names in lower case.
    """

    first: tuple[str, ...]
    fields: dict[str, str]

    @property
    def length(self) -> int | None:
        """Bytes of the body, where they are told; a ValueError if that is nonsense."""
        if (told := self.fields.get("content-length")) is None:
            return None
        if not 0 <= (length := int(told)) <= LARGEST_BODY:
            raise ValueError(told)
        return length


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def read_head(reader: asyncio.StreamReader) -> Head:
    """Read up to the blank line; a ValueError if it is no HTTP."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Head(tuple(lines[0].split(" ", 2)), fields)


async def ask(port: int, method: str, path: str, body: Json = None) -> Json:
    """One request, and its reply's body as JSON, or as text where it is none.

    Raises:
        OSError: nobody listens, or the connection broke.
        TabbyError: it was refused.
    """
    async with _sent(port, method, path, body) as (head, reader):
        parts = [part async for part in _body(head, reader)]
    text = b"".join(parts).decode()
    if int(head.first[1]) != OK:
        raise TabbyError(f"{method} {path} was answered with {head.first[1]}: {text[:300]}")
    return json.loads(text) if "json" in head.fields.get("content-type", "") else text


async def stream(port: int, path: str, body: Json) -> AsyncGenerator[Json]:
    """One POST whose reply comes as server-sent events; raises as `ask` does."""
    async with _sent(port, "POST", path, body) as (head, reader):
        if int(head.first[1]) != OK:
            raise TabbyError(f"POST {path} was answered with {head.first[1]}.")
        rest = b""
        async with aclosing(_body(head, reader)) as parts:
            async for part in parts:
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    if line.startswith(b"data: {"):
                        yield json.loads(line[len(b"data: ") :])


def reply(status: int, body: Json) -> bytes:
    """A whole reply with JSON in it."""
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n"
    return head.encode() + b"connection: close\r\n\r\n" + content


@asynccontextmanager
async def _sent(port: int, method: str, path: str, body: Json) -> AsyncIterator[tuple[Head, asyncio.StreamReader]]:
    reader, writer = await asyncio.open_connection(HOST, port, limit=LARGEST_BODY)
    try:
        content = b"" if body is None else json.dumps(body).encode()
        writer.write(
            f"{method} {path} HTTP/1.1\r\nhost: {HOST}:{port}\r\nconnection: close\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n".encode()
            + content
        )
        yield await _head_of_reply(reader), reader
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _head_of_reply(reader: asyncio.StreamReader) -> Head:
    try:
        return await read_head(reader)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        raise ConnectionResetError("the connection ended before a reply") from error


async def _body(head: Head, reader: asyncio.StreamReader) -> AsyncGenerator[bytes]:
    try:
        if head.fields.get("transfer-encoding", "").lower() == "chunked":
            while size := int(await reader.readline(), 16):
                yield (await reader.readexactly(size + 2))[:-2]
        elif (length := head.length) is not None:
            yield await reader.readexactly(length)
        else:
            yield await reader.read()
    except (asyncio.IncompleteReadError, ValueError) as error:
        raise ConnectionResetError("the connection ended within a reply") from error
