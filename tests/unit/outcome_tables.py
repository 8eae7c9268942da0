"""Tables of what a model answers and what is to come of it, from `outcome_cases/*.toml`.

In a document `⟦` and `⟧` are the ends of the region; `tabs` makes tabs of four spaces at the starts of its lines, and
`newline` exchanges its line endings.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tabby_lsp.actions.checks import new_errors, parse
from tabby_lsp.actions.edits import apply, lines_of
from tabby_lsp.actions.outcome import MESSAGES
from tabby_lsp.actions.types import Brief, Form, Outcome, Span
from tabby_lsp.document import Snapshot
from tabby_lsp.engine.chat.types import Message
from tabby_lsp.engine.types import Finish

FOLDER = Path(__file__).parent / "outcome_cases"
START, END = "⟦", "⟧"


@dataclass(frozen=True)
class Case:
    """A row: a brief, an answer, and what is expected: a document, a text or a reason."""

    name: str
    brief: Brief
    answer: str
    finish: Finish
    document: str | None
    text: str
    reason: str
    message: str


def brief_of(document: str, language: str, form: Form, messages: tuple[Message, ...] = (), **more: object) -> Brief:
    """A brief for the region that is marked in a document."""
    before, _, rest = document.partition(START)
    inside, _, after = rest.partition(END)
    snapshot = Snapshot.of(f"file:///{language}", language, 1, before + inside + after)
    region = Span(snapshot.position(len(before)), snapshot.position(len(before + inside)))
    return Brief(messages, form, snapshot, region, **more)  # pyright: ignore[reportArgumentType]


def cases() -> list[Case]:
    """All rows of all tables."""
    return [case for path in sorted(FOLDER.glob("*.toml")) for case in _of_table(path)]


def assert_sound(brief: Brief, outcome: Outcome) -> None:
    """What holds of all outcomes: edits are sorted, do not touch, stay within bounds, and break nothing."""
    first, last = brief.allowed or lines_of(brief.region)
    ends = [place for edit in outcome.edits for place in (edit.span.start, edit.span.end)]
    assert ends == sorted(ends)
    assert all(one.span.end < two.span.start for one, two in pairwise(outcome.edits))
    assert all(first <= place.line <= last for place in ends)
    assert not (outcome.edits and outcome.reason)
    if outcome.edits:
        language, document = brief.snapshot.language, brief.snapshot.text
        after = parse(language, apply(brief.snapshot, outcome.edits))
        assert not new_errors(parse(language, document), after)
    if outcome.reason:
        assert outcome.reason in MESSAGES
        assert outcome.message


def _of_table(path: Path) -> list[Case]:
    table = tomllib.loads(path.read_text("utf-8"))
    return [_case(path.stem, table, row) for row in table["case"]]


def _case(stem: str, table: dict, row: dict) -> Case:
    def written(text: str) -> str:
        if row.get("tabs"):
            text = re.sub(rf"(?m)^({START}?)((?: {{4}})+)", lambda found: found[1] + "\t" * (len(found[2]) // 4), text)
        return text.replace("\n", row.get("newline", "\n"))

    document = written(table["documents"].get(row["document"], row["document"]))
    prompt = row.get("prompt", "")
    brief = brief_of(
        document,
        row.get("language", table["language"]),
        Form(row.get("form", table["form"])),
        messages=(Message("user", prompt),),
        allowed=tuple(row["allowed"]) if "allowed" in row else None,
        create=row.get("create", False),
        shown=tuple(row.get("shown", ())),
    )
    expected = None
    if "becomes" in row:
        expected = document.partition(START)[0] + written(row["becomes"]) + document.partition(END)[2]
    if "document_becomes" in row:
        expected = written(row["document_becomes"])
    return Case(
        f"{stem}: {row['name']}",
        brief,
        row["answer"],
        Finish(row.get("finish", "end-of-generation")),
        expected,
        row.get("text", ""),
        row.get("reason", ""),
        row.get("message", ""),
    )
