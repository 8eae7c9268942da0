"""What is asked of an engine and what it answers; no engine, no editor and no document in here.

A prompt is a row of pieces, each a marker (a special token, named by its text in the vocabulary) or plain text.
Plain text is never searched for markers, so a file that contains `<|fim_prefix|>` is only text.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Marker:
    """A special token, named by the text that the model's vocabulary has for it."""

    text: str


Piece = Marker | str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads.

    Attributes:
        pieces: markers and texts, in the order in which the model reads them.
        heal: tokens at the end of the last text that are taken back; the model writes their text again in its
            own way, so that a word which is cut by the cursor is tokenised as the model has learnt it. 0: none.
    """

    pieces: tuple[Piece, ...]
    heal: int = 0

    def goes_on_from(self, earlier: Prompt) -> bool:
        """Whether this prompt begins with all of an earlier one, so that what was evaluated for it is of use."""
        *most, last = self.pieces or ("",)
        *before, end = earlier.pieces or ("",)
        longer = last.startswith(end) if isinstance(last, str) and isinstance(end, str) else last == end
        return most == before and longer


class Priority(enum.IntEnum):
    """Who goes first; between two tokens a smaller number overtakes a larger one."""

    COMPLETION = 0
    CHAT = 1
    IDLE = 2


class Finish(enum.StrEnum):
    """Why a candidate ended."""

    END = "end-of-generation"
    MARKER = "marker"
    RULE = "stop-rule"
    LENGTH = "max-tokens"
    DEADLINE = "deadline"


StopRule = Callable[[str], int | None]
"""Given the text so far: how many of its characters to keep when it is enough, None to go on."""


Preference = Callable[[str], Sequence[str]]
"""Given the text so far: rests of the word that are likelier than the model thinks, empty text for its end; or none."""


def never(_: str) -> int | None:
    """A stop rule that never stops."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One generation.

    Attributes:
        key: whose request it is (a document); a newer request with the same key supersedes an older one.
        prompt: what the model reads.
        quick: a shorter prompt, read instead where more than `patience` tokens of `prompt` are not in the cache yet;
            it has a sequence of its own, so that `prompt` can be evaluated in idle time.
        patience: tokens.
        draft: text that may well be what is going to be written; it changes the time, never the text.
        max_tokens: most tokens that are generated, for each candidate; 0: the prompt is only evaluated, to be in
            the cache when it is needed, and at `Priority.IDLE` such work ends as soon as somebody else comes.
        candidates: how many different continuations; they share one prefill.
        temperature: 0 for the most probable token each time.
        sampler: `infill` ends where the model would rather end than guess.
        seed: for temperatures above 0.
        preference: how the word that is being written may end, where the likeliest token is taken; None: nobody knows.
        stop: when the text is enough.
        stop_markers: texts of special tokens that end the generation.
        stop_texts: texts that end it; nothing of them is in the candidates, nor in what `on_text` gets.
        leave: cells of the KV cache that this must leave to others, so that nobody who is more urgent waits for it.
        deadline: `time.monotonic()` seconds after which what is there is the answer; None: no limit.
        priority: who goes first.
    """

    key: str
    prompt: Prompt
    max_tokens: int
    quick: Prompt | None = None
    patience: int = 0
    draft: str = ""
    candidates: int = 1
    temperature: float = 0.0
    sampler: Literal["greedy", "infill"] = "greedy"
    seed: int = 0
    preference: Preference | None = None
    stop: StopRule = never
    stop_markers: tuple[str, ...] = ()
    stop_texts: tuple[str, ...] = ()
    leave: int = 0
    deadline: float | None = None
    priority: Priority = Priority.COMPLETION


@dataclass(frozen=True, slots=True)
class Candidate:
    """One continuation.

    Attributes:
        text: what was generated, whole characters only.
        finish: why it ended.
        logprobs: natural logarithm of each generated token's probability, given what is known: what it must begin
            with, and what is preferred.
        ends: where each token's text ended when it was written, in characters; the text may have been cut since.
    """

    text: str
    finish: Finish
    logprobs: tuple[float, ...] = ()
    ends: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Counters:
    """Tokens of one request: deterministic where seconds are noisy.

    Attributes:
        prompt: tokens in the prompt.
        reused: of these, the ones that were in the KV cache.
        evaluated: of these, the ones that were evaluated.
        generated: tokens generated, over all candidates.
    """

    prompt: int = 0
    reused: int = 0
    evaluated: int = 0
    generated: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What a request brought.

    Attributes:
        candidates: most probable first.
        counters: tokens evaluated, reused and generated.
        timings: milliseconds by stage: `queue`, `prefill`, `decode`.
        quick: whether it was the shorter prompt that was read.
        missing: if so, the tokens of the other one that were not in the cache.
    """

    candidates: tuple[Candidate, ...]
    counters: Counters
    timings: dict[str, float] = field(default_factory=dict)
    quick: bool = False
    missing: int = 0


