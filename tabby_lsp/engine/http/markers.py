"""What a server may take for a marker where it reads text: a model's special tokens, by the family of its name.

A text of the user's that holds one ends a prompt in its middle, or begins a turn of somebody else's. A space behind the
first character parts it. Only what the family in use has is parted, because `<s>` is a tag in HTML, and `<filename>` a
word in a manual; of a model that no row knows, every row's markers are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_BARS = r"<(?=\|[\w:.▁-]{1,40}\|>)|<(?=｜[^｜\n]{1,30}｜>)"
"""What no other text looks like, so it is parted whatever the model: ours, and those of most families."""
_TOOLS = r"<(?=/?(?:tool_call|tool_response|think)>)"
_STAR = (
    r"<(?=(?:fim_[a-z]+|file_[a-z]+|repo_[a-z]+|filename|reponame|gh_stars|issue_[a-z]+|jupyter_[a-z]+|empty_output"
    r"|commit_[a-z]+|pr(?:_[a-z]+)*)>)"
)
_SENTENCES = r"<(?=/?s>|(?:unk|pad)>)"
_TURNS = r"\[(?=/?INST\])|<(?=</?SYS>>)"
_LLAMA = rf"{_SENTENCES}|{_TURNS}|<(?=(?:PRE|SUF|MID|EOT)>)"
_MISTRAL = (
    rf"{_SENTENCES}|{_TURNS}|\[(?=(?:PREFIX|SUFFIX|MIDDLE|TOOL_CALLS|TOOL_CONTENT|ARGS|CALL_ID|IMG(?:_BREAK|_END)?)\])"
    r"|\[(?=/?(?:AVAILABLE_TOOLS|TOOL_RESULTS|SYSTEM_PROMPT|THINK)\])"
)
_GEMMA = r"<(?=(?:bos|eos|unk|pad|mask|start_of_turn|end_of_turn|unused\d+)>)"
FAMILIES: tuple[tuple[str, str], ...] = (
    (r"codestral|devstral|mistral|mixtral", _MISTRAL),
    (r"codellama|code-llama", _LLAMA),
    (r"mellum|starcoder|santacoder|stable-code|refact|granite", _STAR),
    (r"codeqwen", f"{_STAR}|{_TOOLS}"),
    (r"codegemma", _GEMMA),
    (r"deepseek", r"<(?=EOT>)"),
    (r"qwen", _TOOLS),
)
"""A model's name (a pattern; the first that is found wins) → its markers beside `_BARS`, each where a space goes in.
Sources: the models' tokenizer configurations."""
_LITERAL = re.compile(r"<[^<>\s]+>|\[[^\[\]\s]+\]")
ALL: re.Pattern[str] = re.compile("|".join(dict.fromkeys((_BARS, *(row for _, row in FAMILIES)))))
"""Every row's."""


def markers_of(model: str, literals: Iterable[str] = ()) -> re.Pattern[str]:
    """What has to be parted in a text for a model.

    Args:
        model: its name, as the server knows it.
        literals: texts of a template, each with one marker or several.
    """
    row = next((row for pattern, row in FAMILIES if re.search(pattern, model, re.IGNORECASE)), None)
    own = dict.fromkeys(marker for text in literals for marker in _LITERAL.findall(text) or [text])
    parted = (f"{re.escape(marker[0])}(?={re.escape(marker[1:])})" for marker in own)
    return re.compile("|".join((ALL.pattern if row is None else f"{_BARS}|{row}", *parted)))


def defused(text: str, markers: re.Pattern[str] = ALL) -> str:
    """A text in which a server finds none of these markers: a space parts what looks like one.

    Args:
        text: of the user's.
        markers: as `markers_of` gives them; what no row knows is not found.
    """
    return markers.sub(lambda found: found[0] + " ", text)
