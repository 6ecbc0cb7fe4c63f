"""``desk.jobs``: the tenant's jobs, for its operators."""

from __future__ import annotations

from collections.abc import Sized
from typing import Protocol

from deskmind.backlog.cancelling import CANCELLABLE, instead, settle
from deskmind.backlog.job import Job, JobState, job_of
from deskmind.backlog.progress import told
from deskmind.database import Connection, Database
from deskmind.errors import ConflictError, InvalidRequestError, NotFoundError
from deskmind.governance.access import Permission, operation
from deskmind.governance.audit import record
from deskmind.scope import Scope

__all__ = ["Jobs"]

_JOBS = "SELECT * FROM tenant_jobs(%s, %s, %s, %s, %s)"


class _Room(Protocol):
    """Knows which stores an erasure goes through."""

    @property
    def personal_stores(self) -> Sized: ...


class Jobs:
    """The jobs of the scope's tenant that are not done (operators).

    Jobs that are done are not kept: what they worked on says what came of it.
    """

    def __init__(self, database: Database, scope: Scope, room: _Room) -> None:
        self._database = database
        self._scope = scope
        self._room = room

    @property
    def scope(self) -> Scope:
        """Who acts."""
        return self._scope

    @property
    def database(self) -> Database:
        """Where jobs are kept."""
        return self._database

    @operation(Permission.JOBS_READ)
    async def list(
        self,
        *,
        state: JobState | None = None,
        task: str | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> list[Job]:
        """Jobs, the newest first. O(jobs of the tenant that are not done).

        Args:
            state: only those that wait, run, or were given up.
            task: only those of a task, such as ``knowledge.ingest``.
            limit: at most so many.
            before: only those with a smaller ``job_id``.

        Raises:
            InvalidRequestError: there is no such state.
        """
        if state not in (None, "waiting", "running", "failed"):
            raise InvalidRequestError(
                f"There is no state '{state[:80]}'.", remedy="It is waiting, running or failed."
            )
        async with self._database.transaction(self._scope) as connection:
            cursor = await connection.execute(_JOBS, (None, state, task, before, limit))
            found = [job_of(row, cancellable=row[2] in CANCELLABLE) for row in await cursor.fetchall()]
            return await told(connection, self._scope, found, len(self._room.personal_stores))

    @operation(Permission.JOBS_READ)
    async def get(self, job_id: int) -> Job:
        """One job, and how far it is.

        Raises:
            NotFoundError: the tenant has no such job, or it is done.
        """
        async with self._database.transaction(self._scope) as connection:
            found = await self._one(connection, job_id)
            (job,) = await told(connection, self._scope, [found], len(self._room.personal_stores))
        return job

    @operation(Permission.JOBS_CANCEL)
    async def cancel(self, job_id: int) -> None:
        """Cancel a job that waits. Of an ingest, the files that it should have taken in are failed; a training has failed.

        Raises:
            NotFoundError: the tenant has no such job, or it is done.
            ConflictError: it has begun, or jobs of its task cannot be cancelled.
        """
        async with self._database.transaction(self._scope) as connection:
            job = await self._one(connection, job_id)
            if job.task not in CANCELLABLE:
                raise ConflictError(
                    f"Jobs of '{job.task}' cannot be cancelled.",
                    why="What they work on says that it is wanted, and would be queued again.",
                    remedy=instead(job.task),
                )
            row = await (await connection.execute("SELECT cancel_job(%s)", (job_id,))).fetchone()
            if row is None or not row[0]:
                raise ConflictError(
                    f"The job {job_id} does not wait any more.",
                    why="A worker has begun it, or it was given up.",
                    remedy="`deskmind jobs show` tells how far it is.",
                )
            await settle(connection, self._scope, job)
            about = str(job.about.id) if job.about is not None else ""
            await record(connection, self._scope, Permission.JOBS_CANCEL, resource=about, task=job.task)

    async def _one(self, connection: Connection, job_id: int) -> Job:
        row = await (await connection.execute(_JOBS, (job_id, None, None, None, 1))).fetchone()
        if row is None:
            raise NotFoundError(
                "There is no such job that is not done.",
                why="Jobs that are done are not kept.",
                remedy="See what it worked on; `deskmind jobs list` shows the jobs that there are.",
            )
        return job_of(row, cancellable=row[2] in CANCELLABLE)
