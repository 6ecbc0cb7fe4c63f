"""How all tenants' webhooks fare: for metrics and readiness. Numbers, nothing of a tenant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from deskmind.database import Database
from deskmind.errors import DeskmindError
from deskmind.observability import logger
from deskmind.observability.instruments import WEBHOOK_DELIVERIES, WEBHOOK_WAITING, WEBHOOKS
from deskmind.observability.metering import Labels, Sources, current_provider, labels
from deskmind.scope import Scope

__all__ = ["WebhookGauges", "WebhookHealth", "read_health"]

_ROLE = "webhooks.lock"
_STALE = 3
_STATES = ("working", "failing", "disabled", "given_up")
_log = logger("deskmind.webhooks")
_Readings = Iterator[tuple[float, Labels]]


@dataclass(frozen=True, slots=True)
class WebhookHealth:
    """All webhooks of all tenants.

    Attributes:
        working: nothing has failed since the last delivery.
        failing: something has.
        disabled: by a person.
        given_up: disabled because they failed for too long, or are gone.
        pending: deliveries that wait.
        dead: deliveries that were given up and are kept.
        dead_lately: of them, those of the last day.
        waiting_seconds: since that delivery was due that waits longest, of webhooks that nothing holds; 0 when none is late.
    """

    working: int
    failing: int
    disabled: int
    given_up: int
    pending: int
    dead: int
    dead_lately: int
    waiting_seconds: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


async def read_health(database: Database) -> WebhookHealth:
    """Of all tenants. O(webhooks + deliveries that wait or were given up)."""
    async with database.transaction(Scope.directory()) as connection:
        row = await (await connection.execute("SELECT * FROM webhook_health()")).fetchone()
    assert row is not None
    return WebhookHealth(*row)


class _Reading(NamedTuple):
    until: float
    health: WebhookHealth


class WebhookGauges:
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
            health = await read_health(self._database)
            self._reading = _Reading(time.monotonic() + _STALE * self._every, health)
        except Exception as error:  # a figure that cannot be had must not end anything
            self._reading = None
            if not isinstance(error, DeskmindError):  # those tell whoever needs the database
                _log.warning("webhooks.not_measured", exc_info=error)

    @property
    def health(self) -> WebhookHealth | None:
        """What was read last; None when that is too long ago."""
        reading = self._reading
        return reading.health if reading is not None and time.monotonic() < reading.until else None


def _webhooks(gauges: WebhookGauges) -> _Readings:
    if health := gauges.health:
        for state in _STATES:
            yield getattr(health, state), labels({"deskmind.state": state})


def _deliveries(gauges: WebhookGauges) -> _Readings:
    if health := gauges.health:
        yield health.pending, labels({"deskmind.state": "pending"})
        yield health.dead, labels({"deskmind.state": "dead"})


def _waiting(gauges: WebhookGauges) -> _Readings:
    if health := gauges.health:
        yield health.waiting_seconds, labels()


_gauges: Sources[WebhookGauges] = Sources()
_gauges.show(WEBHOOKS, _webhooks)
_gauges.show(WEBHOOK_DELIVERIES, _deliveries)
_gauges.show(WEBHOOK_WAITING, _waiting)
