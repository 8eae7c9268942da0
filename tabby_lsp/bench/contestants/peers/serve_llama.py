"""The child that serves a GGUF with llama-server: another llama.cpp than ours, so in a process of its own.

It ends when its standard input does, which is when the benchmark ends, however that comes. The llama-server is the
one in xllamacpp, or a program given as `--binary`, which gets all other arguments.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import threading
from collections.abc import Sequence


def main() -> int:
    """Serve until nobody wants it any more."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--binary")
    given, others = parser.parse_known_args()
    return beside(given.binary, others) if given.binary else inside(others)


def beside(binary: str, arguments: Sequence[str]) -> int:
    """Serve with a program."""
    child = subprocess.Popen((binary, *arguments), stdin=subprocess.DEVNULL)

    def end() -> None:
        sys.stdin.buffer.read()
        child.terminate()

    threading.Thread(target=end, daemon=True).start()
    return child.wait()


def inside(arguments: Sequence[str]) -> int:
    """Serve with xllamacpp."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    for name in ("port", "ctx-size", "batch-size", "threads", "cache-reuse"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args(arguments)
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
