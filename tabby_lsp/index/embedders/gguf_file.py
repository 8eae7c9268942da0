"""What the static embedder needs of a GGUF file: its vocabulary, and the rows of one tensor at a time.

The `gguf` package's own reader makes an array object for each token and each merge, which takes ten seconds for a
vocabulary of 150,000; this one skips what it is not asked for and takes a tenth of one. Turning quantised blocks into
floats stays with the package. The format: versions 2 and 3 of GGUF, little-endian, as ggml's own repository describes
it (`docs/gguf.md` there, not here).
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tabby_lsp.errors import RepositoryIndexError

SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
"""Value type → how it is packed."""
STRING, ARRAY = 8, 9
ALIGNMENT = 32
"""Bytes, where the file does not say otherwise."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a matrix lies in the file.

    Attributes:
        rows: of the matrix.
        columns: of the matrix, in numbers.
        kind: ggml's number of its quantisation.
        offset: bytes from the file's beginning.
    """

    rows: int
    columns: int
    kind: int
    offset: int


class GgufFile:
    """A GGUF file, mapped.

    Args:
        path: the file.
        wanted: names of metadata that is kept; the rest is skipped.

    Raises:
        RepositoryIndexError: it is no GGUF file, or is cut short.
    """

    def __init__(self, path: Path, wanted: frozenset[str]) -> None:
        self._path = path
        self.metadata: dict[str, Any] = {}
        self.tensors: dict[str, Tensor] = {}
        try:
            with path.open("rb") as stream:
                self._data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            self._read(wanted)
        except (OSError, ValueError, TypeError, ArithmeticError, struct.error, IndexError, KeyError) as error:
            raise RepositoryIndexError(
                f"{path} cannot be read as a GGUF file: {error}", "`tabby-lsp models verify` checks the file."
            ) from error

    def _read(self, wanted: frozenset[str]) -> None:
        self._at = 0
        magic, version = self._unpack("<4sI")
        if magic != b"GGUF" or version not in {2, 3}:
            raise ValueError(f"it begins with {magic!r}, version {version}")
        tensors, values = self._unpack("<QQ")
        alignment = ALIGNMENT
        for _ in range(values):
            name = self._string().decode()
            (kind,) = self._unpack("<I")
            value = self._value(kind, keep=name in wanted or name == "general.alignment")
            if name == "general.alignment":
                alignment = int(value)
            elif name in wanted:
                self.metadata[name] = value
        found: list[tuple[str, list[int], int, int]] = []
        for _ in range(tensors):
            name = self._string().decode()
            (dimensions,) = self._unpack("<I")
            shape = [*self._unpack(f"<{dimensions}Q")]
            kind, offset = self._unpack("<IQ")
            found.append((name, shape, kind, offset))
        start = -(-self._at // alignment) * alignment
        self.tensors = {
            name: Tensor(rows=shape[1], columns=shape[0], kind=kind, offset=start + offset)
            for name, shape, kind, offset in found
            if len(shape) == 2
        }

    def _unpack(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return values

    def _string(self) -> bytes:
        (length,) = self._unpack("<Q")
        value = self._data[self._at : self._at + length]
        if len(value) < length:
            raise ValueError("it is cut short")
        self._at += length
        return value

    def _value(self, kind: int, *, keep: bool) -> Any:
        if kind == STRING:
            return self._string()
        if kind == ARRAY:
            inner, length = self._unpack("<IQ")
            if inner == STRING:
                return self._strings(length, keep=keep)
            if inner == ARRAY:
                return [self._value(inner, keep=keep) for _ in range(length)]
            return list(self._unpack(f"<{length}{SCALARS[inner][1:]}"))
        return self._unpack(SCALARS[kind])[0]

    def _strings(self, length: int, *, keep: bool) -> list[bytes]:
        # the loop of 300,000: no calls but one
        data, at, unpack = self._data, self._at, struct.Struct("<Q").unpack_from
        found: list[bytes] = []
        for _ in range(length):
            (size,) = unpack(data, at)
            if keep:
                found.append(data[at + 8 : at + 8 + size])
            at += 8 + size
        self._at = at
        return found

    def rows(self, tensor: Tensor, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Rows of a matrix, as floats.

        Args:
            tensor: of this file.
            wanted: numbers of rows, in the order in which they come back.

        Returns:
            float32 (wanted, columns).

        Raises:
            RepositoryIndexError: the gguf package does not know the quantisation, or the file is cut short.
        """
        import gguf

        try:
            kind = gguf.GGMLQuantizationType(tensor.kind)
            per_block, size = gguf.GGML_QUANT_SIZES[kind]
            width = tensor.columns // per_block * size
            stored = np.frombuffer(self._data, np.uint8, tensor.rows * width, tensor.offset).reshape(tensor.rows, width)
            return gguf.quants.dequantize(stored[wanted], kind).astype(np.float32, copy=False)
        except (ValueError, KeyError, TypeError, ArithmeticError, NotImplementedError) as error:
            raise RepositoryIndexError(
                f"The token table of {self._path.name} cannot be read: {error}",
                "Choose another quantisation of the model, or another `index.embedder`.",
            ) from error
