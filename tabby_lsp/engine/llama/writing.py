"""Writing a request's candidates: their first tokens, then one after the other, or several where guesses are right."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tabby_lsp.engine.llama.drafts import Drafter, Records
from tabby_lsp.engine.llama.evaluate import Evaluator, Row
from tabby_lsp.engine.llama.kv import KvCache, Slot
from tabby_lsp.engine.llama.proofs import Trial, Where
from tabby_lsp.engine.llama.reading import Reader, Steps
from tabby_lsp.engine.llama.sampling import Choice, Sampler, branches, favouring
from tabby_lsp.engine.types import Candidate, Finish, Priority, Request, Ticket, Totals

Emit = Callable[[str], None]


@dataclass(slots=True)
class Lane:
    """One candidate being written."""

    sequence: int
    position: int
    sampler: Sampler
    leads: bool
    text: str = ""
    shown: int = 0
    finish: Finish | None = None
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    def write(self, data: bytes, request: Request, emit: Emit | None) -> None:
        """Add bytes to the text; ends the lane where a stop text stands, or where the stop rule says so."""
        fresh = self.decoder.decode(data)
        self.text += fresh
        self.ends.append(len(self.text))
        stops = request.stop_texts
        at = first_of(stops, self.text, len(self.text) - len(fresh)) if stops else -1
        if at >= 0:
            self.text, self.finish = self.text[:at], Finish.RULE
        self.show(emit, beginning_of(stops, self.text) if stops and at < 0 else 0)
        keep = request.stop(self.text) if fresh else None
        if keep is not None:
            self.text, self.finish = self.text[:keep], Finish.RULE

    def show(self, emit: Emit | None, withheld: int = 0) -> None:
        """Pass on what has not been yet, but for the last characters, which may be the beginning of a stop text."""
        upto = len(self.text) - withheld
        if emit and upto > self.shown:
            fresh, self.shown = self.text[self.shown : upto], upto
            emit(fresh)

    def candidate(self) -> Candidate:
        """What was written."""
        return Candidate(self.text, self.finish or Finish.LENGTH, tuple(self.logprobs), tuple(self.ends))


def first_of(texts: Sequence[str], text: str, since: int) -> int:
    """Where the first of some texts begins that ends behind `since`; -1 where there is none."""
    found = (text.find(stop, max(0, since - len(stop) + 1)) for stop in texts if stop)
    return min((at for at in found if at >= 0), default=-1)


def beginning_of(texts: Sequence[str], text: str) -> int:
    """How many last characters may be the beginning of one of some texts."""
    most = min(len(text), max(map(len, texts), default=0))
    return next((n for n in range(most, 0, -1) if any(stop.startswith(text[-n:]) for stop in texts)), 0)


class Writer:
    """Writes candidates behind a prompt.

    Args:
        ticket: the request.
        evaluator: the context to evaluate in.
        kv: what its sequences hold.
        totals: counts what is done.
        reader: that has brought the prompt in.
        emit: gets the first candidate's text in pieces.
    """

    def __init__(
        self,
        ticket: Ticket,
        evaluator: Evaluator,
        kv: KvCache,
        totals: Totals,
        reader: Reader,
        emit: Emit | None,
    ) -> None:
        self._ticket = ticket
        self._request = ticket.request
        self._evaluator = evaluator
        self._kv = kv
        self._totals = totals
        self._reader = reader
        self._emit = emit
        self._vocabulary = evaluator.model.vocabulary
        self._stops = {self._vocabulary.marker(text) for text in self._request.stop_markers}
        self.lanes: list[Lane] = []

    def close(self) -> None:
        """Give back what the candidates hold, however far they are."""
        for lane in self.lanes:
            self._give_back(lane)

    def _give_back(self, lane: Lane) -> None:
        lane.sampler.close()
        if not lane.leads:
            self._kv.drop(lane.sequence)

    def begin(self, slot: Slot, row: int, rest: bytes) -> None:
        """The candidates with their first tokens: the one that the sampler picks, and then the likeliest others.

        Args:
            slot: the sequence that they go on from.
            row: whose logits choose.
            rest: bytes with which each first token must begin.
        """
        logits = self._evaluator.logits(row)
        model, vocab, request = self._evaluator.model, self._vocabulary, self._request
        lanes = self.lanes  # each is in it as soon as it holds something that must be given back
        for nth in range(min(request.candidates, self._evaluator.capacity)):
            sequence = slot.sequence if nth == 0 else self._kv.fork(slot)
            if sequence < 0:
                break
            lanes.append(Lane(sequence, len(slot.tokens), Sampler(model.lib, vocab, request, nth), nth == 0))
        self._ticket.logprobs, self._ticket.ends = lanes[0].logprobs, lanes[0].ends
        drawing = [] if rest else lanes if request.temperature > 0 else lanes[:1]
        choices = [lane.sampler.pick(model.context, row, logits, "") for lane in drawing]
        if rest and request.preference and not request.temperature and (rests := request.preference("")):
            choices = branches(favouring(logits, vocab, rests, rest), vocab, rest, 1)
        taken = [choice.token for choice in choices]
        choices += branches(logits, vocab, rest, len(lanes) - len(taken), besides=taken)
        while len(lanes) > len(choices):
            self._give_back(lanes.pop())
        for lane, choice in zip(lanes, choices, strict=True):
            self.accept(lane, choice, vocab.piece(choice.token)[len(rest) :])

    def accept(self, lane: Lane, choice: Choice, data: bytes) -> None:
        """Take a token into a candidate, and end the candidate where there is a reason to."""
        self._accept(lane, choice.token, choice.logprob, data)
        if lane.finish is not None and lane.leads:
            lane.show(self._emit)

    def _accept(self, lane: Lane, token: int, likelihood: float, data: bytes) -> None:
        if self._vocabulary.is_end(token):
            lane.finish = Finish.END
            return
        if token in self._stops:
            lane.finish = Finish.MARKER
            return
        lane.tokens.append(token)
        self._ticket.generated += 1
        self._totals.generated += 1
        lane.logprobs.append(likelihood)
        lane.write(data, self._request, self._emit if lane.leads else None)
        deadline = self._request.deadline
        if lane.finish is None and len(lane.tokens) >= self._request.max_tokens:
            lane.finish = Finish.LENGTH
        if lane.finish is None and deadline is not None and time.monotonic() > deadline:
            lane.finish = Finish.DEADLINE

    def write(self, slot: Slot) -> Steps:
        """One token for each unfinished candidate in each batch, until all are finished."""
        evaluator, vocab = self._evaluator, self._vocabulary
        while active := [lane for lane in self.lanes if lane.finish is None]:
            yield
            self._reader.run(slot, [Row(lane.tokens[-1], lane.position, lane.sequence, True) for lane in active])
            if active[0].leads:
                slot.tokens.append(active[0].tokens[-1])
            for row, lane in enumerate(active):
                lane.position += 1
                logits = evaluator.logits(row)
                choice = lane.sampler.pick(evaluator.model.context, row, logits, lane.text)
                self.accept(lane, choice, vocab.piece(choice.token))

    def write_guessing(self, slot: Slot, records: Records) -> Steps:
        """The same for one candidate whose likeliest tokens are taken, several in a batch where guesses are right.

        A comparison costs a batch that is not used: nobody who types waits for one, what is written in idle time or
        by a chat shows what holds.
        """
        evaluator, vocab, lane = self._evaluator, self._vocabulary, self.lanes[0]
        tries = self._request.priority is not Priority.COMPLETION
        drafter = Drafter(vocab.encode(self._request.draft), slot.tokens, records)
        trial: Trial | None = None
        gave_way = False

        def where(rows: int) -> Where:
            return Where.of(len(slot.tokens) + rows, min(evaluator.evaluated + rows, self._kv.cells))

        while lane.finish is None:
            yield
            left = 0 if gave_way or trial else self._request.max_tokens - len(lane.tokens) - 1
            sizes = records.sizes(where, tries=tries) if left else []
            guess = drafter.propose(lane.tokens, evaluator.pace, left, sizes)
            tokens = [lane.tokens[-1], *guess]
            rows = [Row(t, lane.position + i, lane.sequence, True) for i, t in enumerate(tokens)]
            here = where(len(tokens))
            gave_way = not self._reader.run(slot, rows, gives_way=self._reader.gives_way and len(rows) > 1)
            if gave_way:
                continue
            slot.tokens += tokens
            self._totals.drafted += len(guess)
            if guess and records.proofs and not records.proofs.proven(len(tokens), here):
                trial = Trial(records.proofs, here, tokens, map(evaluator.logits, range(len(tokens))))
                self._kv.truncate(slot, lane.position)
                continue
            for row, token in enumerate(tokens):
                if lane.finish is not None or token != lane.tokens[-1]:
                    break
                self._totals.agreed += row > 0
                lane.position += 1
                logits = evaluator.logits(row)
                if trial and records.proofs and not trial.goes_on(records.proofs, token, logits):
                    trial = None
                picked = lane.sampler.pick(evaluator.model.context, row, logits, lane.text)
                drafter.judge(picked.token)
                self.accept(lane, picked, vocab.piece(picked.token))
            if guess:
                self._kv.truncate(slot, lane.position)
