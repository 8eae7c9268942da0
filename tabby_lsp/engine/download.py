"""Pulling a model: its sources in turn, until one has delivered the file whose SHA-256 is right.

Bytes stay in a folder beside the models until then, and get their name by a rename, so that a file with a model's
name is always whole. How a source gets its bytes is its own matter; see `sources/`.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tabby_lsp.engine.catalog import Model
from tabby_lsp.engine.disk import disk_faults, is_there
from tabby_lsp.engine.sources import Source
from tabby_lsp.engine.sources.transfer import Cancelled, Progress, Transfer, hash_file, ignore_progress, never
from tabby_lsp.engine.store import ModelStore
from tabby_lsp.errors import ModelCorrupt, ModelMissing, Offline, SourceFailed, TabbyError

Watcher = Callable[[Progress], None]


def pull(
    model: Model,
    store: ModelStore,
    *,
    offline: bool,
    asker: str,
    progress: Watcher = ignore_progress,
    cancelled: Callable[[], bool] = never,
) -> Path:
    """Bring a model into the store; one that is there and verified is left alone.

    A pull that another process is at is waited for. One that broke off, or was killed, goes on where it stopped.

    Args:
        model: the catalogue entry.
        store: where it goes.
        offline: use no network; sources on this machine still work.
        asker: who wants it, for the message where `offline` forbids it, such as "`tabby-lsp models pull`".
        progress: told about every chunk, from the calling thread.
        cancelled: asked between chunks, some ten times a second or more.

    Returns:
        The path of the verified file.

    Raises:
        Offline: the network would be needed.
        NoSpace: the disk cannot hold it.
        NotWritable: the folder cannot be written.
        ModelCorrupt: a source delivered other bytes than were promised, and no other source had the right ones.
        SourceFailed: no source delivered it; all their reasons are in the message.
        Cancelled: `cancelled` said so.
    """
    if store.is_intact(model):
        return store.path(model)
    allowed = [source for source in model.sources if not (offline and source.network)]
    refused = len(model.sources) - len(allowed)
    if not allowed and not is_there(store.path(model)):
        raise _offline(model, asker, [])

    def watch(seen: Progress) -> None:
        if cancelled():
            raise Cancelled
        progress(seen)

    with store.lock(model, lambda owner: watch(Progress(0, model.size, "waiting", f"process {owner}"))):
        if store.is_intact(model) or _verifies(model, store, watch):
            return store.path(model)
        failures: list[tuple[Source, TabbyError]] = []
        for source in allowed:
            try:
                return _pull_from(source, model, store, progress, cancelled)
            except (SourceFailed, ModelCorrupt) as error:
                failures.append((source, error))
        if refused:
            raise _offline(model, asker, failures)
        raise _verdict(model, failures, held=not model.sha256 and store.record(model.file) is not None)


def _pull_from(
    source: Source, model: Model, store: ModelStore, progress: Watcher, cancelled: Callable[[], bool]
) -> Path:
    folder = store.parts(model)
    with disk_faults(store.directory):
        folder.mkdir(exist_ok=True)
    # every source continues its own part alone: two places may serve different bytes under one name
    part = folder / f"{hashlib.sha256(repr(source).encode()).hexdigest()[:12]}.part"
    transfer = Transfer(
        part,
        label=source.label,
        size=model.size,
        sha256=store.expected_hash(model),
        progress=progress,
        cancelled=cancelled,
    )
    try:
        path = _deliver(source, model, store, transfer)
    finally:
        with suppress(OSError):
            folder.rmdir()  # where nothing arrived, nothing is left behind
    store.drop_stale()
    return path


def _deliver(source: Source, model: Model, store: ModelStore, transfer: Transfer) -> Path:
    """Fetch, verify, and give the file its name."""
    resumed = _fetch(source, transfer)
    try:
        found = _check(transfer)
    except ModelCorrupt:
        transfer.discard()
        if not resumed:
            raise
        _fetch(source, transfer)  # what an earlier attempt left may have been at fault
        found = _check(transfer)
    path = store.path(model)
    with disk_faults(store.directory):
        transfer.part.replace(path)
    store.remember(model, found, source.label)
    shutil.rmtree(store.parts(model), ignore_errors=True)
    return path


def _fetch(source: Source, transfer: Transfer) -> bool:
    """Let a source deliver; return whether bytes of an earlier pull are part of it."""
    try:
        source.fetch(transfer)
    except ModelCorrupt:
        transfer.discard()
        raise
    except OSError as error:  # of the disk everything that can be named is named already
        raise SourceFailed(f"{error.strerror or error}.") from error
    return transfer.resumed


def _check(transfer: Transfer) -> str:
    """Hash what arrived; drop it if it is not what was promised."""
    transfer.size = transfer.size or transfer.done
    found = hash_file(transfer.part, lambda done: transfer.report(done, "verifying"))
    if transfer.sha256 and found != transfer.sha256:
        transfer.discard()
        raise ModelCorrupt(
            f"It delivered a file of SHA-256 {found}, and {transfer.sha256} is expected; it was deleted."
        )
    return found


def _verifies(model: Model, store: ModelStore, progress: Watcher) -> bool:
    """Whether a file that is there without a record, or changed since, is the right one; else it is replaced."""
    try:
        store.verify(model, progress)
    except (ModelMissing, ModelCorrupt):
        return False
    return True


def _offline(model: Model, asker: str, failures: Sequence[tuple[Source, TabbyError]]) -> Offline:
    tried = "".join(f"\n  - {source.label}: {error.message}" for source, error in failures)
    return Offline(
        f"{asker} needs the network for {model.name}, and it is off (`offline = true`).{tried}",
        f"Allow it, or bring the file here and run `tabby-lsp models pull {model.name} --from FILE`.",
    )


def _verdict(model: Model, failures: Sequence[tuple[Source, TabbyError]], *, held: bool) -> TabbyError:
    """Make one error of all sources' failures, with each one's reason; held: to the hash of the first download."""
    reasons = "".join(f"\n  - {source.label}: {error.message}" for source, error in failures)
    remedies = dict.fromkeys(error.remedy for _, error in failures if error.remedy)
    if held:
        remedies[
            f"If the publisher is known to have changed the file since it was first fetched, "
            f"`tabby-lsp models remove {model.name} --forget` lets the new one in."
        ] = None
    by_hand = f"or bring {model.file} here by other means and run `tabby-lsp models pull {model.name} --from FILE`."
    if any(isinstance(error, ModelCorrupt) for _, error in failures):
        message = f"{model.name} was not kept, because its bytes are not the promised ones:{reasons}"
        return ModelCorrupt(message, " ".join([*remedies, f"Try another network or source, {by_hand}"]))
    again = f"Check the connection and the proxy and run the pull again (it goes on where it stopped), {by_hand}"
    message = f"{model.name} could not be fetched; every source failed:{reasons}"
    return SourceFailed(message, " ".join([*remedies, again]))
