"""Tabby's HTTP API, as far as its agent asks for it, before a llama-server; it stands for the Tabby server.

Facts from Tabby's own source (crates `tabby`, `tabby-common`, `tabby-inference`, `http-api-bindings`, at 0214a92,
abcfe6b and 855d70f, 2025 and 2026): the prompt, 64 tokens at temperature 0.1, and the stop words, which count where
they end a piece of the stream. Prompts go on whole: the cut at 1,536 bytes that older versions made is gone. Left out:
code search in repositories, and snippets, of which the agent sends none without an editor's language servers.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass

from tabby_lsp.bench.contestants.peers import loopback
from tabby_lsp.bench.contestants.peers.loopback import Json
from tabby_lsp.errors import TabbyError

TEMPLATE = "<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>"
"""Tabby's for Qwen2.5-Coder."""
TOKENS = 64
TEMPERATURE = 0.1
SEED = 1
"""Tabby draws one from the clock; the same one is taken for each request, to be able to repeat a replay."""
VERSION = "v0.32.0"

_BLANK_LINE = "\n\n"
STOP_ALWAYS = (
    _BLANK_LINE,
    *(_BLANK_LINE + "  " * n for n in range(1, 8)),
    *(_BLANK_LINE + "\t" * n for n in range(1, 8)),
    *("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<file_sep>", " <EOT>"),
    *("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_separator|>"),
    *("<|system|>", "<|user|>", "<|end|>", "<|assistant|>"),
)
_ECMA = "// abstract async class const export function interface module package type var enum let"
STOP_LINES = {
    "python": "# def from class import",
    "rust": "// fn trait impl enum pub extern static unsafe use",
    "java": "// abstract public private class const exports extends implements static import interface module package "
    "var enum return",
    "javascript": _ECMA,
    "javascriptreact": _ECMA,
    "typescript": _ECMA,
    "typescriptreact": _ECMA,
    "go": "// func interface struct package type import var const",
    "ruby": "# begin class def end ensure include module require rescue self",
    "c": "// const enum extern inline register static struct typedef union volatile",
    "cpp": "// auto class const concept enum extern inline namespace register static struct template typedef union "
    "volatile",
    "csharp": "// class struct enum interface abstract static extern namespace using var dynamic async",
    "php": "// abstract class const declare extends final finally function global implements include_once include "
    "interface namespace private protected public require_once require static trait use",
    "lua": "-- and break do else elseif end false for function if in local nil not or repeat return then true until "
    "while",
}
"""What ends a completion at the start of a line, a comment first."""
NO_STOP_LINES = {"css", "haskell", "html", "julia", "makefile", "markdown", "shellscript", "sql", "tex"}


@dataclass(slots=True)
class Cost:
    """What a request took in llama-server.

    Attributes:
        evaluated: prompt tokens.
        reused: prompt tokens that were in the KV cache.
        generated: tokens.
        server_ms: the server's time for them.
    """

    evaluated: int = 0
    reused: int = 0
    generated: int = 0
    server_ms: float = 0.0


def stop_words(language: str) -> tuple[str, ...]:
    """What ends a completion, the longest first; any line's end in a language that Tabby does not know."""
    lines = STOP_LINES.get(language)
    more = [f"\n{word}" for word in lines.split()] if lines else [] if language in NO_STOP_LINES else ["\n"]
    return tuple(sorted((*STOP_ALWAYS, *more), key=len, reverse=True))


def prompt(segments: Json) -> str:
    """What the model is asked."""
    return TEMPLATE.format(prefix=segments["prefix"], suffix=segments.get("suffix") or "\n")


