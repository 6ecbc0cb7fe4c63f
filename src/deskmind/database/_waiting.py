"""A pool that does not wait for a server that cannot come back, and hears when whoever waits is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

__all__ = ["GivingUpPool"]

_GLANCE = 2.0


class GivingUpPool(AsyncConnectionPool[Any]):
    """Waits ``timeout`` seconds for a connection, but two where it is known why none will come.

    Several pools and several statements wait one after the other when a server is gone. Where it stopped because its
    disk is full, that is 40 seconds before anybody is told to free some space.
    """

    def __init__(self, conninfo: str, *, doomed: Callable[[], bool], **options: Any) -> None:
        """Not open yet.

        Args:
            conninfo: the address.
            doomed: whether a server that does not answer now will stay away.
            options: of ``AsyncConnectionPool``.
        """
        super().__init__(conninfo, **options)
        self._address = conninfo
        self._doomed = doomed

    async def getconn(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109 (as its parent)
        """A connection.

        Its parent loses a cancellation that comes in the moment in which there is a connection.

        Raises:
            PoolTimeout: none became free in time, or the server is gone for good.
        """
        task = asyncio.current_task()
        asked = task.cancelling() if task is not None else 0
        connection = await self._got(timeout)
        if task is not None and task.cancelling() > asked:
            await self.putconn(connection)
            raise asyncio.CancelledError
        return connection

    async def _got(self, timeout: float | None) -> Any:  # noqa: ASYNC109 (as its parent)
        patience = self.timeout if timeout is None else timeout
        if patience <= _GLANCE or self.get_stats()["pool_available"] or not self._doomed():
            return await super().getconn(timeout)
        try:
            return await super().getconn(_GLANCE)
        except PoolTimeout:
            if self._doomed() and not await self._answers():
                raise
        return await super().getconn(patience - _GLANCE)

    async def _answers(self) -> bool:
        """Whether it is only we who wait: the server takes a connection."""
        try:
            connection = await AsyncConnection.connect(self._address, autocommit=True, connect_timeout=2)
        except psycopg.OperationalError:
            return False
        await connection.close()
        return True
