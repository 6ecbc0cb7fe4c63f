"""What the client costs the program that uses it: CPU time of a call beside bare HTTP clients, over one socket.

The server is a process of its own that sends the same bytes each time, so that this process's CPU time is the caller's
alone. Calls go one after the other, kinds take turns in rounds, and a figure is the median of the rounds.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import aiohttp
import httpx

from deskmind.client import AsyncClient, Client

_ROUNDS = 5
_SERVER = """
import asyncio, sys
body = sys.stdin.buffer.read()
head = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(body)
async def serve(reader, writer):
    try:
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            writer.write(head + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

Call = Callable[[], Awaitable[object]]


async def run(*, quick: bool = False) -> list[dict[str, Any]]:
    """Rows by kind of client, in microseconds of CPU a call."""
    calls = 200 if quick else 1000
    process = subprocess.Popen([sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(_page()).encode())
        process.stdin.close()
        address = f"http://127.0.0.1:{int(process.stdout.readline())}"
        return await _measured(address, calls)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def _measured(address: str, calls: int) -> list[dict[str, Any]]:
    headers = {"Authorization": "Bearer dk_x"}
    async with (
        AsyncClient(address, api_key="dk_x") as ours,
        aiohttp.ClientSession(headers=headers) as bare,
        httpx.AsyncClient(headers=headers) as other,
    ):

        async def by_aiohttp() -> bytes:
            async with bare.get(f"{address}/v1/documents?limit=50") as answer:
                return await answer.read()

        async def by_httpx() -> bytes:
            return (await other.get(f"{address}/v1/documents?limit=50")).content

        async def by_us() -> object:
            return await ours.documents.list(limit=50)

        async def by_us_read() -> object:
            page = await ours.documents.list(limit=50)
            return [
                (one.document_id, one.title, one.uri, one.updated_at, one.chunks) for one in page.documents
            ]

        kinds: dict[str, Call] = {
            "bare aiohttp": by_aiohttp,
            "bare httpx": by_httpx,
            "AsyncClient": by_us,
            "AsyncClient, fields read": by_us_read,
        }
        rounds: dict[str, list[float]] = {name: [] for name in (*kinds, "Client")}
        with Client(address, api_key="dk_x") as waiting:
            for _ in range(_ROUNDS):
                for name, call in kinds.items():
                    rounds[name].append(await _cpu(call, calls))
                rounds["Client"].append(await asyncio.to_thread(_cpu_waiting, waiting, calls))
    return [
        {"case": name, "calls": calls, "cpu_microseconds": round(statistics.median(found) * 1e6, 1)}
        for name, found in rounds.items()
    ]


async def _cpu(call: Call, calls: int) -> float:
    began = time.process_time()
    for _ in range(calls):
        await call()
    return (time.process_time() - began) / calls


def _cpu_waiting(client: Client, calls: int) -> float:
    began = time.process_time()
    for _ in range(calls):
        client.documents.list(limit=50)
    return (time.process_time() - began) / calls


def _page() -> dict[str, Any]:
    document = {
        "title": "Reset the VPN token",
        "uri": "https://kb.example.org/articles/KB0010013-vpn-token.html",
        "media_type": "text/html",
        "chunks": 7,
        "version": 3,
        "updated_at": "2026-01-31T12:00:00.123456Z",
        "metadata": {"author": "service desk", "product": "VPN", "language": "en"},
    }
    return {"documents": [{"document_id": str(uuid4()), **document} for _ in range(50)], "next": None}
