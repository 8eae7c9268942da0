"""The client of the index's child process: real processes, real pipes, real messages."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import psutil
import pytest

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import IndexUnavailable
from tabby_lsp.index.child import client as module
from tabby_lsp.index.child.client import IndexClient
from tabby_lsp.index.child.messages import (
    LENGTH,
    Cancel,
    Changed,
    Close,
    Configure,
    Definitions,
    Found,
    Listed,
    Message,
    Names,
    Open,
    Refused,
    Search,
    Siblings,
    Told,
    encode,
    receive,
)
from tabby_lsp.index.types import Phase, Query, Snippet, Status, Wanted, Why
from tabby_lsp.syntax.symbols.types import Import, Use

PATIENCE_S = 60.0

SNIPPET = Snippet('a/o\'hara "x".py', "python", 3, 9, "def f():\n    ▮\n", Why.USED, ("C.f",), 0.5, {"text": 1.5})

MESSAGES: list[Message] = [
    Configure(IndexSettings(storage_options=("region=x",)), "/m.gguf", offline=True, watch=False, level="DEBUG"),
    Open("/srv/\udcff\n名"),
    Close("/work"),
    Changed("/work", ("a.py", "b/c.py")),
    Changed("/work", ()),
    Changed("/work"),
    Definitions(7, "/work", Wanted("a.py", "python", (Use("f", "self"),), (Import("..m", (("a", "b"),)),), ("Base",))),
    Names(6, "/work", "ge", "python", 4),
    Siblings(8, "/work", "a.py", 3),
    Search(9, "/work", Query("text", ("python", "go"), "*.py", "f", "a.py", 5)),
    Cancel(9),
    Found(9, (SNIPPET, SNIPPET)),
    Found(10, ()),
    Listed(11, ("getter", "gé")),
    Refused(9, "no", "do that"),
    Told("/work", Status(Phase.INDEXING, 1, 2, 3, 4, {"binary": 5}, 6, "well")),
]

ANSWERS = """
import sys
from tabby_lsp.index.child.messages import *
from tabby_lsp.index.types import *
out = sys.stdout.buffer
def send(message):
    out.write(encode(message)); out.flush()
while (message := receive(sys.stdin.buffer)) is not None:
    match message:
        case Open(root):
            send(Told(root, Status(Phase.READY, files=1)))
        case Search(number, root, query) if query.text == "die":
            import os; os.kill(os.getpid(), 9)
        case Search(number, root, query) if query.text == "rubbish":
            out.write(b"\\xff" * 64); out.flush()
        case Search(number, root, query) if query.text == "refuse":
            send(Refused(number, "not now"))
        case Search(number, root, query) if query.text == "silence":
            pass
        case Search(number, root, query):
            send(Found(number, (Snippet(query.text, "", 0, 1, root, Why.SEARCH),)))
        case Names(number, root, start, language, limit):
            send(Listed(number, (start, language, str(limit))))
        case Cancel(number) | Changed(number, _):
            send(Told("/work", Status(Phase.READY, message=repr(message))))
        case _:
            print(type(message).__name__, file=sys.stderr, flush=True)
