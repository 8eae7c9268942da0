"""What holds for every embedder."""

from __future__ import annotations

import numpy as np
import pytest

from tabby_lsp.index.embedders import Embedder

TEXTS = ["def read_file(path):\n    return open(path)", "", "how to read a file", "  \n", "class List: pass"]


def check(embedder: Embedder) -> None:
    """Shapes, lengths, and that a vector is the text's own."""
    vectors = embedder.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), embedder.dimensions)
    lengths = np.linalg.norm(vectors, axis=1)
    assert lengths == pytest.approx([1, 0, 1, 0, 1], abs=1e-5)
    assert embedder.embed([]).shape == (0, embedder.dimensions)
    # a vector does not depend on what it is made beside
    assert embedder.embed([TEXTS[2]])[0] == pytest.approx(vectors[2], abs=5e-3)
    assert vectors[0] @ vectors[2] < 0.9999
