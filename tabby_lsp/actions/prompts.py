"""How an action is put to a model: what else is known, what is asked, and the code, as much of it as has room.

The default model has half a billion weights: it does what is said last and briefly. So there is one sentence for the
system, and what is known of the file comes first, marked as reference. Whether the code or the task is better last was
measured for each action.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tabby_lsp.actions.excerpt import Count, whole_lines
from tabby_lsp.actions.types import Problem, Workspace
from tabby_lsp.document import Snapshot
from tabby_lsp.engine.chat.types import Message
from tabby_lsp.errors import ActionError
from tabby_lsp.index.files.secret import content_tells, name_tells
from tabby_lsp.syntax.languages import PLAIN, language

TURN_TOKENS = 16
"""Tokens that a chat template spends on one turn: five in ChatML, a dozen in those with a date and a preamble."""
LEAST_TOKENS = 24
"""Tokens below which a piece of background is not worth its heading."""
MESSAGE_CHARACTERS = 400
"""Characters of a diagnostic's message; compilers write whole paragraphs, and begin with what matters."""

_FENCES = re.compile(r"^\s*(`{3,})", re.MULTILINE)
_NAMES = {
    "python": "Python",
    "javascript": "JavaScript",
    "typescript": "TypeScript",
    "tsx": "TypeScript",
    "go": "Go",
    "rust": "Rust",
    "c": "C",
    "cpp": "C++",
    "java": "Java",
    "csharp": "C#",
    "ruby": "Ruby",
    "php": "PHP",
    "lua": "Lua",
    "bash": "Bash",
    "sql": "SQL",
    "html": "HTML",
    "css": "CSS",
}


@dataclass(frozen=True, slots=True)
class Background:
    """What a model is shown beside the code that it works on.

    Attributes:
        title: one line in front of it.
        text: code.
        fence: the name of its language.
    """

    title: str
    text: str
    fence: str = ""


def fence_of(language_id: str) -> str:
    """The name of a language on a code block."""
    return "" if language_id == PLAIN else language(language_id).name


def name_of(language_id: str) -> str:
    """The name of a language for people and models: "C++"."""
    name = language(language_id).name
    return _NAMES.get(name, name.capitalize())


def fenced(text: str, fence: str) -> str:
    """A code block whose fence is longer than any in the text."""
    longest = max((len(found) for found in _FENCES.findall(text)), default=2)
    marks = "`" * (longest + 1)
    return f"{marks}{fence}\n{text}\n{marks}"


def require_no_secret(snapshot: Snapshot, workspace: Workspace) -> None:
    """Refuse a document that holds a secret: what a model reads may go to a server.

    Raises:
        ActionError: its name or its text tells of one.
    """
    name = PurePosixPath(workspace.path).name
    if name_tells(name) or content_tells(snapshot.text.encode("utf-8", "surrogatepass")):
        raise ActionError(
            f"{name} looks as if it held a secret, so nothing of it is sent.", "Take the secret out of the file."
        )


def listed(problems: Sequence[Problem], snapshot: Snapshot) -> str:
    """Problems with the line of code that each is about, one paragraph a problem."""
    return "\n".join(_told(problem, snapshot) for problem in problems)


def _told(problem: Problem, snapshot: Snapshot) -> str:
    message = " ".join(problem.message.split())[:MESSAGE_CHARACTERS]
    code = f" ({problem.code})" if problem.code else ""
    line = snapshot.line_text(problem.span.start.line).strip()
    return f"- {message}{code}\n  in the line: {line}" if line else f"- {message}{code}"


def room_for(workspace: Workspace, system: str, request: str, answer: int) -> int:
    """Tokens that are left for background; below 0: the request alone is too long."""
    return workspace.room - answer - workspace.count(system) - workspace.count(request) - 3 * TURN_TOKENS


def conversation(
    system: str, background: Sequence[Background], request: str, workspace: Workspace, answer: int
) -> tuple[Message, ...]:
    """The messages of a brief: as much background as has room, in its order, and the request.

    Args:
        system: who the model is, in a sentence.
        background: what may be left out, the most useful first.
        request: what may not.
        workspace: how tokens are counted and how many there are.
        answer: tokens that are kept for the answer.

    Raises:
        ActionError: the request alone has no room.
    """
    left = room_for(workspace, system, request, answer)
    if left < 0:
        raise ActionError(
            "This code is too long for the chat model.", "Select less of it, or raise engine.context in the settings."
        )
    shown: list[str] = []
    for one in background:
        piece, cost = _within(one, left, workspace.count)
        if piece:
            shown.append(piece)
            left -= cost
    return (Message("system", system), Message("user", "\n\n".join([*shown, request])))


def _within(one: Background, tokens: int, count: Count) -> tuple[str, int]:
    """A piece of background as it is shown, cut to its room, and what it costs; "" where it has none."""
    frame = count(f"{one.title}\n{fenced('', one.fence)}\n\n")
    text = whole_lines(one.text.strip("\n"), tokens - frame, count)
    if not text.strip() or (text != one.text.strip("\n") and tokens < LEAST_TOKENS):
        return "", 0
    piece = f"{one.title}\n{fenced(text, one.fence)}"
    cost = count(f"{piece}\n\n")
    return (piece, cost) if cost <= tokens else ("", 0)
