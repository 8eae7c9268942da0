"""Words that a language itself gives a meaning to: its keywords, and what every file has without an import.

Looking them up in a repository finds namesakes only. `vocabulary.toml` lists them.
"""

from __future__ import annotations

import builtins
import keyword
import tomllib
from functools import lru_cache
from importlib import resources

from tabby_lsp.syntax.languages import language

_PYTHON = frozenset([*keyword.kwlist, *keyword.softkwlist, *vars(builtins), "self", "cls", "__file__"])
_LISTS = {"javascript": ("ecmascript",), "typescript": ("ecmascript",), "tsx": ("ecmascript",), "cpp": ("c", "cpp")}
"""The lists of a language where they are not one of its own name."""


@lru_cache(maxsize=64)
def reserved(language_id: str) -> frozenset[str]:
    """Keywords and names that need no import; none for a language that is not listed."""
    name = language(language_id).name
    if name == "python":
        return _PYTHON
    lists = _lists()
    return frozenset(word for key in _LISTS.get(name, (name,)) for word in lists.get(key, "").split())


@lru_cache(maxsize=1)
def _lists() -> dict[str, str]:
    return tomllib.loads((resources.files("tabby_lsp.syntax.symbols") / "vocabulary.toml").read_text("utf-8"))
