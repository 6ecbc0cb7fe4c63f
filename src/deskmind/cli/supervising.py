"""The processes of ``deskmind serve``: one, or several under a supervisor, that end without leaving a client unanswered."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

__all__ = ["refuse_handshakes", "serve_processes"]

_SETTLE_SECONDS = 0.2
_SO_ATTACH_FILTER = 26
_NO_NEW_HANDSHAKES = (
    (0x30, 0, 0, 13),  # load the flags of the TCP header
    (0x54, 0, 0, 0x12),  # SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0x40000),  # keep
)
"""In Berkeley Packet Filter's instructions: operation, jump if true, jump if false, operand."""


class _Listening(Protocol):
    def setsockopt(self, level: int, option: int, value: bytes, /) -> None: ...


def serve_processes(config: uvicorn.Config, drain_seconds: float) -> None:
    """Serve until told to end.

    Args:
        config: of uvicorn, with the number of processes.
        drain_seconds: how long each goes on serving when it is told to end.
    """
    if config.workers > 1:
        _Supervisor(config, drain_seconds).run()
        return
    server = _Server(config)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def refuse_handshakes(listening: Iterable[_Listening]) -> None:
    """Have the kernel ignore new clients of sockets that listen, where it can; handshakes under way are finished.

    What waits to be accepted when such a socket is closed is reset, though the client thinks that it is connected and may
    have sent its request. With this and a moment in between nothing waits.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *instruction) for instruction in _NO_NEW_HANDSHAKES)
    )
    described = struct.pack("HP", len(_NO_NEW_HANDSHAKES), ctypes.addressof(program))
    for each in listening:
        with suppress(OSError):
            each.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


class _Server(uvicorn.Server):
    """The only process."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        refuse_handshakes(each for server in self.servers for each in server.sockets)
        await asyncio.sleep(_SETTLE_SECONDS)
        await super().shutdown(sockets)


class _Supervisor(Multiprocess):
    """Over several processes that listen on one socket, which each of them and this one has to close."""

    def __init__(self, config: uvicorn.Config, drain_seconds: float) -> None:
        super().__init__(config, sockets=[config.bind_socket()])
        self._drain_seconds = drain_seconds

    def handle_int(self) -> None:
        """Whoever sits before it does not want to wait."""
        self._drain_seconds = 0.0
        super().handle_int()

    def terminate_all(self) -> None:
        super().terminate_all()
        time.sleep(max(0.0, self._drain_seconds - _SETTLE_SECONDS))
        refuse_handshakes(self.sockets)
        for each in self.sockets:
            each.close()