class TabbyAdapter:
    """The HTTP server.

    Args:
        llama_port: where llama-server listens.
    """

    def __init__(self, llama_port: int) -> None:
        self._llama_port = llama_port
        self._count = 0
        self._at_work: set[asyncio.Task[None]] = set()
        self.costs: dict[str, Cost] = {}
        """Of the requests that were answered, by their ids."""
        self.total = Cost()
        """Of all requests, the cancelled ones as far as they came."""

    @property
    def requests(self) -> int:
        """Completions that were asked for."""
        return self._count

    async def start(self) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._serve, loopback.HOST, 0, limit=loopback.LARGEST_BODY)
        return int(self._server.sockets[0].getsockname()[1])

    async def idle(self) -> None:
        """Wait until no request is at work."""
        while self._at_work:
            await asyncio.wait(self._at_work)

    async def stop(self) -> None:
        """End all requests and listen no more."""
        self._server.close()
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: a request that is given up by its sender is cancelled."""
        try:
            head = await loopback.read_head(reader)
            body = await reader.readexactly(head.length or 0)
            work = asyncio.create_task(self._answer(head, body, writer))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError):
            writer.close()
            return
        self._at_work.add(work)
        gone = asyncio.create_task(reader.read(1))
        await asyncio.wait([work, gone], return_when=asyncio.FIRST_COMPLETED)
        for task in (work, gone):
            task.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)
        self._at_work.discard(work)
        writer.close()

    async def _answer(self, head: loopback.Head, body: bytes, writer: asyncio.StreamWriter) -> None:
        path = head.first[1].partition("?")[0]
        try:
            if path == "/v1/completions":
                answer = 200, await self._complete(loopback.json.loads(body))
            else:
                answer = about(path)
        except (OSError, TabbyError, KeyError, ValueError) as error:
            answer = 500, {"error": str(error)}
        with suppress(OSError):
            writer.write(loopback.reply(*answer))
            await writer.drain()

    async def _complete(self, asked: Json) -> Json:
        self._count += 1
        name, cost = f"cmpl-{self._count}", Cost()
        try:
            text = await self._generate(prompt(asked["segments"]), stop_words(asked.get("language") or "unknown"), cost)
        finally:
            self.total.evaluated += cost.evaluated
            self.total.reused += cost.reused
            self.total.generated += cost.generated
            self.total.server_ms += cost.server_ms
        self.costs[name] = cost
        return {"id": name, "choices": [{"index": 0, "text": text}]}

    async def _generate(self, asked: str, stops: tuple[str, ...], cost: Cost) -> str:
        request = {
            "prompt": asked,
            "n_predict": TOKENS,
            "temperature": TEMPERATURE,
            "seed": SEED,
            "presence_penalty": 0.0,
            "stream": True,
            "return_progress": True,  # this and the next are for our records
            "timings_per_token": True,
        }
        text = ""
        async with aclosing(loopback.stream(self._llama_port, "/completion", request)) as events:
            async for event in events:
                _count(event, cost)
                if not (piece := event.get("content", "")):
                    continue
                text += piece
                if stop := next((word for word in stops if text.endswith(word)), ""):
                    return text[: -len(stop)]
        return text


def about(path: str) -> tuple[int, Json]:
    """The other things that the agent asks: status and reply."""
    if path == "/v1/health":
        version = {"build_date": "", "build_timestamp": "", "git_sha": "", "git_describe": VERSION}
        device = {"device": "cpu", "arch": "", "cpu_info": "", "cpu_count": 1, "cuda_devices": []}
        return 200, {"model": "Qwen2.5-Coder", "version": version} | device
    if path == "/v1beta/server_setting":
        return 200, {"disable_client_side_telemetry": True}
    return (200, {}) if path == "/v1/events" else (404, {})


def _count(event: Json, cost: Cost) -> None:
    if progress := event.get("prompt_progress"):
        cost.evaluated = progress["processed"] - progress["cache"]
        cost.reused, cost.server_ms = progress["cache"], progress["time_ms"]
    if timings := event.get("timings"):
        cost.evaluated, cost.reused = timings["prompt_n"], timings["cache_n"]
        cost.generated = timings["predicted_n"]
        cost.server_ms = timings["prompt_ms"] + timings["predicted_ms"]
