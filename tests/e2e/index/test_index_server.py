"""The index in a real server: which folders, what changes, and whatever ends either of the processes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from e2e.conftest import Launch
from e2e.index.indexed import CHILD, SOURCES, fill
from e2e.wire import CAPABILITIES, COMMAND, PATIENCE_S, UNHURRIED, Editor, Json


def children(editor: Editor) -> list[psutil.Process]:
    """The server's index processes."""
    found: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(editor.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                if CHILD in child.cmdline():
                    found.append(child)
    return found


async def indexes(editor: Editor) -> list[dict[str, Json]]:
    """What the server says of its indexes."""
    statistics = await editor.request("workspace/executeCommand", {"command": "tabby-lsp.statistics"})
    return statistics["index"]


async def statuses(editor: Editor, seen: Callable[[list[dict[str, Json]]], bool], what: str) -> list[dict[str, Json]]:
    """Wait until the server says something of its indexes."""
    for _ in range(int(PATIENCE_S / 0.05)):
        if seen(found := await indexes(editor)):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"no {what}: {found}; {editor.log.read_text()[-3000:]}")


async def phases(editor: Editor, *wanted: str) -> list[dict[str, Json]]:
    """Wait until the indexes are in these phases."""
    return await statuses(editor, lambda found: [status["phase"] for status in found] == list(wanted), f"{wanted}")


async def files(editor: Editor, count: int) -> None:
    """Wait until an index holds so many."""
    await statuses(editor, lambda found: bool(found) and found[0]["files"] == count, f"{count} files")


def found_in(folder: Path, directory: Path, text: str) -> list[str]:
    """What the command finds, in the index as it is."""
    command = [*COMMAND, "search", "--no-refresh", "--json", "--folder", str(folder), text]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TABBY_LSP_")}
    environment |= {"TABBY_LSP_CONFIG": os.devnull, "TABBY_LSP_INDEX_DIRECTORY": str(directory)}
    said = subprocess.run(command, capture_output=True, env=environment, timeout=PATIENCE_S, check=False)
    return [hit["path"] for hit in json.loads(said.stdout)["hits"]]


def options(tmp_path: Path, **index: Json) -> dict[str, Json]:
    """Settings with an index in a folder of the test's own."""
    return UNHURRIED | {"index": {"directory": str(tmp_path / "indexes")} | index}


def bare(tmp_path: Path) -> dict[str, str]:
    """Variables for a server without a model, which is up ten seconds earlier."""
    return {"TABBY_LSP_MODELS": str(tmp_path / "models")}


async def test_the_server_indexes_its_folders(launch: Launch, folder: Path, tmp_path: Path) -> None:
    editor = await launch()
    await editor.initialize(options(tmp_path), [folder])
    (status,) = await phases(editor, "ready")
    assert (status["folder"], status["files"]) == (str(folder), len(SOURCES))
    assert len(children(editor)) == 1
    await editor.until(lambda: editor.status.get("index") == "ready", "index in the status")


@pytest.mark.parametrize("context", [True, False])
async def test_a_suggestion_knows_what_another_file_defines(
    launch: Launch, folder: Path, tmp_path: Path, *, context: bool
) -> None:
    """Names that no model has ever seen come out of the other file, or not at all."""
    (folder / "shop/freight.py").write_text(
        "class Freighter:\n    def dromond_portage(self) -> float:\n        return self.rate * self.tons\n"
    )
    text = "from shop.freight import Freighter\n\n\ndef dues(freighter: Freighter) -> float:\n    return freighter."
    editor = await launch()
    await editor.initialize(options(tmp_path) | {"context": {"enabled": context}}, [folder])
    await phases(editor, "ready")
    await editor.until(lambda: editor.status.get("state") == "ready", "model")
    uri = (folder / "shop/report.py").as_uri()
    editor.open(uri, text)
    line = text.count("\n")
    given = await editor.complete(uri, line, len(text.splitlines()[-1]), invoked=True)
    assert any("dromond_portage" in suggested for suggested in given.texts) is context, given


async def test_a_saved_change_is_searchable(launch: Launch, folder: Path, tmp_path: Path) -> None:
    """As the editor tells of it: nothing else watches here."""
    editor = await launch(**bare(tmp_path))
    await editor.initialize(options(tmp_path, watch=False), [folder])
    await phases(editor, "ready")
    path = folder / "shop" / "parcel.py"
    path.write_text("def wrap_parcel(parcel):\n    return parcel.wrap()\n")
    editor.notify("textDocument/didSave", {"textDocument": {"uri": path.as_uri()}})
    await files(editor, len(SOURCES) + 1)
    assert found_in(folder, tmp_path / "indexes", "wrap parcel")[0] == "shop/parcel.py"


