"""What this process is at work on. It is never to be taken for a dead worker's, however late the event loop is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

from procrastinate import JobContext
from procrastinate.job_context import AbortReason
from procrastinate.jobs import Job
from procrastinate.worker import Worker

__all__ = ["Own"]


class Own:
    """The workers of this process and their jobs."""

    def __init__(self) -> None:
        self._begun: dict[Worker, int] = {}
        self._jobs: set[int | None] = set()
        self._in_hand: dict[int | None, int] = {}
        self._fetching: set[int] = set()
        self._interrupted: set[int | None] = set()

    @property
    def workers(self) -> set[int]:
        """The ids of the workers that run."""
        return {worker.worker_id for worker in self._begun if worker.worker_id is not None}

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
            living = self.workers
            self._in_hand = {job: who for job, who in self._in_hand.items() if who in living}
        return begun

    async def watched(self, go_on: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:
        """Run a job: what the workers call around each."""
        self._begun[worker] += 1
        self._jobs.add(context.job.id)
        try:
            return await go_on()
        except BaseException:
            if context.abort_reason() is AbortReason.SHUTDOWN:
                self._interrupted.add(context.job.id)
            raise
        finally:
            self._jobs.discard(context.job.id)

    @contextmanager
    def fetching(self, worker: int) -> Generator[None]:
        """While a worker asks for a job: what the database has given to it may not have come yet."""
        self._fetching.add(worker)
        try:
            yield
        finally:
            self._fetching.discard(worker)

    def takes(self, job: Job, worker: int) -> None:
        """A worker has been given a job."""
        self._in_hand[job.id] = worker

    @contextmanager
    def ending(self, job: Job) -> Generator[bool]:
        """While the end of a job is written; gives whether the worker's own end cut it short. Then it is nobody's, written or not."""
        try:
            yield job.id in self._interrupted
        finally:
            self._interrupted.discard(job.id)
            self._in_hand.pop(job.id, None)

    def has(self, job: Job) -> bool:
        """Whether this process is at work on a job; where another thought the worker dead, the job's row does not say so."""
        return job.id in self._jobs or job.id in self._in_hand or job.worker_id in self._fetching
