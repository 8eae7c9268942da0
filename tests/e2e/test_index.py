"""The index in real processes: the child that makes it, the server that asks it, and whatever ends either of them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from e2e.conftest import Launch
from e2e.wire import CAPABILITIES, COMMAND, PATIENCE_S, UNHURRIED, Editor, Json

from tabby_lsp.config import IndexSettings
from tabby_lsp.errors import IndexUnavailable
from tabby_lsp.index.child.client import FolderClient, IndexClient
from tabby_lsp.index.child.messages import Configure
from tabby_lsp.index.types import Phase, Query, Snippet, Wanted
from tabby_lsp.syntax.symbols.types import Use

CHILD = "tabby_lsp.index.child.worker"

SOURCES = {
    "shop/basket.py": "class Basket:\n    def add_article(self, article):\n        self.articles.append(article)\n",
    "shop/pay.py": "def charge_card(basket, card):\n    return card.charge(basket.total())\n",
    "tests/test_basket.py": "from shop.basket import Basket\n\n\ndef test_add():\n    Basket().add_article(1)\n",
    "web/main.ts": "export function renderInvoice(invoice: Invoice): string {\n  return invoice.toString();\n}\n",
}


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what is computed once for each model lasts for this run."""
    return tmp_path_factory.mktemp("embedders")


@pytest.fixture(autouse=True)
def share_tables(tmp_path: Path, tables: Path) -> None:
    """Have indexes in a folder of each test's own, but for that."""
    (tmp_path / "indexes").mkdir()
    (tmp_path / "indexes" / ".embedders").symlink_to(tables)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small project."""
    root = tmp_path / "project"
    for name, text in SOURCES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def configuration(tmp_path: Path, model_file: Path) -> Configure:
    """An index in a folder of this test's own."""
    return Configure(IndexSettings(directory=str(tmp_path / "indexes")), str(model_file))


@pytest.fixture
def clients(configuration: Configure) -> Iterator[Callable[..., IndexClient]]:
    """Starts clients."""
    started: list[IndexClient] = []

    def start(order: Configure = configuration) -> IndexClient:
        client = IndexClient(order)
        started.append(client)
        client.start()
        return client

    yield start
    for client in started:
        child = client.process_id
        client.close()
        if child is not None:
            gone(psutil.Process(child))


def gone(process: psutil.Process) -> None:
    """Wait for the end of a process."""
    with suppress(psutil.NoSuchProcess):
        process.wait(PATIENCE_S)


def until(seen: Callable[[], object], what: str) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < deadline, f"no {what} within {PATIENCE_S} s"
        time.sleep(0.05)


def is_in(client: IndexClient, root: Path, phase: Phase) -> Callable[[], bool]:
    """Whether a folder's index is in a phase."""

    def seen() -> bool:
        status = client.status(root)
        assert status is None or status.phase is not Phase.FAILED, status
        return status is not None and status.phase is phase

    return seen


def search(index: FolderClient, text: str) -> tuple[Snippet, ...]:
    """What is found; nothing where nobody answers."""
    try:
        return index.search(Query(text)).result(PATIENCE_S)
    except IndexUnavailable:
        return ()


def paths(found: tuple[Snippet, ...]) -> list[str]:
    """Where it was found, each file once, best first."""
    return list(dict.fromkeys(snippet.path for snippet in found))


def test_every_question_is_answered(clients: Callable[..., IndexClient], folder: Path) -> None:
    client = clients()
    index = client.folder(folder)
    until(is_in(client, folder, Phase.READY), "index")
    status = client.status(folder)
    assert status is not None
    assert (status.files, status.total) == (len(SOURCES), len(SOURCES))
    assert paths(search(index, "charge card"))[0] == "shop/pay.py"
    wanted = Wanted("main.py", "python", (Use("Basket"), Use("charge_card")))
    defined = index.definitions(wanted).result(PATIENCE_S)
    assert {"shop/basket.py", "shop/pay.py"} <= {snippet.path for snippet in defined}
    assert "shop/basket.py" in paths(index.siblings("tests/test_basket.py").result(PATIENCE_S))