async def test_a_client_that_watches_is_asked_to(launch: Launch, folder: Path, tmp_path: Path) -> None:
    editor = await launch(**bare(tmp_path))
    editor.answers["client/registerCapability"] = lambda _: None
    workspace = CAPABILITIES["workspace"] | {"didChangeWatchedFiles": {"dynamicRegistration": True}}
    await editor.initialize(options(tmp_path), [folder], capabilities=CAPABILITIES | {"workspace": workspace})
    await phases(editor, "ready")
    (asked,) = (await editor.was_asked("client/registerCapability"))["registrations"]
    assert asked["method"] == "workspace/didChangeWatchedFiles"
    path = folder / "shop" / "parcel.py"
    path.write_text("def wrap_parcel(parcel):\n    return parcel.wrap()\n")
    editor.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": path.as_uri(), "type": 1}]})
    await files(editor, len(SOURCES) + 1)
    shutil.rmtree(folder / "shop")
    changes = [{"uri": f"{folder.as_uri()}/shop/file{i}.py", "type": 3} for i in range(5000)]
    editor.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    await files(editor, len(SOURCES) - 2)


async def test_folders_come_and_go(launch: Launch, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(folder / "shop", other)
    editor = await launch(**bare(tmp_path))
    await editor.initialize(options(tmp_path), [folder])
    await phases(editor, "ready")

    def change(added: list[Path], removed: list[Path]) -> None:
        event = {
            name: [{"uri": path.as_uri(), "name": path.name} for path in which]
            for name, which in (("added", added), ("removed", removed))
        }
        editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})

    change([other], [])
    await phases(editor, "ready", "ready")
    change([], [folder])
    (status,) = await phases(editor, "ready")
    assert status["folder"] == str(other)
    assert len(children(editor)) == 1


@pytest.mark.parametrize("why", ["switched off", "no folder", "the home folder"])
async def test_what_is_not_to_be_indexed_is_not(launch: Launch, folder: Path, tmp_path: Path, why: str) -> None:
    editor = await launch(**bare(tmp_path), **({"HOME": str(folder)} if why == "the home folder" else {}))
    folders = [] if why == "no folder" else [folder]
    await editor.initialize(options(tmp_path, enabled=why != "switched off"), folders)
    await editor.status_is("no-model")
    await asyncio.sleep(1)
    assert await indexes(editor) == []
    assert children(editor) == []


async def test_a_killed_child_of_the_server_is_replaced(launch: Launch, folder: Path, tmp_path: Path) -> None:
    editor = await launch(**bare(tmp_path))
    await editor.initialize(options(tmp_path), [folder])
    await phases(editor, "ready")
    (first,) = children(editor)
    first.kill()
    await statuses(editor, lambda _: children(editor) not in ([], [first]), "second child")
    await phases(editor, "ready")


@pytest.mark.parametrize("how", ["exit", "kill"])
@pytest.mark.parametrize("when", ["at rest", "at work"])
async def test_the_child_ends_with_the_server(
    launch: Launch, folder: Path, tmp_path: Path, how: str, when: str
) -> None:
    """And so do the processes that read files for it."""
    if when == "at work":
        fill(folder, 2000)
    editor = await launch(**bare(tmp_path))
    await editor.initialize(options(tmp_path), [folder])
    await phases(editor, "ready" if when == "at rest" else "indexing")
    (child,) = children(editor)
    family = [child, *child.children(recursive=True)]
    if how == "kill":
        editor.process.kill()
    else:
        await editor.request("shutdown", None)
        editor.notify("exit", None)
        assert await editor.wait() == 0
    _, alive = await asyncio.to_thread(psutil.wait_procs, family, 15)
    assert alive == []


async def test_long_work_is_shown_once(launch: Launch, folder: Path, tmp_path: Path) -> None:
    fill(folder, 3000)
    editor = await launch(**bare(tmp_path))
    await editor.initialize(options(tmp_path), [folder])
    await phases(editor, "ready")
    await asyncio.sleep(2)
    told = [(params["value"]["kind"], params["token"], params["value"]) for params in editor.said("$/progress")]
    titles = {token: value["title"] for kind, token, value in told if kind == "begin"}
    ours = [token for token, title in titles.items() if "ndex" in title]
    assert len(ours) == 1
    kinds = [kind for kind, token, _ in told if token == ours[0]]
    assert (kinds[0], kinds[-1]) == ("begin", "end")
    assert set(kinds[1:-1]) == {"report"}
    percents = [value["percentage"] for _, token, value in told if token == ours[0] and value.get("percentage")]
    assert percents == sorted(percents)


async def test_two_servers_share_an_index(launch: Launch, folder: Path, tmp_path: Path) -> None:
    first, second = await launch(**bare(tmp_path)), await launch(**bare(tmp_path))
    await first.initialize(options(tmp_path), [folder])
    await phases(first, "ready")
    await second.initialize(options(tmp_path), [folder])
    await phases(second, "reading")
    first.process.kill()
    await phases(second, "ready")
