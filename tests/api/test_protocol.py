"""What the service's HTTP protocol writes to a connection, and when."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from deskmind.api.protocol import GatheringProtocol

_REQUEST = b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n"
_LARGE = b"x" * 3_000_000


async def _app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    pieces = {"/short": [b"short"], "/pieces": [b"one", b"two", b"three"], "/large": [_LARGE, b"end"]}[
        scope["path"]
    ]
    headers = [(b"content-length", str(sum(map(len, pieces))).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in pieces[:-1]:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": pieces[-1]})


class _Counting(GatheringProtocol):
    """Tells how often the socket was written to."""

    writes: list[int] = []  # noqa: RUF012

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Counted(transport, self.writes))  # type: ignore[arg-type]


class _Counted:
    def __init__(self, transport: asyncio.Transport, writes: list[int]) -> None:
        self._transport = transport
        self._writes = writes

    def write(self, data: bytes) -> None:
        self._writes.append(len(data))
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    _Counting.writes.clear()
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(_app, http=_Counting, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    with contextlib.closing(listening):
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield listening.getsockname()[1]
        server.should_exit = True
        await serving


async def _ask(port: int, path: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_REQUEST % path)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()
    return body


async def test_head_and_body_leave_in_one_write(port: int) -> None:
    assert await _ask(port, b"/short") == b"short"
    assert len(_Counting.writes) == 1


async def test_pieces_that_come_together_leave_together(port: int) -> None:
    assert await _ask(port, b"/pieces") == b"onetwothree"
    assert len(_Counting.writes) == 1


async def test_what_is_large_is_not_gathered_and_arrives_whole(port: int) -> None:
    assert await _ask(port, b"/large") == _LARGE + b"end"
    assert len(_Counting.writes) > 1


async def test_a_last_response_is_written_before_the_connection_closes(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /pieces HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).endswith(b"onetwothree")
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_leaves_at_once_disturbs_nobody(port: int) -> None:
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_REQUEST % b"/large")
        writer.transport.abort()
    assert await _ask(port, b"/short") == b"short"
