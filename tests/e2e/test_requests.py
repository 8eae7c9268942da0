"""Requests and notifications as editors, and worse ones, send them: each request gets exactly one reply."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from e2e.wire import CANCELLED, INVALID_PARAMS, UNHURRIED, Editor, Fault, Json, hole, utf16

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOOP = '''\
def total(values: list[int]) -> int:
    """Sum up the values."""
    result = 0
    for value in values:
        █
    return result


print(total([1, 2, 3]))
'''
FREE_WITHIN_MS = 200
"""How soon after a cancel the engine serves somebody else: the project's own promise."""
FEW_TOKENS = 8
"""Prompt tokens that one keystroke may cost: its own, and those that are read again with it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(
    server_environment: dict[str, str], log_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Editor]:
    """One server for all tests here; each test uses documents of its own."""
    editor = await Editor.start(server_environment, log_folder / "requests.log")
    await editor.initialize(UNHURRIED, folders=[tmp_path_factory.mktemp("workspace")])
    await editor.status_is("ready")
    yield editor
    await editor.stop()


@pytest.fixture
def uri(request: pytest.FixtureRequest) -> str:
    """A document of the test's own."""
    return f"file:///e2e/{request.node.name.replace('[', '-').replace(']', '')}.py"


def of_code(lines: int, seed: str) -> str:
    """Python of so many lines, different for each seed, with a hole in every second line of four."""
    whole = "".join(f"def {seed}_{i}(a, b):\n    \n    return {seed} * {i}\n\n" for i in range(lines // 4 + 1))
    return "".join(whole.splitlines(keepends=True)[:lines])


# ---- many at once -------------------------------------------------------------------------------------------------


async def test_a_hundred_requests_get_a_hundred_replies(editor: Editor) -> None:
    documents = [f"file:///e2e/flood-{n}.py" for n in range(5)]
    for n, uri in enumerate(documents):
        editor.open(uri, of_code(80, f"flood{n}"))
    before = len(editor.said("$/logTrace"))
    sent: list[int] = []
    cancelled: set[int] = set()
    for nth in range(100):
        line = 1 + 4 * (nth // 5)  # another hole each time
        sent.append(editor.ask(documents[nth % 5], line, 4))
        if nth // 5 % 2 == 0:
            cancelled.add(sent[-1])
            editor.notify("$/cancelRequest", {"id": sent[-1]})
    await editor.until(lambda: all(number in editor.replies for number in sent), "reply to each of the 100")
    # what comes after them was answered after them: a second reply to one of them would be here by now
    assert await editor.request("workspace/executeCommand", {"command": "tabby-lsp.statistics"})

    assert [len(editor.replies[number]) for number in sent] == [1] * 100
    assert len(cancelled) == 50
    for number in sent:
        reply = editor.replies[number][0]
        if "error" in reply:
            assert reply["error"]["code"] == CANCELLED
            assert number in cancelled
        else:
            assert isinstance(reply["result"]["items"], list)
            assert number not in cancelled
    # of the other 50 the newest of each document was the model's, and made an end of those before it
    told = editor.said("$/logTrace")[before:]
    assert len(told) == 50
    assert sum(said["message"].startswith("superseded ") for said in told) == 50 - len(documents)
    assert sum(json.loads(said["verbose"])["prompt"] > 0 for said in told) == len(documents)


async def test_a_newer_question_ends_an_older_one_of_the_same_document(editor: Editor, uri: str) -> None:
    text, line, character = hole(LOOP)
    below = text.count("\n") + 301
    editor.open(uri, text + of_code(400, "superseded"))
    before = len(editor.said("$/logTrace"))
    old = editor.ask(uri, below, 4)
    new = editor.ask(uri, line, character)
    assert (await editor.reply(old))["items"] == []
    assert (await editor.reply(new))["items"]
    reasons = [said["message"].split(" in ")[0] for said in editor.said("$/logTrace")[before:]]
    assert reasons == ["superseded", "shown"]


async def test_a_cancel_in_the_middle_of_a_prefill_frees_the_engine(editor: Editor, uri: str) -> None:
    text, line, character = hole(LOOP)
    waits: list[float] = []
    # of three tries the best, because the machine may be busy with other things
    for attempt in range(3):
        long, small = f"{uri}.{attempt}.long.py", f"{uri}.{attempt}.small.py"
        source = of_code(4000, f"long{attempt}")
        editor.open(long, source)
        editor.open(small, text.replace("total", f"total{attempt}"))
        doomed = editor.ask(long, 2000 + 1, 4)
        # nothing is said when a prefill begins; that it had begun and was not through is seen below
        await asyncio.sleep(1)
        editor.notify("$/cancelRequest", {"id": doomed})
        given = await editor.complete(small, line, character)
        with pytest.raises(Fault) as cancelled:
            await editor.reply(doomed)
        assert cancelled.value.code == CANCELLED
        assert given.items
        waits.append(given.details["timings"]["queue"])

        again = editor.ask(long, 2000 + 1, 4)
        await editor.reply(again)
        counted = json.loads(editor.said("$/logTrace")[-1]["verbose"])
        assert 0 < counted["reused"] < counted["prompt"] - FEW_TOKENS, "it was not in the middle of its prefill"
        if waits[-1] < FREE_WITHIN_MS:
            break
    assert min(waits) < FREE_WITHIN_MS


# ---- nonsense -----------------------------------------------------------------------------------------------------

PLACE = {"line": 0, "character": 0}
DOCUMENT = {"uri": "file:///e2e/nonsense.py"}
BY_HAND = {"triggerKind": 1}


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"position": PLACE, "context": BY_HAND}, id="no-document"),
        pytest.param({"textDocument": DOCUMENT, "position": "here", "context": BY_HAND}, id="position-is-text"),
        pytest.param({"textDocument": DOCUMENT, "position": {"line": 0}, "context": BY_HAND}, id="half-a-position"),
        pytest.param({"textDocument": DOCUMENT, "position": PLACE, "context": {"triggerKind": 99}}, id="odd-trigger"),
        pytest.param({"textDocument": None, "position": PLACE, "context": BY_HAND}, id="null-document"),
        pytest.param([1, 2, 3], id="a-list"),
        pytest.param("words", id="text"),
        pytest.param(None, id="null"),
        pytest.param(
            {"textDocument": {"jsonrpc": "2.0", "method": "x"}, "position": PLACE, "context": BY_HAND},
            id="a-message-within",
        ),
    ],
)
async def test_malformed_params_are_refused(editor: Editor, params: Json) -> None:
    with pytest.raises(Fault) as refused:
        await editor.request("textDocument/inlineCompletion", params, within=10)
    assert refused.value.code == INVALID_PARAMS
    assert "textDocument/inlineCompletion" in refused.value.message


