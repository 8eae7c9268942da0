"""One reply of a server: the pieces of its answer, or the error that it is.

What failed before anything came is raised as `Again`, where another attempt may mend it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from tabby_lsp.engine.http import client, faults
from tabby_lsp.engine.http.answers import Chunk, Events, Garbage, as_object
from tabby_lsp.engine.http.faults import Place
from tabby_lsp.engine.http.kinds import Kind
from tabby_lsp.engine.types import Finish
from tabby_lsp.errors import ProviderBusy, TabbyError

if TYPE_CHECKING:
    import httpx

AGAIN = frozenset({429, 502, 503, 504})
"""Answers after which asking again may help."""
LONGEST_MESSAGE = 64 << 10
"""Bytes of an answer that is an error which are read."""
LONGEST_WHOLE = 1 << 20
"""Bytes of an answer that does not stream."""
DRAIN_S = 0.25
"""Seconds for what follows the end of an answer: with it the connection can be used again."""
NO_ANSWER = "answers with what is no answer"
BROKE_OFF = "has closed the connection in the middle of its answer"


class Again(Exception):
    """An attempt failed in a way that another may mend.

    Args:
        error: what is told where there is no other.
        asked: seconds that the server asks for; below 0: only another key would help.
    """

    def __init__(self, error: TabbyError, asked: float = 0.0) -> None:
        super().__init__(error.message)
        self.error, self.asked = error, asked


async def chunks_of(
    response: httpx.Response, kind: Kind, place: Place, candidates: int, timeout_s: float
) -> AsyncGenerator[Chunk]:
    """The pieces of an answer; each candidate ends with one that has a `finish`.

    Args:
        response: whose status is a success.
        kind: what the server speaks.
        place: for messages.
        candidates: that were asked for.
        timeout_s: seconds without an event after which it is given up: what only keeps the connection alive is none.

    Raises:
        TabbyError: it is none, or tells of a fault, or ends before its end.
    """
    sort = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if sort == "text/html":
        raise faults.broken(place, "answers with a web page")
    events, unfinished = Events(kind.framing), set(range(candidates))
    whole = bytearray() if sort == "application/json" and kind.framing == "sse" else None  # it does not stream
    async with aclosing(_bytes_of(response)) as data:
        try:
            heard = asyncio.get_running_loop().time()
            while (piece := await _next(data, heard + timeout_s, place, timeout_s)) is not None:
                if whole is not None:
                    heard = asyncio.get_running_loop().time() if piece.strip() else heard
                    whole += piece
                    if len(whole) > LONGEST_WHOLE:
                        raise Garbage(whole.decode("utf-8", "replace"))
                    continue
                for event in events.feed(piece):
                    heard = asyncio.get_running_loop().time()
                    for chunk in _read(event, kind, place):
                        unfinished -= {chunk.index} if chunk.finish else set()
                        yield chunk
                if events.done or not unfinished:
                    break
            last = events.end() if whole is None else iter([as_object(whole.decode("utf-8", "replace"))])
            for event in () if events.done or not unfinished else last:
                for chunk in _read(event, kind, place):
                    unfinished -= {chunk.index} if chunk.finish else set()
                    yield chunk
        except Garbage as garbage:
            raise faults.broken(place, NO_ANSWER, str(garbage)) from None
        if unfinished and not events.done:
            raise faults.broken(place, BROKE_OFF)
        for index in sorted(unfinished):
            yield Chunk(index=index, finish=Finish.END)
        with suppress(Exception):  # the answer is there
            async with asyncio.timeout(DRAIN_S):
                async for _ in data:
                    pass


async def _next(data: AsyncGenerator[bytes], until: float, place: Place, timeout_s: float) -> bytes | None:
    """What comes next; None at the end."""
    try:
        async with asyncio.timeout_at(until):
            return await anext(data, None)
    except TimeoutError:
        raise faults.down(place, f"has been silent for {timeout_s:g} s") from None


async def _bytes_of(response: httpx.Response) -> AsyncGenerator[bytes]:
    """What comes, as it comes; it is closed by name, because the loop may end before the collector does that."""
    async for piece in response.aiter_bytes():
        yield piece


def _read(event: Mapping[str, Any], kind: Kind, place: Place) -> list[Chunk]:
    if event.get("error") or event.get("object") == "error":
        raise faults.from_event(place, event)
    try:
        chunks = kind.chunks(event)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise faults.broken(place, NO_ANSWER, json.dumps(event)) from None
    if refusal := next((chunk.refusal for chunk in chunks if chunk.refusal), ""):
        raise faults.broken(place, f"gave no whole answer: {refusal}")
    return chunks


async def failed(response: httpx.Response, place: Place) -> Exception:
    """The error, or `Again`, for an answer whose status is none of success."""
    status, read = response.status_code, bytearray()
    with suppress(Exception):  # the status says enough
        async with aclosing(_bytes_of(response)) as data:
            async for piece in data:
                read += piece
                if len(read) > LONGEST_MESSAGE:
                    break
    error = faults.from_status(place, status, read[:LONGEST_MESSAGE].decode("utf-8", "replace"))
    asked = faults.seconds_asked(response.headers.get("Retry-After", ""), time.time())
    if isinstance(error, ProviderBusy):
        error.retry_after_s = asked
    if status in AGAIN:
        return Again(error, asked or 0.0)
    return Again(error, -1.0) if status == 401 else error


def lost(error: httpx.HTTPError, place: Place, timeout_s: float, *, begun: bool) -> Exception:
    """The error, or `Again`, for a connection that failed.

    Args:
        error: of the HTTP library.
        place: for messages.
        timeout_s: seconds that the server may be silent.
        begun: whether something of an answer had come.
    """
    import httpx

    if isinstance(error, httpx.PoolTimeout):
        return faults.down(place, f"has {client.CONNECTIONS} questions under way, and no room for another")
    if isinstance(error, httpx.ConnectTimeout):
        return faults.down(place, f"does not answer within {client.CONNECT_S:g} s")
    if isinstance(error, httpx.TimeoutException):
        return faults.down(place, f"has been silent for {timeout_s:g} s")
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return Again(faults.down(place, f"does not answer ({place.quote(str(error)) or type(error).__name__})"))
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        if begun:
            return faults.broken(place, BROKE_OFF)
        # a connection that was kept, and that the server closed just as it was asked, ends like this too
        return Again(faults.down(place, "has closed the connection without an answer"))
    return faults.broken(place, "cannot be asked", type(error).__name__)
