"""A file in a repository of the model hub; its library finds the file, our own stream brings it here.

The library is asked for the file's metadata alone (address, size, SHA-256), which keeps tokens, endpoints and mirrors
as its users know them (`HF_ENDPOINT`, `HF_TOKEN`), while progress, cancelling and the disk stay in one place. It is
imported only when a pull reaches this source, and with its telemetry off.
"""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar
from urllib.parse import urlsplit

from tabby_lsp import __version__
from tabby_lsp.engine.sources.transfer import Transfer
from tabby_lsp.errors import SourceFailed, TabbyError

if TYPE_CHECKING:
    from tabby_lsp.engine.sources.stream import Address

CONNECT_S = 4.0
"""Seconds for one connection; a name with several addresses may take this for each of them."""

PATIENCE_S = 8.0
"""Seconds in all until a hub that does not answer gives way to the next source; names that do not resolve included."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class HubSource:
    """A file on the model hub.

    Args:
        repo: `owner/name`.
        file: path inside the repository.
        revision: a commit, tag or branch; a commit is what never changes.
    """

    network: ClassVar[bool] = True

    repo: str
    file: str
    revision: str = "main"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.repo):
            raise ValueError(f"repo must be owner/name, not {self.repo!r}")

    @property
    def label(self) -> str:
        """Name the file as the hub does."""
        return f"hub {self.repo}@{self.revision[:12]}/{self.file}"

    def fetch(self, transfer: Transfer) -> None:
        """Ask the hub where the file is, and stream it from there.

        Args:
            transfer: takes the bytes.

        Raises:
            SourceFailed: the hub does not answer, or does not have the file.
        """
        from tabby_lsp.engine.sources.stream import stream

        def locate() -> Address:
            transfer.report(transfer.done, "downloading")
            return self._locate(transfer)

        stream(locate, transfer)

    def _locate(self, transfer: Transfer) -> Address:
        os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.utils import build_hf_headers

        from tabby_lsp.engine.sources.stream import Address

        url = hf_hub_url(self.repo, self.file, revision=self.revision)
        name = f"The hub ({urlsplit(url).hostname})"
        try:
            found = within(
                PATIENCE_S,
                lambda: get_hf_file_metadata(
                    url, timeout=CONNECT_S, library_name="tabby-lsp", library_version=__version__
                ),
                transfer.check,
            )
        except TimeoutError as error:
            raise SourceFailed(f"{name} did not answer within {PATIENCE_S:.0f} s.") from error
        except TabbyError:
            raise
        except Exception as error:
            # the library's own errors and those of the client below it, which differ from version to version
            raise SourceFailed(f"{name} did not give the file: {_first_line(error)}") from error
        etag = (found.etag or "").lower()
        transfer.promise(size=found.size, sha256=etag if re.fullmatch(r"[0-9a-f]{64}", etag) else "")
        same_host = urlsplit(found.location).netloc == urlsplit(url).netloc
        headers = build_hf_headers(library_name="tabby-lsp", library_version=__version__) if same_host else {}
        return Address(found.location, headers)


def within(seconds: float, call: Callable[[], Answer], check: Callable[[], None]) -> Answer:
    """Give a call a limit that holds for name resolution too, which knows no time-out of its own.

    Args:
        seconds: the limit.
        call: runs in a thread that is abandoned, not stopped, when time is up.
        check: called while waiting; may raise to stop waiting.

    Raises:
        TimeoutError: no answer in time.
    """
    answers: queue.SimpleQueue[tuple[Answer | None, Exception | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put((call(), None))
        except Exception as error:  # noqa: BLE001  raised again in the thread that waits
            answers.put((None, error))

    threading.Thread(target=work, name="tabby-lsp hub", daemon=True).start()
    until = time.monotonic() + seconds
    while True:
        check()
        try:
            answer, error = answers.get(timeout=0.1)
        except queue.Empty:
            if time.monotonic() >= until:
                raise TimeoutError from None
            continue
        if error is not None:
            raise error
        return answer  # pyright: ignore[reportReturnType]  without an error there is an answer


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".") + "."
