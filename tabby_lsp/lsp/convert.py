"""Protocol types ↔ ours: positions, ranges, changes and paths. No state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types
from pygls.uris import to_fs_path

from tabby_lsp.document import Change, Position, PositionEncoding, Snapshot

ENCODINGS = {
    types.PositionEncodingKind.Utf8: PositionEncoding.UTF8,
    types.PositionEncodingKind.Utf16: PositionEncoding.UTF16,
    types.PositionEncodingKind.Utf32: PositionEncoding.UTF32,
}


def encoding_of(kind: types.PositionEncodingKind | str | None) -> PositionEncoding:
    """The negotiated position encoding; utf-16 where nothing was negotiated."""
    try:
        return ENCODINGS[types.PositionEncodingKind(kind)]
    except ValueError:
        return PositionEncoding.UTF16


def position_from(snapshot: Snapshot, position: types.Position, encoding: PositionEncoding) -> Position:
    """A protocol position in a snapshot, clamped to it."""
    return snapshot.decode(position.line, position.character, encoding)


def range_to(snapshot: Snapshot, start: Position, end: Position, encoding: PositionEncoding) -> types.Range:
    """A protocol range."""
    return types.Range(
        types.Position(*snapshot.encode(start, encoding)), types.Position(*snapshot.encode(end, encoding))
    )


def changes_from(changes: Sequence[types.TextDocumentContentChangeEvent]) -> list[Change]:
    """Protocol changes, in order."""
    found: list[Change] = []
    for change in changes:
        if isinstance(change, types.TextDocumentContentChangePartial):
            start, end = change.range.start, change.range.end
            found.append(Change(change.text, (start.line, start.character), (end.line, end.character)))
        else:
            found.append(Change(change.text))
    return found


def path_from(uri: str | None) -> Path | None:
    """The file of a URI; None for other schemes."""
    path = to_fs_path(uri) if uri and uri.startswith("file:") else None
    return Path(path) if path else None
