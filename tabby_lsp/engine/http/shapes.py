"""How a prompt of markers and texts is sent to a server: as one text, or as what stands before and behind the cursor.

The pipeline makes prompts for a family of models (`completion.families`), which it reads off the model's vocabulary. A
server shows none, so what its vocabulary would have is taken from the model's name. Where the settings give a
template, or the server takes two fields, the family's markers are private ones (`OURS`), at which the prompt is taken
apart again.

No server takes tokens back to spell anew what the cursor cuts (healing). A space at the end is kept back instead, and
taken off what the server writes; an answer that begins otherwise continues another text than the document's, and is
none. Where the text ends within a word, all of it stands before the suffix: behind an anchored tail a word that is not
healed costs more than the anchor gains (docs/decisions/0002).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType

from tabby_lsp.engine.http.markers import ALL, defused, markers_of
from tabby_lsp.engine.types import Marker, Piece, Prompt
from tabby_lsp.errors import ConfigError

OURS: Mapping[str, str] = MappingProxyType(
    {"prefix": "<|tabby:prefix|>", "suffix": "<|tabby:suffix|>", "middle": "<|tabby:middle|>"}
)
"""Markers of a family that no model has."""
_FIM = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
_STAR = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
CODELLAMA = "<PRE> {prefix} <SUF>{suffix} <MID>"
NAMES: tuple[tuple[str, tuple[str, ...] | str], ...] = (
    (r"codestral|devstral|mistral|mixtral", ("[PREFIX]", "[SUFFIX]")),
    (r"codellama|code-llama", CODELLAMA),
    (r"mellum", (*_STAR, "<file_sep>")),
    (r"starcoder2|starcoder-2", (*_STAR, "<file_sep>")),
    (r"starcoder|santacoder|codeqwen|stable-code|refact", _STAR),
    (r"codegemma", (*_FIM, "<|file_separator|>")),
    (r"granite", _FIM),
    (r"deepseek", ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>")),
    (r"qwen", (*_FIM, "<|repo_name|>", "<|file_sep|>")),
)
"""A model's name (a pattern; the first that is found wins) → the markers that its vocabulary has, so that the rows of
`completion/families.toml` fit as they do for a file; or a template, for CodeLlama, whose markers a server reads from
text (Rozière et al. 2023, 2.3). Sources: the rows' own, and the models' cards."""
ECHOES = (
    "<|endoftext|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|EOT|>",
    "<EOT>",
    "<｜end▁of▁sentence｜>",
    *_FIM,
    "<|fim_pad|>",
    "<|file_sep|>",
    "<|repo_name|>",
    *_STAR,
)
"""Special tokens that some servers send as text where the model ends; a completion ends there too."""


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt as a person writes it, with `{prefix}` and `{suffix}`.

    Attributes:
        parts: texts and the names of fields, in order.
    """

    parts: tuple[str, ...]

    @classmethod
    def read(cls, text: str, setting: str) -> Template:
        """Read one.

        Args:
            text: with `{prefix}`, and once at most `{suffix}`; other braces stand for themselves.
            setting: where it stands, for the message.

        Raises:
            ConfigError: it has no `{prefix}`, or one of them twice.
        """
        if text.count("{prefix}") != 1 or text.count("{suffix}") > 1:
            raise ConfigError(
                f"`{setting}` needs {{prefix}} once, and {{suffix}} once at most.",
                "Write it as `<PRE>{prefix}<SUF>{suffix}<MID>`, with the markers of the model.",
            )
        return cls(tuple(part for part in re.split(r"(\{prefix\}|\{suffix\})", text) if part))

    def fill(self, prefix: str, suffix: str) -> str:
        """The prompt; its fields are texts in which no marker is found (`markers.defused`)."""
        values = {"{prefix}": prefix, "{suffix}": suffix}
        return "".join(values.get(part, part) for part in self.parts)

    @property
    def fills(self) -> bool:
        """Whether it shows what stands behind the cursor."""
        return "{suffix}" in self.parts

    @property
    def literals(self) -> tuple[str, ...]:
        """Its own texts that may be markers."""
        texts = (part.strip() for part in self.parts if part not in ("{prefix}", "{suffix}"))
        return tuple(text for text in texts if len(text) > 2)


