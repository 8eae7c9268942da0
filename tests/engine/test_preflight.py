"""Preflight: the child's verdict, when it is asked again, and what a child that dies comes to."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from rig import SETTINGS
from tiny import write_model

from tabby_lsp.config import EngineSettings
from tabby_lsp.engine.llama import library
from tabby_lsp.engine.llama import preflight as room
from tabby_lsp.engine.llama.preflight import Verdict, fingerprint, judge, preflight
from tabby_lsp.errors import ModelMissing, ModelUnusable

GOOD = Verdict(ok=True, extra_buffers=True, build="a build", memory=7)


def order(path: Path, settings: EngineSettings = SETTINGS, **more: object) -> dict[str, Any]:
    return {"path": str(path), "settings": asdict(settings), "measure": False, "extra_buffers": None, **more}


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The orders that children got; they answer `GOOD` at once and load nothing."""
    orders: list[dict[str, Any]] = []

    def run(command: list[str], *, input: bytes, **_: object) -> subprocess.CompletedProcess[bytes]:  # noqa: A002
        orders.append(json.loads(input))
        return subprocess.CompletedProcess(command, 0, json.dumps(asdict(GOOD)).encode(), b"")

    monkeypatch.setattr(room.subprocess, "run", run)
    return orders


@pytest.fixture
def interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Replaces the child: a program that has the order in `order`, and a file beside it for notes."""

    def install(body: str) -> Path:
        notes, program = tmp_path / "notes", tmp_path / "child"
        head = f"#!{sys.executable}\nimport json, os, signal, sys\norder = json.load(sys.stdin)\n"
        note = f"with open({str(notes)!r}, 'a') as file: print(order['extra_buffers'], file=file)\n"
        program.write_text(head + note + body)
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        return notes

    return install


# ---- real children -----------------------------------------------------------------------------------------------


def test_a_good_model(tiny: Path, tmp_path: Path) -> None:
    cache = tmp_path / "verdicts"
    verdict = preflight(tiny, SETTINGS, cache=cache)
    assert verdict.ok
    assert verdict.require() is verdict
    assert verdict.extra_buffers is not library.has_amx()
    assert verdict.build.startswith("llama-cpp-python 0.3.")
    assert "CPU" in verdict.features
    assert 500_000 < verdict.memory < 1_000_000
    assert verdict.prefill == verdict.decode == 0
    assert [json.loads(path.read_text()) for path in cache.iterdir()] == [asdict(verdict)]


def test_the_speed_is_measured_where_it_is_asked_for(tiny: Path) -> None:
    verdict = preflight(tiny, SETTINGS, cache=None, measure=True)
    assert verdict.ok
    assert verdict.prefill > 0
    assert verdict.decode > 0


@pytest.mark.parametrize(
    ("name", "message", "remedy"),
    [
        ("short", "file bounds", "verify"),
        ("unknown", "quokka", "upgrade llama-cpp-python"),
        ("text", "magic", "models pull"),
    ],
)
def test_a_bad_file_has_a_reason_and_a_remedy(models: Path, name: str, message: str, remedy: str) -> None:
    verdict = judge(order(models / f"{name}.gguf"))
    assert not verdict.ok
    assert message in verdict.message
    assert f"{name}.gguf" in verdict.message
    assert remedy in verdict.remedy
    with pytest.raises(ModelUnusable) as caught:
        verdict.require()
    assert (caught.value.message, caught.value.remedy) == (verdict.message, verdict.remedy)


def test_a_bad_file_in_a_child(models: Path, tmp_path: Path) -> None:
    verdict = preflight(models / "short.gguf", SETTINGS, cache=tmp_path)
    assert not verdict.ok
    assert "file bounds" in verdict.message
    assert not list(tmp_path.iterdir()), "a bad verdict is not kept"


def test_the_users_modules_are_not_ours(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor starts the server in a project, whose modules may have any name."""
    for name in ("json", "logging", "numpy", "llama_cpp", "tabby_lsp"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert preflight(tiny, SETTINGS, cache=None).message == ""


def test_a_state_space_model(recurrent: Path) -> None:
    assert judge(order(recurrent)).ok


@pytest.mark.parametrize("path", ["nothing.gguf", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, path: str, children: list[dict[str, Any]]) -> None:
    with pytest.raises(ModelMissing, match="cannot be read"):
        preflight(tmp_path / path, SETTINGS, cache=tmp_path)
    assert not children


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.gguf").touch()
    assert not judge(order(tmp_path / "empty.gguf")).ok


# ---- memory ------------------------------------------------------------------------------------------------------


def test_the_ceiling_for_memory(tiny: Path) -> None:
    large = replace(SETTINGS, context=16_384, memory_mb=1)
    verdict = judge(order(tiny, large))
    assert not verdict.ok
    assert "needs 4 MiB, and engine.memory_mb allows 1" in verdict.message
    assert "engine.context" in verdict.remedy
    assert judge(order(tiny, replace(large, memory_mb=5))).ok
    assert judge(order(tiny, replace(large, memory_mb=0))).ok


def test_the_need_for_memory_follows_from_the_heads(tiny: Path, tmp_path: Path) -> None:
    """Two heads of 16 and two layers, keys and values of two bytes; and heads that are wider than usual."""
    needs = [judge(order(tiny, replace(SETTINGS, context=context))).memory for context in (512, 1024)]
    assert needs[1] - needs[0] == 512 * 2 * 2 * (2 * 16) * 2
    wide = write_model(tmp_path / "wide.gguf", architecture="llama", head_width=32)
    needs = [judge(order(wide, replace(SETTINGS, context=context))).memory for context in (512, 1024)]
    assert needs[1] - needs[0] == 512 * 2 * 2 * (2 * 32) * 2


# ---- the cache ---------------------------------------------------------------------------------------------------


def test_a_verdict_is_asked_for_once(tiny: Path, tmp_path: Path, children: list[dict[str, Any]]) -> None:
    assert preflight(tiny, SETTINGS, cache=tmp_path / "a" / "b") == GOOD
    assert preflight(tiny, SETTINGS, cache=tmp_path / "a" / "b") == GOOD
    assert len(children) == 1
    assert children[0] == order(tiny)
    assert preflight(tiny, SETTINGS, cache=tmp_path / "a" / "b", fresh=True) == GOOD
    assert len(children) == 2
    preflight(tiny, SETTINGS, cache=tmp_path / "a" / "b", measure=True)
    assert len(children) == 3


def test_a_verdict_belongs_to_the_settings_but_the_idle_time(
    tiny: Path, tmp_path: Path, children: list[dict[str, Any]]
) -> None:
    each = (
        SETTINGS,
        replace(SETTINGS, context=1024),
        replace(SETTINGS, threads=2),
        replace(SETTINGS, gpu_layers=0),
        replace(SETTINGS, extra_buffers="off"),
        replace(SETTINGS, memory_mb=100),
    )
    for asked, settings in enumerate(each, start=1):
        preflight(tiny, settings, cache=tmp_path)
        preflight(tiny, replace(settings, idle_unload_s=7), cache=tmp_path)
        assert len(children) == asked


def test_a_verdict_belongs_to_the_files_content(tiny: Path, tmp_path: Path, children: list[dict[str, Any]]) -> None:
    copy, cache = tmp_path / "copy.gguf", tmp_path / "verdicts"
    shutil.copy(tiny, copy)
    for path in (tiny, copy):
        preflight(path, SETTINGS, cache=cache)
    assert len(children) == 1, "a moved file is the same file"
    data = tiny.read_bytes()
    for changed in (data + b"\0", data[:-1] + b"\x7f", b"\x7f" + data[1:]):
        copy.write_bytes(changed)
        preflight(copy, SETTINGS, cache=cache)
    assert len(children) == 4


def test_a_verdict_belongs_to_the_build_and_the_cpu(
    tiny: Path, tmp_path: Path, children: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    preflight(tiny, SETTINGS, cache=tmp_path)
    for name in ("_build_stamp", "_cpu"):
        monkeypatch.setattr(room, name, lambda: "another one")
        preflight(tiny, SETTINGS, cache=tmp_path)
        preflight(tiny, SETTINGS, cache=tmp_path)
    assert len(children) == 3


def test_the_fingerprint_is_of_both_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SAMPLE", 4)
    path = tmp_path / "file"
    seen: set[str] = set()
    for content in (b"", b"a", b"aaaaaaaaaaaa", b"baaaaaaaaaaa", b"aaaaaaaaaaab", b"aaaaaaaaaaaaa"):
        path.write_bytes(content)
        seen.add(fingerprint(path))
    assert len(seen) == 6


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"ok": true, "colour": "red"}', '{"build": "x"}'])
def test_a_damaged_verdict_is_asked_for_again(
    tiny: Path, tmp_path: Path, children: list[dict[str, Any]], damage: str
) -> None:
    preflight(tiny, SETTINGS, cache=tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_text(damage)
    assert preflight(tiny, SETTINGS, cache=tmp_path) == GOOD
    assert len(children) == 2
    assert json.loads(kept.read_text()) == asdict(GOOD)


def test_a_folder_that_cannot_be_written_asks_each_time(
    tiny: Path, tmp_path: Path, children: list[dict[str, Any]]
) -> None:
    (tmp_path / "file").touch()
    for _ in range(2):
        assert preflight(tiny, SETTINGS, cache=tmp_path / "file" / "verdicts") == GOOD
        assert preflight(tiny, SETTINGS, cache=None) == GOOD
    assert len(children) == 4


# ---- repacked weight buffers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("amx", [True, False])
@pytest.mark.parametrize("said", [None, True, False])
def test_repacked_buffers_are_off_where_the_cpu_has_amx(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, amx: bool, said: bool | None
) -> None:
    lib, passed = library.load(), list[bool]()
    load = lib.llama_model_load_from_file

    def loading(path: bytes, params: Any) -> Any:
        passed.append(bool(params.use_extra_bufts))
        return load(path, params)

    monkeypatch.setattr(lib, "llama_model_load_from_file", loading)
    monkeypatch.setattr(library, "has_amx", lambda: amx)
    verdict = judge(order(tiny, extra_buffers=said))
    expected = not amx if said is None else said
    assert verdict.ok
    assert (verdict.extra_buffers, passed) == (expected, [expected])


@pytest.mark.parametrize(("setting", "asked"), [("auto", None), ("on", True), ("off", False)])
def test_the_setting_reaches_the_child(
    tiny: Path, children: list[dict[str, Any]], setting: Any, asked: bool | None
) -> None:
    preflight(tiny, replace(SETTINGS, extra_buffers=setting), cache=None)
    assert [child["extra_buffers"] for child in children] == [asked]


ANSWER = "json.dump({'ok': True, 'extra_buffers': False}, sys.stdout)\n"


@pytest.mark.parametrize(
    "death", ["os.kill(os.getpid(), signal.SIGSEGV)", "os.abort()", "sys.exit(3)", "print('no verdict'), os._exit(0)"]
)
@pytest.mark.parametrize(("setting", "orders"), [("auto", ["None", "False"]), ("on", ["True", "False"])])
def test_a_crash_is_tried_again_without_repacked_buffers(
    tiny: Path, tmp_path: Path, interpreter: Callable[[str], Path], death: str, setting: Any, orders: list[str]
) -> None:
    notes = interpreter(f"if order['extra_buffers'] is not False: {death}\n{ANSWER}")
    verdict = preflight(tiny, replace(SETTINGS, extra_buffers=setting), cache=tmp_path / "c")
    assert verdict == Verdict(ok=True, extra_buffers=False)
    assert notes.read_text().split() == orders


@pytest.mark.parametrize(
    ("death", "how"), [("os.kill(os.getpid(), signal.SIGILL)", "signal 4"), ("sys.exit(3)", "code 3")]
)
@pytest.mark.parametrize(("setting", "tries"), [("auto", 2), ("on", 2), ("off", 1)])
def test_a_child_that_always_dies_is_a_verdict_for_a_person(
    tiny: Path, tmp_path: Path, interpreter: Callable[[str], Path], death: str, how: str, setting: Any, tries: int
) -> None:
    notes = interpreter(death)
    cache = tmp_path / "c"
    verdict = preflight(tiny, replace(SETTINGS, extra_buffers=setting), cache=cache)
    assert not verdict.ok
    assert verdict.message == f"llama.cpp ended with {how} while it tried tiny.gguf."
    assert verdict.remedy
    assert len(notes.read_text().split()) == tries
    assert not cache.exists()


def test_a_child_that_hangs_is_ended(
    tiny: Path, interpreter: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "TIMEOUT_S", 1)
    interpreter("import time; time.sleep(600)")
    verdict = preflight(tiny, SETTINGS, cache=None)
    assert not verdict.ok
    assert verdict.message == "Loading tiny.gguf took more than 1 s."


def test_a_refusal_is_not_tried_again(tiny: Path, interpreter: Callable[[str], Path]) -> None:
    notes = interpreter("json.dump({'ok': False, 'message': 'No.', 'remedy': 'Another.'}, sys.stdout)")
    assert preflight(tiny, SETTINGS, cache=None).message == "No."
    assert len(notes.read_text().split()) == 1
