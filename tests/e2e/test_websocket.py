"""`--ws PORT`: the same server over a WebSocket on loopback, for debugging."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

PATIENCE_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def connected(port: int) -> ClientConnection:
    """A connection, as soon as somebody listens."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await connect(f"ws://127.0.0.1:{port}")
            except OSError:
                await asyncio.sleep(0.05)


async def request(connection: ClientConnection, number: int, method: str, params: Any) -> Any:
    await connection.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message = json.loads(await connection.recv())
            if message.get("id") == number and "method" not in message:
                return message["result"]


async def test_it_serves_over_a_websocket(server_environment: dict[str, str]) -> None:
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tabby_lsp", "--ws", str(port), env=server_environment
    )
    try:
        connection = await connected(port)
        reply = await request(connection, 1, "initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        assert "inlineCompletionProvider" in reply["capabilities"]
        assert await request(connection, 2, "shutdown", None) is None
        await connection.send(json.dumps({"jsonrpc": "2.0", "method": "exit"}))
        assert await asyncio.wait_for(server.wait(), PATIENCE_S) == 0
    finally:
        if server.returncode is None:
            server.kill()
            await server.wait()
