"""What a server writes, as it comes: texts and rules that end it, and what may be shown of it already.

The beginning of a text that ends the answer is held back until it is known to be none: what was shown cannot be taken
back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tabby_lsp.engine.http.answers import Chunk
from tabby_lsp.engine.types import Candidate, Finish, StopRule, Ticket, Totals, never

Emit = Callable[[str], None]


class Writing:
    """One candidate.

    Args:
        ends: texts of special tokens that end it; none of them is part of it.
        stops: the same, of the settings or of a conversation.
        rule: when it is enough.
        emit: gets its text in pieces.
    """

    def __init__(
        self,
        ends: tuple[str, ...] = (),
        stops: tuple[str, ...] = (),
        rule: StopRule = never,
        emit: Emit | None = None,
    ) -> None:
        self.text = ""
        self.finish: Finish | None = None
        self.logprobs: list[float] = []
        self.ends: list[int] = []
        self._texts = {**dict.fromkeys(ends, Finish.MARKER), **dict.fromkeys(stops, Finish.RULE)}
        self._longest = max(map(len, self._texts), default=1)
        self._rule = rule
        self._emit = emit
        self._shown = 0

    def add(self, chunk: Chunk) -> None:
        """Take a piece; where it ends the candidate, `finish` says why."""
        if self.finish is not None:
            return
        before = len(self.text)
        self.text += chunk.text
        at = before
        for text, logprob in chunk.tokens:
            at = min(at + len(text), len(self.text))
            self.logprobs.append(logprob)
            self.ends.append(at)
        if chunk.tokens:
            self.ends[-1] = len(self.text)
        found = self._found(max(0, before - self._longest + 1))
        if found is not None:
            at, self.finish = found
            self.text = self.text[:at]
        if chunk.finish is not None and self.finish is None:
            self.finish = chunk.finish
        self._show(len(self.text) if self.finish else len(self.text) - self._held())

    def _found(self, start: int) -> tuple[int, Finish] | None:
        """Where the first text that ends it begins, and what sort of end that is."""
        hits = ((self.text.find(text, start), why) for text, why in self._texts.items() if text)
        return min(((at, why) for at, why in hits if at >= 0), key=lambda hit: hit[0], default=None)

    def _held(self) -> int:
        """Characters at the end that may be how one of those texts begins."""
        most = min(self._longest - 1, len(self.text))
        tails = (self.text[len(self.text) - count :] for count in range(most, 0, -1))
        return next((len(tail) for tail in tails if any(text.startswith(tail) for text in self._texts)), 0)

    def _show(self, until: int) -> None:
        fresh = self.text[self._shown : until]
        if not fresh:
            return
        self._shown = until
        if self._emit:
            self._emit(fresh)
        keep = self._rule(self.text[:until])
        if keep is not None:
            self.text, self.finish = self.text[:keep], Finish.RULE

    def cut(self, finish: Finish) -> None:
        """It ends here, from the outside."""
        self.finish = self.finish or finish

    def candidate(self) -> Candidate:
        """What was written."""
        return Candidate(self.text, self.finish or Finish.LENGTH, tuple(self.logprobs), tuple(self.ends))


class Echo:
    """Takes away the beginning of an answer that is known already, where the server writes it once more.

    Args:
        given: what it may begin with.
        needed: whether an answer that begins otherwise is none: it continues another text than the one that is there.
    """

    def __init__(self, given: str, *, needed: bool = False) -> None:
        self._given, self._needed = given, needed
        self.missed = False
        """Whether the answer began otherwise though it had to; nothing of it is passed on."""
        self._text = ""
        self._tokens: tuple[tuple[str, float], ...] = ()

    def without(self, chunk: Chunk) -> Chunk:
        """A piece of the answer; what may still turn out to be the known beginning is held back."""
        if self.missed:
            return replace(chunk, text="", tokens=())
        if not self._given:
            return chunk
        self._text, self._tokens = self._text + chunk.text, self._tokens + chunk.tokens
        if self._text != self._given and self._given.startswith(self._text) and not chunk.finish:
            return replace(chunk, text="", tokens=())
        given, self._given = self._given, ""
        if not self._text.startswith(given):
            self.missed = self._needed
            if self.missed:
                return replace(chunk, text="", tokens=())
            return replace(chunk, text=self._text, tokens=self._tokens)
        left, tokens = len(given), []
        for text, logprob in self._tokens:
            tokens.append((text[left:], logprob))
            left = max(0, left - len(text))
        return replace(chunk, text=self._text.removeprefix(given), tokens=tuple(tokens))


class Counting:
    """Tokens, as the server tells them, or as they are estimated where it does not.

    Args:
        ticket: whose.
        totals: counts what is done.
        prompt: tokens of the prompt, estimated.
        count: estimates the tokens of a text.
    """

    def __init__(self, ticket: Ticket, totals: Totals, prompt: int, count: Callable[[str], int]) -> None:
        self._ticket, self._totals, self._count = ticket, totals, count
        ticket.prompt = ticket.evaluated = prompt
        totals.requests += 1

    def add(self, chunk: Chunk) -> None:
        """Take a piece: a number that the server tells is of the whole."""
        ticket = self._ticket
        written = len(chunk.tokens) or self._count(chunk.text)
        if chunk.generated:
            written = chunk.generated - ticket.generated
        ticket.generated += written
        self._totals.generated += written
        if chunk.prompt:
            ticket.prompt, ticket.reused = chunk.prompt, min(chunk.reused, chunk.prompt)
            ticket.evaluated = ticket.prompt - ticket.reused

    def end(self) -> None:
        """Nothing more will come."""
        self._totals.evaluated += self._ticket.evaluated
