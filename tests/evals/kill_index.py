"""Kill the process that indexes a folder at random moments, again and again, and compare with a build in peace.

    python tests/evals/kill_index.py FOLDER [--kills 50] [--files 1500] [--seed 1]

Each round starts a process that syncs a copy of the folder, kills it (SIGKILL) somewhere, opens the index in this
process, which must never fail, and sometimes changes a few files. In the end one `sync` must bring the same rows that a
build from nothing brings. Prints what it did as JSON; the exit code says whether it held.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from tabby_lsp.config import IndexSettings
from tabby_lsp.index.embedders.static import StaticEmbedder
from tabby_lsp.index.files.walk import walk
from tabby_lsp.index.folder import FolderIndex
from tabby_lsp.index.reading import batches
from tabby_lsp.index.store import update
from tabby_lsp.index.types import Phase, Query

CHILD_S = 600
"""Seconds in which a child that is not killed must be done."""


def embedder():
    """The default one where the model is installed; else one of its own making, so that this runs anywhere."""
    folder = os.environ.get("TABBY_LSP_MODELS", "")
    model = next(iter(sorted(Path(folder).glob("*.gguf"))), None) if folder else None
    if model is not None:
        from tabby_lsp.index.embedders.table import open_table

        return StaticEmbedder(open_table(model, Path(tempfile.gettempdir()) / "tabby-lsp-kill-index"))
    sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
    from word_embedder import WordEmbedder

    return WordEmbedder()


def opened(root: Path, directory: Path, processes: int) -> FolderIndex:
    return FolderIndex(root, directory, IndexSettings(), embedder, processes=processes)


def build(root: Path, directory: Path, processes: int) -> None:
    """What the child does: small changes of the tables, so that there are many moments to die between."""
    batches.FILES_AT_ONCE, update.ROWS_AT_ONCE = 12, 150
    index = opened(root, directory, processes)
    print("open", flush=True)
    index.sync()
    index._tables.answering.store.tidy()
    print("done", flush=True)
    index.close()


def contents(index: FolderIndex) -> dict[str, pa.Table]:
    """All rows, in an order of their own, without what differs between two builds of the same."""
    store = index._tables.answering.store
    tables = {}
    for table in (store.files, store.symbols, store.chunks):
        rows = store.read(table, table.schema.names)
        order = [name for name in ("path", "start", "end", "name", "kind", "signature") if name in rows.schema.names]
        tables[table.name] = rows.sort_by([(name, "ascending") for name in order])
    return tables


def copy(source: Path, root: Path, limit: int) -> int:
    """Copy the first files of a folder that would be indexed."""
    found = walk(source, IndexSettings()).files[:limit]
    for one in found:
        target = root / one.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / one.path, target)
    return len(found)


def disturb(root: Path, chance: random.Random) -> None:
    """Change, add or delete a few files."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    for path in chance.sample(files, min(3, len(files))):
        path.write_bytes(path.read_bytes() + b"\n" * chance.randint(1, 3))
    chance.choice(files).unlink()
    (root / f"added_{chance.randrange(10**6)}.py").write_text(f"def added_{chance.randrange(10**6)}():\n    pass\n")


def rounds(root: Path, directory: Path, kills: int, processes: int, chance: random.Random) -> dict[str, int]:
    """Kill the child so many times; at first after longer and longer, so that it comes to its end now and then."""
    counts = {"killed": 0, "finished": 0, "opened": 0, "answered": 0, "disturbed": 0}
    longest = 1.0
    while counts["killed"] < kills:
        began = time.monotonic()
        child = subprocess.Popen(
            [sys.executable, __file__, str(root), "--child", str(directory), "--processes", str(processes)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert child.stdout is not None
            if child.stdout.readline() != "open\n":
                raise RuntimeError("the index did not open")
            opening = time.monotonic() - began
            try:
                child.wait(chance.uniform(0, longest))
                counts["finished"] += 1
                longest = max(1.0, time.monotonic() - began - opening)
                if child.returncode:
                    raise RuntimeError(f"sync ended with {child.returncode}")
                shutil.rmtree(directory)  # begin again: a finished index has little left to be killed in
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                counts["killed"] += 1
                longest *= 1.3
        finally:
            child.kill()
            child.wait(CHILD_S)
            if child.stdout is not None:
                child.stdout.close()
        index = opened(root, directory, 0)
        counts["opened"] += 1
        if index.status().chunks:
            index.search(Query("read the file and return its lines"))
            counts["answered"] += 1
        index.close()
        if chance.random() < 0.2:
            disturb(root, chance)
            counts["disturbed"] += 1
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--files", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        build(arguments.folder, arguments.child, arguments.processes)
        return 0
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as made:
        root, directory = Path(made, "root"), Path(made, "index")
        result: dict[str, object] = {"files": copy(arguments.folder, root, arguments.files)}
        result |= rounds(root, directory, arguments.kills, arguments.processes, chance)
        index, clean = opened(root, directory, 0), opened(root, Path(made, "clean"), 0)
        ready = index.sync().phase is Phase.READY and clean.sync().phase is Phase.READY
        after, peace = contents(index), contents(clean)
        differing = [name for name in peace if not after[name].equals(peace[name])]
        result |= {"rows": {name: table.num_rows for name, table in peace.items()}, "differing": differing}
        index.close()
        clean.close()
    print(json.dumps(result))
    return 0 if ready and not differing else 1


if __name__ == "__main__":
    sys.exit(main())
