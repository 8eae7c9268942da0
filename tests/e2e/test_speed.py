"""What makes it quick, counted in tokens: seconds say more of the machine than of the program."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from e2e.wire import CAPABILITIES, PATIENCE_S, Editor, Json, hole, utf16

pytestmark = pytest.mark.asyncio(loop_scope="module")

FEW_TOKENS = 8
"""Prompt tokens that one keystroke may cost: its own, and those that are read again with it."""
COLD_TOKENS = 200
"""Prompt tokens that the first question may cost, at the speed that is assumed before any has been measured."""
LONG_PROMPT = 400
STILL_S, LOOKS = 0.3, 6
"""How often it is looked whether the engine is still at work, and how many equal looks say that it is not."""

SETTINGS: dict[str, Json] = {"completion": {"deadline_ms": 60_000, "likely": False}}
"""The defaults, but that a busy machine takes its time, and that a model of this size may be unsure."""
TAKES_LONGER = CAPABILITIES | {"experimental": {"tabby": {"longer": True}}}

CLASS = """\
class Point:
    def __init__(self, x: int, y: int) -> None:
        █

    def move(self, dx: int, dy: int) -> None:
        self.x += dx
        self.y += dy
"""


def of_code(lines: int, seed: str) -> str:
    """Python of so many lines, different for each seed, with a hole in the second of each five."""
    one = "def {s}_{i}(first, second):\n    \n    total = first * {i} + second\n    return total\n\n"
    return "".join(one.format(s=seed, i=i) for i in range(lines // 5))


HOLE = (301, 4)
"""A hole in the middle of 600 such lines."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(server_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    """One server with nearly the default settings; each test uses documents of its own."""
    editor = await Editor.start(server_environment, tmp_path_factory.mktemp("log") / "speed.log")
    await editor.initialize(SETTINGS)
    await editor.status_is("ready")
    yield editor
    await editor.stop()


Server = Callable[..., Awaitable[Editor]]


@pytest_asyncio.fixture(loop_scope="module")
async def server(server_environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Server]:
    """A server of the test's own, that is ready: `await server(max_tokens=3)`."""
    started: list[Editor] = []

    async def start(*, longer: bool = False, **completion: Json) -> Editor:
        started.append(await Editor.start(server_environment, tmp_path / f"{len(started)}.log"))
        capabilities = TAKES_LONGER if longer else CAPABILITIES
        await started[-1].initialize({"completion": SETTINGS["completion"] | completion}, capabilities=capabilities)
        await started[-1].status_is("ready")
        return started[-1]

    yield start
    for editor in started:
        await editor.stop()


async def totals(editor: Editor) -> dict[str, int]:
    """What the engine has done so far."""
    return (await editor.request("workspace/executeCommand", {"command": "tabby-lsp.statistics"}))["engine"]


async def at_rest(editor: Editor) -> dict[str, int]:
    """Wait until the engine does nothing any more; return what it has done."""
    before, same = await totals(editor), 0
    async with asyncio.timeout(PATIENCE_S):
        while same < LOOKS:
            await asyncio.sleep(STILL_S)
            now = await totals(editor)
            same = same + 1 if now == before else 0
            before = now
    return before


def other_than(texts: list[str]) -> str:
    """A letter with which none of them begins."""
    return next(letter for letter in "zqxyk" if not any(text.startswith(letter) for text in texts))


async def test_a_cold_question_reads_little_and_the_next_key_almost_nothing(server: Server) -> None:
    """In a server of its own: what was measured before would decide how much is read."""
    editor, uri, (line, character) = await server(), "file:///speed/cold.py", HOLE
    editor.open(uri, of_code(600, "cold"))
    cold = await editor.complete(uri, line, character)
    assert 0 < cold.details["evaluated"] <= COLD_TOKENS
    assert cold.details["prompt"] <= COLD_TOKENS

    work = await at_rest(editor)
    assert work["evaluated"] > LONG_PROMPT, "the whole prompt was not evaluated in idle time"
    letter = other_than(cold.texts)
    editor.edit(uri, 2, (line, character), (line, character), letter)
    warm = await editor.complete(uri, line, character + 1)
    assert warm.details["prompt"] > LONG_PROMPT
    assert warm.details["evaluated"] <= FEW_TOKENS


