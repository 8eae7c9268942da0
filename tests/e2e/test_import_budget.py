"""The start is quick because nothing heavy is imported for it."""

from __future__ import annotations

import json
import subprocess
import sys

from e2e.wire import CAPABILITIES, PATIENCE_S, UNHURRIED

HEAVY = {"numpy", "llama_cpp", "tree_sitter", "huggingface_hub", "lancedb", "rich", "psutil", "httpx"}
"""What must not be imported before the editor has its answer to `initialize`: each costs a tenth of a second."""

PROBE = """
import os, sys
from tabby_lsp import cli
from tabby_lsp.lsp.model import ModelHost

def told(self):
    os.write(2, "\\n".join(["imported:", *sys.modules, ""]).encode())
    os._exit(0)

ModelHost.start = told
cli.main([])
"""


def test_nothing_heavy_is_imported_before_initialized(server_environment: dict[str, str]) -> None:
    """The server as it is started by an editor, up to the moment at which its model is brought up."""
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "processId": None, "rootUri": None, "capabilities": CAPABILITIES, "initializationOptions": UNHURRIED,
        }},
        {"jsonrpc": "2.0", "method": "initialized", "params": {}},
    ]  # fmt: skip
    bodies = [json.dumps(message).encode() for message in messages]
    sent = b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies)
    child = subprocess.Popen(
        [sys.executable, "-c", PROBE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=server_environment,
    )
    try:
        assert child.stdin is not None
        child.stdin.write(sent)
        child.stdin.flush()  # and left open: its end would end the server
        assert child.stderr is not None
        said = child.stderr.read().decode()
        assert child.wait(PATIENCE_S) == 0
    finally:
        child.kill()
        child.communicate()
    _, _, modules = said.partition("imported:\n")
    imported = set(modules.split())
    assert {"pygls", "tabby_lsp.lsp.server"} <= imported
    assert not HEAVY & {name.split(".")[0] for name in imported}