async def test_a_key_named_jsonrpc_is_a_key_like_others(editor: Editor, uri: str) -> None:
    text, line, character = hole(LOOP)
    editor.open(uri, text)
    params = {
        "textDocument": {"uri": uri, "jsonrpc": "2.0", "id": 7, "method": "shutdown"},
        "position": {"line": line, "character": character},
        "context": {"triggerKind": 2},
    }
    assert (await editor.request("textDocument/inlineCompletion", params))["items"]


async def test_an_unknown_method_is_refused_and_an_unknown_notification_is_not_answered(editor: Editor) -> None:
    editor.notify("nobody/knows", {"x": 1})
    with pytest.raises(Fault) as refused:
        await editor.request("nobody/knows", {"x": 1}, within=10)
    assert refused.value.code == -32601


@pytest.mark.parametrize("body", [b"{", b"[]", b"17", b'"text"', b"null", b"\xff\xfe", b'{"jsonrpc": "2.0"}'])
async def test_what_is_no_message_is_survived(editor: Editor, body: bytes) -> None:
    editor.write_body(body)
    answer = await editor.request("workspace/executeCommand", {"command": "tabby-lsp.statistics"}, within=10)
    assert "shown_suggestions" in answer


async def test_malformed_notifications_are_survived(editor: Editor, uri: str) -> None:
    text, line, character = hole(LOOP)
    editor.notify("textDocument/didOpen", {"textDocument": {"uri": uri}})
    editor.notify("textDocument/didChange", {"textDocument": {"uri": uri}, "contentChanges": "all"})
    editor.notify("textDocument/didClose", None)
    editor.notify("$/cancelRequest", {"id": "never sent"})
    editor.edit("file:///e2e/never-opened.py", 2, (0, 0), (0, 0), "x")
    editor.open(uri, text)
    assert (await editor.complete(uri, line, character)).items


# ---- places -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "character"), [(10_000, 0), (0, 10_000), (2**31 - 1, 2**31 - 1)])
async def test_a_position_outside_is_taken_back_into_the_document(
    editor: Editor, uri: str, line: int, character: int
) -> None:
    text = "import os\n\n\ndef here() -> str:\n    return os.getcwd()\n"
    editor.open(uri, text)
    given = await editor.complete(uri, line, character, invoked=True)
    for item in given.items:
        end = item["range"]["end"]
        assert end == {"line": 5, "character": 0} if line else {"line": 0, "character": 9}
    assert given.reason not in {"", "superseded"}


