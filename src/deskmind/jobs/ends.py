"""How a job begins and ends in its row, as far as procrastinate's own way would lose one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from procrastinate import exceptions as faults
from procrastinate.connector import BaseConnector
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from deskmind.jobs.own import Own
from deskmind.observability import logger

__all__ = ["Ends"]

_log = logger("deskmind.jobs")

_GIVE_BACK = """
UPDATE procrastinate_jobs SET scheduled_at = now(),
       status = CASE WHEN abort_requested THEN 'failed' ELSE 'todo' END::procrastinate_job_status
 WHERE id = %(job)s AND status = 'doing' AND worker_id IS NOT DISTINCT FROM %(worker)s::bigint
"""
_LEAVE = """
WITH gone AS (
    DELETE FROM procrastinate_jobs
     WHERE id = %(job)s AND status = 'doing' AND (worker_id IS NULL OR worker_id = %(worker)s::bigint)
     RETURNING queueing_lock)
UPDATE procrastinate_jobs j SET scheduled_at = greatest(j.scheduled_at, %(at)s::timestamptz)
  FROM gone WHERE j.queueing_lock = gone.queueing_lock AND j.status = 'todo'
"""


class Ends(JobManager):
    """Procrastinate's statements, and what is done where they cannot be.

    Args:
        connector: to the database.
        own: is told which jobs this process has in hand.
    """

    def __init__(self, connector: BaseConnector, own: Own) -> None:
        super().__init__(connector)
        self._own = own

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Give a worker a job; None when none is due."""
        with self._own.fetching(worker_id):
            job = await super().fetch_job(queues=queues, worker_id=worker_id)
            if job is not None:
                self._own.takes(job, worker_id)
        return job

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """A job is done or given up; one that the worker's own end cut short is neither."""
        with self._own.ending(job) as interrupted:
            if interrupted:
                await self._give_back(job)
            else:
                await super().finish_job(job=job, status=status, delete_job=delete_job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Queue a job again, unless the same work waits in another job: then that one does it, and no sooner."""
        with self._own.ending(job) as interrupted:
            if interrupted:
                await self._give_back(job)
                return
            try:
                await super().retry_job(job=job, retry_at=retry_at, priority=priority, queue=queue, lock=lock)
            except faults.UniqueViolation:
                await self.leave(job, retry_at)

    async def leave(self, job: Job, at: datetime | None = None) -> None:
        """Remove a job for the sake of its successor, which it keeps from beginning.

        Args:
            job: in hand here, or a dead worker's.
            at: when it would have been tried again; the successor is not begun before.
        """
        await self.connector.execute_query_async(_LEAVE, job=job.id, worker=job.worker_id, at=at)
        _log.info("jobs.left_to_successor", job_id=job.id, task=job.task_name)

    async def _give_back(self, job: Job) -> None:
        """Queue a job whose worker was told to stop; it is at once anybody's, and that was no attempt."""
        try:
            await self.connector.execute_query_async(_GIVE_BACK, job=job.id, worker=job.worker_id)
        except faults.UniqueViolation:
            await self.leave(job)
