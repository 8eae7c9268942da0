"""One request, step by step: choose the prompt, read what is new of it (`reading`), write the candidates (`writing`).

`Generation.steps` is a generator that yields wherever the worker may stop, look at the cancel flag or let somebody
else go first: between two slices of the prompt and between two tokens, and never between an evaluation and the use of
its logits, which the next evaluation overwrites. It leaves the cache consistent with what
`Slot.tokens` says, however it ends.
"""

from __future__ import annotations

import time

from tabby_lsp.engine.llama.drafts import SIZES, Records
from tabby_lsp.engine.llama.evaluate import Evaluator
from tabby_lsp.engine.llama.kv import KvCache
from tabby_lsp.engine.llama.reading import Reader, Steps
from tabby_lsp.engine.llama.writing import Emit, Writer
from tabby_lsp.engine.types import Counters, Priority, Prompt, Result, Ticket, Totals

SLICE = 64
"""Prompt tokens evaluated in one call on a CPU: 64 cost 6.7 ms each, 16 cost 8.2, and what is lost by an abort is
half a slice."""
IDLE_SLICE = 16
"""The same for work that gives way at once, and loses its slice."""
QUICK = "\0quick"
"""What a key has at its end for the sequence of its shorter prompt."""


class Generation:
    """A request being served; `result` holds the answer once `steps` is exhausted.

    Args:
        ticket: the request.
        evaluator: the context to evaluate in.
        kv: what its sequences hold.
        emit: gets the first candidate's text in pieces.
        slice_tokens: prompt tokens in one call.
        totals: counts what is done.
        records: how good guesses have been; None: nothing is guessed.
    """

    def __init__(
        self,
        ticket: Ticket,
        evaluator: Evaluator,
        kv: KvCache,
        *,
        emit: Emit | None,
        slice_tokens: int = SLICE,
        totals: Totals | None = None,
        records: Records | None = None,
    ) -> None:
        self.ticket = ticket
        self.request = ticket.request
        self.result: Result | None = None
        self._missing = 0
        self._evaluator = evaluator
        self._kv = kv
        self._totals = totals = totals or Totals()
        self._records = records
        self._yields = ticket.request.priority is Priority.IDLE and not ticket.request.max_tokens
        self._slice = min(slice_tokens, IDLE_SLICE) if self._yields else slice_tokens
        self._vocabulary = evaluator.model.vocabulary
        self._reader = Reader(ticket, evaluator, kv, totals, self._slice)
        self.writer = Writer(ticket, evaluator, kv, totals, self._reader, emit)

    def steps(self) -> Steps:
        """Serve the request, yielding at each safe point.

        Raises:
            Aborted: the evaluation was aborted; the cache is consistent.
            Occupied: others under way hold the cells that this one needs; nothing has happened yet.
            EngineError: the prompt is too long, or llama.cpp failed.
        """
        started = self.ticket.started = time.monotonic()
        request, vocabulary = self.request, self._vocabulary
        key, prompt, tokens, plain = self._choose()
        most = min(prompt.heal, plain, len(tokens) - 1, self._evaluator.capacity - 1)
        heal = most if self._evaluator.model.can_rewind else 0
        stem = len(tokens) - heal
        if not request.max_tokens:
            yield from self._only_prefill(key, tokens[:stem])
            return
        forced = b"".join(vocabulary.piece(token) for token in tokens[stem:])
        # at worst the model spells the text that was taken back byte by byte
        room = request.max_tokens * request.candidates + max(0, len(forced) - heal) + (SIZES[0] if self._guesses else 0)
        slot, reused = self._kv.place(key, tokens, room=room, keep_at_most=stem - 1, leave=request.leave)
        self.ticket.prompt, self.ticket.reused = len(tokens), reused
        self._totals.requests += 1
        try:
            yield from self._reader.prefill(slot, tokens, keep=heal + 1)
            left = tokens[len(slot.tokens) :]
            if self._evaluator.pace.quicker_apart(len(left), len(left) - heal):
                for token in left[: -heal - 1]:
                    self._reader.append(slot, [token], wanted=0)
                    yield
                left, heal = left[-heal - 1 :][:1], 0  # what was taken back is spelled token by token
            row, rest = yield from self._reader.heal(slot, left, heal, forced)
            prefilled = time.monotonic()
            evaluated = self.ticket.evaluated
            self.writer.begin(slot, row, rest)
            guessing = self._records if self._guesses else None
            yield from self.writer.write(slot) if guessing is None else self.writer.write_guessing(slot, guessing)
        finally:
            self.writer.close()
            self._kv.release(slot)
        ended = time.monotonic()
        self.result = Result(
            candidates=tuple(lane.candidate() for lane in self.writer.lanes),
            counters=Counters(len(tokens), reused, evaluated, sum(len(lane.tokens) for lane in self.writer.lanes)),
            timings={
                "prefill": (prefilled - started) * 1e3,
                "decode": (ended - prefilled) * 1e3,
                "inside": self.ticket.inside_s * 1e3,
            },
            quick=prompt is request.quick,
            missing=self._missing,
        )

    @property
    def interruptible(self) -> bool:
        """Whether an evaluation is under way that is given up for somebody more urgent; readable from any thread."""
        return self._reader.interruptible

    @property
    def _guesses(self) -> bool:
        """Whether guesses can be verified: where the likeliest token is taken, and by one candidate."""
        request = self.request
        greedy = request.temperature == 0 and request.sampler == "greedy" and request.candidates == 1
        return greedy and self._records is not None and self._evaluator.model.can_rewind

    def _choose(self) -> tuple[str, Prompt, list[int], int]:
        """The prompt to read: the shorter one where too much of the other is not in the cache.

        Returns:
            The key of its sequence, the prompt, its tokens, and how many of them at the end are of plain text.
        """
        request, encode = self.request, self._vocabulary.encode_pieces
        tokens, plain = encode(request.prompt.pieces)
        tokens = tokens or [self._vocabulary.bos or 0]
        if request.quick and (missing := len(tokens) - self._kv.shared(tokens)) > request.patience:
            quick, quick_plain = encode(request.quick.pieces)
            if quick and len(quick) - self._kv.shared(quick) < missing:
                self._missing = missing
                return request.key + QUICK, request.quick, quick, quick_plain
        return request.key, request.prompt, tokens, plain

    def _only_prefill(self, key: str, tokens: list[int]) -> Steps:
        """Bring a prompt into the cache; a quick one that is there takes no sequence, which others have a use for."""
        if key.endswith(QUICK) and self._kv.shared(tokens) == len(tokens):
            self.result = Result((), Counters(len(tokens), len(tokens)), quick=True, missing=self._missing)
            return
        slot, reused = self._kv.place(key, tokens, room=0, keep_at_most=len(tokens))
        try:
            while len(slot.tokens) < len(tokens):
                at = len(slot.tokens)
                self._reader.append(slot, tokens[at : at + self._slice], wanted=0)
                yield
        finally:
            self._kv.release(slot)
        counters = Counters(len(tokens), reused, self.ticket.evaluated, 0)
        timings = {"inside": self.ticket.inside_s * 1e3}
        self.result = Result((), counters, timings, quick=key.endswith(QUICK), missing=self._missing)
