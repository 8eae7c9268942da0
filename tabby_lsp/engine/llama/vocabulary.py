"""Text to tokens and back, for one loaded model.

User text is tokenised with special tokens switched off, always: a marker enters a prompt by its id or not at
all. Usable from any thread; the lock keeps a tokenisation and the model's unloading apart.
"""

from __future__ import annotations

import bisect
import ctypes
import functools
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tabby_lsp.engine.llama.growing import Growing
from tabby_lsp.engine.types import Marker, Piece
from tabby_lsp.errors import EngineError, EngineFault

Tokens = npt.NDArray[np.int32]
"""Token ids, shape (n,)."""
Mask = npt.NDArray[np.bool_]
"""Which tokens, shape (vocabulary,)."""

COUNTS = 65_536
"""Lines whose token count is remembered: counting is asked for the same lines on each keystroke."""
HEALED = 16
"""Texts whose masks of the tokens that end a word behind them are remembered: spaces and line breaks come often."""
_IN_WORD = np.array([byte >= 0x80 or byte == ord("_") or chr(byte).isalnum() for byte in range(256)])
"""Whether a byte is of a letter, a digit or an underscore; beyond ASCII nearly all are."""
TEXTS = 256
"""Texts whose tokens are remembered: what stands before and after the hole stays the same from key to key."""