@pytest.mark.parametrize(("line", "character"), [(-1, 0), (0, -1), (-7, -7), (2**31, 0)])
async def test_a_position_that_the_protocol_does_not_know_gets_one_reply(
    editor: Editor, uri: str, line: int, character: int
) -> None:
    editor.open(uri, "x = 1\n")
    number = editor.ask(uri, line, character)
    with pytest.raises(Fault) as refused:
        await editor.reply(number, within=20)
    assert refused.value.code == INVALID_PARAMS
    await editor.request("workspace/executeCommand", {"command": "tabby-lsp.statistics"})
    assert len(editor.replies[number]) == 1


async def test_an_unknown_document_has_no_suggestions(editor: Editor) -> None:
    assert (await editor.complete("file:///e2e/nobody-opened-this.py", 3, 4)).items == []


async def test_a_closed_document_has_no_suggestions(editor: Editor, uri: str) -> None:
    text, line, character = hole(LOOP)
    editor.open(uri, text)
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert (await editor.complete(uri, line, character)).items == []


async def test_an_empty_document_is_answered(editor: Editor, uri: str) -> None:
    editor.open(uri, "")
    given = await editor.complete(uri, 0, 0, invoked=True)
    assert given.reason
    for item in given.items:
        assert item["range"] == {"start": PLACE, "end": PLACE}


async def test_line_endings_of_the_document_are_kept(editor: Editor, uri: str) -> None:
    text, line, character = hole(CLASS.replace("\n", "\r\n"))
    editor.open(uri, text)
    given = await editor.complete(uri, line, character)
    assert given.items
    for inserted in given.texts:
        assert "\n" not in inserted.replace("\r\n", "")
        assert "\r" not in inserted.replace("\r\n", "")
    assert any("\r\n" in inserted for inserted in given.texts), "one line proves nothing: choose another hole"


CLASS = """\
class Point:
    def __init__(self, x: int, y: int) -> None:
        █

    def move(self, dx: int, dy: int) -> None:
        self.x += dx
        self.y += dy
"""


async def test_tabs_are_answered_with_tabs(editor: Editor, uri: str) -> None:
    text, line, character = hole(CLASS.replace("    ", "\t"))
    editor.open(uri, text)
    given = await editor.complete(uri, line, character)
    assert given.items
    further = [row for inserted in given.texts for row in inserted.splitlines()[1:] if row.strip()]
    assert further, "one line proves nothing: choose another hole"
    assert all(row.startswith("\t\t") for row in further)


async def test_markers_in_a_document_are_text(editor: Editor, uri: str) -> None:
    marked = '"""<|fim_prefix|> of <|fim_suffix|> and <|fim_middle|><|endoftext|>."""\n\nMARK = "<|fim_middle|>"\n\n\n'
    text, line, character = hole(marked + LOOP)
    editor.open(uri, text)
    given = await editor.complete(uri, line, character)
    assert given.items
    assert "<|" not in "".join(given.texts)
    # as special tokens the five would be 5 tokens; as text each is several
    plain, line, character = hole(LOOP)
    editor.open(uri + ".plain.py", plain)
    unmarked = await editor.complete(uri + ".plain.py", line, character)
    assert given.details["prompt"] - unmarked.details["prompt"] > 25


# ---- typing -------------------------------------------------------------------------------------------------------


async def test_typing_along_and_apart(editor: Editor, uri: str) -> None:
    text, line, character = hole(LOOP)
    editor.open(uri, text)
    first = (await editor.complete(uri, line, character)).texts[0]
    assert len(first) > 4
    versions = iter(range(2, 100))

    for typed in first[:3]:
        editor.edit(uri, next(versions), (line, character), (line, character), typed)
        character += utf16(typed)
    along = await editor.complete(uri, line, character)
    assert along.reason == "typed-along"
    assert along.texts == [first[3:]]
    assert [along.details[count] for count in ("prompt", "reused", "evaluated", "generated")] == [0, 0, 0, 0]

    editor.edit(uri, next(versions), (line, character - 1), (line, character), "")
    character -= 1
    back = await editor.complete(uri, line, character)
    assert back.reason == "typed-along"
    assert back.texts == [first[2:]]
    assert back.details["prompt"] == 0

    apart = "z" if first[2] != "z" else "y"
    editor.edit(uri, next(versions), (line, character), (line, character), apart)
    character += 1
    deviating = await editor.complete(uri, line, character)
    assert deviating.details["prompt"] > 0
    assert deviating.details["evaluated"] <= FEW_TOKENS

    editor.edit(uri, next(versions), (line, character), (line, character), apart)
    character += 1
    further = await editor.complete(uri, line, character)
    assert further.details["prompt"] > 0
    assert further.details["evaluated"] <= FEW_TOKENS

    editor.edit(uri, next(versions), (line, character - 1), (line, character), "")
    character -= 1
    erased = await editor.complete(uri, line, character)
    assert erased.details["evaluated"] <= FEW_TOKENS


