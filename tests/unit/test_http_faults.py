"""Every way in which a server can fail: one error, of the right sort, that says what to do; nothing waits for ever."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from provider_server import (
    PATIENCE_S,
    Behaviour,
    Served,
    chatting,
    completing,
    event,
    half,
    hangs,
    request,
    says,
    serving,
    slams,
    spoken,
    stalls,
    streams,
    written,
)

from tabby_lsp.engine.chat.types import Conversation, Message
from tabby_lsp.engine.http import server as server_room
from tabby_lsp.engine.http.opening import open_remote_chat, open_remote_engine
from tabby_lsp.engine.types import Finish, Ticket
from tabby_lsp.errors import (
    PromptTooLong,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderRefused,
    TabbyError,
)

KEY = "sk-very-secret-0123456789"
PAGE = "<!DOCTYPE html><html><body>Bad gateway</body></html>"


def message(text: str) -> str:
    return f'{{"error": {{"message": "{text}", "type": "t", "code": null}}}}'


FAULTS: dict[str, tuple[Behaviour, type[TabbyError], str, int, int]] = {
    "hangs": (hangs, ProviderDown, "silent for 1 s", 1, 1),
    "401": (says(401, message(f"Incorrect key: {KEY}.")), ProviderRefused, "`model.ROLE.http.api_key`", 1, 1),
    "403": (says(403, "no"), ProviderRefused, "`model.ROLE.http.api_key`", 1, 1),
    "404": (says(404, message("no such model")), ProviderRefused, '"no such model"', 1, 1),
    "402": (says(402, message("Insufficient Balance")), ProviderRefused, "paid", 1, 1),
    "429": (says(429, message("slow down")), ProviderBusy, "request_per_minute", 2, 3),
    "429 for long": (says(429, message("slow down"), Retry_After="3600"), ProviderBusy, "request_per_minute", 1, 1),
    "500": (says(500, message("kaboom")), ProviderBroken, '"kaboom"', 1, 1),
    "500 with a page": (says(500, PAGE, "text/html"), ProviderBroken, "a web page", 1, 1),
    "502": (says(502, PAGE, "text/html"), ProviderDown, "a web page", 2, 3),
    "503": (says(503, message("Loading model")), ProviderDown, '"Loading model"', 2, 3),
    "504": (says(504), ProviderDown, "HTTP 504", 2, 3),
    "400": (says(400, message("unknown field")), ProviderBroken, "`model.ROLE.http.kind`", 1, 1),
    "400 too long": (says(400, message("exceeds the available context size")), PromptTooLong, "context", 1, 1),
    "redirect": (says(307, Location="http://localhost:1/"), ProviderBroken, "sends elsewhere", 1, 1),
    "garbage": (streams(["\x00\x01 what?"]), ProviderBroken, "no answer", 1, 1),
    "garbage in an event": (streams(["data: {what", ""]), ProviderBroken, "no answer", 1, 1),
    "a list for an event": (streams(["data: [1]", ""]), ProviderBroken, "no answer", 1, 1),
    "an event of another sort": (streams([event({"choices": "none"})]), ProviderBroken, "no answer", 1, 1),
    "a web page": (streams([PAGE], "text/html"), ProviderBroken, "web page", 1, 1),
    "a page that says it is a stream": (streams([PAGE]), ProviderBroken, "no answer", 1, 1),
    "an error in the stream": (streams([event({"error": {"message": "no memory"}})]), ProviderBroken, "memory", 1, 1),
    "an old error in the stream": (streams(['error: {"message": "no slot"}', ""]), ProviderBroken, "no slot", 1, 1),
    "a refusal in a stream": (streams([event({"error": {"message": "no", "code": 401}})]), ProviderRefused, "no", 1, 1),
    "nothing at all": (streams([]), ProviderBroken, "in the middle", 1, 1),
    "closes at once": (slams, ProviderDown, "without an answer", 2, 3),
}  # fmt: skip
"""Name → what the server does, the error, what it says, and how often the server is asked: completion, chat."""


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other quickly; how many there are is what counts."""
    for role, patience in server_room.PATIENCE.items():
        quick = server_room.Patience(patience.retries, 0.01, patience.longest, patience.queues)
        monkeypatch.setitem(server_room.PATIENCE, role, quick)


