"""Bodies that are written by the model that completes: one edit, in its place, that parses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from e2e.actions.desk import Desk
from e2e.actions.test_edits import errors
from e2e.wire import CAPABILITIES, Editor, Json

pytestmark = pytest.mark.asyncio(loop_scope="module")

STUBS: dict[str, tuple[str, str, str, str]] = {
    "python": (
        'def is_even(number: int) -> bool:\n    """Whether a number can be divided by two."""\n    ',
        "pass",
        "\n\n\nprint(is_even(4))\n",
        "Write the body of is_even",
    ),
    "typescript": (
        "/** Whether a number can be divided by two. */\nexport function isEven(value: number): boolean ",
        "{}",
        "\n\nconsole.log(isEven(4));\n",
        "Write the body of isEven",
    ),
    "go": (
        "package numbers\n\n// IsEven says whether a number can be divided by two.\nfunc IsEven(number int) bool {\n\t",
        'panic("not implemented")',
        "\n}\n\nfunc IsOdd(number int) bool {\n\treturn !IsEven(number)\n}\n",
        "Write the body of IsEven",
    ),
    "rust": (
        "/// Whether a number can be divided by two.\npub fn is_even(number: i32) -> bool {\n    ",
        "todo!()",
        "\n}\n\npub fn is_odd(number: i32) -> bool {\n    !is_even(number)\n}\n",
        "Write the body of is_even",
    ),
}
"""Language → what stands before the placeholder, the placeholder, what stands behind it, the title."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(server_environment: dict[str, str], log_folder: Path) -> AsyncIterator[Desk]:
    editor = await Editor.start(server_environment, log_folder / "complete.log")
    desk = await Desk.sit_down(editor, "visual_studio_code_v1.139.1")
    await editor.status_is("ready")
    yield desk
    await editor.stop()


def cursor(text: str) -> Json:
    """The end of a text, as an empty range; the stubs are ASCII."""
    place = {"line": text.count("\n"), "character": len(text) - text.rfind("\n") - 1}
    return {"start": place, "end": place}


@pytest.mark.parametrize("language", STUBS)
async def test_a_body_takes_the_place_of_what_stood_for_it(desk: Desk, language: str) -> None:
    before, stub, behind, title = STUBS[language]
    uri = f"file:///e2e/stub.{language}"
    desk.open(uri, before + stub + behind, language)
    edits, messages = len(desk.edits), len(desk.messages())
    offered = await desk.actions(uri, cursor(before))
    assert await desk.choose(offered, title) is None
    assert await desk.outcome(edits, messages) == "", "this model can do that"
    assert len(desk.edits) == edits + 1
    after = desk.texts[uri]
    assert after.startswith(before)
    assert after.endswith(behind)
    written = after[len(before) : len(after) - len(behind)]
    assert "2" in written
    assert stub not in written
    assert errors(language, after) == 0


async def test_who_types_on_gets_no_edit(desk: Desk) -> None:
    before, stub, behind, title = STUBS["python"]
    uri = "file:///e2e/typed.py"
    desk.open(uri, before + stub + behind, "python")
    edits, messages = len(desk.edits), len(desk.messages())
    offered = await desk.actions(uri, cursor(before))
    assert await desk.choose(offered, title) is None
    desk.type(uri, len(before), "return not number % 2\n    ")
    text = desk.texts[uri]
    assert await desk.outcome(edits, messages) != ""
    assert len(desk.edits) == edits
    assert desk.texts[uri] == text