async def test_an_answer_for_a_buffer_that_has_moved_on_is_not_shown(editor: Editor, uri: str) -> None:
    text, line, character = hole(LOOP)
    editor.open(uri, text.replace("total", "moved"))
    shown = (await editor.request("workspace/executeCommand", {"command": "tabby-lsp.statistics"}))["shown_suggestions"]
    number = editor.ask(uri, line, character)
    editor.edit(uri, 2, (line, character), (line, character), "x")
    assert (await editor.reply(number))["items"] == []
    after = await editor.request("workspace/executeCommand", {"command": "tabby-lsp.statistics"})
    assert after["shown_suggestions"] == shown


async def test_asked_by_hand_there_are_several(editor: Editor, uri: str) -> None:
    text, line, character = hole(LOOP)
    editor.open(uri, text.replace("total", "several"))
    given = await editor.complete(uri, line, character, invoked=True)
    assert len(given.items) > 1
    assert len(set(given.texts)) == len(given.texts)
    for item in given.items:
        assert item["command"]["command"] == "tabby-lsp.accepted"


LISTING = """\
import os


def listing(folder: str) -> list[str]:
    return sorted(os.li█)


print(listing("."))
"""


async def test_what_is_selected_in_the_menu_is_how_a_suggestion_begins(editor: Editor, uri: str) -> None:
    text, line, character = hole(LISTING)
    editor.open(uri, text)
    start = {"line": line, "character": character - 2}
    span = {"start": start, "end": {"line": line, "character": character}}
    given = await editor.complete(
        uri, line, character, selectedCompletionInfo={"range": span, "text": "listdir"}, invoked=True
    )
    assert given.items
    for item in given.items:
        assert item["insertText"].startswith("listdir")
        assert len(item["insertText"]) > len("listdir")
        assert item["range"]["start"] == start


# ---- notebooks ----------------------------------------------------------------------------------------------------


async def test_cells_of_a_notebook_are_documents(editor: Editor) -> None:
    text, line, character = hole(LOOP)
    cells = ["notebook:/e2e.ipynb#one", "notebook:/e2e.ipynb#two"]
    notebook = {"uri": "file:///e2e.ipynb", "notebookType": "jupyter-notebook", "version": 1, "cells": [
        {"kind": 2, "document": cell} for cell in cells
    ]}  # fmt: skip
    documents = [
        {"uri": cells[0], "languageId": "python", "version": 1, "text": "import os\n"},
        {"uri": cells[1], "languageId": "python", "version": 1, "text": text.replace("total", "in_a_cell")},
    ]
    editor.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": documents})
    assert (await editor.complete(cells[1], line, character)).items

    span = {"start": {"line": line, "character": character}, "end": {"line": line, "character": character}}
    change = {"document": {"uri": cells[1], "version": 2}, "changes": [{"range": span, "text": "zz"}]}
    editor.notify(
        "notebookDocument/didChange",
        {"notebookDocument": {"uri": notebook["uri"], "version": 2}, "change": {"cells": {"textContent": [change]}}},
    )
    assert (await editor.complete(cells[1], line, character + 2)).details["prompt"] > 0
    assert (await editor.complete(cells[1], line, character)).reason == "in-word", "the cell's edit has not arrived"

    closed = {"notebookDocument": {"uri": notebook["uri"]}, "cellTextDocuments": [{"uri": cell} for cell in cells]}
    editor.notify("notebookDocument/didClose", closed)
    assert (await editor.complete(cells[1], line, character)).trace == []


# ---- settings -----------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(editor: Editor) -> Iterator[dict[str, Json]]:
    """What the client answers when it is asked for its settings; the built-in ones hold again after the test."""
    given: dict[str, Json] = {}
    asked = editor.answers["workspace/configuration"]
    editor.answers["workspace/configuration"] = lambda params: [given for _ in params["items"]]
    yield given
    editor.answers["workspace/configuration"] = asked
    editor.notify("workspace/didChangeConfiguration", {"settings": {"tabby-lsp": UNHURRIED}})


