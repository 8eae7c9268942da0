"""Other completion servers, measured as ours is: each a `Contestant` with the request rules of its own editor.

    llama_vim     llama.vim: vim_context (what is sent and kept), vim_ring (extra context)
    tabby_agent   Tabby's agent, a Node program, before tabby_adapter (Tabby's HTTP API and prompt)
    llama_server  the llama-server below both, and loopback, the HTTP that they speak

Facts are taken from the peers' sources, no code. None of this is imported before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tabby_lsp.bench.types import Contestant


def _llama_vim(gguf: Path) -> Contestant:
    from tabby_lsp.bench.contestants.peers import llama_vim

    return llama_vim.create(gguf)


def _tabby_agent(gguf: Path) -> Contestant:
    from tabby_lsp.bench.contestants.peers import tabby_agent

    return tabby_agent.create(gguf)


PEERS: dict[str, Callable[[Path], Contestant]] = {"llama-vim": _llama_vim, "tabby-agent": _tabby_agent}
"""Constructors by name; they take the model's path."""