"""
"""A child that answers at once, and does what a question says; for what the real one never does on purpose."""

ROOT = Path("/work")


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_messages_come_out_as_they_went_in(message: Message) -> None:
    stream = io.BytesIO(encode(message) * 2)
    assert receive(stream) == message
    assert receive(stream) == message
    assert receive(stream) is None


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_that_is_cut_off_is_none(message: Message) -> None:
    frame = encode(message)
    assert all(receive(io.BytesIO(frame[:length])) is None for length in range(len(frame)))


@pytest.mark.parametrize("body", [b"\xff" * 64, LENGTH.pack(2) + b"[]", LENGTH.pack(11) + b'["Open",{}]'])
def test_what_is_no_message_is_an_error(body: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, ExceptionGroup)):
        receive(io.BytesIO(body))


class Heard:
    """What a client tells of its folders."""

    def __init__(self) -> None:
        self.statuses: list[Status] = []
        self._news = threading.Condition()

    def __call__(self, root: Path, status: Status) -> None:
        with self._news:
            self.statuses.append(status)
            self._news.notify_all()

    def wait(self, seen: Callable[[list[Status]], object]) -> None:
        with self._news:
            assert self._news.wait_for(lambda: seen(self.statuses), PATIENCE_S), self.statuses


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def client(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> Iterator[IndexClient]:
    monkeypatch.setattr(module, "BACKOFF_S", (0.01,) * 5)
    client = IndexClient(Configure(IndexSettings()), heard, (sys.executable, "-c", ANSWERS))
    yield client
    client.close()


def ready(statuses: list[Status]) -> bool:
    return bool(statuses) and statuses[-1].phase is Phase.READY


def test_a_question_is_answered(client: IndexClient, heard: Heard) -> None:
    index = client.folder(ROOT)
    client.start()
    heard.wait(ready)
    assert client.status(ROOT) == Status(Phase.READY, files=1)
    answers = [index.search(Query(f"q{i}")) for i in range(50)]
    assert [answer.result(PATIENCE_S)[0].path for answer in answers] == [f"q{i}" for i in range(50)]


def test_names_are_asked_for(client: IndexClient, heard: Heard) -> None:
    index = client.folder(ROOT)
    client.start()
    heard.wait(ready)
    assert index.names("ge", "go").result(PATIENCE_S) == ("ge", "go", "256")
    assert index.names("", "c", 3).result(PATIENCE_S) == ("", "c", "3")


def test_without_a_child_the_answer_is_no(client: IndexClient) -> None:
    index = client.folder(ROOT)
    asked = index.search(Query("x")), index.siblings("x"), index.definitions(Wanted("x", "python"))
    for answer in (*asked, index.names("x", "python")):
        assert answer.done()
        assert isinstance(answer.exception(), IndexUnavailable)
    assert client.status(ROOT) == Status(Phase.STARTING)


def test_a_refusal_is_raised(client: IndexClient, heard: Heard) -> None:
    index = client.folder(ROOT)
    client.start()
    heard.wait(ready)
    with pytest.raises(IndexUnavailable, match="not now"):
        index.search(Query("refuse")).result(PATIENCE_S)


@pytest.mark.parametrize("how", ["die", "rubbish"])
def test_a_child_that_dies_takes_its_questions_along_and_comes_back(
    client: IndexClient, heard: Heard, how: str
) -> None:
    index = client.folder(ROOT)
    client.start()
    heard.wait(ready)
    lost = [index.search(Query("silence")), index.search(Query(how)), index.search(Query("silence"))]
    for answer in lost:
        assert isinstance(answer.exception(PATIENCE_S), IndexUnavailable)
    heard.wait(lambda statuses: [s.phase for s in statuses] == [Phase.READY, Phase.STARTING, Phase.READY])
    assert index.search(Query("again")).result(PATIENCE_S)[0].text == str(ROOT)


def test_a_child_that_dies_again_and_again_is_left_alone(client: IndexClient, heard: Heard) -> None:
    index = client.folder(ROOT)
    client.start()
    for death in range(module.RESTARTS):
        heard.wait(lambda statuses: sum(s.phase is Phase.READY for s in statuses) == death + 1)  # noqa: B023
        index.search(Query("die"))
    heard.wait(lambda statuses: statuses[-1].phase is Phase.FAILED)
    assert "signal 9" in heard.statuses[-1].message
    assert isinstance(index.search(Query("x")).exception(PATIENCE_S), IndexUnavailable)
    deadline = time.monotonic() + PATIENCE_S
    while client.process_id is None and time.monotonic() < deadline:  # its thread is just ending
        client.start()
        time.sleep(0.01)
    heard.wait(ready)
    assert index.search(Query("x")).result(PATIENCE_S)


def test_a_program_that_is_not_there_is_a_failure(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_S", (0.01,) * 5)
    client = IndexClient(Configure(IndexSettings()), heard, ("/nowhere/python",))
    client.folder(ROOT)
    client.start()
    heard.wait(lambda statuses: bool(statuses) and statuses[-1].phase is Phase.FAILED)
    client.close()


def test_a_cancelled_question_is_told_of(client: IndexClient, heard: Heard) -> None:
    index = client.folder(ROOT)
    client.start()
    heard.wait(ready)
    answer = index.search(Query("silence"))
    assert answer.cancel()
    with pytest.raises(CancelledError):
        answer.result(0)
    heard.wait(lambda statuses: statuses[-1].message == "Cancel(id=1)")


def test_changes_are_passed_on(client: IndexClient, heard: Heard) -> None:
    client.folder(ROOT)
    client.start()
    heard.wait(ready)
    client.changed(ROOT, ["a.py"])
    heard.wait(lambda statuses: statuses[-1].message == repr(Changed("/work", ("a.py",))))
    client.changed(ROOT, None)
    heard.wait(lambda statuses: statuses[-1].message == repr(Changed("/work")))
    client.changed(Path("/elsewhere"), ["a.py"])
    client.remove(ROOT)
    client.changed(ROOT, ["a.py"])
    assert client.status(ROOT) is None


def test_close_ends_child_and_futures(client: IndexClient, heard: Heard) -> None:
    index = client.folder(ROOT)
    client.start()
    heard.wait(ready)
    assert client.process_id is not None
    child = psutil.Process(client.process_id)
    waiting = index.search(Query("silence"))
    client.close()
    assert isinstance(waiting.exception(PATIENCE_S), IndexUnavailable)
    assert isinstance(index.search(Query("x")).exception(PATIENCE_S), IndexUnavailable)
    child.wait(PATIENCE_S)
    client.start()
    assert client.process_id is None


def test_no_call_waits_for_a_child_that_reads_nothing(heard: Heard) -> None:
    """Megabytes of changes: far more than a pipe holds."""
    client = IndexClient(Configure(IndexSettings()), heard, (sys.executable, "-c", "import time; time.sleep(600)"))
    index = client.folder(ROOT)
    client.start()
    deadline = time.monotonic() + PATIENCE_S
    while client.process_id is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.process_id is not None
    child = psutil.Process(client.process_id)
    for _ in range(200):
        client.changed(ROOT, [f"folder/file{i}.py" for i in range(1000)])
    assert not index.search(Query("x")).done()
    child.send_signal(signal.SIGKILL)
    client.close()


def test_the_real_child_ends_with_its_pipe() -> None:
    """Also where its parent has no time to say anything."""
    reading, writing = os.pipe()
    child = psutil.Popen([sys.executable, "-m", "tabby_lsp.index.child.worker"], stdin=reading)
    os.close(reading)
    os.write(writing, encode(Configure(IndexSettings())))
    os.close(writing)
    assert child.wait(PATIENCE_S) == 0
