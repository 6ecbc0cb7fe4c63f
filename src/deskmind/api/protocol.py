"""uvicorn's HTTP protocol with fewer writes: each is a system call that costs a twentieth of a model call."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["GatheringProtocol"]

_MOST_GATHERED = 64 * 1024
_ON_ITS_WAY_SECONDS = 0.5


class GatheringProtocol(HttpToolsProtocol):
    """Head and body of a response leave together, and so do pieces of a stream that come at the same time.

    When the server ends, a connection without a request is closed half a second later: one may be on its way.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(cast("asyncio.Transport", _GatheringTransport(transport, self.loop)))

    def shutdown(self) -> None:
        """The server ends."""
        if self.cycle is None or self.cycle.response_complete:  # pyright: ignore[reportUnnecessaryComparison]
            self.loop.call_later(_ON_ITS_WAY_SECONDS, super().shutdown)
        else:
            super().shutdown()


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
