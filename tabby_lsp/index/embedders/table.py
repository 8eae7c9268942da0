"""The completion model's token table, boiled down to vectors of words: computed once a model, then mapped.

    token rows → unit length → one row a word (case and leading blank do not matter) → mean off → principal components

What a model has learnt of its tokens puts `delete` beside `remove` and `mkdir` beside `directory`. The first components
of such tables tell how frequent a token is and what script it is written in, not what it means, and are left out
(J. Mu and P. Viswanath, "All-but-the-top", 2018).
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tabby_lsp.errors import RepositoryIndexError
from tabby_lsp.index.embedders.gguf_file import GgufFile
from tabby_lsp.index.embedders.spelling import METADATA, words_in
from tabby_lsp.index.embedders.word_counts import UNSEEN, word_counts

UNUSED_S = 30 * 86_400.0
"""Seconds after which the table of a model that nobody opens is removed."""
TOUCHED_S = 86_400.0
"""Seconds after which its use is noted again."""
VERSION = 1
"""Of the recipe and of the file; vectors of different versions are not comparable."""
DIMENSIONS = 256
"""On CoSQA dev, fused: 128 .463, 192 .474, 256 .476, 384 .476, 512 .474."""
LEFT_OUT = 10
"""Principal components that are left out, the strongest first. On CoSQA dev, fused: 2 .466, 5 .472, 10 .475;
on Go's documentation: 2 .464, 5 .479, 10 .482, 20 .477."""

MAGIC = b"tabby-words\x01"
ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Table:
    """Words of a vocabulary with their vectors.

    Attributes:
        key: of the model and the recipe.
        words: lower-case, each row's.
        vectors: float16 (words, dimensions), mapped from the file.
    """

    key: str
    words: list[str]
    vectors: npt.NDArray[np.float16]


def open_table(model: Path, cache: Path) -> Table:
    """Map the table of a model; compute it where it is not there yet.

    Several processes may do so at the same time: each writes a file of its own and puts it in place whole, and all
    write the same bytes.

    Args:
        model: a GGUF file.
        cache: a folder; made where it is missing.

    Raises:
        RepositoryIndexError: the model cannot be read or has no token table, or the folder cannot be written.
    """
    key = key_of(model)
    path = cache / f"words-{key}.bin"
    with suppress(OSError, ValueError, KeyError, struct.error):
        table = _map(path)
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > TOUCHED_S:
                path.touch()
        return table
    _sweep(cache)
    table = _compute(model, key)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _write(path, *table)
        return _map(path)
    except (OSError, ValueError) as error:
        raise RepositoryIndexError(
            f"The vectors of {model.name} cannot be kept in {cache}: {error}",
            "Free some space, make the folder writable, or set `index.directory` to another.",
        ) from error


def key_of(model: Path) -> str:
    """What tells a model's table from another's: the model, the recipe and the words' counts.

    Raises:
        RepositoryIndexError: the file cannot be read.
    """
    recipe = f"{VERSION} {DIMENSIONS} {LEFT_OUT} {word_counts()} {fingerprint(model)}"
    return hashlib.sha256(recipe.encode()).hexdigest()[:24]


