"""From a model file's chat template to a form: rendered once over placeholders, and cut at them.

What the template does to the texts themselves (most trim them) is not done to the user's. Where a placeholder is lost
or moved, as by templates that put the system's text into another turn, the system is told in the first user's turn;
where even that fails, the table of known families says what the vocabulary's markers mean.
"""

from __future__ import annotations

import functools
import hashlib
import logging

from tabby_lsp.engine.chat.forms import Form, Frame, form_of
from tabby_lsp.engine.chat.known import known
from tabby_lsp.engine.chat.rendering import Turns, render_apart
from tabby_lsp.engine.types import ModelInfo, Tokenizer

logger = logging.getLogger(__name__)

TEMPLATE = "tokenizer.chat_template"
"""The GGUF key."""
ROLES = {"s": "system", "u": "user", "a": "assistant"}
WITH_SYSTEM, WITHOUT = "suauau", "uauau"
"""Conversations in which everything that may stand between two turns does: a second answer's is taken, because the
first of two is the one that some templates treat otherwise."""


def chat_form(info: ModelInfo, tokenizer: Tokenizer) -> Form:
    """How conversations are laid out for a model. Takes a child process's time where the template is new.

    Args:
        info: what the model says of itself.
        tokenizer: its vocabulary.
    """
    template = info.metadata.get(TEMPLATE, "")
    bos, eos = info.bounds.get("bos", ""), info.bounds.get("eos", "")
    frame = frame_of(template, bos, eos) if template else None
    if frame is None:
        row = known(tokenizer.has_marker)
        why = "its own template cannot be used" if template else "it has no template of its own"
        logger.info("chat is laid out as for %s: %s", row.name, why)
        frame = row.frame()
    return form_of(frame, tokenizer.has_marker, bos if info.adds_bos else "")


@functools.lru_cache(maxsize=8)
def frame_of(template: str, bos: str = "", eos: str = "") -> Frame | None:
    """What a template writes around the turns.

    Args:
        template: Jinja.
        bos: text of the token with which a prompt begins.
        eos: text of the token that ends a text.

    Returns:
        None where the template cannot be used.
    """
    names = placeholders(template)
    texts = render_apart(template, [_probe(WITH_SYSTEM, names), _probe(WITHOUT, names)], bos=bos, eos=eos)
    return None if texts is None else read_frame(texts, names)


def read_frame(texts: list[str | None], names: list[str]) -> Frame | None:
    """Read a frame off what the template made of the two probes.

    Args:
        texts: of the one with a system and of the one without; None for one that was refused.
        names: the placeholders.
    """
    full, plain = (_split(text, names[: len(probe)]) for text, probe in zip(texts, (WITH_SYSTEM, WITHOUT), strict=True))
    parts = full or plain
    if parts is None:
        return None
    user_assistant, assistant_user, answer = parts[-3:]
    return Frame(
        system=full[0] if full else None,
        system_user=full[1] if full else "",
        user=plain[0] if plain else parts[0] + parts[1],  # a template that insists on a system
        user_assistant=user_assistant,
        assistant_user=assistant_user,
        answer=answer,
    )


def placeholders(template: str) -> list[str]:
    """Texts that stand for the turns': words that do not occur in a template, and that nothing trims or escapes."""
    stamp = hashlib.sha256(template.encode("utf-8", "replace")).hexdigest()[:12]
    return [f"turn{nth}x{stamp}" for nth in range(len(WITH_SYSTEM))]


def _probe(roles: str, names: list[str]) -> Turns:
    return [{"role": ROLES[role], "content": name} for role, name in zip(roles, names, strict=False)]


def _split(text: str | None, names: list[str]) -> list[str] | None:
    """What stands around the placeholders; None where one is not there just once, and in its place."""
    parts: list[str] = []
    rest = text or ""
    for name in names:
        before, found, rest = rest.partition(name)
        if not found or rest.count(name):
            return None
        parts.append(before)
    return [*parts, rest]
