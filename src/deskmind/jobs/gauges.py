"""What waits in the queues, as metrics: asked of the database now and then by one process of the service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import NamedTuple

from deskmind.errors import DeskmindError
from deskmind.jobs.queue import JobQueue, Waiting
from deskmind.observability import logger
from deskmind.observability.instruments import INGEST_PENDING, JOBS_DEPTH, JOBS_OLDEST
from deskmind.observability.metering import Bounded, Labels, Sources, current_provider, labels

__all__ = ["JobGauges"]

_ROLE = "jobs.lock"
_log = logger("deskmind.jobs")
_STALE = 3
_Readings = Iterator[tuple[float, Labels]]
_queue = Bounded(7)


class _Reading(NamedTuple):
    until: float
    queues: list[Waiting]


class JobGauges:
    """Asks every so many seconds; while the database does not answer, nothing is shown.

    Args:
        jobs: the queues.
        every: seconds.
    """

    def __init__(self, jobs: JobQueue, *, every: float) -> None:
        self._jobs = jobs
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
            found = await self._jobs.waiting()
            self._reading = _Reading(time.monotonic() + _STALE * self._every, found)
        except Exception as error:  # a figure that cannot be had must not end anything
            self._reading = None
            if not isinstance(error, DeskmindError):  # those tell whoever needs the database
                _log.warning("jobs.not_measured", exc_info=error)

    @property
    def queues(self) -> list[Waiting]:
        """What was read last; nothing when that is too long ago."""
        reading = self._reading
        return reading.queues if reading is not None and time.monotonic() < reading.until else []


def _depth(gauges: JobGauges) -> _Readings:
    for queue in gauges.queues:
        for state, count in queue.jobs.items():
            yield count, labels({"deskmind.queue": _queue(queue.name), "deskmind.state": state})


def _oldest(gauges: JobGauges) -> _Readings:
    for queue in gauges.queues:
        yield queue.oldest_seconds, labels({"deskmind.queue": _queue(queue.name)})


def _pending(gauges: JobGauges) -> _Readings:
    if found := gauges.queues:
        yield sum(queue.files for queue in found), labels()


_gauges: Sources[JobGauges] = Sources()
_gauges.show(JOBS_DEPTH, _depth)
_gauges.show(JOBS_OLDEST, _oldest)
_gauges.show(INGEST_PENDING, _pending)
