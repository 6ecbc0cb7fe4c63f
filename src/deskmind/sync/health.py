"""How all tenants' connections fare: for metrics and readiness. Numbers by vendor, nothing of a tenant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from deskmind.database import Database
from deskmind.observability.instruments import SYNC_CONNECTIONS, SYNC_LAG
from deskmind.observability.metering import Labels, Polled, Sources, labels
from deskmind.scope import Scope
from deskmind.sync.measures import known_vendor

__all__ = ["STATES", "SyncGauges", "SyncHealth", "read_health"]

STATES = ("ok", "incomplete", "lagging", "failing")
"""The last run failed; the last complete pass is older than four intervals and an hour; something is missing; none of these."""

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


class SyncGauges(Polled[Sequence[SyncHealth]]):
    """Asks every so many seconds, in one process of the service; while the database does not answer, nothing is shown."""

    def __init__(self, database: Database, *, every: float) -> None:
        super().__init__("sync", partial(read_health, database), every=every)
        _gauges.add(self)

    @property
    def health(self) -> Sequence[SyncHealth]:
        """What was read last; nothing when that is too long ago."""
        return self.value or ()


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
