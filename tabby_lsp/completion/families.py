"""Which template a model was trained with, decided from the file itself and never from its file name.

A new family is one row in `families.toml`. A model that fits no row but whose GGUF names fill-in-the-middle tokens
gets a row made of those; one that names none gets the text before the cursor alone.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
import tomllib
from dataclasses import dataclass
from typing import Literal

from tabby_lsp.engine.types import ModelInfo, Tokenizer

NAMES = ("general.name", "general.basename", "general.architecture", "general.organization")
"""Metadata in which a row's `name` is searched."""


@dataclass(frozen=True, slots=True)
class Family:
    """One template (the fields are explained in families.toml)."""

    id: str
    prefix: str = ""
    suffix: str = ""
    middle: str = ""
    order: Literal["prefix-suffix", "suffix-prefix"] = "prefix-suffix"
    name: str = ""
    repository: str = ""
    separator: str = ""
    context: Literal["comments", "files"] = "comments"
    tail: int = 64
    heal: int = 1
    stop: tuple[str, ...] = ()

    @property
    def fills(self) -> bool:
        """Whether the model knows what stands after the cursor."""
        return bool(self.suffix)

    @property
    def markers(self) -> tuple[str, ...]:
        """Every marker that a prompt of this family may hold."""
        return tuple(m for m in (self.prefix, self.suffix, self.middle, self.repository, self.separator) if m)


PREFIX_ONLY = Family(id="prefix-only", tail=0)


@functools.cache
def rows() -> tuple[Family, ...]:
    """The table, in order."""
    source = importlib.resources.files("tabby_lsp.completion").joinpath("families.toml").read_text("utf-8")
    return tuple(Family(**{**row, "stop": tuple(row.get("stop", ()))}) for row in tomllib.loads(source)["family"])


def family_of(info: ModelInfo, tokenizer: Tokenizer) -> Family:
    """The template for a model.

    Args:
        info: what the model says of itself.
        tokenizer: its vocabulary.
    """
    said = " ".join(info.metadata.get(key, "") for key in NAMES)
    for row in rows():
        named = not row.name or re.search(row.name, said)
        if named and all(tokenizer.has_marker(marker) for marker in row.markers):
            return row
    prefix, suffix, middle = (info.markers.get(role, "") for role in ("prefix", "suffix", "middle"))
    if prefix and suffix and middle:
        return Family(id="gguf", prefix=prefix, suffix=suffix, middle=middle, stop=(prefix, suffix, middle))
    return PREFIX_ONLY
