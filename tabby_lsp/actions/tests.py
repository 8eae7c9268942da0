"""Write tests of a function or class: into its test file, or into a new one where the project would have it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tabby_lsp.actions.conventions import Convention, convention_of
from tabby_lsp.actions.excerpt import ends, whole_lines
from tabby_lsp.actions.prompts import Background, conversation, fence_of, fenced, name_of, require_no_secret, room_for
from tabby_lsp.actions.region import span_of, text_of
from tabby_lsp.actions.related import background
from tabby_lsp.actions.scope import Holder, subject
from tabby_lsp.actions.subjects import TEST_MODULES, Subject, brought_by, elsewhere, import_line
from tabby_lsp.actions.suites import Suite, find, read
from tabby_lsp.actions.types import Brief, Form, Offer, Span, Target, Workspace
from tabby_lsp.document import Position, Snapshot
from tabby_lsp.errors import ActionError
from tabby_lsp.syntax.languages import language_of
from tabby_lsp.syntax.symbols.extract import found_in
from tabby_lsp.syntax.symbols.types import Kind
from tabby_lsp.syntax.trees import encoded

KIND = "refactor.tests"
"""Not `source`, which editors keep out of the menu at the cursor."""
ANSWER = 640
"""Tokens of the tests; some 60 lines."""
EXAMPLE_TOKENS = 400
"""Tokens of another test that are shown: its imports and the first tests."""
BACKGROUND_SHARE = 3
"""One part in so many of the room is kept for the example, where the code is long."""
ON_DISK = 0
"""The version of a document that no editor has open."""

SYSTEM = "You are an expert {language} programmer who writes unit tests."
REQUEST = "This is the code of {path}:\n{block}\n\nWrite two short tests of `{name}` with {framework}: {advice}. {form}"
NEW_FILE = "Answer with the whole test file in one code block, without explanation. The file begins so:\n{head}"
MORE = "They are added to {file}. Answer with the new tests only, in one code block, without explanation."
MODULE = "Answer with the module of the tests in one code block, without explanation. It begins so:\n{head}"
MODULE_HEAD = "#[cfg(test)]\nmod tests {\n    use super::*;"

_APART = re.compile(r"^package\s+\w+_test\b", re.MULTILINE)
"""Go: tests in a package of their own, which has none of the other's names."""
_MAIN = re.compile(r"if\s+__name__\s*==")


@dataclass(frozen=True, slots=True)
class Goal:
    """Where tests go.

    Attributes:
        document: that is edited.
        region: an empty one in it.
        form: what the model is told of the form of its answer.
        shown: what of the document an answer may repeat.
        elsewhere: what is tested and stands beside it (see `Brief`).
    """

    document: Snapshot
    region: Span
    form: str
    shown: tuple[str, ...] = ()
    elsewhere: tuple[tuple[str, str], ...] = ()


def offering(target: Target) -> tuple[Offer, ...]:
    """The function around a cursor, or what is selected as a whole; none in a test itself."""
    convention = convention_of(target.snapshot.language)
    holder = subject(target.snapshot, target.tree, target.span)
    if convention is None or holder is None or (target.span.empty and not holder.is_function):
        return ()
    name = PurePosixPath(urlsplit(target.snapshot.uri).path).name
    if convention.tests.fullmatch(name) or (convention.inline and holder.container in TEST_MODULES):
        return ()
    span = span_of(target.snapshot, (holder.start, holder.end))
    return (Offer("tests", f"Write tests for {holder.name}", KIND, span),)


async def briefing(target: Target, workspace: Workspace) -> Brief:
    """Ask for tests, and say which file they go to.

    Raises:
        ActionError: no function is meant, the document is no file, there is no room, or a file holds a secret.
    """
    snapshot = target.snapshot
    convention = convention_of(snapshot.language)
    holder = subject(snapshot, target.tree, target.span)
    if convention is None or holder is None:
        raise ActionError("There is no function or class here to write tests for.", "Put the cursor into one.")
    await asyncio.to_thread(require_no_secret, snapshot, workspace)
    root, source = _place(snapshot, workspace)
    suite = await asyncio.to_thread(find, root, source, convention)
    goal = await asyncio.to_thread(_goal, target, workspace, holder, convention, suite)
    system = SYSTEM.format(language=name_of(snapshot.language))
    answer = min(workspace.max_tokens, ANSWER)

    def asked(code: str) -> str:
        return REQUEST.format(
            path=source.as_posix(),
            block=fenced(code, fence_of(snapshot.language)),
            name=holder.name,
            framework=suite.framework.name,
            advice=suite.framework.advice.replace("{stem}", source.stem),
            form=goal.form,
        )

    region = span_of(snapshot, (holder.start, holder.end))
    left = room_for(workspace, system, asked(""), answer)
    most = left - left // BACKGROUND_SHARE
    code = await asyncio.to_thread(ends, text_of(snapshot, region), most, workspace.count, snapshot.language)
    known = (*_example(suite, workspace), *await background(target, workspace, region))
    return Brief(
        messages=conversation(system, known, asked(code), workspace, answer),
        form=Form.NEW,
        snapshot=goal.document,
        region=goal.region,
        allowed=(0, len(goal.document.lines)),
        max_tokens=answer,
        create=not suite.exists,
        title=target.title or f"Write tests for {holder.name}",
        shown=(*goal.shown, code, *(one.text for one in known)),
        fence=fence_of(goal.document.language),
        elsewhere=goal.elsewhere,
    )


