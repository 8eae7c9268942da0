"""Which sequence of the KV cache holds which tokens, and how much of it a new prompt can keep.

One sequence a document, the least recently used one given up. A prompt that begins like another document's
shares those cells (`seq_cp` copies no data in a unified cache). Positions only grow, and only at the end: the
plan that makes typing an append is the prompt's (docs/decisions/0002), so the cache needs no shifting.
"""

from __future__ import annotations

from typing import Any

from tabby_lsp.difference import common_prefix
from tabby_lsp.errors import PromptTooLong

GUESTS = 2
"""Sequences that guests have at most, of six: a conversation that goes on finds its cells, a second one has its own,
and however many there are, four documents keep theirs."""


class Occupied(Exception):
    """Generations under way hold the cells or sequences that a new one needs: it has to wait for one to end."""


class Slot:
    """One sequence: its id in llama.cpp, whose it is, and the tokens in its cells, in order.

    While a generation is under way, `held` is the number of cells that it may come to need, and nobody else gets
    the sequence; otherwise it is 0. A `guest` is one who leaves cells to others.
    """

    __slots__ = ("guest", "held", "key", "sequence", "tokens", "used")

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        self.key = ""
        self.tokens: list[int] = []
        self.used = 0
        self.held = 0
        self.guest = False


class KvCache:
    """The sequences of one context.

    Args:
        lib: the loaded library.
        memory: the context's memory.
        cells: tokens that fit, over all sequences.
        sequences: prompts that are kept at the same time.
        scratch: ids after these for short-lived copies.
        partial: whether a part of a sequence can be copied and forgotten; recurrent models keep one state for
            all of it.
    """

    def __init__(
        self, lib: Any, memory: Any, *, cells: int, sequences: int, scratch: int, partial: bool = True
    ) -> None:
        self._lib = lib
        self._memory = memory
        self.cells = cells
        self.slots = [Slot(i) for i in range(sequences)]
        self._free_scratch = list(range(sequences, sequences + scratch))
        self._clock = 0
        self._partial = partial

    def place(self, key: str, tokens: list[int], *, room: int, keep_at_most: int, leave: int = 0) -> tuple[Slot, int]:
        """Find a sequence for a prompt and keep what it shares with what was evaluated before.

        The sequence is held for the generation until `release`.

        Args:
            key: whose prompt it is.
            tokens: the whole prompt.
            room: cells that the generation may need beyond the prompt.
            keep_at_most: tokens that may be reused; at least one must be evaluated to have logits.
            leave: cells that this must leave to others; above 0 it is a guest.

        Returns:
            The sequence, cut back to what is reused, and how many tokens that is.

        Raises:
            PromptTooLong: prompt and room exceed the whole cache, or what is not to be left to others.
            Occupied: they exceed what the generations under way leave.
        """
        if len(tokens) + room > self.cells - leave:
            raise _too_long(len(tokens), room, self.cells, leave)
        free = self._free(guest=leave > 0)
        if not free or sum(s.held for s in self.slots) + len(tokens) + room > self.cells - leave:
            raise Occupied
        self._clock += 1
        own = next((s for s in free if s.key == key), None)
        slot = own or min(free, key=lambda s: s.used)
        slot.guest = leave > 0
        usable = {s.sequence: self._usable(s, tokens, keep_at_most) for s in self.slots}
        best = max(self.slots, key=lambda s: usable[s.sequence])
        kept = usable[best.sequence]
        if usable[slot.sequence] == kept:
            kept = self.truncate(slot, kept)
        else:
            self.truncate(slot, 0)
            self._lib.llama_memory_seq_cp(self._memory, best.sequence, slot.sequence, 0, kept)
            slot.tokens = best.tokens[:kept]
        slot.key, slot.used, slot.held = key, self._clock, len(tokens) + room
        self._make_room()
        return slot, kept

    def _free(self, *, guest: bool) -> list[Slot]:
        """The sequences that somebody may have who comes."""
        free = [s for s in self.slots if not s.held]
        full = guest and sum(s.guest for s in self.slots) >= GUESTS
        return [s for s in free if s.guest] if full else free

    def release(self, slot: Slot) -> None:
        """The generation has ended: its sequence stays for the next prompt, and may be taken."""
        slot.held = 0

    def shared(self, tokens: list[int]) -> int:
        """How many first tokens of a prompt are in the cache, in whatever sequence."""
        return max(self._usable(slot, tokens, len(tokens)) for slot in self.slots)

    def _usable(self, slot: Slot, tokens: list[int], keep_at_most: int) -> int:
        """Tokens of a sequence with which a prompt may begin."""
        shared = min(common_prefix(slot.tokens, tokens), keep_at_most)
        return shared if self._partial or shared == len(slot.tokens) else 0

    def truncate(self, slot: Slot, length: int) -> int:
        """Keep the first `length` tokens of a sequence.

        Returns:
            How many are kept: none where the model cannot forget a part (recurrent models).
        """
        if length >= len(slot.tokens):
            # cells of a generation that was aborted may lie beyond what was recorded
            length = len(slot.tokens)
        if length and self._lib.llama_memory_seq_rm(self._memory, slot.sequence, length, -1):
            del slot.tokens[length:]
        else:
            self._lib.llama_memory_seq_rm(self._memory, slot.sequence, -1, -1)
            slot.tokens.clear()
        return len(slot.tokens)

    def _make_room(self) -> None:
        """Give up the sequences that were used longest ago, until all that is held fits."""
        others = sorted((s for s in self.slots if s.tokens and not s.held), key=lambda s: s.used)
        # shared cells are counted for each sequence: an upper bound, so never too little is freed
        used = sum(s.held or len(s.tokens) for s in self.slots)
        for other in others:
            if used <= self.cells:
                break
            used -= len(other.tokens)
            self.truncate(other, 0)
            other.key = ""

    def fork(self, slot: Slot) -> int:
        """A copy of a sequence for one more candidate; give it back with `drop`.

        Returns:
            The copy's sequence id, -1 where all are taken.
        """
        if not self._free_scratch:
            return -1
        sequence = self._free_scratch.pop()
        self._lib.llama_memory_seq_cp(self._memory, slot.sequence, sequence, -1, -1)
        return sequence

    def drop(self, sequence: int) -> None:
        """Give a copy back."""
        self._lib.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        self._free_scratch.append(sequence)

    def clear(self) -> None:
        """Forget everything: after a fault, nothing is known about the cells."""
        self._lib.llama_memory_clear(self._memory, True)
        for slot in self.slots:
            slot.tokens.clear()
            slot.key = ""


def _too_long(tokens: int, room: int, cells: int, leave: int) -> PromptTooLong:
    if leave:
        return PromptTooLong(
            f"A conversation of {tokens} tokens and {room} for the answer exceed the {cells - leave} that chat has.",
            f"Ask about less, begin anew, or raise engine.context: {leave} of its {cells} are completion's.",
        )
    return PromptTooLong(
        f"A prompt of {tokens} tokens and {room} to generate exceed the context of {cells}.",
        "Raise engine.context, or lower completion.prefix_tokens and completion.max_tokens.",
    )
