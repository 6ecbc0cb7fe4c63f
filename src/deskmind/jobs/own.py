"""What this process is at work on. It is never to be taken for a dead worker's, however late the event loop is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from procrastinate import JobContext
from procrastinate.jobs import Job
from procrastinate.worker import Worker

__all__ = ["Own"]


class Own:
    """The workers of this process and their jobs."""

    def __init__(self) -> None:
        self._begun: dict[Worker, int] = {}
        self._jobs: set[int | None] = set()

    async def beat(self) -> None:
        """Have the workers give a sign of life: one that begins strikes those off that gave none for long."""
        for worker in tuple(self._begun):
            if worker.worker_id is not None:
                await worker.app.job_manager.update_heartbeat(worker.worker_id)

    async def ran(self, worker: Worker) -> int:
        """Run a worker to its end; how many jobs it began."""
        self._begun[worker] = 0
        try:
            await worker.run()
        finally:
            begun = self._begun.pop(worker)
        return begun

    async def watched(self, go_on: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:
        """Run a job: what the workers call around each."""
        self._begun[worker] += 1
        self._jobs.add(context.job.id)
        try:
            return await go_on()
        finally:
            self._jobs.discard(context.job.id)

    def has(self, job: Job) -> bool:
        """Whether a worker of this process has a job; where another thought the worker dead, the job's row does not say so."""
        mine = {worker.worker_id for worker in self._begun} - {None}
        return job.worker_id in mine or job.id in self._jobs