def fingerprint(model: Path) -> str:
    """A hash of a model's size and of samples of it; a whole hash takes ten seconds for a large one, at each start.

    Raises:
        RepositoryIndexError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with model.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            digest.update(str(size).encode())
            for i in range(SAMPLES):
                stream.seek(max(0, size - SAMPLE_BYTES) * i // (SAMPLES - 1))
                digest.update(stream.read(SAMPLE_BYTES))
    except OSError as error:
        raise RepositoryIndexError(
            f"The model {model} cannot be read: {error.strerror}.", "`tabby-lsp models pull` fetches it."
        ) from error
    return digest.hexdigest()[:24]


SAMPLES, SAMPLE_BYTES = 128, 1 << 16


def _compute(model: Path, key: str) -> tuple[str, list[str], npt.NDArray[np.float16]]:
    file = GgufFile(model, METADATA)
    embeddings = file.tensors.get("token_embd.weight")
    groups = words_in(file.metadata, embeddings.rows) if embeddings else {}
    if embeddings is None or not groups:
        raise RepositoryIndexError(
            f"{model.name} has no token table that words can be read from.", "Choose another `index.embedder`."
        )

    def rows_of(words: list[str]) -> Iterator[npt.NDArray[np.float32]]:
        """A row for each word, of unit length: the mean of its tokens' directions."""
        for at in range(0, len(words), BLOCK):
            tokens = [groups[word] for word in words[at : at + BLOCK]]
            starts = np.cumsum([0, *map(len, tokens[:-1])])
            rows = file.rows(embeddings, np.array([token for several in tokens for token in several], np.int64))
            yield _unit(np.add.reduceat(_unit(rows), starts))

    words = list(groups)
    counts = word_counts()
    # A vocabulary is mostly names, other languages and scraps; the directions in which those differ are not the ones
    # that tell pieces of code apart. On CoSQA dev, alone: every word alike .373, by the logarithm of its count .393.
    common = [word for word in words if word in counts]
    if len(common) <= LEFT_OUT:
        common = words
    weights = np.log1p([counts.get(word, UNSEEN) / SMOOTHING for word in common])
    mean, basis = _components(np.concatenate(list(rows_of(common))), weights)
    vectors = np.concatenate([((rows - mean) @ basis).astype(np.float16) for rows in rows_of(words)])
    return key, words, vectors


BLOCK = 2048
"""Words whose rows are floats at the same time."""
SMOOTHING = 6
"""Count in `common` below which a word's weight for the components falls off in proportion."""


def _components(
    rows: npt.NDArray[np.float32], weights: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The weighted mean of rows, and their principal components beyond the common ones, as columns.

    In double precision: with another number of threads sums are rounded otherwise, and vectors of two machines are
    compared where an index is shared.
    """
    shares = weights / weights.sum()
    mean = shares @ rows.astype(np.float64)
    scaled = (rows - mean) * np.sqrt(shares)[:, None]
    _, vectors = np.linalg.eigh(scaled.T @ scaled)
    basis = vectors[:, ::-1][:, LEFT_OUT : LEFT_OUT + DIMENSIONS]
    # an eigenvector's sign is the library's whim: the largest part is made positive
    signs = np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(basis.shape[1])])
    return mean.astype(np.float32), np.ascontiguousarray(basis * signs, np.float32)


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _write(path: Path, key: str, words: list[str], vectors: npt.NDArray[np.float16]) -> None:
    """Magic, length of the head, head as JSON, then words by lines and vectors, each aligned."""
    parts = [("\n".join(words)).encode(), vectors.tobytes()]
    head = {"key": key, "shape": vectors.shape, "sizes": [len(part) for part in parts]}
    encoded = json.dumps(head, sort_keys=True).encode()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(MAGIC + struct.pack("<I", len(encoded)) + encoded)
            for part in parts:
                stream.write(b"\0" * (-stream.tell() % ALIGNMENT) + part)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _sweep(cache: Path) -> None:
    """Remove tables of models that nobody has used for long, and what killed processes have left."""
    oldest = time.time() - UNUSED_S
    for path in (*cache.glob("words-*.bin"), *cache.glob(".words-*")):
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _map(path: Path) -> Table:
    with path.open("rb") as stream:
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError("not a table of words")
    (length,) = struct.unpack_from("<I", data, len(MAGIC))
    at = len(MAGIC) + 4
    head = json.loads(data[at : at + length])
    at += length
    starts = []
    for size in head["sizes"]:
        at += -at % ALIGNMENT
        starts.append(at)
        at += size
    if at != len(data):
        raise ValueError("the table of words is cut short")
    rows, columns = head["shape"]
    return Table(
        key=head["key"],
        words=data[starts[0] : starts[0] + head["sizes"][0]].decode().split("\n"),
        vectors=np.frombuffer(data, np.float16, rows * columns, starts[1]).reshape(rows, columns),
    )
