"""uvicorn's HTTP protocol with fewer writes: each is a system call that costs a twentieth of a model call.

And with heads of responses that are put together faster: uvicorn searches each name and each value for what may not be in
it, and ours have a dozen headers, most of them always the same.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

__all__ = ["GatheringProtocol"]

_MOST_GATHERED = 64 * 1024
_ON_ITS_WAY_SECONDS = 0.5

_NO_NAME = re.compile(rb"[^A-Za-z0-9!#$%&'*+.^_`|~-]|\A\Z")
_NO_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING = frozenset({b"connection", b"content-length", b"transfer-encoding"})
_CONSTANT = frozenset(
    {
        b"api-version",
        b"cache-control",
        b"content-security-policy",
        b"content-type",
        b"ratelimit-policy",
        b"referrer-policy",
        b"strict-transport-security",
        b"vary",
        b"x-content-type-options",
        b"x-frame-options",
    }
)
"""Headers with few values: their lines are remembered."""
_MOST_REMEMBERED, _LONGEST_REMEMBERED = 1_000, 500

_Header = tuple[bytes, bytes]
_names: dict[bytes, bytes] = {}
_lines: dict[_Header, bytes] = {}


class GatheringProtocol(HttpToolsProtocol):
    """Head and body of a response leave together, and so do pieces of a stream that come at the same time.

    When the server ends, a connection without a request is closed half a second later: one may be on its way.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(cast("asyncio.Transport", _GatheringTransport(transport, self.loop)))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.__class__ = _Cycle
        super()._start_asgi_task(cycle, app)

    def shutdown(self) -> None:
        """The server ends."""
        if self.cycle is None or self.cycle.response_complete:  # pyright: ignore[reportUnnecessaryComparison]
            self.loop.call_later(_ON_ITS_WAY_SECONDS, super().shutdown)
        else:
            super().shutdown()


class _Cycle(RequestResponseCycle):
    """One request and its response: the usual head is written here, any other as uvicorn does."""

    async def send(self, message: Any) -> None:
        if self.response_started or self.access_log or self.flow.write_paused or not self.keep_alive:
            await super().send(message)
            return
        head = None if self.disconnected else _head(self.default_headers, message)
        if head is None:
            await super().send(message)
            return
        self.response_started = True
        self.waiting_for_100_continue = False
        self.chunked_encoding = False
        text, self.expected_content_length = head
        self.transport.write(text)


def _head(default: Iterable[_Header], message: Any) -> tuple[bytes, int] | None:
    """The head of a response and the length of its body; None where there is more to it than plain headers."""
    if message["type"] != "http.response.start":
        return None
    length: int | None = None
    lines = [STATUS_LINE[message["status"]]]
    for header in (*default, *message.get("headers", ())):
        line = _lines.get(header)
        if line is None:
            name, value = header
            if name == b"content-length" and length is None and value.isdigit():
                length = int(value)
                line = b"content-length: %d\r\n" % length
            elif (line := _line(name, value)) is None:
                return None
        lines.append(line)
    if length is None:
        return None
    lines.append(b"\r\n")
    return b"".join(lines), length


def _line(name: bytes, value: bytes) -> bytes | None:
    """None where it is not valid, or says how the response is framed."""
    before = _names.get(name) or _before(name)
    if before is None or _NO_VALUE.search(value):
        return None
    line = before + value + b"\r\n"
    if name in _CONSTANT and len(_lines) < _MOST_REMEMBERED and len(line) < _LONGEST_REMEMBERED:
        _lines[name, value] = line
    return line


def _before(name: bytes) -> bytes | None:
    lower = name.lower()
    if lower in _FRAMING or _NO_NAME.search(name):
        return None
    before = lower + b": "
    if len(_names) < _MOST_REMEMBERED and len(name) < _LONGEST_REMEMBERED:
        _names[name] = before
    return before


class _GatheringTransport:
    """Writes when the event loop's pass is over, or when 64 KB are waiting; else the transport that it wraps."""

    __slots__ = ("_loop", "_size", "_transport", "_waiting")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)
        self._size += len(data)
        if self._size > _MOST_GATHERED:
            self._flush()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        if waiting and not self._transport.is_closing():
            self._transport.write(b"".join(waiting))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
