"""One model on a bench, without the worker thread, and a slow, plain reference to hold it against.

`Rig` runs requests step by step and notes what was evaluated and read. `Naive` knows no cache: it evaluates
everything from nothing in a context of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tabby_lsp.config import EngineSettings
from tabby_lsp.engine.llama.evaluate import Evaluator, Row
from tabby_lsp.engine.llama.generate import Generation
from tabby_lsp.engine.llama.kv import KvCache
from tabby_lsp.engine.llama.model import SCRATCH, SEQUENCES, LoadedModel
from tabby_lsp.engine.llama.sampling import Choice, Logits
from tabby_lsp.engine.llama.writing import Emit, Lane
from tabby_lsp.engine.types import Candidate, Finish, Prompt, Request, Result, Ticket

SETTINGS = EngineSettings(context=512, batch=64, threads=1)

TOLERANCE = 0.1
"""Logits, whose spread is 4. The order of sums moves them by 0.02 (cells hold 16 bits); swapping two tokens 150 back
moves them by 0.24."""


def request(text: str, *, heal: int = 0, max_tokens: int = 8, key: str = "a", **more: Any) -> Request:
    """A request for what follows a text."""
    made = Request(key=key, prompt=Prompt((text,), heal=heal), max_tokens=max_tokens)
    return replace(made, **more)


@dataclass(frozen=True, slots=True)
class Read:
    """A row of logits that was looked at, and the tokens in the cells that it followed from."""

    tokens: tuple[int, ...]
    logits: Logits


class Spy(Evaluator):
    """An evaluator that notes what it is asked; `before` runs before each evaluation."""

    def __init__(self, model: LoadedModel, capacity: int) -> None:
        super().__init__(model, capacity)
        self.runs: list[list[Row]] = []
        self.reads: list[Read] = []
        self.kv: KvCache | None = None
        self.before: Callable[[], None] = lambda: None

    def run(self, rows: Sequence[Row]) -> None:
        self.before()
        super().run(rows)
        self.runs.append(list(rows))

    def logits(self, row: int) -> Logits:
        found = super().logits(row)
        asked = self.runs[-1][row]
        if self.kv and asked.sequence < SEQUENCES:
            tokens = self.kv.slots[asked.sequence].tokens[: asked.position + 1]
            self.reads.append(Read(tuple(tokens), found.copy()))
        return found


Wanted = dict[int, float]
"""Logits of tokens, above those of all the others."""


class Script(Spy):
    """An evaluator whose model wants one token after another; for texts that chance never writes.

    Args:
        model: whose context.
        capacity: of the batch.
        start: where the first of them is wanted.
        script: what is wanted there and after it, the last again and again.
    """

    def __init__(self, model: LoadedModel, capacity: int, start: int, script: Sequence[Wanted]) -> None:
        super().__init__(model, capacity)
        self._script = script
        self._start = start

    def logits(self, row: int) -> Logits:
        found = super().logits(row)  # llama.cpp's own memory, where its samplers look too
        at = self.runs[-1][row].position + 1 - self._start
        for token, value in self._script[min(at, len(self._script) - 1)].items() if at >= 0 else ():
            found[token] = 100.0 + value
        return found


class Watched(Generation):
    """A generation whose accepted tokens can be looked at, by sequence, the ones that ended it included."""

    def __init__(self, ticket: Ticket, evaluator: Evaluator, kv: KvCache, emit: Emit | None, slice_tokens: int) -> None:
        super().__init__(ticket, evaluator, kv, emit=emit, slice_tokens=slice_tokens)
        self.taken: dict[int, list[int]] = {}
        accept = self.writer.accept

        def watched(lane: Lane, choice: Choice, data: bytes) -> None:
            self.taken.setdefault(lane.sequence, []).append(choice.token)
            accept(lane, choice, data)

        self.writer.accept = watched


class Rig:
    """A model, its cache and the means to run requests in it.

    Args:
        path: a GGUF file.
        settings: context and batch.
        slice_tokens: prompt tokens in one evaluation.
    """

    def __init__(self, path: Path, settings: EngineSettings = SETTINGS, *, slice_tokens: int = 16) -> None:
        self.model = LoadedModel(path, settings, extra_buffers=True)
        self.vocabulary = self.model.vocabulary
        self.capacity = self.model.batch
        self.spy = Spy(self.model, self.capacity)
        self.kv = KvCache(
            self.model.lib,
            self.model.memory,
            cells=self.model.slots,
            sequences=SEQUENCES,
            scratch=SCRATCH,
            partial=self.model.can_rewind,
        )
        self.spy.kv = self.kv
        self.slice = min(slice_tokens, self.capacity)
        self.last: Watched | None = None
        self.script: Script | None = None

    def start(self, asked: Request, emit: Emit | None = None, evaluator: Evaluator | None = None) -> Watched:
        """A generation that has not begun."""
        self.last = Watched(Ticket(asked, lambda _: None), evaluator or self.spy, self.kv, emit, self.slice)
        return self.last

    def run(self, asked: Request, emit: Emit | None = None) -> Result:
        """Serve a request."""
        return finish(self.start(asked, emit))

    def play(self, asked: Request, script: Sequence[int | Wanted], emit: Emit | None = None) -> Result:
        """Serve a request with a model that wants to write just these tokens, the healed ones included."""
        tokens, plain = self.vocabulary.encode_pieces(asked.prompt.pieces)
        start = len(tokens) - min(asked.prompt.heal, plain, len(tokens) - 1)
        wanted = [{entry: 0.0} if isinstance(entry, int) else entry for entry in script]
        self.script = Script(self.model, self.capacity, start, wanted)
        self.script.kv = self.kv
        try:
            return finish(self.start(asked, emit, self.script))
        finally:
            self.script.close()

    def taken(self) -> list[list[int]]:
        """The tokens that the last generation accepted, by candidate."""
        assert self.last
        return list(self.last.taken.values())

    def last_position(self, sequence: int) -> int:
        """Where the last cell of a sequence stands, -1 for none: what llama.cpp itself says."""
        return int(self.model.lib.llama_memory_seq_pos_max(self.model.memory, sequence))

    def check(self) -> None:
        """Nothing is under way: the cache is what the slots say, and all copies are given back."""
        for slot in self.kv.slots:
            assert self.last_position(slot.sequence) == len(slot.tokens) - 1
            assert slot.held == 0
        self.check_copies()

    def check_copies(self) -> None:
        """All copies are given back, and empty."""
        assert sorted(self.kv._free_scratch) == list(range(SEQUENCES, SEQUENCES + SCRATCH))
        assert all(self.last_position(sequence) == -1 for sequence in self.kv._free_scratch)

    def close(self) -> None:
        self.spy.close()
        self.model.close()


def finish(generation: Generation) -> Result:
    """Run a generation to its end."""
    for _ in generation.steps():
        pass
    assert generation.result
    return generation.result


class Naive:
    """The same model without a cache: everything is evaluated from nothing, in one call."""

    def __init__(self, path: Path) -> None:
        self._model = LoadedModel(path, EngineSettings(context=512, batch=512, threads=1), extra_buffers=True)
        self._evaluator = Evaluator(self._model, 512)
        self.pieces = [self._model.vocabulary.piece(token) for token in range(self._model.vocabulary.size)]

    def rows(self, tokens: Sequence[int], first: int) -> list[Logits]:
        """The logits after each of the tokens from index `first` on."""
        self._model.lib.llama_memory_clear(self._model.memory, True)
        self._evaluator.run([Row(token, i, 0, i >= first) for i, token in enumerate(tokens)])
        return [self._evaluator.logits(i).copy() for i in range(first, len(tokens))]

    def after(self, tokens: Sequence[int]) -> Logits:
        """The logits after the last token."""
        return self.rows(tokens, len(tokens) - 1)[0]

    def write(self, prompt: Sequence[int], count: int) -> tuple[list[int], float]:
        """The most probable tokens, one after another, and the smallest lead that one had over the next best."""
        tokens, lead = list(prompt), float("inf")
        for _ in range(count):
            logits = self.after(tokens)
            second, best = np.sort(logits)[-2:]
            lead = min(lead, float(best - second))
            tokens.append(int(logits.argmax()))
        return tokens[len(prompt) :], lead

    def agreeing(self, text: bytes) -> list[int]:
        """Every token that may be written next where `text` must be, by looking at all of them."""
        pieces = ((token, piece) for token, piece in enumerate(self.pieces) if piece)
        return [token for token, piece in pieces if text.startswith(piece) or piece.startswith(text)]

    def check(self, tokens: Sequence[int], stem: int, forced: bytes, *, free: int = -1) -> None:
        """Each token from `stem` on is, of those that agree with `forced`, the most probable one or equals it.

        Args:
            tokens: prompt and what was written.
            stem: how many of them were given.
            forced: what had to be written first.
            free: index of a token that need not be the most probable one.
        """
        rows = self.rows(tokens[:-1], stem - 1)
        for i, logits in enumerate(rows, start=stem):
            token, piece = tokens[i], self.pieces[tokens[i]]
            allowed = self.agreeing(forced) if forced else list(range(len(self.pieces)))
            assert token in allowed
            assert i == free or logits[token] >= logits[allowed].max() - TOLERANCE
            forced = forced[len(piece) :]

    def close(self) -> None:
        self._evaluator.close()
        self._model.close()


def whole_characters(data: bytes) -> str:
    """Bytes as text; what is cut off at the end is left out, what is wrong in the middle is U+FFFD."""
    for cut in range(min(4, len(data) + 1)):
        tail = data[len(data) - cut :]
        if cut and _begins_character(tail):
            return data[: len(data) - cut].decode("utf-8", "replace")
    return data.decode("utf-8", "replace")


def _begins_character(tail: bytes) -> bool:
    """Whether more bytes could make one character of these."""
    fill = ("80", "bf", "90", "8f", "9f", "a0")
    for count in range(1, 4):
        for middle in fill:
            try:
                if len((tail + bytes.fromhex(middle) + b"\x80" * (count - 1)).decode()) == 1:
                    return True
            except UnicodeDecodeError:
                continue
    return False


def check_candidates(rig: Rig, naive: Naive, asked: Request, result: Result) -> None:
    """Each candidate is what the reference would have written after the same first token, and its text is all of it."""
    assert rig.last
    tokens, plain = rig.vocabulary.encode_pieces(asked.prompt.pieces)
    heal = min(asked.prompt.heal, plain, len(tokens) - 1)
    stem = len(tokens) - heal
    forced = b"".join(naive.pieces[token] for token in tokens[stem:])
    taken = rig.last.taken
    slot = next(slot for slot in rig.kv.slots if slot.sequence in taken)
    lead = taken[slot.sequence]
    base = slot.tokens[: len(slot.tokens) - (len(lead) - 1)]
    assert base[:stem] == tokens[:stem]
    for nth, (candidate, mine) in enumerate(zip(result.candidates, taken.values(), strict=True)):
        whole = [*base, *mine]
        naive.check(whole, stem, forced, free=len(base) if nth else -1)
        shown = mine[:-1] if candidate.finish in {Finish.END, Finish.MARKER} else mine
        assert len(candidate.logprobs) == len(shown)
        written = b"".join(naive.pieces[token] for token in [*base[stem:], *shown])
        assert written.startswith(forced) or not shown
        assert candidate.text == whole_characters(written[len(forced) :])


def texts(candidates: Sequence[Candidate]) -> list[str]:
    return [candidate.text for candidate in candidates]
