"""What becomes of the thing that a cancelled job should have worked on; which jobs cannot be cancelled, and what can be instead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from deskmind.backlog.job import Job
from deskmind.database import Connection
from deskmind.knowledge.ingest.closing import cancel_files
from deskmind.knowledge.ingest.staging import INGEST_TASK
from deskmind.scope import Scope
from deskmind.sync.jobs import FOLLOW_TASK, SYNC_TASK, WEBHOOK_TASK
from deskmind.triage.trainings import TRAINING_TASK, cancel_training

__all__ = ["CANCELLABLE", "instead", "settle"]

_Settle = Callable[[Connection, Scope, Job], Awaitable[None]]


async def _files(connection: Connection, scope: Scope, job: Job) -> None:
    facts = job.arguments
    await cancel_files(
        connection, scope, UUID(facts["ingest_id"]), first=int(facts["first"]), last=int(facts["last"])
    )


async def _training(connection: Connection, scope: Scope, job: Job) -> None:
    await cancel_training(connection, scope, UUID(job.arguments["training_id"]))


async def _nothing(connection: Connection, scope: Scope, job: Job) -> None:
    """The next run of the connection reads it."""


CANCELLABLE: Final[dict[str, _Settle]] = {
    INGEST_TASK: _files,
    TRAINING_TASK: _training,
    SYNC_TASK: _nothing,
    WEBHOOK_TASK: _nothing,
    FOLLOW_TASK: _nothing,
}
"""By task: what is left of the others would be queued again, since a row says that it is wanted."""

_INSTEAD = {
    "agents.run": "Cancel the run: `deskmind runs cancel RUN`, or `deskmind agent cancel RUN` for an agent's.",
    "privacy.erase": "An erasure that was asked for is on record and is done; a legal hold keeps it waiting.",
    "webhooks.deliver": "Disable the webhook: `deskmind webhooks disable WEBHOOK`.",
    "writes.look": "Settle the write: `deskmind writes resolve WRITE`.",
}


async def settle(connection: Connection, scope: Scope, job: Job) -> None:
    """Say of what a cancelled job should have worked on that it was not done, in the transaction of the cancellation."""
    await CANCELLABLE[job.task](connection, scope, job)


def instead(task: str) -> str:
    """What can be done where jobs of a task cannot be cancelled."""
    return _INSTEAD.get(task, "It is short: let it be done.")
