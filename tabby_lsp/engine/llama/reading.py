"""Bringing a prompt into a sequence of the cache: slices of what is new, and the cut word spelled again."""

from __future__ import annotations

from collections.abc import Generator

from tabby_lsp.engine.llama.evaluate import Evaluator, Row
from tabby_lsp.engine.llama.kv import KvCache, Slot
from tabby_lsp.engine.llama.sampling import spell
from tabby_lsp.engine.types import Ticket, Totals

Steps = Generator[None, None, None]


class Reader:
    """Evaluates tokens for one request, and keeps the cache consistent with what `Slot.tokens` says.

    Args:
        ticket: counts what it costs.
        evaluator: the context to evaluate in.
        kv: what its sequences hold.
        totals: counts what is done.
        slice_tokens: prompt tokens in one call.
    """

    def __init__(self, ticket: Ticket, evaluator: Evaluator, kv: KvCache, totals: Totals, slice_tokens: int) -> None:
        self._ticket = ticket
        self._evaluator = evaluator
        self._kv = kv
        self._totals = totals
        self._slice = slice_tokens
        self._vocabulary = evaluator.model.vocabulary

    def append(self, slot: Slot, tokens: list[int], wanted: int) -> None:
        """Append tokens to a sequence, with logits for the last `wanted` of them."""
        start = len(slot.tokens)
        first = len(tokens) - wanted
        rows = [Row(t, start + i, slot.sequence, i >= first) for i, t in enumerate(tokens)]
        self.run(slot, rows)
        slot.tokens += tokens
        self._ticket.evaluated += len(tokens)
        self._totals.evaluated += len(tokens)

    def run(self, slot: Slot, rows: list[Row]) -> None:
        """Evaluate; where that fails, no cell beyond the known tokens stays behind."""
        try:
            self._evaluator.run(rows)
        except BaseException:
            self._kv.truncate(slot, len(slot.tokens))
            raise
        finally:
            self._ticket.inside_s += self._evaluator.last_s

    def prefill(self, slot: Slot, tokens: list[int], keep: int) -> Steps:
        """Evaluate slices until what is left, with at least `keep` tokens, fits into one batch with logits."""
        while len(tokens) - len(slot.tokens) > max(self._slice, keep):
            at = len(slot.tokens)
            self.append(slot, tokens[at : min(at + self._slice, len(tokens) - keep)], wanted=0)
            yield

    def heal(self, slot: Slot, tokens: list[int], heal: int, forced: bytes) -> Generator[None, None, tuple[int, bytes]]:
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
        self.append(slot, tokens, wanted=heal + 1)
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
                self.append(slot, [token], wanted=1)
                tokens, row = [token], 0
        return row, b""
