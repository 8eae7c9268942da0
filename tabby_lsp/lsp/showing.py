"""Markdown for a person: a document that the editor opens, or a message where it opens none.

    await show(server, "Explain parse", markdown, root) → whether the editor opened a document

The files stand in the cache folder (`answers/`), so that an editor can go back to them; old ones are swept.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from tabby_lsp.lsp.markdown import harmless, linked

if TYPE_CHECKING:
    from tabby_lsp.lsp.server import TabbyServer

logger = logging.getLogger(__name__)

KEPT = 50
"""Answers that stay on disk; the oldest go first."""
KEPT_S = 30 * 24 * 3600
"""How long they stay."""


async def show(server: TabbyServer, title: str, markdown: str, root: Path | None = None) -> bool:
    """Show a text to the user, as a document where the client opens any, else as a message.

    Args:
        server: whose client.
        title: of the document; it names its file too.
        markdown: the text, without the title.
        root: the folder that `path:line` in it is relative to; what stands there becomes a link.

    Returns:
        Whether the client opened a document.
    """
    if opens_documents(server):
        try:
            path = await asyncio.to_thread(_kept, title, markdown, root)
            shown = await server.window_show_document_async(types.ShowDocumentParams(path.as_uri(), take_focus=True))
            if shown.success:
                return True
        except Exception as error:
            logger.info("the client did not open %s: %s", title, error)
    server.window_show_message(types.ShowMessageParams(types.MessageType.Info, f"{title}\n\n{markdown.strip()}"))
    return False


def opens_documents(server: TabbyServer) -> bool:
    """Whether the client says that it opens documents for us."""
    window = server.client_capabilities.window
    return bool(window and window.show_document and window.show_document.support)


# Run on a thread: they write to the disk.


def answers_folder() -> Path:
    """Where answers are kept."""
    import platformdirs

    return platformdirs.user_cache_path("tabby-lsp", appauthor=False) / "answers"


def _kept(title: str, markdown: str, root: Path | None) -> Path:
    text = harmless(markdown)
    return write(harmless(" ".join(title.split())), linked(text, root) if root else text)


def write(title: str, markdown: str) -> Path:
    """Keep an answer as a file of its own, and take away old ones."""
    folder = answers_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(folder)
    words = re.sub(r"[^\w-]+", "-", title, flags=re.ASCII).strip("-").lower()[:60].strip("-") or "answer"
    path, number = folder / f"{words}.md", 1
    while path.exists():  # an editor may have it open, and would ask whether to read it again
        number += 1
        path = folder / f"{words}-{number}.md"
    path.write_text(f"# {title}\n\n{markdown.strip()}\n", "utf-8", newline="\n")
    return path


def _sweep(folder: Path) -> None:
    """Take away old answers; one that cannot be is no fault."""
    seen: list[tuple[float, Path]] = []
    for path in folder.glob("*.md"):
        try:
            seen.append((path.stat().st_mtime, path))
        except OSError:
            continue
    seen.sort(reverse=True)
    oldest = time.time() - KEPT_S
    for rank, (written, path) in enumerate(seen):
        if rank >= KEPT - 1 or written < oldest:
            try:
                path.unlink()
            except OSError as error:
                logger.info("%s stays: %s", path, error)
