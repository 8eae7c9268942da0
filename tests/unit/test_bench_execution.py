"""Programs that a model might write, against the limits: each one is really hit."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from tabby_lsp.bench.fim import execution
from tabby_lsp.bench.fim.execution import Fence, Limits, execute

SHORT = Limits(cpu_s=1, wall_s=6)
APART = execution.fence().launcher != ()
apart = pytest.mark.skipif(not APART, reason="neither unshare nor setpriv works here")


def test_what_reaches_its_end_passes() -> None:
    verdict = execute("import heapq, math, re, collections, typing, hashlib\nassert math.sqrt(4) == 2")
    assert verdict == execution.Verdict(True, "passed")


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("assert 1 == 2", "AssertionError"),
        ("def f(:\n", "SyntaxError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("import sys; sys.exit(0)\nassert False", "SystemExit"),
        ("import os; os._exit(0)", "ended early"),
        ("import os; os.abort()", "killed"),
        ("import os; os._exit(3)", "killed"),
        ("import atexit, sys\natexit.register(print, 'passed')\nsys.exit(0)", "SystemExit"),
        ("print('passed')\nraise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import threading\nthreading.Thread(target=print).start()", "RuntimeError"),
    ],
)
def test_what_does_not_reach_its_end_fails(program: str, reason: str) -> None:
    verdict = execute(program, SHORT)
    assert verdict == execution.Verdict(False, reason)


def test_an_endless_loop_is_stopped_by_its_processor_time() -> None:
    started = time.monotonic()
    assert execute("while True: pass", SHORT) == execution.Verdict(False, "killed")
    assert time.monotonic() - started < 5


def test_one_that_sleeps_is_killed_by_the_clock() -> None:
    started = time.monotonic()
    assert execute("import time; time.sleep(60)", Limits(wall_s=1)) == execution.Verdict(False, "time")
    assert time.monotonic() - started < 4


def test_signals_do_not_save_it() -> None:
    program = "import signal\nfor s in (2, 15, 24):\n    signal.signal(s, signal.SIG_IGN)\nwhile True: pass"
    assert not execute(program, SHORT).passed


def test_a_memory_bomb_is_refused() -> None:
    assert execute("x = bytearray(600 << 20)", SHORT) == execution.Verdict(False, "MemoryError")
    assert execute("x = bytearray(100 << 20)", SHORT).passed
    assert execute("x = bytearray(100 << 20)", Limits(memory=80 << 20)).reason == "MemoryError"


def test_a_file_bomb_is_refused() -> None:
    write = "with open('f', 'wb') as f:\n    f.write(bytes({size}))"
    assert execute(write.format(size="900_000"), SHORT).passed
    assert execute(write.format(size="2 << 20"), SHORT) == execution.Verdict(False, "OSError")


@apart
@pytest.mark.parametrize("start", ["os.fork()", "os.forkpty()", "os.posix_spawn('/bin/true', ['true'], {})"])
def test_it_can_start_nothing(start: str) -> None:
    program = f"import os\ntry:\n    {start}\nexcept OSError:\n    pass\nelse:\n    raise ValueError"
    assert execute(program, SHORT).passed
    assert not execute(f"import os\n{start}", SHORT).passed


def test_without_a_launcher_it_can_start_nothing_either() -> None:
    assert execute("import os; os.fork()", SHORT, Fence((), network=False)).reason in {
        "PermissionError",
        "BlockingIOError",
    }


@pytest.mark.parametrize("within", [pytest.param(None, marks=apart), Fence((), network=False)])
def test_it_reaches_no_server(within: Fence | None) -> None:
    if within is None and not execution.fence().network:
        pytest.skip("no network namespaces here")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        port = server.getsockname()[1]
        verdict = execute(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)", SHORT, within)
        assert not verdict.passed
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("within", [pytest.param(None, marks=apart), Fence((), network=False)])
def test_the_users_files_stay(tmp_path: Path, within: Fence | None) -> None:
    kept = tmp_path / "kept"
    kept.write_text("mine")
    for harm in (
        f"open({str(kept)!r}, 'w')",
        f"import os; os.remove({str(kept)!r})",
        f"import os; os.rename({str(kept)!r}, 'here')",
        f"import shutil; shutil.rmtree({str(tmp_path)!r})",
        f"import os; os.truncate({str(kept)!r}, 0)",
        f"import pathlib; pathlib.Path({str(tmp_path / 'new')!r}).mkdir()",
    ):
        assert not execute(harm, SHORT, within).passed, harm
        assert kept.exists(), harm
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert kept.read_text() == "mine"


def test_its_own_files_are_its_own() -> None:
    program = "import tempfile, os\nwith tempfile.TemporaryDirectory() as d:\n    open(d + '/f', 'w').write('x')\n"
    for within in (None, Fence((), network=False)):
        assert execute(program + "os.mkdir('e'); os.rename('e', 'g'); os.rmdir('g')", SHORT, within).passed


def test_it_sees_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    program = (
        "import os, sys\n"
        "assert 'SECRET' not in os.environ\n"
        "assert sys.stdin.read() == ''\n"
        "assert os.listdir('.') == ['program.py']\n"
        "try:\n    import rich\nexcept ImportError:\n    pass\nelse:\n    raise ValueError\n"
    )
    assert execute(program, SHORT).passed


@apart
@pytest.mark.skipif(os.geteuid() != 0, reason="root's privileges are dropped where there are some")
def test_root_is_given_up() -> None:
    assert execute("import os; assert os.getuid() == 65534 == os.geteuid()", SHORT).passed
    assert execute("import os; os.setuid(0)", SHORT).reason == "PermissionError"


def test_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before, open_before = threading.active_count(), len([*Path("/dev/fd").iterdir()])
    execute("open('f', 'w').write('x')\nwhile True: pass", SHORT)
    assert list(tmp_path.iterdir()) == []
    assert (threading.active_count(), len([*Path("/dev/fd").iterdir()])) == (before, open_before)


def test_a_program_is_put_together() -> None:
    parts = ("def f(x):\n", "    return x", "\n", "    return x\n", "def check(g):\n    assert g(1) == 1\n", "f")
    assert execution.program_of(*parts).startswith("def f(x):\n    return x\n\n\ndef check")
    assert execute(execution.program_of(*parts), SHORT).passed
    assert execution.program_of("a = ", "1", ";b", "2", "", "") == "a = 1;b\n\n"


def test_the_notice_says_whether_there_is_a_network() -> None:
    assert "no network" in execution.notice(Fence(("unshare",), network=True))
    assert "NOT cut off" in execution.notice(Fence((), network=False))