@dataclass(frozen=True, slots=True)
class Shape:
    """What prompts of a server look like.

    Attributes:
        vocabulary: the markers that its model has.
        roles: the markers that a family is made of, where no row of the families fits (`ModelInfo.markers`).
        template: how the two sides of the cursor make one text; None: they are sent as they are.
        native: whether the model's own markers are sent.
        ends: special tokens that end a completion, where they come as text.
        markers: what is parted in texts, so that the server takes none of it for a marker.
    """

    vocabulary: frozenset[str] = frozenset()
    roles: Mapping[str, str] = field(default_factory=dict)
    template: Template | None = None
    native: bool = False
    ends: tuple[str, ...] = ECHOES
    markers: re.Pattern[str] = ALL

    def fields(self, prompt: Prompt) -> tuple[str, str]:
        """A prompt's texts for `prompt` and `suffix`; the second is empty where the first holds everything.

        Args:
            prompt: of the family that this shape stands for; without the space that `kept_back` says.
        """
        space = kept_back(prompt)
        pieces = (*prompt.pieces[:-1], str(prompt.pieces[-1])[:-1]) if space else unanchored(prompt)
        if self.native or not any(isinstance(piece, Marker) for piece in pieces):
            return "".join(p.text if isinstance(p, Marker) else defused(p, self.markers) for p in pieces), ""
        sides = {role: defused(_behind(pieces, marker), self.markers) for role, marker in OURS.items()}
        if self.template is None:
            return sides["prefix"] + sides["middle"], sides["suffix"]
        if not self.template.fills:
            return self.template.fill(sides["prefix"] + sides["middle"], ""), ""
        return self.template.fill(sides["prefix"], sides["suffix"]) + sides["middle"], ""


def shape_for(model: str, template: str, takes: str, setting: str) -> Shape:
    """The shape of a server's prompts.

    Args:
        model: its name, as the server knows it.
        template: of the settings; empty: what is known of the model.
        takes: `suffix` where the server takes two fields, and knows the model's markers itself; else `template`.
        setting: where the template stands, for a message.

    Raises:
        ConfigError: the template cannot be used.
    """
    ours = Shape(frozenset(), dict(OURS), ends=(*ECHOES, *OURS.values()), markers=markers_of(model))
    if takes == "suffix":
        return ours
    known = next((markers for pattern, markers in NAMES if re.search(pattern, model, re.IGNORECASE)), ())
    text = template or (known if isinstance(known, str) else "")
    if text:
        read = Template.read(text, setting)
        return replace(ours, template=read, ends=(*ours.ends, *read.literals), markers=markers_of(model, read.literals))
    ends = tuple(dict.fromkeys((*ECHOES, *known)))
    return Shape(frozenset(known), {}, native=True, ends=ends, markers=markers_of(model))


def kept_back(prompt: Prompt) -> str:
    """The space at the end, where the model has to write it: behind `return ` it would write a second one."""
    last = prompt.pieces[-1] if prompt.pieces and prompt.heal else ""
    ends = isinstance(last, str) and last.endswith(" ") and bool(last[:-1]) and not last[-2].isspace()
    return " " if ends else ""


def unanchored(prompt: Prompt) -> tuple[Piece, ...]:
    """The pieces, with the tail before the suffix where it ends within a word, and could not be healed."""
    pieces = prompt.pieces
    match pieces[-5:]:
        case (str(head), Marker() as suffix, str(behind), Marker() as middle, str(tail)) if prompt.heal and _cut(tail):
            return (*pieces[:-5], head + tail, suffix, behind, middle)
    return pieces


def _cut(text: str) -> bool:
    return text[-1:].isalnum() or text.endswith("_")


def _behind(pieces: tuple[Piece, ...], marker: str) -> str:
    """The text behind a marker; empty where there is none."""
    return next((b for a, b in pairwise(pieces) if a == Marker(marker) and isinstance(b, str)), "")
