"""The line by which a test file brings in what it tests, by the rules of each language."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tabby_lsp.syntax.languages import language
from tabby_lsp.syntax.symbols.extract import found_in
from tabby_lsp.syntax.symbols.statements import EVERYTHING, imports_in
from tabby_lsp.syntax.symbols.types import Kind
from tabby_lsp.syntax.trees import encoded

if TYPE_CHECKING:
    import tree_sitter

TEST_MODULES = frozenset({"tests", "test"})
"""Names of Rust's modules of tests."""

_ROOTS = ("src", "lib", "python")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tested.

    Attributes:
        name: what is imported: a function, or the class of a method.
        text: of its file.
        source: the file, relative to the folder.
        root: the folder.
        test: the test file.
        keeps_suffix: whether an import names the file with its suffix.
        example: the text of another test.
    """

    name: str
    text: str
    source: PurePosixPath
    root: Path
    test: Path
    keeps_suffix: bool = False
    example: str = ""


def import_line(subject: Subject, language_id: str) -> str:
    """What makes the subject known in its test file; "" where nothing is needed."""
    rule = _RULES.get(language(language_id).name)
    return rule(subject) if rule else ""


def elsewhere(subject: Subject, tree: tree_sitter.Tree | None, language_id: str) -> tuple[tuple[str, str], ...]:
    """What tests need not define: the names in the subject's file, each with the import that it takes.

    Args:
        subject: what is tested.
        tree: of its file.
        language_id: of both files.

    Returns:
        See `Brief.elsewhere`; without names that no other file can have.
    """
    if tree is None:
        return ()
    names = language(language_id).name
    found: dict[str, str] = {}
    for one in found_in(tree, encoded(subject.text), language_id)[0]:
        tests = TEST_MODULES & {one.container, one.name if one.kind is Kind.MODULE else ""}
        if one.kind is None or one.kind is Kind.FIELD or tests:
            continue
        if one.container:
            found[f"{one.container}.{one.name}"] = ""
        elif names not in _NAMING:
            found[one.name] = ""
        elif one.name == subject.name or _NAMING[names](subject.text, one.name):
            found[one.name] = import_line(replace(subject, name=one.name), language_id)
    return tuple(found.items())


def brought_by(head: str, language_id: str) -> tuple[tuple[str, str], ...]:
    """The names that a test file's first lines bring in, each with its line.

    Args:
        head: import statements, each of one line.
        language_id: of the file.
    """
    lines = [(one, line) for line in head.split("\n") for one in imports_in(line, language_id)]
    named = ((name, line) for one, line in lines for name in (one.alias, *(here for _, here in one.names)))
    return tuple((name, line) for name, line in named if name not in ("", *EVERYTHING))


_DECLARING = r"(?:(?:declare|abstract|async)\s+)*(?:(?:function\s*\*?|class|const|let|var|interface|type|enum)\s+)?"
_EXPORTS = (
    (r"^\s*export\s+(?:default\s+)?" + _DECLARING, ""),
    (r"\bexport\s*(?:type\s*)?\{(?:[^{}]*,)?\s*(?:\w+\s+as\s+)?", r"\s*[,}]"),
    (r"\bmodule\.exports\s*=\s*\{(?:[^{}]*,)?\s*", r"\s*[,}:(]"),
    (r"\bmodule\.exports\s*=\s*", r"\s*(?:;|$)"),
    (r"^\s*(?:module\.)?exports\.", ""),
)
"""What stands before an exported name, and behind it: each form is looked for from a word that is rare."""


def _is_exported(text: str, name: str) -> bool:
    """Whether a file of JavaScript or TypeScript gives a name to others, under that name."""
    name = rf"(?<![\w$]){re.escape(name)}(?![\w$])"
    return any(re.search(form + name + behind, text, re.MULTILINE) for form, behind in _EXPORTS)


def _python(subject: Subject) -> str:
    folder = subject.root / subject.source.parent
    parts = [] if subject.source.stem == "__init__" else [subject.source.stem]
    if not (folder / "__init__.py").is_file():
        above = list(subject.source.parent.parts)
        parts = [*(above[1:] if above[:1] and above[0] in _ROOTS else above), *parts]
    else:
        while (folder / "__init__.py").is_file() and folder != subject.root:
            parts.insert(0, folder.name)
            folder = folder.parent
    return f"from {'.'.join(parts) or '.'} import {subject.name}"


def _ecmascript(subject: Subject) -> str:
    target = Path(os.path.relpath(subject.root / subject.source, subject.test.parent)).as_posix()
    target = target if target.startswith(".") else f"./{target}"
    written = re.search(r"from\s+[\"']\.[^\"']*(\.[cm]?js)[\"']", subject.example)
    if written or not subject.keeps_suffix:
        target = target.removesuffix(subject.source.suffix) + (written.group(1) if written else "")
    name = re.escape(subject.name)
    if re.search(rf"\bexport\s+default\s+(?:async\s+)?(?:function\s*\*?\s*|class\s+)?{name}\b", subject.text):
        return f'import {subject.name} from "{target}";'
    if re.search(r"\bmodule\.exports\b|^exports\.", subject.text, re.MULTILINE):
        return f'const {{ {subject.name} }} = require("{target}");'
    return f'import {{ {subject.name} }} from "{target}";'


def _first(pattern: str) -> Callable[[Subject], str]:
    """A rule that repeats the first line of the source that fits a pattern: the package that both belong to."""
    compiled = re.compile(pattern, re.MULTILINE)

    def rule(subject: Subject) -> str:
        found = compiled.search(subject.text)
        return found.group().strip() if found else ""

    return rule


def _ruby(subject: Subject) -> str:
    target = Path(os.path.relpath(subject.root / subject.source, subject.test.parent)).as_posix()
    return f'require_relative "{target.removesuffix(".rb")}"'


def _php(subject: Subject) -> str:
    found = re.search(r"^namespace\s+([\w\\]+)", subject.text, re.MULTILINE)
    return f"use {found.group(1)}\\{subject.name};" if found else ""


_RULES: dict[str, Callable[[Subject], str]] = {
    "python": _python,
    "javascript": _ecmascript,
    "typescript": _ecmascript,
    "tsx": _ecmascript,
    "go": _first(r"^package\s+\w+"),
    "java": _first(r"^package\s+[\w.]+;"),
    "ruby": _ruby,
    "php": _php,
}
_NAMING: dict[str, Callable[[str, str], bool]] = {
    "python": lambda text, name: True,
    "javascript": _is_exported,
    "typescript": _is_exported,
    "tsx": _is_exported,
    "php": lambda text, name: True,
}
"""Languages whose imports name what they bring in, and which names of a file's text may be brought in."""
