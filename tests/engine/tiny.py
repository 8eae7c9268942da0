"""Tiny random models, written in milliseconds: everything that is exact in the engine can be tested with them.

The vocabulary is a real byte-pair one, with the special tokens of a fill-in-the-middle model. The weights are drawn
from a fixed seed, wide enough that each token of a prompt moves the logits by far more than rounding does.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

SEED = 2_024
CONTEXT, WIDTH, HIDDEN, LAYERS, HEADS, KV_HEADS = 512, 64, 128, 2, 4, 2

WORDS = (
    "return self import print range value while class with from else elif None True False def for not and len the "
    "int str add sub name data list index if in is or a b x"
)
SPACED = ("    ", "        ", "\n\n", "\n    ", "):\n", " = ", "()", "->", "==", "λx", "é")
SPECIAL = (
    "<|endoftext|>",
    "<|im_end|>",
    "<|fim_prefix|>",
    "<|fim_suffix|>",
    "<|fim_middle|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
)


def byte_symbols() -> list[str]:
    """The printable character that stands for each byte in a GPT-2 vocabulary file, by byte."""
    shown = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    symbols = {byte: chr(byte) for byte in shown} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}
    return [symbols[byte] for byte in range(256)]


def vocabulary() -> tuple[list[str], list[str]]:
    """Tokens, the special ones last, and merges: each word from its left end, byte by byte, then with a space."""
    symbols = byte_symbols()
    words = WORDS.split()
    tokens, merges = list(symbols), list[str]()
    for word in (*SPACED, *words):
        parts = [symbols[byte] for byte in word.encode()]
        left = parts[0]
        for right in parts[1:]:
            if left + right not in tokens:
                tokens.append(left + right)
                merges.append(f"{left} {right}")
            left += right
    space = symbols[ord(" ")]
    for word in words:
        if space + word not in tokens:
            tokens.append(space + word)
            merges.append(f"{space} {word}")
    return [*tokens, *SPECIAL], merges


def _write_vocabulary(writer: gguf.GGUFWriter) -> int:
    tokens, merges = vocabulary()
    plain = len(tokens) - len(SPECIAL)
    ids = {text: plain + i for i, text in enumerate(SPECIAL)}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * plain + [gguf.TokenType.CONTROL] * len(SPECIAL))
    writer.add_token_merges(merges)
    writer.add_add_bos_token(False)
    writer.add_eos_token_id(ids["<|endoftext|>"])
    writer.add_eot_token_id(ids["<|im_end|>"])
    writer.add_pad_token_id(ids["<|endoftext|>"])
    writer.add_uint32("tokenizer.ggml.fim_pre_token_id", ids["<|fim_prefix|>"])
    writer.add_uint32("tokenizer.ggml.fim_suf_token_id", ids["<|fim_suffix|>"])
    writer.add_uint32("tokenizer.ggml.fim_mid_token_id", ids["<|fim_middle|>"])
    writer.add_uint32("tokenizer.ggml.fim_pad_token_id", ids["<|fim_pad|>"])
    writer.add_uint32("tokenizer.ggml.fim_rep_token_id", ids["<|repo_name|>"])
    writer.add_uint32("tokenizer.ggml.fim_sep_token_id", ids["<|file_sep|>"])
    return len(tokens)


class _Weights:
    """Named tensors from one seed, into one writer."""

    def __init__(self, writer: gguf.GGUFWriter) -> None:
        self._writer = writer
        self._rng = np.random.default_rng(SEED)

    def normal(self, name: str, *shape: int, scale: float) -> None:
        self.put(name, self._rng.standard_normal(shape) * scale)

    def ones(self, name: str, size: int) -> None:
        self.put(name, np.ones(size))

    def put(self, name: str, values: npt.NDArray[np.float64]) -> None:
        self._writer.add_tensor(name, values.astype(np.float32))


def _finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_model(path: Path, *, architecture: str = "qwen2", head_width: int = WIDTH // HEADS) -> Path:
    """A transformer of two layers.

    Args:
        path: the GGUF file to write.
        architecture: `qwen2`, `llama`, or a name that llama.cpp does not know.
        head_width: of each attention head; for `qwen2` the default alone.
    """
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10_000.0)
    if head_width != WIDTH // HEADS:
        writer.add_key_length(head_width)
        writer.add_value_length(head_width)
        writer.add_rope_dimension_count(head_width)
    size = _write_vocabulary(writer)
    weights = _Weights(writer)
    wide, narrow = head_width * HEADS, head_width * KV_HEADS
    weights.normal("token_embd.weight", size, WIDTH, scale=1.0)
    weights.normal("output.weight", size, WIDTH, scale=0.5)
    weights.ones("output_norm.weight", WIDTH)
    for i in range(LAYERS):
        weights.ones(f"blk.{i}.attn_norm.weight", WIDTH)
        weights.ones(f"blk.{i}.ffn_norm.weight", WIDTH)
        for name, rows in (("q", wide), ("k", narrow), ("v", narrow)):
            weights.normal(f"blk.{i}.attn_{name}.weight", rows, WIDTH, scale=0.15)
            weights.normal(f"blk.{i}.attn_{name}.bias", rows, scale=0.1)
        weights.normal(f"blk.{i}.attn_output.weight", WIDTH, wide, scale=0.4)
        weights.normal(f"blk.{i}.ffn_gate.weight", HIDDEN, WIDTH, scale=0.12)
        weights.normal(f"blk.{i}.ffn_up.weight", HIDDEN, WIDTH, scale=0.12)
        weights.normal(f"blk.{i}.ffn_down.weight", WIDTH, HIDDEN, scale=0.12)
    _finish(writer)
    return path


def write_recurrent(path: Path) -> Path:
    """A state-space model of two layers: its memory cannot forget a part."""
    inner, state, rank, kernel = 2 * WIDTH, 8, 4, 4
    writer = gguf.GGUFWriter(path, "mamba")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_ssm_conv_kernel(kernel)
    writer.add_ssm_inner_size(inner)
    writer.add_ssm_state_size(state)
    writer.add_ssm_time_step_rank(rank)
    size = _write_vocabulary(writer)
    weights = _Weights(writer)
    weights.normal("token_embd.weight", size, WIDTH, scale=1.0)
    weights.normal("output.weight", size, WIDTH, scale=0.5)
    weights.ones("output_norm.weight", WIDTH)
    for i in range(LAYERS):
        weights.ones(f"blk.{i}.attn_norm.weight", WIDTH)
        weights.normal(f"blk.{i}.ssm_in.weight", 2 * inner, WIDTH, scale=0.15)
        weights.normal(f"blk.{i}.ssm_conv1d.weight", inner, kernel, scale=0.5)
        weights.normal(f"blk.{i}.ssm_conv1d.bias", inner, scale=0.1)
        weights.normal(f"blk.{i}.ssm_x.weight", rank + 2 * state, inner, scale=0.15)
        weights.normal(f"blk.{i}.ssm_dt.weight", inner, rank, scale=0.3)
        weights.normal(f"blk.{i}.ssm_dt.bias", inner, scale=0.3)
        weights.put(f"blk.{i}.ssm_a", -np.tile(np.arange(1.0, state + 1), (inner, 1)) / 10)
        weights.ones(f"blk.{i}.ssm_d", inner)
        weights.normal(f"blk.{i}.ssm_out.weight", WIDTH, inner, scale=0.2)
    _finish(writer)
    return path


def truncate(whole: Path, path: Path, *, keep: float = 0.5) -> Path:
    """The first part of a file."""
    data = whole.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path
