"""Connections to providers: opened as they are needed, kept for half a minute, as many to one host as are allowed.

An exchange costs a third of the processor time that it costs with a general HTTP client: the request is one string of
bytes, whose head was made once for each deployment, and its answer wakes the caller once. There are no redirects, cookies
or proxies, and an answer may be packed with gzip.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, cast

from deskmind.gateway.providers._connection import Answer, Connection
from deskmind.gateway.providers.failures import ProviderFailure

__all__ = ["Answer", "Connections", "Target", "target"]

_KEPT_SECONDS = 30.0
_ADDRESS_SECONDS = 0.25
"""After which a host's next address is tried beside the first (RFC 8305)."""
_OURS = frozenset(
    {"connection", "content-length", "transfer-encoding", "accept-encoding", "expect", "upgrade"}
)
"""Headers that say how this connection is used."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_Place = tuple[str, int, bool]
"""Host, port, and whether it is reached over TLS."""


class Target(NamedTuple):
    """Where requests go, and their head as far as it is the same for all of them."""

    place: _Place
    head: bytes


def target(url: str, headers: Mapping[str, str]) -> Target:
    """The target of an address and of headers that do not change.

    Raises:
        ProviderFailure: a header cannot be sent.
    """
    from yarl import URL

    address = URL(url)
    named = {"host": f"Host: {address.host_port_subcomponent}", "accept": "Accept: */*"}
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or _CONTROL.search(value):
            raise ProviderFailure("model-unavailable", "a configured header cannot be sent")
        if name.lower() not in _OURS:
            named[name.lower()] = f"{name}: {value}"
    head = "\r\n".join((f"POST {address.raw_path_qs} HTTP/1.1", *named.values(), ""))
    place = (address.raw_host or "", address.port or 0, address.scheme == "https")
    return Target(place, head.encode("utf-8", "replace"))


class Connections:
    """A pool of them, for one event loop.

    Args:
        most: to one host, 0 for no limit.
    """

    def __init__(self, most: int = 0) -> None:
        self.loop = asyncio.get_running_loop()
        self._most = most
        self._all: dict[Connection, _Place] = {}
        self._idle: dict[_Place, list[Connection]] = {}
        self._room: dict[_Place, asyncio.Semaphore] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    async def ask(
        self, to: Target, more: str, body: bytes, *, whole: bool, connect: float, seconds: float
    ) -> Answer:
        """Post a request.

        Args:
            to: where.
            more: further header lines, each with its end.
            body: of the request.
            whole: whether all of the answer is waited for; else its head.
            connect: seconds for a new connection.
            seconds: for the exchange, 0 for no bound.

        Raises:
            ProviderFailure: there is no connection or answer, or it broke off.
        """
        packed = "Accept-Encoding: gzip\r\n" if whole else ""
        head = f"{more}{packed}Content-Length: {len(body)}\r\n\r\n".encode()
        request = b"".join((to.head, head, body))
        connection = None if self._most else self._kept(to.place)
        if connection is None:
            connection = await self._another(to.place, connect)
        return await connection.ask(request, whole=whole, seconds=seconds)

    async def close(self) -> None:
        """Close all of them."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for connection in tuple(self._all):
            connection.abort()
        await asyncio.sleep(0)

    def _kept(self, place: _Place) -> Connection | None:
        idle = self._idle.get(place)
        while idle:
            connection = idle.pop()
            if connection.usable and self.loop.time() - connection.idle_since < _KEPT_SECONDS:
                connection.idle_since = 0.0
                return connection
            connection.abort()
        return None

    async def _another(self, place: _Place, seconds: float) -> Connection:
        """A kept connection or a new one, as soon as there is room for it."""
        room = self._room.setdefault(place, asyncio.Semaphore(self._most)) if self._most else None
        if room is not None:
            await room.acquire()
        try:
            return self._kept(place) or await self._opened(place, seconds)
        except BaseException:
            if room is not None:
                room.release()
            raise

    async def _opened(self, place: _Place, seconds: float) -> Connection:
        import aiohappyeyeballs

        start = cast("Any", aiohappyeyeballs).start_connection
        host, port, tls = place
        try:
            async with asyncio.timeout(seconds):
                found = await self.loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                opened = await start(found, happy_eyeballs_delay=_ADDRESS_SECONDS, interleave=1)
                _, connection = await self.loop.create_connection(
                    lambda: Connection(self.loop, self._freed),
                    sock=opened,
                    ssl=_tls() if tls else None,
                    server_hostname=host.rstrip(".") if tls else None,
                )
        except TimeoutError as error:
            raise ProviderFailure("model-timeout", "no connection in time") from error
        except (OSError, UnicodeError) as error:
            raise ProviderFailure("model-unavailable", f"no connection: {type(error).__name__}") from error
        self._all[connection] = place
        return connection

    def _freed(self, connection: Connection, open_: bool) -> None:
        """An exchange is over, or a connection is lost."""
        place = self._all.get(connection)
        if place is None:
            return
        room = self._room.get(place)
        if room is not None and not connection.idle_since:
            room.release()
        if not open_:
            del self._all[connection]
            return
        connection.idle_since = self.loop.time()
        self._idle.setdefault(place, []).append(connection)
        if self._sweeping is None:
            self._sweeping = self.loop.call_later(_KEPT_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for long; the longest stand first."""
        self._sweeping = None
        before = self.loop.time() - _KEPT_SECONDS
        for place, idle in tuple(self._idle.items()):
            over = sum(connection.idle_since <= before for connection in idle)
            for connection in idle[:over]:
                connection.abort()
            del idle[:over]
            if not idle:
                del self._idle[place]
        if self._idle:
            self._sweeping = self.loop.call_later(_KEPT_SECONDS / 2, self._sweep)


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
