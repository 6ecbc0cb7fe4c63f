"""What the service's HTTP protocol writes to a connection, and when."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from deskmind.api.protocol import GatheringProtocol, _Cycle  # pyright: ignore[reportPrivateUsage]

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


_HEADS: list[tuple[int, list[tuple[bytes, bytes]]]] = [
    (200, [(b"content-length", b"5"), (b"content-type", b"application/json"), (b"x-request-id", b"req_1")]),
    (200, [(b"Content-Type", b"text/plain"), (b"content-length", b"0"), (b"cache-control", b"no-store")]),
    (404, [(b"CONTENT-LENGTH", b"12"), (b"x-frame-options", b"DENY")]),
    (200, [(b"content-length", b"5"), (b"connection", b"close")]),
    (200, [(b"content-length", b"5"), (b"content-length", b"7")]),
    (200, [(b"transfer-encoding", b"chunked"), (b"content-type", b"text/event-stream")]),
    (204, []),
    (304, [(b"etag", b'"a"')]),
    (200, [(b"content-type", b"text/plain")]),
    (200, [(b"content-length", b"5"), (b"x-note", b"\xe9\ttab")]),
]
_NOT_VALID = [
    (b"x-request-id", b"one\r\nset-cookie: two"),
    (b"x-request-id", b"one\x00"),
    (b"content-type", b"text/plain\nx: y"),
    (b"x note", b"one"),
    (b"x-note:", b"one"),
    (b"x-note\r\n", b"one"),
]


async def _head_of(cycle: type[RequestResponseCycle], status: int, headers: Any, **given: Any) -> Any:
    """What is written, and how the response is framed."""
    transport = _Kept()
    keep_alive, method = given.get("keep_alive", True), given.get("method", "GET")
    made = cycle(
        scope={"method": method},  # type: ignore[typeddict-item]
        transport=transport,  # type: ignore[arg-type]
        flow=FlowControl(transport),  # type: ignore[arg-type]
        logger=logging.getLogger("test"),
        access_logger=logging.getLogger("test"),
        access_log=False,
        default_headers=[(b"date", b"Sun, 29 Nov 2026 16:00:00 GMT")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )
    await made.send({"type": "http.response.start", "status": status, "headers": headers})
    framing = (made.expected_content_length, made.chunked_encoding, made.keep_alive, made.response_started)
    return transport.written, framing


class _Kept:
    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


@pytest.mark.parametrize(("status", "headers"), _HEADS)
@pytest.mark.parametrize("given", [{}, {"keep_alive": False}, {"method": "HEAD"}])
async def test_a_head_is_what_uvicorn_writes(status: int, headers: Any, given: dict[str, Any]) -> None:
    for _ in range(2):  # remembered, the second time
        ours = await _head_of(_Cycle, status, headers, **given)
        assert ours == await _head_of(RequestResponseCycle, status, headers, **given)


@pytest.mark.parametrize("header", _NOT_VALID)
async def test_a_header_that_would_end_its_line_is_refused(header: tuple[bytes, bytes]) -> None:
    for _ in range(2):
        with pytest.raises(RuntimeError, match="Invalid HTTP header"):
            await _head_of(_Cycle, 200, [(b"content-length", b"5"), header])


async def test_the_usual_head_is_not_put_together_by_uvicorn(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    usual = RequestResponseCycle.send
    sent: list[str] = []

    async def send(cycle: RequestResponseCycle, message: Any) -> None:
        sent.append(message["type"])
        await usual(cycle, message)

    monkeypatch.setattr(RequestResponseCycle, "send", send)
    access = logging.getLogger("uvicorn.access")
    monkeypatch.setattr(access, "handlers", [])  # as the service has it
    monkeypatch.setattr(access, "propagate", False)
    assert await _ask(port, b"/short") == b"short"
    assert sent == ["http.response.body"]
