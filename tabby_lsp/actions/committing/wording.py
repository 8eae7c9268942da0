"""How a model is asked for a commit's subject or a branch's name, and how its answer is read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from tabby_lsp.actions.committing.changes import Change, Changes
from tabby_lsp.actions.outcome import read
from tabby_lsp.actions.types import Brief, Form, Span
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.engine.chat.types import Message
from tabby_lsp.engine.types import Finish
from tabby_lsp.errors import ActionError

ANSWER = 64
"""Tokens of a subject; it has at most 72 characters."""
SUBJECT_CHARACTERS = 72
"""Git's own habit (`git help commit`: about 50, and mail subjects fit into 72)."""
BRANCH_CHARACTERS, BRANCH_WORDS = 48, 5
"""A name that still fits into a prompt."""
MOST = 1_500
"""Tokens of a question; a CPU takes some ten seconds for them, and a small model makes nothing of more."""
OVERHEAD = 64
"""Tokens of a chat template around two turns."""
NAMED = 20
"""Files that are listed; the rest is a number."""
KINDS = ("feat", "fix", "docs", "refactor", "test", "chore", "build", "ci", "perf", "style", "revert")
_SMALL = frozenset({
    "a", "an", "and", "as", "at", "be", "by", "for", "from", "in", "into", "is", "it", "its", "of", "on", "or", "so",
    "that", "the", "then", "this", "to", "when", "with",
})  # fmt: skip
"""Words that say nothing in a branch's name, nor at the end of a subject that is cut."""
_VERBS = {
    "add": "Add", "allow": "Allow", "change": "Change", "chang": "Change", "clean": "Clean", "correct": "Correct",
    "creat": "Create", "delet": "Delete", "document": "Document", "extend": "Extend", "fix": "Fix",
    "handl": "Handle", "implement": "Implement", "improv": "Improve", "introduc": "Introduce", "mov": "Move",
    "refactor": "Refactor", "remov": "Remove", "renam": "Rename", "replac": "Replace", "simplif": "Simplify",
    "support": "Support", "updat": "Update", "use": "Use", "us": "Use",
}  # fmt: skip
"""Stems of what models begin with, as "Added" and "Adds", and the imperative of each."""
_FIRST = re.compile(r"([A-Za-z]+?)(?:ied|ies|ed|es|s|ing)(?= )")
_CONVENTIONAL = re.compile(rf"(?:{'|'.join(KINDS)})(?:\([^)]*\))?!?: \S")

SYSTEM = "You write commit messages for a programmer."
SUBJECT = "Write a commit message of one short line that says what this diff changes, in the imperative{style}."

Count = Callable[[str], int]


def is_conventional(subjects: Sequence[str]) -> bool:
    """Whether most of a repository's subjects begin with a kind, as `fix(parser): …`."""
    return bool(subjects) and 2 * sum(bool(_CONVENTIONAL.match(s)) for s in subjects) > len(subjects)


def subject_messages(changes: Changes, count: Count, room: int) -> tuple[Message, ...]:
    """What is asked for a commit's subject; see `_messages`."""
    style = ""
    if is_conventional(changes.subjects):
        style = f", after one of the kinds {', '.join(KINDS)} and a colon"
    request = SUBJECT.format(style=style)
    return _messages(changes, request, count, room)


