"""Targets for code actions: source with `█` where the cursor is, or around what is selected; problems by their text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

from tabby_lsp.actions.types import Problem, Span, Target, Workspace
from tabby_lsp.document import Snapshot
from tabby_lsp.index.types import Index
from tabby_lsp.syntax.trees import Trees

MARK = "█"
ENDINGS = {"python": ".py", "typescript": ".ts", "go": ".go", "rust": ".rs", "plaintext": ".txt"}


def words(text: str) -> int:
    """Tokens as they are counted here: a fourth of the characters, rounded up."""
    return (len(text) + 3) // 4


def at(language: str, source: str, *problems: tuple[str, str], path: str = "", **more: str) -> Target:
    """The target at one mark, or from the first to the second; a problem is a text of the source and its message."""
    before, _, rest = dedent(source).partition(MARK)
    selected, second, after = rest.partition(MARK)
    text = before + rest if not second else before + selected + after
    uri = f"file:///shop/{path or 'main' + ENDINGS[language]}"
    snapshot = Snapshot.of(uri, language, 1, text)
    start = snapshot.position(len(before))
    end = snapshot.position(len(before + selected)) if second else start
    found = tuple(Problem(_where(snapshot, text), message, "code") for text, message in problems)
    return Target(snapshot, Span(start, end), Trees().tree(snapshot), found, **more)


def workspace(
    target: Target,
    *,
    index: Index | None = None,
    root: Path | None = None,
    room: int = 4000,
    max_tokens: int = 1024,
    opened: Callable[[Path], Snapshot | None] = lambda path: None,
) -> Workspace:
    """A workspace whose only document is the target's."""
    path = target.snapshot.uri.removeprefix("file:///shop/")
    return Workspace(root, path, index, opened, words, room, max_tokens)


def _where(snapshot: Snapshot, text: str) -> Span:
    start = snapshot.text.index(text)
    return Span(snapshot.position(start), snapshot.position(start + len(text)))
