"""How many writes of all tenants are not known: for metrics and readiness. Numbers by vendor, nothing of a tenant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

from deskmind.database import Database
from deskmind.observability.instruments import WRITES_OLDEST, WRITES_UNKNOWN
from deskmind.observability.metering import Labels, Polled, Sources, labels
from deskmind.scope import Scope

__all__ = ["AGES", "STATES", "UnknownWrites", "WriteGauges", "read_unknown"]

STATES = ("looking", "person")
"""Workers look for it; it is left to a person."""
AGES = ("hour", "day", "older")
"""Since it was sent: less than an hour, less than a day, more."""

_Readings = Iterator[tuple[float, Labels]]


@dataclass(frozen=True, slots=True)
class UnknownWrites:
    """Writes to one vendor's systems whose outcome is not known and that are alike.

    Attributes:
        state: one of ``STATES``.
        age: one of ``AGES``.
        writes: how many.
        oldest_seconds: since the oldest of them was sent.
    """

    vendor: str
    state: str
    age: str
    writes: int
    oldest_seconds: float


async def read_unknown(database: Database) -> list[UnknownWrites]:
    """Of all tenants. O(writes that are not known)."""
    async with database.transaction(Scope.directory()) as connection:
        cursor = await connection.execute("SELECT vendor, state, age, writes, oldest FROM writes_unknown()")
        return [UnknownWrites(*row) for row in await cursor.fetchall()]


class WriteGauges(Polled[Sequence[UnknownWrites]]):
    """Asks every so many seconds, in one process of the service."""

    def __init__(self, database: Database, *, every: float) -> None:
        super().__init__("writes", partial(read_unknown, database), every=every)
        _gauges.add(self)


def _unknown(gauges: WriteGauges) -> _Readings:
    if (found := gauges.value) is None:
        return
    counts: dict[tuple[str, str], int] = dict.fromkeys(product(STATES, AGES), 0)
    for one in found:
        counts[one.state, one.age] += one.writes
    for (state, age), count in counts.items():
        yield count, labels({"deskmind.state": state, "deskmind.age": age})


def _oldest(gauges: WriteGauges) -> _Readings:
    if (found := gauges.value) is None:
        return
    for state in STATES:
        oldest = max((one.oldest_seconds for one in found if one.state == state), default=0.0)
        yield oldest, labels({"deskmind.state": state})


_gauges: Sources[WriteGauges] = Sources()
_gauges.show(WRITES_UNKNOWN, _unknown)
_gauges.show(WRITES_OLDEST, _oldest)
