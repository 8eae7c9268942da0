"""From a row of logits to a token.

Three ways, a table: the most probable token, llama.cpp's infill sampler (ends where ending is likelier than
guessing), or a draw at a temperature. And one constraint: text that must be written next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tabby_lsp.engine.llama.vocabulary import Vocabulary
from tabby_lsp.engine.types import Preference, Request

Logits = npt.NDArray[np.float32]

TOP_K, TOP_P = 40, 0.99
"""What the infill sampler and a temperature choose from: llama.cpp's own defaults for infill."""
MARGIN = 1.5
"""By how much a token's logit may be below the likeliest one's for it to be preferred: it is a fifth as likely then."""
NEARLY = 16
"""Tokens at most that somebody chooses from who prefers some texts to others."""
SHORTLIST = 128
"""Tokens among which other candidates' first tokens are looked for: more than there are end tokens and candidates."""


def logprob(logits: Logits, token: int) -> float:
    """Natural logarithm of the probability of one token."""
    peak = float(logits.max())
    return float(logits[token]) - peak - float(np.log(np.exp(logits - peak).sum()))


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
    return int(allowed[logits[allowed].argmax()])


def branches(logits: Logits, vocabulary: Vocabulary, text: bytes, count: int, besides: Sequence[int] = ()) -> list[int]:
    """The most probable tokens to begin different candidates with.

    Args:
        logits: shape (vocabulary,).
        vocabulary: whose tokens.
        text: bytes with which each must begin, and go beyond; empty: any token that does not end.
        count: how many.
        besides: tokens that are taken already.

    Returns:
        At most `count` different token ids, likeliest first; fewer where few tokens continue the text.
    """
    if count <= 0:
        return []
    if text:
        longer = vocabulary.beyond(text)
        spelled = longer if len(longer) else vocabulary.spelling(text)
        allowed = spelled if len(spelled) else np.array([logits.argmax()])
        likeliest = allowed[_likeliest(logits[allowed])]
    else:
        likeliest = _likeliest(logits)
    ordered: list[int] = likeliest[np.argsort(logits[likeliest])[::-1]].tolist()
    return [token for token in ordered if token not in besides and not vocabulary.is_end(token)][:count]


def _likeliest(logits: Logits) -> npt.NDArray[np.intp]:
    """Indices of the most probable ones, in no order: sorting thousands costs more than a token's worth of patience."""
    return np.argpartition(logits, -SHORTLIST)[-SHORTLIST:] if len(logits) > SHORTLIST else np.arange(len(logits))


def preferred(
    logits: Logits,
    vocabulary: Vocabulary,
    likeliest: Sequence[int],
    preference: Preference,
    written: str,
    spelled: int = 0,
) -> int:
    """Of tokens that are about equally likely the one whose text is preferred.

    Args:
        logits: shape (vocabulary,).
        vocabulary: whose tokens.
        likeliest: tokens, likeliest first, at least one.
        preference: who chooses.
        written: the text so far.
        spelled: bytes at the beginning of each token that are part of it already.
    """
    first, least = likeliest[0], logits[likeliest[0]] - MARGIN
    if vocabulary.is_end(first):
        return first
    near = [token for token in likeliest if logits[token] >= least and not vocabulary.is_end(token)]
    if len(near) < 2:
        return first
    pieces = [vocabulary.piece(token)[spelled:].decode("utf-8", "replace") for token in near]
    return near[preference(written, pieces)]


def nearly(logits: Logits) -> list[int]:
    """The tokens that are about as likely as the likeliest one, likeliest first."""
    near = np.flatnonzero(logits >= logits.max() - MARGIN)
    ordered: list[int] = near[np.argsort(-logits[near], kind="stable")][:NEARLY].tolist()
    return ordered


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

    def pick(self, context: Any, row: int, logits: Logits, written: str) -> int:
        """The next token behind a text, from the row of the last evaluated batch whose logits these are."""
        if self._chain is None and self._preference is not None:
            return preferred(logits, self._vocabulary, nearly(logits), self._preference, written)
        if self._chain is None:
            return int(logits.argmax())
        return int(self._lib.llama_sampler_sample(self._chain, context, row))

    def close(self) -> None:
        """Free the chain."""
        if self._chain is not None:
            self._lib.llama_sampler_free(self._chain)
            self._chain = None