class Vocabulary:
    """The vocabulary of one model.

    Args:
        lib: the loaded library.
        model: the model's pointer; `close` must be called before it is freed.
    """

    def __init__(self, lib: Any, model: Any) -> None:
        self._lib = lib
        self._vocab = lib.llama_model_get_vocab(model)
        self._lock = threading.Lock()
        self._open = True
        self.handle = self._vocab
        self.size = int(lib.llama_vocab_n_tokens(self._vocab))
        self.bos: int | None = (
            int(lib.llama_vocab_bos(self._vocab)) if lib.llama_vocab_get_add_bos(self._vocab) else None
        )
        buffer = ctypes.create_string_buffer(64)
        self._pieces = [self._read_piece(token, buffer) for token in range(self.size)]
        self._in_order = sorted((t for t in range(self.size) if self._pieces[t]), key=self.piece)
        self._by_piece = {self._pieces[t]: t for t in self._in_order}
        self._ids = np.array(self._in_order, dtype=np.int32)
        self._ends_word = np.array([not (piece and _IN_WORD[piece[0]]) for piece in self._pieces])
        lengths = np.array([len(self._pieces[t]) for t in self._in_order], dtype=np.int32)
        self._bytes = np.frombuffer(b"".join(self._pieces[t] for t in self._in_order), dtype=np.uint8)
        self._begins = np.cumsum(lengths) - lengths
        # caches of this vocabulary's own: one on the class would keep each unloaded vocabulary for ever
        self.count = functools.lru_cache(maxsize=COUNTS)(self._count)
        self.marker = functools.cache(self._marker)
        self.is_end = functools.cache(self._is_end)
        self._encoded = functools.lru_cache(maxsize=TEXTS)(Growing(self._encode).encode)
        self._ending = functools.lru_cache(maxsize=HEALED)(self._ending_word)

    def close(self) -> None:
        """No call reaches the model after this."""
        with self._lock:
            self._open = False

    def _require_open(self) -> None:
        if not self._open:
            raise EngineFault("The model was unloaded.", "Ask again: it is loaded on demand.")

    def _count(self, text: str) -> int:
        return len(self._encode(text))

    def encode(self, text: str) -> list[int]:
        """Tokens of plain text.

        Args:
            text: any text; lone surrogates are replaced.

        Raises:
            EngineFault: the model has been unloaded.
        """
        self._require_open()
        return list(self._encoded(text))

    def _encode(self, text: str) -> list[int]:
        return self._tokenize(text.encode("utf-8", "replace"), special=False)

    def _tokenize(self, data: bytes, *, special: bool) -> list[int]:
        if not data:
            return []
        with self._lock:
            self._require_open()
            room = len(data) + 2
            tokens = (ctypes.c_int32 * room)()
            n = self._lib.llama_tokenize(self._vocab, data, len(data), tokens, room, False, special)
            if n < 0:
                tokens = (ctypes.c_int32 * -n)()
                n = self._lib.llama_tokenize(self._vocab, data, len(data), tokens, -n, False, special)
        return list(tokens[:n])

    def _marker(self, text: str) -> int | None:
        """The id of a special token.

        Args:
            text: its text in the vocabulary, such as `<|fim_prefix|>`.

        Returns:
            None where the vocabulary has no special token of exactly that text.
        """
        ids = self._tokenize(text.encode(), special=True)
        if len(ids) != 1 or not text:
            return None
        plain = self._tokenize(text.encode(), special=False)
        return ids[0] if ids != plain or self._is_special(ids[0]) else None

    def has_marker(self, text: str) -> bool:
        """Whether the vocabulary has a special token of that text."""
        return self.marker(text) is not None

    def _is_special(self, token: int) -> bool:
        with self._lock:
            self._require_open()
            attributes = int(self._lib.llama_vocab_get_attr(self._vocab, token))
        return bool(attributes & (self._lib.LLAMA_TOKEN_ATTR_CONTROL | self._lib.LLAMA_TOKEN_ATTR_USER_DEFINED))

    def encode_pieces(self, pieces: tuple[Piece, ...]) -> tuple[list[int], int]:
        """Tokens of a prompt.

        Neighbouring texts are tokenised together: where one ends and the next begins is the caller's concern,
        not the model's.

        Returns:
            The tokens, and how many of the last ones are plain text (0 where a marker is last).

        Raises:
            EngineError: a marker that the vocabulary does not have.
        """
        tokens = [] if self.bos is None else [self.bos]
        text: list[str] = []
        plain = 0
        for piece in (*pieces, None):
            if isinstance(piece, str):
                text.append(piece)
                continue
            encoded = self.encode("".join(text))
            tokens += encoded
            plain = len(encoded)
            text.clear()
            if isinstance(piece, Marker):
                token = self.marker(piece.text)
                if token is None:
                    raise EngineError(f"The model has no token {piece.text!r}.", "Choose another template family.")
                tokens.append(token)
        return tokens, plain

    def piece(self, token: int) -> bytes:
        """The bytes of one token; a control token has none."""
        return self._pieces[token]

    def _read_piece(self, token: int, buffer: ctypes.Array[ctypes.c_char]) -> bytes:
        n = self._lib.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        if n < 0:
            return self._read_piece(token, ctypes.create_string_buffer(-n))
        return buffer.raw[:n]

    def _is_end(self, token: int) -> bool:
        """Whether the token ends a generation."""
        return bool(self._lib.llama_vocab_is_eog(self._vocab, token))

    def spelling(self, text: bytes) -> Tokens:
        """Every token with which `text` may begin or that begins with all of it.

        Args:
            text: what must be written next.

        Returns:
            The tokens whose bytes start with `text`, then the ones whose bytes are a shorter beginning of it.
        """
        low, high = self._starting(text)
        shorter = [self._by_piece[text[:n]] for n in range(1, len(text)) if text[:n] in self._by_piece]
        return np.concatenate((self._ids[low:high], np.array(shorter, dtype=np.int32)))

    def beyond(self, text: bytes) -> Tokens:
        """Of `spelling`, the tokens that go beyond the text."""
        return self._ids[slice(*self._beyond(text))]

    def beginning_with(self, text: bytes) -> Tokens:
        """The tokens whose bytes start with a text."""
        low, high = self._starting(text)
        return self._ids[low:high]

    def towards(self, rests: Sequence[str], text: bytes = b"") -> Mask:
        """Which tokens go on with one of some words.

        Args:
            rests: of the words, from here on; the empty one is a word's end, which any token brings that does not go
                on with a letter, a digit or an underscore.
            text: bytes with which each token begins before that.

        Returns:
            Shape (vocabulary,): most tokens end a word, and a list of them would cost more than the whole row.
        """
        towards = np.zeros(self.size, dtype=np.bool_) if all(rests) else self._ending(text).copy()
        for rest in filter(None, rests):
            data = text + rest.encode("utf-8", "replace")
            spelled = (self._by_piece.get(data[:end]) for end in range(len(text) + 1, len(data) + 1))
            towards[[token for token in spelled if token is not None]] = True
        return towards

    def _ending_word(self, text: bytes) -> Mask:
        """Which tokens go on with a text, and not with a word."""
        if not text:
            return self._ends_word
        low, high = self._beyond(text)
        following = self._bytes.take(self._begins[low:high] + len(text))
        ending = np.zeros(self.size, dtype=np.bool_)
        ending[self._ids[low:high][~_IN_WORD.take(following)]] = True
        return ending

    def _beyond(self, text: bytes) -> tuple[int, int]:
        """Where in order the tokens stand that go beyond a text: behind those that are the text."""
        low, high = self._starting(text)
        return bisect.bisect_right(self._in_order, text, lo=low, hi=high, key=self.piece), high

    def _starting(self, text: bytes) -> tuple[int, int]:
        """Where the tokens whose bytes start with `text` stand in order: 53,000 begin with a space, so nobody loops."""
        low = bisect.bisect_left(self._in_order, text, key=self.piece)
        return low, bisect.bisect_left(self._in_order, text + b"\xff" * 4, lo=low, key=self.piece)

    def named_markers(self) -> dict[str, str]:
        """The fill-in-the-middle tokens that the GGUF itself names, by role; empty text for one it does not."""
        lib = self._lib
        ids = {
            "prefix": lib.llama_vocab_fim_pre(self._vocab),
            "suffix": lib.llama_vocab_fim_suf(self._vocab),
            "middle": lib.llama_vocab_fim_mid(self._vocab),
            "repository": lib.llama_vocab_fim_rep(self._vocab),
            "separator": lib.llama_vocab_fim_sep(self._vocab),
        }
        return {role: lib.llama_vocab_get_text(self._vocab, i).decode() if i >= 0 else "" for role, i in ids.items()}

    def bounds(self) -> dict[str, str]:
        """Texts of the tokens that bound texts, `bos` and `eos`; empty text where there is none."""
        lib = self._lib
        ids = {"bos": int(lib.llama_vocab_bos(self._vocab)), "eos": int(lib.llama_vocab_eos(self._vocab))}
        return {role: lib.llama_vocab_get_text(self._vocab, i).decode() if i >= 0 else "" for role, i in ids.items()}
