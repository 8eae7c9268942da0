"""What the tests of the index share: a small project, and waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
from e2e.wire import PATIENCE_S

from tabby_lsp.errors import IndexUnavailable
from tabby_lsp.index.child.client import FolderClient, IndexClient
from tabby_lsp.index.types import Phase, Query, Snippet

CHILD = "tabby_lsp.index.child.worker"

SOURCES = {
    "shop/basket.py": "class Basket:\n    def add_article(self, article):\n        self.articles.append(article)\n",
    "shop/pay.py": "def charge_card(basket, card):\n    return card.charge(basket.total())\n",
    "tests/test_basket.py": "from shop.basket import Basket\n\n\ndef test_add():\n    Basket().add_article(1)\n",
    "web/main.ts": "export function renderInvoice(invoice: Invoice): string {\n  return invoice.toString();\n}\n",
}


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


def fill(folder: Path, files: int) -> None:
    """Make a folder that takes some seconds to index."""
    for number in range(files):
        path = folder / "many" / f"part{number % 50}" / f"file{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        body = "\n\n".join(f"def compute_{number}_{i}(value):\n    return value * {i} + {number}\n" for i in range(20))
        path.write_text(body)
