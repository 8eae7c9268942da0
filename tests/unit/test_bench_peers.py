"""llama.vim's request rules, against a llama-server that says what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from scripted_llama import SOON_S, TEXT, Editor, Scripted, until

from tabby_lsp.bench.contestants.peers import llama_vim, vim_context
from tabby_lsp.bench.contestants.peers.llama_vim import LlamaVim
from tabby_lsp.bench.contestants.peers.vim_context import Answer, Cache, around, as_if_accepted, hint
from tabby_lsp.bench.contestants.peers.vim_ring import Ring, likeness
from tabby_lsp.bench.types import State

Vim = Callable[..., Any]


@pytest_asyncio.fixture
async def vim() -> AsyncIterator[Vim]:
    started: list[LlamaVim] = []

    async def start(*says: str, text: str = TEXT, line: int = 3, column: int = 4) -> tuple[Editor, Scripted]:
        server = Scripted(*says)
        started.append(LlamaVim(server))
        editor = Editor(started[-1], text, line, column)
        await editor.start()
        return editor, server

    yield start
    for contestant in started:
        await contestant.stop()


# ---- llama.vim ------------------------------------------------------------------------------------------------------


async def test_a_key_is_one_request_with_the_lines_around_it(vim: Vim) -> None:
    editor, server = await vim("urn width * height")
    editor.type("ret")
    await until(lambda: editor.shown)
    body = server.asked[0]
    assert body["input_prefix"] == "import os\n\ndef area(width, height):\n"
    assert (body["prompt"], body["n_indent"]) == ("    ret", 4)
    assert body["input_suffix"] == "\n\nprint(area(2, 3))\n"
    assert (body["n_predict"], body["t_max_prompt_ms"], body["t_max_predict_ms"]) == (128, 500, 250)
    assert (body["samplers"], body["id_slot"], body["cache_prompt"]) == (["top_k", "top_p", "infill"], 0, True)
    assert editor.shown[0].version == editor.state.version
    assert (editor.shown[0].text, editor.shown[0].reason) == ("urn width * height", "answer")
    assert (editor.shown[0].evaluated, editor.shown[0].reused, editor.shown[0].generated) == (7, 5, 2)


async def test_what_the_replay_changes_itself_asks_nothing(vim: Vim) -> None:
    editor, server = await vim()
    editor.type("x", ask=False)
    assert await editor.contestant.idle() < SOON_S
    assert not server.asked
    assert not editor.shown


async def test_nothing_is_asked_with_text_after_the_cursor(vim: Vim) -> None:
    editor, server = await vim(text="a = b12345678\n", line=0, column=4)
    editor.type("x")
    assert [(shown.text, shown.reason) for shown in editor.shown] == [("", "text after the cursor")]
    assert not server.asked
    near, server = await vim("y", text="a = b1234567\n", line=0, column=4)
    near.type("x")
    await until(lambda: server.asked)


async def test_a_running_request_is_waited_for_and_the_last_key_tries_again(vim: Vim) -> None:
    editor, server = await vim("one", "two")
    server.busy.clear()
    for key in "xyz":
        editor.type(key)
        await asyncio.sleep(0.02)
    assert len(server.asked) == 1
    server.busy.set()
    await until(lambda: editor.shown)
    assert [body["prompt"] for body in server.asked[:2]] == ["    x", "    xyz"]
    assert server.gone == 0
    assert (editor.shown[0].version, editor.shown[0].text) == (editor.state.version, "two")


async def test_an_answer_for_a_key_before_is_shown_if_typing_agrees(vim: Vim) -> None:
    editor, server = await vim("return width")
    server.busy.clear()
    editor.type("x = 1; ")
    await until(lambda: server.asked)
    editor.type("re")
    server.busy.set()
    await until(lambda: editor.shown)
    assert (editor.shown[0].version, editor.shown[0].text) == (editor.state.version, "turn width")
    assert (editor.shown[0].reason, editor.shown[0].generated) == ("typed into", 0)


async def test_typing_through_shows_at_once(vim: Vim) -> None:
    editor, server = await vim("return width")
    editor.type("x = 1; ")
    await until(lambda: editor.shown)
    asked = len(server.asked)
    editor.type("re")
    assert [shown.text for shown in editor.shown] == ["return width", "turn width"]
    assert len(server.asked) == asked
    editor.type("?")
    assert len(editor.shown) == 2


async def test_what_follows_an_accept_is_asked_for_ahead(vim: Vim) -> None:
    editor, server = await vim("return (\n        width", " * height")
    editor.type("x = 1; ")
    await until(lambda: len(server.asked) == 2)
    await editor.contestant.idle()
    editor.type("return (\n        width")
    assert (editor.shown[-1].text, editor.shown[-1].reason) == (" * height", "cached")
    ahead = server.asked[1]
    lines = editor.state.text.split("\n")[:-1]
    place = around(lines, editor.state.line, editor.state.column)
    assert (ahead["input_prefix"], ahead["prompt"], ahead["input_suffix"]) == (place.prefix, place.middle, place.suffix)
    assert ahead["t_max_predict_ms"] == 1000


async def test_idle_waits_for_the_request_and_shows_nothing_of_it(vim: Vim) -> None:
    editor, server = await vim("late")
    server.busy.clear()
    editor.type("x")
    await until(lambda: server.asked)
    asyncio.get_running_loop().call_later(0.1, server.busy.set)
    assert await editor.contestant.idle() >= 0.09
    assert not editor.shown
    usage = await editor.contestant.usage()
    assert (usage.evaluated, usage.generated, usage.requests) == (12, 3, 1)


async def test_the_ring_is_sent_while_nobody_types(vim: Vim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_vim, "ENTER_S", 0.0)
    monkeypatch.setattr(llama_vim, "RING_S", 0.01)
    _, server = await vim()
    await until(lambda: server.asked)
    assert server.asked[0]["n_predict"] == 0
    assert server.asked[0]["input_extra"][0]["filename"] == "shapes.py"
    assert server.asked[0]["input_extra"][0]["text"].startswith("import os\n")


async def test_a_saved_file_is_extra_context_for_the_next(vim: Vim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_vim, "ENTER_S", 0.0)
    monkeypatch.setattr(llama_vim, "RING_S", 0.01)
    editor, server = await vim()
    await until(lambda: server.asked)
    await editor.contestant.idle()
    await editor.contestant.close(editor.state.uri)
    before = len(server.asked)
    text = "\n".join(f"word{number} = {number}" for number in range(200))
    editor.contestant.saved(State("file:///here/numbers.py", "python", 9, text, 100, 0))
    await until(lambda: len(server.asked) > before)
    piece = server.asked[-1]["input_extra"][-1]
    assert piece["filename"] == "numbers.py"
    assert "\nword100 = 100\n" in piece["text"]


async def test_nothing_is_evaluated_while_others_are_measured(vim: Vim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_vim, "ENTER_S", 0.0)
    monkeypatch.setattr(llama_vim, "RING_S", 0.01)
    editor, server = await vim()
    await until(lambda: server.asked)
    await editor.contestant.idle()
    editor.contestant._ring.enter("other.py", ["one", "two", "three"], 0)
    asked = len(server.asked)
    await asyncio.sleep(0.1)
    assert len(server.asked) == asked
    await editor.contestant.open(editor.state)
    await until(lambda: len(server.asked) > asked)


# ---- llama.vim: context, cache, what is shown -----------------------------------------------------------------------


def test_the_window_of_lines() -> None:
    lines = [f"{number}" for number in range(1000)]
    place = around(lines, 500, 1)
    assert (place.prefix.split("\n")[0], place.prefix.count("\n")) == ("244", 256)
    assert (place.middle, place.rest, place.suffix.split("\n")[-2]) == ("5", "00", "564")
    assert [key[0].partition("\n")[0] for key in place.kept_under()] == ["244", "245", "246", "247"]
    assert as_if_accepted(lines, 500, ["a", "b", "c"], 0).prefix.split("\n")[0] == "246"
    assert around(["  "], 0, 2) == vim_context.Local("\n", "", "\n\n", 0, "")


def test_the_cache_keeps_the_last_and_finds_what_was_typed_into() -> None:
    cache = Cache()
    for number in range(vim_context.CACHE_KEYS + 1):
        cache.put((f"{number}", ""), Answer("x"))
    assert cache.get(("0", "")) is None
    assert cache.get(("1", "")) is not None
    cache.put(("a = ", "\n"), Answer("x" * 200))
    cache.put(("a = x", "\n"), Answer("xy"))
    assert cache.typed_into(vim_context.Local("", "a = xx", "\n", 0, "")) == "x" * 198
    assert cache.typed_into(vim_context.Local("", "a = " + "x" * 128, "\n", 0, "")) == "x" * 72
    assert not cache.typed_into(vim_context.Local("", "a = " + "x" * 129, "\n", 0, ""))


@pytest.mark.parametrize(
    ("lines", "row", "column", "answer", "shown", "counts"),
    [
        (["a = ", "b"], 0, 4, "1\n\n", "1", True),
        (["a = ", "b"], 0, 4, "\n", "", False),
        (["a = ", "b"], 0, 4, "\nb", "", False),
        (["f(x)", "b"], 0, 3, ")", "", True),
        (["f(x)", "b"], 0, 3, ", y", ", y", True),
        (["", "", "b"], 0, 0, "b", "", False),
        (["", "b", "c"], 0, 0, "b\nc", "", False),
        (["", "b", "c"], 0, 0, "b\nd", "b\nd", True),
        (["", "b", "c", "d"], 0, 0, "b\nc\nd", "", False),
        (["    ", "x"], 0, 4, "    y = 1\n    z", "y = 1\n    z", True),
    ],
)
def test_what_is_shown(lines: list[str], row: int, column: int, answer: str, shown: str, *, counts: bool) -> None:
    found = hint(lines, row, column, answer)
    assert (found.text, found.counts) == (shown, counts)


@pytest.mark.parametrize(("seed", "pieces"), [(0, 1), (1, 2)])
def test_a_saved_file_gives_a_piece_when_it_is_written_and_when_it_is_left(seed: int, pieces: int) -> None:
    """Where chance takes nearly the same lines again, the second one takes the place of the first."""
    ring = Ring(seed)
    ring.saved("a.py", [f"word{number} = {number}" for number in range(200)], 100)
    assert [ring.advance() for _ in range(pieces + 1)] == [True] * pieces + [False]
    for chunk in ring.extra():
        lines = chunk["text"].split("\n")[:-1]
        assert (len(lines), "word100 = 100" in lines) == (33, True)


def test_the_ring_takes_pieces_far_from_the_cursor_and_drops_likenesses() -> None:
    lines = [f"word{number} = {number}" for number in range(2000)]
    ring = Ring()
    ring.sent("a.py", lines, 1000)
    ring.sent("a.py", lines, 1020)
    assert ring.advance()
    assert ring.advance()
    assert not ring.advance()
    pieces = [chunk["text"].split("\n")[:-1] for chunk in ring.extra()]
    assert [len(piece) for piece in pieces] == [33, 33]
    assert lines.index(pieces[0][-1]) <= 744
    assert lines.index(pieces[1][0]) >= 1064
    ring.asked(lines, 1000)
    assert len(ring.extra()) == 2
    assert likeness(["a b"], ["a c"]) == pytest.approx(0.5)
    assert likeness([], []) == 1.0
