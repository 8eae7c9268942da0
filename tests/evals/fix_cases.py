"""Small functions that are broken in one place, and what compilers and checkers were heard to say about them.

The sources in `fixes/` are right; `fixes/faults.toml` says what breaks in them, `fixes/diagnostics.csv` what a tool
said then. Lines and columns are from 0; no diagnostic stands behind a character beyond ASCII, so units are all one.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tabby_lsp.actions.types import Problem, Span
from tabby_lsp.document import Position

FOLDER = Path(__file__).with_name("fixes")
FAULTS = FOLDER / "faults.toml"
DIAGNOSTICS = FOLDER / "diagnostics.csv"
HEADER = ("fault", "start", "end", "severity", "source", "code", "message")
SILENCERS = re.compile(
    r"#\s*(?:type|pyright):\s*ignore|@ts-(?:ignore|expect-error|nocheck)|\bas any\b|#!?\[allow|\bany\(|\bcast\("
)
"""What makes a tool quiet instead of the code right."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of `faults.toml`, where the fields are explained.

    Attributes:
        name: of the function.
        file: below `fixes/`.
        kind: of the fault.
        right: text of the source.
        wrong: in its place.
        at: where a failed check is reported; empty where a tool sees the fault.
    """

    name: str
    file: str
    kind: str
    right: str
    wrong: str
    at: str = ""

    @property
    def key(self) -> str:
        """Its name among all of them."""
        return f"{self.file}:{self.name}"

    @property
    def language(self) -> str:
        """The name of its folder, which is the language's."""
        return self.file.partition("/")[0]

    @property
    def source(self) -> Path:
        """The file that is right."""
        return FOLDER / self.file

    @property
    def check(self) -> Path:
        """The file that runs every function of it."""
        ending = ".js" if self.language == "typescript" else self.source.suffix
        return self.source.with_name(f"{self.source.stem}_check{ending}")

    def solution(self) -> str:
        """The text that is right."""
        return self.source.read_text("utf-8")

    def broken(self) -> str:
        """The text with the fault.

        Raises:
            ValueError: the place of the fault is not exactly one.
        """
        text = self.solution()
        if text.count(self.right) != 1:
            raise ValueError(f"{self.key}: `right` stands {text.count(self.right)} times in the source")
        return text.replace(self.right, self.wrong)


def faults() -> list[Fault]:
    """All of them, in the order of the table."""
    return [Fault(**row) for row in tomllib.loads(FAULTS.read_text("utf-8"))["fault"]]


def recorded() -> dict[str, tuple[Problem, ...]]:
    """What was said about each fault, by its key."""
    found: defaultdict[str, list[Problem]] = defaultdict(list)
    with DIAGNOSTICS.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            span = Span(_position(row["start"]), _position(row["end"]))
            problem = Problem(span, row["message"], row["code"], row["source"], int(row["severity"]))
            found[row["fault"]].append(problem)
    return {key: tuple(problems) for key, problems in found.items()}


def record(said: Mapping[str, Iterable[Problem]]) -> None:
    """Write the table of diagnostics anew."""
    with DIAGNOSTICS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for key, problems in said.items():
            for one in problems:
                start, end = (f"{place.line}:{place.column}" for place in (one.span.start, one.span.end))
                writer.writerow((key, start, end, one.severity, one.source, one.code, one.message))


def word_at(text: str, line: int, column: int) -> Span:
    """The word that begins at a place, or one character: for tools that tell where a problem begins and not its end."""
    found = re.compile(r"\w+").match(text.split("\n")[line], column)
    return Span(Position(line, column), Position(line, found.end() if found else column + 1))


def reported(fault: Fault, text: str, message: str) -> Problem:
    """A failed check as a diagnostic on its function, as test runners in editors show it."""
    before, _, _ = text.partition(fault.at)
    line = before.count("\n")
    return Problem(word_at(text, line, len(before) - before.rfind("\n") - 1), message, "", "check")


def silenced(before: str, after: str) -> bool:
    """Whether a text makes the tools quiet in a place where the other does not."""
    return len(SILENCERS.findall(after)) > len(SILENCERS.findall(before))


def _position(text: str) -> Position:
    line, _, column = text.partition(":")
    return Position(int(line), int(column))
