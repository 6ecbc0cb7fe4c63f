"""Name resolution that gives permitted addresses alone."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from deskmind.errors import ForbiddenAddressError
from deskmind.outbound.addresses import address_permitted

__all__ = ["GuardedResolver"]


class GuardedResolver(AbstractResolver):
    """Name resolution that gives no address which may not be reached: a name that changes its mind gains nothing."""

    def __init__(self, inner: AbstractResolver, networks: str) -> None:
        self._inner = inner
        self._networks = networks

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The permitted addresses of a host."""
        found = await self._inner.resolve(host, port, family)
        permitted = [one for one in found if address_permitted(one["host"], self._networks)]
        if found and not permitted:
            raise ForbiddenAddressError(
                f"A request to '{host}' was not sent.",
                why="It is not the configured system's host, or it is an address that may not be reached.",
                remedy="Correct the system's address; hosts that keep its files are named in the vendor's page.",
                host=host,
            )
        return permitted

    async def close(self) -> None:
        """End the inner one."""
        await self._inner.close()