@dataclass(slots=True)
class Totals:
    """What an engine has done since it was made, the work that nobody got to see included.

    Attributes:
        evaluated: prompt tokens evaluated, idle work included.
        generated: tokens generated.
        drafted: tokens that were verified as drafts.
        agreed: of these, the ones that the model would have written.
        requests: generations begun, those ahead of the user included; what only evaluates is none.
    """

    evaluated: int = 0
    generated: int = 0
    drafted: int = 0
    agreed: int = 0
    requests: int = 0


class Cancelled(Exception):
    """The request was cancelled or superseded; not a fault, and nothing for a person to read."""


class Ticket:
    """A request on its way: its future and the means to end it.

    Attributes:
        future: the result; raises `Cancelled` or a `TabbyError`.
        prompt: tokens of the prompt, known when the engine turns to it; readable at any time, like all below.
        reused: of these, the ones that were in the cache.
        evaluated: of these, the ones evaluated so far.
        generated: tokens generated so far.
        logprobs: of the first candidate's tokens so far; it grows while the engine writes.
        ends: where they end, in characters of its text; as long as `logprobs`, or one shorter for a moment.
        inside_s: seconds spent in the evaluation of tokens so far.
        started: `time.monotonic()` when the engine turned to it, 0 before.
    """

    __slots__ = (
        "_cancelled",
        "_on_cancel",
        "ends",
        "evaluated",
        "future",
        "generated",
        "inside_s",
        "logprobs",
        "prompt",
        "request",
        "reused",
        "started",
    )

    def __init__(self, request: Request, on_cancel: Callable[[Ticket, bool], None]) -> None:
        self.request = request
        self.future: Future[Result] = Future()
        self.prompt = self.reused = self.evaluated = self.generated = 0
        self.logprobs: list[float] = []
        self.ends: list[int] = []
        self.inside_s = 0.0
        self.started = 0.0
        self._cancelled = threading.Event()
        self._on_cancel = on_cancel

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for the end of it."""
        return self._cancelled.is_set()

    def cancel(self, *, at_once: bool = True) -> None:
        """End it; the future then raises `Cancelled`. May be called from any thread.

        Args:
            at_once: abort the evaluation under way. False: let it end, because its tokens are of use to the next.
        """
        if at_once or not self._cancelled.is_set():
            self._cancelled.set()
            self._on_cancel(self, at_once)


class Tokenizer(Protocol):
    """What the prompt builder needs of a vocabulary; callable from any thread."""

    def count(self, text: str) -> int:
        """Tokens in `text`, read as plain text."""
        ...

    def has_marker(self, text: str) -> bool:
        """Whether the vocabulary has a special token of that text."""
        ...


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a loaded model says of itself.

    Attributes:
        metadata: the GGUF's own key-value pairs, as text; long values are left out.
        markers: texts of the fill-in-the-middle tokens that the GGUF names (`prefix`, `suffix`, `middle`,
            `repository`, `separator`), empty text where it names none.
        size: bytes of weights.
        parameters: number of weights.
        context: tokens in the KV cache.
        trained_context: tokens that the model was trained for.
        offloaded: layers on a GPU.
        can_shift: whether KV cells can move to other positions.
        bounds: texts of the tokens that bound texts: `bos` and `eos`; empty text where there is none.
        adds_bos: whether the engine begins each prompt with `bos` itself.
    """

    metadata: dict[str, str]
    markers: dict[str, str]
    size: int
    parameters: int
    context: int
    trained_context: int
    offloaded: int
    can_shift: bool
    bounds: dict[str, str] = field(default_factory=dict)
    adds_bos: bool = False


class Engine(Protocol):
    """A place that generates text."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The vocabulary; raises `EngineError` while no model is loaded."""
        ...

    @property
    def info(self) -> ModelInfo:
        """What the model says of itself; raises `EngineError` while no model is loaded."""
        ...

    @property
    def prefill_rate(self) -> float:
        """Prompt tokens a second, as lately measured; 0 where nothing has been yet."""
        ...

    @property
    def totals(self) -> Totals:
        """What it has done so far."""
        ...

    def ready(self) -> Future[ModelInfo]:
        """A model in memory: loads it where it is not."""
        ...

    def submit(self, request: Request, on_text: Callable[[str], None] | None = None) -> Ticket:
        """Queue a request; `on_text` gets the first candidate's text in pieces, on the engine's thread."""
        ...

    def close(self) -> None:
        """End everything; requests under way raise `Cancelled`."""
        ...


def mean_logprob(logprobs: Iterable[float]) -> float:
    """The mean of log-probabilities, 0 for none: a length-independent measure of the model's confidence."""
    values = tuple(logprobs)
    return sum(values) / len(values) if values else 0.0