def _messages(changes: Changes, request: str, count: Count, room: int) -> tuple[Message, ...]:
    """The list of files, as many changed lines as have room, and the request at the end.

    Args:
        changes: what git says.
        request: what is wanted.
        count: tokens in a text.
        room: tokens for messages and answer.

    Raises:
        ActionError: not even the list has room.
    """
    listed = _listed(changes.files)
    left = min(room, MOST) - ANSWER - OVERHEAD - count(SYSTEM) - count(request) - count(listed)
    if left < 0:
        raise ActionError("The chat model has no room for these changes.", "Raise engine.context in the settings.")
    shown: list[str] = []
    patched = [file for file in changes.files if file.patch]
    # the small changes are shown whole: what they leave of their shares is for the others
    for number, file in enumerate(sorted(patched, key=lambda file: len(file.patch))):
        text = _cut(f"{file.path}\n{file.patch}", left // (len(patched) - number), count)
        if text:
            shown.append(text)
            left -= count(text) + 1
    patches = "\n\n```diff\n" + "\n".join(shown) + "```" if shown else ""
    return Message("system", SYSTEM), Message("user", f"Changed files:\n{listed}{patches}\n\n{request}")


def _listed(files: Sequence[Change]) -> str:
    lines = [f"- {_named(file)}" for file in files[:NAMED]]
    return "\n".join([*lines, *([f"- and {len(files) - NAMED} more"] if len(files) > NAMED else [])])


def _named(file: Change) -> str:
    moved = f"{file.was} → " if file.was else ""
    return f"{moved}{file.path} " + (f"(+{file.added} -{file.removed})" if file.added >= 0 else "(binary)")


def _cut(patch: str, tokens: int, count: Count) -> str:
    """The first whole lines of a patch that have room; "" for its name alone."""
    lines, used = [], 0
    for line in patch.splitlines(keepends=True):
        used += count(line)
        if used > tokens:
            break
        lines.append(line)
    return "".join(lines) if len(lines) > 1 else ""


def subject_of(answer: str, changes: Changes) -> str:
    """A commit's subject: one line, not too long, in the repository's habit.

    Args:
        answer: all that the model wrote.
        changes: that it was asked about.

    Raises:
        ActionError: there is no line in it.
    """
    line = _imperative(_line(answer).rstrip(". "))
    if is_conventional(changes.subjects):
        line = line if _CONVENTIONAL.match(line) else f"{_kind(changes)}: {line[:1].lower()}{line[1:]}"
    else:
        line = re.sub(rf"^(?:{'|'.join(KINDS)})(?:\([^)]*\))?!?: ", "", line)
        small = sum(subject[:1].islower() for subject in changes.subjects)
        line = (line[:1].lower() if 2 * small > len(changes.subjects) else line[:1].upper()) + line[1:]
    return _shortened(line, SUBJECT_CHARACTERS, " ")


def _imperative(line: str) -> str:
    """Say "Add a test" for "Added a test" and for "This commit adds a test"."""
    line = re.sub(r"^(?:this|the) (?:commit|change|diff|patch)s? ", "", line, flags=re.IGNORECASE)
    first = _FIRST.match(line)
    stem = first[1].lower() if first else ""
    verb = _VERBS.get(stem) or (_VERBS.get(f"{stem}f") if stem == "simpli" else None)
    return verb + line[first.end() :] if first and verb else line


def branch_of(subject: str) -> str:
    """A branch's name for a commit's subject: its first telling words, in what every system can keep in a file's name.

    Args:
        subject: as `subject_of` gives it.

    Raises:
        ActionError: there is nothing of that in it.
    """
    kind, _, rest = subject.partition(": ") if _CONVENTIONAL.match(subject) else ("", "", subject)
    plain = unicodedata.normalize("NFKD", rest).encode("ascii", "ignore").decode().lower()
    words = [word for word in re.findall(r"[a-z0-9]+", plain) if word not in _SMALL]
    name = _shortened("-".join(words[:BRANCH_WORDS]), BRANCH_CHARACTERS, "-")
    if not name:
        raise ActionError("The model found no name.", "Ask again, or name the branch yourself.")
    kind = re.sub(r"[^a-z]+.*", "", kind)
    return f"{kind}/{name}" if kind else name


def _kind(changes: Changes) -> str:
    paths = [file.path for file in changes.files]
    if all(re.search(r"(?:^|/)(?:docs?/|README|CHANGELOG)|\.(?:md|rst|txt)$", path) for path in paths):
        return "docs"
    if all(re.search(r"(?:^|/)(?:tests?|spec)/|[._]test\.|(?:^|/)test_|_test\.", path) for path in paths):
        return "test"
    return "chore"


def _line(answer: str) -> str:
    place = Span(Position(0, 0), Position(0, 0))
    outcome = read(Brief((), Form.LINE, Snapshot.of("", "plaintext", 0, ""), place), answer, Finish.END)
    if not outcome.text:
        raise ActionError(outcome.message or "The model answered nothing.", "Ask again.")
    return outcome.text


def _shortened(text: str, most: int, between: str) -> str:
    """The first words that have room, but for small ones at the end."""
    if len(text) <= most:
        return text
    words = (text[: most + 1].rpartition(between)[0] or text[:most]).split(between)
    while len(words) > 1 and words[-1].strip("`'\",;:").lower() in _SMALL | {""}:
        words.pop()
    return between.join(words).rstrip(",;: ")
