"""Locks on resources, on which the processes of a service agree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from deskmind.database import Database
from deskmind.errors import InvalidRequestError
from deskmind.scope import Scope

__all__ = ["ResourceLocks"]

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.resource.' || %s, 0))"


class ResourceLocks:
    """Held one at a time, each by a connection of its own.

    At most half of a process's connections hold or wait for one: the others are for what is done under them, which would
    wait for ever otherwise. Those who wait for the same resource in one process have one connection together.

    Args:
        database: gives the database, once it is open.
        connections: that a process may have.
    """

    def __init__(self, database: Callable[[], Database], connections: int) -> None:
        self._database = database
        self._most = connections // 2
        self._room = asyncio.Semaphore(self._most)
        self._turns: dict[str, tuple[asyncio.Lock, list[None]]] = {}

    @asynccontextmanager
    async def held(self, who: Scope, path: str) -> AsyncGenerator[None]:
        """Hold the lock of a tenant's resource.

        Args:
            who: of the tenant.
            path: of the resource.

        Raises:
            InvalidRequestError: there is no second connection.
        """
        if not self._most:
            raise InvalidRequestError(
                "The request cannot be conditional.",
                why="If-Match needs two connections to the database, and this service has one.",
                remedy="Leave If-Match out, or raise database.pool_max.",
            )
        name = f"{who.tenant_id}:{path}"
        async with (
            self._turn(name),
            self._room,
            self._database().transaction(Scope.directory()) as connection,
        ):
            await connection.execute(_LOCK, (name,))
            yield

    @asynccontextmanager
    async def _turn(self, name: str) -> AsyncGenerator[None]:
        lock, waiting = self._turns.setdefault(name, (asyncio.Lock(), []))
        waiting.append(None)
        try:
            async with lock:
                yield
        finally:
            waiting.pop()
            if not waiting:
                del self._turns[name]
