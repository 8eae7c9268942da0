"""Reads batches as the index does, and dies of one file, as a parser in C might."""

from __future__ import annotations

import os

from tabby_lsp.index.reading.batches import Batch, read_batch


def read(root, found, hashes) -> Batch:
    if any(one.path == "crash.py" for one in found):
        os._exit(11)
    return read_batch(root, found, hashes)