@pytest.mark.parametrize("wrapped", [True, False])
async def test_settings_that_are_pushed_hold(
    editor: Editor, uri: str, settings: dict[str, Json], *, wrapped: bool
) -> None:
    text, line, character = hole(LOOP)
    editor.open(uri, text)
    off = {"completion": {"enabled": False}}
    pushed = {"settings": {"tabby-lsp": off} if wrapped else off}
    editor.notify("workspace/didChangeConfiguration", pushed)
    given = await editor.complete(uri, line, character)
    assert given.items == []
    assert given.reason == "disabled"


async def test_settings_that_are_pulled_hold(editor: Editor, uri: str, settings: dict[str, Json]) -> None:
    text, line, character = hole(LOOP)
    editor.open(uri, text)
    settings["completion"] = {"enabled": False}
    before = len(editor.asked)
    editor.notify("workspace/didChangeConfiguration", {"settings": None})
    await editor.until(lambda: len(editor.asked) > before, "request of the settings")
    assert editor.asked[-1] == ("workspace/configuration", {"items": [{"section": "tabby-lsp"}]})
    given = await editor.complete(uri, line, character)
    assert given.items == []
    assert given.reason == "disabled"


async def test_a_wrong_setting_is_named_once(editor: Editor, uri: str, settings: dict[str, Json]) -> None:
    text, line, character = hole(LOOP)
    editor.open(uri, text)
    wrong = {"tabby-lsp": {"completion": {"max_tokns": 7, "max_lines": "many"}}}
    editor.notify("workspace/didChangeConfiguration", {"settings": wrong})

    def complaints() -> list[Json]:
        return [said for said in editor.said("window/showMessage") if "max_tokns" in said["message"]]

    said = (await editor.until(complaints, "complaint"))[0]
    assert said["type"] == 2
    assert "max_tokens" in said["message"], "the right name is suggested"
    assert "max_lines" in said["message"]
    editor.notify("workspace/didChangeConfiguration", {"settings": wrong})
    assert (await editor.complete(uri, line, character)).items
    assert len(complaints()) == 1


async def test_each_folder_of_the_workspace_has_a_say(
    editor: Editor, uri: str, tmp_path: Path, settings: dict[str, Json]
) -> None:
    text, line, character = hole(LOOP)
    editor.open(uri, text)
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    (folders[1] / ".tabby-lsp.toml").write_text("[completion]\nenabled = false\n")
    named = [{"uri": folder.as_uri(), "name": folder.name} for folder in folders]

    def change(added: list[Json], removed: list[Json]) -> None:
        event = {"added": added, "removed": removed}
        editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})

    editor.notify("workspace/didChangeConfiguration", {"settings": {"tabby-lsp": UNHURRIED}})
    change(named, [])
    assert (await editor.complete(uri, line, character)).reason == "disabled"
    change([], named[1:])
    assert (await editor.complete(uri, line, character)).items
    change([], named[:1])
    assert (await editor.complete(uri, line, character)).items


async def test_the_trace_is_as_loud_as_the_client_wants(editor: Editor, uri: str) -> None:
    text, line, character = hole(LOOP)
    editor.open(uri, text.replace("total", "traced"))
    assert (await editor.complete(uri, line, character)).details["prompt"] > 0
    editor.notify("$/setTrace", {"value": "messages"})
    brief = await editor.complete(uri, line, character)
    assert brief.reason == "typed-along"
    assert brief.details == {}
    editor.notify("$/setTrace", {"value": "off"})
    assert (await editor.complete(uri, line, character)).trace == []
    editor.notify("$/setTrace", {"value": "verbose"})
    assert (await editor.complete(uri, line, character)).details != {}


async def test_accepted_suggestions_are_counted(editor: Editor, uri: str) -> None:
    text, line, character = hole(LOOP)
    editor.open(uri, text.replace("total", "counted"))
    ask = {"command": "tabby-lsp.statistics"}
    before = await editor.request("workspace/executeCommand", ask)
    item = (await editor.complete(uri, line, character)).items[0]
    assert await editor.request("workspace/executeCommand", item["command"]) is None
    after = await editor.request("workspace/executeCommand", ask)
    engine = after.pop("engine")
    assert len(after.pop("index")) == 1  # of the one folder
    assert engine["evaluated"] > 0
    assert engine["generated"] > 0
    grown = {name: after[name] - before[name] for name in after}
    assert grown == {
        "shown_suggestions": 1,
        "accepted_suggestions": 1,
        "shown_characters": len(item["insertText"]),
        "accepted_characters": len(item["insertText"]),
    }
