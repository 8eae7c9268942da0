"""One request, step by step: prefill what is new, heal the cut word, write the candidates.

`generation` is a generator that yields wherever the worker may stop, look at the cancel flag or let somebody
else go first: between two slices of the prompt and between two tokens, and never between an evaluation and the use of
its logits, which the next evaluation overwrites. It leaves the cache consistent with what
`Slot.tokens` says, however it ends.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from tabby_lsp.engine.llama.evaluate import Evaluator, Row
from tabby_lsp.engine.llama.kv import KvCache, Slot
from tabby_lsp.engine.llama.sampling import Sampler, branches, logprob, spell
from tabby_lsp.engine.types import Candidate, Counters, Finish, Request, Result, Ticket

SLICE = 64
"""Prompt tokens evaluated in one call on a CPU: 64 cost 6.7 ms each, 16 cost 8.2, and what is lost by an abort is
half a slice."""

Steps = Generator[None, None, None]
Emit = Callable[[str], None]


@dataclass(slots=True)
class _Lane:
    """One candidate being written."""

    sequence: int
    position: int
    sampler: Sampler
    leads: bool
    text: str = ""
    finish: Finish | None = None
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    def write(self, data: bytes, request: Request, emit: Emit | None) -> None:
        """Add bytes to the text; ends the lane where the stop rule says so."""
        fresh = self.decoder.decode(data)
        self.text += fresh
        if fresh and emit:
            emit(fresh)
        keep = request.stop(self.text) if fresh else None
        if keep is not None:
            self.text, self.finish = self.text[:keep], Finish.RULE

    def candidate(self) -> Candidate:
        return Candidate(self.text, self.finish or Finish.LENGTH, tuple(self.logprobs))


class Generation:
    """A request being served; `result` holds the answer once `steps` is exhausted.

    Args:
        ticket: the request.
        evaluator: the context to evaluate in.
        kv: what its sequences hold.
        emit: gets the first candidate's text in pieces.
        slice_tokens: prompt tokens in one call.
    """

    def __init__(
        self, ticket: Ticket, evaluator: Evaluator, kv: KvCache, *, emit: Emit | None, slice_tokens: int = SLICE
    ) -> None:
        self.ticket = ticket
        self.request = ticket.request
        self.result: Result | None = None
        self._evaluator = evaluator
        self._kv = kv
        self._emit = emit
        self._slice = slice_tokens
        self._vocabulary = evaluator.model.vocabulary
        self._stops = {self._vocabulary.marker(text) for text in self.request.stop_markers}

    def steps(self) -> Steps:
        """Serve the request, yielding at each safe point.

        Raises:
            Aborted: the evaluation was aborted; the cache is consistent.
            Occupied: others under way hold the cells that this one needs; nothing has happened yet.
            EngineError: the prompt is too long, or llama.cpp failed.
        """
        started = time.monotonic()
        request, vocabulary = self.request, self._vocabulary
        tokens, plain = vocabulary.encode_pieces(request.prompt.pieces)
        tokens = tokens or [vocabulary.bos or 0]
        most = min(request.prompt.heal, plain, len(tokens) - 1, self._evaluator.capacity - 1)
        heal = most if self._evaluator.model.can_rewind else 0
        stem = len(tokens) - heal
        forced = b"".join(vocabulary.piece(token) for token in tokens[stem:])
        # at worst the model spells the text that was taken back byte by byte
        room = request.max_tokens * request.candidates + max(0, len(forced) - heal)
        slot, reused = self._kv.place(request.key, tokens, room=room, keep_at_most=stem - 1)
        lanes: list[_Lane] = []
        try:
            yield from self._prefill(slot, tokens, keep=heal + 1)
            row, rest = yield from self._heal(slot, tokens[len(slot.tokens) :], heal, forced)
            prefilled = time.monotonic()
            evaluated = self.ticket.evaluated
            self._begin(lanes, slot, row, rest)
            yield from self._write(slot, lanes)
        finally:
            for lane in lanes:
                self._give_back(lane)
            self._kv.release(slot)
        ended = time.monotonic()
        self.result = Result(
            candidates=tuple(lane.candidate() for lane in lanes),
            counters=Counters(len(tokens), reused, evaluated, sum(len(lane.tokens) for lane in lanes)),
            timings={"prefill": (prefilled - started) * 1e3, "decode": (ended - prefilled) * 1e3},
        )

    def _give_back(self, lane: _Lane) -> None:
        lane.sampler.close()
        if not lane.leads:
            self._kv.drop(lane.sequence)

    def _evaluate(self, slot: Slot, tokens: list[int], wanted: int) -> None:
        """Append tokens to a sequence, with logits for the last `wanted` of them."""
        start = len(slot.tokens)
        first = len(tokens) - wanted
        rows = [Row(t, start + i, slot.sequence, i >= first) for i, t in enumerate(tokens)]
        try:
            self._evaluator.run(rows)
        except BaseException:
            self._kv.truncate(slot, start)
            raise
        slot.tokens += tokens
        self.ticket.evaluated += len(tokens)

    def _prefill(self, slot: Slot, tokens: list[int], keep: int) -> Steps:
        """Evaluate slices until what is left, with at least `keep` tokens, fits into one batch with logits."""
        while len(tokens) - len(slot.tokens) > max(self._slice, keep):
            at = len(slot.tokens)
            self._evaluate(slot, tokens[at : min(at + self._slice, len(tokens) - keep)], wanted=0)
            yield

    def _heal(
        self, slot: Slot, tokens: list[int], heal: int, forced: bytes
    ) -> Generator[None, None, tuple[int, bytes]]:
        """Write the text of the tokens that were taken back, in the way the model prefers.

        The tokens as they were are the draft: one batch holds them all, and where the model spells the text
        otherwise, it goes on from there, token by token.

        Args:
            slot: the sequence, holding everything before `tokens`.
            tokens: what is left to evaluate; the last of them are the ones taken back.
            heal: how many are taken back.
            forced: their text, as bytes.

        Returns:
            The row of the batch whose logits choose the first token of the candidates, and the bytes with which
            that token must begin (none where all of the text is written).
        """
        self._evaluate(slot, tokens, wanted=heal + 1)
        rest, row = forced, len(tokens) - 1 - heal
        while rest:
            token = spell(self._evaluator.logits(row), self._vocabulary, rest)
            piece = self._vocabulary.piece(token)
            beyond = len(piece) > len(rest) or not piece
            agrees = not beyond and row + 1 < len(tokens) and tokens[row + 1] == token
            if not agrees:
                self._kv.truncate(slot, len(slot.tokens) - (len(tokens) - 1 - row))
            if beyond:
                return row, rest
            rest = rest[len(piece) :]
            if agrees:
                row += 1
            else:
                yield
                self._evaluate(slot, [token], wanted=1)
                tokens, row = [token], 0
        return row, b""

    def _begin(self, lanes: list[_Lane], slot: Slot, row: int, rest: bytes) -> None:
        """The candidates with their first tokens: the one that the sampler picks, and then the likeliest others.

        Args:
            lanes: gets the candidates, each as soon as it holds something that must be given back.
            slot: the sequence that they go on from.
            row: whose logits choose.
            rest: bytes with which each first token must begin.
        """
        logits = self._evaluator.logits(row)
        model, vocab, request = self._evaluator.model, self._vocabulary, self.request
        for nth in range(min(request.candidates, self._evaluator.capacity)):
            sequence = slot.sequence if nth == 0 else self._kv.fork(slot)
            if sequence < 0:
                break
            lanes.append(_Lane(sequence, len(slot.tokens), Sampler(model.lib, vocab.handle, request, nth), nth == 0))
        drawing = [] if rest else lanes if request.temperature > 0 else lanes[:1]
        tokens = [lane.sampler.pick(model.context, row, logits) for lane in drawing]
        tokens += branches(logits, vocab, rest, len(lanes) - len(tokens), besides=tokens)
        while len(lanes) > len(tokens):
            self._give_back(lanes.pop())
        for lane, token in zip(lanes, tokens, strict=True):
            self._accept(lane, token, logprob(logits, token), vocab.piece(token)[len(rest) :])

    def _accept(self, lane: _Lane, token: int, likelihood: float, data: bytes) -> None:
        """Take a token into a candidate, and end the candidate where there is a reason to."""
        if self._vocabulary.is_end(token):
            lane.finish = Finish.END
            return
        if token in self._stops:
            lane.finish = Finish.MARKER
            return
        lane.tokens.append(token)
        lane.logprobs.append(likelihood)
        lane.write(data, self.request, self._emit if lane.leads else None)
        deadline = self.request.deadline
        if lane.finish is None and len(lane.tokens) >= self.request.max_tokens:
            lane.finish = Finish.LENGTH
        if lane.finish is None and deadline is not None and time.monotonic() > deadline:
            lane.finish = Finish.DEADLINE

    def _write(self, slot: Slot, lanes: list[_Lane]) -> Steps:
        """One token for each unfinished candidate in each batch, until all are finished."""
        evaluator, vocab = self._evaluator, self._vocabulary
        while active := [lane for lane in lanes if lane.finish is None]:
            yield
            try:
                evaluator.run([Row(lane.tokens[-1], lane.position, lane.sequence, True) for lane in active])
            except BaseException:
                self._kv.truncate(slot, len(slot.tokens))
                raise
            if active[0].leads:
                slot.tokens.append(active[0].tokens[-1])
            for row, lane in enumerate(active):
                lane.position += 1
                logits = evaluator.logits(row)
                token = lane.sampler.pick(evaluator.model.context, row, logits)
                self._accept(lane, token, logprob(logits, token), vocab.piece(token))
