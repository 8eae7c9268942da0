"""Where log records go: stderr, and a file where the user names one; never stdout, which is the protocol's.

Privacy: no text of a document, prompt or suggestion is logged at info or above; only at debug may it appear, and a
log file is readable by its owner alone. Modules log through `logging.getLogger(__name__)`; handlers are made here.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import TextIOWrapper
    from logging.handlers import RotatingFileHandler

    from tabby_lsp.config import LogSettings

THIRD_PARTY = ("pygls", "asyncio", "httpx", "httpcore", "huggingface_hub", "filelock", "urllib3")
"""Loggers that are chatty below warning, and that would repeat messages of the protocol."""

FILE_BYTES = 2 << 20
FILES_KEPT = 3

_OURS = "tabby-lsp."
_LINE = "%(asctime)s.%(msecs)03d %(levelname).1s %(name)s: %(message)s"
_CLOCK = "%H:%M:%S"
_DATE = "%Y-%m-%d %H:%M:%S"

_logger = logging.getLogger(__name__)


def configure(settings: LogSettings) -> None:
    """Send the log where the settings say; may be called again whenever they change.

    Handlers that this function did not make stay. A file that cannot be written is a warning on stderr.

    Args:
        settings: the level of our own records and the file beside stderr.
    """
    root = logging.getLogger()
    level = getattr(logging, settings.level.upper())
    quiet = max(level, logging.WARNING)
    new: list[logging.Handler] = [_named(logging.StreamHandler(), "stderr", _CLOCK)]
    failure: OSError | ValueError | None = None
    if settings.file:
        try:
            new.append(_named(_open_file(Path(settings.file).expanduser()), "file", _DATE))
        except (OSError, ValueError, RuntimeError) as error:
            failure = error if isinstance(error, OSError) else ValueError(str(error))
    old = [handler for handler in root.handlers if (handler.name or "").startswith(_OURS)]
    for handler in old:
        root.removeHandler(handler)
        handler.close()
    for handler in new:
        root.addHandler(handler)
    root.setLevel(quiet)
    logging.getLogger("tabby_lsp").setLevel(level)
    for name in THIRD_PARTY:
        logging.getLogger(name).setLevel(quiet)
    if failure:
        _logger.warning("no log file: %r cannot be written (%s)", settings.file, failure)


def _named(handler: logging.Handler, name: str, dates: str) -> logging.Handler:
    handler.set_name(_OURS + name)
    handler.setFormatter(logging.Formatter(_LINE, dates))
    return handler


def _open_file(path: Path) -> RotatingFileHandler:
    """Create the folder and the file, both for the owner alone.

    Raises:
        OSError: the folder or the file cannot be made or written.
        ValueError: the path holds a character that no path can.
    """
    from logging.handlers import RotatingFileHandler

    class OwnFile(RotatingFileHandler):
        def _open(self) -> TextIOWrapper:
            os.close(os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            return super()._open()

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return OwnFile(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8", errors="backslashreplace")