LONG = (
    'def fizz_buzz(limit: int) -> None:\n    """Print Fizz, Buzz, FizzBuzz or the number, up to a limit."""\n    ',
    "pass",
    "\n\n\nfizz_buzz(15)\n",
    "Write the body of fizz_buzz",
)
"""Before the placeholder, the placeholder, behind it, the title; some lines are needed."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def streaming(server_environment: dict[str, str], log_folder: Path) -> AsyncIterator[Desk]:
    """An editor with a part of ours: it makes one undo step of many pieces."""
    editor = await Editor.start(server_environment, log_folder / "steps.log")
    capabilities = CAPABILITIES | {"experimental": {"tabby": {"steps": True}}}
    desk = await Desk.sit_down(editor, capabilities=capabilities)
    await editor.status_is("ready")
    yield desk
    await editor.stop()


async def test_a_body_comes_line_by_line(streaming: Desk) -> None:
    before, stub, behind, title = LONG
    uri = "file:///e2e/steps.py"
    streaming.open(uri, before + stub + behind, "python")
    offered = await streaming.actions(uri, cursor(before))
    assert await streaming.choose(offered, title) is None
    await streaming.editor.until(lambda: any(piece["last"] for piece in streaming.pieces), "last piece")
    pieces = streaming.pieces
    assert [piece["first"] for piece in pieces] == [True] + [False] * (len(pieces) - 1)
    assert [piece["last"] for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert len(pieces) > 2, "this model writes some lines here"
    assert streaming.edits == []
    after = streaming.texts[uri]
    assert after.startswith(before)
    assert after.endswith(behind)
    assert stub not in after[len(before) : len(after) - len(behind)]
    assert errors("python", after) == 0
    assert streaming.messages() == []


async def test_who_refuses_the_first_line_gets_one_edit(streaming: Desk) -> None:
    before, stub, behind, title = STUBS["go"]
    uri = "file:///e2e/refused.go"
    streaming.open(uri, before + stub + behind, "go")
    pieces, edits, messages = len(streaming.pieces), len(streaming.edits), len(streaming.messages())
    offered = await streaming.actions(uri, cursor(before))
    takes = streaming.editor.answers.pop("tabby/step")
    try:
        assert await streaming.choose(offered, title) is None
        assert await streaming.outcome(edits, messages) == ""
    finally:
        streaming.editor.answers["tabby/step"] = takes
    assert len(streaming.pieces) == pieces
    assert errors("go", streaming.texts[uri]) == 0


async def test_a_key_between_two_lines_ends_the_pieces(streaming: Desk) -> None:
    before, stub, behind, title = LONG
    uri = "file:///e2e/interrupted.py"
    streaming.open(uri, before + stub + behind, "python")
    pieces, edits, messages = len(streaming.pieces), len(streaming.edits), len(streaming.messages())
    offered = await streaming.actions(uri, cursor(before))
    token_before = streaming.running(title)
    assert await streaming.choose(offered, title) is None
    await streaming.editor.until(lambda: len(streaming.pieces) > pieces, "first piece")
    shown = streaming.texts[uri]
    streaming.type(uri, len(shown), "typed = 1\n")
    token = await streaming.editor.until(lambda: streaming.running(title), "progress")
    assert token != token_before
    await streaming.editor.until(lambda: len(streaming.edits) > edits or len(streaming.messages()) > messages, "end")
    assert not any(piece["last"] for piece in streaming.pieces[pieces:])
    text = streaming.texts[uri]
    assert text.endswith(behind + "typed = 1\n"), "what was typed stays, whatever came of the rest"
    assert text.startswith(before)
    assert errors("python", text) == 0


async def test_what_was_written_until_it_is_given_up_parses(streaming: Desk) -> None:
    before, stub, behind, title = LONG
    uri = "file:///e2e/given_up.py"
    streaming.open(uri, before + stub + behind, "python")
    pieces = len(streaming.pieces)
    offered = await streaming.actions(uri, cursor(before))
    assert await streaming.choose(offered, title) is None
    await streaming.editor.until(lambda: len(streaming.pieces) > pieces, "first piece")
    streaming.editor.notify("window/workDoneProgress/cancel", {"token": streaming.running(title)})
    await streaming.editor.until(lambda: streaming.pieces[-1]["last"], "last piece")
    assert len(streaming.pieces) > pieces + 1
    text = streaming.texts[uri]
    assert text.startswith(before)
    assert text.endswith(behind)
    assert errors("python", text) == 0


async def test_what_is_undone_while_it_is_written_ends_there(streaming: Desk) -> None:
    before, behind = "NUMBERS = [\n    1001,\n    1002,\n    1003,\n", "]\n"  # hundreds of tokens follow
    uri = "file:///e2e/undone.py"
    streaming.open(uri, before + behind, "python")
    pieces, edits, messages = len(streaming.pieces), len(streaming.edits), len(streaming.messages())
    offered = await streaming.actions(uri, cursor(before))
    assert await streaming.choose(offered, "Complete here") is None
    await streaming.editor.until(lambda: len(streaming.pieces) > pieces, "first piece")
    streaming.undo(uri, before + behind)
    assert "writing ended there" in await streaming.message(messages)
    await streaming.command("tabby-lsp.statistics")  # its reply comes behind whatever would be edited
    assert streaming.texts[uri] == before + behind
    assert len(streaming.edits) == edits
    assert not any(piece["last"] for piece in streaming.pieces[pieces:])


async def test_a_document_that_is_closed_meanwhile_is_left_alone(streaming: Desk) -> None:
    before, stub, behind, title = LONG
    uri = "file:///e2e/closed.py"
    streaming.open(uri, before + stub + behind, "python")
    pieces, edits = len(streaming.pieces), len(streaming.edits)
    offered = await streaming.actions(uri, cursor(before))
    assert await streaming.choose(offered, title) is None
    await streaming.editor.until(lambda: len(streaming.pieces) > pieces, "first piece")
    messages = len(streaming.messages())
    streaming.close(uri)
    assert "closed" in await streaming.message(messages)
    await streaming.command("tabby-lsp.statistics")  # its reply comes behind whatever would be edited
    assert len(streaming.edits) == edits
    assert not any(piece["last"] for piece in streaming.pieces[pieces:])
