"""How answers are read: bytes become events, events become pieces of text.

Lines end in a line feed alone: a JSON text may hold U+2028 or a form feed as they are, which other ways of splitting
lines take for an end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from tabby_lsp.engine.types import Finish

LONGEST_LINE = 8 << 20
"""Bytes of a line, and of an event of several; llama-server repeats the prompt in its last one."""
DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an answer.

    Attributes:
        text: what was written since the last piece.
        index: of which candidate.
        finish: why it ended; None: it goes on.
        tokens: each token's text and the logarithm of its probability, where the server tells.
        prompt: tokens of the prompt; 0: it has not said.
        reused: of these, the ones that were in its cache.
        generated: tokens written; 0: it has not said.
        refusal: the server ended the answer for another reason than its text; empty: it did not.
    """

    text: str = ""
    index: int = 0
    finish: Finish | None = None
    tokens: tuple[tuple[str, float], ...] = ()
    prompt: int = 0
    reused: int = 0
    generated: int = 0
    refusal: str = ""


class Garbage(Exception):
    """What came is no event; the argument is what came, and may hold a key."""


class Events:
    """Takes bytes as they come, and gives the events that are whole.

    Args:
        framing: see `kinds.Kind`.
    """

    def __init__(self, framing: Literal["sse", "ndjson"]) -> None:
        self._sse = framing == "sse"
        self._rest: list[bytes] = []
        self._waiting = 0
        self._data: list[str] = []
        self._held = 0
        self.done = False
        """Whether the mark of the end came."""

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The events that are whole with these bytes.

        Raises:
            Garbage: a line is none of an event.
        """
        head, feed, tail = data.rpartition(b"\n")
        lines = b"".join((*self._rest, head)).split(b"\n") if feed else []
        if feed:
            self._rest, self._waiting = [], 0
        self._rest.append(tail)  # joined once, where its line ends
        self._waiting += len(tail)
        for line in lines:
            yield from self._line(line.decode("utf-8", "replace").rstrip("\r"))
        if self._waiting + self._held > LONGEST_LINE:
            raise Garbage("".join(self._data) + b"".join(self._rest).decode("utf-8", "replace"))

    def end(self) -> Iterator[dict[str, Any]]:
        """What was left when the connection closed.

        Raises:
            Garbage: it is no event.
        """
        rest = b"".join(self._rest).decode("utf-8", "replace").rstrip("\r")
        self._rest = []
        if rest:
            yield from self._line(rest)
        yield from self._line("")

    def _line(self, line: str) -> Iterator[dict[str, Any]]:
        if self._sse:
            name, colon, value = line.partition(":")
            if not line:
                data, self._data, self._held = "\n".join(self._data), [], 0
                yield from self._event(data)
            elif name in ("data", "error") and colon:  # `error:` is how llama-server has told of one
                self._data.append(value.removeprefix(" ") if name == "data" else f'{{"error": {value}}}')
                self._held += len(line)
            elif name not in ("", "event", "id", "retry"):
                raise Garbage(line)
        else:
            yield from self._event(line)

    def _event(self, data: str) -> Iterator[dict[str, Any]]:
        if data.strip() == DONE:
            self.done = True
        elif data.strip() and not self.done:
            yield as_object(data)


def as_object(data: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        Garbage: it is none.
    """
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        raise Garbage(data) from None
    if not isinstance(event, dict):
        raise Garbage(data)
    return event


FINISHES: Mapping[str, Finish] = {
    "stop": Finish.END,
    "eos": Finish.END,
    "word": Finish.MARKER,
    "length": Finish.LENGTH,
    "limit": Finish.LENGTH,
    "model_length": Finish.LENGTH,
}
"""What servers call the end of an answer; by any other name it is the answer's own end."""
REFUSALS: Mapping[str, str] = {
    "content_filter": "its filter ended the answer",
    "error": "it failed in the middle of the answer",
    "abort": "it gave up in the middle of the answer",
    "insufficient_system_resource": "it had no resources left",
}
"""Ends that are none. Sources: the references of OpenAI, Mistral (`error`), vLLM (`abort`) and DeepSeek."""


def openai_chunks(event: Mapping[str, Any]) -> list[Chunk]:
    """An event of OpenAI's completions and chat, and of all who answer alike; Mistral's FIM answers as its chat."""
    usage = event.get("usage") or {}
    known = (event.get("timings") or {}).get("cache_n", 0)
    reused = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or known
    counts = (usage.get("prompt_tokens") or 0, reused or 0, usage.get("completion_tokens") or 0)
    chunks = [_choice(choice) for choice in event.get("choices") or ()]
    if not any(counts):
        return chunks
    # with the end of the last candidate the result is made, so the counts come with it
    *before, last = chunks or [Chunk()]
    return [*before, replace(last, prompt=counts[0], reused=counts[1], generated=counts[2])]


def _choice(choice: Mapping[str, Any]) -> Chunk:
    said = choice.get("text")
    if said is None:
        said = (choice.get("delta") or choice.get("message") or {}).get("content")
    if isinstance(said, list):  # Mistral's models that think: only what is text is the answer
        said = "".join(part.get("text") or "" for part in said if part.get("type") == "text")
    reason, logprobs = str(choice.get("finish_reason") or ""), choice.get("logprobs") or {}
    tokens: tuple[tuple[str, float], ...] = ()
    if "token_logprobs" in logprobs:
        tokens = _pairs(logprobs.get("tokens"), logprobs["token_logprobs"])
    elif logprobs.get("content"):  # llama-server's own way
        tokens = _pairs(*zip(*((token["token"], token["logprob"]) for token in logprobs["content"]), strict=True))
    finish = FINISHES.get(reason, Finish.END) if reason else None
    return Chunk(str(said or ""), int(choice.get("index") or 0), finish, tokens, refusal=REFUSALS.get(reason, ""))


def _pairs(texts: Any, logprobs: Any) -> tuple[tuple[str, float], ...]:
    both = zip(texts or (), logprobs or (), strict=False)
    return tuple((str(text), float(logprob)) for text, logprob in both if logprob is not None)


def llama_chunks(event: Mapping[str, Any]) -> list[Chunk]:
    """An event of llama-server's `/completion`."""
    text, likely = str(event["content"]), event.get("completion_probabilities") or ()
    # a token without text is the end itself, or the first part of a character
    tokens = tuple((str(token["token"]), float(token["logprob"])) for token in likely) if text else ()
    if not event.get("stop"):
        return [Chunk(text, tokens=tokens)]
    # before `stop_type` there was a switch for each reason
    reason = event.get("stop_type") or ("limit" if event.get("stopped_limit") else "eos")
    timings = event.get("timings") or {}
    counts = (event.get("tokens_evaluated") or 0, timings.get("cache_n") or 0, event.get("tokens_predicted") or 0)
    return [Chunk(text, 0, FINISHES.get(reason, Finish.END), tokens, *counts)]


def ollama_chunks(event: Mapping[str, Any]) -> list[Chunk]:
    """An event of Ollama's `/api/generate`."""
    text = str(event["response"])
    if not event.get("done"):
        return [Chunk(text)]
    counts = (event.get("prompt_eval_count") or 0, 0, event.get("eval_count") or 0)
    return [Chunk(text, 0, FINISHES.get(event.get("done_reason") or "stop", Finish.END), (), *counts)]