class Once:
    """Counts how often a future is completed."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self.times = 0
        self.done = threading.Event()
        ticket.future.add_done_callback(self._seen)

    def _seen(self, _: object) -> None:
        self.times += 1
        self.done.set()

    def error(self) -> BaseException | None:
        error = self.ticket.future.exception(PATIENCE_S)
        assert self.done.wait(PATIENCE_S)
        return error


def one_error(once: Once, sort: type[TabbyError], says_so: str, served: Served, count: int) -> None:
    error = once.error()
    assert type(error) is sort
    assert isinstance(error, TabbyError)
    assert says_so in str(error)
    assert error.remedy
    assert KEY not in str(error)
    assert once.times == 1
    assert len(served.asked) == count


@pytest.mark.parametrize("fault", FAULTS)
def test_completion(fault: str) -> None:
    behave, sort, text, count, _ = FAULTS[fault]
    with serving(behave) as served:
        engine = open_remote_engine(completing(served.url, api_key=KEY, timeout_s=1))
        assert engine is not None
        heard: list[str] = []
        began = time.monotonic()
        once = Once(engine.submit(request(), heard.append))
        assert time.monotonic() - began < PATIENCE_S  # it is begun, not waited for
        one_error(once, sort, text.replace("ROLE", "completion"), served, count)
        assert heard == []
        served.behaviours[:] = [streams(written("fine"))]  # and the next question is answered
        assert engine.submit(request()).future.result(PATIENCE_S).candidates[0].text == "fine"
        engine.close()


def said(text: str = "Hello?", **more: object) -> Conversation:
    return Conversation(**{"key": "c", "messages": (Message("user", text),), "max_tokens": 64, **more})


@pytest.mark.parametrize("fault", FAULTS)
def test_chat(fault: str) -> None:
    behave, sort, text, _, count = FAULTS[fault]
    with serving(behave) as served:
        chat = open_remote_chat(chatting(served.url, api_key=KEY, timeout_s=1))
        assert chat is not None
        one_error(Once(chat.ask(said())), sort, text.replace("ROLE", "chat"), served, count)
        served.behaviours[:] = [streams(spoken("fine"))]
        assert chat.ask(said()).future.result(PATIENCE_S).candidates[0].text == "fine"
        chat.close()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_nobody_listens(nobody: str) -> None:
    engine = open_remote_engine(completing(nobody))
    assert engine is not None
    error = Once(engine.submit(request())).error()
    engine.close()
    assert isinstance(error, ProviderDown)
    assert "does not answer" in error.message
    assert "`model.completion.http.api_endpoint`" in error.remedy


# ---- half an answer --------------------------------------------------------------------------------------------------

HALVES: dict[str, Behaviour] = {
    "breaks": half(written("a = 1\n", "b = 2\nc =", finish=None)),
    "ends without an end": streams(written("a = 1\n", "b = 2\nc =", finish=None)),
    "falls silent": stalls(written("a = 1\n", "b = 2\nc =", finish=None)),
    "turns to garbage": streams([*written("a = 1\n", "b = 2\nc =", finish=None), "???"]),
}


@pytest.mark.parametrize("name", HALVES)
def test_the_whole_lines_of_half_a_completion_are_used(name: str) -> None:
    with serving(HALVES[name]) as served:
        engine = open_remote_engine(completing(served.url, timeout_s=1))
        assert engine is not None
        result = engine.submit(request()).future.result(PATIENCE_S)
        engine.close()
    assert (result.candidates[0].text, result.candidates[0].finish) == ("a = 1\nb = 2\n", Finish.DEADLINE)
    assert len(served.asked) == 1  # nothing is asked again once something has come


def test_half_a_line_is_no_completion() -> None:
    with serving(half(written("a = ", finish=None))) as served:
        engine = open_remote_engine(completing(served.url))
        assert engine is not None
        once = Once(engine.submit(request()))
        one_error(once, ProviderBroken, "in the middle of its answer", served, 1)
        engine.close()


@pytest.mark.parametrize("name", ["breaks", "ends without an end", "falls silent", "turns to garbage"])
def test_half_an_answer_of_a_chat_is_an_error(name: str) -> None:
    lines = spoken("One.\n", "Two", finish=None)
    halves = {"breaks": half(lines), "ends without an end": streams(lines), "falls silent": stalls(lines)}
    with serving(halves.get(name, streams([*lines, "???"]))) as served:
        chat = open_remote_chat(chatting(served.url, timeout_s=1))
        assert chat is not None
        heard: list[str] = []
        sort = ProviderDown if name == "falls silent" else ProviderBroken
        one_error(Once(chat.ask(said(), heard.append)), sort, "`model.chat.http.", served, 1)
        assert "".join(heard) == "One.\nTwo"
        chat.close()


def test_a_filter_that_ends_an_answer_is_named() -> None:
    with serving(streams(spoken("Well", finish="content_filter"))) as served:
        chat = open_remote_chat(chatting(served.url))
        assert chat is not None
        one_error(Once(chat.ask(said())), ProviderBroken, "filter", served, 1)
        chat.close()
