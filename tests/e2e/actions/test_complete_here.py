"""Bodies that are written by the model that completes: one edit, in its place, that parses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from e2e.actions.desk import Desk
from e2e.actions.test_edits import errors
from e2e.wire import Editor, Json

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
