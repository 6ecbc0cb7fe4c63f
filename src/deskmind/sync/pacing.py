"""One allowance of requests for all workers that ask a connected system, kept with the connection.

A token bucket as one instant (GCRA, the generic cell rate algorithm): the moment at which an allowance that is not used further
will be whole again. Requests are taken in lots before they are sent, so a worker that is killed can only waste a lot, never
send one too many. What the vendor wants after a refusal is kept there too, so that the next run does not ask before.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

from deskmind.connectors.core import Pace
from deskmind.database import Database
from deskmind.errors import SourceRateLimitedError
from deskmind.scope import Scope
from deskmind.sync.connections import gone

__all__ = ["SharedPace"]

_LOTS = 20
"""An allowance is taken in so many lots: more of them are more statements, fewer are wasted more easily."""
_PATIENCE = 120.0
_LONGEST_LOT = 50

_TAKE = """
UPDATE connections SET paced_until = greatest(paced_until, clock_timestamp()) + make_interval(secs => %(lot)s)
 WHERE tenant_id = %(tenant)s AND connection_id = %(connection)s
   AND greatest(paced_until, clock_timestamp()) + make_interval(secs => %(lot)s)
       <= clock_timestamp() + make_interval(secs => %(whole)s)
   AND (held_until IS NULL OR held_until <= clock_timestamp())
RETURNING true
"""
_WHEN = """
SELECT extract(epoch FROM greatest(held_until, paced_until + make_interval(secs => %(lot)s - %(whole)s)) - clock_timestamp())::float8,
       held_until - clock_timestamp() > make_interval(secs => %(patience)s), held_until
  FROM connections WHERE tenant_id = %(tenant)s AND connection_id = %(connection)s
"""
_HOLD = """
UPDATE connections SET held_until = greatest(held_until, clock_timestamp() + make_interval(secs => %s))
 WHERE tenant_id = %s AND connection_id = %s
"""


class SharedPace(Pace):
    """A connector's pace, which takes its requests from the connection's allowance."""

    def __init__(self, own: Pace, database: Database, scope: Scope, connection_id: UUID) -> None:
        """In place of ``own``, the connector's.

        Args:
            own: what the connector was made with.
            database: where the allowance is kept.
            scope: of the connection's tenant's operator.
            connection_id: whose allowance.
        """
        super().__init__(own.limit, own.window)
        self._database = database
        self._scope = scope
        self._connection_id = connection_id
        self._lot = 0
        self._lot_turn = asyncio.Lock()

    async def take(self) -> None:
        """Wait for the turn of one request, among all workers.

        Raises:
            SourceRateLimitedError: the vendor wants no request for longer than is waited for.
            NotFoundError: the connection was removed meanwhile.
        """
        await super().take()
        async with self._lot_turn:
            while self._lot < 1:
                await self._sleep(await self._next_lot())
            self._lot -= 1

    async def hold(self, seconds: float) -> None:
        """Nobody asks the system for so long."""
        async with self._database.transaction(self._scope) as connection:
            await connection.execute(_HOLD, (seconds, self._scope.tenant_id, self._connection_id))

    async def _next_lot(self) -> float:
        """Take a lot and return 0, or the seconds to wait before the next attempt."""
        size = max(1, min(_LONGEST_LOT, int(self.capacity / _LOTS)))
        values = {
            "lot": size / self.flow,
            "whole": self.capacity / self.flow,
            "patience": _PATIENCE,
            "tenant": self._scope.tenant_id,
            "connection": self._connection_id,
        }
        async with self._database.transaction(self._scope) as connection:
            if await (await connection.execute(_TAKE, values)).fetchone() is not None:
                self._lot = size
                return 0.0
            row = await (await connection.execute(_WHEN, values)).fetchone()
        if row is None:
            raise gone()
        if row[1]:
            raise _held(row[2])
        return max(0.01, float(row[0] or 0.0))


def _held(until: datetime) -> SourceRateLimitedError:
    return SourceRateLimitedError(
        "The connected system is not asked now.",
        why=f"It asked for no request before {until:%Y-%m-%d %H:%M:%S} UTC.",
        remedy="Nothing is lost: the next run after that goes on. Its administrator can raise the limit.",
    )
