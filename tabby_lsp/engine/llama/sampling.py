"""From a row of logits to a token.

Three ways, a table: the most probable token, llama.cpp's infill sampler (ends where ending is likelier than
guessing), or a draw at a temperature. Two things may be known beside that: text that must be written next, and words
that exist. A token's probability is the one that it has given what is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tabby_lsp.engine.llama.vocabulary import Vocabulary
from tabby_lsp.engine.types import Request

Logits = npt.NDArray[np.float32]

TOP_K, TOP_P = 40, 0.99
"""What the infill sampler and a temperature choose from: llama.cpp's own defaults for infill."""
FAVOUR = 30.0
"""How many times likelier than the model thinks a token is that goes on with a word which exists: decision 0014."""
FLAT = 60.0
"""Greatest logits up to which their exponentials fit into single precision as they are, added up: a pass less."""
SHORTLIST = 128
"""Tokens among which other candidates' first tokens are looked for: more than there are end tokens and candidates."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A token that was chosen.

    Attributes:
        token: its id.
        logprob: natural logarithm of its probability, given what is known of it.
    """

    token: int
    logprob: float


def total(logits: Logits) -> float:
    """The logarithm of the sum of all probabilities, before they are made to add up to one."""
    return _total_around(logits, float(logits.max()))


def _total_around(logits: Logits, peak: float) -> float:
    """The same where the greatest is known."""
    around = peak if abs(peak) > FLAT else 0.0
    return around + float(np.log(np.exp(logits - around if around else logits).sum()))


def logprob(logits: Logits, token: int) -> float:
    """Natural logarithm of the probability of one token."""
    return float(logits[token]) - total(logits)


def spell(logits: Logits, vocabulary: Vocabulary, text: bytes) -> int:
    """The most probable token that agrees with a text which must be written next.

    Args:
        logits: shape (vocabulary,).
        vocabulary: whose tokens.
        text: the bytes to be written, not empty.

    Returns:
        A token whose bytes begin `text` or begin with it. There is one: every vocabulary here has byte tokens;
        where one has not, the most probable token of all.
    """
    allowed = vocabulary.spelling(text)
    if not len(allowed):
        return int(logits.argmax())
    return int(allowed[logits.take(allowed).argmax()])


def branches(
    logits: Logits, vocabulary: Vocabulary, text: bytes, count: int, besides: Sequence[int] = ()
) -> list[Choice]:
    """The most probable tokens to begin different candidates with.

    Args:
        logits: shape (vocabulary,).
        vocabulary: whose tokens.
        text: bytes with which each must begin, and go beyond; empty: any token that does not end.
        count: how many.
        besides: tokens that are taken already.

    Returns:
        At most `count` different tokens, likeliest first; fewer where few tokens continue the text.
    """
    if count <= 0:
        return []
    if text:
        longer = vocabulary.beyond(text)
        spelled = longer if len(longer) else vocabulary.spelling(text)
        allowed = spelled if len(spelled) else np.array([logits.argmax()])
        likeliest = allowed[_likeliest(logits.take(allowed))]
    else:
        likeliest = _likeliest(logits)
    ordered: list[int] = likeliest[np.argsort(logits[likeliest])[::-1]].tolist()
    wanted = [token for token in ordered if token not in besides and not vocabulary.is_end(token)][:count]
    among = _total_beginning_with(logits, vocabulary, text)
    return [Choice(token, float(logits[token]) - among) for token in wanted]


def _likeliest(logits: Logits) -> npt.NDArray[np.intp]:
    """Indices of the most probable ones, in no order: sorting thousands costs more than a token's worth of patience."""
    return np.argpartition(logits, -SHORTLIST)[-SHORTLIST:] if len(logits) > SHORTLIST else np.arange(len(logits))


def favouring(logits: Logits, vocabulary: Vocabulary, rests: Sequence[str], text: bytes = b"") -> Logits:
    """What the logits are where words are known to exist.

    Args:
        logits: shape (vocabulary,).
        vocabulary: whose tokens.
        rests: of such words; the empty one ends the word that is there.
        text: bytes with which the token begins before that.
    """
    return logits + vocabulary.towards(rests, text) * np.float32(math.log(FAVOUR))


def _most_probable(logits: Logits) -> Choice:
    token = int(logits.argmax())
    peak = float(logits[token])
    return Choice(token, peak - _total_around(logits, peak))


def _total_beginning_with(logits: Logits, vocabulary: Vocabulary, text: bytes) -> float:
    """`total` of the tokens that begin with a text, where there are any: that they do is known."""
    known = vocabulary.beginning_with(text) if text else ()
    return total(logits.take(known)) if len(known) else total(logits)


class Sampler:
    """Picks tokens for one candidate as its request says.

    Args:
        lib: the loaded library.
        vocabulary: the model's.
        request: temperature, sampler, seed and preference.
        nth: which candidate; it varies the seed.
    """

    def __init__(self, lib: Any, vocabulary: Vocabulary, request: Request, nth: int) -> None:
        self._lib = lib
        self._vocabulary = vocabulary
        self._preference = request.preference
        self._chain: Any = None
        stages: list[Any] = []
        if request.temperature > 0 or request.sampler == "infill":
            stages += [lib.llama_sampler_init_top_k(TOP_K), lib.llama_sampler_init_top_p(TOP_P, 1)]
        if request.temperature > 0:
            stages.append(lib.llama_sampler_init_temp(request.temperature))
        if request.sampler == "infill":
            stages.append(lib.llama_sampler_init_infill(vocabulary.handle))
        if request.temperature > 0:
            stages.append(lib.llama_sampler_init_dist(request.seed + nth))
        elif stages:
            stages.append(lib.llama_sampler_init_greedy())
        if stages:
            self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
            for stage in stages:
                lib.llama_sampler_chain_add(self._chain, stage)

    def pick(self, context: Any, row: int, logits: Logits, written: str) -> Choice:
        """The next token behind a text, from the row of the last evaluated batch whose logits these are."""
        if self._chain is not None:
            token = int(self._lib.llama_sampler_sample(self._chain, context, row))
            return Choice(token, logprob(logits, token))
        rests = self._preference(written) if self._preference is not None else ()
        return _most_probable(favouring(logits, self._vocabulary, rests) if rests else logits)

    def close(self) -> None:
        """Free the chain."""
        if self._chain is not None:
            self._lib.llama_sampler_free(self._chain)
            self._chain = None
