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

from tabby_lsp.engine.llama.drafts import SIZES, Drafter, Records
from tabby_lsp.engine.llama.evaluate import Evaluator, Row
from tabby_lsp.engine.llama.kv import KvCache, Slot
from tabby_lsp.engine.llama.sampling import Sampler, branches, logprob, spell
from tabby_lsp.engine.types import Candidate, Counters, Finish, Priority, Prompt, Request, Result, Ticket, Totals

SLICE = 64
"""Prompt tokens evaluated in one call on a CPU: 64 cost 6.7 ms each, 16 cost 8.2, and what is lost by an abort is
half a slice."""
IDLE_SLICE = 16
"""The same for work that gives way at once, and loses its slice."""
QUICK = "\0quick"
"""What a key has at its end for the sequence of its shorter prompt."""

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
    ends: list[int] = field(default_factory=list)
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    def write(self, data: bytes, request: Request, emit: Emit | None) -> None:
        """Add bytes to the text; ends the lane where the stop rule says so."""
        fresh = self.decoder.decode(data)
        self.text += fresh
        self.ends.append(len(self.text))
        if fresh and emit:
            emit(fresh)
        keep = request.stop(self.text) if fresh else None
        if keep is not None:
            self.text, self.finish = self.text[:keep], Finish.RULE

    def candidate(self) -> Candidate:
        return Candidate(self.text, self.finish or Finish.LENGTH, tuple(self.logprobs), tuple(self.ends))


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
        self._evaluator = evaluator
        self._kv = kv
        self._emit = emit
        self._totals = totals or Totals()
        self._records = records
        self._yields = ticket.request.priority is Priority.IDLE and not ticket.request.max_tokens
        self._slice = min(slice_tokens, IDLE_SLICE) if self._yields else slice_tokens
        self._vocabulary = evaluator.model.vocabulary
        self._stops = {self._vocabulary.marker(text) for text in self.request.stop_markers}

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
        slot, reused = self._kv.place(key, tokens, room=room, keep_at_most=stem - 1)
        self.ticket.prompt, self.ticket.reused = len(tokens), reused
        self._totals.requests += 1
        lanes: list[_Lane] = []
        try:
            yield from self._prefill(slot, tokens, keep=heal + 1)
            left = tokens[len(slot.tokens) :]
            if self._evaluator.pace.quicker_apart(len(left), len(left) - heal):
                for token in left[: -heal - 1]:
                    self._evaluate(slot, [token], wanted=0)
                    yield
                left, heal = left[-heal - 1 :][:1], 0  # what was taken back is spelled token by token
            row, rest = yield from self._heal(slot, left, heal, forced)
            prefilled = time.monotonic()
            evaluated = self.ticket.evaluated
            self._begin(lanes, slot, row, rest)
            yield from self._write_guessing(slot, lanes[0]) if self._guesses else self._write(slot, lanes)
        finally:
            for lane in lanes:
                self._give_back(lane)
            self._kv.release(slot)
        ended = time.monotonic()
        self.result = Result(
            candidates=tuple(lane.candidate() for lane in lanes),
            counters=Counters(len(tokens), reused, evaluated, sum(len(lane.tokens) for lane in lanes)),
            timings={
                "prefill": (prefilled - started) * 1e3,
                "decode": (ended - prefilled) * 1e3,
                "inside": self.ticket.inside_s * 1e3,
            },
            quick=prompt is request.quick,
        )

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
        if request.quick and len(tokens) - self._kv.shared(tokens) > request.patience:
            quick, quick_plain = encode(request.quick.pieces)
            if quick and len(quick) - self._kv.shared(quick) < len(tokens) - self._kv.shared(tokens):
                return request.key + QUICK, request.quick, quick, quick_plain
        return request.key, request.prompt, tokens, plain

    def _only_prefill(self, key: str, tokens: list[int]) -> Steps:
        """Bring a prompt into the cache."""
        slot, reused = self._kv.place(key, tokens, room=0, keep_at_most=len(tokens))
        try:
            while len(slot.tokens) < len(tokens):
                at = len(slot.tokens)
                self._evaluate(slot, tokens[at : at + self._slice], wanted=0)
                yield
        finally:
            self._kv.release(slot)
        counters = Counters(len(tokens), reused, self.ticket.evaluated, 0)
        self.result = Result((), counters, {"inside": self.ticket.inside_s * 1e3}, quick=key.endswith(QUICK))

    def _give_back(self, lane: _Lane) -> None:
        lane.sampler.close()
        if not lane.leads:
            self._kv.drop(lane.sequence)

    def _evaluate(self, slot: Slot, tokens: list[int], wanted: int) -> None:
        """Append tokens to a sequence, with logits for the last `wanted` of them."""
        start = len(slot.tokens)
        first = len(tokens) - wanted
        rows = [Row(t, start + i, slot.sequence, i >= first) for i, t in enumerate(tokens)]
        self._run(slot, rows)
        slot.tokens += tokens
        self.ticket.evaluated += len(tokens)
        self._totals.evaluated += len(tokens)

    def _run(self, slot: Slot, rows: list[Row]) -> None:
        """Evaluate; where that fails, no cell beyond the known tokens stays behind."""
        try:
            self._evaluator.run(rows)
        except BaseException:
            self._kv.truncate(slot, len(slot.tokens))
            raise
        finally:
            self.ticket.inside_s += self._evaluator.last_s

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
        self.ticket.logprobs, self.ticket.ends = lanes[0].logprobs, lanes[0].ends
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
        self.ticket.generated += 1
        self._totals.generated += 1
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
            self._run(slot, [Row(lane.tokens[-1], lane.position, lane.sequence, True) for lane in active])
            if active[0].leads:
                slot.tokens.append(active[0].tokens[-1])
            for row, lane in enumerate(active):
                lane.position += 1
                logits = evaluator.logits(row)
                token = lane.sampler.pick(evaluator.model.context, row, logits)
                self._accept(lane, token, logprob(logits, token), vocab.piece(token))

    def _write_guessing(self, slot: Slot, lane: _Lane) -> Steps:
        """The same for one candidate whose likeliest tokens are taken, several in a batch where guesses are right."""
        evaluator, vocab = self._evaluator, self._vocabulary
        drafter = Drafter(vocab.encode(self.request.draft), slot.tokens, self._records or Records())
        while lane.finish is None:
            yield
            left = self.request.max_tokens - len(lane.tokens) - 1
            guess = drafter.propose(lane.tokens, evaluator.pace)[: max(0, left)]
            tokens = [lane.tokens[-1], *guess]
            self._run(slot, [Row(t, lane.position + i, lane.sequence, True) for i, t in enumerate(tokens)])
            slot.tokens += tokens
            agreed = 0
            for row, token in enumerate(tokens):
                if lane.finish is not None or token != lane.tokens[-1]:
                    break
                agreed += row > 0
                lane.position += 1
                logits = evaluator.logits(row)
                picked = int(logits.argmax())
                drafter.judge(picked)
                self._accept(lane, picked, logprob(logits, picked), vocab.piece(picked))
            if guess:
                self._kv.truncate(slot, lane.position)
            self._totals.drafted += len(guess)
            self._totals.agreed += agreed
