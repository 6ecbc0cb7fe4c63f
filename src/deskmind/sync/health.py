"""How all tenants' connections fare: for metrics and readiness. Numbers by vendor, nothing of a tenant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from deskmind.database import Database
from deskmind.errors import DeskmindError
from deskmind.observability import logger
from deskmind.observability.instruments import SYNC_CONNECTIONS, SYNC_LAG
from deskmind.observability.metering import Labels, Sources, current_provider, labels
from deskmind.scope import Scope
from deskmind.sync.measures import known_vendor

__all__ = ["STATES", "SyncGauges", "SyncHealth", "read_health"]

STATES = ("ok", "incomplete", "lagging", "failing")
"""The last run failed; the last complete pass is older than four intervals and an hour; something is missing; none of these."""

_ROLE = "sync.lock"
_STALE = 3
_log = logger("deskmind.sync")
_Readings = Iterator[tuple[float, Labels]]


@dataclass(frozen=True, slots=True)
class SyncHealth:
    """The connections of one vendor that fare alike.

    Attributes:
        state: one of ``STATES``.
        connections: how many.
        lag_seconds: the largest of those that are read by a schedule, None where none is.
    """

    vendor: str
    state: str
    connections: int
    lag_seconds: float | None


async def read_health(database: Database) -> list[SyncHealth]:
    """Of all connections of all tenants. O(connections and their kinds)."""
    async with database.transaction(Scope.directory()) as connection:
        cursor = await connection.execute("SELECT vendor, state, connections, lag FROM sync_health()")
        return [SyncHealth(*row) for row in await cursor.fetchall()]


class _Reading(NamedTuple):
    until: float
    health: Sequence[SyncHealth]


class SyncGauges:
    """Asks every so many seconds, in one process of the service; while the database does not answer, nothing is shown."""

    def __init__(self, database: Database, *, every: float) -> None:
        self._database = database
        self._every = every
        self._reading: _Reading | None = None
        _gauges.add(self)

    async def keep_asking(self) -> None:
        """Until cancelled."""
        while True:
            await self.ask()
            await asyncio.sleep(self._every)

    async def ask(self) -> None:
        """Ask now, unless another process of the service does it."""
        provider = current_provider()
        if provider is not None and not provider.group.elected(_ROLE):
            return
        try:
            self._reading = _Reading(
                time.monotonic() + _STALE * self._every, await read_health(self._database)
            )
        except Exception as error:  # a figure that cannot be had must not end anything
            self._reading = None
            if not isinstance(error, DeskmindError):  # those tell whoever needs the database
                _log.warning("sync.not_measured", exc_info=error)

    @property
    def health(self) -> Sequence[SyncHealth]:
        """What was read last; nothing when that is too long ago."""
        reading = self._reading
        return reading.health if reading is not None and time.monotonic() < reading.until else ()


def _lag(gauges: SyncGauges) -> _Readings:
    furthest: dict[str, float] = {}
    for one in gauges.health:
        if one.lag_seconds is not None:
            vendor = known_vendor(one.vendor)
            furthest[vendor] = max(furthest.get(vendor, 0.0), one.lag_seconds)
    for vendor, lag in furthest.items():
        yield lag, labels({"deskmind.vendor": vendor})


def _connections(gauges: SyncGauges) -> _Readings:
    counts: dict[str, dict[str, int]] = {}
    for one in gauges.health:
        by_state = counts.setdefault(known_vendor(one.vendor), dict.fromkeys(STATES, 0))
        by_state[one.state] += one.connections
    for vendor, by_state in counts.items():
        for state, count in by_state.items():
            yield count, labels({"deskmind.vendor": vendor, "deskmind.state": state})


_gauges: Sources[SyncGauges] = Sources()
_gauges.show(SYNC_LAG, _lag)
_gauges.show(SYNC_CONNECTIONS, _connections)
