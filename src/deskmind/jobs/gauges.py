"""What waits in the queues, as metrics: asked of the database now and then by one process of the service."""

from __future__ import annotations

from collections.abc import Iterator

from deskmind.jobs.queue import JobQueue, Waiting
from deskmind.observability.instruments import INGEST_PENDING, JOBS_DEPTH, JOBS_OLDEST
from deskmind.observability.metering import Bounded, Labels, Polled, Sources, labels

__all__ = ["JobGauges"]

_Readings = Iterator[tuple[float, Labels]]
_queue = Bounded(7)


class JobGauges(Polled[list[Waiting]]):
    """Asks every so many seconds; while the database does not answer, nothing is shown.

    Args:
        jobs: the queues.
        every: seconds.
    """

    def __init__(self, jobs: JobQueue, *, every: float) -> None:
        super().__init__("jobs", jobs.waiting, every=every)
        _gauges.add(self)

    @property
    def queues(self) -> list[Waiting]:
        """What was read last; nothing when that is too long ago."""
        return self.value or []


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
