"""Bringing a prompt into a sequence of the cache: slices of what is new, and the cut word spelled again."""

from __future__ import annotations

from collections.abc import Generator

from tabby_lsp.engine.llama.evaluate import Aborted, Evaluator, Row
from tabby_lsp.engine.llama.kv import KvCache, Slot
from tabby_lsp.engine.llama.sampling import spell
from tabby_lsp.engine.types import Priority, Ticket, Totals

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
        self.gives_way = ticket.request.priority is Priority.CHAT
        """Whether an evaluation of several tokens is given up for somebody more urgent, and done again later."""
        self.interruptible = False
        """Whether such an evaluation is under way; readable from any thread."""

    def append(self, slot: Slot, tokens: list[int], wanted: int, *, gives_way: bool = False) -> bool:
        """Append tokens to a sequence, with logits for the last `wanted` of them; False where that gave way."""
        start = len(slot.tokens)
        first = len(tokens) - wanted
        rows = [Row(t, start + i, slot.sequence, i >= first) for i, t in enumerate(tokens)]
        if not self.run(slot, rows, gives_way=gives_way):
            return False
        slot.tokens += tokens
        self._ticket.evaluated += len(tokens)
        self._totals.evaluated += len(tokens)
        return True

    def run(self, slot: Slot, rows: list[Row], *, gives_way: bool = False) -> bool:
        """Evaluate; where that fails, no cell beyond the known tokens stays behind.

        Args:
            slot: the sequence of the first rows.
            rows: what is evaluated.
            gives_way: whether somebody more urgent may end it.

        Returns:
            Whether it was evaluated: False where it gave way.
        """
        self.interruptible = gives_way
        try:
            self._evaluator.run(rows)
        except Aborted:
            self._kv.truncate(slot, len(slot.tokens))
            if gives_way and not self._ticket.cancelled:
                return False
            raise
        except BaseException:
            self._kv.truncate(slot, len(slot.tokens))
            raise
        finally:
            self.interruptible = False
            self._ticket.inside_s += self._evaluator.last_s
        return True

    def prefill(self, slot: Slot, tokens: list[int], keep: int) -> Steps:
        """Evaluate slices until what is left, with at least `keep` tokens, fits into one batch with logits.

        Who gives way leaves one token for that batch, which cannot be given up, where nothing is spelled again. A slice
        that was given up is tried again as a quarter of it, and one token goes through in any case, so that reading
        goes on beside somebody who types without a pause.
        """
        size = self._slice
        last = 1 if self.gives_way and keep == 1 else max(size, keep)
        while len(tokens) - len(slot.tokens) > last:
            at = len(slot.tokens)
            part = tokens[at : min(at + size, len(tokens) - keep)]
            done = self.append(slot, part, wanted=0, gives_way=self.gives_way and size > 1)
            size = min(self._slice, 2 * size) if done else max(1, size // 4)
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