@pytest.mark.parametrize("watch", [True, False])
def test_changes_are_found(
    clients: Callable[..., IndexClient], configuration: Configure, folder: Path, *, watch: bool
) -> None:
    """Whether the child sees them itself or is told."""
    client = clients(Configure(configuration.settings, configuration.model, watch=watch))
    index = client.folder(folder)
    until(is_in(client, folder, Phase.READY), "index")
    until(lambda: "shop/pay.py" in paths(search(index, "charge card")), "first answer")

    def change(path: str, text: str | None) -> None:
        if text is None:
            (folder / path).unlink()
        else:
            (folder / path).write_text(text)
        if not watch:
            client.changed(folder, [path])

    def holds(name: str) -> bool:
        return any(name in hit.text for hit in search(index, name))

    change("shop/parcel.py", "def wrap_parcel(parcel):\n    return parcel.wrap()\n")
    until(lambda: holds("wrap_parcel"), "new file")
    assert holds("charge_card")
    change("shop/pay.py", "def refund_voucher(voucher):\n    return voucher.refund()\n")
    until(lambda: holds("refund_voucher"), "changed file")
    assert not holds("charge_card")
    change("shop/pay.py", None)
    until(lambda: not holds("refund_voucher"), "end of the deleted file")
    (folder / "shop" / "basket.py").write_text("def unpack_crate(crate):\n    return crate.unpack()\n")
    client.changed(folder, None)
    until(lambda: holds("unpack_crate"), "file that nobody named")


def test_a_killed_child_is_replaced(clients: Callable[..., IndexClient], folder: Path) -> None:
    client = clients()
    index = client.folder(folder)
    until(is_in(client, folder, Phase.READY), "index")
    first = client.process_id
    assert first is not None
    psutil.Process(first).kill()
    until(lambda: client.process_id not in (None, first), "second child")
    until(lambda: "shop/pay.py" in paths(search(index, "charge card")), "answer of the second child")
    (folder / "shop" / "parcel.py").write_text("def wrap_parcel(parcel):\n    return parcel.wrap()\n")
    client.changed(folder, ["shop/parcel.py"])
    until(lambda: "shop/parcel.py" in paths(search(index, "wrap parcel")), "new file")


def test_two_on_one_folder(clients: Callable[..., IndexClient], folder: Path) -> None:
    """One writes and both answer; when the one that writes dies, the other takes over."""
    one = clients()
    first = one.folder(folder)
    until(is_in(one, folder, Phase.READY), "index")
    other = clients()
    second = other.folder(folder)
    until(is_in(other, folder, Phase.READING), "reader")
    assert paths(search(second, "charge card")) == paths(search(first, "charge card"))
    (folder / "shop" / "parcel.py").write_text("def wrap_parcel(parcel):\n    return parcel.wrap()\n")
    one.changed(folder, ["shop/parcel.py"])
    until(lambda: "shop/parcel.py" in paths(search(second, "wrap parcel")), "what the other has written")
    one.close()
    until(is_in(other, folder, Phase.READY), "the one that takes over")
    (folder / "shop" / "crate.py").write_text("def unpack_crate(crate):\n    return crate.unpack()\n")
    other.changed(folder, ["shop/crate.py"])
    until(lambda: "shop/crate.py" in paths(search(second, "unpack crate")), "what it writes itself")


def test_a_folder_that_is_let_go_is_not_answered_for(clients: Callable[..., IndexClient], folder: Path) -> None:
    client = clients()
    index = client.folder(folder)
    until(is_in(client, folder, Phase.READY), "index")
    client.remove(folder)
    assert search(index, "charge card") == ()
    client.folder(folder)
    until(lambda: search(index, "charge card"), "answer")


def test_a_model_that_arrives_later_brings_vectors(
    clients: Callable[..., IndexClient], configuration: Configure, folder: Path
) -> None:
    client = clients(Configure(configuration.settings))
    index = client.folder(folder)
    until(is_in(client, folder, Phase.READY), "index")
    status = client.status(folder)
    assert status is not None
    assert status.message
    assert "vector" not in search(index, "charge card")[0].parts
    client.configure(configuration)
    until(lambda: any("vector" in hit.parts for hit in search(index, "charge card")), "vectors")


# ---- the server -------------------------------------------------------------------------------------------------


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


def fill(folder: Path, files: int) -> None:
    """Make a folder that takes some seconds to index."""
    for number in range(files):
        path = folder / "many" / f"part{number % 50}" / f"file{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        body = "\n\n".join(f"def compute_{number}_{i}(value):\n    return value * {i} + {number}\n" for i in range(20))
        path.write_text(body)


async def test_two_servers_share_an_index(launch: Launch, folder: Path, tmp_path: Path) -> None:
    first, second = await launch(**bare(tmp_path)), await launch(**bare(tmp_path))
    await first.initialize(options(tmp_path), [folder])
    await phases(first, "ready")
    await second.initialize(options(tmp_path), [folder])
    await phases(second, "reading")
    first.process.kill()
    await phases(second, "ready")


# ---- the commands -----------------------------------------------------------------------------------------------


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
    fill(folder, 3000)
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
    assert json.loads(out)["files"] < 3004
    again = json.loads(run("index", str(folder), "--json").stdout)
    assert (again["phase"], again["files"]) == ("ready", 3004)
