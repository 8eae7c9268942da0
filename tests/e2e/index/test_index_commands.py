"""`tabby-lsp index` and `search`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.index.indexed import SOURCES, fill
from e2e.wire import COMMAND, PATIENCE_S, Json


def command(
    *words: str, directory: Path, model_directory: Path, extra: dict[str, str] | None = None, **how: Json
) -> subprocess.CompletedProcess[str]:
    """Run `tabby-lsp`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TABBY_LSP_")} | {
        "TABBY_LSP_CONFIG": os.devnull,
        "TABBY_LSP_INDEX_DIRECTORY": str(directory),
        "TABBY_LSP_MODELS": str(model_directory),
        **(extra or {}),
    }
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False, **how
    )


@pytest.fixture
def run(tmp_path: Path, model_directory: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `tabby-lsp` with indexes in a folder of the test's own."""
    return lambda *words, **how: command(*words, directory=tmp_path / "indexes", model_directory=model_directory, **how)


MANY = 8_000
"""Files: enough that an interrupt comes in the middle of them."""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_index_and_search_from_the_command_line(run: Run, folder: Path, tmp_path: Path) -> None:
    status = run("index", str(folder), "--status")
    assert status.returncode == 1
    assert "tabby-lsp index" in status.stderr
    made = json.loads(run("index", str(folder), "--json").stdout)
    assert (made["phase"], made["files"], made["total"]) == ("ready", 4, 4)
    assert made["disk"] > 0
    assert made["chunks"] >= 4
    assert "4 files" in run("index", str(folder), "--status").stdout
    hits = json.loads(run("search", "--folder", str(folder), "--json", "charge", "card").stdout)["hits"]
    assert hits[0]["path"] == "shop/pay.py"
    shown = run("search", "--folder", str(folder), "charge card", "--explain").stdout
    assert shown.startswith("shop/pay.py:1-2")
    assert "text" in shown
    assert "charge_card" in run("search", "--folder", str(folder), "--symbol", "charge_card").stdout
    hits = json.loads(run("search", "--folder", str(folder), "--json", "--lang", "typescript", "invoice").stdout)[
        "hits"
    ]
    assert {hit["path"] for hit in hits} == {"web/main.ts"}
    listed = json.loads(run("index", "--list", "--json").stdout)["indexes"]
    assert [(one["folder"], one["held"], one["gone"]) for one in listed] == [(str(folder), False, False)]
    assert str(folder) in run("index", "--list").stdout
    assert "removed" in run("index", str(folder), "--remove").stderr
    assert json.loads(run("index", "--list", "--json").stdout)["indexes"] == []


def test_search_makes_the_index_that_is_missing_and_sees_changes(run: Run, folder: Path) -> None:
    first = run("search", "charge card", "--json", cwd=folder)
    assert "no index yet" in first.stderr
    assert json.loads(first.stdout)["hits"][0]["path"] == "shop/pay.py"
    (folder / "shop" / "parcel.py").write_text("def wrap_parcel(parcel):\n    return parcel.wrap()\n")
    second = run("search", "wrap parcel", "--json", cwd=folder / "shop")
    assert second.stderr == ""
    assert json.loads(second.stdout)["folder"] == str(folder)
    assert json.loads(second.stdout)["hits"][0]["path"] == "shop/parcel.py"
    nothing = run("search", "--symbol", "is_nowhere", cwd=folder)
    assert nothing.returncode == 1


def test_publishing_and_reading_what_is_published(run: Run, folder: Path, tmp_path: Path) -> None:
    share = tmp_path / "share"
    published = run("index", str(folder), "--publish", str(share))
    assert published.returncode == 0, published.stderr
    assert f"{len(SOURCES)} files" in published.stderr
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    made = run("index", str(copy), "--json", extra={"TABBY_LSP_INDEX_URI": str(share)})
    assert (made.returncode, json.loads(made.stdout)["files"]) == (0, len(SOURCES))
    assert json.loads(next((tmp_path / "indexes").glob("copy-*/shared.json")).read_text())["uri"] == str(share)
    hits = json.loads(run("search", "--folder", str(copy), "--json", "charge card").stdout)["hits"]
    assert hits[0]["path"] == "shop/pay.py"
    elsewhere = run("index", str(copy), extra={"TABBY_LSP_INDEX_URI": str(tmp_path / "nothing")})
    assert elsewhere.returncode == 0
    assert "no shared index" in elsewhere.stderr


def test_rebuilding(run: Run, folder: Path) -> None:
    assert run("index", str(folder)).returncode == 0
    (folder / "shop" / "pay.py").write_text("")
    rebuilt = json.loads(run("index", str(folder), "--rebuild", "--json").stdout)
    assert rebuilt["phase"] == "ready"
    assert rebuilt["symbols"] < 5 + len(SOURCES)
    assert run("index", str(folder / "nowhere")).returncode == 1


def test_an_interrupted_index_goes_on(tmp_path: Path, model_directory: Path, run: Run, folder: Path) -> None:
    fill(folder, MANY)
    environment = dict(os.environ) | {
        "TABBY_LSP_CONFIG": os.devnull,
        "TABBY_LSP_INDEX_DIRECTORY": str(tmp_path / "indexes"),
        "TABBY_LSP_MODELS": str(model_directory),
    }
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "tabby_lsp", "index", str(folder), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()  # the first line of progress: it is under way
    assert "files" in line
    os.killpg(process.pid, 2)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "goes on" in err
    assert json.loads(out)["files"] < MANY + 4
    again = json.loads(run("index", str(folder), "--json").stdout)
    assert (again["phase"], again["files"]) == ("ready", MANY + 4)
