"""The child that serves a GGUF with xllamacpp's llama-server: another llama.cpp than ours, so in its own interpreter.

It ends when its standard input does, which is when the benchmark ends, however that comes.
"""

from __future__ import annotations

import argparse
import importlib
import sys


def main() -> None:
    """Serve until nobody wants it any more."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    for name in ("port", "ctx-size", "batch-size", "threads", "cache-reuse"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args()
    xllamacpp = importlib.import_module("xllamacpp")  # of the extra `bench`, and without types
    params = xllamacpp.CommonParams()
    params.model.path = given.model
    params.port = given.port  # of the loopback address, where it listens by itself
    params.n_ctx, params.n_parallel = given.ctx_size, 1
    params.n_batch = params.n_ubatch = given.batch_size
    params.n_cache_reuse = given.cache_reuse
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = given.threads
    params.endpoint_metrics = params.endpoint_slots = True
    params.ui, params.verbosity = False, 1
    server = xllamacpp.Server(params)  # it serves from now on, in threads of its own
    sys.stdin.buffer.read()
    del server


if __name__ == "__main__":
    main()