def _place(snapshot: Snapshot, workspace: Workspace) -> tuple[Path, PurePosixPath]:
    """The folder and the document in it; a document of no folder has the one that it lies in."""
    if workspace.root is not None:
        return workspace.root, PurePosixPath(workspace.path)
    parts = urlsplit(snapshot.uri)
    if parts.scheme != "file":
        raise ActionError("This document is no file yet, so there is no place for its tests.", "Save it first.")
    path = Path(url2pathname(parts.path))
    return path.parent, PurePosixPath(path.name)


def _goal(target: Target, workspace: Workspace, holder: Holder, convention: Convention, suite: Suite) -> Goal:
    """Where the tests go. It may read a file."""
    root, source = _place(target.snapshot, workspace)
    name = holder.container or holder.name
    subject = Subject(name, target.snapshot.text, source, root, suite.path, suite.framework.keeps_suffix, suite.example)
    there = elsewhere(subject, target.tree, target.snapshot.language)
    if convention.inline:
        return replace(_in_module(target), elsewhere=there)
    document = _document(suite, root, workspace)
    if document.text.strip():
        there = () if _APART.search(document.text) else there
        return Goal(document, _end(document), MORE.format(file=suite.path.name), elsewhere=there)
    imported = import_line(subject, target.snapshot.language)
    head = suite.framework.head.replace("{imported}", imported).strip()
    form = NEW_FILE.format(head=fenced(head, fence_of(document.language)))
    known = brought_by(head, target.snapshot.language)
    return Goal(document, _end(document), form, elsewhere=tuple(dict((*known, *there)).items()))


def _in_module(target: Target) -> Goal:
    """The end of the module of tests in the document itself; where there is none it is asked for."""
    snapshot = target.snapshot
    fence = fence_of(snapshot.language)
    shown = (MODULE_HEAD,)
    found = [] if target.tree is None else found_in(target.tree, encoded(snapshot.text), snapshot.language)[0]
    for one in found:
        if one.kind is Kind.MODULE and one.name in TEST_MODULES:
            last = snapshot.byte_position(one.end - 1)
            if snapshot.line_text(last.line).strip() == "}":
                place = Position(last.line, 0)
                return Goal(snapshot, Span(place, place), MORE.format(file=f"the module `{one.name}`"), shown)
    return Goal(snapshot, _end(snapshot), MODULE.format(head=fenced(MODULE_HEAD, fence)))


def _document(suite: Suite, root: Path, workspace: Workspace) -> Snapshot:
    """The test file as the editor has it, as it is on disk, or empty."""
    opened = workspace.open(suite.path)
    if opened is not None:
        require_no_secret(opened, replace(workspace, path=suite.path.relative_to(root).as_posix()))
        return opened
    text = read(root, suite.path) if suite.exists else ""
    if not text and suite.exists and suite.path.stat().st_size:
        raise ActionError(f"{suite.path.name} is too long, not readable, or holds a secret.", "Open it in the editor.")
    return Snapshot.of(suite.path.as_uri(), language_of(suite.path), ON_DISK, text)


def _end(document: Snapshot) -> Span:
    """Behind the last line; in Python in front of what runs the file as a program."""
    place = document.end
    for line in range(len(document.lines) - 1, -1, -1):
        if _MAIN.match(document.line_text(line)):
            place = Position(line, 0)
            break
    return Span(place, place)


def _example(suite: Suite, workspace: Workspace) -> tuple[Background, ...]:
    """A test of the project, cut to its first ones."""
    if not suite.example:
        return ()
    text = whole_lines(suite.example.strip("\n"), EXAMPLE_TOKENS, workspace.count)
    own = "the file that they go to" if suite.exists else f"tests of the same project, {suite.example_path}"
    return (Background(f"This is the beginning of {own}:", text, fence_of(language_of(suite.path))),)
