"""The tables' columns, and how facts and chunks become rows and rows become definitions again.

Only the child process and the command line import this room: pyarrow is at its top.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tabby_lsp.syntax.symbols.types import Definition, Import, Kind

SCHEMA = 1
"""Goes up with every change of the columns or of what is in them; an index of another number is built anew."""

STRINGS = pa.list_(pa.string())

FILES = pa.schema(
    [
        ("path", pa.string()),
        ("hash", pa.string()),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("language", pa.string()),
        ("reason", pa.string()),  # why its content is left out; empty: it is in
        ("imports", pa.string()),
        ("references", STRINGS),
        ("chunks", pa.int32()),  # how many rows it has in the other tables: what a crash or a bad disk took shows
        ("symbols", pa.int32()),
    ]
)
SYMBOLS = pa.schema(
    [
        ("name", pa.string()),
        ("kind", pa.string()),
        ("container", pa.string()),
        ("path", pa.string()),
        ("language", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("signature", pa.string()),
        ("bases", STRINGS),
    ]
)
TEXTS = pa.schema(
    [
        ("path", pa.string()),
        ("language", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("text", pa.string()),
        ("words", pa.string()),
        ("symbols", STRINGS),
    ]
)


def chunks_schema(dimensions: int) -> pa.Schema:
    """Columns of the chunks.

    Args:
        dimensions: of the vectors; 0: there are none.
    """
    if not dimensions:
        return TEXTS
    return TEXTS.append(pa.field("vector", pa.list_(pa.float16(), dimensions)))


@dataclass(frozen=True, slots=True)
class Stored:
    """What is remembered of a file, to see whether it has changed.

    Attributes:
        hash: of its content.
        size: bytes.
        mtime_ns: when it was written, as the file system says.
        reason: why its content is left out; empty: it is in.
    """

    hash: str
    size: int
    mtime_ns: int
    reason: str = ""


def stored_files(table: pa.Table) -> dict[str, Stored]:
    """Rows of `files` by path."""
    columns = (table[name].to_pylist() for name in ("path", "hash", "size", "mtime_ns", "reason"))
    return {path: Stored(*rest) for path, *rest in zip(*columns, strict=True)}


def table_of(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as columns; what a source file holds beside text (lone surrogates) is replaced."""
    try:
        return pa.Table.from_pylist(rows, schema)
    except UnicodeEncodeError:
        return pa.Table.from_pylist([{name: _plain(value) for name, value in row.items()} for row in rows], schema)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def symbol_row(path: str, language: str, definition: Definition) -> dict[str, Any]:
    """A definition as a row of `symbols`."""
    return {
        "name": definition.name,
        "kind": definition.kind.value,
        "container": definition.container,
        "path": path,
        "language": language,
        "start": definition.start,
        "end": definition.end,
        "signature": definition.signature,
        "bases": list(definition.bases),
    }


def definitions_of(table: pa.Table) -> list[tuple[str, str, Definition]]:
    """Rows of `symbols` as (path, language, definition), in the order of the source."""
    found = [(row["path"], row["language"], definition_of(row)) for row in table.to_pylist()]
    found.sort(key=lambda item: (item[0], item[2].start, -item[2].end, item[2].name))
    return found


def definition_of(row: Mapping[str, Any]) -> Definition:
    """A row of `symbols` as a definition."""
    return Definition(
        name=row["name"],
        kind=Kind(row["kind"]),
        start=row["start"],
        end=row["end"],
        signature=row["signature"],
        container=row["container"],
        bases=tuple(row["bases"]),
    )


def imports_text(imports: Iterable[Import]) -> str:
    """Imports as the text that `imports_from` reads."""
    return json.dumps([[one.module, [list(pair) for pair in one.names], one.alias] for one in imports])


def imports_from(text: str) -> tuple[Import, ...]:
    """What `imports_text` wrote."""
    return tuple(
        Import(module, tuple((str(name), str(here)) for name, here in names), alias)
        for module, names, alias in json.loads(text)
    )
