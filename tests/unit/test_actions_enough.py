"""When an answer ends before its model ends it: behind code that is of use, and never before."""

from __future__ import annotations

import pytest
from outcome_tables import Case, brief_of, cases
from scripted_engine import ScriptedEngine

from tabby_lsp.actions.enough import LONGEST, enough
from tabby_lsp.actions.outcome import read
from tabby_lsp.actions.types import Brief, Form
from tabby_lsp.config import Settings
from tabby_lsp.engine.chat.local import LocalChat
from tabby_lsp.engine.chat.types import Conversation, Message
from tabby_lsp.engine.types import Finish, never

DOCUMENT = "import math\n\n\n⟦def area(r):\n    return math.pi * r⟧\n\n\ndef other():\n    return 1\n"
CASES = cases()
NEW = "def area(r):\n    return math.pi * r**2\n"
OLD = "def area(r):\n    return math.pi * r\n"
PROSE = "\n\nIt was missing the square. In the old code:\n"
QUOTED = 'def area(r):\n    """As in\n\n```\narea(1)\n```\n    """\n    return math.pi * r**2\n'


def brief(document: str = DOCUMENT, form: Form = Form.CODE, language: str = "python", **more: object) -> Brief:
    return brief_of(document, language, form, (Message("user", "Fix it."),), **more)


def ended(brief: Brief, answer: str, size: int = 1) -> str | None:
    """What a model has written when it is stopped; None: it writes all of the answer."""
    rule = enough(brief)
    for at in range(size, len(answer) + size, size):
        keep = rule(answer[:at])
        if keep is not None:
            return answer[:keep]
    return None


def block(code: str, tag: str = "python") -> str:
    return f"```{tag}\n{code}```"


@pytest.mark.parametrize("size", [1, 3, 7, 500])
@pytest.mark.parametrize("lead", ["", "Here is the corrected code:\n\n", f"The code was:\n{block(OLD)}\nIt is now:\n"])
def test_it_ends_behind_the_block_that_is_of_use(lead: str, size: int) -> None:
    answer = f"{lead}{block(NEW)}{PROSE}{block(OLD)}"
    assert ended(brief(), answer, size) == f"{lead}{block(NEW)}"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(block(OLD) + PROSE, id="the old code"),
        pytest.param(block("npm test\n", "sh") + PROSE, id="another language"),
        pytest.param(block("    return math.pi * r**2\n") + PROSE, id="a piece of the function"),
        pytest.param(block("def area(r):\n    # ... rest unchanged\n") + PROSE, id="code that stands for more"),
        pytest.param(block("def area(r):\n    return (math.pi\n") + PROSE, id="broken code"),
        pytest.param(block(NEW), id="the fence's line may go on"),
        pytest.param(block(NEW).replace("\n```", "\n```python\n"), id="a fence that opens"),
        pytest.param("```python\n" + NEW + PROSE, id="a fence that is left open"),
        pytest.param("It is right as it is.\n\nNothing is to be done.\n", id="no code"),
    ],
)
def test_it_goes_on_where_there_may_be_more(answer: str) -> None:
    assert ended(brief(), answer) is None


def test_an_echo_that_differs_in_blanks_is_an_echo() -> None:
    spaced = brief(DOCUMENT.replace("math.pi * r⟧", "math.pi * r  ⟧"))
    answer = f"As it is:\n{block(OLD)}\nFixed:\n{block(NEW)}{PROSE}"
    assert ended(spaced, answer) == f"As it is:\n{block(OLD)}\nFixed:\n{block(NEW)}"


def test_a_fence_in_a_string_of_the_code_ends_nothing() -> None:
    answer = f"````python\n{QUOTED}````{PROSE}"
    assert ended(brief(), answer) == f"````python\n{QUOTED}````"
    assert ended(brief(), f"```python\n{QUOTED[:40]}") is None


def test_a_selection_without_names_is_waited_for() -> None:
    """A block may be one of its lines, quoted, with the whole of it behind."""
    selection = brief("def area(r):\n⟦    square = r\n    return math.pi * square⟧\n")
    line, both = block("    square = r * r\n"), block("    square = r * r\n    return square\n")
    answer = f"{line}\n\nSo all of it is:\n{both}\n"
    assert ended(selection, answer) is None


@pytest.mark.parametrize("form", [Form.PROSE, Form.LINE, Form.DOCSTRING])
def test_other_forms_end_by_themselves(form: Form) -> None:
    assert enough(brief(form=form)) is never


def test_a_long_document_is_not_read_on_the_engines_thread() -> None:
    assert enough(brief(DOCUMENT + "# x\n" * (LONGEST // 4))) is never


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_it_comes_to_is_the_same(case: Case) -> None:
    """Of every answer in the tables: cut where it is enough, it brings the edits that all of it brings."""
    kept = ended(case.brief, f"{case.answer}\n")
    whole = read(case.brief, case.answer, case.finish)
    assert kept is None or read(case.brief, kept, Finish.RULE).edits == whole.edits


def test_the_engine_is_told() -> None:
    engine = ScriptedEngine()
    chat, asked = LocalChat(engine, "scripted", Settings()), brief()
    ticket = chat.ask(Conversation(key="a", messages=asked.messages, max_tokens=99, enough=enough(asked)))
    run = engine.runs[-1]
    for piece in ("```python\n", NEW, "```", "\n\n"):
        assert not run.over
        run.write(piece)
    candidate = ticket.future.result(0).candidates[0]
    assert (candidate.text, candidate.finish) == (block(NEW), Finish.RULE)
