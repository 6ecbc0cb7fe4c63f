"""A lean load generator: HTTP/1.1 on kept connections, so that what is measured is the servers and not the client."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")
_ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Endpoint:
    """A chat completions endpoint, the models behind it that echo and that reply in fifty pieces, and its processes."""

    name: str
    port: int
    headers: Mapping[str, str]
    model: str = "echo"
    long_model: str = "echo-50"
    path: str = "/v1/chat/completions"
    process: int = 0
    database: int = 0

    def request(self, *, streaming: bool = False) -> bytes:
        """The bytes of a call."""
        body: dict[str, Any] = {
            "model": self.long_model if streaming else self.model,
            "messages": [{"role": "user", "content": "hello there my friend"}],
        }
        if streaming:
            body["stream"] = True
        content = json.dumps(body).encode()
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Accept: */*",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


@dataclass(frozen=True)
class Load:
    """What a server did under load; CPU of it, of its database and of the generator in milliseconds a call."""

    calls: int
    calls_per_s: float
    p50_ms: float
    cpu_ms: float
    database_cpu_ms: float
    generator_cpu_ms: float


@dataclass
class _Replies:
    """What arrives on one connection; sends the next request as soon as a reply is whole."""

    request: bytes
    left: int
    done: asyncio.Future[None]
    seconds: list[float] = field(default_factory=list[float])
    first: list[float] = field(default_factory=list[float])


class _Connection(asyncio.Protocol):
    def __init__(self, replies: _Replies) -> None:
        self._replies = replies
        self._buffer = bytearray()
        self._body = -1
        self._length = -1
        self._seen_piece = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._body < 0 and not self._head():
            return
        if not self._seen_piece and self._buffer.find(b"data:", self._body) >= 0:
            self._seen_piece = True
            self._replies.first.append(time.perf_counter() - self._started)
        if self._length >= 0:
            whole = len(self._buffer) >= self._body + self._length
        else:
            whole = self._buffer.endswith(b"\r\n0\r\n\r\n")
        if whole:
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._replies.done.done():
            self._replies.done.set_exception(error or ConnectionError("the server closed the connection"))

    def _send(self) -> None:
        self._buffer.clear()
        self._body, self._length, self._seen_piece = -1, -1, False
        self._started = time.perf_counter()
        self._transport.write(self._replies.request)

    def _head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._buffer[:end]).lower()
        if not head.startswith(b"http/1.1 200"):
            self._fail(bytes(self._buffer[:500]))
            return False
        self._body = end + 4
        _, found, rest = head.partition(b"\r\ncontent-length:")
        self._length = int(rest.split(b"\r\n", 1)[0]) if found else -1
        return True

    def _next(self) -> None:
        replies = self._replies
        replies.seconds.append(time.perf_counter() - self._started)
        replies.left -= 1
        if replies.left > 0:
            self._send()
        elif not replies.done.done():
            replies.done.set_result(None)
            self._transport.close()

    def _fail(self, said: bytes) -> None:
        if not self._replies.done.done():
            self._replies.done.set_exception(RuntimeError(said.decode(errors="replace")))
        self._transport.close()


async def load(endpoint: Endpoint, *, connections: int, calls: int) -> Load:
    """Calls as fast as they come back, each connection one at a time."""
    each = max(calls // connections, 1)
    made = each * connections
    before = _cpu(endpoint)
    started = time.perf_counter()
    replies = await _exchange(endpoint.port, endpoint.request(), connections, each)
    taken = time.perf_counter() - started
    used = [(now - then) / made * 1000 for now, then in zip(_cpu(endpoint), before, strict=True)]
    seconds = [second for reply in replies for second in reply.seconds]
    return Load(made, made / taken, statistics.median(seconds) * 1000, *used)


async def stream(endpoint: Endpoint, *, calls: int) -> tuple[float, float]:
    """Median milliseconds to the first piece and to the end, one stream after the other."""
    (replies,) = await _exchange(endpoint.port, endpoint.request(streaming=True), 1, calls)
    assert len(replies.first) == calls
    return statistics.median(replies.first) * 1000, statistics.median(replies.seconds) * 1000


async def _exchange(port: int, request: bytes, connections: int, each: int) -> list[_Replies]:
    loop = asyncio.get_running_loop()
    replies = [_Replies(request, each, loop.create_future()) for _ in range(connections)]
    with _without_collections():
        for reply in replies:
            await loop.create_connection(_connection(reply), "127.0.0.1", port)
        async with asyncio.timeout(_ANSWER_SECONDS + each):
            await asyncio.gather(*(reply.done for reply in replies))
    return replies


def _connection(replies: _Replies) -> Callable[[], _Connection]:
    return lambda: _Connection(replies)


@contextmanager
def _without_collections() -> Generator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _cpu(endpoint: Endpoint) -> tuple[float, float, float]:
    """CPU seconds so far of the server, of its database and of this process; zeros where /proc does not tell."""
    running = {number: found for number in _numbers() if (found := _stat(number)) is not None}

    def tree(root: int) -> float:
        inside = {root} if root else set[int]()
        for _ in range(4):
            inside |= {number for number, (parent, _) in running.items() if parent in inside}
        return sum(running[number][1] for number in inside if number in running)

    return tree(endpoint.process), tree(endpoint.database), time.process_time()


def _numbers() -> list[int]:
    folder = Path("/proc")
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()] if folder.is_dir() else []


def _stat(number: int) -> tuple[int, float] | None:
    """Its parent and its CPU seconds."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS
