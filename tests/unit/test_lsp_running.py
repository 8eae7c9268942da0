"""What becomes of a run and its edits, where no client is needed to see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict

import pytest
from lsprotocol import types

from tabby_lsp.actions.types import Brief, Edit, Form, Outcome, Span
from tabby_lsp.document import Change, Position, PositionEncoding, Snapshot
from tabby_lsp.errors import ActionError
from tabby_lsp.lsp import applying
from tabby_lsp.lsp.running import Reply, Run
from tabby_lsp.lsp.server import TabbyServer

URI = "file:///shop/prices.py"
TEXT = "import os\n\n\ndef total(prices):\n    return sum(prices)\n"
LINE = Span(Position(4, 4), Position(4, 22))
EDITS = (Edit(LINE, "return 1"),)


def brief(snapshot: Snapshot) -> Brief:
    return Brief((), Form.CODE, snapshot, LINE)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[types.MessageType, str]]:
    """What a server says to its user."""
    messages: list[tuple[types.MessageType, str]] = []
    monkeypatch.setattr(
        TabbyServer, "window_show_message", lambda _, params: messages.append((params.type, params.message))
    )
    return messages


# ---- runs -----------------------------------------------------------------------------------------------------------


async def test_a_run_that_ends_before_its_first_step_is_forgotten_and_says_why(said: list) -> None:
    server = TabbyServer()

    async def work(_: Run) -> Reply:
        raise AssertionError("it has not begun")

    task = server.runs.start(URI, "Document total", work)
    server.runs.closed(URI)
    await asyncio.wait([task])
    await asyncio.sleep(0)
    assert said == [(types.MessageType.Warning, "tabby-lsp: Document total: The document was closed.")]
    server.runs.closed(URI)
    assert task.cancelled()
    assert len(said) == 1, "there is nothing left to end"
    assert server.runs._runs == {}


async def test_who_waits_for_it_reads_why(said: list) -> None:
    server = TabbyServer()

    async def work(_: Run) -> Reply:
        raise AssertionError("it has not begun")

    command = asyncio.create_task(server.runs.command(URI, "Document total", work, reply=True))
    asyncio.get_running_loop().call_soon(server.runs.closed, URI)
    await asyncio.sleep(0)
    reply = await command
    assert reply == asdict(Reply(message="The document was closed."))
    assert said == []


async def test_what_is_to_be_known_of_an_edit_is_said_and_is_no_warning(said: list) -> None:
    server = TabbyServer()

    async def work(_: Run) -> Reply:
        return Reply(applied=True, message="Not added, but needed: import os")

    await server.runs.start(URI, "Fix: it", work)
    assert said == [(types.MessageType.Info, "tabby-lsp: Fix: it: Not added, but needed: import os")]


# ---- edits ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> list[types.ApplyWorkspaceEditParams]:
    """Edits that a client took, which tells nothing of what it can."""
    edits: list[types.ApplyWorkspaceEditParams] = []

    async def apply(_: TabbyServer, params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        edits.append(params)
        return types.ApplyWorkspaceEditResult(applied=True)

    monkeypatch.setattr(TabbyServer, "workspace_apply_edit_async", apply)
    monkeypatch.setattr(TabbyServer, "client_capabilities", types.ClientCapabilities())
    return edits


def typed(server: TabbyServer, text: str) -> Snapshot:
    now = server.documents.get(URI)
    assert now is not None
    return server.documents.change(URI, [Change(text, (0, 0), (0, 0))], now.version + 1, PositionEncoding.UTF16)


async def test_an_edit_says_what_is_left_to_be_done(applied: list) -> None:
    server = TabbyServer()
    seen = server.documents.open(URI, "python", 1, TEXT)
    outcome = Outcome(EDITS, message="Not added, but needed: import re")
    reply = await applying.apply(server, "Fix: it", brief(seen), outcome)
    assert reply == Reply(applied=True, message="Not added, but needed: import re")
    assert len(applied) == 1


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Has something happen each time the place of an edit is looked for, and at no other time.

    From Python 3.14 on, a thread that is done at once is waited for without a turn of the loop.
    """
    find = applying.moved

    def during(happens: Callable[[], object]) -> None:
        monkeypatch.setattr(applying, "moved", lambda *given: (happens(), find(*given))[1])

    return during


async def test_what_is_typed_while_the_place_is_looked_for_moves_it_too(applied: list, meanwhile: Callable) -> None:
    server = TabbyServer()
    seen = server.documents.open(URI, "python", 1, TEXT)
    texts = ["# one\n# two\n"]
    meanwhile(lambda: texts and typed(server, texts.pop()))
    assert (await applying.apply(server, "Fix: it", brief(seen), Outcome(EDITS))).applied
    ((edit,),) = [params.edit.changes[URI] for params in applied]
    assert edit.range.start.line == 6


async def test_a_document_that_never_stays_is_given_up(applied: list, meanwhile: Callable) -> None:
    server = TabbyServer()
    seen = server.documents.open(URI, "python", 1, TEXT)
    meanwhile(lambda: typed(server, "\n"))
    reply = await applying.apply(server, "Fix: it", brief(seen), Outcome(EDITS))
    assert "keeps changing" in reply.message
    assert applied == []


def test_an_edit_that_breaks_the_document_as_it_is_now_is_not_made() -> None:
    seen = Snapshot.of(URI, "python", 1, TEXT)
    documented = (Edit(Span(Position(4, 0), Position(4, 0)), '    """Add up."""\n'),)
    place = Brief((), Form.DOCSTRING, seen, LINE)
    commented = Snapshot.of(URI, "python", 2, TEXT.replace("\n\n\n", '\n\n"""\n') + '"""\n')
    with pytest.raises(ActionError, match="break its syntax"):
        applying.moved(place, documented, commented)
    moved = applying.moved(place, documented, Snapshot.of(URI, "python", 2, f"import re\n{TEXT}x = (\n"))
    assert [edit.span.start.line for edit in moved] == [5]


# ---- commands without arguments -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["tabby-lsp.action", "tabby-lsp.rewrite", "tabby-lsp.accepted", "tabby.ask"])
@pytest.mark.parametrize("arguments", [(), (None,), ([1],), ({},), ({}, 2)])
async def test_whatever_comes_with_a_command_is_answered(command: str, arguments: tuple, said: list) -> None:
    server = TabbyServer()
    result = server.protocol.fm.commands[command](*arguments)
    if asyncio.iscoroutine(result):
        assert await result is None
        for _ in range(5):
            await asyncio.sleep(0)
    assert len(said) == (command != "tabby-lsp.accepted")
