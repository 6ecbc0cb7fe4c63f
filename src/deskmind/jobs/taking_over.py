"""The jobs of workers that died: put back, and given up when their workers die again and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from procrastinate import exceptions as faults
from procrastinate.jobs import Job

from deskmind.errors import ConflictError, DatabaseUnavailableError, StorageFullError
from deskmind.jobs.ends import Ends
from deskmind.jobs.own import Own
from deskmind.jobs.retrying import ATTEMPTS
from deskmind.observability import logger

__all__ = ["Settle", "TakeOver"]

Settle = Callable[[dict[str, Any]], Awaitable[None]]
"""Says of what a job should have worked on that nobody does. It is given the job's arguments, perhaps more than once, and raises
``ConflictError`` where it is too early."""

_log = logger("deskmind.jobs")
_MANIFOLD = 4

_PUT_BACK = """
UPDATE procrastinate_jobs
   SET status = CASE WHEN abort_requested OR attempts >= %(most)s THEN 'failed' ELSE 'todo' END::procrastinate_job_status,
       attempts = attempts + 1,
       scheduled_at = now() + CASE WHEN attempts = 0 THEN 0 ELSE %(manifold)s ^ attempts * (0.5 + random()) END
                              * interval '1 second'
 WHERE id = %(job)s AND status = 'doing' AND worker_id IS NOT DISTINCT FROM %(worker)s::bigint AND attempts = %(attempts)s
 RETURNING id
"""
"""Nobody knows which of a dead worker's jobs killed it, so each counts it as an attempt. The pauses grow fast and at random, so that
those that were merely beside it are begun at another time, and done and gone, before the culprit has used up its attempts."""


class TakeOver:
    """Finds jobs that nobody is at work on although their rows say so.

    Args:
        manager: of the jobs.
        own: what this process is at work on, which is never taken over however late it is.
        stalled_after: seconds without a sign of life after which a worker is dead.
        settles: by task, what says that a job was given up.
    """

    def __init__(self, manager: Ends, own: Own, stalled_after: float, settles: Mapping[str, Settle]) -> None:
        self._manager = manager
        self._own = own
        self._stalled_after = stalled_after
        self._settles = settles

    async def __call__(self) -> None:
        """Put back the jobs of dead workers, and those of our own whose end could not be written."""
        for job in await self._lost():
            if self._own.has(job):
                continue
            if job.attempts >= ATTEMPTS and not await self._settled(job):
                continue
            try:
                if not await self._put_back(job):
                    continue
            except (
                faults.UniqueViolation
            ):  # the same work waits in another job, which this one keeps from beginning
                await self._manager.leave(job)
                continue
            tell = _log.error if job.attempts >= ATTEMPTS else _log.warning
            event = "jobs.given_up" if job.attempts >= ATTEMPTS else "jobs.taken_over"
            tell(event, job_id=job.id, task=job.task_name, attempts=job.attempts + 1)

    async def _lost(self) -> list[Job]:
        found = list(await self._manager.get_stalled_jobs(seconds_since_heartbeat=self._stalled_after))
        for worker in self._own.workers:
            found += await self._manager.list_jobs_async(status="doing", worker_id=worker)
        return list({job.id: job for job in found}.values())

    async def _put_back(self, job: Job) -> bool:
        """Queue a job again, or give it up, unless another has done so meanwhile."""
        rows = await self._manager.connector.execute_query_all_async(
            _PUT_BACK,
            job=job.id,
            worker=job.worker_id,
            attempts=job.attempts,
            most=ATTEMPTS,
            manifold=_MANIFOLD,
        )
        return bool(rows)

    async def _settled(self, job: Job) -> bool:
        """Whether a job may be given up now. This comes before its row says so: if we die in between, the next who looks does it again."""
        settle = self._settles.get(job.task_name)
        if settle is None:
            return True
        try:
            await settle(dict(job.task_kwargs))
        except (DatabaseUnavailableError, StorageFullError):
            raise
        except ConflictError:
            return False
        except Exception as error:  # it must not keep the job, and all that waits for it, for ever
            _log.error("jobs.not_settled", job_id=job.id, task=job.task_name, reason=type(error).__name__)
        return True
