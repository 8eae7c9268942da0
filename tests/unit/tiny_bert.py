"""A tiny random encoder with a word-piece vocabulary: an embedding model in its smallest form."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

WIDTH, HIDDEN, LAYERS, HEADS, CONTEXT = 32, 64, 2, 2, 64
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = "read write file open close add number list query passage search document the a of"


def write_bert(path: Path, *, pooling: gguf.PoolingType | None = gguf.PoolingType.CLS, name: str = "tiny") -> Path:
    """An encoder of two layers.

    Args:
        path: the GGUF file to write.
        pooling: what its metadata says; None: nothing.
        name: what the model calls itself.
    """
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name(name)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    if pooling is not None:
        writer.add_pooling_type(pooling)
    tokens = [*SPECIAL, *("▁" + word for word in WORDS.split()), *"abcdefghijklmnopqrstuvwxyz"]
    writer.add_tokenizer_model("bert")
    writer.add_token_list(tokens)
    kinds = [gguf.TokenType.CONTROL] * len(SPECIAL) + [gguf.TokenType.NORMAL] * (len(tokens) - len(SPECIAL))
    writer.add_token_types(kinds)
    writer.add_token_type_count(2)
    for add, token in (
        (writer.add_pad_token_id, "[PAD]"),
        (writer.add_unk_token_id, "[UNK]"),
        (writer.add_bos_token_id, "[CLS]"),
        (writer.add_sep_token_id, "[SEP]"),
        (writer.add_mask_token_id, "[MASK]"),
    ):
        add(tokens.index(token))
    rng = np.random.default_rng(7)

    def normal(name: str, *shape: int) -> None:
        writer.add_tensor(name, rng.standard_normal(shape).astype(np.float32) * 0.3)

    def norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(WIDTH, np.float32))

    normal("token_embd.weight", len(tokens), WIDTH)
    normal("position_embd.weight", CONTEXT, WIDTH)
    normal("token_types.weight", 2, WIDTH)
    norm("token_embd_norm")
    for i in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            normal(f"blk.{i}.{part}.weight", WIDTH, WIDTH)
            normal(f"blk.{i}.{part}.bias", WIDTH)
        norm(f"blk.{i}.attn_output_norm")
        normal(f"blk.{i}.ffn_up.weight", HIDDEN, WIDTH)
        normal(f"blk.{i}.ffn_up.bias", HIDDEN)
        normal(f"blk.{i}.ffn_down.weight", WIDTH, HIDDEN)
        normal(f"blk.{i}.ffn_down.bias", WIDTH)
        norm(f"blk.{i}.layer_output_norm")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