async def test_a_cursor_that_comes_to_rest_makes_the_first_question_warm(editor: Editor) -> None:
    uri, (line, character) = "file:///speed/cursor.py", HOLE
    editor.open(uri, of_code(600, "cursor"))
    await at_rest(editor)
    place = {"line": line, "character": character}
    editor.notify("tabby/cursor", {"textDocument": {"uri": uri}, "position": place})
    await at_rest(editor)
    first = await editor.complete(uri, line, character)
    assert first.details["prompt"] > LONG_PROMPT
    assert first.details["evaluated"] <= FEW_TOKENS


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        {"textDocument": {"uri": 7}, "position": {"line": 0, "character": 0}},
        {"textDocument": {"uri": "file:///speed/odd.py"}, "position": {"line": "x", "character": None}},
        {"textDocument": {"uri": "file:///speed/odd.py"}, "position": {"line": -1, "character": 10**12}},
        {"textDocument": {"uri": "file:///nobody/opened/this.py"}, "position": {"line": 0, "character": 0}},
        {"position": 3},
    ],
)
async def test_an_odd_cursor_is_survived(editor: Editor, params: Json) -> None:
    editor.open("file:///speed/odd.py", "x = 1\n")
    editor.notify("tabby/cursor", params)
    assert await totals(editor)
    assert " E tabby_lsp" not in editor.log.read_text(), "a line of the log that tells of an error"


async def test_what_follows_an_accepted_suggestion_is_there_already(server: Server) -> None:
    """Suggestions of three tokens: something follows them on their line."""
    editor, uri = await server(max_tokens=3), "file:///speed/accept.py"
    text, line, character = hole(CLASS.replace("x", "width").replace("y", "height"))
    editor.open(uri, text)
    await at_rest(editor)
    shown = await editor.complete(uri, line, character)
    (accepted,) = shown.texts
    assert "\n" not in accepted
    work = await at_rest(editor)
    assert work["generated"] > shown.details["generated"], "nothing was written ahead"
    editor.edit(uri, 2, (line, character), (line, character), accepted)
    following = await editor.complete(uri, line, character + utf16(accepted))
    assert following.texts, f"nothing follows {accepted!r}: choose another hole"
    assert following.reason in {"typed-along", "in-flight"}
    assert following.details["generated"] == 0


async def test_more_of_a_suggestion_is_told(server: Server) -> None:
    uri = "file:///speed/longer.py"
    editor = await server(longer=True, line_budget_ms=0, word_budget_ms=0, prefetch=False)
    text, line, character = hole(CLASS)
    editor.open(uri, text)
    early = await editor.complete(uri, line, character)
    assert early.details["finish"] == "early"
    assert "\n" not in early.texts[0]
    told = await editor.until(lambda: editor.said("tabby/longer"), "tabby/longer")
    assert told[0] == {"uri": uri, "version": 1}
    await at_rest(editor)
    again = await editor.complete(uri, line, character)
    assert again.reason == "typed-along"
    assert again.texts[0].startswith(early.texts[0])
    assert len(again.texts[0]) > len(early.texts[0])
    assert "\n" in again.texts[0]


async def test_nobody_is_told_who_does_not_say_that_they_take_it(server: Server) -> None:
    editor, uri = await server(line_budget_ms=0, prefetch=False), "file:///speed/brief.py"
    text, line, character = hole(CLASS)
    editor.open(uri, text)
    early = await editor.complete(uri, line, character)
    await at_rest(editor)
    again = await editor.complete(uri, line, character)
    assert len(again.texts[0]) > len(early.texts[0])
    assert editor.said("tabby/longer") == []


async def test_the_trace_says_which_question_it_is_of(editor: Editor) -> None:
    uris = [f"file:///speed/trace{n}.py" for n in range(4)]
    text, line, character = hole(CLASS)
    for n, uri in enumerate(uris):
        editor.open(uri, text.replace("Point", f"Point{n}"))
    await at_rest(editor)
    before = len(editor.said("$/logTrace"))
    below = text.count("\n")
    old = [editor.ask(uri, below, 0) for uri in uris]
    new = [editor.ask(uri, line, character, invoked=True) for uri in uris]
    for number in (*old, *new):
        await editor.reply(number)
    told = [
        (json.loads(said["verbose"]), said["message"].split(" in ")[0]) for said in editor.said("$/logTrace")[before:]
    ]
    assert sorted(details["id"] for details, _ in told) == sorted([*old, *new])
    reasons = {details["id"]: reason for details, reason in told}
    assert {reasons[number] for number in old} == {"superseded"}
    assert {reasons[number] for number in new} == {"shown"}
    for details, _ in told:
        assert details["total_ms"] >= details["outside_ms"]
